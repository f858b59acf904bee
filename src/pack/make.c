#include "pack/make.h"
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "age/writer.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"
#include "pack/count.h"
#include "pack/first_name.h"
#include "pack/minisig.h"
#include "pack/output.h"
#include "pack/spool.h"
#include "pack/summing.h"
#include "pack/sums.h"
#include "pack/tail.h"
#include "pack/tar.h"

#define OWN_FRAME (1u << 20) /* files from here on begin a frame */

struct making {
	const struct pack_new *what;
	struct pack_made *made;
	/* From the tar to the file, each of these works on threads of its own. */
	struct output *output;
	struct age_writer *age;
	struct frames *frames;
	struct tar_writer *tar;
	struct tail_index index;
	struct buf sums, links;
	struct summing *summing; /* to `sums` */
	struct spool *spool;	 /* of the source that is a stream; NULL when there is none */
	struct stat spool_st;
	struct first_names names;
	struct pack_counted counted; /* on the walk before */
};

static void making_clear(struct making *m)
{
	tar_writer_free(m->tar);
	frames_free(m->frames);
	age_writer_free(m->age);
	output_free(m->output);
	summing_free(m->summing);
	spool_free(m->spool);
	tail_index_clear(&m->index);
	buf_clear(&m->sums);
	buf_clear(&m->links);
	first_names_clear(&m->names);
}

static enum err frames_write(void *ctx, const void *data, size_t len)
{
	return frames_put(ctx, data, len);
}

static enum err open_all(struct making *m)
{
	struct age_to to = *m->what->to;

	to.checksum = true;
	TRY(summing_new(&m->sums, &m->summing));
	TRY(output_new(m->what->out, &m->output));
	TRY(age_writer_new(&to, output_sink(m->output), &m->age));
	TRY(frames_new(m->what->level, m->what->threads, age_writer_sink(m->age), &m->frames));
	return tar_writer_new((struct age_sink){frames_write, m->frames}, &m->tar);
}

/* ---- entries ---- */

static char tar_type(const struct walk_entry *entry, const char *same_as)
{
	if (same_as)
		return '1';
	return S_ISDIR(entry->st->st_mode) ? '5' : S_ISLNK(entry->st->st_mode) ? '2' : '0';
}

static enum err note_entry(struct making *m, const struct walk_entry *entry, const char *same_as)
{
	struct tail_entry e = {.name = entry->name,
			       .type = tar_type(entry, same_as),
			       .mtime = entry->st->st_mtime,
			       .offset = frames_taken(m->frames)};

	if (e.type == '0')
		e.size = (uint64_t)entry->st->st_size;
	return tail_index_add(&m->index, &e);
}

static uint8_t *room(void *ctx, size_t *ret_len)
{
	struct making *m = ctx;

	return summing_room(m->summing, ret_len);
}

static enum err took_bytes(void *ctx, size_t len)
{
	struct making *m = ctx;

	m->made->bytes += len;
	TRY(summing_filled(m->summing, len));
	return m->what->progress ? m->what->progress(m->what->ctx, m->made->bytes, m->counted.bytes)
				 : OK;
}

static enum err same_file(const struct walk_entry *entry, int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_from_errno("%s", entry->path);
	if (st.st_ino == entry->st->st_ino && st.st_dev == entry->st->st_dev &&
	    st.st_size == entry->st->st_size)
		return OK;
	return err_at(ERR_BUSY, "%s: it changed while it was read", entry->path);
}

static enum err put_disk_file(struct making *m, const struct walk_entry *entry,
			      const struct tar_room *into)
{
	CLEANUP(fd_closep)
	int fd = openat(entry->at, entry->path_at, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return err_from_errno("%s", entry->path);
	TRY(same_file(entry, fd));
	return tar_put_file(m->tar, entry, fd, into);
}

static enum err add_file(struct making *m, const struct walk_entry *entry)
{
	struct tar_room into = {room, took_bytes, m};

	m->made->files++;
	TRY(summing_file(m->summing, entry->name, (uint64_t)entry->st->st_size));
	if (entry->st == &m->spool_st)
		return tar_put_stream(m->tar, entry, spool_source(m->spool), &into);
	return put_disk_file(m, entry, &into);
}

/* The signature covers by this what has no hash. */
static enum err note_link(struct making *m, const struct walk_entry *entry, const char *same_as)
{
	char target[PATH_MAX];

	if (!S_ISLNK(entry->st->st_mode))
		return links_add(&m->links, tar_type(entry, same_as), entry->name, same_as);
	TRY(walk_read_link(entry, target));
	return links_add(&m->links, '2', entry->name, target);
}

static enum err add_entry(void *ctx, const struct walk_entry *entry)
{
	struct making *m = ctx;
	const char *same_as;

	TRY(first_name_find(&m->names, entry, &same_as));
	if (S_ISREG(entry->st->st_mode) && !same_as && entry->st->st_size >= OWN_FRAME)
		TRY(frames_cut(m->frames));
	TRY(note_entry(m, entry, same_as));
	m->made->entries++;
	if (S_ISREG(entry->st->st_mode) && !same_as)
		return add_file(m, entry);
	TRY(note_link(m, entry, same_as));
	return tar_put_entry(m->tar, entry, same_as);
}

/* ---- what is ours ---- */

static enum err add_manifest(struct making *m)
{
	struct pack_manifest *manifest = m->what->manifest;
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t sum[SHA256_LEN];

	random_bytes(manifest->id, PACK_ID_LEN);
	manifest->created = clock_wall().tv_sec;
	memcpy(manifest->sender_vkey, sign_key_vkey(m->what->signer), SIGN_VKEY_LEN);
	manifest->files = m->counted.files;
	manifest->bytes = m->counted.bytes;
	TRY(pack_manifest_encode(manifest, &text));
	sha256(text.data, text.len, sum);
	TRY(sums_add(&m->sums, sum, PACK_MANIFEST));
	return tar_put_memory(m->tar, PACK_MANIFEST, manifest->created, text.data, text.len);
}

static enum err add_signature(struct making *m)
{
	const struct pack_manifest *manifest = m->what->manifest;
	CLEANUP(buf_clear) struct buf text = {0};
	char comment[128], id[2 * PACK_ID_LEN + 1];
	uint8_t sum[SHA256_LEN];

	text_hex(manifest->id, PACK_ID_LEN, id);
	snprintf(comment, sizeof(comment), "pack %s, %zu recipients", id,
		 manifest->to_count + manifest->other_count);
	sha256(m->links.data ? m->links.data : "", m->links.len, sum);
	TRY(sums_add(&m->sums, sum, PACK_LINKS));
	TRY(tar_put_memory(m->tar, PACK_LINKS, manifest->created,
			   m->links.data ? m->links.data : "", m->links.len));
	TRY(tar_put_memory(m->tar, PACK_SUMS, manifest->created, m->sums.data, m->sums.len));
	TRY(minisig_make(m->what->signer, m->sums.data, m->sums.len, comment, &text));
	return tar_put_memory(m->tar, PACK_SIGNATURE, manifest->created, text.data, text.len);
}

static enum err add_tail(struct making *m)
{
	const struct frame_size *sizes;
	size_t count;

	TRY(frames_finish(m->frames));
	sizes = frames_sizes(m->frames, &count);
	return tail_write(&m->index, sizes, count, !m->what->plain_length, age_writer_sink(m->age));
}

/* ---- sources ---- */

static enum err took_stream(void *ctx, uint64_t done)
{
	struct making *m = ctx;

	return m->what->progress ? m->what->progress(m->what->ctx, done, 0) : OK;
}

/* Its length has to be known before its header, and its hash before anybody may believe it. */
static enum err put_stream_aside(struct making *m, const struct pack_source *source)
{
	if (m->spool)
		return err_at(ERR_INVALID, "%s", source->path);
	TRY(spool_new(source->fd, m->what->out, took_stream, m, &m->spool));
	m->spool_st = (struct stat){
		.st_mode = S_IFREG | 0600, .st_nlink = 1, .st_size = (off_t)spool_size(m->spool)};
	m->spool_st.st_mtime = clock_wall().tv_sec;
	return OK;
}

static enum err put_streams_aside(struct making *m)
{
	const struct pack_new *what = m->what;

	if (access(what->out, F_OK) == 0)
		return err_at(ERR_EXISTS, "%s", what->out);
	for (size_t i = 0; i < what->source_count; i++)
		if (what->sources[i].is_stream)
			TRY(put_stream_aside(m, &what->sources[i]));
	return OK;
}

static struct walk_entry stream_entry(const struct making *m, const struct pack_source *source)
{
	return (struct walk_entry){.path = source->path, .name = source->name, .st = &m->spool_st};
}

static enum err count_all(struct making *m)
{
	const struct pack_new *what = m->what;
	CLEANUP(pack_count_freep) struct pack_count *mine = NULL;

	if (!what->count)
		TRY(pack_count_new(what->sources, what->source_count, &mine));
	TRY(pack_count_wait(mine ? mine : what->count, &m->counted));
	for (size_t i = 0; i < what->source_count; i++) {
		struct walk_entry stream = stream_entry(m, &what->sources[i]);

		if (what->sources[i].is_stream)
			TRY(pack_count_add(&stream, &m->counted));
	}
	return OK;
}

/* The manifest, which went in before, has to be true. */
static enum err check_count(const struct making *m)
{
	const struct pack_counted *counted = &m->counted;
	const struct pack_made *made = m->made;

	if (made->entries == counted->entries && made->files == counted->files &&
	    made->bytes == counted->bytes)
		return OK;
	return err_at(ERR_BUSY, "%s: it changed while it was read", m->what->sources[0].path);
}

static enum err add_all(struct making *m)
{
	for (size_t i = 0; i < m->what->source_count; i++) {
		const struct pack_source *source = &m->what->sources[i];
		struct walk_entry stream = stream_entry(m, source);

		TRY(source->is_stream ? add_entry(m, &stream)
				      : walk_sources(source, 1, add_entry, m));
	}
	TRY(check_count(m));
	return summing_finish(m->summing);
}

static enum err make(struct making *m)
{
	const struct pack_new *what = m->what;

	TRY(walk_check_names(what->sources, what->source_count));
	TRY(put_streams_aside(m));
	TRY(count_all(m));
	TRY(open_all(m));
	TRY(add_manifest(m));
	TRY(add_all(m));
	TRY(add_signature(m));
	TRY(tar_finish(m->tar));
	TRY(add_tail(m));
	TRY(age_writer_finish(m->age));
	TRY(output_finish(m->output, &m->made->length, m->made->sha256));
	if (what->complete)
		TRY(what->complete(what->complete_ctx, m->made));
	return output_appear(m->output);
}

enum err pack_make(const struct pack_new *what, struct pack_made *ret)
{
	struct making m = {.what = what, .made = ret};
	enum err err;

	memset(ret, 0, sizeof(*ret));
	err = make(&m);
	making_clear(&m);
	return err;
}

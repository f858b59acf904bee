#include "pack/unpack.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "age/reader.h"
#include "base/clock.h"
#include "base/io.h"
#include "pack/minisig.h"
#include "pack/name.h"
#include "pack/stage.h"
#include "pack/sums.h"
#include "pack/untar.h"

/* Where in a pack of ours the reading is. */
enum part { PART_BEGIN, PART_FOREIGN, PART_FILES, PART_LINKS, PART_SUMS, PART_END };

struct unpacking {
	const struct unpack_how *how;
	struct unpacked *result;
	struct sha256_stream *pack_sum, *file_sum;
	struct age_reader *age;
	struct untar *tar;
	struct stage *stage;
	enum part part;
	struct buf sums, links; /* as this run finds them */
	struct buf own;		/* a file of ours that is being read */
	struct buf signature;
	bool *found; /* for each path of `only` */

	/* The file that is being read: */
	int fd;		   /* -1: verified and not kept */
	uint64_t at, size; /* hashed so far, and its length */
	const char *name;
};

static void unpacking_clear(struct unpacking *u)
{
	fd_closep(&u->fd);
	untar_free(u->tar);
	age_reader_free(u->age);
	stage_free(u->stage);
	sha256_stream_free(u->pack_sum);
	sha256_stream_free(u->file_sum);
	buf_clear(&u->sums);
	buf_clear(&u->links);
	buf_clear(&u->own);
	buf_clear(&u->signature);
	free(u->found);
}

/* ---- the way in ---- */

static enum err go_on(const struct unpacking *u)
{
	return u->how->progress ? u->how->progress(u->how->ctx, u->result->length) : OK;
}

static enum err read_pack(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct unpacking *u = ctx;

	TRY(io_read_full(u->how->from, out, cap, ret_len));
	sha256_stream_add(u->pack_sum, out, *ret_len);
	u->result->length += *ret_len;
	return go_on(u);
}

static enum err read_plain(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	return age_reader_read(ctx, out, cap, ret_len);
}

/* The tar may end before the file does: what is behind it must be authentic too. */
static enum err read_rest(struct unpacking *u)
{
	uint8_t piece[4096];
	size_t len;

	do
		TRY(age_reader_read(u->age, piece, sizeof(piece), &len));
	while (len > 0);
	sha256_stream_get(u->pack_sum, u->result->sha256);
	return OK;
}

static enum err open_all(struct unpacking *u)
{
	TRY(sha256_stream_new(&u->pack_sum));
	TRY(age_reader_from(u->how->who, (struct age_source){read_pack, u}, &u->age));
	TRY(stage_new(u->how->into, &u->stage));
	u->found = calloc(u->how->only_count + 1, sizeof(*u->found));
	if (!u->found)
		return err_at(ERR_NOMEM, "pack");
	return untar_new((struct age_source){read_plain, u->age}, &u->tar);
}

/* ---- files of ours ---- */

static enum err forged(const char *what)
{
	return err_at(ERR_FORGED, "%s", what);
}

static enum err own_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	struct buf *own = ctx;

	return off == own->len ? buf_append(own, data, len)
			       : forged("a hole in a file of the pack");
}

static enum err read_own(struct unpacking *u, const struct untar_entry *e, uint64_t max)
{
	u->own.len = 0;
	if (e->type != UNTAR_FILE || e->size > max)
		return forged(e->name);
	TRY(untar_data(u->tar, own_data, &u->own));
	return u->own.len == e->size ? OK : forged(e->name);
}

static enum err take_manifest(struct unpacking *u, const struct untar_entry *e)
{
	uint8_t sum[SHA256_LEN];

	TRY(read_own(u, e, PACK_MANIFEST_MAX));
	TRY(pack_manifest_decode(u->own.data ? u->own.data : "", u->own.len, &u->result->manifest));
	sha256(u->own.data, u->own.len, sum);
	u->part = PART_FILES;
	return sums_add(&u->sums, sum, PACK_MANIFEST);
}

/* What has to come, and how much of it did. */
struct expected {
	const struct buf *want;
	size_t at;
};

static enum err same_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	struct expected *x = ctx;

	if (off != x->at || len > x->want->len - x->at ||
	    memcmp(x->want->data + off, data, len) != 0)
		return forged("what came is not what " PACK_SUMS " says");
	x->at += len;
	return OK;
}

static enum err expect(struct unpacking *u, const struct untar_entry *e, const struct buf *want)
{
	struct expected x = {want, 0};

	if (e->type == UNTAR_FILE)
		TRY(untar_data(u->tar, same_data, &x));
	return x.at == want->len ? OK : forged("what came is not what " PACK_SUMS " says");
}

static enum err take_links(struct unpacking *u, const struct untar_entry *e)
{
	uint8_t sum[SHA256_LEN];

	TRY(expect(u, e, &u->links));
	sha256(u->links.data ? u->links.data : "", u->links.len, sum);
	u->part = PART_LINKS;
	return sums_add(&u->sums, sum, PACK_LINKS);
}

/* The hashes that the sender signed are those of what came, in the order in which it came. */
static enum err take_sums(struct unpacking *u, const struct untar_entry *e)
{
	TRY(expect(u, e, &u->sums));
	u->part = PART_SUMS;
	return OK;
}

static enum err take_signature(struct unpacking *u, const struct untar_entry *e)
{
	TRY(read_own(u, e, MINISIG_MAX));
	TRY(buf_append(&u->signature, u->own.data, u->own.len));
	u->part = PART_END;
	return OK;
}

static enum err take_own(struct unpacking *u, const struct untar_entry *e, const char *name)
{
	if (u->part == PART_BEGIN && strcmp(name, PACK_MANIFEST) == 0)
		return take_manifest(u, e);
	if (u->part == PART_FILES && strcmp(name, PACK_LINKS) == 0)
		return take_links(u, e);
	if (u->part == PART_LINKS && strcmp(name, PACK_SUMS) == 0)
		return take_sums(u, e);
	if (u->part == PART_SUMS && strcmp(name, PACK_SIGNATURE) == 0)
		return take_signature(u, e);
	/* The folder itself is no file of anybody. */
	if (e->type == UNTAR_FOLDER && strcmp(name, PACK_DIR) == 0)
		return OK;
	return forged("the parts of the pack are not in their order");
}

/* ---- files of the sender ---- */

static enum err unsafe(const char *name, const char *why)
{
	return err_at(ERR_UNSAFE, "%s: %s", name, why);
}

static bool is_wanted(struct unpacking *u, const char *name)
{
	const struct unpack_how *how = u->how;
	bool wanted = how->only_count == 0;

	for (size_t i = 0; i < how->only_count; i++) {
		if (!pack_name_is_below(name, how->only[i]))
			continue;
		u->found[i] = true;
		wanted = true;
	}
	return wanted;
}

/* A hole costs its sender nothing and may be as long as the disk, so this can be interrupted. */
static enum err hash_zeroes(struct unpacking *u, uint64_t len)
{
	static const uint8_t zeroes[1 << 20];

	while (len > 0) {
		size_t part = (size_t)MIN(len, sizeof(zeroes));

		sha256_stream_add(u->file_sum, zeroes, part);
		len -= part;
		TRY(go_on(u));
	}
	return OK;
}

static enum err file_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	struct unpacking *u = ctx;

	if (off < u->at || off > u->size || len > u->size - off)
		return unsafe(u->name, "data outside of the file");
	TRY(hash_zeroes(u, off - u->at));
	sha256_stream_add(u->file_sum, data, len);
	u->at = off + len;
	return u->fd >= 0 ? io_pwrite_full(u->fd, data, len, (off_t)off) : OK;
}

static enum err file_xattr(void *ctx, const char *name, const void *value, size_t len)
{
	struct unpacking *u = ctx;

	/* Not every file system has them, and not of every size. */
	if (u->fd < 0 || fsetxattr(u->fd, name, value, len, 0) == 0 || errno == ENOTSUP ||
	    errno == E2BIG || errno == ENOSPC || errno == ERANGE)
		return OK;
	return err_from_errno("%s: %s", u->name, name);
}

static enum err check_limits(struct unpacking *u, const struct untar_entry *e)
{
	struct unpacked *r = u->result;

	if (++r->entries > UNPACK_ENTRIES_MAX)
		return err_at(ERR_TOO_BIG, "more than %u entries", UNPACK_ENTRIES_MAX);
	if (e->type != UNTAR_FILE)
		return OK;
	if (e->size > UINT64_MAX - r->bytes ||
	    (u->how->max_bytes > 0 && r->bytes + e->size > u->how->max_bytes))
		return err_at(ERR_TOO_BIG, "%s", e->name);
	if (e->size > INT64_MAX || e->size > stage_space(u->stage))
		return err_at(ERR_NO_SPACE, "%s", e->name);
	r->files++;
	r->bytes += e->size;
	return OK;
}

static struct stage_facts facts_of(const struct untar_entry *e)
{
	return (struct stage_facts){.mode = e->mode, .mtime = e->mtime};
}

static enum err read_file(struct unpacking *u, const struct untar_entry *e, const char *name)
{
	struct stage_facts facts = facts_of(e);
	uint8_t sum[SHA256_LEN];

	TRY(sha256_stream_new(&u->file_sum));
	u->at = 0;
	u->size = e->size;
	u->name = name;
	TRY(untar_data(u->tar, file_data, u));
	TRY(hash_zeroes(u, u->size - u->at));
	sha256_stream_get(u->file_sum, sum);
	TRY(untar_xattrs(u->tar, file_xattr, u));
	if (u->fd >= 0)
		TRY(stage_file_done(u->stage, u->fd, name, e->size, &facts));
	return u->part == PART_FILES ? sums_add(&u->sums, sum, name) : OK;
}

static enum err take_file(struct unpacking *u, const struct untar_entry *e, const char *name,
			  bool wanted)
{
	enum err err;

	if (wanted)
		TRY(stage_file(u->stage, name, &u->fd));
	err = read_file(u, e, name);
	sha256_stream_free(TAKE(u->file_sum));
	fd_closep(&u->fd);
	u->fd = -1;
	return err;
}

static enum err note_link(struct unpacking *u, char type, const char *name, const char *target)
{
	return u->part == PART_FILES ? links_add(&u->links, type, name, target) : OK;
}

static enum err take_hard_link(struct unpacking *u, const struct untar_entry *e, const char *name,
			       bool wanted)
{
	CLEANUP(mem_freep) char *target = NULL;

	TRY(pack_name(e->target, &target));
	TRY(note_link(u, '1', name, target));
	if (!wanted)
		return OK;
	if (u->how->only_count > 0 && !is_wanted(u, target))
		return err_at(ERR_NOT_FOUND,
			      "%s: it is the same file as %s, which was not asked for", name,
			      target);
	return stage_hard_link(u->stage, name, target);
}

static enum err take_entry(struct unpacking *u, const struct untar_entry *e, const char *name)
{
	bool wanted = is_wanted(u, name);
	struct stage_facts facts = facts_of(e);

	if (e->type == UNTAR_OTHER)
		return unsafe(name, "neither file, folder nor link");
	if (e->type != UNTAR_LINK && (e->mode & 07000) &&
	    !(e->type == UNTAR_FOLDER && e->mode & 01000))
		return unsafe(name, "set-id bits");
	if (e->type == UNTAR_LINK && !pack_link_is_inside(name, e->target))
		return unsafe(name, "a link that leads out");
	if (!name[0] && e->type != UNTAR_FOLDER)
		return unsafe(e->name, "no name");
	u->result->kept += wanted;
	switch (e->type) {
	case UNTAR_FILE:
		return take_file(u, e, name, wanted);
	case UNTAR_FOLDER:
		TRY(note_link(u, '5', name, NULL));
		return wanted ? stage_folder(u->stage, name, &facts) : OK;
	case UNTAR_LINK:
		TRY(note_link(u, '2', name, e->target));
		return wanted ? stage_link(u->stage, name, e->target) : OK;
	default:
		return take_hard_link(u, e, name, wanted);
	}
}

static enum err take_next(struct unpacking *u, const struct untar_entry *e)
{
	CLEANUP(mem_freep) char *name = NULL;

	TRY(pack_name(e->name, &name));
	if (u->part != PART_FOREIGN && pack_name_is_below(name, PACK_DIR))
		return take_own(u, e, name);
	if (u->part == PART_BEGIN)
		u->part = PART_FOREIGN;
	if (u->part != PART_FOREIGN && u->part != PART_FILES)
		return forged("something stands behind the hashes");
	TRY(check_limits(u, e));
	return take_entry(u, e, name);
}

static enum err take_all(struct unpacking *u)
{
	struct untar_entry e;
	enum err err;

	while ((err = untar_next(u->tar, &e)) == OK)
		TRY(take_next(u, &e));
	return err == ERR_NOT_FOUND ? OK : err;
}

/* ---- the judgement ---- */

static bool is_for_me(const struct unpacking *u)
{
	const struct pack_manifest *m = &u->result->manifest;

	if (m->passphrase)
		return true;
	for (size_t i = 0; i < m->to_count; i++)
		for (size_t k = 0; k < u->how->me_count; k++)
			if (age_recipient_equal(&m->to[i], &u->how->me[k]))
				return true;
	for (size_t i = 0; i < m->to_count; i++)
		for (size_t k = 0; k < u->how->also_count; k++)
			if (age_recipient_equal(&m->to[i], &u->how->also[k]))
				return true;
	for (size_t i = 0; u->how->stands_for && i < m->other_count; i++)
		if (u->how->stands_for(u->how->stands_ctx, m->others[i]))
			return true;
	return false;
}

static enum err check_expiry(const struct pack_manifest *m)
{
	time_t now = clock_wall().tv_sec;
	struct tm day;
	char today[11];

	if (!m->expires[0] || !localtime_r(&now, &day))
		return OK;
	strftime(today, sizeof(today), "%Y-%m-%d", &day);
	return strcmp(today, m->expires) <= 0 ? OK : err_at(ERR_REVOKED, "%s", m->expires);
}

static enum err check_sender(struct unpacking *u)
{
	const struct pack_manifest *m = &u->result->manifest;
	char comment[MINISIG_COMMENT_MAX + 1];

	if (u->part == PART_FOREIGN || u->part == PART_BEGIN)
		return u->how->judge(u->how->judge_ctx, NULL);
	if (u->part != PART_END)
		return forged("the signature is missing");
	TRY(minisig_verify(m->sender_vkey, u->sums.data, u->sums.len, u->signature.data,
			   u->signature.len, comment));
	if (m->files != u->result->files || m->bytes != u->result->bytes)
		return forged("the counts of " PACK_MANIFEST);
	if (!is_for_me(u))
		return err_at(ERR_SENDER, "it was signed for other people");
	u->result->is_signed = true;
	TRY(check_expiry(m));
	return u->how->judge(u->how->judge_ctx, m);
}

static enum err check_found(const struct unpacking *u)
{
	for (size_t i = 0; i < u->how->only_count; i++)
		if (!u->found[i])
			return err_at(ERR_NOT_FOUND, "%s", u->how->only[i]);
	return OK;
}

/* A header that was cut or changed is damage, as in the rest of the file. */
static enum err as_damage(enum err err)
{
	if (err == ERR_AGE_HEADER || err == ERR_AGE_HEADER_MAC)
		return err_at(ERR_AGE_PAYLOAD, "age header");
	return err;
}

/* A file that is whole as age knows it, but not as a tar, was made so: everything is read before
 * that is said, since a fault of the seal is the graver word. */
static enum err unpack(struct unpacking *u)
{
	enum err err;

	TRY(open_all(u));
	err = take_all(u);
	if (err == ERR_BAD_FORMAT)
		TRY(read_rest(u));
	TRY(err);
	TRY(read_rest(u));
	TRY(check_found(u));
	TRY(stage_ready(u->stage, u->how->replace));
	TRY(check_sender(u));
	return stage_release(u->stage, u->how->replace);
}

enum err pack_unpack(const struct unpack_how *how, struct unpacked *ret)
{
	struct unpacking u = {.how = how, .result = ret, .fd = -1};
	enum err err;

	memset(ret, 0, sizeof(*ret));
	err = as_damage(unpack(&u));
	if (err != OK)
		ret->kept = 0;
	unpacking_clear(&u);
	return err;
}

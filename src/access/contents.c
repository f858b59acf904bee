#include "access/contents.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/internal.h"
#include "access/sync_folder.h"
#include "age/writer.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/labels.h"
#include "org/roster.h"

#define MAGIC "portable-vault-contents/1"
#define SUFFIX ".age"
#define SIG_LINE "sig "
#define SIG_BASE64 88u
#define SIG_LEN (sizeof(SIG_LINE) - 1 + SIG_BASE64 + 1) /* with its line end */
#define NAME_HEX (2u * VOLUME_ID_LEN)
#define NAME_LEN (NAME_HEX + 1 + 16 + sizeof(SUFFIX) - 1) /* VOLUME-GENERATION.age */
#define SEALED_MAX (CONTENTS_MAX + CONTENTS_MAX / 4096 + AGE_HEADER_LIMIT)
#define AGE_HEADER_LIMIT (1u << 20)
#define DEPTH_MAX 4096u
#define EXCHANGED_MAX (64u << 20) /* bytes of a list that is worth the way and the memory */
#define KEPT                                                                                       \
	8u /* lists of a volume: a false one that came from elsewhere does not displace the true   \
	      one */

/* ---- the files ------------------------------------------------------------------------------ */

static enum err contents_dir(const struct home *h, struct buf *ret)
{
	return buf_printf(ret, "%s/contents", home_register_dir(h));
}

/* "VOLUME-GENERATION.age", both in hexadecimal digits. */
static bool parse_name(const char *name, char volume[NAME_HEX + 1], uint64_t *ret_generation)
{
	uint8_t generation[8];
	char hex[17];

	if (strlen(name) != NAME_LEN || name[NAME_HEX] != '-' ||
	    strcmp(name + NAME_HEX + 17, SUFFIX) != 0)
		return false;
	memcpy(volume, name, NAME_HEX);
	volume[NAME_HEX] = '\0';
	memcpy(hex, name + NAME_HEX + 1, 16);
	hex[16] = '\0';
	if (strspn(volume, "0123456789abcdef") != NAME_HEX ||
	    strspn(hex, "0123456789abcdef") != 16 || text_unhex(hex, generation, 8) != OK)
		return false;
	*ret_generation = 0;
	for (unsigned i = 0; i < 8; i++)
		*ret_generation = *ret_generation << 8 | generation[i];
	return true;
}

/* The newest list of the volume in `dir` that is older than `below`; false: there is none. */
static bool find_newest(const char *dir, const char *volume_hex, uint64_t below,
			char name[NAME_LEN + 1], uint64_t *ret_generation)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	bool found = false;

	while (d && (entry = readdir(d)) != NULL) {
		char volume[NAME_HEX + 1];
		uint64_t generation;

		if (!parse_name(entry->d_name, volume, &generation) ||
		    strcmp(volume, volume_hex) != 0 || generation >= below ||
		    (found && generation <= *ret_generation))
			continue;
		found = true;
		*ret_generation = generation;
		memcpy(name, entry->d_name, NAME_LEN + 1);
	}
	if (d)
		closedir(d);
	return found;
}

/* The newest KEPT lists of the volume stay. */
static void drop_oldest(const char *dir, const char *volume_hex)
{
	char name[NAME_LEN + 1];
	uint64_t below = UINT64_MAX;
	unsigned count = 0;

	while (find_newest(dir, volume_hex, below, name, &below)) {
		CLEANUP(mem_freep) char *path = io_path_join(dir, name);

		if (++count > KEPT && path)
			(void)unlink(path);
	}
}

/* ---- taking the list ------------------------------------------------------------------------ */

struct folder {
	uint64_t ino;
	char *path; /* owned; "" for the root */
	unsigned depth;
};

struct taking {
	struct vault *v;
	struct age_writer *out;
	struct sha256_stream *sum;
	struct folder *folders; /* owned: still to be listed */
	size_t count, cap;
	struct buf line;
	const struct folder *at;
	uint64_t left; /* entries that may still come: a volume has no more */
	enum err err;
};

static void taking_clear(struct taking *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->folders[i].path);
	free(t->folders);
	buf_clear(&t->line);
	age_writer_free(t->out);
	sha256_stream_free(t->sum);
}

static enum err put(struct taking *t, const struct buf *text)
{
	sha256_stream_add(t->sum, text->data, text->len);
	return age_writer_put(t->out, text->data, text->len);
}

static enum err add_folder(struct taking *t, uint64_t ino, const char *path, unsigned depth)
{
	if (t->count == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct folder *more = realloc(t->folders, cap * sizeof(*more));

		if (!more)
			return err_at(ERR_NOMEM, "list of contents");
		t->folders = more;
		t->cap = cap;
	}
	t->folders[t->count] = (struct folder){ino, strdup(path), depth};
	return t->folders[t->count].path ? (t->count++, OK) : err_at(ERR_NOMEM, "list of contents");
}

/* Percent signs and control characters as %XX, so that an entry stays a line. */
static enum err put_path(struct buf *out, const char *path)
{
	for (; *path; path++) {
		unsigned char c = (unsigned char)*path;

		if (c == '%' || c < ' ' || c == 0x7f)
			TRY(buf_printf(out, "%%%02X", c));
		else
			TRY(buf_append(out, path, 1));
	}
	return OK;
}

static enum err take_entry(struct taking *t, const char *name, const struct volume_attr *attr)
{
	CLEANUP(buf_clear) struct buf path = {0};
	bool folder = S_ISDIR(attr->mode);
	char time[32];

	if (t->left == 0)
		return err_at(ERR_MALFORMED, "more entries than the volume has");
	t->left--;
	TRY(buf_printf(&path, "%s/%s", t->at->path, name));
	t->line.len = 0;
	text_time(attr->mtime.tv_sec, time);
	TRY(buf_printf(&t->line, "%" PRIu64 " %s ", folder ? 0 : attr->size, time));
	TRY(put_path(&t->line, path.data));
	TRY(buf_puts(&t->line, folder ? "/\n" : "\n"));
	TRY(put(t, &t->line));
	if (!folder)
		return OK;
	if (t->at->depth >= DEPTH_MAX)
		return err_at(ERR_MALFORMED, "folders too deep");
	return add_folder(t, attr->ino, path.data, t->at->depth + 1);
}

static bool on_entry(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct taking *t = ctx;

	(void)cookie;
	t->err = take_entry(t, name, attr);
	return t->err == OK;
}

static enum err take_entries(struct taking *t)
{
	TRY(add_folder(t, VOLUME_ROOT, "", 0));
	while (t->count > 0) {
		struct folder at = t->folders[--t->count];
		enum err err;

		t->at = &at;
		err = volume_readdir(t->v->volume, at.ino, 0, true, on_entry, t);
		free(at.path);
		TRY(err);
		TRY(t->err);
	}
	return OK;
}

static enum err put_head(struct taking *t, bool closed, const struct volume_totals *totals)
{
	CLEANUP(buf_clear) struct buf head = {0};
	const struct vault *v = t->v;
	char time[32], who[AGE_RECIPIENT_TEXT];
	const char *host;

	text_time(clock_wall().tv_sec, time);
	TRY(home_host_id(v->actor.home, &host));
	TRY(buf_printf(&head, MAGIC "\nvolume %s\nlabel %s\ntaken %s\nhost %s\nactor %s\ntime %s\n",
		       v->volume_hex, v->facts.label, closed ? "closed" : "opened", host,
		       v->actor_name, time));
	TRY(buf_printf(&head, "epoch %u\nseparated %s\nfiles %" PRIu64 "\nbytes %" PRIu64 "\n",
		       v->key.epoch, v->facts.separated ? "yes" : "no", totals->files,
		       totals->bytes));
	for (size_t i = 0; i < v->key.recipient_count; i++) {
		age_recipient_print(&v->key.recipients[i], who);
		TRY(buf_printf(&head, "recipient %s\n", who));
	}
	TRY(buf_puts(&head, "\n"));
	return put(t, &head);
}

/* This host vouches for all that stands before. */
static enum err put_signature(struct taking *t)
{
	uint8_t text[sizeof(LABEL_SIG_CONTENTS) + SHA256_LEN], sig[SIGN_LEN];
	const struct sign_key *key;
	char line[sizeof(SIG_LINE) + SIG_BASE64 + 2];

	TRY(home_host_key(t->v->actor.home, &key));
	memcpy(text, LABEL_SIG_CONTENTS, sizeof(LABEL_SIG_CONTENTS));
	sha256_stream_get(t->sum, text + sizeof(LABEL_SIG_CONTENTS));
	sign_make(key, text, sizeof(text), sig);
	memcpy(line, SIG_LINE, sizeof(SIG_LINE) - 1);
	text_base64(sig, sizeof(sig), true, line + sizeof(SIG_LINE) - 1);
	strcat(line, "\n");
	return age_writer_put(t->out, line, strlen(line));
}

static enum err seal_list(struct vault *v, bool closed, const struct age_to *to, int fd)
{
	CLEANUP(taking_clear) struct taking t = {.v = v};
	struct volume_totals totals;

	volume_totals(v->volume, &totals);
	/* A file has a line for each of its names. */
	t.left = 16 * totals.files + 65536;
	TRY(sha256_stream_new(&t.sum));
	TRY(age_writer_new(to, age_sink_fd(&fd), &t.out));
	TRY(put_head(&t, closed, &totals));
	TRY(take_entries(&t));
	TRY(put_signature(&t));
	return age_writer_finish(t.out);
}

static enum err hash_file(int fd, uint8_t ret[SHA256_LEN])
{
	struct sha256_stream *s;
	uint8_t block[65536];
	size_t got = 1;
	enum err err = OK;

	TRY(sha256_stream_new(&s));
	if (lseek(fd, 0, SEEK_SET) < 0)
		err = err_from_errno("list of contents");
	while (err == OK && got > 0) {
		err = io_read_full(fd, block, sizeof(block), &got);
		if (err == OK)
			sha256_stream_add(s, block, got);
	}
	sha256_stream_get(s, ret);
	sha256_stream_free(s);
	return err;
}

static enum err flush(int fd)
{
	return fsync(fd) == 0 ? OK : err_from_errno("list of contents");
}

static enum err write_list(struct vault *v, bool closed, const struct age_to *to, const char *dir,
			   const char *name, uint8_t ret_sha256[SHA256_LEN])
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);
	CLEANUP(buf_clear) struct buf temp = {0};
	CLEANUP(fd_closep) int fd = -1;
	enum err err;

	if (!path)
		return err_at(ERR_NOMEM, "path");
	TRY(io_make_dirs(dir, 0700));
	TRY(buf_printf(&temp, "%s.new", path));
	fd = open(temp.data, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_from_errno("%s", temp.data);
	err = seal_list(v, closed, to, fd);
	if (err == OK)
		err = hash_file(fd, ret_sha256);
	if (err == OK)
		err = flush(fd);
	if (err == OK && rename(temp.data, path) != 0)
		err = err_from_errno("%s", path);
	if (err != OK) {
		(void)unlink(temp.data);
		return err;
	}
	return io_sync_dir_of(path);
}

/* ---- for whom ------------------------------------------------------------------------------- */

static enum err officers_of(const struct roster *roster, struct age_recipient **ret,
			    size_t *ret_count)
{
	struct age_recipient *list = calloc(roster->person_count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return err_at(ERR_NOMEM, "officers");
	for (size_t i = 0; i < roster->person_count; i++)
		if (roster->people[i].officer && !roster->people[i].revoked.is)
			list[count++] = roster->people[i].recipient;
	*ret = list;
	*ret_count = count;
	return OK;
}

static enum err load_officers(struct home *h, struct age_recipient **ret, size_t *ret_count)
{
	CLEANUP(register_freep) struct org_register *r = NULL;
	CLEANUP(roster_freep) struct roster *roster = NULL;

	TRY(register_open(h, &r));
	TRY(roster_make(r, &roster));
	return officers_of(roster, ret, ret_count);
}

static enum err hash_named(const char *dir, const char *name, uint8_t ret_sha256[SHA256_LEN])
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);
	CLEANUP(fd_closep) int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	return fd < 0 ? err_from_errno("%s", name) : hash_file(fd, ret_sha256);
}

static bool is_changed(const struct vault *v, const struct store_info *info)
{
	return info->generation > v->facts.store.generation;
}

enum err contents_keep(struct vault *v, uint8_t ret_sha256[SHA256_LEN])
{
	CLEANUP(mem_freep) struct age_recipient *officers = NULL;
	CLEANUP(buf_clear) struct buf dir = {0};
	char name[NAME_LEN + 1], newest[NAME_LEN + 1];
	struct age_to to = {.multiple = 1};
	struct store_info info;
	uint64_t known = 0;

	memset(ret_sha256, 0, SHA256_LEN);
	TRY(load_officers(v->actor.home, &officers, &to.count));
	if (to.count == 0)
		return OK;
	to.recipients = officers;
	TRY(contents_dir(v->actor.home, &dir));
	store_info(v->store, &info);
	if (find_newest(dir.data, v->volume_hex, UINT64_MAX, newest, &known) &&
	    known >= info.generation)
		return known == info.generation ? hash_named(dir.data, newest, ret_sha256) : OK;
	snprintf(name, sizeof(name), "%s-%016" PRIx64 SUFFIX, v->volume_hex, info.generation);
	TRY(write_list(v, is_changed(v, &info), &to, dir.data, name, ret_sha256));
	drop_oldest(dir.data, v->volume_hex);
	return OK;
}

/* ---- opening one ---------------------------------------------------------------------------- */

void contents_clear(struct contents *c)
{
	secret_free(c->text);
	memset(c, 0, sizeof(*c));
}

/* The value of the i-th line "name VALUE" of the head. */
static bool head_value(const struct contents *c, const char *name, size_t i, char *out, size_t cap)
{
	const char *at = (const char *)secret_data(c->text), *end = c->entries;
	size_t name_len = strlen(name);

	while (at < end) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		size_t len = next ? (size_t)(next - at) : (size_t)(end - at);

		if (len > name_len && at[name_len] == ' ' && !memcmp(at, name, name_len) &&
		    i-- == 0) {
			size_t got = len - name_len - 1;

			if (got >= cap)
				return false;
			memcpy(out, at + name_len + 1, got);
			out[got] = '\0';
			return true;
		}
		at += len + 1;
	}
	return false;
}

static bool head_number(const struct contents *c, const char *name, uint64_t *ret)
{
	char text[24], *end = NULL;

	if (!head_value(c, name, 0, text, sizeof(text)) ||
	    strspn(text, "0123456789") != strlen(text))
		return false;
	errno = 0;
	*ret = strtoull(text, &end, 10);
	return errno == 0 && end != text;
}

static bool parse_head(struct contents *c, const char *volume_hex)
{
	const char *text = (const char *)secret_data(c->text), *gap;
	size_t len = secret_len(c->text), magic = strlen(MAGIC);
	char volume[NAME_HEX + 1], word[16], who[AGE_RECIPIENT_TEXT];
	uint64_t epoch = 0;

	if (len < magic + 2 || memcmp(text, MAGIC "\n", magic + 1) != 0)
		return false;
	gap = memmem(text, len, "\n\n", 2);
	if (!gap)
		return false;
	c->entries = gap + 2;
	c->entries_len = len - (size_t)(c->entries - text);
	if (c->entries_len < SIG_LEN ||
	    memcmp(text + len - SIG_LEN, SIG_LINE, sizeof(SIG_LINE) - 1) != 0)
		return false;
	c->entries_len -= SIG_LEN;
	if (!head_value(c, "volume", 0, volume, sizeof(volume)) ||
	    strcmp(volume, volume_hex) != 0 ||
	    !head_value(c, "label", 0, c->label, sizeof(c->label)) ||
	    !head_value(c, "host", 0, c->host, sizeof(c->host)) ||
	    !head_value(c, "actor", 0, c->actor, sizeof(c->actor)) ||
	    !head_value(c, "time", 0, c->time, sizeof(c->time)) ||
	    !head_number(c, "files", &c->files) || !head_number(c, "bytes", &c->bytes) ||
	    !head_number(c, "epoch", &epoch) || epoch > UINT32_MAX)
		return false;
	c->epoch = (uint32_t)epoch;
	c->closed = head_value(c, "taken", 0, word, sizeof(word)) && !strcmp(word, "closed");
	c->separated = head_value(c, "separated", 0, word, sizeof(word)) && !strcmp(word, "yes");
	while (head_value(c, "recipient", c->recipient_count, who, sizeof(who)))
		c->recipient_count++;
	return true;
}

enum err contents_recipient(const struct contents *c, size_t i, struct age_recipient *ret)
{
	char who[AGE_RECIPIENT_TEXT];

	if (!head_value(c, "recipient", i, who, sizeof(who)))
		return err_at(ERR_NOT_FOUND, "recipient %zu", i);
	return age_recipient_parse(who, ret);
}

static enum err open_list(const char *path, const struct age_identity *id, struct contents *c)
{
	struct age_who who = {.identities = &id, .count = 1};
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_from_errno("%s", path);
	if (fstat(fd, &st) != 0)
		return err_from_errno("%s", path);
	if (st.st_size < 0 || (uint64_t)st.st_size > SEALED_MAX)
		return err_at(ERR_TOO_BIG, "%s", path);
	TRY(hash_file(fd, c->sha256));
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_from_errno("%s", path);
	return age_decrypt_small(&who, age_source_fd(&fd), (size_t)st.st_size, &c->text);
}

/* Its host's signature, by the key that the register or this host has for it. */
static bool is_vouched(struct home *h, const struct roster *roster, const struct contents *c)
{
	const char *text = (const char *)secret_data(c->text), *own;
	const struct roster_host *host = roster_host(roster, c->host);
	uint8_t signed_text[sizeof(LABEL_SIG_CONTENTS) + SHA256_LEN], sig[SIGN_LEN];
	size_t got, len = secret_len(c->text);
	const struct sign_key *key;
	const uint8_t *vkey = host ? host->vkey : NULL;

	if (!vkey && home_host_id(h, &own) == OK && !strcmp(own, c->host) &&
	    home_host_key(h, &key) == OK)
		vkey = sign_key_vkey(key);
	if (!vkey ||
	    text_unbase64(text + len - SIG_BASE64 - 1, SIG_BASE64, true, sig, sizeof(sig), &got) !=
		    OK ||
	    got != sizeof(sig))
		return false;
	memcpy(signed_text, LABEL_SIG_CONTENTS, sizeof(LABEL_SIG_CONTENTS));
	sha256(text, len - SIG_LEN, signed_text + sizeof(LABEL_SIG_CONTENTS));
	return sign_verify(vkey, signed_text, sizeof(signed_text), sig);
}

static enum err open_one(struct home *h, const struct roster *roster, const char *path,
			 const char *volume_hex, const struct age_identity *id, struct contents *c)
{
	TRY(open_list(path, id, c));
	if (!parse_head(c, volume_hex))
		return err_at(ERR_BAD_FORMAT, "%s", path);
	c->vouched = is_vouched(h, roster, c);
	return OK;
}

enum err contents_open(struct home *h, const struct roster *roster,
		       const uint8_t volume_id[VOLUME_ID_LEN], const struct age_identity *id,
		       struct contents *ret)
{
	CLEANUP(contents_clear) struct contents best = {0};
	CLEANUP(buf_clear) struct buf dir = {0};
	char volume_hex[NAME_HEX + 1], name[NAME_LEN + 1];
	enum err err = err_at(ERR_NOT_FOUND, "list of contents");
	uint64_t below = UINT64_MAX;

	text_hex(volume_id, VOLUME_ID_LEN, volume_hex);
	TRY(contents_dir(h, &dir));
	while (!best.vouched && find_newest(dir.data, volume_hex, below, name, &below)) {
		CLEANUP(mem_freep) char *path = io_path_join(dir.data, name);
		CLEANUP(contents_clear) struct contents c = {.generation = below};
		enum err here = path ? open_one(h, roster, path, volume_hex, id, &c)
				     : err_at(ERR_NOMEM, "path");

		if (here == OK && (!best.text || c.vouched)) {
			contents_clear(&best);
			best = c;
			memset(&c, 0, sizeof(c));
		}
		err = best.text ? OK : here;
	}
	TRY(err);
	*ret = best;
	memset(&best, 0, sizeof(best));
	return OK;
}

/* ---- exchanging them ------------------------------------------------------------------------ */

static bool is_there(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);

	return path && access(path, F_OK) == 0;
}

/* Lists that are older than all that are kept there are not worth the way. */
static bool is_wanted(const char *dir, const char *volume_hex, uint64_t generation)
{
	char name[NAME_LEN + 1];
	uint64_t below = UINT64_MAX;
	unsigned newer = 0;

	while (find_newest(dir, volume_hex, below, name, &below) && below > generation)
		newer++;
	return newer < KEPT;
}

static enum err copy_newer(const char *from, const char *to, size_t *ret_count)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	enum err err = OK;

	while (d && err == OK && (entry = readdir(d)) != NULL) {
		char volume[NAME_HEX + 1];
		CLEANUP(buf_clear) struct buf data = {0};
		uint64_t generation;

		if (!parse_name(entry->d_name, volume, &generation) ||
		    is_there(to, entry->d_name) || !is_wanted(to, volume, generation))
			continue;
		/* What is no file, or too large, or gone again, is left where it is. */
		if (sync_read(from, entry->d_name, EXCHANGED_MAX, &data) != OK) {
			err_clear();
			continue;
		}
		err = sync_write(to, entry->d_name, data.data ? data.data : "", data.len);
		if (err == OK) {
			drop_oldest(to, volume);
			(*ret_count)++;
		}
	}
	if (d)
		closedir(d);
	return err;
}

enum err contents_exchange(const char *dir, const char *other, size_t *ret_here, size_t *ret_there)
{
	*ret_here = *ret_there = 0;
	TRY(io_make_dirs(dir, 0700));
	TRY(io_make_dirs(other, 0700));
	TRY(copy_newer(other, dir, ret_here));
	return copy_newer(dir, other, ret_there);
}

#include "tests/volume/listing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "volume/internal.h"

#define LANES 4u

/* In lanes, since each multiplication waits for the one before. */
uint64_t listing_sum(const void *data, size_t len)
{
	const uint64_t mul = UINT64_C(0xff51afd7ed558ccd);
	uint64_t lane[LANES] = { len, 1, 2, 3 }, w[LANES];
	const uint8_t *p = data;

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(w, p, sizeof(w));
		for (unsigned i = 0; i < LANES; i++) {
			lane[i] = (lane[i] ^ w[i]) * mul;
			lane[i] ^= lane[i] >> 32;
		}
	}
	memset(w, 0, sizeof(w));
	if (len > 0)
		memcpy(w, p, len);
	for (unsigned i = 1; i < LANES; i++) {
		lane[0] = (lane[0] ^ lane[i] ^ w[i]) * mul;
		lane[0] ^= lane[0] >> 32;
	}
	lane[0] = (lane[0] ^ w[0]) * UINT64_C(0xc4ceb9fe1a85ec53);
	return lane[0] ^ lane[0] >> 29;
}

static void add_text(struct listing *l, const char *text, size_t len)
{
	if (l->len + len + 1 > l->cap) {
		l->cap = (l->len + len + 1) * 2;
		l->text = realloc(l->text, l->cap);
		if (!l->text)
			abort();
	}
	memcpy(l->text + l->len, text, len);
	l->len += len;
	l->text[l->len] = '\0';
}

static void add_number(struct listing *l, char mark, uint64_t n)
{
	char out[24];
	size_t at = sizeof(out);

	do {
		out[--at] = "0123456789abcdef"[n % 16];
		n /= 16;
	} while (n > 0);
	out[--at] = mark;
	out[--at] = ' ';
	add_text(l, out + at, sizeof(out) - at);
}

static void add_time(struct listing *l, char mark, const struct timespec *t)
{
	add_number(l, mark, (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec);
}

void listing_add(struct listing *l, const char *path, const struct volume_attr *a, uint64_t content)
{
	if (l->len > 0)
		add_text(l, "\n", 1);
	add_text(l, path, strlen(path));
	add_number(l, 'i', a->ino);
	add_number(l, 'm', a->mode);
	add_number(l, 'n', a->nlink);
	add_number(l, 'u', a->uid);
	add_number(l, 'g', a->gid);
	add_number(l, 's', S_ISDIR(a->mode) ? 0 : a->size);
	add_time(l, 't', &a->mtime);
	add_time(l, 'c', &a->ctime);
	add_time(l, 'b', &a->btime);
	add_number(l, '=', content);
}

void listing_add_xattr(struct listing *l, const char *name, uint64_t value_sum, size_t len)
{
	add_text(l, " ", 1);
	add_text(l, name, strlen(name));
	add_number(l, 'l', len);
	add_number(l, '=', value_sum);
}

void listing_add_kept(struct listing *l, uint64_t note_sum, size_t note_len, uint64_t log_sum,
		      uint64_t log_count)
{
	if (note_len > 0) {
		add_text(l, "\n(note)", 7);
		add_number(l, 'l', note_len);
		add_number(l, '=', note_sum);
	}
	if (log_count > 0) {
		add_text(l, "\n(log)", 6);
		add_number(l, 'n', log_count);
		add_number(l, '=', log_sum);
	}
}

uint64_t listing_log_sum(uint64_t before, const void *line, size_t len)
{
	return before * UINT64_C(0x9e3779b97f4a7c15) + listing_sum(line, len);
}

/* ---- a volume ---- */

struct walk {
	struct volume *v;
	struct listing out;
	uint8_t *content; /* grows */
	size_t cap;
	char path[4096];
};

struct entry {
	char *name;
	uint64_t ino;
};

struct entries {
	struct entry *at;
	size_t count, cap;
};

static bool entry_take(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct entries *e = ctx;

	if (e->count == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 16;
		e->at = realloc(e->at, e->cap * sizeof(*e->at));
		if (!e->at)
			abort();
	}
	e->at[e->count++] = (struct entry){ strdup(name), attr->ino };
	return true;
}

static int entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void entries_free(struct entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->at[i].name);
	free(e->at);
}

static void *walk_room(struct walk *w, size_t len)
{
	if (len > w->cap) {
		w->cap = len * 2;
		w->content = realloc(w->content, w->cap);
		if (!w->content)
			abort();
	}
	return w->content;
}

static enum err content_sum(struct walk *w, const struct volume_attr *a, uint64_t *ret)
{
	size_t len;

	*ret = 0;
	if (S_ISLNK(a->mode)) {
		char *target = walk_room(w, VOLUME_SYMLINK_MAX + 1);

		TRY(volume_readlink(w->v, a->ino, target, VOLUME_SYMLINK_MAX + 1));
		*ret = listing_sum(target, strlen(target));
	} else if (S_ISREG(a->mode)) {
		void *out = walk_room(w, a->size + 1);

		TRY(volume_read(w->v, a->ino, 0, out, a->size + 1, &len));
		if (len != a->size)
			return err_at(ERR_INTERNAL, "size and content differ");
		*ret = listing_sum(out, len);
	}
	return OK;
}

static int name_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static enum err xattr_add(struct walk *w, uint64_t ino, const char *name)
{
	void *out = walk_room(w, VOLUME_XATTR_MAX);
	size_t len;

	TRY(volume_get_xattr(w->v, ino, name, out, VOLUME_XATTR_MAX, &len));
	listing_add_xattr(&w->out, name, listing_sum(out, len), len);
	return OK;
}

/* `names` is `len` bytes of names end to end. */
static enum err xattrs_add_sorted(struct walk *w, uint64_t ino, char *names, size_t len)
{
	CLEANUP(mem_freep) char **list = malloc((len + 1) * sizeof(*list));
	size_t count = 0;

	if (!list)
		abort();
	for (size_t at = 0; at < len; at += strlen(names + at) + 1)
		list[count++] = names + at;
	qsort(list, count, sizeof(list[0]), name_compare);
	for (size_t i = 0; i < count; i++)
		TRY(xattr_add(w, ino, list[i]));
	return OK;
}

static enum err xattrs_add(struct walk *w, uint64_t ino)
{
	CLEANUP(mem_freep) char *names = NULL;
	size_t len;

	TRY(volume_list_xattr(w->v, ino, NULL, 0, &len));
	if (len == 0)
		return OK;
	names = malloc(len);
	if (!names)
		abort();
	TRY(volume_list_xattr(w->v, ino, names, len, &len));
	return xattrs_add_sorted(w, ino, names, len);
}

static enum err walk_one(struct walk *w, uint64_t ino, size_t path_len);

static enum err walk_folder(struct walk *w, uint64_t ino, size_t path_len)
{
	struct entries list = { 0 };
	enum err err = volume_readdir(w->v, ino, 0, false, entry_take, &list);

	if (list.count > 0)
		qsort(list.at, list.count, sizeof(list.at[0]), entry_compare);
	for (size_t i = 0; err == OK && i < list.count; i++) {
		int n = snprintf(w->path + path_len, sizeof(w->path) - path_len, "/%s",
				 list.at[i].name);

		if (n < 0 || path_len + (size_t)n >= sizeof(w->path))
			err = ERR_NAME_TOO_LONG;
		else
			err = walk_one(w, list.at[i].ino, path_len + (size_t)n);
	}
	entries_free(&list);
	return err;
}

static enum err walk_one(struct walk *w, uint64_t ino, size_t path_len)
{
	struct volume_attr attr;
	uint64_t sum;

	w->path[path_len] = '\0';
	TRY(volume_getattr(w->v, ino, &attr));
	TRY(content_sum(w, &attr, &sum));
	listing_add(&w->out, w->path, &attr, sum);
	TRY(xattrs_add(w, ino));
	return S_ISDIR(attr.mode) ? walk_folder(w, ino, path_len) : OK;
}

enum err volume_listing_of(struct volume *v, uint64_t folder, char **ret)
{
	struct walk w = { .v = v };
	enum err err = walk_one(&w, folder, 0);

	free(w.content);
	if (err != OK) {
		free(w.out.text);
		return err;
	}
	*ret = w.out.text;
	return OK;
}

struct log_sum {
	uint64_t sum, count;
};

static enum err take_line(void *ctx, uint64_t number, const char *line, size_t len)
{
	struct log_sum *log = ctx;

	log->sum = listing_log_sum(log->sum, line, len);
	log->count++;
	return OK;
}

static enum err kept_add(struct walk *w)
{
	CLEANUP(buf_clear) struct buf note = { 0 };
	struct log_sum log = { 0 };
	enum err err = volume_note_get(w->v, NOTE_REGISTER, &note);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	TRY(journal_each(w->v->store, 0, take_line, &log));
	listing_add_kept(&w->out, listing_sum(note.data ? note.data : "", note.len), note.len, log.sum,
			 log.count);
	return OK;
}

/* With what the program keeps beside the files. */
enum err volume_listing(struct volume *v, char **ret)
{
	struct walk w = { .v = v };
	enum err err = walk_one(&w, VOLUME_ROOT, 0);

	if (err == OK)
		err = kept_add(&w);
	free(w.content);
	if (err != OK) {
		free(w.out.text);
		return err;
	}
	*ret = w.out.text;
	return OK;
}

void listing_diff(const char *want, const char *got, char *out, size_t cap)
{
	const char *w = want, *g = got;

	while (*w && *g) {
		size_t wl = strcspn(w, "\n"), gl = strcspn(g, "\n");

		if (wl != gl || memcmp(w, g, wl) != 0)
			break;
		w += wl + (w[wl] == '\n');
		g += gl + (g[gl] == '\n');
	}
	snprintf(out, cap, "want: %.*s\n#   got:  %.*s", (int)strcspn(w, "\n"), w,
		 (int)strcspn(g, "\n"), g);
}

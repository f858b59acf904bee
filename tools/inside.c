#include "tools/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* The next name of `*path`; false at its end. */
static bool next_name(const char **path, const char **ret_name, size_t *ret_len)
{
	*path += strspn(*path, "/");
	*ret_name = *path;
	*ret_len = strcspn(*path, "/");
	*path += *ret_len;
	return *ret_len > 0;
}

static void drop_last(struct buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] != '/')
		b->len--;
	if (b->len > 0)
		b->len--;
	if (b->data)
		b->data[b->len] = '\0';
}

enum err inside_normal(const char *path, char **ret)
{
	CLEANUP(buf_clear) struct buf out = {0};
	const char *name;
	size_t len;

	while (next_name(&path, &name, &len)) {
		if (len == 1 && name[0] == '.')
			continue;
		if (len == 2 && name[0] == '.' && name[1] == '.') {
			drop_last(&out);
			continue;
		}
		TRY(buf_puts(&out, "/"));
		TRY(buf_append(&out, name, len));
	}
	if (out.len == 0)
		TRY(buf_puts(&out, "/"));
	*ret = TAKE(out.data);
	out = (struct buf){0};
	return OK;
}

static enum err copy_name(const char *name, size_t len, const char *path,
			  char out[VOLUME_NAME_BYTES + 1])
{
	if (len > VOLUME_NAME_BYTES)
		return err_at(ERR_NAME_TOO_LONG, "%s", path);
	memcpy(out, name, len);
	out[len] = '\0';
	return OK;
}

static enum err with_path(enum err err, const char *path)
{
	if (err == ERR_NOT_FOUND || err == ERR_NOT_DIR)
		return err_at(err, "%s", path);
	return err;
}

static enum err walk(struct volume *v, const char *path, struct volume_attr *ret)
{
	const char *rest = path, *part;
	size_t len;

	TRY(volume_getattr(v, VOLUME_ROOT, ret));
	while (next_name(&rest, &part, &len)) {
		char name[VOLUME_NAME_BYTES + 1];

		TRY(copy_name(part, len, path, name));
		if (!S_ISDIR(ret->mode))
			return err_at(ERR_NOT_DIR, "%s", path);
		TRY(with_path(volume_lookup(v, ret->ino, name, ret), path));
	}
	return OK;
}

enum err inside_find(struct volume *v, const char *path, struct volume_attr *ret)
{
	CLEANUP(mem_freep) char *normal = NULL;
	struct volume_attr attr;

	TRY(inside_normal(path, &normal));
	TRY(walk(v, normal, &attr));
	*ret = attr;
	return OK;
}

enum err inside_parent(struct volume *v, const char *path, uint64_t *ret_parent,
		       char ret_name[VOLUME_NAME_BYTES + 1])
{
	CLEANUP(mem_freep) char *normal = NULL;
	struct volume_attr attr;
	char *slash;

	TRY(inside_normal(path, &normal));
	slash = strrchr(normal, '/');
	if (!slash[1])
		return err_at(ERR_INVALID, "%s", path);
	TRY(copy_name(slash + 1, strlen(slash + 1), path, ret_name));
	*slash = '\0';
	TRY(walk(v, normal, &attr));
	if (!S_ISDIR(attr.mode))
		return err_at(ERR_NOT_DIR, "%s", path);
	*ret_parent = attr.ino;
	return OK;
}

/* ---- listing --------------------------------------------------------------------------------- */

struct entry {
	char *name;
	struct volume_attr attr;
};
struct entries {
	struct entry *list;
	size_t count, room;
	enum err err;
};

static bool collect(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct entries *e = ctx;

	if (e->count == e->room) {
		size_t room = e->room ? e->room * 2 : 64;
		struct entry *more = realloc(e->list, room * sizeof(*more));

		if (!more) {
			e->err = ERR_NOMEM;
			return false;
		}
		e->list = more;
		e->room = room;
	}
	e->list[e->count].name = strdup(name);
	e->list[e->count].attr = *attr;
	if (!e->list[e->count].name) {
		e->err = ERR_NOMEM;
		return false;
	}
	e->count++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static void entries_clear(struct entries *e)
{
	for (size_t i = 0; i < e->count; i++)
		free(e->list[i].name);
	free(e->list);
}

enum err inside_list(struct volume *v, uint64_t ino, inside_name_fn fn, void *ctx)
{
	CLEANUP(entries_clear) struct entries e = {0};

	TRY(volume_readdir(v, ino, 0, true, collect, &e));
	TRY(e.err);
	if (e.count)
		qsort(e.list, e.count, sizeof(*e.list), by_name);
	for (size_t i = 0; i < e.count; i++)
		TRY(fn(ctx, e.list[i].name, &e.list[i].attr));
	return OK;
}

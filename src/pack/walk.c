#include "pack/walk.h"
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/buf.h"
#include "pack/name.h"

#define OPEN_MAX_DEPTH                                                                             \
	64u /* folders that are open at a time; those further down go by their paths */

struct walk {
	enum err (*each)(void *ctx, const struct walk_entry *entry);
	void *ctx;
	struct buf path, name; /* of the entry; grown for what is in it, and cut again */
};

/* Where the children of a folder are. */
struct folder {
	int fd; /* owned; AT_FDCWD: by path */
	struct dirent **list;
	int count;
};

static bool has_dots(const char *name)
{
	for (const char *part = name; *part;) {
		size_t len = strcspn(part, "/");

		if (len == 0 || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			return true;
		part += len + (part[len] == '/' && part[len + 1]);
		if (part[0] == '/')
			return true;
	}
	return false;
}

enum err walk_check_names(const struct pack_source *sources, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!sources[i].name[0] || sources[i].name[0] == '/' || has_dots(sources[i].name))
			return err_at(ERR_INVALID, "%s", sources[i].path);
		if (strcmp(sources[i].name, PACK_DIR) == 0 ||
		    strncmp(sources[i].name, PACK_DIR "/", strlen(PACK_DIR) + 1) == 0)
			return err_at(ERR_EXISTS, "%s", sources[i].name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(sources[i].name, sources[k].name) == 0)
				return err_at(ERR_EXISTS, "%s", sources[i].name);
	}
	return OK;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_child(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum err append(struct buf *path, const char *child)
{
	if (path->len > 0 && path->data[path->len - 1] != '/')
		TRY(buf_append(path, "/", 1));
	return buf_puts(path, child);
}

static void cut(struct buf *path, size_t len)
{
	path->len = len;
	path->data[len] = '\0';
}

static void folder_clear(struct folder *f)
{
	for (int i = 0; i < f->count; i++)
		free(f->list[i]);
	free(f->list);
	if (f->fd >= 0)
		(void)close(f->fd);
}

static enum err folder_open(const struct walk_entry *entry, unsigned depth, struct folder *ret)
{
	bool stays_open = depth < OPEN_MAX_DEPTH;
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth > 0 ? O_NOFOLLOW : 0);

	ret->fd = stays_open ? openat(entry->at, entry->path_at, flags) : AT_FDCWD;
	if (stays_open && ret->fd < 0)
		return err_from_errno("%s", entry->path);
	ret->count = scandirat(stays_open ? ret->fd : entry->at, stays_open ? "." : entry->path_at,
			       &ret->list, is_child, by_name);
	return ret->count >= 0 ? OK : err_from_errno("%s", entry->path);
}

static enum err walk_one(struct walk *w, int at, const char *path_at, unsigned depth);

static enum err walk_child(struct walk *w, const struct folder *f, const char *child,
			   unsigned depth)
{
	CLEANUP(mem_freep) char *told = NULL;
	size_t path_len = w->path.len, name_len = w->name.len;

	TRY(pack_name(child, &told));
	TRY(append(&w->path, child));
	TRY(append(&w->name, told));
	TRY(walk_one(w, f->fd, f->fd >= 0 ? child : w->path.data, depth));
	cut(&w->path, path_len);
	cut(&w->name, name_len);
	return OK;
}

static enum err walk_folder(struct walk *w, const struct walk_entry *entry, unsigned depth)
{
	CLEANUP(folder_clear) struct folder f = {.fd = -1};

	TRY(folder_open(entry, depth, &f));
	for (int i = 0; i < f.count; i++)
		TRY(walk_child(w, &f, f.list[i]->d_name, depth + 1));
	return OK;
}

static enum err walk_one(struct walk *w, int at, const char *path_at, unsigned depth)
{
	struct stat st;
	struct walk_entry entry = {w->path.data, w->name.data, at, path_at, &st};

	if (depth > PACK_DEPTH_MAX)
		return err_at(ERR_NAME_TOO_LONG, "%s", entry.path);
	if (fstatat(at, path_at, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_from_errno("%s", entry.path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_at(ERR_NOT_SUPPORTED, "%s", entry.path);
	TRY(w->each(w->ctx, &entry));
	return S_ISDIR(st.st_mode) ? walk_folder(w, &entry, depth) : OK;
}

static enum err walk_source(struct walk *w, const struct pack_source *source)
{
	cut(&w->path, 0);
	cut(&w->name, 0);
	TRY(buf_puts(&w->path, source->path));
	TRY(buf_puts(&w->name, source->name));
	return walk_one(w, AT_FDCWD, source->path, 0);
}

static void walk_clear(struct walk *w)
{
	buf_clear(&w->path);
	buf_clear(&w->name);
}

enum err walk_sources(const struct pack_source *sources, size_t count,
		      enum err (*each)(void *ctx, const struct walk_entry *entry), void *ctx)
{
	CLEANUP(walk_clear) struct walk w = {.each = each, .ctx = ctx};

	TRY(buf_puts(&w.path, ""));
	TRY(buf_puts(&w.name, ""));
	for (size_t i = 0; i < count; i++)
		TRY(walk_source(&w, &sources[i]));
	return OK;
}

enum err walk_read_link(const struct walk_entry *entry, char *target)
{
	ssize_t len = readlinkat(entry->at, entry->path_at, target, PATH_MAX - 1);

	if (len < 0)
		return err_from_errno("%s", entry->path);
	target[len] = '\0';
	return OK;
}

#include "pack/walk.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "pack/name.h"

struct walk {
	enum err (*each)(void *ctx, const struct walk_entry *entry);
	void *ctx;
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

static enum err walk_one(struct walk *w, const char *path, const char *name, unsigned depth);

static enum err walk_child(struct walk *w, const char *path, const char *name, const char *child,
			   unsigned depth)
{
	CLEANUP(mem_freep) char *child_path = io_path_join(path, child);
	CLEANUP(mem_freep) char *told = NULL;
	CLEANUP(mem_freep) char *child_name = NULL;

	TRY(pack_name(child, &told));
	child_name = io_path_join(name, told);
	if (!child_path || !child_name)
		return err_at(ERR_NOMEM, "%s", path);
	return walk_one(w, child_path, child_name, depth);
}

static enum err walk_folder(struct walk *w, const char *path, const char *name, unsigned depth)
{
	struct dirent **list = NULL;
	int count = scandir(path, &list, is_child, by_name);
	enum err err = OK;

	if (count < 0)
		return err_from_errno("%s", path);
	for (int i = 0; i < count; i++) {
		if (err == OK)
			err = walk_child(w, path, name, list[i]->d_name, depth + 1);
		free(list[i]);
	}
	free(list);
	return err;
}

static enum err walk_one(struct walk *w, const char *path, const char *name, unsigned depth)
{
	struct walk_entry entry = {.path = path, .name = name};
	struct stat st;

	if (depth > PACK_DEPTH_MAX)
		return err_at(ERR_NAME_TOO_LONG, "%s", path);
	if (lstat(path, &st) != 0)
		return err_from_errno("%s", path);
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode) && !S_ISLNK(st.st_mode))
		return err_at(ERR_NOT_SUPPORTED, "%s", path);
	entry.st = &st;
	TRY(w->each(w->ctx, &entry));
	return S_ISDIR(st.st_mode) ? walk_folder(w, path, name, depth) : OK;
}

enum err walk_sources(const struct pack_source *sources, size_t count,
		      enum err (*each)(void *ctx, const struct walk_entry *entry), void *ctx)
{
	struct walk w = {.each = each, .ctx = ctx};

	for (size_t i = 0; i < count; i++)
		TRY(walk_one(&w, sources[i].path, sources[i].name, 0));
	return OK;
}

#include "volume/placing.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

#define DEPTH_MAX 4096u /* folders in folders */
#define TRIES 100u	/* other names before giving up */

typedef enum err (*put_fn)(void *ctx, const char *path);

bool placing_ends(enum err err)
{
	return err == ERR_INTERRUPTED || err == ERR_NO_SPACE || err == ERR_NOMEM ||
	       err == ERR_REMOVED;
}

enum err placing_flaw(struct placing *p, enum salvage_flaw_kind kind, const char *path,
		      enum err why)
{
	const struct salvage_flaw flaw = {.kind = kind, .path = path, .why = why};

	p->result->flaws++;
	return p->sink->flaw(p->sink->ctx, &flaw);
}

void placing_attr(const struct relic *relic, struct volume_attr *ret)
{
	*ret = (struct volume_attr){
		.ino = relic->ino,
		.size = relic->item.size,
		.blocks = relic->item.blocks,
		.atime = relic->item.atime,
		.mtime = relic->item.mtime,
		.ctime = relic->item.ctime,
		.btime = relic->item.btime,
		.mode = relic->item.mode,
		.nlink = relic->item.nlink,
		.uid = relic->item.uid,
		.gid = relic->item.gid,
	};
}

/* ---- paths ---- */

/* "folder/name" with the suffix, and a number when that is not the first try. */
static enum err join(const char *folder, const char *text, const char *suffix, unsigned attempt,
		     struct buf *ret)
{
	TRY(buf_printf(ret, "%s%s%s%s", folder, *folder ? "/" : "", text, suffix));
	return attempt > 1 ? buf_printf(ret, "-%u", attempt) : OK;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_taken(enum err err)
{
	return err == ERR_EXISTS || err == ERR_NAME_TOO_LONG;
}

static enum err need_lost_found(struct placing *p)
{
	enum err err = ERR_EXISTS;
	char name[sizeof(p->lost_found)] = "";

	if (p->lost_found[0])
		return OK;
	for (unsigned i = 1; is_taken(err) && i < TRIES; i++) {
		snprintf(name, sizeof(name), i > 1 ? "lost+found-%u" : "lost+found", i);
		if (!relics_has_name(p->relics, VOLUME_ROOT, name))
			err = p->sink->folder(p->sink->ctx, name);
	}
	TRY(err);
	memcpy(p->lost_found, name, sizeof(name));
	return OK;
}

static enum err put_in_lost_found(struct placing *p, const struct relic *relic, const char *suffix,
				  put_fn put, void *ctx, struct buf *path)
{
	char text[32];

	TRY(need_lost_found(p));
	snprintf(text, sizeof(text), "inode-%llu", (unsigned long long)relic->ino);
	TRY(join(p->lost_found, text, suffix, 1, path));
	return put(ctx, path->data);
}

/* Under one of its names. With a suffix it must not take a name that belongs to something else. */
static enum err put_as(struct placing *p, const struct relic_name *name, const char *folder,
		       const char *suffix, put_fn put, void *ctx, struct buf *path)
{
	enum err err = ERR_EXISTS;

	for (unsigned i = 1; err == ERR_EXISTS && i <= (*suffix ? TRIES : 1); i++) {
		buf_clear(path);
		*path = (struct buf){0};
		TRY(join(folder, name->text, suffix, i, path));
		if (*suffix && relics_has_name(p->relics, name->folder, last_name(path->data)))
			continue;
		err = put(ctx, path->data);
	}
	return err;
}

/* ---- folders ---- */

static enum err put_folder(void *ctx, const char *path)
{
	const struct salvage_sink *sink = ctx;

	return sink->folder(sink->ctx, path);
}

static enum err place_folder(struct placing *p, struct relic *relic, unsigned depth);

/* The folder that a name is in, made if need be; NULL: it has no place, or would be in itself. */
static enum err folder_of(struct placing *p, const struct relic_name *name, unsigned depth,
			  struct relic **ret)
{
	struct relic *folder = relics_find(p->relics, name->folder);

	*ret = NULL;
	if (name->folder == VOLUME_ROOT) {
		*ret = folder;
		return OK;
	}
	if (!folder || !relic_is_folder(folder) || folder->is_deleted || folder->is_placing ||
	    depth == DEPTH_MAX)
		return OK;
	TRY(place_folder(p, folder, depth + 1));
	if (folder->path)
		*ret = folder;
	return OK;
}

/* Of the names that count, one whose folder is the one that the description tells, if there is one.
 */
static const struct relic_name *folder_name(const struct placing *p, const struct relic *relic)
{
	const struct relic_name *best = NULL;

	for (size_t i = 0; i < relic->name_count; i++) {
		const struct relic_name *name = &p->relics->names[relic->name_at + i];

		if (!name->dropped && (!best || name->folder == relic->item.parent))
			best = name;
	}
	return best;
}

static enum err tell_of_name(struct placing *p, const struct relic_name *name, enum err refused,
			     const char *path)
{
	if (refused != OK)
		return placing_flaw(p, FLAW_RENAMED, path, refused);
	if (!name)
		return placing_flaw(p, FLAW_NAME_LOST, path, OK);
	return name->trust == SALVAGE_PROVEN ? OK : placing_flaw(p, FLAW_NAME_UNPROVEN, path, OK);
}

static enum err not_written(struct placing *p, const struct buf *path, enum err err)
{
	if (placing_ends(err))
		return err;
	return placing_flaw(p, FLAW_NOT_WRITTEN, path->data ? path->data : "lost+found", err);
}

static enum err make_folder(struct placing *p, struct relic *relic, const struct relic_name *name,
			    const struct relic *above)
{
	CLEANUP(buf_clear) struct buf path = {0};
	void *sink = (void *)(uintptr_t)p->sink;
	enum err err = OK, refused = OK;

	if (above)
		err = put_as(p, name, above->path, "", put_folder, sink, &path);
	if (above && is_taken(err))
		refused = err;
	if (!above || refused != OK) {
		buf_clear(&path);
		path = (struct buf){0};
		err = put_in_lost_found(p, relic, "", put_folder, sink, &path);
	}
	if (err != OK)
		return not_written(p, &path, err);
	relic->path = strdup(path.data);
	if (!relic->path)
		return err_at(ERR_NOMEM, "salvage");
	p->result->folders++;
	return tell_of_name(p, above ? name : NULL, refused, path.data);
}

static enum err place_folder(struct placing *p, struct relic *relic, unsigned depth)
{
	const struct relic_name *name = folder_name(p, relic);
	struct relic *above = NULL;

	if (relic->is_placed)
		return OK;
	relic->is_placing = true;
	if (name)
		TRY(folder_of(p, name, depth, &above));
	relic->is_placing = false;
	relic->is_placed = true;
	return make_folder(p, relic, name, above);
}

/* The top is there even where nothing of the root folder is. */
static enum err place_root(struct placing *p)
{
	struct relic *root = relics_find(p->relics, VOLUME_ROOT);

	if (!root)
		return placing_flaw(p, FLAW_NAMES, "", OK);
	root->path = strdup("");
	root->is_placed = true;
	return root->path ? OK : err_at(ERR_NOMEM, "salvage");
}

enum err placing_folders(struct placing *p)
{
	TRY(place_root(p));
	for (size_t i = 0; i < p->relics->count; i++) {
		struct relic *relic = &p->relics->at[i];

		if (!relic_is_folder(relic) || relic->is_deleted)
			continue;
		TRY(place_folder(p, relic, 0));
		if (!relic->path)
			continue;
		if (relics_folder_names_lost(p->relics, relic))
			TRY(placing_flaw(p, FLAW_NAMES, relic->path, OK));
		else if (!relic->has_inode)
			TRY(placing_flaw(p, FLAW_PROPERTIES, relic->path, OK));
	}
	return OK;
}

static int deepest_first(const void *a, const void *b)
{
	const struct relic *x = *(struct relic *const *)a, *y = *(struct relic *const *)b;
	size_t x_len = strlen(x->path), y_len = strlen(y->path);

	return x_len < y_len ? 1 : x_len > y_len ? -1 : 0;
}

/* A path is longer than the one it begins with, so length tells what is below what. */
enum err placing_folders_end(struct placing *p)
{
	CLEANUP(mem_freep) struct relic **list = calloc(p->relics->count + 1, sizeof(*list));
	size_t count = 0;

	if (!list)
		return err_at(ERR_NOMEM, "salvage");
	for (size_t i = 0; i < p->relics->count; i++)
		if (p->relics->at[i].path && p->relics->at[i].has_inode)
			list[count++] = &p->relics->at[i];
	if (count > 0)
		qsort(list, count, sizeof(*list), deepest_first);
	for (size_t i = 0; i < count; i++) {
		struct volume_attr attr;
		enum err err;

		placing_attr(list[i], &attr);
		err = p->sink->folder_end(p->sink->ctx, list[i]->path, &attr);
		if (err != OK && placing_ends(err))
			return err;
		if (err != OK)
			TRY(placing_flaw(p, FLAW_NOT_WRITTEN, list[i]->path, err));
	}
	return OK;
}

/* ---- files ---- */

struct more_names {
	struct placing *p;
	const char *old;
};

static enum err put_link(void *ctx, const char *path)
{
	struct more_names *m = ctx;

	return m->p->sink->link(m->p->sink->ctx, m->old, path);
}

static enum err add_name(struct placing *p, const struct placing_file *file,
			 const struct relic_name *name, const char *old)
{
	CLEANUP(buf_clear) struct buf path = {0};
	struct more_names more = {p, old};
	struct relic *folder;
	enum err err;

	TRY(folder_of(p, name, 0, &folder));
	if (!folder)
		return placing_flaw(p, FLAW_OTHER_NAME, old, OK);
	err = put_as(p, name, folder->path, file->suffix, put_link, &more, &path);
	if (err != OK)
		return not_written(p, &path, err);
	p->result->files++;
	TRY(tell_of_name(p, name, OK, path.data));
	return file->tell(file->ctx, path.data);
}

/* The first of its names that can be had. Without any, *ret_name stays NULL and path is empty. */
static enum err first_name(struct placing *p, const struct relic *relic, const char *suffix,
			   put_fn put, void *ctx, struct buf *path,
			   const struct relic_name **ret_name, enum err *refused)
{
	for (size_t i = 0; i < relic->name_count; i++) {
		const struct relic_name *name = &p->relics->names[relic->name_at + i];
		struct relic *folder = NULL;
		enum err err;

		if (name->dropped)
			continue;
		TRY(folder_of(p, name, 0, &folder));
		if (!folder)
			continue;
		err = put_as(p, name, folder->path, suffix, put, ctx, path);
		if (err != OK && !is_taken(err))
			return err;
		if (err == OK) {
			*ret_name = name;
			return OK;
		}
		*refused = err;
	}
	buf_clear(path);
	*path = (struct buf){0};
	return OK;
}

static enum err more_names(struct placing *p, const struct placing_file *file,
			   const struct relic_name *first, const char *path)
{
	const struct relic *relic = file->relic;

	for (size_t i = 0; i < relic->name_count; i++) {
		const struct relic_name *name = &p->relics->names[relic->name_at + i];

		if (name != first && !name->dropped)
			TRY(add_name(p, file, name, path));
	}
	if (relic->has_inode && relics_names_left(p->relics, relic) < relic->item.nlink)
		return placing_flaw(p, FLAW_OTHER_NAME, path, OK);
	return OK;
}

enum err placing_file(struct placing *p, const struct placing_file *file)
{
	CLEANUP(buf_clear) struct buf path = {0};
	const struct relic_name *name = NULL;
	enum err refused = OK;
	enum err err = first_name(p, file->relic, file->suffix, file->put, file->ctx, &path, &name,
				  &refused);

	if (err == OK && !name)
		err = put_in_lost_found(p, file->relic, file->suffix, file->put, file->ctx, &path);
	if (err != OK)
		return placing_ends(err)
			       ? err
			       : placing_flaw(p, FLAW_NOT_WRITTEN, path.data ? path.data : "", err);
	p->result->files++;
	TRY(tell_of_name(p, name, name ? OK : refused, path.data));
	TRY(file->tell(file->ctx, path.data));
	return name ? more_names(p, file, name, path.data) : OK;
}

static enum err no_put(void *ctx, const char *path)
{
	return OK;
}

enum err placing_file_refused(struct placing *p, const struct relic *relic, enum err why)
{
	CLEANUP(buf_clear) struct buf path = {0};
	const struct relic_name *name = NULL;
	enum err refused = OK;

	TRY(first_name(p, relic, "", no_put, NULL, &path, &name, &refused));
	if (!name) {
		enum err err = put_in_lost_found(p, relic, "", no_put, NULL, &path);

		if (placing_ends(err))
			return err;
	}
	p->result->lost++;
	return not_written(p, &path, why);
}

enum err placing_tell_lost(struct placing *p)
{
	for (size_t i = 0; i < p->relics->name_count; i++) {
		CLEANUP(buf_clear) struct buf path = {0};
		const struct relic_name *name = &p->relics->names[i];
		const struct relic *relic = relics_find(p->relics, name->ino);
		struct relic *folder;

		if (name->dropped || (relic && !relic_is_lost(relic)))
			continue;
		TRY(folder_of(p, name, 0, &folder));
		TRY(join(folder ? folder->path : "?", name->text, "", 1, &path));
		p->result->lost++;
		TRY(placing_flaw(p, FLAW_LOST, path.data, OK));
	}
	return OK;
}

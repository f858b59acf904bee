/* The whole volume examined: every block by the store, every relation between items here. */
#include "volume/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

#define DEPTH_MAX 4096u

struct fact { /* of one object, in the order of numbers */
	uint64_t ino;
	struct inode_item item;
	bool has_inode, has_inline, is_orphan, is_hurt;
	bool is_cut;	 /* to a size that is marked: content may stand behind the end */
	bool is_reached; /* its names lead up to the root */
	uint64_t blocks, data_end; /* found */
	uint64_t names, folders;   /* names it has, folders it holds */
	size_t name;		   /* index of one of its names, plus 1 */
};

struct name_fact {
	uint64_t ino, folder, offset; /* what is named; the entry's key */
	uint32_t type;
};

struct orphan_fact {
	uint64_t ino;
	struct orphan_item item;
};

struct hurt_note {
	uint64_t ino;
	enum err what;
	const char *why;
};

struct check {
	struct volume *v;
	struct fact *facts;
	struct name_fact *names;
	struct hurt_note *notes;
	struct orphan_fact *orphans; /* in the order of numbers */
	size_t fact_count, name_count, note_count, orphan_count;
	size_t fact_cap, name_cap, note_cap, orphan_cap;
	bool lost; /* a node: what lay below it is unknown */
	uint64_t note_end, log_end; /* keys at which the next piece, the next line is due */
	void (*hurt)(void *ctx, const char *path, enum err what, const char *why);
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	uint64_t problems;
};

static void check_clear(struct check *c)
{
	free(c->facts);
	free(c->names);
	free(c->notes);
	free(c->orphans);
}

static enum err array_room(void **array, size_t count, size_t *cap, size_t size)
{
	size_t wide = *cap ? *cap * 2 : 64;
	void *grown;

	if (count < *cap)
		return OK;
	grown = realloc(*array, wide * size);
	if (!grown)
		return ERR_NOMEM;
	*array = grown;
	*cap = wide;
	return OK;
}

/* Paths are known only after the walk, so what is wrong is noted first. */
static enum err check_note(struct check *c, uint64_t ino, enum err what, const char *why)
{
	TRY(array_room((void **)&c->notes, c->note_count, &c->note_cap, sizeof(*c->notes)));
	c->notes[c->note_count++] = (struct hurt_note){ino, what, why};
	return OK;
}

/* ---- the walk ---- */

static enum err fact_of_walk(struct check *c, uint64_t ino, struct fact **ret)
{
	if (c->fact_count == 0 || c->facts[c->fact_count - 1].ino != ino) {
		TRY(array_room((void **)&c->facts, c->fact_count, &c->fact_cap, sizeof(*c->facts)));
		c->facts[c->fact_count++] = (struct fact){.ino = ino};
	}
	*ret = &c->facts[c->fact_count - 1];
	return OK;
}

static enum err walk_orphan(struct check *c, const struct store_view *view)
{
	struct orphan_item item;

	if (orphan_decode(view, &item) != OK)
		return check_note(c, view->key.offset, ERR_MALFORMED, "bad unfinished deletion");
	TRY(array_room((void **)&c->orphans, c->orphan_count, &c->orphan_cap, sizeof(*c->orphans)));
	c->orphans[c->orphan_count++] = (struct orphan_fact){view->key.offset, item};
	return OK;
}

/* Pieces of a note stand side by side from the beginning on. */
static enum err walk_note(struct check *c, const struct store_view *view, enum err damage)
{
	bool begins = (view->key.offset & UINT32_MAX) == 0;

	if (note_check(view) != OK)
		return check_note(c, 0, ERR_MALFORMED, "bad note of the program");
	if (damage != OK)
		TRY(check_note(c, 0, damage, "a note of the program cannot be read"));
	if (!begins && view->key.offset != c->note_end && !c->lost)
		TRY(check_note(c, 0, ERR_MALFORMED, "a note of the program lacks a piece"));
	c->note_end = view->key.offset + view->record.extra;
	return OK;
}

static enum err walk_log(struct check *c, const struct store_view *view)
{
	if (view->key.offset != c->log_end && !c->lost)
		TRY(check_note(c, 0, ERR_MALFORMED, "the volume's log lacks a line"));
	c->log_end = view->key.offset + 1;
	if (log_check(view) != OK)
		return check_note(c, 0, ERR_MALFORMED, "bad line in the volume's log");
	return OK;
}

static enum err walk_volume_item(struct check *c, const struct store_view *view, enum err damage)
{
	struct meta meta;

	if (view->key.kind == ITEM_META && view->key.offset == 0 && meta_decode(view, &meta) == OK)
		return OK;
	if (view->key.kind == ITEM_ORPHAN)
		return walk_orphan(c, view);
	if (view->key.kind == ITEM_NOTE)
		return walk_note(c, view, damage);
	if (view->key.kind == ITEM_LOG)
		return walk_log(c, view);
	return check_note(c, 0, ERR_MALFORMED, "unknown item of the volume");
}

static enum err walk_extent(struct check *c, struct fact *f, const struct store_view *view)
{
	uint64_t window = view->key.offset >> c->v->shift;

	if (extent_check(view, c->v->shift) != OK)
		return check_note(c, f->ino, ERR_MALFORMED, "bad extent");
	if (f->has_inode && !S_ISREG(f->item.mode))
		return check_note(c, f->ino, ERR_MALFORMED, "content of what is no file");
	if (view->key.offset < f->data_end)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "extents overlap"));
	f->blocks += (uint64_t)view->record.blocks * (DISK_BLOCK / 512);
	f->data_end = MAX(f->data_end, view->key.offset + view->record.extra);
	if (f->has_inline && window == 0)
		return check_note(c, f->ino, ERR_MALFORMED, "content in two places");
	return OK;
}

static enum err walk_inline(struct check *c, struct fact *f, const struct store_view *view)
{
	if (inline_check(view, S_ISLNK(f->item.mode)) != OK)
		return check_note(c, f->ino, ERR_MALFORMED, "bad small content");
	if (f->has_inode && !S_ISREG(f->item.mode) && !S_ISLNK(f->item.mode))
		return check_note(c, f->ino, ERR_MALFORMED, "content of what is no file");
	f->has_inline = true;
	f->blocks += (view->len + 511) / 512;
	f->data_end = MAX(f->data_end, view->len);
	return OK;
}

static enum err walk_dirent(struct check *c, struct fact *f, const struct store_view *view)
{
	struct dirent_item entry;
	uint64_t bucket;

	if (dirent_decode(view, &entry) != OK)
		return check_note(c, f->ino, ERR_MALFORMED, "bad entry");
	bucket = dirent_bucket(c->v->meta.name_key, entry.name, entry.name_len);
	if (view->key.offset - bucket >= BUCKET_SIZE)
		TRY(check_note(c, entry.ino, ERR_MALFORMED, "name in the wrong place"));
	TRY(array_room((void **)&c->names, c->name_count, &c->name_cap, sizeof(*c->names)));
	c->names[c->name_count++] =
		(struct name_fact){entry.ino, f->ino, view->key.offset, (uint32_t)entry.type << 12};
	return OK;
}

static enum err walk_xattr(struct check *c, struct fact *f, const struct store_view *view)
{
	struct xattr_item xattr;
	uint64_t bucket;

	if (xattr_decode(view, &xattr) != OK)
		return check_note(c, f->ino, ERR_MALFORMED, "bad extended attribute");
	bucket = xattr_bucket(c->v->meta.name_key, xattr.name, xattr.name_len);
	if (view->key.offset - bucket >= BUCKET_SIZE)
		return check_note(c, f->ino, ERR_MALFORMED, "attribute in the wrong place");
	return OK;
}

static enum err walk_inode(struct check *c, struct fact *f, const struct store_view *view)
{
	f->has_inode = inode_item_decode(view, &f->item) == OK && view->key.offset == 0;
	if (!f->has_inode)
		return check_note(c, f->ino, ERR_MALFORMED, "bad description");
	return OK;
}

static enum err walk_object_item(struct check *c, struct fact *f, const struct store_view *view)
{
	switch (view->key.kind) {
	case ITEM_INODE:
		return walk_inode(c, f, view);
	case ITEM_INLINE:
		return walk_inline(c, f, view);
	case ITEM_EXTENT:
		return walk_extent(c, f, view);
	case ITEM_DIRENT:
		return walk_dirent(c, f, view);
	case ITEM_XATTR:
		return walk_xattr(c, f, view);
	default:
		return check_note(c, f->ino, ERR_MALFORMED, "unknown item");
	}
}

static enum err walk_item(void *ctx, const struct store_view *view, enum err damage)
{
	struct check *c = ctx;
	struct fact *f;

	if (view->key.object == 0)
		return walk_volume_item(c, view, damage);
	TRY(fact_of_walk(c, view->key.object, &f));
	if (damage != OK && !f->is_hurt) {
		f->is_hurt = true;
		TRY(check_note(c, f->ino, damage,
			       damage == ERR_MALFORMED ? "its blocks are not its own"
						       : "content cannot be read"));
	}
	return walk_object_item(c, f, view);
}

static enum err walk_lost(void *ctx, const struct store_key *from, enum err damage)
{
	struct check *c = ctx;

	c->lost = true;
	return check_note(c, from->object, damage, "items from here on cannot be read");
}

static void walk_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct check *c = ctx;

	if (c->progress)
		c->progress(c->ctx, done, total);
}

/* ---- relations ---- */

static struct fact *fact_find(const struct check *c, uint64_t ino)
{
	size_t low = 0, high = c->fact_count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (c->facts[middle].ino < ino)
			low = middle + 1;
		else
			high = middle;
	}
	return low < c->fact_count && c->facts[low].ino == ino ? &c->facts[low] : NULL;
}

static enum err relate_name(struct check *c, size_t i)
{
	const struct name_fact *n = &c->names[i];
	struct fact *f = fact_find(c, n->ino);
	struct fact *folder = fact_find(c, n->folder);

	if (f && f->name == 0)
		f->name = i + 1;
	if (folder->has_inode && !S_ISDIR(folder->item.mode))
		TRY(check_note(c, n->ino, ERR_MALFORMED, "its folder is none"));
	if (!f || !f->has_inode)
		return OK; /* relate_missing tells it with its name */
	f->names++;
	if ((f->item.mode & S_IFMT) != n->type)
		TRY(check_note(c, n->ino, ERR_MALFORMED, "name and file differ in type"));
	if (!S_ISDIR(f->item.mode))
		return OK;
	folder->folders++;
	if (f->item.parent != n->folder)
		TRY(check_note(c, n->ino, ERR_MALFORMED, "folder knows another parent"));
	return f->names > 1 ? check_note(c, n->ino, ERR_MALFORMED, "folder has two names") : OK;
}

static enum err relate_links(struct check *c, const struct fact *f)
{
	bool folder = S_ISDIR(f->item.mode);
	uint64_t links = folder ? 2 + f->folders : f->names;

	if (f->names == 0 && f->ino != VOLUME_ROOT)
		return check_note(c, f->ino, ERR_MALFORMED, "has no name");
	if (f->names > 0 && f->ino == VOLUME_ROOT)
		return check_note(c, f->ino, ERR_MALFORMED, "the root has a name");
	if (!folder && f->name > 0 && links != f->item.nlink)
		return check_note(c, f->ino, ERR_MALFORMED, "wrong number of links");
	if (folder && links != f->item.nlink)
		return check_note(c, f->ino, ERR_MALFORMED, "wrong number of folders");
	return OK;
}

static enum err relate_fact(struct check *c, const struct fact *f)
{
	if (f->ino >= c->v->next_ino)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "its number was not given out yet"));
	if (f->is_orphan && f->names > 0)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "has a name and is to be deleted"));
	if (f->is_orphan)
		return OK;
	if (!f->has_inode)
		return f->name > 0 ? OK
				   : check_note(c, f->ino, ERR_MALFORMED, "has no description");
	if (f->data_end > f->item.size && !f->is_cut)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "content behind the end"));
	if (S_ISLNK(f->item.mode) && f->data_end < f->item.size)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "target of another length"));
	if (f->has_inline != f->item.is_inline)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "small content is missing"));
	if (f->blocks != f->item.blocks)
		TRY(check_note(c, f->ino, ERR_MALFORMED, "wrong number of blocks"));
	return relate_links(c, f);
}

/* The folder that holds it; NULL for the root and where no name leads on, which is told elsewhere. */
static struct fact *fact_above(struct check *c, const struct fact *f)
{
	if (f->ino == VOLUME_ROOT || f->is_reached || f->name == 0)
		return NULL;
	return fact_find(c, c->names[f->name - 1].folder);
}

/* Folders that hold each other have names enough, but nobody comes there from the root. */
static enum err relate_way(struct check *c, struct fact *f)
{
	struct fact *at = f, *above;
	size_t steps = 0;

	while ((above = fact_above(c, at)) != NULL && steps++ <= c->fact_count)
		at = above;
	if (above && !S_ISDIR(f->item.mode))
		return OK; /* its folder is told */
	if (above)
		return check_note(c, f->ino, ERR_MALFORMED, "cannot be reached from the root");
	for (at = f; (above = fact_above(c, at)) != NULL; at = above)
		at->is_reached = true;
	return OK;
}

static enum err relate_counters(struct check *c)
{
	uint64_t files = 0, bytes = 0;

	for (size_t i = 0; i < c->fact_count; i++) {
		const struct fact *f = &c->facts[i];

		if (!f->has_inode || f->is_orphan || f->ino == VOLUME_ROOT)
			continue;
		files++;
		bytes += S_ISREG(f->item.mode) ? f->item.size : 0;
	}
	if (c->lost || (files == c->v->files && bytes == c->v->bytes))
		return OK;
	return check_note(c, 0, ERR_MALFORMED, "wrong counters");
}

/* A mark stands for something: a file to be cut, or items of an inode without names. */
static enum err relate_orphan(struct check *c, const struct orphan_fact *orphan)
{
	struct fact *f = fact_find(c, orphan->ino);

	if (!f || orphan->ino == VOLUME_ROOT)
		return c->lost ? OK
			       : check_note(c, orphan->ino, ERR_MALFORMED,
					    "unfinished deletion of nothing");
	if (orphan->item.what == ORPHAN_DELETE) {
		f->is_orphan = true;
		return OK;
	}
	f->is_cut = true;
	if (!f->has_inode || S_ISREG(f->item.mode))
		return OK;
	return check_note(c, f->ino, ERR_MALFORMED, "unfinished cut of what is no file");
}

static enum err relate_all(struct check *c)
{
	for (size_t i = 0; i < c->orphan_count; i++)
		TRY(relate_orphan(c, &c->orphans[i]));
	if (!c->lost && !fact_find(c, VOLUME_ROOT))
		TRY(check_note(c, VOLUME_ROOT, ERR_MALFORMED, "the root is missing"));
	for (size_t i = 0; i < c->name_count; i++)
		TRY(relate_name(c, i));
	for (size_t i = 0; i < c->fact_count; i++)
		TRY(relate_fact(c, &c->facts[i]));
	for (size_t i = 0; i < c->fact_count; i++)
		TRY(relate_way(c, &c->facts[i]));
	return relate_counters(c);
}

/* ---- telling ---- */

/* The name behind an entry, read again; "?" when that is not possible. */
static void entry_name(struct check *c, const struct name_fact *n, char out[VOLUME_NAME_BYTES + 1])
{
	struct store_key key = item_key(n->folder, ITEM_DIRENT, n->offset);
	struct dirent_item entry;
	struct store_view view;

	strcpy(out, "?");
	store_read_begin(c->v->store);
	if (store_find(c->v->store, &key, &view) == OK && dirent_decode(&view, &entry) == OK) {
		memcpy(out, entry.name, entry.name_len);
		out[entry.name_len] = '\0';
	}
	store_read_end(c->v->store);
}

static enum err path_prepend(struct buf *path, const char *name)
{
	CLEANUP(buf_clear) struct buf longer = {0};
	struct buf old = *path;

	TRY(buf_printf(&longer, "/%s%s", name, old.data ? old.data : ""));
	*path = longer;
	longer = old;
	return OK;
}

/* From an entry up to the root. */
static enum err path_of_entry(struct check *c, const struct name_fact *n, struct buf *path)
{
	char name[VOLUME_NAME_BYTES + 1];

	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		struct fact *folder;

		entry_name(c, n, name);
		TRY(path_prepend(path, name));
		if (n->folder == VOLUME_ROOT)
			return OK;
		folder = fact_find(c, n->folder);
		if (!folder || !folder->is_reached)
			break;
		n = &c->names[folder->name - 1];
	}
	return path_prepend(path, "?");
}

static void tell(struct check *c, const char *path, enum err what, const char *why)
{
	c->problems++;
	if (c->hurt)
		c->hurt(c->ctx, path, what, why);
}

static enum err tell_note(struct check *c, const struct hurt_note *note)
{
	CLEANUP(buf_clear) struct buf path = {0};
	const struct fact *f = fact_find(c, note->ino);

	if (note->ino == VOLUME_ROOT || note->ino == 0)
		TRY(buf_puts(&path, "/"));
	else if (f && f->name > 0)
		TRY(path_of_entry(c, &c->names[f->name - 1], &path));
	else
		TRY(buf_printf(&path, "inode %llu", (unsigned long long)note->ino));
	tell(c, path.data, note->what, note->why);
	return OK;
}

/* Names whose file is gone have no fact of their own: each is told by its name. */
static enum err tell_missing(struct check *c)
{
	for (size_t i = 0; i < c->name_count; i++) {
		CLEANUP(buf_clear) struct buf path = {0};
		const struct fact *f = fact_find(c, c->names[i].ino);

		if (f && f->has_inode)
			continue;
		TRY(path_of_entry(c, &c->names[i], &path));
		tell(c, path.data, c->lost ? ERR_FORGED : ERR_MALFORMED, "the file is lost");
	}
	return OK;
}

/* What the store's own books say of the blocks. */
static void tell_blocks(struct check *c, const struct store_check_result *found)
{
	if (found->unreachable_blocks > 0)
		tell(c, "/", ERR_MALFORMED, "blocks are counted as used, and nothing uses them");
	if (found->uncounted_blocks > 0)
		tell(c, "/", ERR_MALFORMED, "blocks are used, and were not counted");
}

static enum err check_tell(struct check *c)
{
	for (size_t i = 0; i < c->note_count; i++)
		TRY(tell_note(c, &c->notes[i]));
	return tell_missing(c);
}

static enum err check_locked(struct check *c, struct store_check_result *ret)
{
	struct store_check walk = {
		.item = walk_item, .lost = walk_lost, .progress = walk_progress, .ctx = c};

	TRY(store_check(c->v->store, &walk, ret));
	TRY(relate_all(c));
	tell_blocks(c, ret);
	return check_tell(c);
}

/* Changes wait meanwhile; reading goes on. */
enum err volume_check(struct volume *v,
		      void (*hurt)(void *ctx, const char *path, enum err what, const char *why),
		      void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx,
		      struct volume_check_result *ret)
{
	CLEANUP(check_clear)
	struct check c = {.v = v, .hurt = hurt, .progress = progress, .ctx = ctx};
	struct store_check_result result = {0};
	enum err err;

	TRY(volume_hold_still(v));
	err = check_locked(&c, &result);
	volume_let_go(v);
	TRY(err);
	ret->store = result;
	ret->files = c.fact_count > 0 ? c.fact_count - 1 : 0;
	ret->problems = c.problems;
	return OK;
}

#include "tests/volume/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"
#include "tests/volume/listing.h"

static void *room(void *array, size_t count, size_t *cap, size_t size)
{
	if (count < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 64;
	array = realloc(array, *cap * size);
	assert_non_null(array);
	return array;
}

/* ---- the sink ---- */

static enum err name_is_free(struct outcome *o, const char *path)
{
	const char *slash = strrchr(path, '/');
	char above[4096] = "";

	if (slash) {
		snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
		assert_non_null(outcome_find(o, above));
	}
	return outcome_find(o, path) ? ERR_EXISTS : OK;
}

static struct brought *add(struct outcome *o, const char *path)
{
	o->at = room(o->at, o->count, &o->cap, sizeof(*o->at));
	o->at[o->count] = (struct brought){.path = strdup(path)};
	return &o->at[o->count++];
}

static enum err take_folder(void *ctx, const char *path)
{
	struct outcome *o = ctx;

	TRY(name_is_free(o, path));
	add(o, path)->attr.mode = S_IFDIR;
	return OK;
}

static enum err take_begin(void *ctx)
{
	struct outcome *o = ctx;

	assert_null(o->file.data);
	o->file = (struct brought){.data = calloc(1, 1)};
	return OK;
}

static enum err take_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	struct brought *file = &((struct outcome *)ctx)->file;

	if (off + len > file->len) {
		file->data = realloc(file->data, off + len + 1);
		memset(file->data + file->len, 0, off + len + 1 - file->len);
		file->len = off + len;
	}
	memcpy(file->data + off, data, len);
	return OK;
}

static enum err take_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	struct outcome *o = ctx;
	struct brought *b;
	char *name;

	TRY(name_is_free(o, path));
	if (attr->size > o->file.len)
		TRY(take_data(o, attr->size - 1, "", 1));
	assert_int_equal(o->file.len, attr->size);
	b = add(o, path);
	name = b->path;
	*b = o->file;
	b->path = name;
	b->attr = *attr;
	o->file = (struct brought){0};
	return OK;
}

static void take_drop(void *ctx)
{
	struct outcome *o = ctx;

	free(o->file.data);
	o->file = (struct brought){0};
}

static void copy_of(const struct brought *from, struct brought *to)
{
	to->attr = from->attr;
	to->len = from->len;
	to->data = malloc(from->len + 1);
	memcpy(to->data, from->data, from->len);
	memcpy(to->xattrs, from->xattrs, sizeof(to->xattrs));
}

static enum err take_link(void *ctx, const char *old, const char *path)
{
	struct outcome *o = ctx;
	struct brought *b;

	TRY(name_is_free(o, path));
	b = add(o, path);
	assert_non_null(outcome_find(o, old));
	copy_of(outcome_find(o, old), b);
	return OK;
}

static enum err take_symlink(void *ctx, const char *target, const char *path,
			     const struct volume_attr *attr)
{
	struct outcome *o = ctx;
	struct brought *b;

	TRY(name_is_free(o, path));
	b = add(o, path);
	b->attr = *attr;
	b->data = (uint8_t *)strdup(target);
	b->len = strlen(target);
	return OK;
}

static enum err take_special(void *ctx, const char *path, const struct volume_attr *attr)
{
	TRY(name_is_free(ctx, path));
	add(ctx, path)->attr = *attr;
	return OK;
}

static void note_xattr(struct brought *b, const char *name, const void *value, size_t len)
{
	size_t at = strlen(b->xattrs);

	snprintf(b->xattrs + at, sizeof(b->xattrs) - at, "%s=%llx;", name,
		 (unsigned long long)listing_sum(value, len));
}

static enum err take_xattr(void *ctx, const char *path, const char *name, const void *value,
			   size_t len)
{
	struct outcome *o = ctx;

	note_xattr(path ? (struct brought *)(uintptr_t)outcome_find(o, path) : &o->file, name,
		   value, len);
	return OK;
}

static enum err take_folder_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	struct brought *b = (struct brought *)(uintptr_t)outcome_find(ctx, path);

	assert_non_null(b);
	assert_true(S_ISDIR(attr->mode));
	b->attr = *attr;
	return OK;
}

static enum err take_flaw(void *ctx, const struct salvage_flaw *flaw)
{
	struct outcome *o = ctx;

	o->flaws = room(o->flaws, o->flaw_count, &o->flaw_cap, sizeof(*o->flaws));
	o->flaws[o->flaw_count].flaw = *flaw;
	o->flaws[o->flaw_count++].flaw.path = strdup(flaw->path);
	return OK;
}

enum err outcome_try(struct fixture *f, struct disk *disk, struct outcome *ret)
{
	CLEANUP(salvage_closep) struct salvage *s = NULL;
	const struct salvage_sink sink = {
		.folder = take_folder,
		.begin = take_begin,
		.data = take_data,
		.end = take_end,
		.drop = take_drop,
		.link = take_link,
		.symlink = take_symlink,
		.special = take_special,
		.xattr = take_xattr,
		.folder_end = take_folder_end,
		.flaw = take_flaw,
		.ctx = ret,
	};
	enum err err;

	memset(ret, 0, sizeof(*ret));
	add(ret, "")->attr.mode = S_IFDIR;
	TRY(salvage_open(disk, &f->unlock, NULL, NULL, &s));
	err = volume_salvage(s, &sink, ret->label, &ret->result);
	salvage_facts(s, &ret->facts);
	assert_null(ret->file.data);
	return err;
}

void outcome_of(struct fixture *f, struct sim *image, struct outcome *ret)
{
	CLEANUP(disk_closep) struct disk *disk = sim_disk(image);
	uint64_t writes = sim_count(image, SIM_WRITE) + sim_count(image, SIM_FLUSH);

	assert_ok(outcome_try(f, disk, ret));
	assert_int_equal(sim_count(image, SIM_WRITE) + sim_count(image, SIM_FLUSH), writes);
	assert_int_equal(sim_count(image, SIM_GROW), 0);
}

static void brought_clear(struct brought *b)
{
	free(b->path);
	free(b->data);
}

void outcome_clear(struct outcome *o)
{
	for (size_t i = 0; i < o->count; i++)
		brought_clear(&o->at[i]);
	for (size_t i = 0; i < o->flaw_count; i++)
		free((char *)(uintptr_t)o->flaws[i].flaw.path);
	free(o->at);
	free(o->flaws);
}

const struct brought *outcome_find(const struct outcome *o, const char *path)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->at[i].path, path) == 0)
			return &o->at[i];
	return NULL;
}

const struct salvage_flaw *outcome_flaw(const struct outcome *o, const char *path)
{
	for (size_t i = 0; i < o->flaw_count; i++)
		if (strcmp(o->flaws[i].flaw.path, path) == 0)
			return &o->flaws[i].flaw;
	return NULL;
}

bool outcome_tells(const struct outcome *o, const char *path, enum salvage_flaw_kind kind)
{
	for (size_t i = 0; i < o->flaw_count; i++)
		if (strcmp(o->flaws[i].flaw.path, path) == 0 && o->flaws[i].flaw.kind == kind)
			return true;
	return false;
}

/* ---- what was there ---- */

static void use(struct inventory *v, const struct store_key *key, uint64_t addr, unsigned blocks)
{
	v->uses = room(v->uses, v->use_count, &v->use_cap, sizeof(*v->uses));
	v->uses[v->use_count++] = (struct use){key->object, addr, blocks, key->kind, key->offset};
}

static void take_leaf(struct inventory *v, const struct ref *ref, const uint8_t *page)
{
	for (unsigned i = 0; i < page_count(page); i++) {
		struct page_item item;
		struct store_key key;
		struct ref record;

		page_item_at(page, i, &item);
		key_decode(item.key, &key);
		use(v, &key, ref->addr, ref->blocks);
		if (!item.ref)
			continue;
		ref_decode(item.ref, &record);
		use(v, &key, record.addr, record.blocks);
	}
}

static void take_node(struct fixture *f, struct inventory *v, const struct ref *ref, unsigned level)
{
	uint8_t page[FORMAT_PAGE_LEN];

	assert_ok(node_load(f->disk, f->store->sealer, ref, level, page));
	if (level == 0) {
		v->leaves[v->leaf_count++] = ref->addr;
		take_leaf(v, ref, page);
		return;
	}
	v->nodes[v->node_count++] = ref->addr;
	for (unsigned i = 0; i < page_count(page); i++) {
		struct ref child;

		ref_decode(page_child(page, i), &child);
		take_node(f, v, &child, level - 1);
	}
}

static void hold_xattrs(struct fixture *f, struct brought *b)
{
	char names[4096];
	uint8_t value[VOLUME_XATTR_MAX];
	size_t len, got;

	assert_ok(volume_list_xattr(f->v, b->attr.ino, names, sizeof(names), &len));
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		assert_ok(volume_get_xattr(f->v, b->attr.ino, name, value, sizeof(value), &got));
		note_xattr(b, name, value, got);
	}
}

static void hold_content(struct fixture *f, struct brought *b)
{
	b->data = calloc(1, MAX(b->attr.size, VOLUME_SYMLINK_MAX) + 1);
	if (S_ISREG(b->attr.mode)) {
		assert_ok(volume_read(f->v, b->attr.ino, 0, b->data, b->attr.size, &b->len));
		hold_xattrs(f, b);
	}
	if (S_ISLNK(b->attr.mode)) {
		assert_ok(volume_readlink(f->v, b->attr.ino, (char *)b->data,
					  VOLUME_SYMLINK_MAX + 1));
		b->len = b->attr.size;
	}
}

struct holding {
	struct fixture *f;
	struct inventory *out;
	uint64_t folder;
	const char *path;
};

static bool hold_name(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct holding *h = ctx;
	struct inventory *v = h->out;
	struct held *held;
	char path[4096];

	v->at = room(v->at, v->count, &v->cap, sizeof(*v->at));
	held = &v->at[v->count++];
	*held = (struct held){.folder = h->folder};
	snprintf(path, sizeof(path), "%s%s%s", h->path, *h->path ? "/" : "", name);
	held->what.path = strdup(path);
	held->what.attr.ino = attr->ino;
	return true;
}

void inventory_take(struct fixture *f, struct inventory *ret)
{
	struct holding top = {f, ret, VOLUME_ROOT, ""};
	struct ref root;

	memset(ret, 0, sizeof(*ret));
	assert_ok(volume_sync(f->v));
	tree_root(f->store->tree, &root);
	ret->depth = tree_depth(f->store->tree);
	take_node(f, ret, &root, ret->depth - 1);
	assert_ok(volume_readdir(f->v, VOLUME_ROOT, 0, true, hold_name, &top));
	for (size_t i = 0; i < ret->count; i++) {
		struct brought *b = &ret->at[i].what;
		const char *slash = strrchr(b->path, '/');
		struct name_place place;

		assert_ok(name_find(f->v, ret->at[i].folder, slash ? slash + 1 : b->path, &place));
		ret->at[i].place = place.key.offset;
		assert_ok(volume_getattr(f->v, b->attr.ino, &b->attr));
		hold_content(f, b);
		if (S_ISDIR(b->attr.mode)) {
			struct holding below = {f, ret, b->attr.ino, b->path};

			assert_ok(volume_readdir(f->v, b->attr.ino, 0, true, hold_name, &below));
		}
	}
}

void inventory_clear(struct inventory *v)
{
	for (size_t i = 0; i < v->count; i++)
		brought_clear(&v->at[i].what);
	free(v->at);
	free(v->uses);
}

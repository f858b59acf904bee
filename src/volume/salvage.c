/* The content of salvaged files, in the order of keys: object by object, piece by piece. */
#include "volume/salvage.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/secret.h"
#include "volume/placing.h"

#define SHIFT_MAX 17u

struct hole {
	uint64_t from, to;
};

/* The object that is being brought out. */
struct bringing {
	struct salvage *store;
	struct placing *placing;
	const struct salvage_sink *sink;
	uint8_t *record; /* STORE_RECORD_MAX */
	uint64_t done_bytes, total_bytes;

	struct relic *now; /* NULL: none, or one that is passed over */
	uint64_t object;   /* whose items are coming */
	bool is_begun;	   /* a file is open at the sink */
	bool attributes_lost;
	bool small_seen;	  /* INLINE was there, if it should be */
	enum err failed;	  /* the sink refused it: tell why, pass over the rest */
	enum salvage_trust trust; /* the least sure part so far */
	uint64_t end;		  /* of the content */
	uint64_t blocks;	  /* of 512 bytes, that came */
	char target[VOLUME_SYMLINK_MAX + 1];
	struct hole *holes; /* merged where they touch */
	size_t hole_count, hole_cap;
};

static const struct relics *relics_of(const struct bringing *b)
{
	return b->placing->relics;
}

/* ---- holes ---- */

static enum err add_hole(struct bringing *b, uint64_t from, uint64_t to)
{
	struct hole *last = b->hole_count ? &b->holes[b->hole_count - 1] : NULL;

	if (from >= to)
		return OK;
	if (last && last->to >= from) {
		last->to = MAX(last->to, to);
		return OK;
	}
	if (b->hole_count == b->hole_cap) {
		size_t cap = b->hole_cap ? b->hole_cap * 2 : 16;
		struct hole *holes = realloc(b->holes, cap * sizeof(*holes));

		if (!holes)
			return err_at(ERR_NOMEM, "salvage");
		b->holes = holes;
		b->hole_cap = cap;
	}
	b->holes[b->hole_count++] = (struct hole){from, to};
	return OK;
}

static int hole_order(const void *a, const void *b)
{
	const struct hole *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Content that the description counts and nobody found: where leaves are lost; if that tells
 * nothing, anywhere. */
static enum err add_missing(struct bringing *b)
{
	const struct relic *relic = b->now;
	const struct relics *relics = relics_of(b);
	uint64_t size = relic->has_inode ? relic->item.size : b->end;
	size_t before = b->hole_count;

	for (size_t i = 0; i < relics->lost_count; i++) {
		struct store_key from = relics->lost[i].from, to = relics->lost[i].to;
		struct store_key first = item_key(relic->ino, ITEM_EXTENT, 0);
		struct store_key last = item_key(relic->ino, ITEM_EXTENT, size);

		if (store_key_compare(&from, &first) < 0)
			from = first;
		if (store_key_compare(&to, &last) > 0)
			to = last;
		if (store_key_compare(&from, &to) < 0)
			TRY(add_hole(b, from.offset, to.offset));
	}
	if (relic->item.is_inline && !b->small_seen)
		TRY(add_hole(b, 0, MIN(size, INLINE_MAX)));
	return b->hole_count == before ? add_hole(b, 0, size) : OK;
}

/* The same, in order and told once. */
static enum err tell_holes(struct bringing *b, const char *path)
{
	uint64_t told = 0;

	if (b->hole_count > 0)
		qsort(b->holes, b->hole_count, sizeof(*b->holes), hole_order);
	for (size_t i = 0; i < b->hole_count; i++) {
		struct salvage_flaw flaw = {.kind = FLAW_DAMAGED,
					    .path = path,
					    .from = MAX(b->holes[i].from, told),
					    .to = b->holes[i].to};

		if (flaw.from >= flaw.to)
			continue;
		told = flaw.to;
		b->placing->result->flaws++;
		TRY(b->sink->flaw(b->sink->ctx, &flaw));
	}
	return OK;
}

/* ---- items ---- */

static enum err sink_said(struct bringing *b, enum err err)
{
	if (err == OK || placing_ends(err))
		return err;
	b->failed = err;
	return OK;
}

static enum err bring_bytes(struct bringing *b, uint64_t off, const uint8_t *data, size_t len,
			    enum salvage_trust trust)
{
	uint64_t size = b->now->has_inode ? b->now->item.size : UINT64_MAX;

	b->trust = MAX(b->trust, trust);
	if (off >= size)
		return OK;
	len = (size_t)MIN((uint64_t)len, size - off);
	b->end = MAX(b->end, off + len);
	b->done_bytes += len;
	b->placing->result->bytes += len;
	if (b->sink->progress)
		b->sink->progress(b->sink->ctx, b->done_bytes, MAX(b->done_bytes, b->total_bytes));
	return sink_said(b, b->sink->data(b->sink->ctx, off, data, len));
}

static enum err bring_small(struct bringing *b, const struct store_view *view,
			    enum salvage_trust trust)
{
	bool is_link = S_ISLNK(b->now->item.mode);

	if (inline_check(view, is_link) != OK)
		return OK; /* counts as missing */
	if (is_link) {
		memcpy(b->target, view->value, view->len);
		b->target[view->len] = '\0';
		b->trust = MAX(b->trust, trust);
	}
	b->small_seen = true;
	if (!b->is_begun || (b->now->has_inode && !b->now->item.is_inline))
		return OK;
	return bring_bytes(b, 0, view->value, view->len, trust);
}

static enum err bring_extent(struct bringing *b, const struct store_view *view,
			     enum salvage_trust trust)
{
	uint64_t from = view->key.offset;
	enum err err;

	if (!b->is_begun)
		return OK;
	err = extent_check(view, SHIFT_MAX);
	if (err == OK)
		err = salvage_record(b->store, &view->key, &view->record, b->record);
	if (err == OK)
		return bring_bytes(b, from, b->record, view->record.extra, trust);
	if (!salvage_is_loss(err))
		return err;
	if (b->now->has_inode)
		return add_hole(b, from, MIN(from + view->record.extra, b->now->item.size));
	b->end = MAX(b->end, from + view->record.extra);
	return add_hole(b, from, from + view->record.extra);
}

static enum err bring_xattr(struct bringing *b, const struct store_view *view,
			    enum salvage_trust trust)
{
	const char *path = b->is_begun ? NULL : b->now->path;
	const uint8_t *value;
	struct xattr_item item;
	char name[XATTR_NAME_MAX + 1];
	enum err err = OK;

	if (!b->is_begun && !path)
		return OK;
	/* Older than the rest: better none than one that was changed or taken away since. */
	if ((trust == SALVAGE_OLDER && MAX(b->trust, b->now->trust) < SALVAGE_OLDER) ||
	    xattr_decode(view, &item) != OK) {
		b->attributes_lost = true;
		return OK;
	}
	b->attributes_lost |= trust > b->now->trust;
	value = item.value;
	if (view->has_record) {
		err = salvage_record(b->store, &view->key, &view->record, b->record);
		value = b->record;
	}
	if (salvage_is_loss(err)) {
		b->attributes_lost = true;
		return OK;
	}
	TRY(err);
	memcpy(name, item.name, item.name_len);
	name[item.name_len] = '\0';
	if (strncmp(name, "user.", 5) != 0)
		return OK;
	err = b->sink->xattr(b->sink->ctx, path, name, value, item.value_len);
	b->attributes_lost |= err != OK;
	return placing_ends(err) ? err : OK;
}

/* ---- objects ---- */

static enum err begin_object(struct bringing *b, uint64_t ino)
{
	struct relic *relic = relics_find(relics_of(b), ino);

	b->object = ino;
	b->now = relic && !relic->is_deleted && !relic_is_lost(relic) ? relic : NULL;
	b->is_begun = b->attributes_lost = b->small_seen = false;
	b->failed = OK;
	b->trust = SALVAGE_PROVEN;
	b->end = b->blocks = 0;
	b->hole_count = 0;
	b->target[0] = '\0';
	if (relic)
		relic->is_brought = true;
	if (!b->now || !S_ISREG(b->now->item.mode))
		return OK;
	TRY(sink_said(b, b->sink->begin(b->sink->ctx)));
	b->is_begun = b->failed == OK;
	return OK;
}

static enum err put_file(void *ctx, const char *path)
{
	struct bringing *b = ctx;
	struct volume_attr attr;
	enum err err;

	placing_attr(b->now, &attr);
	if (!b->now->has_inode)
		attr.size = b->end;
	if (S_ISLNK(attr.mode))
		return b->sink->symlink(b->sink->ctx, b->target, path, &attr);
	if (!S_ISREG(attr.mode))
		return b->sink->special(b->sink->ctx, path, &attr);
	err = b->sink->end(b->sink->ctx, path, &attr);
	if (err == OK)
		b->is_begun = false;
	return err;
}

/* All content that the description counts came: what was there on the first walk need not be there
 * on the second. */
static bool is_complete(const struct bringing *b)
{
	return b->now->is_complete && b->blocks == b->now->item.blocks;
}

static bool is_hurt(const struct bringing *b)
{
	return b->hole_count > 0 || !b->now->has_inode || !is_complete(b);
}

static const char *suffix_of(const struct bringing *b)
{
	if (is_hurt(b))
		return ".damaged";
	return b->trust == SALVAGE_OLDER ? ".older" : "";
}

static enum err tell_file(void *ctx, const char *path)
{
	struct bringing *b = ctx;
	const struct relic *relic = b->now;

	if (!relic->has_inode)
		TRY(placing_flaw(b->placing, FLAW_PROPERTIES, path, OK));
	TRY(tell_holes(b, path));
	if (relic->has_inode && (b->trust == SALVAGE_OLDER || (is_hurt(b) && b->hole_count == 0)))
		return placing_flaw(b->placing, FLAW_OLDER, path, OK);
	if (b->trust == SALVAGE_LIKELY)
		TRY(placing_flaw(b->placing, FLAW_UNPROVEN, path, OK));
	if (b->attributes_lost || relics_lost(relics_of(b), relic->ino, ITEM_XATTR, 0, UINT64_MAX))
		return placing_flaw(b->placing, FLAW_ATTRIBUTES, path, OK);
	return OK;
}

/* A link of which only the name is left is as good as lost: there is nothing to point to. */
static enum err finish_file(struct bringing *b)
{
	struct placing_file file = {.relic = b->now, .put = put_file, .tell = tell_file, .ctx = b};
	uint64_t before = b->placing->result->files;
	bool regular = S_ISREG(b->now->item.mode);

	b->trust = MAX(b->trust, b->now->trust);
	if (!is_complete(b) && (regular || S_ISLNK(b->now->item.mode)))
		TRY(add_missing(b));
	if (S_ISLNK(b->now->item.mode) && !b->target[0])
		b->failed = ERR_FORGED;
	if (b->failed != OK)
		return placing_file_refused(b->placing, b->now, b->failed);
	file.suffix = suffix_of(b);
	TRY(placing_file(b->placing, &file));
	if (*file.suffix)
		b->placing->result->not_whole += b->placing->result->files - before;
	return OK;
}

static enum err end_object(struct bringing *b)
{
	enum err err = OK;

	if (b->now && !relic_is_folder(b->now))
		err = finish_file(b);
	else if (b->now && b->now->path && b->attributes_lost)
		err = placing_flaw(b->placing, FLAW_ATTRIBUTES, b->now->path, OK);
	if (b->is_begun)
		b->sink->drop(b->sink->ctx);
	b->is_begun = false;
	b->now = NULL;
	return err;
}

static enum err bring_item(void *ctx, const struct store_view *view, enum salvage_trust trust)
{
	struct bringing *b = ctx;

	if (view->key.object != b->object) {
		TRY(end_object(b));
		TRY(begin_object(b, view->key.object));
	}
	if (!b->now || b->failed != OK)
		return OK;
	switch (view->key.kind) {
	case ITEM_INLINE:
	case ITEM_EXTENT:
		if (trust > b->now->accept)
			return OK;
		b->blocks += relics_blocks(view);
		return view->key.kind == ITEM_INLINE ? bring_small(b, view, trust)
						     : bring_extent(b, view, trust);
	case ITEM_XATTR:
		return bring_xattr(b, view, trust);
	default:
		return OK;
	}
}

/* Seen on the first walk, and the medium gave nothing of it on the second. */
static enum err tell_not_brought(struct bringing *b)
{
	for (size_t i = 0; i < relics_of(b)->count; i++) {
		const struct relic *relic = &relics_of(b)->at[i];

		if (!relic->is_brought && !relic->is_deleted && !relic_is_folder(relic) &&
		    !relic_is_lost(relic))
			TRY(placing_file_refused(b->placing, relic, ERR_IO));
	}
	return OK;
}

static enum err bring_all(struct bringing *b)
{
	enum err err;

	b->record = malloc(STORE_RECORD_MAX);
	if (!b->record)
		return err_at(ERR_NOMEM, "salvage");
	for (size_t i = 0; i < relics_of(b)->count; i++)
		if (S_ISREG(relics_of(b)->at[i].item.mode) && !relics_of(b)->at[i].is_deleted)
			b->total_bytes += MIN(relics_of(b)->at[i].item.size,
					      relics_of(b)->at[i].item.blocks * 512);
	err = salvage_walk(b->store, bring_item, b);
	if (err == OK)
		err = end_object(b);
	if (err == OK)
		err = tell_not_brought(b);
	if (b->is_begun)
		b->sink->drop(b->sink->ctx);
	mem_wipe(b->record, STORE_RECORD_MAX);
	free(b->record);
	free(b->holes);
	return err;
}

static enum err take_item(void *ctx, const struct store_view *view, enum salvage_trust trust)
{
	return relics_take(ctx, view, trust);
}

enum err volume_salvage(struct salvage *s, const struct salvage_sink *sink, char ret_label[65],
			struct salvage_result *ret)
{
	CLEANUP(relics_clear) struct relics relics = {0};
	struct placing placing = {.relics = &relics, .sink = sink, .result = ret};
	struct bringing b = {.store = s, .placing = &placing, .sink = sink};
	const struct salvage_range *lost;
	size_t lost_count;

	memset(ret, 0, sizeof(*ret));
	ret_label[0] = '\0';
	TRY(salvage_walk(s, take_item, &relics));
	lost = salvage_lost(s, &lost_count);
	TRY(relics_settle(&relics, lost, lost_count));
	memcpy(ret_label, relics.label, sizeof(relics.label));
	TRY(placing_folders(&placing));
	TRY(bring_all(&b));
	TRY(placing_tell_lost(&placing));
	return placing_folders_end(&placing);
}

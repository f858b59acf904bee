/* Checking: every node and record of the state that is open is read and verified. */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"

struct checker {
	struct store *s;
	const struct store_check *ask;
	struct store_check_result *result;
	uint64_t *seen; /* a bit a block */
	uint64_t total;
	uint8_t *record, *pages;
};

/* Notes a run as reached; counts blocks that were reached before. False when it cannot be where it
 * says it is. */
static bool note_run(struct checker *c, const struct ref *ref)
{
	uint64_t before = c->result->doubly_used_blocks;

	if (ref->addr >= c->total || ref->blocks > c->total - ref->addr)
		return false;
	for (uint64_t i = ref->addr; i < ref->addr + ref->blocks; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (c->seen[i / 64] & bit)
			c->result->doubly_used_blocks++;
		c->seen[i / 64] |= bit;
	}
	c->result->blocks += ref->blocks - (c->result->doubly_used_blocks - before);
	return c->result->doubly_used_blocks == before;
}

static bool is_damage(enum err err)
{
	return err == ERR_FORGED || err == ERR_MALFORMED || err == ERR_IO || err == ERR_TRUNCATED;
}

static enum err check_item(struct checker *c, const uint8_t *page, unsigned i)
{
	struct page_item item;
	struct store_view view = { 0 };
	enum err damage = OK;

	page_item_at(page, i, &item);
	key_decode(item.key, &view.key);
	view.value = item.value;
	view.len = item.len;
	if (item.ref) {
		view.has_record = true;
		ref_decode(item.ref, &view.record);
		damage = note_run(c, &view.record) ? OK : ERR_MALFORMED;
		if (damage == OK)
			damage = store_record_verify(c->s, &view.key, &view.record, c->record);
		if (damage != OK && !is_damage(damage))
			return damage;
		c->result->records++;
		c->result->bad_records += damage != OK;
	}
	if (c->ask->progress)
		c->ask->progress(c->ask->ctx, c->result->blocks, c->s->super.used_blocks);
	return c->ask->item ? c->ask->item(c->ask->ctx, &view, damage) : OK;
}

/* A pointer, and the keys that may stand below it. */
struct place {
	struct ref ref;
	unsigned level;
	const uint8_t *low, *high; /* encoded keys; NULL: no bound */
};

static enum err load_node(struct checker *c, const struct place *at, uint8_t *page)
{
	TRY(note_run(c, &at->ref) ? OK : ERR_MALFORMED);
	TRY(node_load(c->s->disk, c->s->sealer, &at->ref, at->level, page));
	return page_within(page, at->low, at->high) ? OK : err_at(ERR_MALFORMED, "tree node");
}

static enum err check_node(struct checker *c, const struct place *at, uint32_t *ret_least);

/* *least: of the epochs seen so far. */
static enum err check_child(struct checker *c, const uint8_t *page, unsigned i,
			    const struct place *parent, uint32_t *least)
{
	struct place child = { .level = parent->level - 1 };
	uint32_t below;

	ref_decode(page_child(page, i), &child.ref);
	child.low = i > 0 ? page_key(page, i) : parent->low;
	child.high = i + 1 < page_count(page) ? page_key(page, i + 1) : parent->high;
	TRY(check_node(c, &child, &below));
	*least = MIN(*least, below);
	return OK;
}

static void note_record_epoch(const uint8_t *page, unsigned i, uint32_t *least)
{
	struct page_item item;
	struct ref ref;

	page_item_at(page, i, &item);
	if (!item.ref)
		return;
	ref_decode(item.ref, &ref);
	*least = MIN(*least, ref.epoch);
}

static enum err node_lost(struct checker *c, const struct place *at, enum err damage)
{
	struct store_key from = { 0 };

	if (at->low)
		key_decode(at->low, &from);
	c->result->bad_nodes++;
	return c->ask->lost ? c->ask->lost(c->ask->ctx, &from, damage) : OK;
}

/* *ret_least: the least epoch of anything at or below it, as far as it can be read. */
static enum err check_node(struct checker *c, const struct place *at, uint32_t *ret_least)
{
	uint8_t *page = c->pages + (size_t)at->level * FORMAT_PAGE_LEN;
	uint64_t bad = c->result->bad_nodes;
	enum err err = load_node(c, at, page);

	c->result->nodes++;
	*ret_least = at->ref.extra;
	if (is_damage(err))
		return node_lost(c, at, err);
	TRY(err);
	*ret_least = at->ref.epoch;
	for (unsigned i = 0; i < page_count(page); i++) {
		if (at->level > 0) {
			TRY(check_child(c, page, i, at, ret_least));
			continue;
		}
		TRY(check_item(c, page, i));
		note_record_epoch(page, i, ret_least);
	}
	/* Who believed a pointer that names a newer epoch would let a key go that is still needed. */
	if (*ret_least != at->ref.extra && bad == c->result->bad_nodes)
		return node_lost(c, at, ERR_MALFORMED);
	return OK;
}

/* What was reached, with the block map and with what the state says of itself. That is exact at a
 * clean end; else records that were written and not yet put are counted too. */
static void compare_counts(struct checker *c, uint64_t marked)
{
	const struct super *sb = &c->s->super;
	uint64_t reached = c->result->blocks;
	uint64_t claimed = sb->flags & SUPER_CLEAN ? sb->used_blocks : reached;

	if (MAX(marked, claimed) > reached)
		c->result->unreachable_blocks = MAX(marked, claimed) - reached;
	if (claimed < reached)
		c->result->uncounted_blocks = reached - claimed;
}

static enum err check_all(struct checker *c)
{
	struct place root = { 0 };
	struct alloc_info info;
	uint32_t least;

	alloc_info(c->s->alloc, &info);
	c->total = info.owned;
	c->seen = calloc(info.owned / 64 + 1, sizeof(*c->seen));
	c->record = malloc(STORE_RECORD_MAX);
	c->pages = malloc((size_t)FORMAT_DEPTH_MAX * FORMAT_PAGE_LEN);
	if (!c->seen || !c->record || !c->pages)
		return err_at(ERR_NOMEM, "check");
	tree_root(c->s->tree, &root.ref);
	if (!ref_is_null(&root.ref)) {
		root.level = tree_depth(c->s->tree) - 1;
		TRY(check_node(c, &root, &least));
	}
	if (c->result->bad_nodes == 0)
		compare_counts(c, info.used);
	return OK;
}

enum err store_check(struct store *s, const struct store_check *check,
		     struct store_check_result *ret)
{
	struct checker c = { .s = s, .ask = check, .result = ret };
	enum err err;

	memset(ret, 0, sizeof(*ret));
	if (tree_is_dirty(s->tree))
		return err_at(ERR_BUSY, "changes that are not committed yet");
	err = check_all(&c);
	if (c.record)
		mem_wipe(c.record, STORE_RECORD_MAX);
	if (c.pages)
		mem_wipe(c.pages, (size_t)FORMAT_DEPTH_MAX * FORMAT_PAGE_LEN);
	free(c.seen);
	free(c.record);
	free(c.pages);
	return err;
}

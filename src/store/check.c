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

/* Notes a run as reached; counts blocks that were reached before. */
static bool note_run(struct checker *c, const struct ref *ref)
{
	if (ref->addr >= c->total || ref->blocks > c->total - ref->addr)
		return false;
	for (uint64_t i = ref->addr; i < ref->addr + ref->blocks; i++) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		if (c->seen[i / 64] & bit)
			c->result->doubly_used_blocks++;
		c->seen[i / 64] |= bit;
	}
	c->result->blocks += ref->blocks;
	return true;
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

static enum err check_node(struct checker *c, const struct ref *ref, unsigned level,
			   const struct store_key *from)
{
	uint8_t *page = c->pages + (size_t)level * FORMAT_PAGE_LEN;
	enum err err = note_run(c, ref) ? OK : ERR_MALFORMED;

	if (err == OK)
		err = node_load(c->s->disk, c->s->sealer, ref, level, page);
	c->result->nodes++;
	if (is_damage(err)) {
		c->result->bad_nodes++;
		return c->ask->lost ? c->ask->lost(c->ask->ctx, from, err) : OK;
	}
	TRY(err);
	for (unsigned i = 0; i < page_count(page); i++) {
		struct store_key key;
		struct ref child;

		if (level == 0) {
			TRY(check_item(c, page, i));
			continue;
		}
		ref_decode(page_child(page, i), &child);
		key_decode(page_key(page, i), &key);
		TRY(check_node(c, &child, level - 1, &key));
	}
	return OK;
}

static enum err check_all(struct checker *c)
{
	struct store_key first = { 0 };
	struct alloc_info info;
	struct ref root;

	alloc_info(c->s->alloc, &info);
	c->total = info.owned;
	c->seen = calloc(info.owned / 64 + 1, sizeof(*c->seen));
	c->record = malloc(STORE_RECORD_MAX);
	c->pages = malloc((size_t)FORMAT_DEPTH_MAX * FORMAT_PAGE_LEN);
	if (!c->seen || !c->record || !c->pages)
		return err_at(ERR_NOMEM, "check");
	tree_root(c->s->tree, &root);
	if (!ref_is_null(&root))
		TRY(check_node(c, &root, tree_depth(c->s->tree) - 1, &first));
	if (c->result->bad_nodes == 0 && info.used > c->result->blocks)
		c->result->unreachable_blocks = info.used - c->result->blocks;
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

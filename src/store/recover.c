/* Recovery: which states are on the disk, and which is the newest that is whole.
 * FORMAT.md, "Opening". */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"

/* What a state may not be whole in: the nodes of its last generations, the records of the last two.
 * Older blocks were flushed by commits that were followed by others. */
#define PROVE_NODES 8u
#define PROVE_RECORDS 2u

/* ---- candidates ---- */

static int newest_first(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return x->super.generation < y->super.generation ? 1 : -1;
}

/* A slot that does not open under any door is noise, or another epoch's: both are passed over. */
static void try_slot(const struct store_unlock *unlock, struct sealer *const *sealers,
		     unsigned slot, struct candidates *ret)
{
	const uint8_t *bytes = ret->head[slot / FORMAT_SLOTS] + super_offset(slot);

	for (unsigned door = 0; door < unlock->door_count; door++) {
		struct candidate *c = &ret->at[ret->count];
		enum err err = super_decode(bytes, slot, sealers[door], unlock->volume_id, &c->super);

		if (err == ERR_NEWER_FORMAT)
			ret->newer_format = true;
		if (err != OK)
			continue;
		c->slot = slot;
		c->door = door;
		ret->count++;
		return;
	}
}

enum err recover_list(struct disk *disk, const struct store_unlock *unlock,
		      struct sealer *const *sealers, struct candidates *ret)
{
	enum err err[2];

	for (unsigned i = 0; i < 2; i++) {
		err[i] = disk_read(disk, i ? DISK_HEAD1 : DISK_HEAD0, 0, ret->head[i],
				   DISK_FIXED_LEN);
		/* It may hold the newest state: who would write must not go on from an older one. */
		if (err[i] != OK && err[i] != ERR_TRUNCATED && !unlock->read_only)
			return err[i];
		if (err[i] != OK)
			memset(ret->head[i], 0, DISK_FIXED_LEN);
	}
	if (err[0] != OK && err[1] != OK)
		return err[0];
	for (unsigned slot = 0; slot < 2 * FORMAT_SLOTS; slot++)
		try_slot(unlock, sealers, slot, ret);
	if (ret->newer_format)
		return err_at(ERR_NEWER_FORMAT, "superblock");
	if (ret->count == 0)
		return err_at(ERR_FORGED, "no superblock slot opens");
	qsort(ret->at, ret->count, sizeof(ret->at[0]), newest_first);
	return OK;
}

/* ---- proving ---- */

struct walk {
	struct disk *disk;
	const struct sealer *sealer;
	const struct super *super;
	struct alloc *alloc;
	bool witnessed; /* see recover_prove */
	struct recover_found found;
	uint8_t *record; /* STORE_RECORD_MAX bytes of scratch */
	uint8_t *pages;	 /* one page a level */
};

/* Whether something born in `birth` may have been lost by the last flushes. */
static bool is_recent(const struct walk *w, uint64_t birth, unsigned generations)
{
	return birth + generations > w->super->generation;
}

static void count_older(struct walk *w, const struct ref *ref)
{
	if (ref->epoch != sealer_epoch(w->sealer))
		w->found.older_blocks += ref->blocks;
}

/* The error of something recent that a state cannot be whole without. A medium that cannot read just
 * now may be able to later, which is another thing than bytes that are not there. */
static enum err not_whole(enum err err, const struct ref *ref)
{
	if (err == ERR_IO)
		return err;
	return err_at(ERR_NO_STATE, "block %llu", (unsigned long long)ref->addr);
}

static bool read_failed(enum err err)
{
	return err == ERR_FORGED || err == ERR_MALFORMED || err == ERR_IO || err == ERR_TRUNCATED;
}

static enum err prove_record(struct walk *w, const struct store_key *key, const struct ref *ref)
{
	size_t len = (size_t)ref->blocks * DISK_BLOCK;
	enum err err;

	if (len > STORE_RECORD_MAX || !alloc_mark(w->alloc, ref->addr, ref->blocks)) {
		if (is_recent(w, ref->birth, PROVE_NODES))
			return err_at(ERR_NO_STATE, "record at block %llu",
				      (unsigned long long)ref->addr);
		w->found.damaged = true;
		return OK;
	}
	count_older(w, ref);
	if (w->witnessed || !is_recent(w, ref->birth, PROVE_RECORDS))
		return OK;
	err = disk_read(w->disk, DISK_DATA, ref->addr * DISK_BLOCK, w->record, len);
	if (err == OK)
		err = sealer_open(w->sealer, key, true, ref, w->record);
	return read_failed(err) ? not_whole(err, ref) : err;
}

/* Keys between which a node must lie, encoded; NULL: no bound. */
struct bounds {
	const uint8_t *low, *high;
};

static enum err prove_node(struct walk *w, const struct ref *ref, unsigned level,
			   const struct bounds *bounds);

static enum err prove_child(struct walk *w, const uint8_t *page, unsigned level, unsigned i,
			    const struct bounds *bounds)
{
	struct bounds inside = *bounds;
	struct ref ref;

	if (i > 0)
		inside.low = page_key(page, i);
	if (i + 1 < page_count(page))
		inside.high = page_key(page, i + 1);
	ref_decode(page_child(page, i), &ref);
	return prove_node(w, &ref, level - 1, &inside);
}

static enum err prove_items(struct walk *w, const uint8_t *page, unsigned level,
			    const struct bounds *bounds)
{
	for (unsigned i = 0; i < page_count(page); i++) {
		struct page_item item;
		struct store_key key;
		struct ref ref;

		if (level > 0) {
			TRY(prove_child(w, page, level, i, bounds));
			continue;
		}
		page_item_at(page, i, &item);
		if (!item.ref)
			continue;
		key_decode(item.key, &key);
		ref_decode(item.ref, &ref);
		TRY(prove_record(w, &key, &ref));
	}
	return OK;
}

static enum err prove_node(struct walk *w, const struct ref *ref, unsigned level,
			   const struct bounds *bounds)
{
	uint8_t *page = w->pages + (size_t)level * FORMAT_PAGE_LEN;
	enum err err = OK;

	if (ref->birth > w->super->generation || ref->blocks != FORMAT_NODE_BLOCKS ||
	    !alloc_mark(w->alloc, ref->addr, ref->blocks))
		err = ERR_MALFORMED;
	if (err == OK)
		err = node_load(w->disk, w->sealer, ref, level, page);
	if (err == OK && !page_within(page, bounds->low, bounds->high))
		err = ERR_MALFORMED;
	if (err == OK) {
		count_older(w, ref);
		return prove_items(w, page, level, bounds);
	}
	if (!read_failed(err))
		return err;
	if (is_recent(w, ref->birth, PROVE_NODES))
		return not_whole(err, ref);
	w->found.damaged = true;
	return OK;
}

static enum err walk_init(struct walk *w, unsigned depth)
{
	w->record = malloc(STORE_RECORD_MAX);
	w->pages = malloc((size_t)depth * FORMAT_PAGE_LEN);
	return w->record && w->pages ? OK : err_at(ERR_NOMEM, "recovery");
}

static void walk_clear(struct walk *w, unsigned depth)
{
	if (w->record)
		mem_wipe(w->record, STORE_RECORD_MAX);
	if (w->pages)
		mem_wipe(w->pages, (size_t)depth * FORMAT_PAGE_LEN);
	free(w->record);
	free(w->pages);
}

enum err recover_prove(struct disk *disk, const struct sealer *sealer, const struct super *c,
		       bool witnessed, struct alloc *alloc, struct recover_found *ret)
{
	struct walk w = { .disk = disk,
			  .sealer = sealer,
			  .super = c,
			  .alloc = alloc,
			  .witnessed = witnessed };
	struct bounds everything = { 0 };
	enum err err;

	memset(ret, 0, sizeof(*ret));
	if (ref_is_null(&c->root))
		return OK;
	err = walk_init(&w, c->depth);
	if (err == OK)
		err = prove_node(&w, &c->root, c->depth - 1u, &everything);
	walk_clear(&w, c->depth);
	*ret = w.found;
	return err;
}

/* ---- the state before ---- */

/* Marks and holds a run that only the older state reaches; false when the newer one reaches it. */
static enum err hold_run(struct walk *w, const struct ref *ref, bool *ret_fresh)
{
	*ret_fresh = alloc_mark(w->alloc, ref->addr, ref->blocks);
	if (!*ret_fresh)
		return OK;
	TRY(alloc_hold_room(w->alloc, 1));
	alloc_hold(w->alloc, ref->addr, ref->blocks);
	return OK;
}

static enum err hold_node(struct walk *w, const struct ref *ref, unsigned level)
{
	uint8_t *page = w->pages + (size_t)level * FORMAT_PAGE_LEN;
	bool fresh;

	if (ref->blocks != FORMAT_NODE_BLOCKS || alloc_is_marked(w->alloc, ref->addr))
		return OK;
	if (node_load(w->disk, w->sealer, ref, level, page) != OK) {
		err_clear();
		return OK; /* the older state is not whole: nothing of it is worth holding */
	}
	TRY(hold_run(w, ref, &fresh));
	for (unsigned i = 0; i < page_count(page); i++) {
		struct page_item item;
		struct ref child;

		if (level > 0) {
			ref_decode(page_child(page, i), &child);
			TRY(hold_node(w, &child, level - 1));
			continue;
		}
		page_item_at(page, i, &item);
		if (!item.ref)
			continue;
		ref_decode(item.ref, &child);
		TRY(hold_run(w, &child, &fresh));
	}
	return OK;
}

enum err recover_hold_previous(struct disk *disk, const struct sealer *sealer,
			       const struct super *previous, struct alloc *alloc)
{
	struct walk w = { .disk = disk, .sealer = sealer, .super = previous, .alloc = alloc };
	enum err err;

	if (ref_is_null(&previous->root))
		return OK;
	err = walk_init(&w, previous->depth);
	if (err == OK)
		err = hold_node(&w, &previous->root, previous->depth - 1u);
	walk_clear(&w, previous->depth);
	return err;
}

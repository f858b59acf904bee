/* The plan of a salvage: which leaf stands for which range of keys. */
#include "store/salvage.h"
#include <stdlib.h>
#include <string.h>
#include "store/search.h"
#include "store/super.h"
#include "store/tree.h"

#define LEVELS (FORMAT_DEPTH_MAX + 2u) /* one above the highest root, for one that is lost */

/* A leaf and the keys it is asked for. */
struct piece {
	struct ref ref;
	struct span span;
	enum salvage_trust trust;
};

struct salvage {
	struct disk *disk;     /* borrowed */
	struct sealer *sealer; /* every epoch of every door */
	struct search *search; /* NULL: not needed so far */
	struct salvage_facts facts;
	struct piece *pieces; /* in the order of keys */
	size_t piece_count, piece_cap;
	struct salvage_range *lost;
	size_t lost_count, lost_cap;
	uint8_t *pages;		      /* one a level */
	salvage_progress_fn progress; /* while opening */
	void *ctx;
};

bool salvage_is_loss(enum err err)
{
	return err == ERR_FORGED || err == ERR_MALFORMED || err == ERR_IO || err == ERR_TRUNCATED;
}

static enum err array_room(void **array, size_t count, size_t *cap, size_t size)
{
	size_t wide = *cap ? *cap * 2 : 64;
	void *grown;

	if (count < *cap)
		return OK;
	grown = realloc(*array, wide * size);
	if (!grown)
		return err_at(ERR_NOMEM, "salvage");
	*array = grown;
	*cap = wide;
	return OK;
}

static uint8_t *page_of(struct salvage *s, unsigned level)
{
	return s->pages + (size_t)level * FORMAT_PAGE_LEN;
}

static enum err note_lost(struct salvage *s, const struct span *span)
{
	TRY(array_room((void **)&s->lost, s->lost_count, &s->lost_cap, sizeof(*s->lost)));
	key_decode(span->from, &s->lost[s->lost_count].from);
	key_decode(span->to, &s->lost[s->lost_count].to);
	s->lost_count++;
	return OK;
}

static enum err add_piece(struct salvage *s, const struct ref *ref, const struct span *span,
			  enum salvage_trust trust)
{
	TRY(array_room((void **)&s->pieces, s->piece_count, &s->piece_cap, sizeof(*s->pieces)));
	s->pieces[s->piece_count++] = (struct piece){ *ref, *span, trust };
	return OK;
}

static enum err search_all(struct salvage *s)
{
	if (s->search)
		return OK;
	TRY(search_run(s->disk, s->sealer, s->progress, s->ctx, &s->search));
	s->facts.searched = true;
	s->facts.nodes_found = s->search->count;
	return OK;
}

/* ---- walking down ---- */

static enum err plan_lost(struct salvage *s, uint64_t birth, unsigned level,
			  const struct span *span);

static enum err plan_node(struct salvage *s, const struct ref *ref, unsigned level,
			  const struct span *span, enum salvage_trust trust)
{
	uint8_t *page = page_of(s, level);
	enum err err = node_load(s->disk, s->sealer, ref, level, page);

	if (salvage_is_loss(err))
		return plan_lost(s, ref->birth, level, span);
	TRY(err);
	if (level == 0)
		return add_piece(s, ref, span, trust);
	for (unsigned i = 0; i < page_count(page); i++) {
		struct span part;
		struct ref child;

		if (!child_span(page, i, span, &part))
			continue;
		ref_decode(page_child(page, i), &child);
		TRY(plan_node(s, &child, level - 1, &part, trust));
	}
	return OK;
}

/* ---- a leaf is lost: older leaves, the newest first, each for what none before it covers ---- */

static int piece_order(const void *a, const void *b)
{
	return memcmp(((const struct piece *)a)->span.from, ((const struct piece *)b)->span.from,
		      PAGE_KEY_LEN);
}

/* The parts of [f.first, f.last] in `span` that lie between the pieces from `begin` on. */
static enum err add_uncovered(struct salvage *s, const struct found *f, const struct span *span,
			      size_t begin)
{
	size_t end = s->piece_count;
	struct span whole, rest;
	struct ref ref;

	found_span(f, &whole);
	if (!span_clip(&whole, span) || search_ref(s->disk, s->sealer, f, &ref) != OK)
		return OK;
	rest = whole;
	for (size_t i = begin; i < end && span_is_some(&rest); i++) {
		const struct span taken = s->pieces[i].span;
		struct span part = rest;

		if (memcmp(taken.to, rest.from, PAGE_KEY_LEN) <= 0)
			continue;
		if (memcmp(taken.from, rest.to, PAGE_KEY_LEN) >= 0)
			break;
		memcpy(part.to, taken.from, PAGE_KEY_LEN);
		if (span_is_some(&part))
			TRY(add_piece(s, &ref, &part, SALVAGE_OLDER));
		memcpy(rest.from, taken.to, PAGE_KEY_LEN);
	}
	if (span_is_some(&rest))
		TRY(add_piece(s, &ref, &rest, SALVAGE_OLDER));
	qsort(s->pieces + begin, s->piece_count - begin, sizeof(*s->pieces), piece_order);
	return OK;
}

static enum err plan_older_leaves(struct salvage *s, uint64_t birth, const struct span *span)
{
	size_t begin = s->piece_count;

	for (size_t i = 0; i < s->search->count; i++) {
		const struct found *f = &s->search->at[i];

		if (f->level == 0 && f->birth <= birth)
			TRY(add_uncovered(s, f, span, begin));
	}
	return OK;
}

/* ---- an inner node is lost: its last version that is there, and what is newer than that ---- */

/* The version of the lost node that says most about it; NULL when there is none. */
static const struct found *version_before(const struct salvage *s, uint64_t birth, unsigned level,
					  const struct span *span)
{
	for (size_t i = 0; i < s->search->count; i++) {
		const struct found *f = &s->search->at[i];

		if (f->level == level && f->birth <= birth && found_meets(f, span))
			return f;
	}
	return NULL;
}

static int found_order(const void *a, const void *b)
{
	return memcmp((*(const struct found *const *)a)->first,
		      (*(const struct found *const *)b)->first, PAGE_KEY_LEN);
}

/* Nodes born after `after` and up to `birth`. Two that meet cannot be of one state: the newer
 * counts. */
static enum err newer_nodes(const struct salvage *s, unsigned level, uint64_t after, uint64_t birth,
			    const struct span *span, struct found_list *ret)
{
	for (size_t i = 0; i < s->search->count; i++) {
		const struct found *f = &s->search->at[i];

		if (f->birth <= after)
			break;
		if (f->level == level && f->birth <= birth && found_meets(f, span))
			TRY(found_list_add_apart(ret, f));
	}
	if (ret->count > 0)
		qsort(ret->at, ret->count, sizeof(*ret->at), found_order);
	return OK;
}

static enum err plan_version(struct salvage *s, const struct ref *version, unsigned level,
			     uint64_t birth, const struct span *span);

/* What was found by searching, and may itself be followed by newer nodes below it. */
static enum err plan_likely(struct salvage *s, const struct ref *ref, unsigned level,
			    uint64_t birth, const struct span *span)
{
	if (level > 0)
		return plan_version(s, ref, level, birth, span);
	return add_piece(s, ref, span, SALVAGE_LIKELY);
}

static enum err plan_found(struct salvage *s, const struct found *f, uint64_t birth,
			   const struct span *span)
{
	struct ref ref;

	if (!span_is_some(span))
		return OK;
	TRY(search_ref(s->disk, s->sealer, f, &ref));
	return plan_likely(s, &ref, f->level, birth, span);
}

/* Without any version of the lost node: each node reaches to where the next one begins. */
static enum err plan_side_by_side(struct salvage *s, const struct found_list *nodes, uint64_t birth,
				  const struct span *span)
{
	for (size_t i = 0; i < nodes->count; i++) {
		struct span part = *span;

		if (i > 0)
			memcpy(part.from, nodes->at[i]->first, PAGE_KEY_LEN);
		if (i + 1 < nodes->count)
			memcpy(part.to, nodes->at[i + 1]->first, PAGE_KEY_LEN);
		TRY(plan_found(s, nodes->at[i], birth, &part));
	}
	return OK;
}

/* How far the newer node reaches that is the last one to begin in child i: to the end of that
 * child, and of those behind it that it meets, unless another newer one begins before. */
static void reach(const uint8_t *page, unsigned i, const struct found *f, const struct found *next,
		  const struct span *span, uint8_t to[PAGE_KEY_LEN])
{
	struct span part;

	for (i++; i < page_count(page); i++) {
		if (!child_span(page, i, span, &part) ||
		    memcmp(f->last, part.from, PAGE_KEY_LEN) < 0)
			break;
		memcpy(to, part.to, PAGE_KEY_LEN);
	}
	if (next && memcmp(next->first, to, PAGE_KEY_LEN) < 0)
		memcpy(to, next->first, PAGE_KEY_LEN);
}

/* Newer nodes in the order of keys, and how many of them are planned. */
struct newer {
	struct found_list list;
	size_t at;
	uint64_t birth; /* no node is newer than that */
};

/* The newer nodes that begin in child i; `part` becomes what they leave behind. */
static enum err plan_newer(struct salvage *s, const uint8_t *page, unsigned i, struct newer *newer,
			   const struct span *span, struct span *part)
{
	while (newer->at < newer->list.count) {
		const struct found *f = newer->list.at[newer->at], *next = NULL;
		struct span mine = *part;

		if (newer->at + 1 < newer->list.count)
			next = newer->list.at[newer->at + 1];
		if (memcmp(f->first, part->to, PAGE_KEY_LEN) >= 0)
			break;
		if (next && memcmp(next->first, part->to, PAGE_KEY_LEN) < 0)
			memcpy(mine.to, next->first, PAGE_KEY_LEN);
		else
			reach(page, i, f, next, span, mine.to);
		TRY(plan_found(s, f, newer->birth, &mine));
		memcpy(part->from, mine.to, PAGE_KEY_LEN);
		newer->at++;
	}
	return OK;
}

static enum err plan_old_child(struct salvage *s, const uint8_t *slot_ref, unsigned level,
			       uint64_t birth, const struct span *part)
{
	struct ref child;
	enum err err;

	ref_decode(slot_ref, &child);
	err = node_load(s->disk, s->sealer, &child, level, page_of(s, level));
	if (salvage_is_loss(err))
		return plan_lost(s, birth, level, part);
	TRY(err);
	return plan_likely(s, &child, level, birth, part);
}

/* The children that an older version names, each unless newer nodes stand in its place. */
static enum err plan_children(struct salvage *s, unsigned level, struct newer *newer,
			      const struct span *span)
{
	const uint8_t *page = page_of(s, level);
	uint8_t done[PAGE_KEY_LEN];

	memcpy(done, span->from, PAGE_KEY_LEN);
	for (unsigned i = 0; i < page_count(page); i++) {
		size_t before = newer->at;
		struct span part;

		if (!child_span(page, i, span, &part))
			continue;
		if (memcmp(part.from, done, PAGE_KEY_LEN) < 0)
			memcpy(part.from, done, PAGE_KEY_LEN);
		if (!span_is_some(&part))
			continue;
		TRY(plan_newer(s, page, i, newer, span, &part));
		memcpy(done, newer->at > before ? part.from : part.to, PAGE_KEY_LEN);
		if (newer->at == before)
			TRY(plan_old_child(s, page_child(page, i), level - 1, newer->birth, &part));
	}
	return OK;
}

static enum err plan_version(struct salvage *s, const struct ref *version, unsigned level,
			     uint64_t birth, const struct span *span)
{
	struct newer newer = { .birth = birth };
	enum err err = newer_nodes(s, level - 1, version->birth, birth, span, &newer.list);

	if (err == OK)
		err = node_load(s->disk, s->sealer, version, level, page_of(s, level));
	if (err == OK)
		err = plan_children(s, level, &newer, span);
	found_list_clear(&newer.list);
	return err;
}

static enum err plan_inner(struct salvage *s, uint64_t birth, unsigned level,
			   const struct span *span)
{
	CLEANUP(found_list_clear) struct found_list nodes = { 0 };
	const struct found *version = version_before(s, birth, level, span);
	enum err err;

	if (!version)
		TRY(newer_nodes(s, level - 1, 0, birth, span, &nodes));
	if (!version && nodes.count == 0)
		return plan_lost(s, birth, level - 1, span);
	err = version ? plan_found(s, version, birth, span)
		      : plan_side_by_side(s, &nodes, birth, span);
	return salvage_is_loss(err) ? note_lost(s, span) : err;
}

/* The node of this level that stood for `span`, born in `birth`, cannot be read. */
static enum err plan_lost(struct salvage *s, uint64_t birth, unsigned level,
			  const struct span *span)
{
	TRY(search_all(s));
	if (level > 0)
		return plan_inner(s, birth, level, span);
	TRY(note_lost(s, span));
	return plan_older_leaves(s, birth, span);
}

/* ---- where it begins ---- */

/* What the slots tell. */
struct slots {
	struct super newest; /* generation 0: there is none */
	bool opens[2 * FORMAT_SLOTS];
	bool newer_format;
};

static enum err try_door(const struct store_unlock *unlock, unsigned door, const uint8_t *bytes,
			 unsigned slot, struct slots *ret)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	struct super super;
	enum err err;

	TRY(sealer_new(unlock->volume_id, &sealer));
	TRY(sealer_add_door(sealer, &unlock->doors[door]));
	err = super_decode(bytes, slot, sealer, unlock->volume_id, &super);
	ret->newer_format |= err == ERR_NEWER_FORMAT;
	if (err != OK || super_verify(bytes, slot, sealer, &super) != OK)
		return OK;
	ret->opens[slot] = true;
	if (super.generation > ret->newest.generation)
		ret->newest = super;
	return OK;
}

static enum err read_slots(struct salvage *s, const struct store_unlock *unlock, struct slots *ret)
{
	for (unsigned slot = 0; slot < 2 * FORMAT_SLOTS; slot++) {
		uint8_t bytes[FORMAT_SLOT_LEN];
		enum err err = disk_read(s->disk, super_area(slot), super_offset(slot), bytes,
					 sizeof(bytes));

		if (err == ERR_REMOVED || err == ERR_NOMEM)
			return err;
		for (unsigned door = 0; err == OK && door < unlock->door_count; door++)
			TRY(try_door(unlock, door, bytes, slot, ret));
	}
	return ret->newer_format ? err_at(ERR_NEWER_FORMAT, "superblock") : OK;
}

/* Every epoch of every door, ascending, in one sealer: blocks say themselves which one they need.
 */
static enum err join_doors(const struct store_unlock *unlock, struct sealer **ret)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	uint32_t last = 0;

	TRY(sealer_new(unlock->volume_id, &sealer));
	for (;;) {
		const struct secret *key = NULL;
		uint32_t next = UINT32_MAX;

		for (unsigned d = 0; d < unlock->door_count; d++) {
			const struct store_door *door = &unlock->doors[d];

			for (unsigned i = 0; i <= door->older.count; i++) {
				bool own = i == door->older.count;
				uint32_t epoch = own ? door->epoch : door->older.epoch[i];

				if (epoch <= last || epoch >= next)
					continue;
				next = epoch;
				key = own ? door->epoch_key : door->older.key[i];
			}
		}
		if (!key)
			break;
		TRY(sealer_add_epoch(sealer, next, key));
		last = next;
	}
	*ret = TAKE(sealer);
	return OK;
}

/* Whether the leaf that holds the least of all keys hangs below it. When that way is damaged, that
 * cannot be told, and speaks against nothing. */
static bool holds_the_beginning(struct salvage *s, const struct found *f)
{
	static const uint8_t first[PAGE_KEY_LEN] = { 0 };
	struct ref ref;

	if (f->level == 0)
		return memcmp(f->first, first, PAGE_KEY_LEN) == 0;
	if (search_ref(s->disk, s->sealer, f, &ref) != OK)
		return false;
	for (unsigned level = f->level;; level--) {
		if (node_load(s->disk, s->sealer, &ref, level, page_of(s, level)) != OK)
			return true;
		if (level == 0)
			return memcmp(page_key(page_of(s, 0), 0), first, PAGE_KEY_LEN) == 0;
		ref_decode(page_child(page_of(s, level), 0), &ref);
	}
}

/* Each commit that changes anything writes the root anew, and last. So the root is the highest of
 * the nodes born last, if that is there: then nothing on the disk is higher, and nothing is beside
 * it. */
static bool root_is_there(struct salvage *s, unsigned highest)
{
	const struct found *at = s->search->at;

	if (at[0].level < highest || !holds_the_beginning(s, &at[0]))
		return false;
	if (s->search->count > 1 && at[1].birth == at[0].birth && at[1].level == at[0].level)
		return false;
	/* A root that is a leaf never had another leaf beside it. */
	for (size_t i = 1; at[0].level == 0 && i < s->search->count; i++)
		if (!holds_the_beginning(s, &at[i]))
			return false;
	return true;
}

static enum err plan_without_state(struct salvage *s)
{
	unsigned highest = 0;
	struct span all;
	struct ref root;

	span_all(&all);
	TRY(search_all(s));
	if (s->search->count == 0)
		return err_at(ERR_NO_STATE, "no block opens");
	for (size_t i = 0; i < s->search->count; i++)
		highest = MAX(highest, s->search->at[i].level);
	s->facts.generation = s->search->at[0].birth;
	if (root_is_there(s, highest)) {
		TRY(search_ref(s->disk, s->sealer, &s->search->at[0], &root));
		return plan_node(s, &root, s->search->at[0].level, &all, SALVAGE_PROVEN);
	}
	s->facts.root_lost = true;
	if (s->search->at[0].level == highest)
		highest++; /* what was above them all is gone */
	return plan_lost(s, UINT64_MAX, highest, &all);
}

/* The slot of the next generation holds an old state as long as that one was never written. When it
 * opens as nothing, it was never used, or the newest state of all was in it: then nodes tell. */
static enum err look_for_newer(struct salvage *s, const struct slots *slots, bool *ret_newer)
{
	*ret_newer = false;
	if (slots->opens[super_slot(slots->newest.generation + 1)])
		return OK;
	TRY(search_all(s));
	*ret_newer = s->search->count > 0 && s->search->at[0].birth > slots->newest.generation;
	return OK;
}

static enum err plan_state(struct salvage *s, const struct super *super)
{
	struct span all;

	span_all(&all);
	s->facts.has_state = true;
	s->facts.generation = super->generation;
	s->facts.time = super->time;
	if (ref_is_null(&super->root))
		return OK;
	if (salvage_is_loss(node_load(s->disk, s->sealer, &super->root, super->depth - 1u,
				      page_of(s, super->depth - 1u))))
		s->facts.root_lost = true;
	return plan_node(s, &super->root, super->depth - 1u, &all, SALVAGE_PROVEN);
}

static enum err plan(struct salvage *s, const struct store_unlock *unlock)
{
	struct slots slots = { 0 };
	bool newer;

	TRY(read_slots(s, unlock, &slots));
	if (slots.newest.generation == 0)
		return plan_without_state(s);
	TRY(look_for_newer(s, &slots, &newer));
	return newer ? plan_without_state(s) : plan_state(s, &slots.newest);
}

enum err salvage_open(struct disk *disk, const struct store_unlock *unlock,
		      salvage_progress_fn progress, void *ctx, struct salvage **ret)
{
	CLEANUP(salvage_closep) struct salvage *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "salvage");
	s->disk = disk;
	s->progress = progress;
	s->ctx = ctx;
	s->pages = malloc((size_t)LEVELS * FORMAT_PAGE_LEN);
	if (!s->pages)
		return err_at(ERR_NOMEM, "salvage");
	TRY(join_doors(unlock, &s->sealer));
	TRY(plan(s, unlock));
	*ret = TAKE(s);
	return OK;
}

void salvage_close(struct salvage *s)
{
	if (!s)
		return;
	if (s->pages)
		mem_wipe(s->pages, (size_t)LEVELS * FORMAT_PAGE_LEN);
	search_free(s->search);
	sealer_free(s->sealer);
	free(s->pieces);
	free(s->lost);
	free(s->pages);
	free(s);
}

void salvage_facts(const struct salvage *s, struct salvage_facts *ret)
{
	*ret = s->facts;
}

const struct salvage_range *salvage_lost(const struct salvage *s, size_t *ret_count)
{
	*ret_count = s->lost_count;
	return s->lost;
}

/* ---- what it holds ---- */

static enum err walk_piece(struct salvage *s, const struct piece *piece, salvage_item_fn fn,
			   void *ctx)
{
	const uint8_t *page = page_of(s, 0);

	for (unsigned i = 0; i < page_count(page); i++) {
		struct store_view view = { 0 };
		struct page_item item;

		page_item_at(page, i, &item);
		if (memcmp(item.key, piece->span.from, PAGE_KEY_LEN) < 0 ||
		    memcmp(item.key, piece->span.to, PAGE_KEY_LEN) >= 0)
			continue;
		key_decode(item.key, &view.key);
		view.value = item.value;
		view.len = item.len;
		view.has_record = item.ref != NULL;
		if (item.ref)
			ref_decode(item.ref, &view.record);
		TRY(fn(ctx, &view, piece->trust));
	}
	return OK;
}

enum err salvage_walk(struct salvage *s, salvage_item_fn fn, void *ctx)
{
	for (size_t i = 0; i < s->piece_count; i++) {
		const struct piece *piece = &s->pieces[i];
		enum err err = node_load(s->disk, s->sealer, &piece->ref, 0, page_of(s, 0));

		if (salvage_is_loss(err))
			TRY(note_lost(s, &piece->span));
		else if (err != OK)
			return err;
		else
			TRY(walk_piece(s, piece, fn, ctx));
	}
	return OK;
}

enum err salvage_record(const struct salvage *s, const struct store_key *key, const struct ref *ref,
			void *out)
{
	if (ref->blocks == 0 || (size_t)ref->blocks * DISK_BLOCK > STORE_RECORD_MAX ||
	    store_record_blocks(ref->extra) != ref->blocks)
		return err_at(ERR_MALFORMED, "record of %u blocks", ref->blocks);
	TRY(disk_read(s->disk, DISK_DATA, ref->addr * DISK_BLOCK, out,
		      (size_t)ref->blocks * DISK_BLOCK));
	return sealer_open(s->sealer, key, true, ref, out);
}

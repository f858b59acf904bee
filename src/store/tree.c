#include "store/tree.h"
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* 24 MiB of pages: the worker stays well under its limit with the dirty ones on top. */
#define CACHE_NODES 1536u

struct node {
	uint8_t *page;
	_Atomic(struct node *) *child; /* inner: PAGE_INNER_MAX + 1 places, loaded or NULL */
	struct ref ref;		       /* where it is; meaningless while dirty */
	bool dirty;
	atomic_bool recent; /* used since the last trim */
};

struct tree {
	struct disk *disk;
	const struct sealer *sealer;
	struct alloc *alloc;
	struct node *root; /* NULL: empty */
	struct ref root_ref;
	unsigned depth; /* levels */
	_Atomic uint64_t open_gen;
	atomic_bool changed; /* since the last seal */
	uint64_t dirty_nodes;
	atomic_size_t nodes; /* in memory */
	struct {
		uint8_t *at;
		size_t cap, len; /* bytes */
		uint64_t addr;
	} stage;
};

/* The way from the root to a leaf: at each level the node and which child was taken. */
struct path {
	struct node *node[FORMAT_DEPTH_MAX];
	unsigned index[FORMAT_DEPTH_MAX];
	unsigned depth;
};

/* ---- nodes in memory ---- */

static void node_free(struct tree *t, struct node *n)
{
	if (!n)
		return;
	if (n->page)
		mem_wipe(n->page, FORMAT_PAGE_LEN);
	free(n->page);
	free(n->child);
	free(n);
	atomic_fetch_sub(&t->nodes, 1);
}

static enum err node_new(struct tree *t, unsigned level, struct node **ret)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return err_at(ERR_NOMEM, "tree node");
	atomic_fetch_add(&t->nodes, 1);
	n->page = malloc(FORMAT_PAGE_LEN);
	if (level > 0)
		n->child = calloc(PAGE_INNER_MAX + 1, sizeof(*n->child));
	if (!n->page || (level > 0 && !n->child)) {
		node_free(t, n);
		return err_at(ERR_NOMEM, "tree node");
	}
	page_init(n->page, level);
	*ret = n;
	return OK;
}

static void subtree_free(struct tree *t, struct node *n)
{
	if (!n)
		return;
	if (n->child)
		for (unsigned i = 0; i < page_count(n->page); i++)
			subtree_free(t, n->child[i]);
	node_free(t, n);
}

enum err node_load(struct disk *disk, const struct sealer *sealer, const struct ref *ref,
		   unsigned level, uint8_t page[FORMAT_PAGE_LEN])
{
	uint8_t sealed[FORMAT_NODE_LEN];

	if (ref->blocks != FORMAT_NODE_BLOCKS)
		return err_at(ERR_MALFORMED, "node of %u blocks", ref->blocks);
	TRY(disk_read(disk, DISK_DATA, ref->addr * DISK_BLOCK, sealed, sizeof(sealed)));
	TRY(sealer_open_node(sealer, ref, sealed, page));
	return page_validate(page, level);
}

static enum err node_from_disk(struct tree *t, const struct ref *ref, unsigned level,
			       struct node **ret)
{
	struct node *n = NULL;
	enum err err;

	TRY(node_new(t, level, &n));
	err = node_load(t->disk, t->sealer, ref, level, n->page);
	if (err != OK) {
		page_init(n->page, level);
		node_free(t, n);
		return err;
	}
	n->ref = *ref;
	*ret = n;
	return OK;
}

/* The child of an inner node, loaded if need be. Two readers may load it at once: one wins. */
static enum err node_child(struct tree *t, struct node *n, unsigned i, struct node **ret)
{
	struct node *child = atomic_load(&n->child[i]), *expected = NULL;
	struct ref ref;

	if (!child) {
		ref_decode(page_child(n->page, i), &ref);
		TRY(node_from_disk(t, &ref, page_level(n->page) - 1, &child));
		if (!atomic_compare_exchange_strong(&n->child[i], &expected, child)) {
			node_free(t, child);
			child = expected;
		}
	}
	if (!atomic_load_explicit(&child->recent, memory_order_relaxed))
		atomic_store_explicit(&child->recent, true, memory_order_relaxed);
	*ret = child;
	return OK;
}

enum err tree_new(struct disk *disk, const struct sealer *sealer, struct alloc *alloc,
		  const struct ref *root, unsigned depth, uint64_t open_gen, struct tree **ret)
{
	CLEANUP(tree_freep) struct tree *t = calloc(1, sizeof(*t));

	if (!t)
		return err_at(ERR_NOMEM, "tree");
	t->disk = disk;
	t->sealer = sealer;
	t->alloc = alloc;
	t->root_ref = *root;
	t->open_gen = open_gen;
	if (!ref_is_null(root)) {
		TRY(node_from_disk(t, root, depth - 1, &t->root));
		t->depth = depth;
	}
	*ret = TAKE(t);
	return OK;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	subtree_free(t, t->root);
	free(t);
}

unsigned tree_depth(const struct tree *t)
{
	return t->depth;
}

void tree_root(const struct tree *t, struct ref *ret)
{
	*ret = t->root_ref;
}

uint64_t tree_open_gen(const struct tree *t)
{
	return t->open_gen;
}

void tree_set_open_gen(struct tree *t, uint64_t gen)
{
	t->open_gen = gen;
}

bool tree_is_dirty(const struct tree *t)
{
	return t->changed;
}

/* ---- reading ---- */

/* The last child whose least key is not above `key`; the first one takes everything below it. */
static unsigned child_for(const uint8_t *page, const uint8_t *key)
{
	bool exact;
	unsigned i = page_search(page, key, &exact);

	return exact || i == 0 ? i : i - 1;
}

static enum err descend(struct tree *t, const uint8_t *key, struct path *p)
{
	struct node *n = t->root;

	p->depth = 0;
	for (;;) {
		p->node[p->depth] = n;
		if (page_level(n->page) == 0) {
			p->depth++;
			return OK;
		}
		p->index[p->depth] = child_for(n->page, key);
		TRY(node_child(t, n, p->index[p->depth], &n));
		p->depth++;
	}
}

/* Moves the path to the leaf after (step 1) or before (step -1). ERR_NOT_FOUND at the end. */
static enum err path_step(struct tree *t, struct path *p, int step)
{
	unsigned level = p->depth - 1;

	for (;;) {
		struct node *n;

		if (level == 0)
			return ERR_NOT_FOUND;
		n = p->node[--level];
		if (step > 0 ? p->index[level] + 1 < page_count(n->page) : p->index[level] > 0)
			break;
	}
	p->index[level] += (unsigned)step;
	while (level + 1 < p->depth) {
		TRY(node_child(t, p->node[level], p->index[level], &p->node[level + 1]));
		level++;
		if (level + 1 < p->depth)
			p->index[level] = step > 0 ? 0 : page_count(p->node[level]->page) - 1;
	}
	return OK;
}

static void view_of(const uint8_t *page, unsigned i, struct store_view *ret)
{
	struct page_item item;

	page_item_at(page, i, &item);
	memset(ret, 0, sizeof(*ret));
	key_decode(item.key, &ret->key);
	ret->value = item.value;
	ret->len = item.len;
	ret->has_record = item.ref != NULL;
	if (item.ref)
		ref_decode(item.ref, &ret->record);
}

/* In a damaged tree, which is only read, a leaf may hold keys that belong elsewhere. Who walks from key
 * to key must not be led back by them. */
static enum err check_order(const uint8_t *page, unsigned i, const uint8_t *key, int step)
{
	int order = memcmp(page_key(page, i), key, PAGE_KEY_LEN);

	return (step > 0 ? order > 0 : order < 0) ? OK : err_at(ERR_MALFORMED, "tree node");
}

enum err tree_find(struct tree *t, const struct store_key *key, enum tree_want want,
		   struct store_view *ret)
{
	uint8_t bytes[PAGE_KEY_LEN];
	struct path p;
	unsigned i;
	bool exact;
	const uint8_t *page;

	if (!t->root)
		return ERR_NOT_FOUND;
	key_encode(key, bytes);
	TRY(descend(t, bytes, &p));
	page = p.node[p.depth - 1]->page;
	i = page_search(page, bytes, &exact);
	if (want == TREE_EXACT && !exact)
		return ERR_NOT_FOUND;
	if (want == TREE_GE && i == page_count(page)) {
		TRY(path_step(t, &p, 1));
		page = p.node[p.depth - 1]->page;
		i = 0;
		TRY(check_order(page, i, bytes, 1));
	} else if (want == TREE_LE && !exact) {
		if (i == 0) {
			TRY(path_step(t, &p, -1));
			page = p.node[p.depth - 1]->page;
			i = page_count(page);
			TRY(check_order(page, i - 1, bytes, -1));
		}
		i--;
	}
	view_of(page, i, ret);
	return OK;
}

/* ---- changing ---- */

void tree_release(struct tree *t, const struct ref *ref)
{
	if (ref->birth == t->open_gen)
		alloc_give(t->alloc, ref->addr, ref->blocks);
	else
		alloc_hold(t->alloc, ref->addr, ref->blocks);
}

static void count_dirty(struct tree *t, int change)
{
	t->dirty_nodes = (uint64_t)((int64_t)t->dirty_nodes + change);
	alloc_nodes_dirty(t->alloc, change);
}

static void node_dirty(struct tree *t, struct node *n)
{
	if (n->dirty)
		return;
	n->dirty = true;
	alloc_hold(t->alloc, n->ref.addr, n->ref.blocks);
	count_dirty(t, 1);
}

/* Lets a node go that nothing points to any more. */
static void node_drop(struct tree *t, struct node *n)
{
	if (n->dirty)
		count_dirty(t, -1);
	else
		alloc_hold(t->alloc, n->ref.addr, n->ref.blocks);
	node_free(t, n);
}

static void path_dirty(struct tree *t, struct path *p)
{
	t->changed = true;
	for (unsigned i = 0; i < p->depth; i++)
		node_dirty(t, p->node[i]);
}

/* A key below everything in a first child lowers the separators above it, so that keys in an inner
 * node keep ascending whatever is split later. */
static void lower_separators(struct path *p, const uint8_t *key)
{
	for (unsigned i = 0; i + 1 < p->depth; i++) {
		uint8_t *page = p->node[i]->page;

		if (p->index[i] == 0 && memcmp(key, page_key(page, 0), PAGE_KEY_LEN) < 0)
			page_set_key(page, 0, key);
	}
}

enum err tree_prepare(struct tree *t, unsigned changes)
{
	/* A change dirties a path, and a merge at each level touches one sibling more. */
	return alloc_hold_room(t->alloc, (size_t)changes * (2 * FORMAT_DEPTH_MAX + 2));
}

static void insert_child(struct node *n, unsigned i, const uint8_t *key, struct node *child)
{
	unsigned count = page_count(n->page);

	for (unsigned j = count; j > i; j--)
		atomic_store(&n->child[j], atomic_load(&n->child[j - 1]));
	page_insert_child(n->page, i, key);
	atomic_store(&n->child[i], child);
}

static void remove_child(struct node *n, unsigned i)
{
	unsigned count = page_count(n->page);

	for (unsigned j = i; j + 1 < count; j++)
		atomic_store(&n->child[j], atomic_load(&n->child[j + 1]));
	atomic_store(&n->child[count - 1], NULL);
	page_remove_child(n->page, i);
}

/* Nodes that a put will need, made before anything is changed. */
struct spares {
	struct node *node[FORMAT_DEPTH_MAX + 1];
	unsigned count;
};

static struct node *spare_take(struct tree *t, struct spares *s)
{
	struct node *n = s->node[--s->count];

	n->dirty = true;
	atomic_store(&n->recent, true);
	count_dirty(t, 1);
	return n;
}

static void spares_free(struct tree *t, struct spares *s)
{
	while (s->count > 0)
		node_free(t, s->node[--s->count]);
}

/* The leaf splits; so does each full inner node above it; a full root adds a level. Spares are
 * taken from the end, so the topmost is made first. */
static enum err spares_for_split(struct tree *t, const struct path *p, struct spares *s)
{
	unsigned full = 1;
	enum err err = OK;

	while (full < p->depth && page_count(p->node[p->depth - 1 - full]->page) == PAGE_INNER_MAX)
		full++;
	if (full == p->depth) {
		if (t->depth == FORMAT_DEPTH_MAX)
			return err_at(ERR_NO_SPACE, "tree depth");
		err = node_new(t, p->depth, &s->node[0]);
		s->count = err == OK;
	}
	for (unsigned level = full; err == OK && level-- > 0;) {
		err = node_new(t, level, &s->node[s->count]);
		s->count += err == OK;
	}
	if (err != OK)
		spares_free(t, s);
	return err;
}

/* Puts `right` behind the node at path level `level` into its parent, splitting upwards. */
static void link_right(struct tree *t, struct path *p, unsigned level, struct node *right,
		       struct spares *s)
{
	struct node *parent, *fresh, *into;
	unsigned at, half;

	if (level == 0) {
		struct node *root = spare_take(t, s);

		insert_child(root, 0, page_key(p->node[0]->page, 0), p->node[0]);
		insert_child(root, 1, page_key(right->page, 0), right);
		t->root = root;
		t->depth++;
		return;
	}
	parent = p->node[level - 1];
	at = p->index[level - 1] + 1;
	if (page_count(parent->page) < PAGE_INNER_MAX) {
		insert_child(parent, at, page_key(right->page, 0), right);
		return;
	}
	/* Ascending keys leave full nodes behind; others halve. */
	half = at == PAGE_INNER_MAX ? PAGE_INNER_MAX - 1 : PAGE_INNER_MAX / 2;
	fresh = spare_take(t, s);
	page_append(fresh->page, parent->page, half, PAGE_INNER_MAX);
	for (unsigned i = half; i < PAGE_INNER_MAX; i++)
		atomic_store(&fresh->child[i - half], atomic_load(&parent->child[i]));
	for (unsigned i = PAGE_INNER_MAX; i-- > half;)
		remove_child(parent, i);
	into = at > half ? fresh : parent;
	insert_child(into, at > half ? at - half : at, page_key(right->page, 0), right);
	link_right(t, p, level - 1, fresh, s);
}

/* Where to cut a leaf that is to take `item` as its i-th: the sequence with the item in it is cut so
 * that both halves fit and are near in size; at the end of the leaf only the item moves on.
 * Returns how many of the sequence stay. */
static unsigned split_point(const uint8_t *page, unsigned i, const struct page_item *item)
{
	unsigned count = page_count(page), best = 1;
	size_t total = page_used(page) + page_item_cost(item), left = 0, best_max = SIZE_MAX;

	if (i == count)
		return count;
	for (unsigned k = 0; k < count; k++) {
		size_t bigger;

		if (k == i) {
			left += page_item_cost(item);
		} else {
			struct page_item other;

			page_item_at(page, k < i ? k : k - 1, &other);
			left += page_item_cost(&other);
		}
		bigger = MAX(left, total - left);
		if (bigger < best_max) {
			best_max = bigger;
			best = k + 1;
		}
	}
	return best;
}

/* Splits the full leaf of the path into itself and a fresh right one, with the item in its place. */
static void split_leaf(struct tree *t, struct path *p, unsigned i, const struct page_item *item,
		       struct spares *s)
{
	struct node *leaf = p->node[p->depth - 1], *right = spare_take(t, s);
	unsigned count = page_count(leaf->page), stay = split_point(leaf->page, i, item);
	unsigned cut = i < stay ? stay - 1 : stay; /* in terms of the items that are there */

	page_append(right->page, leaf->page, cut, count);
	for (unsigned k = count; k-- > cut;)
		page_remove(leaf->page, k);
	if (i < stay)
		page_insert(leaf->page, i, item);
	else
		page_insert(right->page, i - cut, item);
	link_right(t, p, p->depth - 1, right, s);
}

static enum err first_leaf(struct tree *t)
{
	struct node *n;

	TRY(node_new(t, 0, &n));
	n->dirty = true;
	count_dirty(t, 1);
	t->root = n;
	t->depth = 1;
	return OK;
}

static void gone_record(const uint8_t *page, unsigned i, struct ref *ret)
{
	struct page_item item;

	page_item_at(page, i, &item);
	if (item.ref)
		ref_decode(item.ref, ret);
}

static bool fits_after_removal(const uint8_t *page, unsigned i, bool exact,
			       const struct page_item *item)
{
	struct page_item old;
	size_t gained = 0;

	if (exact) {
		page_item_at(page, i, &old);
		gained = page_item_cost(&old);
	}
	return page_used(page) - gained + page_item_cost(item) <= PAGE_ROOM;
}

enum err tree_put(struct tree *t, const struct store_key *key, const struct ref *record,
		  const void *value, size_t len, struct ref *ret_gone)
{
	uint8_t bytes[PAGE_KEY_LEN], ref_bytes[REF_LEN];
	struct page_item item = { .key = bytes, .value = value, .len = len };
	struct spares spares = { .count = 0 };
	struct path p;
	struct node *leaf;
	unsigned i;
	bool exact;

	if (len > STORE_VALUE_MAX)
		return err_at(ERR_TOO_LARGE_VALUE, "item of %zu bytes", len);
	memset(ret_gone, 0, sizeof(*ret_gone));
	if (!t->root)
		TRY(first_leaf(t));
	key_encode(key, bytes);
	if (record) {
		ref_encode(record, ref_bytes);
		item.ref = ref_bytes;
	}
	TRY(descend(t, bytes, &p));
	leaf = p.node[p.depth - 1];
	i = page_search(leaf->page, bytes, &exact);
	if (!fits_after_removal(leaf->page, i, exact, &item))
		TRY(spares_for_split(t, &p, &spares));
	path_dirty(t, &p);
	lower_separators(&p, bytes);
	if (exact) {
		gone_record(leaf->page, i, ret_gone);
		page_remove(leaf->page, i);
	}
	if (spares.count > 0)
		split_leaf(t, &p, i, &item, &spares);
	else
		page_insert(leaf->page, i, &item);
	return OK;
}

/* ---- deleting ---- */

/* Takes the empty node at path level `level` out of its parents; levels that lose their last child
 * go too. */
static void unlink_empty(struct tree *t, struct path *p, unsigned level)
{
	while (level > 0) {
		struct node *parent = p->node[level - 1];

		node_drop(t, p->node[level]);
		remove_child(parent, p->index[level - 1]);
		if (page_count(parent->page) > 0)
			return;
		level--;
	}
	node_drop(t, p->node[0]);
	t->root = NULL;
	t->depth = 0;
}

/* Moves everything of the right one of two neighbours into the left one. */
static void merge_into_left(struct tree *t, struct node *parent, unsigned left_index,
			    struct node *left, struct node *right)
{
	unsigned at = page_count(left->page), count = page_count(right->page);

	node_dirty(t, left);
	page_append(left->page, right->page, 0, count);
	if (right->child)
		for (unsigned i = 0; i < count; i++)
			atomic_store(&left->child[at + i], atomic_load(&right->child[i]));
	remove_child(parent, left_index + 1);
	node_drop(t, right);
}

/* A node that fell under a quarter joins a neighbour if both fit in three quarters. A neighbour that
 * cannot be read is left alone. True when the parent lost a child. */
static bool try_merge(struct tree *t, struct path *p, unsigned level)
{
	struct node *n = p->node[level], *parent = p->node[level - 1], *other;
	unsigned index = p->index[level - 1];
	bool with_left = index > 0;

	if (page_used(n->page) >= PAGE_ROOM / 4 || page_count(parent->page) < 2)
		return false;
	if (node_child(t, parent, with_left ? index - 1 : index + 1, &other) != OK) {
		err_clear();
		return false;
	}
	if (page_used(n->page) + page_used(other->page) > PAGE_ROOM / 4 * 3)
		return false;
	if (with_left)
		merge_into_left(t, parent, index - 1, other, n);
	else
		merge_into_left(t, parent, index, n, other);
	return true;
}

static void lower_root(struct tree *t)
{
	while (t->depth > 1 && page_count(t->root->page) == 1) {
		struct node *old = t->root, *child;

		if (node_child(t, old, 0, &child) != OK) {
			err_clear();
			return;
		}
		t->root = child;
		t->depth--;
		node_drop(t, old);
		/* The root must be dirty, or the seal would not notice that it changed place. */
		node_dirty(t, child);
	}
}

enum err tree_delete(struct tree *t, const struct store_key *key, struct ref *ret_gone)
{
	uint8_t bytes[PAGE_KEY_LEN];
	struct path p;
	struct node *leaf;
	unsigned i, level;
	bool exact;

	memset(ret_gone, 0, sizeof(*ret_gone));
	if (!t->root)
		return ERR_NOT_FOUND;
	key_encode(key, bytes);
	TRY(descend(t, bytes, &p));
	leaf = p.node[p.depth - 1];
	i = page_search(leaf->page, bytes, &exact);
	if (!exact)
		return ERR_NOT_FOUND;
	path_dirty(t, &p);
	gone_record(leaf->page, i, ret_gone);
	page_remove(leaf->page, i);
	if (page_count(leaf->page) == 0) {
		unlink_empty(t, &p, p.depth - 1);
	} else {
		level = p.depth - 1;
		while (level > 0 && try_merge(t, &p, level))
			level--;
	}
	if (t->root)
		lower_root(t);
	return OK;
}

/* ---- older epochs ---- */

struct older_search {
	struct tree *t;
	uint32_t epoch;
	uint64_t blocks;
	uint8_t from[PAGE_KEY_LEN];
	struct tree_older *ret;
};

/* Takes the leaf's old records from `from` on; false when neither they nor the leaf are old. */
static bool take_older(struct older_search *o, const struct node *leaf)
{
	struct tree_older *ret = o->ret;
	unsigned count = page_count(leaf->page), i;
	bool exact, old = !leaf->dirty && leaf->ref.epoch != o->epoch;

	i = page_search(leaf->page, o->from, &exact);
	if (i == count)
		return false;
	key_decode(page_key(leaf->page, i), &ret->first);
	for (; i < count; i++) {
		struct page_item item;
		struct ref ref;

		page_item_at(leaf->page, i, &item);
		if (item.ref)
			ref_decode(item.ref, &ref);
		if (item.ref && ref.epoch != o->epoch) {
			if (ret->count == TREE_OLDER_MAX ||
			    (ret->count > 0 && ret->blocks + ref.blocks > o->blocks)) {
				ret->more = true;
				break;
			}
			key_decode(item.key, &ret->at[ret->count].key);
			ret->at[ret->count++].record = ref;
			ret->blocks += ref.blocks;
		}
		key_decode(item.key, &ret->last);
	}
	return ret->count > 0 || old;
}

static enum err older_below(struct older_search *o, struct node *n)
{
	if (!n->child)
		return take_older(o, n) ? OK : ERR_NOT_FOUND;
	for (unsigned i = child_for(n->page, o->from); i < page_count(n->page); i++) {
		struct node *child = atomic_load(&n->child[i]);
		struct ref ref;
		enum err err;

		ref_decode(page_child(n->page, i), &ref);
		/* What is dirty will be sealed anew itself; what it carries may be old. */
		if (!(child && child->dirty) && ref.extra == o->epoch)
			continue;
		err = node_child(o->t, n, i, &child);
		if (err == OK)
			err = older_below(o, child);
		if (err == OK || err == ERR_NOMEM)
			return err;
		if (err != ERR_NOT_FOUND) {
			o->ret->skipped = true;
			err_clear();
		}
	}
	return ERR_NOT_FOUND;
}

enum err tree_older(struct tree *t, const struct store_key *from, uint64_t blocks,
		    struct tree_older *ret)
{
	struct older_search o = {
		.t = t, .epoch = sealer_epoch(t->sealer), .blocks = blocks, .ret = ret
	};

	memset(ret, 0, sizeof(*ret));
	key_encode(from, o.from);
	return t->root ? older_below(&o, t->root) : ERR_NOT_FOUND;
}

enum err tree_touch(struct tree *t, const struct store_key *key)
{
	uint8_t bytes[PAGE_KEY_LEN];
	struct path p;

	if (!t->root)
		return OK;
	key_encode(key, bytes);
	TRY(descend(t, bytes, &p));
	path_dirty(t, &p);
	return OK;
}

/* ---- sealing ---- */

static enum err stage_flush(struct tree *t)
{
	size_t len = t->stage.len;

	t->stage.len = 0;
	if (len == 0)
		return OK;
	return disk_write(t->disk, DISK_DATA, t->stage.addr * DISK_BLOCK, t->stage.at, len);
}

/* A place in the stage for one sealed node at `addr`; nodes that follow each other go out as one. */
static enum err stage_room(struct tree *t, uint64_t addr, uint8_t **ret)
{
	if (t->stage.len > 0 && (t->stage.addr + t->stage.len / DISK_BLOCK != addr ||
				 t->stage.len + FORMAT_NODE_LEN > t->stage.cap))
		TRY(stage_flush(t));
	if (t->stage.len == 0)
		t->stage.addr = addr;
	*ret = t->stage.at + t->stage.len;
	t->stage.len += FORMAT_NODE_LEN;
	return OK;
}

/* The oldest key epoch that anything at or below this node is sealed under. */
static uint32_t least_epoch(const struct tree *t, const struct node *n)
{
	uint32_t least = sealer_epoch(t->sealer);
	struct page_item item;
	struct ref ref;

	for (unsigned i = 0; i < page_count(n->page); i++) {
		if (n->child) {
			ref_decode(page_child(n->page, i), &ref);
			least = MIN(least, ref.extra);
			continue;
		}
		page_item_at(n->page, i, &item);
		if (item.ref) {
			ref_decode(item.ref, &ref);
			least = MIN(least, ref.epoch);
		}
	}
	return least;
}

static enum err seal_node(struct tree *t, struct node *n)
{
	struct ref ref = { 0 };
	uint8_t *out;

	if (n->child)
		for (unsigned i = 0; i < page_count(n->page); i++) {
			struct node *child = atomic_load(&n->child[i]);

			if (!child || !child->dirty)
				continue;
			TRY(seal_node(t, child));
			page_set_child(n->page, i, &child->ref);
		}
	ref.extra = least_epoch(t, n);
	TRY(alloc_take(t->alloc, FORMAT_NODE_BLOCKS, &ref.addr));
	TRY(stage_room(t, ref.addr, &out));
	page_set_birth(n->page, t->open_gen);
	TRY(sealer_seal_node(t->sealer, n->page, out, &ref));
	n->ref = ref;
	n->dirty = false;
	count_dirty(t, -1);
	return OK;
}

enum err tree_seal(struct tree *t, uint8_t *stage, size_t stage_len, uint64_t next_gen)
{
	t->stage.at = stage;
	t->stage.cap = stage_len;
	t->stage.len = 0;
	if (t->root && t->root->dirty)
		TRY(seal_node(t, t->root));
	TRY(stage_flush(t));
	if (t->root)
		t->root_ref = t->root->ref;
	else
		memset(&t->root_ref, 0, sizeof(t->root_ref));
	alloc_hold_seal(t->alloc, t->open_gen);
	t->open_gen = next_gen;
	t->changed = false;
	return OK;
}

/* ---- cache ---- */

bool tree_over_limit(const struct tree *t)
{
	return atomic_load(&t->nodes) > CACHE_NODES + t->dirty_nodes;
}

/* Second chance: what was not used since the last trim goes, leaves first. True when `n` itself has
 * no child in memory and may go. */
static bool trim_below(struct tree *t, struct node *n)
{
	bool bare = true;

	for (unsigned i = 0; n->child && i < page_count(n->page); i++) {
		struct node *child = atomic_load(&n->child[i]);

		if (!child)
			continue;
		if (!trim_below(t, child) || child->dirty || atomic_exchange(&child->recent, false)) {
			bare = false;
			continue;
		}
		node_free(t, child);
		atomic_store(&n->child[i], NULL);
	}
	return bare;
}

void tree_trim(struct tree *t)
{
	for (int round = 0; round < 2 && t->root && tree_over_limit(t); round++)
		(void)trim_below(t, t->root);
}

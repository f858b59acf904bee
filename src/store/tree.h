/* The copy-on-write B+tree in memory: nodes are loaded on the way down, changed as private copies,
 * and sealed bottom-up by a commit.
 *
 * A node is clean (as its reference says on the disk) or dirty (born in the open group, not on the
 * disk, its old blocks held). A dirty node's ancestors are dirty. Reading may happen on many threads
 * at once; everything else needs the tree alone. The caller (store.c) does the locking.
 * docs/FORMAT.md, "Tree". */
#pragma once
#include "store/alloc.h"
#include "store/node.h"
#include "store/seal.h"

struct tree;

#define TREE_OLDER_MAX 64u

/* The empty tree when `root` is null. `sealer`, `alloc`, `disk` are borrowed. */
MUST_CHECK enum err tree_new(struct disk *disk, const struct sealer *sealer, struct alloc *alloc,
			     const struct ref *root, unsigned depth, uint64_t open_gen,
			     struct tree **ret);
void tree_free(struct tree *t);
DEFINE_FREEP(struct tree, tree_free)
unsigned tree_depth(const struct tree *t);
void tree_root(const struct tree *t, struct ref *ret); /* as of the last seal */
uint64_t tree_open_gen(const struct tree *t);
bool tree_is_dirty(const struct tree *t);

/* Reading; see store_find and its kin. */
enum tree_want { TREE_EXACT, TREE_GE, TREE_LE };
MUST_CHECK enum err tree_find(struct tree *t, const struct store_key *key, enum tree_want want,
			      struct store_view *ret);

/* Room for what a number of changes will free; afterwards they can't fail half-way. */
MUST_CHECK enum err tree_prepare(struct tree *t, unsigned changes);
/* record NULL: a plain value. Whole or nothing. The blocks of a record that goes are not freed here:
 * *ret_gone is set to it (null when there is none). */
MUST_CHECK enum err tree_put(struct tree *t, const struct store_key *key, const struct ref *record,
			     const void *value, size_t len, struct ref *ret_gone);
MUST_CHECK enum err tree_delete(struct tree *t, const struct store_key *key, struct ref *ret_gone);
/* Frees a run: at once when the open group made it, else held for the generation that is open. */
void tree_release(struct tree *t, const struct ref *ref);

/* What a leaf holds that is sealed under an older epoch than the sealing one. */
struct tree_older {
	struct store_key first, last; /* of the items looked at: the leaf's, from `from` on */
	struct {
		struct store_key key;
		struct ref record;
	} at[TREE_OLDER_MAX];
	unsigned count; /* records; 0 when only the leaf itself is old */
	uint64_t blocks; /* of these records */
	bool more;	/* behind `last` there are more in the same leaf */
	bool skipped;	/* a node could not be read and was passed over */
};
/* The first such leaf at or behind `from`, with records of at most `blocks` blocks (one at least).
 * ERR_NOT_FOUND when there is none. A reader. */
MUST_CHECK enum err tree_older(struct tree *t, const struct store_key *from, uint64_t blocks,
			       struct tree_older *ret);
/* The leaf where `key` belongs is sealed anew by the next commit. Room as for one change. */
MUST_CHECK enum err tree_touch(struct tree *t, const struct store_key *key);

/* Seals every dirty node, writes them through `stage` and begins the next group at `next_gen`.
 * Any failure leaves the tree in no state to go on: the caller freezes. */
MUST_CHECK enum err tree_seal(struct tree *t, uint8_t *stage, size_t stage_len, uint64_t next_gen);
void tree_set_open_gen(struct tree *t, uint64_t gen);

/* Clean nodes in memory beyond the limit are let go; needs the tree alone. */
bool tree_over_limit(const struct tree *t);
void tree_trim(struct tree *t);

/* Reads one node's page into `page`, opened and validated. Keeps nothing. */
MUST_CHECK enum err node_load(struct disk *disk, const struct sealer *sealer, const struct ref *ref,
			      unsigned level, uint8_t page[FORMAT_PAGE_LEN]);

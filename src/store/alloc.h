/* The allocator: which blocks of DATA are free, and how much is promised.
 *
 * Kept in memory only; free means unreachable. A bit is set for a block that some state that could
 * still be opened may reach: used, or freed lately and held. Space is handed out next-fit in runs.
 * A cell is an aligned group of FORMAT_NODE_BLOCKS blocks; promises are kept in whole free cells, so
 * that a node, or a record of one cell, always finds its place once promised, however scattered the
 * free space is. Has its own lock; every function may be called by many threads at once, except new,
 * free and the marking of the first walk. docs/DESIGN.md, "Free space and reuse". */
#pragma once
#include "store/store.h"

struct alloc;

MUST_CHECK enum err alloc_new(struct disk *disk, struct alloc **ret);
void alloc_free(struct alloc *a);
DEFINE_FREEP(struct alloc, alloc_free)

/* Marks a run as used; false when it is outside the disk or some of it was marked before. */
MUST_CHECK bool alloc_mark(struct alloc *a, uint64_t addr, uint32_t blocks);
bool alloc_is_marked(const struct alloc *a, uint64_t addr);

/* Promises. See store_reserve; `nodes_dirty` counts nodes that the next seal will place. */
MUST_CHECK enum err alloc_reserve(struct alloc *a, uint64_t blocks, bool freeing);
void alloc_unreserve(struct alloc *a, uint64_t blocks);
void alloc_nodes_dirty(struct alloc *a, int64_t change);
/* Whether the nodes that are dirty now all find a place, spending every promise; grows the disk and
 * takes ripe blocks if that helps. ERR_NO_SPACE when they don't. */
MUST_CHECK enum err alloc_cover_dirty(struct alloc *a);

/* A contiguous run. ERR_NO_SPACE when there is none that long (never for one cell that was
 * promised). */
MUST_CHECK enum err alloc_take(struct alloc *a, uint32_t blocks, uint64_t *ret_addr);
/* Back at once: for a run that no sealed state reaches. */
void alloc_give(struct alloc *a, uint64_t addr, uint32_t blocks);

/* Runs freed by generation `gen` become free when a later one is durable. The list is filled first
 * (alloc_hold_room makes sure that it can be), closed by alloc_hold_seal. */
MUST_CHECK enum err alloc_hold_room(struct alloc *a, size_t runs);
void alloc_hold(struct alloc *a, uint64_t addr, uint32_t blocks);
void alloc_hold_seal(struct alloc *a, uint64_t gen);
/* Generation `gen` is durable: releases what may be reused by now. */
void alloc_durable(struct alloc *a, uint64_t gen);

struct alloc_info {
	uint64_t owned, growable, reserve; /* blocks */
	uint64_t used;			   /* marked and not held */
	uint64_t held;
	uint64_t free; /* what may still be promised, held ones included */
};
void alloc_info(struct alloc *a, struct alloc_info *ret);

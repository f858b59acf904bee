#include "store/alloc.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "store/format.h"

#define CELL FORMAT_NODE_BLOCKS
#define CELLS_A_WORD (64 / CELL)
/* Freed by N: never before N + 1 is durable; willingly not before N + 8. FORMAT.md, "Reuse". */
#define HOLD_HARD 1u
#define HOLD_SOFT 8u
#define RESERVE_MIN 2048u  /* 8 MiB */
#define RESERVE_MAX 65536u /* 256 MiB */

struct run {
	uint64_t addr;
	uint32_t blocks;
};

struct runs {
	struct run *at;
	size_t count, cap;
	uint64_t blocks;
};

struct hold {
	struct hold *next;
	uint64_t gen;
	struct runs runs;
};

struct alloc {
	pthread_mutex_t lock;	   /* guards everything below */
	pthread_mutex_t grow_lock; /* one grows at a time, without `lock` */
	struct disk *disk;
	uint64_t *bits;
	uint64_t blocks; /* owned */
	uint64_t growable, step;
	uint64_t marked;     /* bits set */
	uint64_t free_cells; /* cells without a bit set */
	uint64_t next;	     /* where the next search begins */
	uint64_t reserved, dirty_nodes;
	uint64_t durable;
	struct runs open; /* freed by the open group */
	struct hold *spare; /* ready for the next alloc_hold_seal */
	struct hold *oldest, *newest;
	uint64_t held; /* blocks in `open` and in all holds */
};

static bool bit_get(const struct alloc *a, uint64_t i)
{
	return a->bits[i / 64] >> (i % 64) & 1;
}

static bool cell_is_free(const struct alloc *a, uint64_t cell)
{
	return !(a->bits[cell / CELLS_A_WORD] >> (cell % CELLS_A_WORD * CELL) & 0xf);
}

/* Sets or clears a run, keeping the counts. */
static void set_run(struct alloc *a, uint64_t addr, uint32_t blocks, bool value)
{
	uint64_t first = addr / CELL, last = (addr + blocks - 1) / CELL;

	for (uint64_t c = first; c <= last; c++)
		a->free_cells -= cell_is_free(a, c);
	for (uint64_t i = addr; i < addr + blocks; i++) {
		if (value)
			a->bits[i / 64] |= UINT64_C(1) << (i % 64);
		else
			a->bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
	}
	for (uint64_t c = first; c <= last; c++)
		a->free_cells += cell_is_free(a, c);
	a->marked = value ? a->marked + blocks : a->marked - blocks;
}

/* The disk has `blocks` now; only whole cells count. */
static enum err resize(struct alloc *a, uint64_t blocks)
{
	uint64_t old_words = a->blocks / 64 + 1, words;
	uint64_t *bits;

	blocks -= blocks % CELL;
	if (blocks <= a->blocks && a->bits)
		return OK;
	words = blocks / 64 + 1;
	bits = realloc(a->bits, words * sizeof(*bits));
	if (!bits)
		return err_at(ERR_NOMEM, "block map");
	if (!a->bits)
		old_words = 0;
	if (words > old_words)
		memset(bits + old_words, 0, (words - old_words) * sizeof(*bits));
	a->bits = bits;
	a->free_cells += (blocks - a->blocks) / CELL;
	a->blocks = blocks;
	return OK;
}

enum err alloc_new(struct disk *disk, struct alloc **ret)
{
	CLEANUP(alloc_freep) struct alloc *a = calloc(1, sizeof(*a));
	struct disk_info info;

	if (!a)
		return err_at(ERR_NOMEM, "block map");
	pthread_mutex_init(&a->lock, NULL);
	pthread_mutex_init(&a->grow_lock, NULL);
	a->disk = disk;
	TRY(disk_list(disk, &info));
	if (info.blocks > FORMAT_ADDR_MAX)
		return err_at(ERR_MALFORMED, "disk of %llu blocks", (unsigned long long)info.blocks);
	a->growable = info.more_blocks;
	a->step = MAX(info.step_blocks, CELL);
	TRY(resize(a, info.blocks));
	*ret = TAKE(a);
	return OK;
}

static void hold_free(struct hold *h)
{
	if (!h)
		return;
	free(h->runs.at);
	free(h);
}

void alloc_free(struct alloc *a)
{
	if (!a)
		return;
	while (a->oldest) {
		struct hold *next = a->oldest->next;

		hold_free(a->oldest);
		a->oldest = next;
	}
	hold_free(a->spare);
	free(a->open.at);
	free(a->bits);
	pthread_mutex_destroy(&a->grow_lock);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

bool alloc_mark(struct alloc *a, uint64_t addr, uint32_t blocks)
{
	if (blocks == 0 || addr >= a->blocks || blocks > a->blocks - addr)
		return false;
	for (uint64_t i = addr; i < addr + blocks; i++)
		if (bit_get(a, i))
			return false;
	set_run(a, addr, blocks, true);
	return true;
}

bool alloc_is_marked(const struct alloc *a, uint64_t addr)
{
	return addr < a->blocks && bit_get(a, addr);
}

/* Kept back for unlink, truncate and commits; a quarter at most, so that small disks work too. */
static uint64_t reserve_of(const struct alloc *a)
{
	uint64_t all = a->blocks + a->growable;
	uint64_t want = MIN(MAX(all / 64, RESERVE_MIN), RESERVE_MAX);

	return MIN(want, all / 4);
}

static uint64_t promised(const struct alloc *a)
{
	return a->reserved + a->dirty_nodes * CELL;
}

/* Releases holds that have ripened by `age` generations. */
static void release_holds(struct alloc *a, uint64_t age)
{
	while (a->oldest && a->oldest->gen + age <= a->durable) {
		struct hold *h = a->oldest;

		for (size_t i = 0; i < h->runs.count; i++)
			set_run(a, h->runs.at[i].addr, h->runs.at[i].blocks, false);
		a->held -= h->runs.blocks;
		a->oldest = h->next;
		if (!a->oldest)
			a->newest = NULL;
		hold_free(h);
	}
}

/* Whether `blocks` more can be promised on top of what is, in the space that is owned. */
static bool fits_owned(const struct alloc *a, uint64_t blocks)
{
	return a->free_cells * CELL >= promised(a) + blocks;
}

static bool fits_at_all(const struct alloc *a, uint64_t blocks, bool freeing)
{
	uint64_t all = a->free_cells * CELL + a->growable;
	uint64_t keep = freeing ? 0 : reserve_of(a);

	return all >= promised(a) + blocks + keep;
}

/* Grows the disk by a step or more. The lock is let go meanwhile. */
static enum err grow(struct alloc *a, uint64_t blocks)
{
	uint64_t want = MAX(blocks, MIN(MAX(a->step, a->blocks / 16), 8 * a->step));
	uint64_t target = a->blocks + MIN((want + a->step - 1) / a->step * a->step, a->growable);
	struct disk_info info;
	enum err err;

	pthread_mutex_unlock(&a->lock);
	err = disk_grow(a->disk, target);
	if (err == OK || err == ERR_NO_SPACE) {
		enum err listed = disk_list(a->disk, &info);

		err = listed != OK ? listed : err;
	}
	pthread_mutex_lock(&a->lock);
	if (err == ERR_NO_SPACE)
		a->growable = 0;
	if (err != OK)
		return err;
	a->growable = info.more_blocks;
	return resize(a, info.blocks);
}

static enum err reserve_locked(struct alloc *a, uint64_t blocks, bool freeing)
{
	while (!fits_owned(a, blocks) || !fits_at_all(a, blocks, freeing)) {
		uint64_t before = a->blocks;

		if (!fits_at_all(a, blocks, freeing))
			release_holds(a, HOLD_HARD);
		if (!fits_at_all(a, blocks, freeing))
			return err_at(ERR_NO_SPACE, "%llu blocks", (unsigned long long)blocks);
		if (fits_owned(a, blocks))
			break;
		if (a->growable > 0) {
			enum err err = grow(a, blocks);

			if (err != OK && err != ERR_NO_SPACE)
				return err;
		}
		if (a->blocks == before && !fits_owned(a, blocks)) {
			release_holds(a, HOLD_HARD);
			if (!fits_owned(a, blocks))
				return err_at(ERR_NO_SPACE, "%llu blocks",
					      (unsigned long long)blocks);
		}
	}
	a->reserved += blocks;
	return OK;
}

enum err alloc_reserve(struct alloc *a, uint64_t blocks, bool freeing)
{
	enum err err = OK;
	bool done;

	pthread_mutex_lock(&a->lock);
	done = fits_owned(a, blocks) && fits_at_all(a, blocks, freeing);
	if (done)
		a->reserved += blocks;
	pthread_mutex_unlock(&a->lock);
	if (done)
		return OK;

	pthread_mutex_lock(&a->grow_lock);
	pthread_mutex_lock(&a->lock);
	err = reserve_locked(a, blocks, freeing);
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(&a->grow_lock);
	return err;
}

void alloc_unreserve(struct alloc *a, uint64_t blocks)
{
	pthread_mutex_lock(&a->lock);
	a->reserved -= MIN(blocks, a->reserved);
	pthread_mutex_unlock(&a->lock);
}

void alloc_nodes_dirty(struct alloc *a, int64_t change)
{
	pthread_mutex_lock(&a->lock);
	a->dirty_nodes = (uint64_t)((int64_t)a->dirty_nodes + change);
	pthread_mutex_unlock(&a->lock);
}

enum err alloc_cover_dirty(struct alloc *a)
{
	enum err err = OK;

	pthread_mutex_lock(&a->grow_lock);
	pthread_mutex_lock(&a->lock);
	if (a->free_cells < a->dirty_nodes)
		release_holds(a, HOLD_HARD);
	while (a->free_cells < a->dirty_nodes && err == OK) {
		uint64_t before = a->blocks;

		if (a->growable > 0)
			err = grow(a, (a->dirty_nodes - a->free_cells) * CELL);
		if (a->blocks == before)
			err = err_at(ERR_NO_SPACE, "%llu nodes", (unsigned long long)a->dirty_nodes);
	}
	pthread_mutex_unlock(&a->lock);
	pthread_mutex_unlock(&a->grow_lock);
	return err;
}

/* The first run of `blocks` free blocks in [from, to); `to` when there is none. A run begins at a cell
 * or inside one that is not free, so it uses up no more free cells than its length needs, and the
 * first filling of the disk leaves no gap that would tell a record's size. */
static uint64_t find_run(const struct alloc *a, uint64_t from, uint64_t to, uint32_t blocks)
{
	uint64_t start = cell_is_free(a, from / CELL) ? from - from % CELL : from, i = start;

	while (start + blocks <= to) {
		if (i == start && i % 64 == 0 && a->bits[i / 64] == UINT64_MAX) {
			i += 64;
			start = i;
		} else if (bit_get(a, i++)) {
			start = i;
		} else if (i - start == blocks) {
			return start;
		}
	}
	return to;
}

enum err alloc_take(struct alloc *a, uint32_t blocks, uint64_t *ret_addr)
{
	uint64_t at;

	pthread_mutex_lock(&a->lock);
	at = a->blocks ? find_run(a, a->next, a->blocks, blocks) : 0;
	if (at == a->blocks)
		at = find_run(a, 0, a->blocks, blocks);
	if (at == a->blocks) {
		pthread_mutex_unlock(&a->lock);
		return err_at(ERR_NO_SPACE, "no run of %u blocks", blocks);
	}
	set_run(a, at, blocks, true);
	a->next = at + blocks < a->blocks ? at + blocks : 0;
	pthread_mutex_unlock(&a->lock);
	*ret_addr = at;
	return OK;
}

void alloc_give(struct alloc *a, uint64_t addr, uint32_t blocks)
{
	pthread_mutex_lock(&a->lock);
	set_run(a, addr, blocks, false);
	pthread_mutex_unlock(&a->lock);
}

enum err alloc_hold_room(struct alloc *a, size_t runs)
{
	enum err err = OK;

	pthread_mutex_lock(&a->lock);
	if (!a->spare)
		a->spare = calloc(1, sizeof(*a->spare));
	if (!a->spare)
		err = err_at(ERR_NOMEM, "freed blocks");
	if (err == OK && a->open.count + runs > a->open.cap) {
		size_t cap = MAX(a->open.cap * 2, a->open.count + runs + 64);
		struct run *at = realloc(a->open.at, cap * sizeof(*at));

		if (at) {
			a->open.at = at;
			a->open.cap = cap;
		} else {
			err = err_at(ERR_NOMEM, "freed blocks");
		}
	}
	pthread_mutex_unlock(&a->lock);
	return err;
}

void alloc_hold(struct alloc *a, uint64_t addr, uint32_t blocks)
{
	pthread_mutex_lock(&a->lock);
	a->open.at[a->open.count++] = (struct run){ addr, blocks };
	a->open.blocks += blocks;
	a->held += blocks;
	pthread_mutex_unlock(&a->lock);
}

void alloc_hold_seal(struct alloc *a, uint64_t gen)
{
	pthread_mutex_lock(&a->lock);
	if (a->open.count > 0) {
		struct hold *h = TAKE(a->spare);

		h->gen = gen;
		h->runs = a->open;
		memset(&a->open, 0, sizeof(a->open));
		if (a->newest)
			a->newest->next = h;
		else
			a->oldest = h;
		a->newest = h;
	}
	pthread_mutex_unlock(&a->lock);
}

void alloc_durable(struct alloc *a, uint64_t gen)
{
	pthread_mutex_lock(&a->lock);
	a->durable = gen;
	release_holds(a, HOLD_SOFT);
	pthread_mutex_unlock(&a->lock);
}

void alloc_info(struct alloc *a, struct alloc_info *ret)
{
	uint64_t all, taken;

	pthread_mutex_lock(&a->lock);
	all = a->free_cells * CELL + a->growable + a->held;
	taken = promised(a) + reserve_of(a);
	*ret = (struct alloc_info){
		.owned = a->blocks,
		.growable = a->growable,
		.reserve = reserve_of(a),
		.used = a->marked - a->held,
		.held = a->held,
		.free = all > taken ? all - taken : 0,
	};
	pthread_mutex_unlock(&a->lock);
}

#include "store/search.h"
#include <stdlib.h>
#include <string.h>

#define STRETCH_BLOCKS 256u		      /* read at once */
#define TAIL_BLOCKS (FORMAT_NODE_BLOCKS - 1u) /* of the stretch behind, for nodes on the border */

/* ---- ranges ---- */

void span_all(struct span *ret)
{
	memset(ret->from, 0, PAGE_KEY_LEN);
	memset(ret->to, 0xff, PAGE_KEY_LEN);
}

bool span_is_some(const struct span *s)
{
	return memcmp(s->from, s->to, PAGE_KEY_LEN) < 0;
}

bool span_clip(struct span *s, const struct span *by)
{
	if (memcmp(s->from, by->from, PAGE_KEY_LEN) < 0)
		memcpy(s->from, by->from, PAGE_KEY_LEN);
	if (memcmp(s->to, by->to, PAGE_KEY_LEN) > 0)
		memcpy(s->to, by->to, PAGE_KEY_LEN);
	return span_is_some(s);
}

bool child_span(const uint8_t *page, unsigned i, const struct span *span, struct span *ret)
{
	*ret = *span;
	if (i > 0 && memcmp(page_key(page, i), ret->from, PAGE_KEY_LEN) > 0)
		memcpy(ret->from, page_key(page, i), PAGE_KEY_LEN);
	if (i + 1 < page_count(page) && memcmp(page_key(page, i + 1), ret->to, PAGE_KEY_LEN) < 0)
		memcpy(ret->to, page_key(page, i + 1), PAGE_KEY_LEN);
	return span_is_some(ret);
}

/* The next key in order; the greatest one, which nothing has, stays. */
static void key_after(uint8_t key[PAGE_KEY_LEN])
{
	for (unsigned i = PAGE_KEY_LEN; i-- > 0;)
		if (++key[i] != 0)
			return;
	memset(key, 0xff, PAGE_KEY_LEN);
}

void found_span(const struct found *f, struct span *ret)
{
	memcpy(ret->from, f->first, PAGE_KEY_LEN);
	memcpy(ret->to, f->last, PAGE_KEY_LEN);
	key_after(ret->to);
}

bool found_meets(const struct found *f, const struct span *span)
{
	return memcmp(f->first, span->to, PAGE_KEY_LEN) < 0 &&
	       memcmp(f->last, span->from, PAGE_KEY_LEN) >= 0;
}

void found_list_clear(struct found_list *l)
{
	free(l->at);
}

enum err found_list_add_apart(struct found_list *l, const struct found *f)
{
	struct span span;

	found_span(f, &span);
	for (size_t i = 0; i < l->count; i++)
		if (found_meets(l->at[i], &span))
			return OK;
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		const struct found **at = realloc(l->at, cap * sizeof(*at));

		if (!at)
			return err_at(ERR_NOMEM, "salvage");
		l->at = at;
		l->cap = cap;
	}
	l->at[l->count++] = f;
	return OK;
}

/* ---- searching ---- */

static int newest_first(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->birth != y->birth)
		return x->birth < y->birth ? 1 : -1;
	if (x->level != y->level)
		return x->level < y->level ? 1 : -1;
	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static bool goes_on(enum err err)
{
	return err != ERR_REMOVED && err != ERR_NOMEM;
}

/* A stretch; where the medium fails, block by block, so that a bad one costs only itself: what
 * cannot be read becomes zeroes, which open as nothing. */
static enum err read_stretch(struct disk *disk, uint64_t first, size_t blocks, uint8_t *out)
{
	enum err err = disk_read(disk, DISK_DATA, first * DISK_BLOCK, out, blocks * DISK_BLOCK);

	if (err == OK || !goes_on(err))
		return err;
	for (size_t i = 0; i < blocks; i++) {
		uint8_t *block = out + i * DISK_BLOCK;

		err = disk_read(disk, DISK_DATA, (first + i) * DISK_BLOCK, block, DISK_BLOCK);
		if (err != OK && !goes_on(err))
			return err;
		if (err != OK)
			memset(block, 0, DISK_BLOCK);
	}
	err_clear();
	return OK;
}

static enum err keep(struct search *s, uint64_t addr, const uint8_t *page)
{
	struct found *f;

	if (s->count == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct found *at = realloc(s->at, cap * sizeof(*at));

		if (!at)
			return err_at(ERR_NOMEM, "salvage");
		s->at = at;
		s->cap = cap;
	}
	f = &s->at[s->count++];
	f->addr = addr;
	f->birth = page_birth(page);
	f->level = (uint8_t)page_level(page);
	memcpy(f->first, page_key(page, 0), PAGE_KEY_LEN);
	memcpy(f->last, page_key(page, page_count(page) - 1), PAGE_KEY_LEN);
	return OK;
}

static bool is_node(const struct sealer *sealer, uint64_t addr, const uint8_t *in, uint8_t *page)
{
	struct ref ref;

	return sealer_find_node(sealer, addr, in, page, &ref) == OK &&
	       page_level(page) < FORMAT_DEPTH_MAX && page_validate(page, page_level(page)) == OK;
}

/* Nodes that begin in the first `starts` blocks of what was read. */
static enum err look_at(struct search *s, const struct sealer *sealer, uint64_t first,
			size_t starts, const uint8_t *bytes, uint64_t *skip_to)
{
	uint8_t page[FORMAT_PAGE_LEN];
	enum err err = OK;

	for (size_t i = 0; i < starts && err == OK; i++) {
		if (first + i < *skip_to ||
		    !is_node(sealer, first + i, bytes + i * DISK_BLOCK, page))
			continue;
		err = keep(s, first + i, page);
		*skip_to = first + i + FORMAT_NODE_BLOCKS; /* no node lies across another one */
	}
	mem_wipe(page, sizeof(page));
	return err;
}

static enum err search_stretches(struct search *s, struct disk *disk, const struct sealer *sealer,
				 uint64_t blocks, salvage_progress_fn progress, void *ctx)
{
	CLEANUP(mem_freep) uint8_t *bytes = malloc((STRETCH_BLOCKS + TAIL_BLOCKS) * DISK_BLOCK);
	uint64_t skip_to = 0;

	if (!bytes)
		return err_at(ERR_NOMEM, "salvage");
	for (uint64_t at = 0; at + TAIL_BLOCKS < blocks; at += STRETCH_BLOCKS) {
		size_t len = (size_t)MIN(blocks - at, STRETCH_BLOCKS + TAIL_BLOCKS);

		TRY(read_stretch(disk, at, len, bytes));
		TRY(look_at(s, sealer, at, len - TAIL_BLOCKS, bytes, &skip_to));
		if (progress)
			progress(ctx, MIN(at + STRETCH_BLOCKS, blocks) * DISK_BLOCK,
				 blocks * DISK_BLOCK);
	}
	return OK;
}

enum err search_run(struct disk *disk, const struct sealer *sealer, salvage_progress_fn progress,
		    void *ctx, struct search **ret)
{
	CLEANUP(search_freep) struct search *s = calloc(1, sizeof(*s));
	struct disk_info info;

	if (!s)
		return err_at(ERR_NOMEM, "salvage");
	TRY(disk_list(disk, &info));
	TRY(search_stretches(s, disk, sealer, info.blocks, progress, ctx));
	if (s->count > 0)
		qsort(s->at, s->count, sizeof(*s->at), newest_first);
	*ret = TAKE(s);
	return OK;
}

void search_free(struct search *s)
{
	if (!s)
		return;
	free(s->at);
	free(s);
}

enum err search_ref(struct disk *disk, const struct sealer *sealer, const struct found *f,
		    struct ref *ret)
{
	uint8_t in[FORMAT_NODE_LEN], page[FORMAT_PAGE_LEN];
	enum err err;

	TRY(disk_read(disk, DISK_DATA, f->addr * DISK_BLOCK, in, sizeof(in)));
	err = sealer_find_node(sealer, f->addr, in, page, ret);
	mem_wipe(page, sizeof(page));
	return err;
}

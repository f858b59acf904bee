/* The allocator: promises that are kept, and blocks that are not reused too early. */
#include <stdlib.h>
#include <string.h>
#include "store/alloc.h"
#include "store/format.h"
#include "tests/check.h"

/* A disk that only has a size. */
struct size_disk {
	struct disk disk;
	uint64_t blocks, max, step;
	unsigned grown;
};

static enum err size_list(struct disk *d, struct disk_info *ret)
{
	struct size_disk *s = (struct size_disk *)d;

	*ret = (struct disk_info){ s->blocks, s->max - s->blocks, s->step, false };
	return OK;
}

static enum err size_grow(struct disk *d, uint64_t blocks)
{
	struct size_disk *s = (struct size_disk *)d;

	if (blocks > s->max)
		return ERR_NO_SPACE;
	s->blocks = blocks;
	s->grown++;
	return OK;
}

static const struct disk_ops size_ops = { .list = size_list, .grow = size_grow };

static struct size_disk make_disk(uint64_t blocks, uint64_t max)
{
	return (struct size_disk){ { &size_ops }, blocks, max, 16, 0 };
}

static struct alloc *make(struct size_disk *d)
{
	struct alloc *a;

	assert_ok(alloc_new(&d->disk, &a));
	return a;
}

static uint64_t take(struct alloc *a, uint32_t blocks)
{
	uint64_t addr;

	assert_ok(alloc_take(a, blocks, &addr));
	return addr;
}

static void hold(struct alloc *a, uint64_t addr, uint32_t blocks, uint64_t gen)
{
	assert_ok(alloc_hold_room(a, 1));
	alloc_hold(a, addr, blocks);
	alloc_hold_seal(a, gen);
}

static void first_filling_leaves_no_gap(void **state)
{
	struct size_disk d = make_disk(64, 64);
	struct alloc *a = make(&d);
	uint64_t expected = 0;
	const uint32_t sizes[] = { 4, 1, 5, 2, 4, 7, 3, 4, 16 };

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_int_equal(take(a, sizes[i]), expected);
		expected += sizes[i];
	}
	alloc_free(a);
}

static void block_freed_by_a_generation_waits_for_the_next_to_be_durable(void **state)
{
	struct size_disk d = make_disk(16, 16);
	struct alloc *a = make(&d);
	uint64_t addr;

	for (unsigned i = 0; i < 4; i++)
		(void)take(a, 4);
	hold(a, 8, 4, 10);
	alloc_durable(a, 10);
	/* A promise that needs the space asks for ripe blocks: generation 10 alone ripens nothing. */
	assert_err(alloc_reserve(a, 4, true), ERR_NO_SPACE);
	assert_err(alloc_take(a, 4, &addr), ERR_NO_SPACE);
	alloc_durable(a, 11);
	assert_err(alloc_take(a, 4, &addr), ERR_NO_SPACE); /* held by preference */
	assert_ok(alloc_reserve(a, 4, true));		   /* needed: released */
	assert_int_equal(take(a, 4), 8);
	alloc_free(a);
}

static void blocks_come_back_by_themselves_after_eight_generations(void **state)
{
	struct size_disk d = make_disk(16, 16);
	struct alloc *a = make(&d);
	uint64_t addr;

	for (unsigned i = 0; i < 4; i++)
		(void)take(a, 4);
	hold(a, 4, 4, 10);
	alloc_durable(a, 17);
	assert_err(alloc_take(a, 4, &addr), ERR_NO_SPACE);
	alloc_durable(a, 18);
	assert_int_equal(take(a, 4), 4);
	alloc_free(a);
}

/* Every second block in use: half the disk is free, and no node fits. */
static void scattered_space_is_not_promised(void **state)
{
	struct size_disk d = make_disk(64, 64);
	struct alloc *a = make(&d);

	for (unsigned i = 0; i < 64; i++)
		(void)take(a, 1);
	for (unsigned i = 0; i < 64; i += 2)
		alloc_give(a, i, 1);
	assert_err(alloc_reserve(a, 4, true), ERR_NO_SPACE);
	assert_int_equal(take(a, 1) % 2, 0); /* small records still use it */
	alloc_free(a);
}

/* Whatever was promised in cells finds its place, in any order of small and large. */
static void what_was_promised_is_found(void **state)
{
	for (uint32_t seed = 1; seed < 400; seed++) {
		struct size_disk d = make_disk(256, 256);
		struct alloc *a = make(&d);
		uint32_t rnd = seed;
		unsigned promised = 0;

		for (unsigned i = 0; i < 256; i++)
			(void)take(a, 1);
		for (unsigned i = 0; i < 256; i++) {
			rnd = rnd * 1664525u + 1013904223u;
			if (rnd >> 30)
				alloc_give(a, i, 1);
		}
		while (alloc_reserve(a, FORMAT_NODE_BLOCKS, true) == OK)
			promised++;
		for (unsigned i = 0; i < promised; i++)
			(void)take(a, FORMAT_NODE_BLOCKS);
		alloc_free(a);
	}
}

static void ordinary_work_leaves_the_reserve_to_deletes(void **state)
{
	struct size_disk d = make_disk(64, 64);
	struct alloc *a = make(&d);
	unsigned ordinary = 0, freeing = 0;

	while (alloc_reserve(a, 4, false) == OK)
		ordinary += 4;
	while (alloc_reserve(a, 4, true) == OK)
		freeing += 4;
	assert_int_equal(ordinary, 48);
	assert_int_equal(freeing, 16);
	alloc_free(a);
}

static void the_disk_grows_only_when_owned_space_is_promised_away(void **state)
{
	struct size_disk d = make_disk(0, 1000);
	struct alloc *a = make(&d);

	assert_ok(alloc_reserve(a, 4, false));
	assert_int_equal(d.blocks, 16);
	assert_ok(alloc_reserve(a, 12, false));
	assert_int_equal(d.grown, 1);
	assert_ok(alloc_reserve(a, 1, false));
	assert_int_equal(d.grown, 2);
	alloc_free(a);
}

static void marking_refuses_overlap_and_what_is_outside(void **state)
{
	struct size_disk d = make_disk(16, 16);
	struct alloc *a = make(&d);

	assert_true(alloc_mark(a, 4, 4));
	assert_false(alloc_mark(a, 7, 2));
	assert_false(alloc_mark(a, 14, 4));
	assert_false(alloc_mark(a, UINT64_MAX - 1, 4));
	assert_false(alloc_mark(a, 0, 0));
	alloc_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_filling_leaves_no_gap),
		cmocka_unit_test(block_freed_by_a_generation_waits_for_the_next_to_be_durable),
		cmocka_unit_test(blocks_come_back_by_themselves_after_eight_generations),
		cmocka_unit_test(scattered_space_is_not_promised),
		cmocka_unit_test(what_was_promised_is_found),
		cmocka_unit_test(ordinary_work_leaves_the_reserve_to_deletes),
		cmocka_unit_test(the_disk_grows_only_when_owned_space_is_promised_away),
		cmocka_unit_test(marking_refuses_overlap_and_what_is_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

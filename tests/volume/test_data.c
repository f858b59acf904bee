/* Content: small and large, sparse and cut. */
#include "tests/volume/fixture.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECORD (1u << VOLUME_RECORD_SHIFT)

static void a_small_file_is_one_item_and_grows_out_of_it(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, INLINE_MAX, 1);
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, ITEM_INLINE), 1);
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 0);
	write_pattern(f, ino, INLINE_MAX, 1, 1);
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, ITEM_INLINE), 0);
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 1);
	fixture_reopen(f);
	assert_pattern(f, ino, 0, INLINE_MAX + 1, 1);
	assert_whole(f);
}

static void a_file_that_shrinks_becomes_small_again(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 3 * RECORD, 1);
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 3);
	set_size(f, ino, 100);
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, ITEM_INLINE), 1);
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 0);
	set_size(f, ino, 0);
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, -1), 1);
	assert_int_equal(attr_of(f, ino).blocks, 0);
	assert_whole(f);
}

static void small_content_stays_when_only_the_far_end_is_written(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 100, 1);
	assert_ok(volume_sync(f->v));
	write_pattern(f, ino, 10 * RECORD, 100, 2);
	fixture_reopen(f);
	assert_pattern(f, ino, 0, 100, 1);
	assert_zeroes(f, ino, 100, 10 * RECORD - 100);
	assert_pattern(f, ino, 10 * RECORD, 100, 2);
	assert_whole(f);
}

static void overwriting_a_part_keeps_the_rest(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 3 * RECORD, 1);
	fixture_reopen(f);
	write_pattern(f, ino, RECORD - 5, 10, 2);
	assert_pattern(f, ino, RECORD - 5, 10, 2);
	fixture_reopen(f);
	assert_pattern(f, ino, 0, RECORD - 5, 1);
	assert_pattern(f, ino, RECORD - 5, 10, 2);
	assert_pattern(f, ino, RECORD + 5, 2 * RECORD - 5, 1);
	assert_whole(f);
}

static void reading_stops_at_the_end_of_the_file(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	char buf[100];
	size_t got;

	write_text(f, ino, 0, "hello");
	assert_ok(volume_read(f->v, ino, 3, buf, sizeof(buf), &got));
	assert_int_equal(got, 2);
	assert_ok(volume_read(f->v, ino, 5, buf, sizeof(buf), &got));
	assert_int_equal(got, 0);
	assert_ok(volume_read(f->v, ino, UINT64_MAX, buf, sizeof(buf), &got));
	assert_int_equal(got, 0);
}

static void appending_goes_to_the_end_of_the_moment(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	assert_ok(volume_append(f->v, ino, "ab", 2));
	write_text(f, ino, 2, "cd");
	assert_ok(volume_append(f->v, ino, "ef", 2));
	assert_text(f, ino, "abcdef");
}

static void only_files_have_content(void **state)
{
	struct fixture *f = *state;
	struct volume_attr attr, in = {.size = 5};
	char buf[4];
	size_t got;

	assert_err(volume_write(f->v, VOLUME_ROOT, 0, "x", 1), ERR_IS_DIR);
	assert_err(volume_read(f->v, VOLUME_ROOT, 0, buf, 4, &got), ERR_IS_DIR);
	assert_err(volume_setattr(f->v, VOLUME_ROOT, VOLUME_SET_SIZE, &in, NULL), ERR_IS_DIR);
	assert_ok(volume_symlink(f->v, VOLUME_ROOT, "l", "t", 0, 0, &attr));
	assert_err(volume_write(f->v, attr.ino, 0, "x", 1), ERR_INVALID);
	assert_err(volume_write(f->v, 77, 0, "x", 1), ERR_NOT_FOUND);
}

static void no_file_grows_beyond_the_limit(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr in = {.size = VOLUME_FILE_MAX + 1};

	assert_err(volume_write(f->v, ino, VOLUME_FILE_MAX, "x", 1), ERR_TOO_BIG);
	assert_err(volume_write(f->v, ino, UINT64_MAX, "x", 1), ERR_TOO_BIG);
	assert_err(volume_setattr(f->v, ino, VOLUME_SET_SIZE, &in, NULL), ERR_TOO_BIG);
	assert_ok(volume_write(f->v, ino, VOLUME_FILE_MAX - 1, "x", 1));
	assert_int_equal(attr_of(f, ino).size, VOLUME_FILE_MAX);
	assert_zeroes(f, ino, VOLUME_FILE_MAX - 100, 99);
	fixture_reopen(f);
	assert_whole(f);
}

static void what_was_cut_off_does_not_come_back(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 2 * RECORD, 1);
	assert_ok(volume_sync(f->v));
	set_size(f, ino, RECORD + 100);
	set_size(f, ino, 2 * RECORD);
	assert_pattern(f, ino, 0, RECORD + 100, 1);
	assert_zeroes(f, ino, RECORD + 100, RECORD - 100);
	fixture_reopen(f);
	assert_zeroes(f, ino, RECORD + 100, RECORD - 100);
	assert_whole(f);
}

static void a_long_write_and_a_long_read_cross_many_windows(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 12345, 40u << 20, 3); /* more than may wait in memory */
	assert_pattern(f, ino, 12345, 40u << 20, 3);
	fixture_reopen(f);
	assert_pattern(f, ino, 12345, 40u << 20, 3);
	assert_zeroes(f, ino, 0, 12345);
	assert_whole(f);
}

static void blocks_tell_what_is_allocated_at_once(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 10 * RECORD, 4096, 1);
	assert_int_equal(attr_of(f, ino).blocks, 8);
	assert_ok(volume_sync(f->v));
	assert_int_equal(attr_of(f, ino).blocks, 8);
	write_pattern(f, ino, 10 * RECORD, 8192, 1);
	assert_int_equal(attr_of(f, ino).blocks, 16);
	fixture_reopen(f);
	assert_int_equal(attr_of(f, ino).blocks, 16);
}

static void assert_seek(struct fixture *f, uint64_t ino, uint64_t off, int whence, uint64_t want)
{
	uint64_t have;

	assert_ok(volume_seek(f->v, ino, off, whence, &have));
	assert_int_equal(have, want);
}

static void assert_two_islands(struct fixture *f, uint64_t ino)
{
	uint64_t have;

	assert_seek(f, ino, 0, SEEK_HOLE, 100);
	assert_seek(f, ino, 50, SEEK_DATA, 50);
	assert_seek(f, ino, 100, SEEK_DATA, 5 * RECORD);
	assert_seek(f, ino, 5 * RECORD, SEEK_HOLE, 7 * RECORD);
	assert_seek(f, ino, 7 * RECORD, SEEK_HOLE, 7 * RECORD);
	assert_err(volume_seek(f->v, ino, 7 * RECORD, SEEK_DATA, &have), ERR_OFFSET);
	assert_err(volume_seek(f->v, ino, 9 * RECORD, SEEK_HOLE, &have), ERR_OFFSET);
	assert_err(volume_seek(f->v, ino, 9 * RECORD, SEEK_DATA, &have), ERR_OFFSET);
	assert_err(volume_seek(f->v, ino, 0, SEEK_SET, &have), ERR_INVALID);
}

static void holes_are_found_in_memory_and_in_the_tree(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 100, 1);
	write_pattern(f, ino, 5 * RECORD, 2 * RECORD, 1);
	set_size(f, ino, 9 * RECORD);
	assert_two_islands(f, ino);
	assert_ok(volume_sync(f->v));
	assert_two_islands(f, ino);
	fixture_reopen(f);
	assert_two_islands(f, ino);
}

static void punching_frees_and_zeroes_to_the_byte(void **state)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 4 * RECORD, 1);
	assert_ok(volume_sync(f->v));
	assert_ok(volume_fallocate(f->v, ino, mode, 10, 3 * RECORD));
	assert_int_equal(attr_of(f, ino).size, 4 * RECORD);
	assert_pattern(f, ino, 0, 10, 1);
	assert_zeroes(f, ino, 10, 3 * RECORD);
	assert_pattern(f, ino, 3 * RECORD + 10, RECORD - 10, 1);
	fixture_reopen(f);
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 1);
	assert_int_equal(tree_items(f, ino, ITEM_INLINE), 1);
	assert_zeroes(f, ino, 10, 3 * RECORD);
	assert_whole(f);
}

static void punching_everything_leaves_only_the_size(void **state)
{
	const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 100, 1);
	assert_ok(volume_sync(f->v));
	assert_ok(volume_fallocate(f->v, ino, mode, 0, 1 << 30));
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, ino, -1), 1);
	assert_int_equal(attr_of(f, ino).size, 100);
	assert_whole(f);
}

static void zero_range_may_extend(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 5000, 1);
	assert_ok(volume_fallocate(f->v, ino, FALLOC_FL_ZERO_RANGE, 4000, 3000));
	assert_int_equal(attr_of(f, ino).size, 7000);
	assert_pattern(f, ino, 0, 4000, 1);
	assert_zeroes(f, ino, 4000, 3000);
	assert_ok(volume_fallocate(f->v, ino, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, 3000,
				   90000));
	assert_int_equal(attr_of(f, ino).size, 7000);
	assert_zeroes(f, ino, 3000, 4000);
	assert_whole(f);
}

static void fallocate_extends_keeps_and_refuses(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	assert_ok(volume_fallocate(f->v, ino, 0, 0, 100000));
	assert_int_equal(attr_of(f, ino).size, 100000);
	assert_ok(volume_fallocate(f->v, ino, FALLOC_FL_KEEP_SIZE, 0, 500000));
	assert_int_equal(attr_of(f, ino).size, 100000);
	assert_err(volume_fallocate(f->v, ino, 0, 0, 0), ERR_INVALID);
	assert_err(volume_fallocate(f->v, ino, FALLOC_FL_COLLAPSE_RANGE, 0, 4096),
		   ERR_NOT_SUPPORTED);
	assert_err(volume_fallocate(f->v, ino, 0, UINT64_C(1) << 61, UINT64_C(1) << 61),
		   ERR_NO_SPACE);
	assert_err(volume_fallocate(f->v, ino, 0, UINT64_C(1) << 62, 1), ERR_TOO_BIG);
	assert_int_equal(attr_of(f, ino).size, 100000);
}

/* More extents than one operation deletes. */
static uint64_t make_many_extents(struct fixture *f)
{
	uint64_t ino = make_file(f, VOLUME_ROOT, "many");

	for (uint64_t i = 0; i < DELETE_STEP + 1000; i++)
		write_pattern(f, ino, i * RECORD, 1, 1);
	write_pattern(f, ino, 0, 3000, 1);
	assert_ok(volume_sync(f->v));
	return ino;
}

static void a_long_truncate_takes_steps_and_ends_whole(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_many_extents(f);

	set_size(f, ino, RECORD + 1);
	assert_int_equal(attr_of(f, ino).size, RECORD + 1);
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
	assert_int_equal(tree_items(f, ino, ITEM_EXTENT), 2);
	assert_pattern(f, ino, RECORD, 1, 1);
	assert_whole(f);
}

static void a_truncate_cut_short_by_a_crash_is_finished_at_opening(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_many_extents(f);
	struct volume_attr before = attr_of(f, ino), after;

	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(orphan_put(f->v, ino, ORPHAN_TRUNCATE, 2000));
	store_write_end(f->store);
	assert_ok(volume_commit_now(f->v));
	fixture_crash(f);
	after = attr_of(f, ino);
	assert_int_equal(after.size, 2000);
	assert_memory_equal(&after.mtime, &before.mtime, sizeof(after.mtime));
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
	assert_pattern(f, ino, 0, 2000, 1);
	assert_whole(f);
}

static void a_file_of_many_extents_is_removed_whole(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_many_extents(f);

	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "many", NULL));
	assert_int_equal(tree_items(f, ino, -1), 0);
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
	assert_whole(f);
}

/* Free space in single cells of 16 KiB: no record of a whole window fits anywhere. */
static void scattered_space_takes_a_window_in_pieces(void **state)
{
	struct fixture *f = fixture_new_sim(17, 4096);
	uint64_t ino = make_file(f, VOLUME_ROOT, "a"), big;
	char name[16];
	unsigned files = 0;
	struct volume_attr attr;
	uint8_t *data = calloc(1, 16384);

	pattern_fill(data, 0, 16384, 1);
	for (;; files++) {
		snprintf(name, sizeof(name), "f%u", files);
		if (volume_make(f->v, VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr) != OK ||
		    volume_write(f->v, attr.ino, 0, data, 16384) != OK)
			break;
		if (files % 64 == 0)
			assert_ok(volume_sync(f->v));
	}
	free(data);
	for (unsigned i = 0; i < files; i += 2) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_ok(volume_unlink(f->v, VOLUME_ROOT, name, NULL));
	}
	assert_ok(volume_commit_now(f->v));
	assert_ok(volume_commit_now(f->v));
	data = malloc(131072);
	for (big = 0;; big += 131072) {
		pattern_fill(data, big, 131072, 5);
		if (volume_write(f->v, ino, big, data, 131072) != OK)
			break;
	}
	free(data);
	assert_ok(volume_sync(f->v));
	assert_true(tree_items(f, ino, ITEM_EXTENT) > big / 131072);
	assert_pattern(f, ino, 0, big, 5);
	set_size(f, ino, big - 200000);
	big -= 200000;
	assert_ok(volume_commit_now(f->v));
	assert_ok(volume_commit_now(f->v));
	write_pattern(f, ino, 1000, 100, 6);
	fixture_reopen(f);
	assert_pattern(f, ino, 0, 1000, 5);
	assert_pattern(f, ino, 1000, 100, 6);
	assert_pattern(f, ino, 1100, big - 1100, 5);
	set_size(f, ino, 131072 + 20000);
	assert_pattern(f, ino, 1100, 131072 + 20000 - 1100, 5);
	assert_whole(f);
	fixture_free(f);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_small_file_is_one_item_and_grows_out_of_it),
		STORY(a_file_that_shrinks_becomes_small_again),
		STORY(small_content_stays_when_only_the_far_end_is_written),
		STORY(overwriting_a_part_keeps_the_rest),
		STORY(reading_stops_at_the_end_of_the_file),
		STORY(appending_goes_to_the_end_of_the_moment),
		STORY(only_files_have_content),
		STORY(no_file_grows_beyond_the_limit),
		STORY(what_was_cut_off_does_not_come_back),
		STORY(a_long_write_and_a_long_read_cross_many_windows),
		STORY(blocks_tell_what_is_allocated_at_once),
		STORY(holes_are_found_in_memory_and_in_the_tree),
		STORY(punching_frees_and_zeroes_to_the_byte),
		STORY(punching_everything_leaves_only_the_size),
		STORY(zero_range_may_extend),
		STORY(fallocate_extends_keeps_and_refuses),
		STORY(a_long_truncate_takes_steps_and_ends_whole),
		STORY(a_truncate_cut_short_by_a_crash_is_finished_at_opening),
		STORY(a_file_of_many_extents_is_removed_whole),
		cmocka_unit_test(scattered_space_takes_a_window_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

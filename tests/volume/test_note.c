/* What the program keeps beside people's files: notes and the volume's own log. */
#include "tests/volume/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct fixture *f, uint32_t id, size_t len, uint32_t seed)
{
	uint8_t *data = malloc(len + 1);

	pattern_fill(data, 0, len, seed);
	assert_ok(volume_note_put(f->v, id, data, len));
	free(data);
}

static void assert_note(struct fixture *f, uint32_t id, size_t len, uint32_t seed)
{
	CLEANUP(buf_clear) struct buf got = { 0 };
	uint8_t *data = malloc(len + 1);

	pattern_fill(data, 0, len, seed);
	assert_ok(volume_note_get(f->v, id, &got));
	assert_int_equal(got.len, len);
	assert_memory_equal(got.data, data, len);
	free(data);
}

static void assert_no_note(struct fixture *f, uint32_t id)
{
	CLEANUP(buf_clear) struct buf got = { 0 };

	assert_err(volume_note_get(f->v, id, &got), ERR_NOT_FOUND);
}

static size_t note_items(struct fixture *f)
{
	return tree_items(f, 0, ITEM_NOTE);
}

static void notes_of_every_length_replace_each_other(void **state)
{
	static const size_t lengths[] = { 1, 4096, 131072, 131073, 400000, 5, 262144, 16384 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		put(f, 1, lengths[i], (uint32_t)i);
		assert_note(f, 1, lengths[i], (uint32_t)i);
		fixture_reopen(f);
		assert_note(f, 1, lengths[i], (uint32_t)i);
		assert_int_equal(note_items(f), (lengths[i] + 131071) / 131072);
		assert_whole(f);
	}
	put(f, 1, 0, 0);
	assert_no_note(f, 1);
	assert_int_equal(note_items(f), 0);
	put(f, 1, 0, 0);
	assert_whole(f);
}

static void the_longest_note_fits_and_a_longer_one_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t *much = calloc(1, NOTE_MAX + 1);

	put(f, 3, 77, 1);
	assert_err(volume_note_put(f->v, 3, much, NOTE_MAX + 1), ERR_TOO_BIG);
	assert_note(f, 3, 77, 1);
	put(f, 3, NOTE_MAX, 2);
	assert_note(f, 3, NOTE_MAX, 2);
	fixture_reopen(f);
	assert_note(f, 3, NOTE_MAX, 2);
	assert_whole(f);
	free(much);
}

static void notes_do_not_touch_each_other(void **state)
{
	struct fixture *f = *state;

	put(f, 1, 300000, 1);
	put(f, 2, 300000, 2);
	put(f, UINT32_MAX, 9, 3);
	put(f, 1, 10, 4);
	assert_note(f, 1, 10, 4);
	assert_note(f, 2, 300000, 2);
	put(f, 2, 0, 0);
	assert_no_note(f, 2);
	assert_note(f, 1, 10, 4);
	assert_note(f, UINT32_MAX, 9, 3);
	assert_no_note(f, 3);
	assert_whole(f);
}

/* A crash before the commit leaves the old note, not a piece of the new one. */
static void a_note_is_old_or_new_after_a_crash(void **state)
{
	struct fixture *f = *state;

	put(f, 1, 200000, 1);
	assert_ok(volume_sync(f->v));
	put(f, 1, 300000, 2);
	fixture_crash(f);
	assert_note(f, 1, 200000, 1);
	put(f, 1, 300000, 3);
	assert_ok(volume_sync(f->v));
	fixture_crash(f);
	assert_note(f, 1, 300000, 3);
	assert_whole(f);
}

static void nobody_meets_notes_and_lines_among_the_files(void **state)
{
	struct fixture *f = *state;
	struct volume_totals before, after;

	(void)make_file(f, VOLUME_ROOT, "a");
	volume_totals(f->v, &before);
	put(f, 1, 5000, 1);
	assert_ok(volume_log_append(f->v, "line", 4));
	fixture_reopen(f);
	volume_totals(f->v, &after);
	assert_int_equal(after.files, before.files);
	assert_int_equal(after.bytes, before.bytes);
	assert_whole(f);
}

/* Scattered free space has no room for long pieces, and a full disk has none at all. */
static void a_full_disk_keeps_the_note_that_was(void **state)
{
	struct fixture *f = fixture_new_sim(14, 6000);
	uint64_t ino = make_file(f, VOLUME_ROOT, "filler");
	uint8_t *much = calloc(1, 1 << 20);
	uint64_t at = 0;

	put(f, 1, 1000, 1);
	while (volume_write(f->v, ino, at, much, 1 << 16) == OK)
		at += 1 << 16;
	assert_err(volume_note_put(f->v, 1, much, 1 << 20), ERR_NO_SPACE);
	assert_note(f, 1, 1000, 1);
	assert_whole(f);
	fixture_reopen(f);
	assert_note(f, 1, 1000, 1);
	put(f, 1, 0, 0);
	assert_whole(f);
	free(much);
	fixture_free(f);
}

static void a_note_goes_in_short_pieces_where_space_is_scattered(void **state)
{
	struct fixture *f = fixture_new_sim(14, 8000);
	uint64_t keep = make_file(f, VOLUME_ROOT, "keep"), gone[300];
	uint8_t window[16384] = { 1 };
	unsigned count = 0;
	char name[16];

	/* Windows of a file that stays and of files that go, in turns, until the disk is full. */
	while (count < ARRAY_LEN(gone)) {
		snprintf(name, sizeof(name), "%u", count);
		gone[count] = make_file(f, VOLUME_ROOT, name);
		if (volume_write(f->v, gone[count], 0, window, sizeof(window)) != OK ||
		    volume_sync(f->v) != OK ||
		    volume_write(f->v, keep, count * sizeof(window), window, sizeof(window)) != OK ||
		    volume_sync(f->v) != OK)
			break;
		count++;
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_ok(volume_unlink(f->v, VOLUME_ROOT, name, NULL));
	}
	for (unsigned i = 0; i < 12; i++) {
		write_text(f, keep, 0, "ripen");
		assert_ok(volume_sync(f->v));
	}
	put(f, 1, 600000, 5);
	assert_note(f, 1, 600000, 5);
	fixture_reopen(f);
	assert_note(f, 1, 600000, 5);
	put(f, 1, 9, 6);
	assert_note(f, 1, 9, 6);
	assert_whole(f);
	fixture_free(f);
}

/* ---- the log ---- */

static void append(struct fixture *f, const char *line)
{
	assert_ok(volume_log_append(f->v, line, strlen(line)));
}

static void assert_log(struct fixture *f, const char *const *lines, uint64_t want)
{
	char line[JOURNAL_LINE_MAX + 1];
	uint64_t count;
	size_t len;

	assert_ok(journal_count(f->store, &count));
	assert_int_equal(count, want);
	for (uint64_t i = 0; i < want; i++) {
		assert_ok(journal_line(f->store, i, line, &len));
		assert_int_equal(len, strlen(lines[i]));
		assert_string_equal(line, lines[i]);
	}
	assert_err(journal_line(f->store, want, line, &len), ERR_NOT_FOUND);
}

static void lines_come_back_byte_for_byte(void **state)
{
	static char longest[JOURNAL_LINE_MAX + 2];
	const char *const lines[] = { "{\"event\":\"unlock\"}", " two  blanks\t\r", longest, "x" };
	struct fixture *f = *state;

	memset(longest, 'y', JOURNAL_LINE_MAX);
	assert_log(f, NULL, 0);
	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		append(f, lines[i]);
	assert_log(f, lines, ARRAY_LEN(lines));
	fixture_reopen(f);
	assert_log(f, lines, ARRAY_LEN(lines));
	fixture_reopen_read_only(f);
	assert_log(f, lines, ARRAY_LEN(lines));
	assert_err(volume_log_append(f->v, "x", 1), ERR_READ_ONLY);
	assert_whole(f);
}

static void what_is_no_line_is_refused(void **state)
{
	static char longer[JOURNAL_LINE_MAX + 1];
	struct fixture *f = *state;

	memset(longer, 'y', sizeof(longer));
	assert_err(volume_log_append(f->v, longer, sizeof(longer)), ERR_INVALID);
	assert_err(volume_log_append(f->v, "", 0), ERR_INVALID);
	assert_err(volume_log_append(f->v, "a\nb", 3), ERR_INVALID);
	assert_err(volume_log_append(f->v, "a\0b", 3), ERR_INVALID);
	assert_log(f, NULL, 0);
}

static enum err stop_at_five(void *ctx, uint64_t number, const char *line, size_t len)
{
	uint64_t *last = ctx;
	char want[16];

	snprintf(want, sizeof(want), "%llu", (unsigned long long)number);
	assert_string_equal(line, want);
	*last = number;
	return number == 5 ? ERR_CANCELLED : OK;
}

static void a_walk_begins_where_it_is_told_and_ends_with_an_error(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;
	char line[16];

	for (unsigned i = 0; i < 9; i++) {
		snprintf(line, sizeof(line), "%u", i);
		append(f, line);
	}
	assert_err(journal_each(f->store, 2, stop_at_five, &last), ERR_CANCELLED);
	assert_int_equal(last, 5);
	assert_ok(journal_each(f->store, 6, stop_at_five, &last));
	assert_int_equal(last, 8);
	assert_ok(journal_each(f->store, 9, stop_at_five, &last));
	assert_int_equal(last, 8);
}

/* A line that stood in the tree before the volume was opened goes with its first commit. */
static void a_line_put_before_opening_waits_for_the_first_commit(void **state)
{
	const char *const lines[] = { "first" };
	struct fixture *f = *state;
	struct store_info before, after;

	assert_ok(volume_close(TAKE(f->v)));
	assert_ok(journal_append(f->store, "first", 5));
	assert_ok(volume_open(f->store, &f->v));
	store_info(f->store, &before);
	assert_ok(volume_sync(f->v));
	store_info(f->store, &after);
	assert_int_equal(before.generation, after.generation);
	fixture_crash(f);
	assert_log(f, NULL, 0);
	assert_ok(volume_close(TAKE(f->v)));
	assert_ok(journal_append(f->store, "first", 5));
	assert_ok(volume_open(f->store, &f->v));
	(void)make_file(f, VOLUME_ROOT, "a");
	assert_ok(volume_sync(f->v));
	fixture_crash(f);
	assert_log(f, lines, 1);
	assert_whole(f);
}

static enum err end_older(void *ctx)
{
	struct fixture *f = ctx;

	return store_end_older_epochs(f->store);
}

static void a_quiet_moment_has_such_a_line_committed(void **state)
{
	struct fixture *f = *state;

	assert_ok(volume_close(TAKE(f->v)));
	assert_ok(journal_append(f->store, "first", 5));
	assert_ok(volume_open(f->store, &f->v));
	assert_ok(volume_quiet(f->v, end_older, f));
	assert_false(store_is_dirty(f->store));
}

static void one_who_opens_a_full_disk_to_delete_is_recorded(void **state)
{
	struct fixture *f = fixture_new_sim(14, 6000);
	uint64_t ino = make_file(f, VOLUME_ROOT, "filler"), count;
	uint8_t *much = calloc(1, 1 << 16);
	uint64_t at = 0;

	while (volume_write(f->v, ino, at, much, 1 << 16) == OK)
		at += 1 << 16;
	while (volume_write(f->v, ino, at, much, 4096) == OK)
		at += 4096;
	for (unsigned i = 0; i < 100; i++) {
		append(f, "{\"event\":\"unlock\",\"note\":\"as long as such a line is in the end\"}");
		assert_ok(volume_sync(f->v));
	}
	assert_ok(journal_count(f->store, &count));
	assert_int_equal(count, 100);
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "filler", NULL));
	assert_ok(volume_sync(f->v));
	assert_whole(f);
	free(much);
	fixture_free(f);
}

/* ---- the check ---- */

struct said {
	unsigned count;
	char why[80];
};

static void hear(void *ctx, const char *path, enum err what, const char *why)
{
	struct said *s = ctx;

	s->count++;
	snprintf(s->why, sizeof(s->why), "%s", why);
}

static void assert_told(struct fixture *f, const char *why)
{
	struct volume_check_result r;
	struct said said = { 0 };

	assert_ok(volume_check(f->v, hear, NULL, &said, &r));
	assert_int_equal(said.count, 1);
	assert_string_equal(said.why, why);
}

static void delete_item(struct fixture *f, uint8_t kind, uint64_t offset)
{
	struct store_key key = item_key(0, kind, offset);

	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(store_delete(f->store, &key));
	store_write_end(f->store);
}

static void put_item(struct fixture *f, uint8_t kind, uint64_t offset, const char *value)
{
	struct store_key key = item_key(0, kind, offset);

	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(store_put(f->store, &key, value, strlen(value)));
	store_write_end(f->store);
}

static void the_check_misses_pieces_and_lines(void **state)
{
	CLEANUP(buf_clear) struct buf got = { 0 };
	struct fixture *f = *state;

	put(f, 2, 300000, 1);
	for (unsigned i = 0; i < 4; i++)
		append(f, "line");
	assert_whole(f);
	delete_item(f, ITEM_LOG, 1);
	assert_told(f, "the volume's log lacks a line");
	put_item(f, ITEM_LOG, 1, "line");
	assert_whole(f);
	put_item(f, ITEM_LOG, 1, "li\nne");
	assert_told(f, "bad line in the volume's log");
	put_item(f, ITEM_LOG, 1, "line");
	delete_item(f, ITEM_NOTE, UINT64_C(2) << 32 | 131072);
	assert_told(f, "a note of the program lacks a piece");
	assert_err(volume_note_get(f->v, 2, &got), ERR_MALFORMED);
	put_item(f, ITEM_NOTE, UINT64_C(3) << 32, "without a record");
	put(f, 2, 10, 1);
	assert_told(f, "bad note of the program");
	put(f, 3, 10, 1);
	assert_whole(f);
}

static void a_note_that_cannot_be_read_is_told_and_can_be_replaced(void **state)
{
	CLEANUP(buf_clear) struct buf got = { 0 };
	struct fixture *f = fixture_new_sim(14, 8000);
	struct store_key key = item_key(0, ITEM_NOTE, UINT64_C(1) << 32);
	struct store_view view;

	put(f, 1, 5000, 1);
	assert_ok(volume_sync(f->v));
	store_read_begin(f->store);
	assert_ok(store_find(f->store, &key, &view));
	store_read_end(f->store);
	sim_flip(f->sim, DISK_DATA, view.record.addr * DISK_BLOCK + 77, 1);
	assert_told(f, "a note of the program cannot be read");
	assert_err(volume_note_get(f->v, 1, &got), ERR_FORGED);
	put(f, 1, 6000, 2);
	assert_note(f, 1, 6000, 2);
	assert_whole(f);
	fixture_free(f);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(notes_of_every_length_replace_each_other),
		STORY(the_longest_note_fits_and_a_longer_one_is_refused),
		STORY(notes_do_not_touch_each_other),
		STORY(a_note_is_old_or_new_after_a_crash),
		STORY(nobody_meets_notes_and_lines_among_the_files),
		cmocka_unit_test(a_full_disk_keeps_the_note_that_was),
		cmocka_unit_test(a_note_goes_in_short_pieces_where_space_is_scattered),
		STORY(lines_come_back_byte_for_byte),
		STORY(what_is_no_line_is_refused),
		STORY(a_walk_begins_where_it_is_told_and_ends_with_an_error),
		STORY(a_line_put_before_opening_waits_for_the_first_commit),
		STORY(a_quiet_moment_has_such_a_line_committed),
		cmocka_unit_test(one_who_opens_a_full_disk_to_delete_is_recorded),
		STORY(the_check_misses_pieces_and_lines),
		cmocka_unit_test(a_note_that_cannot_be_read_is_told_and_can_be_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

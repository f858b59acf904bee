/* Tiles of a log: which there are, by the numbers in the text of C2SP tlog-tiles, and that they
 * hold the lines and their hashes. (That others read them is shown in cli/test_audit_export.py.) */
#include "audit/tiles.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "tests/check.h"

/* Paths and lengths, a line each, as they come. */
static enum err note(void *ctx, const char *path, const void *data, size_t len)
{
	assert_non_null(data);
	return buf_printf(ctx, "%s %zu\n", path, len);
}

static struct tiles *grow(struct buf *text, unsigned lines)
{
	struct tiles *t = NULL;

	for (unsigned i = 0; i < lines; i++)
		assert_ok(buf_puts(text, "x\n"));
	assert_ok(tiles_new(text->data ? text->data : "", text->len, &t));
	assert_int_equal(tiles_size(t), lines);
	return t;
}

static void list(unsigned lines, struct buf *names)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(tiles_freep) struct tiles *t = grow(&text, lines);
	struct tile_sink sink = {note, names};

	assert_ok(buf_puts(names, ""));
	assert_ok(tiles_put(t, lines, &sink));
}

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

/* "A tree of size 70,000 will be represented by 273 full level 0 tiles, one partial level 0 tile of
 * width 112, one full level 1 tile, one partial level 1 tile of width 17, and one partial level 2
 * tile of width 1." */
static void seventy_thousand_lines_are_cut_as_the_text_says(void **state)
{
	CLEANUP(buf_clear) struct buf names = {0};

	list(70000, &names);
	assert_int_equal(count(names.data, "tile/0/"), 274);
	assert_int_equal(count(names.data, "tile/entries/"), 274);
	assert_non_null(strstr(names.data, "tile/0/272 8192\n"));
	assert_non_null(strstr(names.data, "tile/0/273.p/112 3584\n"));
	assert_non_null(strstr(names.data, "tile/entries/273.p/112 336\n"));
	assert_int_equal(count(names.data, "tile/1/"), 2);
	assert_non_null(strstr(names.data, "tile/1/000 8192\n"));
	assert_non_null(strstr(names.data, "tile/1/001.p/17 544\n"));
	assert_int_equal(count(names.data, "tile/2/"), 1);
	assert_non_null(strstr(names.data, "tile/2/000.p/1 32\n"));
	assert_int_equal(count(names.data, "tile/3/"), 0);
}

/* "A tree of size 256 will be represented by a full level 0 tile and a partial level 1 tile of
 * width 1." */
static void whole_tiles_have_no_empty_one_behind_them(void **state)
{
	CLEANUP(buf_clear) struct buf names = {0}, none = {0};

	list(256, &names);
	assert_string_equal(names.data,
			    "tile/0/000 8192\ntile/entries/000 768\ntile/1/000.p/1 32\n");
	list(0, &none);
	assert_string_equal(none.data, "");
}

static void a_thousand_tiles_have_a_name_of_two_parts(void **state)
{
	CLEANUP(buf_clear) struct buf names = {0};

	list(1001 * TILE_WIDTH, &names);
	assert_non_null(strstr(names.data, "tile/0/999 8192\ntile/entries/999 768\n"
					   "tile/0/x001/000 8192\ntile/entries/x001/000 768\n"));
}

struct seen {
	struct buf hashes, entries;
};

static enum err keep(void *ctx, const char *path, const void *data, size_t len)
{
	struct seen *s = ctx;

	return buf_append(strstr(path, "entries") ? &s->entries : &s->hashes, data, len);
}

static void entries_are_the_lines_behind_their_lengths(void **state)
{
	static const char text[] = "first\n\nwith a \0 zero\nhalf a li";
	static const char bundle[] = "\0\5first\0\0\0\15with a \0 zero";
	CLEANUP(tiles_freep) struct tiles *t = NULL;
	struct seen seen = {0};
	struct tile_sink sink = {keep, &seen};
	uint8_t leaf[SHA256_LEN], root[SHA256_LEN], want[SHA256_LEN];
	struct merkle tree = {0};

	assert_ok(tiles_new(text, sizeof(text) - 1, &t));
	assert_int_equal(tiles_size(t), 3);
	assert_ok(tiles_put(t, 3, &sink));
	assert_int_equal(seen.entries.len, sizeof(bundle) - 1);
	assert_memory_equal(seen.entries.data, bundle, sizeof(bundle) - 1);
	merkle_leaf("", 0, leaf);
	assert_int_equal(seen.hashes.len, 3 * SHA256_LEN);
	assert_memory_equal(seen.hashes.data + SHA256_LEN, leaf, SHA256_LEN);
	for (unsigned i = 0; i < 2; i++)
		merkle_add(&tree, (const uint8_t *)seen.hashes.data + (size_t)i * SHA256_LEN);
	merkle_root(&tree, want);
	tiles_root(t, 2, root);
	assert_memory_equal(root, want, SHA256_LEN);
	buf_clear(&seen.hashes);
	buf_clear(&seen.entries);
}

/* A bundle tells lengths in 16 bits. */
static void a_line_that_is_too_long_is_told(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(tiles_freep) struct tiles *t = NULL, *fits = NULL;

	for (unsigned i = 0; i < UINT16_MAX; i++)
		assert_ok(buf_puts(&text, "y"));
	assert_ok(buf_puts(&text, "\n"));
	assert_ok(tiles_new(text.data, text.len, &fits));
	assert_ok(buf_puts(&text, "\n"));
	text.data[UINT16_MAX] = 'y';
	assert_err(tiles_new(text.data, text.len, &t), ERR_TOO_BIG);
}

static enum err refuse(void *ctx, const char *path, const void *data, size_t len)
{
	return err_at(ERR_NO_SPACE, "%s", path);
}

static void a_full_disk_is_told(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(tiles_freep) struct tiles *t = grow(&text, 3);
	struct tile_sink sink = {refuse, NULL};

	assert_err(tiles_put(t, 3, &sink), ERR_NO_SPACE);
	assert_err(tiles_put_partial(t, 2, &sink), ERR_NO_SPACE);
	assert_ok(tiles_put_partial(t, 0, &sink));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seventy_thousand_lines_are_cut_as_the_text_says),
		cmocka_unit_test(whole_tiles_have_no_empty_one_behind_them),
		cmocka_unit_test(a_thousand_tiles_have_a_name_of_two_parts),
		cmocka_unit_test(entries_are_the_lines_behind_their_lengths),
		cmocka_unit_test(a_line_that_is_too_long_is_told),
		cmocka_unit_test(a_full_disk_is_told),
	};

	if (crypto_init() != OK)
		return 1;
	return cmocka_run_group_tests_name("tiles", tests, NULL, NULL);
}

#include "tests/check.h"

#include <string.h>

#include "base/buf.h"

static void pieces_are_laid_end_to_end_with_a_nul_behind(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(buf_puts(&b, "one"));
	assert_ok(buf_append(&b, " two", 4));
	assert_ok(buf_printf(&b, " %d", 3));
	assert_int_equal(b.len, 9);
	assert_string_equal(b.data, "one two 3");
}

static void nothing_appended_is_an_empty_text(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(buf_append(&b, NULL, 0));
	assert_int_equal(b.len, 0);
	assert_string_equal(b.data, "");
	assert_ok(buf_printf(&b, "%s", ""));
	assert_int_equal(b.len, 0);
}

static void growth_keeps_every_byte(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	for (int i = 0; i < 10000; i++) {
		uint8_t byte = (uint8_t)i;

		assert_ok(buf_append(&b, &byte, 1));
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_int_equal(b.len, 10000);
	for (int i = 0; i < 10000; i++)
		assert_int_equal((uint8_t)b.data[i], (uint8_t)i);
}

static void long_text_is_printed_whole(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(buf_printf(&b, "%*s|", 5000, "x"));
	assert_int_equal(b.len, 5001);
	assert_string_equal(b.data + 4999, "x|");
}

static void impossible_length_is_refused_and_harms_nothing(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(buf_puts(&b, "kept"));
	assert_err(buf_append(&b, "x", SIZE_MAX), ERR_NOMEM);
	assert_err(buf_append(&b, "x", SIZE_MAX - 2), ERR_NOMEM);
	assert_string_equal(b.data, "kept");
}

static void cleared_buffer_starts_again(void **state)
{
	struct buf b = {0};

	buf_clear(&b);
	assert_ok(buf_puts(&b, "old"));
	buf_clear(&b);
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	assert_ok(buf_puts(&b, "new"));
	assert_string_equal(b.data, "new");
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_laid_end_to_end_with_a_nul_behind),
		cmocka_unit_test(nothing_appended_is_an_empty_text),
		cmocka_unit_test(growth_keeps_every_byte),
		cmocka_unit_test(long_text_is_printed_whole),
		cmocka_unit_test(impossible_length_is_refused_and_harms_nothing),
		cmocka_unit_test(cleared_buffer_starts_again),
	};

	return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}

#include "tests/check.h"

#include <string.h>

#include "base/cursor.h"

static const uint8_t count_up[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29};

static void fields_are_read_little_endian(void **state)
{
	struct reader r = reader_make(count_up, sizeof(count_up));

	assert_int_equal(read_u8(&r), 0x01);
	assert_int_equal(read_u16(&r), 0x0302);
	assert_int_equal(read_u32(&r), 0x07060504);
	assert_true(read_u48(&r) == 0x0d0c0b0a0908);
	assert_true(read_u64(&r) == 0x1514131211100f0e);
	assert_true(read_be64(&r) == 0x161718191a1b1c1d);
	assert_true(reader_done(&r));
}

static void what_is_written_reads_back(void **state)
{
	uint8_t bytes[29];
	struct writer w = writer_make(bytes, sizeof(bytes));

	write_u8(&w, 0x01);
	write_u16(&w, 0x0302);
	write_u32(&w, 0x07060504);
	write_u48(&w, 0x0d0c0b0a0908);
	write_u64(&w, 0x1514131211100f0e);
	write_be64(&w, 0x161718191a1b1c1d);
	assert_true(writer_ok(&w));
	assert_int_equal(w.left, 0);
	assert_memory_equal(bytes, count_up, sizeof(bytes));
}

static void load_and_store_do_not_need_alignment(void **state)
{
	uint8_t bytes[16] = {0};

	store_u64(bytes + 1, 0xfedcba9876543210);
	assert_true(load_u64(bytes + 1) == 0xfedcba9876543210);
	store_u48(bytes + 3, 0xba9876543210);
	assert_true(load_u48(bytes + 3) == 0xba9876543210);
	store_u32(bytes + 5, 0xfedcba98);
	assert_true(load_u32(bytes + 5) == 0xfedcba98);
	store_u16(bytes + 7, 0xfedc);
	assert_int_equal(load_u16(bytes + 7), 0xfedc);
	store_be64(bytes + 5, 0xfedcba9876543210);
	assert_true(load_be64(bytes + 5) == 0xfedcba9876543210);
	assert_int_equal(bytes[5], 0xfe);
}

static void reading_past_the_end_fails_and_gives_zeroes(void **state)
{
	struct reader r = reader_make(count_up, 7);

	assert_int_equal(read_u32(&r), 0x04030201);
	assert_int_equal(read_u32(&r), 0);
	assert_false(reader_ok(&r));
	assert_false(reader_done(&r));
}

static void failed_reader_stays_failed_though_bytes_were_left(void **state)
{
	struct reader r = reader_make(count_up, 3);

	assert_true(read_u64(&r) == 0);
	assert_int_equal(read_u8(&r), 0);
	assert_null(read_span(&r, 1));
	assert_null(read_span(&r, 0));
	read_skip(&r, 0);
	assert_false(reader_ok(&r));
}

static void every_kind_of_read_checks_the_end(void **state)
{
	uint8_t out[8];

	for (int kind = 0; kind < 8; kind++) {
		struct reader r = reader_make(count_up, 0);
		uint64_t got = 0;

		memset(out, 0xaa, sizeof(out));
		switch (kind) {
		case 0:
			got = read_u8(&r);
			break;
		case 1:
			got = read_u16(&r);
			break;
		case 2:
			got = read_u32(&r);
			break;
		case 3:
			got = read_u48(&r);
			break;
		case 4:
			got = read_u64(&r);
			break;
		case 5:
			got = read_be64(&r);
			break;
		case 6:
			read_bytes(&r, out, sizeof(out));
			got = load_u64(out);
			break;
		case 7:
			read_skip(&r, 1);
			break;
		}
		assert_true(got == 0);
		assert_false(reader_ok(&r));
	}
}

static void huge_length_does_not_wrap_around(void **state)
{
	uint8_t bytes[4] = {0};
	struct reader r = reader_make(count_up, 4);
	struct writer w = writer_make(bytes, sizeof(bytes));

	read_u8(&r);
	assert_null(read_span(&r, SIZE_MAX));
	assert_false(reader_ok(&r));
	write_u8(&w, 1);
	write_zeroes(&w, SIZE_MAX);
	assert_false(writer_ok(&w));
	assert_int_equal(bytes[0], 1);
}

static void span_is_borrowed_from_the_buffer(void **state)
{
	struct reader r = reader_make(count_up, 6);

	read_skip(&r, 2);
	assert_ptr_equal(read_span(&r, 4), count_up + 2);
	assert_true(reader_done(&r));
}

static void runs_of_bytes_go_there_and_back(void **state)
{
	uint8_t bytes[9] = {9, 9, 9, 9, 9, 9, 9, 9, 9}, back[5];
	struct writer w = writer_make(bytes, 8);
	struct reader r = reader_make(bytes, 8);

	write_bytes(&w, "abcde", 5);
	write_zeroes(&w, 3);
	assert_true(writer_ok(&w));
	assert_memory_equal(bytes, "abcde\0\0\0\t", 9);
	read_bytes(&r, back, 5);
	assert_memory_equal(back, "abcde", 5);
	assert_int_equal(read_u16(&r), 0);
	assert_false(reader_done(&r));
	read_skip(&r, 1);
	assert_true(reader_done(&r));
}

static void leftover_bytes_are_not_done(void **state)
{
	struct reader r = reader_make(count_up, 2);

	read_u8(&r);
	assert_true(reader_ok(&r));
	assert_false(reader_done(&r));
}

static void nothing_at_all_is_read_and_written(void **state)
{
	struct reader r = reader_make(NULL, 0);
	struct writer w = writer_make(NULL, 0);

	read_bytes(&r, NULL, 0);
	read_skip(&r, 0);
	assert_true(reader_done(&r));
	write_bytes(&w, NULL, 0);
	write_zeroes(&w, 0);
	assert_true(writer_ok(&w));
}

static void writing_past_the_end_writes_nothing(void **state)
{
	uint8_t bytes[8] = {9, 9, 9, 9, 9, 9, 9, 9};
	struct writer w = writer_make(bytes, 5);

	write_u32(&w, 0);
	write_u16(&w, 0x1111);
	write_u8(&w, 0x22); /* would fit, but the writer has failed */
	write_bytes(&w, "x", 1);
	assert_false(writer_ok(&w));
	for (size_t i = 4; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_little_endian),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(load_and_store_do_not_need_alignment),
		cmocka_unit_test(reading_past_the_end_fails_and_gives_zeroes),
		cmocka_unit_test(failed_reader_stays_failed_though_bytes_were_left),
		cmocka_unit_test(every_kind_of_read_checks_the_end),
		cmocka_unit_test(huge_length_does_not_wrap_around),
		cmocka_unit_test(span_is_borrowed_from_the_buffer),
		cmocka_unit_test(runs_of_bytes_go_there_and_back),
		cmocka_unit_test(leftover_bytes_are_not_done),
		cmocka_unit_test(nothing_at_all_is_read_and_written),
		cmocka_unit_test(writing_past_the_end_writes_nothing),
	};

	return cmocka_run_group_tests_name("base/cursor", tests, NULL, NULL);
}

#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define TEXT(s) s, sizeof(s) - 1

static void good_utf8_is_told_from_bad(void **state) /* RFC 3629, section 4 */
{
	static const struct {
		const char *s;
		size_t len;
		bool good;
		size_t units;
	} cases[] = {
		{TEXT(""), true, 0},
		{TEXT("plain"), true, 5},
		{TEXT("nul\0inside"), true, 10},
		{TEXT("\xe6\x97\xa5\xe6\x9c\xac"), true, 2}, /* two kanji */
		{TEXT("\xf0\x9f\x94\x92"), true, 2},	     /* U+1F512, a surrogate pair */
		{TEXT("\xc2\x80"), true, 1},
		{TEXT("\xed\x9f\xbf"), true, 1}, /* the last before the surrogates */
		{TEXT("\xee\x80\x80"), true, 1},
		{TEXT("\xf4\x8f\xbf\xbf"), true, 2}, /* U+10FFFF */
		{TEXT("\xc0\x80"), false, 2},	     /* overlong NUL */
		{TEXT("\xc1\xbf"), false, 2},
		{TEXT("\xe0\x9f\xbf"), false, 3},     /* overlong */
		{TEXT("\xf0\x8f\xbf\xbf"), false, 4}, /* overlong */
		{TEXT("\xed\xa0\x80"), false, 3},     /* a surrogate */
		{TEXT("\xf4\x90\x80\x80"), false, 4}, /* past U+10FFFF */
		{TEXT("\xf5\x80\x80\x80"), false, 4},
		{TEXT("\x80"), false, 1},
		{TEXT("a\xff"), false, 2},
		{TEXT("\xe6\x97"), false, 2}, /* cut off */
		{TEXT("\xf0\x9f\x94"), false, 3},
		{TEXT("\xe6\x97\x41"), false, 3},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (text_is_utf8(cases[i].s, cases[i].len) != cases[i].good ||
		    text_utf16_units(cases[i].s, cases[i].len) != cases[i].units)
			fail_msg("case %zu", i);
	}
}

static void hex_goes_there_and_back(void **state)
{
	const uint8_t bytes[] = {0x00, 0x1f, 0xa0, 0xff};
	uint8_t back[4];
	char hex[9];

	text_hex(bytes, sizeof(bytes), hex);
	assert_string_equal(hex, "001fa0ff");
	assert_ok(text_unhex(hex, back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
	assert_ok(text_unhex("001FA0fF", back, sizeof(back)));
	assert_memory_equal(back, bytes, sizeof(bytes));
	text_hex(NULL, 0, hex);
	assert_string_equal(hex, "");
	assert_ok(text_unhex("", NULL, 0));
}

static void hex_of_another_form_is_refused(void **state)
{
	static const char *const bad[] = {"",
					  "00",
					  "000",
					  "00000",
					  "000000",
					  "0g00",
					  "00 0",
					  " 000",
					  "0x00",
					  "-100",
					  "00\xff"
					  "0"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		uint8_t out[2] = {0xaa, 0xaa};

		assert_err(text_unhex(bad[i], out, 2), ERR_BAD_FORMAT);
		assert_int_equal(out[0], 0xaa);
	}
}

static const struct {
	const char *plain;
	const char *padded;
	const char *bare;
} base64_cases[] = {
	/* RFC 4648, section 10 */
	{"", "", ""},
	{"f", "Zg==", "Zg"},
	{"fo", "Zm8=", "Zm8"},
	{"foo", "Zm9v", "Zm9v"},
	{"foob", "Zm9vYg==", "Zm9vYg"},
	{"fooba", "Zm9vYmE=", "Zm9vYmE"},
	{"foobar", "Zm9vYmFy", "Zm9vYmFy"},
	/* both digits that are no letters or numbers */
	{"\xff\xef\xbe", "/+++", "/+++"},
};

static void base64_check(const char *plain, const char *text, bool padded)
{
	size_t len = strlen(plain), back_len = 99;
	char out[16], back[16];

	assert_int_equal(text_base64_len(len, padded), strlen(text));
	text_base64(plain, len, padded, out);
	assert_string_equal(out, text);
	assert_ok(text_unbase64(text, strlen(text), padded, back, len, &back_len));
	assert_int_equal(back_len, len);
	assert_int_equal(memcmp(back, plain, len), 0);
}

static void base64_goes_there_and_back(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(base64_cases); i++) {
		base64_check(base64_cases[i].plain, base64_cases[i].padded, true);
		base64_check(base64_cases[i].plain, base64_cases[i].bare, false);
	}
}

static void base64_of_another_form_is_refused(void **state)
{
	static const struct {
		const char *text;
		bool padded;
	} bad[] = {
		{"Zg", true},	 {"Zg=", true},	     {"Zg===", true},	 {"Zm8", true},
		{"Zm9v=", true}, {"Zm9v====", true}, {"=", true},	 {"====", true},
		{"Z===", true},	 {"Zg=v", true},     {"Zh==", true}, /* bits left over */
		{"ZI==", true},	 {"Zm9=", true},     {"ZmC=", true},	 {"Zg==", false},
		{"Zm8=", false}, {"Z", false},	     {"Zm9vY", false},	 {"Zh", false},
		{"Zm9", false},	 {"Zm9v\n", false},  {"Zm 9v", false},	 {"Zm9-", false},
		{"Zm9_", false}, {"\nZm9v", true},   {"Zg==Zg==", true}, {"Zm\xc3\xa9", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t len = 99;
		char out[16] = "untouched";

		if (text_unbase64(bad[i].text, strlen(bad[i].text), bad[i].padded, out, sizeof(out),
				  &len) != ERR_BAD_FORMAT)
			fail_msg("\"%s\" was taken", bad[i].text);
		assert_int_equal(len, 99);
		assert_string_equal(out, "untouched");
	}
}

static void base64_larger_than_the_buffer_is_refused(void **state)
{
	char out[3] = "??";
	size_t len = 99;

	assert_err(text_unbase64("Zm9v", 4, true, out, 2, &len), ERR_BAD_FORMAT);
	assert_string_equal(out, "??");
	assert_ok(text_unbase64("Zm8=", 4, true, out, 2, &len));
	assert_int_equal(len, 2);
}

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void time_carries_the_local_offset(void **state)
{
	static const struct {
		const char *zone;
		time_t t;
		const char *text;
	} cases[] = {
		{"JST-9", 1795306443, "2026-11-22T09:14:03+09:00"},
		{"UTC0", 1795306443, "2026-11-22T00:14:03+00:00"},
		{"NST3:30", 0, "1969-12-31T20:30:00-03:30"},
		{"IST-5:30", 951782400, "2000-02-29T05:30:00+05:30"},
	};
	char text[32];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		set_zone(cases[i].zone);
		text_time(cases[i].t, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void time_beyond_four_digits_of_a_year_stays_in_its_form(void **state)
{
	char text[32];

	set_zone("JST-9");
	text_time((time_t)INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59+00:00");
	text_time((time_t)400000000000, text);
	assert_string_equal(text, "9999-12-31T23:59:59+00:00");
	text_time((time_t)INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00+00:00");
}

static void a_time_comes_back_in_every_zone(void **state)
{
	static const char *const zones[] = {"UTC", "Asia/Tokyo", "America/St_Johns",
					    "Asia/Kathmandu"};
	static const time_t times[] = {0,	   -1,	       951782399,  951782400,
				       1709164800, 1790000000, 4102444799, 253402300799 - 86400};

	for (size_t z = 0; z < ARRAY_LEN(zones); z++) {
		setenv("TZ", zones[z], 1);
		tzset();
		for (size_t i = 0; i < ARRAY_LEN(times); i++) {
			char text[32];
			int64_t back;

			text_time(times[i], text);
			assert_ok(text_untime(text, strlen(text), &back));
			assert_int_equal(back, times[i]);
		}
	}
	unsetenv("TZ");
	tzset();
}

static void what_is_no_time_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-11-22T09:14:03Z",
		"2026-11-22 09:14:03+09:00",
		"2026-13-22T09:14:03+09:00",
		"2026-00-22T09:14:03+09:00",
		"2026-11-32T09:14:03+09:00",
		"2026-11-00T09:14:03+09:00",
		"2026-11-22T24:14:03+09:00",
		"2026-11-22T09:60:03+09:00",
		"2026-11-22T09:14:61+09:00",
		"2026-11-22T09:14:03*09:00",
		"2026-11-22T09:14:03+24:00",
		"2026-11-22T09:14:03+09:60",
		"2026-11-22T09:14:03+0900 ",
		"-026-11-22T09:14:03+09:00",
	};
	int64_t t;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(text_untime(bad[i], strlen(bad[i]), &t), ERR_BAD_FORMAT);
}

static void half_a_line_is_no_line(void **state)
{
	assert_int_equal(text_whole_lines(NULL, 0), 0);
	assert_int_equal(text_whole_lines("abc", 3), 0);
	assert_int_equal(text_whole_lines("abc\n", 4), 4);
	assert_int_equal(text_whole_lines("a\nbc", 4), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_utf8_is_told_from_bad),
		cmocka_unit_test(hex_goes_there_and_back),
		cmocka_unit_test(hex_of_another_form_is_refused),
		cmocka_unit_test(base64_goes_there_and_back),
		cmocka_unit_test(base64_of_another_form_is_refused),
		cmocka_unit_test(base64_larger_than_the_buffer_is_refused),
		cmocka_unit_test(time_carries_the_local_offset),
		cmocka_unit_test(time_beyond_four_digits_of_a_year_stays_in_its_form),
		cmocka_unit_test(a_time_comes_back_in_every_zone),
		cmocka_unit_test(what_is_no_time_is_refused),
		cmocka_unit_test(half_a_line_is_no_line),
	};

	return cmocka_run_group_tests_name("base/text", tests, NULL, NULL);
}

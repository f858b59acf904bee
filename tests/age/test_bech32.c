#include "tests/age/fixture.h"

#include "age/bech32.h"

/* age.md, "The X25519 recipient type": the published pair. */
#define IDENTITY "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX"
#define RECIPIENT "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
/* BIP 173, "Test vectors": twenty bytes that use every digit. */
#define ALL_DIGITS "abcdef1qpzry9x8gf2tvdw0s3jn54khce6mua7lmqqqxw"

static enum err decode_recipient(const char *text)
{
	uint8_t out[32];

	return bech32_decode(text, strlen(text), "age", out, sizeof(out));
}

static void bip173_vector_is_read_and_written(void **state)
{
	static const uint8_t want[20] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54,
					 0xb6, 0x35, 0xcf, 0x84, 0x65, 0x3a, 0x56,
					 0xd7, 0xc6, 0x75, 0xbe, 0x77, 0xdf};
	uint8_t got[20];
	char text[64];

	assert_ok(bech32_decode(ALL_DIGITS, strlen(ALL_DIGITS), "abcdef", got, sizeof(got)));
	assert_memory_equal(got, want, sizeof(want));
	bech32_encode("abcdef", want, sizeof(want), text);
	assert_string_equal(text, ALL_DIGITS);
}

static void bip173_vector_without_data_is_read_and_written(void **state)
{
	char text[16];

	assert_ok(bech32_decode("a12uel5l", 8, "a", text, 0));
	assert_ok(bech32_decode("A12UEL5L", 8, "A", text, 0));
	bech32_encode("a", "", 0, text);
	assert_string_equal(text, "a12uel5l");
}

static void published_identity_gives_the_published_recipient(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;
	CLEANUP(secret_freep) struct secret *again = NULL;
	struct age_recipient r;
	char text[AGE_RECIPIENT_TEXT];

	assert_ok(age_identity_parse(IDENTITY, strlen(IDENTITY), &id));
	for (int i = 0; i < 32; i++)
		assert_int_equal(age_identity_secret(id)[i], 0x42);
	age_identity_recipient(id, &r);
	age_recipient_print(&r, text);
	assert_string_equal(text, RECIPIENT);
	assert_ok(age_identity_print(id, &again));
	assert_int_equal(secret_len(again), AGE_IDENTITY_LEN);
	assert_memory_equal(secret_data(again), IDENTITY, AGE_IDENTITY_LEN);
}

static void every_length_comes_back(void **state)
{
	uint8_t data[40], got[40];
	char text[128];

	pattern_fill(data, sizeof(data));
	for (size_t len = 0; len <= sizeof(data); len++) {
		bech32_encode("x", data, len, text);
		assert_int_equal(strlen(text), BECH32_LEN(1, len));
		assert_ok(bech32_decode(text, strlen(text), "x", got, len));
		assert_memory_equal(got, data, len);
	}
}

static void every_changed_character_is_refused(void **state)
{
	char text[] = RECIPIENT;

	assert_ok(decode_recipient(text));
	for (size_t i = 0; i < strlen(text); i++) {
		char was = text[i];

		for (int c = 1; c < 256; c++) {
			text[i] = (char)c;
			if ((char)c != was)
				assert_err(decode_recipient(text), ERR_BAD_FORMAT);
		}
		text[i] = was;
	}
}

static void mixed_case_is_refused(void **state)
{
	assert_err(
		decode_recipient("age1Zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"),
		ERR_BAD_FORMAT);
	assert_err(
		decode_recipient("AGE1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"),
		ERR_BAD_FORMAT);
	assert_err(
		decode_recipient("age1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ"),
		ERR_BAD_FORMAT);
}

static void a_recipient_in_upper_case_is_refused(void **state)
{
	assert_err(
		decode_recipient("AGE1ZVKYG2LQZRAA2LNJVQEJ32NKUU0UES2S82HZRYE869XEEXVN73EQUNUJWJ"),
		ERR_BAD_FORMAT);
}

static void an_identity_in_lower_case_is_refused(void **state)
{
	struct age_identity *id = NULL;
	char text[] = IDENTITY;

	for (char *p = text; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	assert_err(age_identity_parse(text, strlen(text), &id), ERR_BAD_FORMAT);
	assert_null(id);
}

/* The checksum of BIP 173, kept apart from the code under test. */
static uint32_t polymod(const uint8_t *digits, size_t count)
{
	static const uint32_t gen[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t sum = 1;

	for (size_t i = 0; i < count; i++) {
		uint32_t top = sum >> 25;

		sum = (sum & 0x1ffffff) << 5 ^ digits[i];
		for (int k = 0; k < 5; k++)
			sum ^= top >> k & 1 ? gen[k] : 0;
	}
	return sum ^ 1;
}

/* "x1" with one byte in two digits; the two bits behind it are `padding`. */
static void one_byte_text(uint8_t padding, char *out)
{
	static const char letters[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	uint8_t digits[11] = {'x' >> 5, 0, 'x' & 31, 0x1f, 0x1c};
	uint32_t sum;

	digits[4] |= padding & 3;
	sum = polymod(digits, sizeof(digits));
	for (int i = 0; i < 6; i++)
		digits[5 + i] = sum >> 5 * (5 - i) & 31;
	out = stpcpy(out, "x1");
	for (int i = 3; i < 11; i++)
		*out++ = letters[digits[i]];
	*out = '\0';
}

static void padding_bits_that_are_not_zero_are_refused(void **state)
{
	char text[16];
	uint8_t byte;

	one_byte_text(0, text);
	assert_ok(bech32_decode(text, strlen(text), "x", &byte, 1));
	assert_int_equal(byte, 0xff);
	for (uint8_t padding = 1; padding < 4; padding++) {
		one_byte_text(padding, text);
		assert_err(bech32_decode(text, strlen(text), "x", &byte, 1), ERR_BAD_FORMAT);
	}
}

static void another_prefix_is_refused(void **state)
{
	uint8_t out[32];

	assert_err(bech32_decode(RECIPIENT, strlen(RECIPIENT), "agf", out, 32), ERR_BAD_FORMAT);
	assert_err(bech32_decode(RECIPIENT, strlen(RECIPIENT), "ag", out, 32), ERR_BAD_FORMAT);
	assert_err(bech32_decode(RECIPIENT, strlen(RECIPIENT), "", out, 32), ERR_BAD_FORMAT);
}

static void text_around_it_and_missing_text_are_refused(void **state)
{
	struct age_recipient r;
	char cut[AGE_RECIPIENT_TEXT];

	assert_err(age_recipient_parse(" " RECIPIENT, &r), ERR_BAD_FORMAT);
	assert_err(age_recipient_parse(RECIPIENT "\n", &r), ERR_BAD_FORMAT);
	assert_err(age_recipient_parse(RECIPIENT "q", &r), ERR_BAD_FORMAT);
	for (size_t len = 0; len < AGE_RECIPIENT_LEN; len++) {
		memcpy(cut, RECIPIENT, len);
		cut[len] = '\0';
		assert_err(age_recipient_parse(cut, &r), ERR_BAD_FORMAT);
	}
}

static void a_recipient_of_low_order_is_refused(void **state)
{
	const struct age_recipient zero = {{0}}, one = {{1}};
	struct age_recipient r;
	char text[AGE_RECIPIENT_TEXT];

	age_recipient_print(&zero, text);
	assert_err(age_recipient_parse(text, &r), ERR_BAD_FORMAT);
	age_recipient_print(&one, text);
	assert_err(age_recipient_parse(text, &r), ERR_BAD_FORMAT);
}

static void a_refused_text_leaves_no_bytes_behind(void **state)
{
	uint8_t out[32];
	static const uint8_t none[32];
	char text[] = RECIPIENT;

	text[strlen(text) - 1] = 'q';
	memset(out, 1, sizeof(out));
	assert_err(bech32_decode(text, strlen(text), "age", out, 32), ERR_BAD_FORMAT);
	assert_memory_equal(out, none, sizeof(out));
}

struct part_case {
	const char *text;
	bool upper;
	size_t hrp_len; /* 0: refused */
};

/* BIP 173, "Test vectors"; a part may hold a 1 itself. */
static void any_prefix_is_found_before_the_last_1(void **state)
{
	static const struct part_case cases[] = {
		{"A12UEL5L", true, 1},
		{"a12uel5l", false, 1},
		{"A12UEL5L", false, 0},
		{"a12uel5l", true, 0},
		{"an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharacters"
		 "bio1tt5tgs", false, 83},
		{ALL_DIGITS, false, 6},
		{"11qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq"
		 "qqc8247j", false, 1},
		{"?1ezyfcl", false, 1},
		{RECIPIENT, false, 3},
		{IDENTITY, true, 15},
		{"", false, 0},
		{"1", false, 0},
		{"pzry9x0s0muk", false, 0},
		{"1pzry9x0s0muk", false, 0},
		{"x1b4n0q5v", false, 0},
		{"li1dgmt3", false, 0},
		{"A1G7SGD8", true, 0},
		{"10a06t8", false, 0},
		{"1qzzfhee", false, 0},
		{"a 12uel5l", false, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		size_t got = 0;
		enum err err = bech32_check(cases[i].text, strlen(cases[i].text), cases[i].upper, &got);

		if (err != (cases[i].hrp_len > 0 ? OK : ERR_BAD_FORMAT) || got != cases[i].hrp_len)
			fail_msg("%s: %zu", cases[i].text, got);
	}
}

/* One digit more than the bytes need has a right checksum, and another spelling of the value. */
static void a_check_sees_superfluous_digits_and_bits(void **state)
{
	static const char *const texts[] = {"a1q3g6mn3", "a1qpamnt9j", "a1qqqd87cpp"};
	size_t got;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_err(bech32_check(texts[i], strlen(texts[i]), false, &got), ERR_BAD_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bip173_vector_is_read_and_written),
		cmocka_unit_test(bip173_vector_without_data_is_read_and_written),
		cmocka_unit_test(published_identity_gives_the_published_recipient),
		cmocka_unit_test(every_length_comes_back),
		cmocka_unit_test(every_changed_character_is_refused),
		cmocka_unit_test(mixed_case_is_refused),
		cmocka_unit_test(a_recipient_in_upper_case_is_refused),
		cmocka_unit_test(an_identity_in_lower_case_is_refused),
		cmocka_unit_test(padding_bits_that_are_not_zero_are_refused),
		cmocka_unit_test(another_prefix_is_refused),
		cmocka_unit_test(text_around_it_and_missing_text_are_refused),
		cmocka_unit_test(a_recipient_of_low_order_is_refused),
		cmocka_unit_test(a_refused_text_leaves_no_bytes_behind),
		cmocka_unit_test(any_prefix_is_found_before_the_last_1),
		cmocka_unit_test(a_check_sees_superfluous_digits_and_bits),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

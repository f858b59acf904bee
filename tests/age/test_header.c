#include "tests/age/fixture.h"

#include "age/stanza.h"
#include "base/text.h"

#define FULL "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 64 columns */
#define BODY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"			/* 32 bytes */
#define SHARE "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"			/* the base point */
#define VISIBLE                                                                                    \
	"!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrst"   \
	"uvwxyz{|}~"

/* A header of these stanzas under a right MAC, before a right payload. */
struct stanza_case {
	const char *name;
	const char *before; /* the stanza that opens stands between the two; NULL: there is none */
	const char *after;
	enum err want;
};

static const struct stanza_case stanza_cases[] = {
	/* age.md, "Recipient stanza" */
	{"one_stanza_opens", "", "", OK},
	{"unknown_stanzas_are_ignored", "-> joe a b\nAAAA\n", "-> grease\n\n", OK},
	{"every_visible_character_may_be_an_argument", "-> " VISIBLE " ~ !\n\n", "", OK},
	{"a_body_that_fills_its_last_line_ends_with_an_empty_one", "-> joe\n" FULL "\n\n", "", OK},
	{"a_body_may_have_many_lines", "-> joe\n" FULL "\n" FULL "\nAAAA\n", "", OK},
	{"a_body_may_be_empty", "-> joe\n\n", "", OK},
	{"a_full_line_without_a_last_line_is_refused", "-> joe\n" FULL "\n", "", ERR_AGE_HEADER},
	{"a_line_of_65_columns_is_refused", "-> joe\n" FULL "A\n", "", ERR_AGE_HEADER},
	{"a_line_of_68_columns_is_refused", "-> joe\n" FULL "AAAA\n\n", "", ERR_AGE_HEADER},
	{"two_short_lines_are_refused", "-> joe\nAAAA\nAAAA\n", "", ERR_AGE_HEADER},
	{"two_empty_lines_are_refused", "-> joe\n\n\n", "", ERR_AGE_HEADER},
	{"a_missing_body_is_refused", "-> joe\n", "", ERR_AGE_HEADER},
	{"a_missing_last_body_is_refused", "", "-> joe\n", ERR_AGE_HEADER},
	{"padding_in_a_body_is_refused", "-> joe\nAA==\n", "", ERR_AGE_HEADER},
	{"bits_left_over_in_a_body_are_refused", "-> joe\nAB\n", "", ERR_AGE_HEADER},
	{"a_lonely_digit_in_a_body_is_refused", "-> joe\nAAAAA\n", "", ERR_AGE_HEADER},
	{"the_other_base64_alphabet_is_refused", "-> joe\nAA-_\n", "", ERR_AGE_HEADER},
	{"a_space_in_a_body_is_refused", "-> joe\nAAA A\n", "", ERR_AGE_HEADER},
	{"a_space_behind_a_body_is_refused", "-> joe\nAAAA \n", "", ERR_AGE_HEADER},
	{"no_argument_is_refused", "->\n\n", "", ERR_AGE_HEADER},
	{"an_empty_only_argument_is_refused", "-> \n\n", "", ERR_AGE_HEADER},
	{"an_empty_first_argument_is_refused", "->  joe\n\n", "", ERR_AGE_HEADER},
	{"an_empty_last_argument_is_refused", "-> joe \n\n", "", ERR_AGE_HEADER},
	{"an_empty_middle_argument_is_refused", "-> joe  x\n\n", "", ERR_AGE_HEADER},
	{"a_tab_is_refused", "-> joe\tx\n\n", "", ERR_AGE_HEADER},
	{"a_control_character_is_refused", "-> joe\x7f\n\n", "", ERR_AGE_HEADER},
	{"an_argument_beyond_ascii_is_refused", "-> jo\xc3\xa9\n\n", "", ERR_AGE_HEADER},
	{"a_cr_behind_arguments_is_refused", "-> joe\r\n\n", "", ERR_AGE_HEADER},
	{"a_cr_behind_a_body_is_refused", "-> joe\nAAAA\r\n", "", ERR_AGE_HEADER},
	{"a_cr_for_an_empty_body_is_refused", "-> joe\n\r\n", "", ERR_AGE_HEADER},
	{"another_mark_is_refused", "--> joe\n\n", "", ERR_AGE_HEADER},
	{"a_mark_without_space_is_refused", "->joe\n\n", "", ERR_AGE_HEADER},
	{"an_empty_line_between_stanzas_is_refused", "\n", "", ERR_AGE_HEADER},
	{"no_stanza_at_all_is_refused", NULL, "", ERR_AGE_HEADER},
	/* age.md, "X25519 recipient stanza" */
	{"a_share_of_low_order_before_ours_is_refused", "-> X25519 " BODY "\n" BODY "\n", "",
	 ERR_AGE_HEADER},
	{"an_x25519_stanza_without_share_is_refused", "-> X25519\n" BODY "\n", "", ERR_AGE_HEADER},
	{"an_x25519_stanza_with_three_arguments_is_refused", "-> X25519 " SHARE " x\n" BODY "\n",
	 "", ERR_AGE_HEADER},
	{"a_short_share_is_refused", "-> X25519 AAAA\n" BODY "\n", "", ERR_AGE_HEADER},
	{"a_long_share_is_refused", "-> X25519 CQ" BODY "A\n" BODY "\n", "", ERR_AGE_HEADER},
	{"a_share_that_is_not_canonical_is_refused",
	 "-> X25519 CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n" BODY "\n", "", ERR_AGE_HEADER},
	{"a_padded_share_is_refused", "-> X25519 " SHARE "=\n" BODY "\n", "", ERR_AGE_HEADER},
	{"an_empty_x25519_body_is_refused", "-> X25519 " SHARE "\n\n", "", ERR_AGE_HEADER},
	{"a_malformed_stanza_behind_ours_is_refused_too", "", "-> X25519 AAAA\n" BODY "\n",
	 ERR_AGE_HEADER},
	{"a_dummy_before_ours_is_ignored", "-> X25519 " SHARE "\n" BODY "\n", "", OK},
	{"the_type_counts_in_its_case", "-> x25519 AAAA\nAAAA\n", "-> SCRYPT\n\n", OK},
	/* age.md, "scrypt recipient stanza" */
	{"an_scrypt_stanza_before_others_is_refused",
	 "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n" BODY "\n", "", ERR_AGE_HEADER},
	{"an_scrypt_stanza_behind_others_is_refused", "",
	 "-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n" BODY "\n", ERR_AGE_HEADER},
	{"an_scrypt_stanza_beside_an_unknown_one_is_refused", NULL,
	 "-> joe\n\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 10\n" BODY "\n", ERR_AGE_HEADER},
};

static void a_header_of_stanzas(void **state)
{
	const struct stanza_case *c = *state;
	CLEANUP(mem_freep) char *ours = fixture_x25519();
	CLEANUP(mem_freep)
	char *stanzas =
		text_format("%s%s%s", c->before ? c->before : "", c->before ? ours : "", c->after);
	CLEANUP(mem_freep) char *header = fixture_header(stanzas);
	CLEANUP(buf_clear) struct buf file = {0};

	fixture_file(header, "hello", 5, &file);
	assert_err(fixture_open(file.data, file.len), c->want);
}

/* One change in a file that opens without it. The header's MAC is as it was, so a reader that
 * takes the change and prints the header anew for the MAC would take the file. */
struct edit_case {
	const char *name;
	const char *what;
	const char *with;
	enum err want;
};

static const struct edit_case edit_cases[] = {
	{"another_version_is_refused", "v1\n", "v2\n", ERR_AGE_HEADER},
	{"a_longer_version_is_refused", "v1\n", "v10\n", ERR_AGE_HEADER},
	{"a_cr_behind_the_version_is_refused", "v1\n", "v1\r\n", ERR_AGE_HEADER},
	{"a_space_behind_the_version_is_refused", "v1\n", "v1 \n", ERR_AGE_HEADER},
	{"a_capital_version_is_refused", "v1\n", "V1\n", ERR_AGE_HEADER},
	{"another_name_is_refused", "age-", "agf-", ERR_AGE_HEADER},
	{"something_in_front_is_refused", "age-", "xage-", ERR_AGE_HEADER},
	{"an_empty_line_behind_the_version_is_refused", "v1\n", "v1\n\n", ERR_AGE_HEADER},
	{"crlf_behind_a_stanza_is_refused", "\n---", "\r\n---", ERR_AGE_HEADER},
	{"an_empty_line_before_the_mac_is_refused", "\n---", "\n\n---", ERR_AGE_HEADER},
	{"a_mac_without_space_is_refused", "--- ", "---", ERR_AGE_HEADER},
	{"a_mac_behind_two_spaces_is_refused", "--- ", "---  ", ERR_AGE_HEADER},
	{"a_mac_behind_a_tab_is_refused", "--- ", "---\t", ERR_AGE_HEADER},
	{"a_longer_mac_mark_is_refused", "--- ", "---- ", ERR_AGE_HEADER},
	{"a_shorter_mac_mark_is_refused", "--- ", "-- ", ERR_AGE_HEADER},
	{"a_mac_that_is_too_long_is_refused", "--- ", "--- A", ERR_AGE_HEADER},
	{"no_mac_is_refused", "--- ", "--- \n", ERR_AGE_HEADER},
	{"a_stanza_added_later_breaks_the_mac", "\n---", "\n-> joe\n\n---", ERR_AGE_HEADER_MAC},
	{"an_argument_added_later_breaks_the_mac", "-> joe", "-> joe x", ERR_AGE_HEADER_MAC},
	{"an_argument_changed_later_breaks_the_mac", "-> joe", "-> jof", ERR_AGE_HEADER_MAC},
	{"a_body_changed_later_breaks_the_mac", "BBBB", "BBBC", ERR_AGE_HEADER_MAC},
};

static char *good_header(void)
{
	CLEANUP(mem_freep) char *ours = fixture_x25519();
	CLEANUP(mem_freep) char *stanzas = text_format("-> joe\nBBBB\n%s", ours);

	return fixture_header(stanzas);
}

static void an_edited_header(void **state)
{
	const struct edit_case *c = *state;
	CLEANUP(mem_freep) char *good = good_header();
	CLEANUP(mem_freep) char *bad = text_replace(good, c->what, c->with);
	CLEANUP(buf_clear) struct buf file = {0}, was = {0};

	fixture_file(good, "hello", 5, &was);
	assert_ok(fixture_open(was.data, was.len));
	fixture_file(bad, "hello", 5, &file);
	assert_err(fixture_open(file.data, file.len), c->want);
}

/* The last character of a header, and what is behind it, changed in place. */
static enum err open_with_mac_end(const char *end)
{
	CLEANUP(mem_freep) char *good = good_header();
	CLEANUP(mem_freep) char *bad = text_format("%.*s%s", (int)strlen(good) - 2, good, end);
	CLEANUP(buf_clear) struct buf file = {0};

	fixture_file(bad, "hello", 5, &file);
	return fixture_open(file.data, file.len);
}

static void a_mac_with_something_behind_is_refused(void **state)
{
	assert_err(open_with_mac_end("A \n"), ERR_AGE_HEADER);
	assert_err(open_with_mac_end("A\r\n"), ERR_AGE_HEADER);
	assert_err(open_with_mac_end("A=\n"), ERR_AGE_HEADER);
	assert_err(open_with_mac_end("AA\n"), ERR_AGE_HEADER);
}

static void a_short_mac_is_refused(void **state)
{
	assert_err(open_with_mac_end("\n"), ERR_AGE_HEADER);
}

/* 32 bytes leave two bits of the last digit unused: of four spellings one is canonical. */
static void a_mac_with_bits_left_over_is_refused(void **state)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char end[] = "?\n";

	for (size_t i = 0; i < 64; i++) {
		enum err err;

		end[0] = digits[i];
		err = open_with_mac_end(end);
		if (i % 4 != 0)
			assert_err(err, ERR_AGE_HEADER);
		else if (err != OK)
			assert_err(err, ERR_AGE_HEADER_MAC);
	}
}

static void every_cut_of_a_header_is_refused(void **state)
{
	CLEANUP(mem_freep) char *good = good_header();

	for (size_t len = 0; len < strlen(good); len++)
		assert_err(fixture_open(good, len), ERR_AGE_HEADER);
	assert_err(fixture_open(good, strlen(good)), ERR_AGE_PAYLOAD);
}

static void a_parsed_header_prints_as_it_was(void **state)
{
	CLEANUP(mem_freep) char *good = good_header();
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	CLEANUP(age_header_clear) struct age_header h = {0};
	CLEANUP(buf_clear) struct buf again = {0};
	size_t len;

	assert_ok(age_header_parse(good, strlen(good), &h, &len));
	assert_int_equal(len, strlen(good));
	assert_int_equal(h.count, 2);
	assert_ok(age_header_print(h.stanzas, h.count, key, &again));
	assert_string_equal(again.data, good);
}

static void a_header_above_our_limit_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf stanzas = {0}, file = {0};
	CLEANUP(mem_freep) char *ours = fixture_x25519();
	CLEANUP(mem_freep) char *header = NULL;
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	const struct age_identity *ids[] = {id};
	const struct age_who who = {.identities = ids, .count = 1};
	struct catcher got = {{0}, 0};
	struct age_memory memory;

	assert_ok(buf_puts(&stanzas, "-> joe\n"));
	while (stanzas.len < AGE_HEADER_MAX)
		assert_ok(buf_puts(&stanzas, FULL "\n"));
	assert_ok(buf_puts(&stanzas, "\n"));
	assert_ok(buf_puts(&stanzas, ours));
	header = fixture_header(stanzas.data);
	fixture_file(header, "hello", 5, &file);
	assert_err(fixture_open(file.data, file.len), ERR_AGE_HEADER);
	memory = (struct age_memory){(const uint8_t *)file.data, file.len};
	assert_err(age_decrypt(&who, age_source_memory(&memory), catcher_sink(&got)),
		   ERR_AGE_HEADER);
}

static enum err endless(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	size_t *given = ctx;

	memset(out, 'A', cap);
	if (*given == 0)
		memcpy(out, "age-encryption.org/v1\n-> ", 25);
	*given += cap;
	*ret_len = cap;
	return *given > 16 * AGE_HEADER_MAX ? ERR_IO : OK;
}

static void a_header_without_end_does_not_fill_our_memory(void **state)
{
	const struct age_who who = {0};
	struct catcher got = {{0}, 0};
	size_t given = 0;

	assert_err(age_decrypt(&who, (struct age_source){endless, &given}, catcher_sink(&got)),
		   ERR_AGE_HEADER);
	assert_in_range(given, AGE_HEADER_MAX, AGE_HEADER_MAX + 8192);
}

static void a_file_key_of_another_length_is_not_wrapped(void **state)
{
	CLEANUP(secret_freep) struct secret *key = fixture_secret("seventeen letters");
	struct age_recipient r = fixture_recipient();
	struct age_stanza s = {0};

	assert_err(age_recipient_wrap(&r, key, &s), ERR_INVALID);
}

static void a_share_of_low_order_is_refused(void **state)
{
	CLEANUP(mem_freep) char *header = fixture_header("-> X25519 " BODY "\n" BODY "\n");

	assert_err(fixture_open(header, strlen(header)), ERR_AGE_HEADER);
}

static void a_wrong_tag_in_our_stanza_fits_nobody(void **state)
{
	CLEANUP(mem_freep) char *ours = fixture_x25519();
	CLEANUP(mem_freep) char *header = NULL;
	char *body = strchr(ours, '\n') + 1;

	body[0] = body[0] == 'A' ? 'B' : 'A';
	header = fixture_header(ours);
	assert_err(fixture_open(header, strlen(header)), ERR_NO_KEY_FITS);
}

static void a_body_of_another_length_is_not_tried(void **state)
{
	CLEANUP(mem_freep) char *ours = fixture_x25519();
	size_t body = (size_t)(strchr(ours, '\n') + 1 - ours);
	/* 43 digits are 32 bytes, 42 digits 31: bits left over must be zero. */
	CLEANUP(mem_freep) char *shorter = text_format("%.*sA\n", (int)body + 41, ours);
	CLEANUP(mem_freep) char *longer = text_format("%.*sAA\n", (int)body + 42, ours);
	CLEANUP(mem_freep) char *first = fixture_header(shorter);
	CLEANUP(mem_freep) char *second = fixture_header(longer);

	assert_err(fixture_open(first, strlen(first)), ERR_AGE_HEADER);
	assert_err(fixture_open(second, strlen(second)), ERR_AGE_HEADER);
}

static void a_file_for_somebody_else_fits_nobody(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *stranger = fixture_stranger();
	CLEANUP(buf_clear) struct buf file = {0};
	struct age_recipient r;

	age_identity_recipient(stranger, &r);
	assert_ok(age_seal_buf(&r, 1, 0, "hello", 5, &file));
	assert_err(fixture_open(file.data, file.len), ERR_NO_KEY_FITS);
}

static void a_stanza_gives_its_arguments(void **state)
{
	static const char text[] = "-> one two three\nAAAA\nrest";
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	CLEANUP(buf_clear) struct buf again = {0};
	size_t len;

	assert_ok(age_stanza_parse(text, strlen(text), &s, &len));
	assert_int_equal(len, strlen(text) - 4);
	assert_int_equal(s.argc, 3);
	assert_string_equal(age_stanza_arg(&s, 0), "one");
	assert_string_equal(age_stanza_arg(&s, 2), "three");
	assert_null(age_stanza_arg(&s, 3));
	assert_true(age_stanza_is(&s, "one"));
	assert_false(age_stanza_is(&s, "on"));
	assert_int_equal(s.body_len, 3);
	assert_ok(age_stanza_print(&s, &again));
	assert_int_equal(again.len, len);
	assert_memory_equal(again.data, text, len);
}

static const struct CMUnitTest plain_tests[] = {
	cmocka_unit_test(a_mac_with_something_behind_is_refused),
	cmocka_unit_test(a_short_mac_is_refused),
	cmocka_unit_test(a_mac_with_bits_left_over_is_refused),
	cmocka_unit_test(every_cut_of_a_header_is_refused),
	cmocka_unit_test(a_parsed_header_prints_as_it_was),
	cmocka_unit_test(a_header_above_our_limit_is_refused),
	cmocka_unit_test(a_header_without_end_does_not_fill_our_memory),
	cmocka_unit_test(a_file_key_of_another_length_is_not_wrapped),
	cmocka_unit_test(a_share_of_low_order_is_refused),
	cmocka_unit_test(a_wrong_tag_in_our_stanza_fits_nobody),
	cmocka_unit_test(a_body_of_another_length_is_not_tried),
	cmocka_unit_test(a_file_for_somebody_else_fits_nobody),
	cmocka_unit_test(a_stanza_gives_its_arguments),
};

#define PLAIN ARRAY_LEN(plain_tests)
#define STANZAS ARRAY_LEN(stanza_cases)
#define EDITS ARRAY_LEN(edit_cases)

int main(void)
{
	struct CMUnitTest tests[PLAIN + STANZAS + EDITS];

	memcpy(tests, plain_tests, sizeof(plain_tests));
	for (size_t i = 0; i < STANZAS; i++)
		tests[PLAIN + i] = (struct CMUnitTest){stanza_cases[i].name, a_header_of_stanzas,
						       NULL, NULL, (void *)&stanza_cases[i]};
	for (size_t i = 0; i < EDITS; i++)
		tests[PLAIN + STANZAS + i] = (struct CMUnitTest){
			edit_cases[i].name, an_edited_header, NULL, NULL, (void *)&edit_cases[i]};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

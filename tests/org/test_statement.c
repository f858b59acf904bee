/* Statements: one text for one meaning, and no other is taken. FORMAT.md, "Statement". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/statement.h"
#include "tests/check.h"
#include "tests/org/sign_text.h"

static struct sign_key *key;

static int setup(void **state)
{
	key = key_named("officer");
	return 0;
}

static int teardown(void **state)
{
	sign_key_free(key);
	return 0;
}

static struct statement_field some_fields[] = {
	{ "number", "U-012" },
	{ "place", "金庫 2\t上段" },
	{ "upto", "" },
	{ "place", "again" },
};

/* The second of a chain, with all that a statement can have. */
static struct statement full_draft(void)
{
	struct statement d = { .kind = STATEMENT_MEDIUM,
			       .seq = 2,
			       .clock = 40,
			       .time = 1795311243,
			       .seen_count = 2,
			       .fields = some_fields,
			       .field_count = ARRAY_LEN(some_fields) };

	memset(d.org, 0xab, sizeof(d.org));
	memset(d.writer, 0x12, sizeof(d.writer));
	memset(d.prev, 0x34, sizeof(d.prev));
	memset(d.seen[0], 0x56, SHA256_LEN);
	memset(d.seen[1], 0x78, SHA256_LEN);
	return d;
}

static void assert_same(const struct statement *a, const struct statement *b)
{
	assert_memory_equal(a->id, b->id, SHA256_LEN);
	assert_int_equal(a->kind, b->kind);
	assert_memory_equal(a->org, b->org, ORG_ID_LEN);
	assert_memory_equal(a->signer, b->signer, SIGN_VKEY_LEN);
	assert_memory_equal(a->writer, b->writer, WRITER_LEN);
	assert_memory_equal(a->prev, b->prev, SHA256_LEN);
	assert_int_equal(a->seq, b->seq);
	assert_int_equal(a->clock, b->clock);
	assert_int_equal(a->time, b->time);
	assert_int_equal(a->seen_count, b->seen_count);
	assert_memory_equal(a->seen, b->seen, sizeof(a->seen));
	assert_int_equal(a->field_count, b->field_count);
	for (size_t i = 0; i < a->field_count; i++) {
		assert_string_equal(a->fields[i].name, b->fields[i].name);
		assert_string_equal(a->fields[i].value, b->fields[i].value);
	}
}

static void what_was_signed_reads_the_same(void **state)
{
	struct statement d = full_draft(), s = { 0 }, again = { 0 };

	for (unsigned kind = STATEMENT_ORG + 1; kind < STATEMENT_KINDS; kind++) {
		d.kind = (enum statement_kind)kind;
		assert_ok(statement_sign(&d, key, &s));
		assert_memory_equal(s.signer, sign_key_vkey(key), SIGN_VKEY_LEN);
		assert_ok(statement_read(s.text, s.len, &again));
		assert_same(&s, &again);
		assert_int_equal(s.len, strlen(s.text));
		statement_clear(&again);
		statement_clear(&s);
	}
}

/* The text of FORMAT.md, byte for byte. */
static void a_statement_has_this_form(void **state)
{
	static const char want[] =
		"portable-vault-register/1\n"
		"org abababababababababababababababab\n"
		"kind medium\n"
		"signer %s\n"
		"writer 1212121212121212\n"
		"seq 2\n"
		"prev 3434343434343434343434343434343434343434343434343434343434343434\n"
		"clock 40\n"
		"time 2026-11-22T00:14:03Z\n"
		"seen 5656565656565656565656565656565656565656565656565656565656565656\n"
		"seen 7878787878787878787878787878787878787878787878787878787878787878\n"
		"number U-012\n"
		"place 金庫 2\t上段\n"
		"upto \n"
		"place again\n"
		"sig ";
	struct statement d = full_draft(), s = { 0 };
	char text[1024], hex[65];

	d.time = 1795306443;
	text_hex(sign_key_vkey(key), SIGN_VKEY_LEN, hex);
	snprintf(text, sizeof(text), want, hex);
	assert_ok(statement_sign(&d, key, &s));
	assert_memory_equal(s.text, text, strlen(text));
	assert_int_equal(s.len, strlen(text) + 88 + 1);
	assert_string_equal(statement_value(&s, "place"), "金庫 2\t上段");
	assert_string_equal(statement_value_at(&s, "place", 1), "again");
	assert_string_equal(statement_value(&s, "upto"), "");
	assert_null(statement_value_at(&s, "place", 2));
	assert_null(statement_value(&s, "seq"));
	statement_clear(&s);
}

static void the_founding_one_names_the_society(void **state)
{
	struct statement d = { .kind = STATEMENT_ORG, .seq = 1, .clock = 1 }, s = { 0 };

	assert_ok(statement_sign(&d, key, &s));
	assert_memory_equal(s.org, s.id, ORG_ID_LEN);
	assert_non_null(strstr(s.text, "\norg -\n"));
	assert_non_null(strstr(s.text, "\ntime 1970-01-01T00:00:00Z\n"));
	statement_clear(&s);
}

static void assert_refused(const char *text, size_t len)
{
	struct statement s = { 0 };
	enum err err = statement_read(text, len, &s);

	if (err != ERR_BAD_FORMAT && err != ERR_FORGED && err != ERR_NEWER_FORMAT)
		fail_msg("%s: %.*s", err_name(err), (int)len, text);
	assert_null(s.text);
}

static void no_byte_of_it_can_be_changed(void **state)
{
	struct statement d = full_draft(), s = { 0 };

	assert_ok(statement_sign(&d, key, &s));
	for (size_t i = 0; i < s.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			s.text[i] ^= (char)(1u << bit);
			assert_refused(s.text, s.len);
			s.text[i] ^= (char)(1u << bit);
		}
	statement_clear(&s);
}

static void nothing_can_be_cut_off_or_added(void **state)
{
	CLEANUP(buf_clear) struct buf more = { 0 };
	struct statement d = full_draft(), s = { 0 };

	assert_ok(statement_sign(&d, key, &s));
	for (size_t len = 0; len < s.len; len++) {
		assert_refused(s.text, len);
		assert_int_equal(statement_split(s.text, len), 0);
	}
	assert_int_equal(statement_split(s.text, s.len), s.len);
	assert_ok(buf_append(&more, s.text, s.len));
	assert_ok(buf_puts(&more, "\n"));
	assert_refused(more.data, more.len);
	more.len--;
	assert_ok(buf_append(&more, s.text, s.len));
	assert_refused(more.data, more.len);
	assert_int_equal(statement_split(more.data, more.len), s.len);
	statement_clear(&s);
}

static void another_key_does_not_fit(void **state)
{
	struct sign_key *other = key_named("somebody");
	struct statement d = full_draft(), s = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_ok(statement_sign(&d, key, &s));
	sign_text(other, s.text, s.len - 93, &text);
	assert_int_equal(text.len, s.len);
	assert_err(statement_read(text.data, text.len, &d), ERR_FORGED);
	statement_clear(&s);
	sign_key_free(other);
}

/* ---- other ways to write the same, or nothing ---- */

#define ORG "org abababababababababababababababab\n"
#define WRITER "writer 1212121212121212\n"
#define PREV "prev 3434343434343434343434343434343434343434343434343434343434343434\n"
#define TIME "time 2026-11-22T00:14:03Z\n"
#define SEEN5 "seen 5656565656565656565656565656565656565656565656565656565656565656\n"
#define SEEN7 "seen 7878787878787878787878787878787878787878787878787878787878787878\n"
#define SIGNER "signer @\n" /* replaced by the key's digits */
#define UP_TO_SIGNER "portable-vault-register/1\n" ORG "kind sight\n" SIGNER
#define UP_TO_TIME UP_TO_SIGNER WRITER "seq 2\n" PREV "clock 40\n"
#define GOOD UP_TO_TIME TIME SEEN5 SEEN7 "number U-012\n"

/* Replaces the @ by the key, and signs. */
static void sign_lines(const char *lines, size_t len, struct buf *out)
{
	CLEANUP(buf_clear) struct buf body = { 0 };
	const char *at = memchr(lines, '@', len);
	char hex[65];

	text_hex(sign_key_vkey(key), SIGN_VKEY_LEN, hex);
	if (at) {
		assert_ok(buf_append(&body, lines, (size_t)(at - lines)));
		assert_ok(buf_puts(&body, hex));
		assert_ok(buf_append(&body, at + 1, len - (size_t)(at + 1 - lines)));
	} else {
		assert_ok(buf_append(&body, lines, len));
	}
	sign_text(key, body.data, body.len, out);
}

static void only_one_form_is_taken(void **state)
{
	static const struct {
		const char *what, *lines;
		enum err err;
	} cases[] = {
		{ "good", GOOD, OK },
		{ "no fields", UP_TO_TIME TIME, OK },
		{ "the last second", UP_TO_TIME "time 9999-12-31T23:59:59Z\n", OK },
		{ "an empty value", UP_TO_TIME TIME "number \n", OK },
		{ "names of the frame", UP_TO_TIME TIME "kind usb\norg x\ntime y\n", OK },
		{ "newer form", "portable-vault-register/2\n" ORG, ERR_BAD_FORMAT },
		{ "unknown kind",
		  "portable-vault-register/1\n" ORG "kind sightseeing\n" SIGNER WRITER
		  "seq 2\n" PREV "clock 40\n" TIME,
		  ERR_NEWER_FORMAT },
		{ "kind that is no word",
		  "portable-vault-register/1\n" ORG "kind Sight\n" SIGNER WRITER "seq 2\n" PREV
		  "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "founding one of a society",
		  "portable-vault-register/1\n" ORG "kind org\n" SIGNER WRITER
		  "seq 1\nprev -\nclock 1\n" TIME,
		  ERR_BAD_FORMAT },
		{ "no society",
		  "portable-vault-register/1\norg -\nkind sight\n" SIGNER WRITER "seq 2\n" PREV
		  "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "founding one that is not the first",
		  "portable-vault-register/1\norg -\nkind org\n" SIGNER WRITER "seq 2\n" PREV
		  "clock 1\n" TIME,
		  ERR_BAD_FORMAT },
		{ "founding one with a clock",
		  "portable-vault-register/1\norg -\nkind org\n" SIGNER WRITER
		  "seq 1\nprev -\nclock 2\n" TIME,
		  ERR_BAD_FORMAT },
		{ "founding one that has seen something",
		  "portable-vault-register/1\norg -\nkind org\n" SIGNER WRITER
		  "seq 1\nprev -\nclock 1\n" TIME SEEN5,
		  ERR_BAD_FORMAT },
		{ "leading zero", UP_TO_SIGNER WRITER "seq 02\n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "plus", UP_TO_SIGNER WRITER "seq +2\n" PREV "clock 40\n" TIME, ERR_BAD_FORMAT },
		{ "no number", UP_TO_SIGNER WRITER "seq \n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "number zero", UP_TO_SIGNER WRITER "seq 0\n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "clock zero", UP_TO_SIGNER WRITER "seq 2\n" PREV "clock 0\n" TIME,
		  ERR_BAD_FORMAT },
		{ "clock at the end of all numbers",
		  UP_TO_SIGNER WRITER "seq 2\n" PREV "clock 18446744073709551615\n" TIME,
		  ERR_BAD_FORMAT },
		{ "clock a little too great",
		  UP_TO_SIGNER WRITER "seq 2\n" PREV "clock 1000000000000000\n" TIME,
		  ERR_BAD_FORMAT },
		{ "first one with a predecessor",
		  UP_TO_SIGNER WRITER "seq 1\n" PREV "clock 40\n" TIME, ERR_BAD_FORMAT },
		{ "second one without", UP_TO_SIGNER WRITER "seq 2\nprev -\nclock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "upper-case digits",
		  UP_TO_SIGNER "writer ABCDEF1212121212\n"
			       "seq 2\n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "short writer", UP_TO_SIGNER "writer 12121212121212\nseq 2\n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "local time", UP_TO_TIME "time 2026-11-22T09:14:03+09:00\n", ERR_BAD_FORMAT },
		{ "a day that is none", UP_TO_TIME "time 2026-02-30T00:00:00Z\n", ERR_BAD_FORMAT },
		{ "hour 24", UP_TO_TIME "time 2026-11-22T24:00:00Z\n", ERR_BAD_FORMAT },
		{ "second 60", UP_TO_TIME "time 2026-12-31T23:59:60Z\n", ERR_BAD_FORMAT },
		{ "before 1970", UP_TO_TIME "time 1969-12-31T23:59:59Z\n", ERR_BAD_FORMAT },
		{ "year 10000", UP_TO_TIME "time 10000-01-01T00:00:00Z\n", ERR_BAD_FORMAT },
		{ "a time with blanks", UP_TO_TIME "time 2026-11- 2T00:14:03Z\n", ERR_BAD_FORMAT },
		{ "seen out of order", UP_TO_TIME TIME SEEN7 SEEN5, ERR_BAD_FORMAT },
		{ "seen twice", UP_TO_TIME TIME SEEN5 SEEN5, ERR_BAD_FORMAT },
		{ "seen behind a field", UP_TO_TIME TIME "number 1\n" SEEN5, ERR_BAD_FORMAT },
		{ "seen nothing", UP_TO_TIME TIME "seen -\n", ERR_BAD_FORMAT },
		{ "a field called sig", UP_TO_TIME TIME "sig none\n", ERR_BAD_FORMAT },
		{ "a field without a value", UP_TO_TIME TIME "number\n", ERR_BAD_FORMAT },
		{ "a value without a name", UP_TO_TIME TIME " U-012\n", ERR_BAD_FORMAT },
		{ "an empty line", UP_TO_TIME TIME "\n", ERR_BAD_FORMAT },
		{ "a long name",
		  UP_TO_TIME TIME "abcdefghijklmnopqrstuvwxyzabcdefg x\n", ERR_BAD_FORMAT },
		{ "a name with digits", UP_TO_TIME TIME "line2 x\n", ERR_BAD_FORMAT },
		{ "carriage returns", UP_TO_TIME TIME "number U-012\r\n", ERR_BAD_FORMAT },
		{ "escape", UP_TO_TIME TIME "number \033[2J\n", ERR_BAD_FORMAT },
		{ "delete", UP_TO_TIME TIME "number \x7f\n", ERR_BAD_FORMAT },
		{ "a control character of two bytes", UP_TO_TIME TIME "number \xc2\x9b\n",
		  ERR_BAD_FORMAT },
		{ "not UTF-8", UP_TO_TIME TIME "number \x8b\xe0\n", ERR_BAD_FORMAT },
		{ "overlong", UP_TO_TIME TIME "number \xc0\xaf\n", ERR_BAD_FORMAT },
		{ "lines in another order",
		  UP_TO_SIGNER WRITER "clock 40\nseq 2\n" PREV TIME, ERR_BAD_FORMAT },
		{ "a line twice", UP_TO_SIGNER WRITER "seq 2\nseq 2\n" PREV "clock 40\n" TIME,
		  ERR_BAD_FORMAT },
		{ "nothing", "", ERR_BAD_FORMAT },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct statement s = { 0 };
		enum err err;

		sign_lines(cases[i].lines, strlen(cases[i].lines), &text);
		err = statement_read(text.data, text.len, &s);
		if (err != cases[i].err)
			fail_msg("%s: %s", cases[i].what, err_name(err));
		statement_clear(&s);
	}
}

static void a_zero_byte_is_no_text(void **state)
{
	static const char in_value[] = UP_TO_TIME TIME "number U\0 012\n";
	static const char in_frame[] = UP_TO_SIGNER WRITER "seq 2\0\n" PREV "clock 40\n" TIME;
	CLEANUP(buf_clear) struct buf a = { 0 };
	CLEANUP(buf_clear) struct buf b = { 0 };
	struct statement s = { 0 };

	sign_lines(in_value, sizeof(in_value) - 1, &a);
	assert_err(statement_read(a.data, a.len, &s), ERR_BAD_FORMAT);
	sign_lines(in_frame, sizeof(in_frame) - 1, &b);
	assert_err(statement_read(b.data, b.len, &s), ERR_BAD_FORMAT);
}

/* ---- limits ---- */

static void nothing_is_signed_that_would_not_be_read(void **state)
{
	static const char *const bad_names[] = { "", "seen", "sig", "a b", "Number", "x1",
						 "abcdefghijklmnopqrstuvwxyzabcdefg" };
	static const char *const bad_values[] = { "a\nb", "\x1f", "\xff", "\xc2\x80" };
	struct statement_field f = { "number", "1" };
	struct statement d = full_draft(), s = { 0 };

	d.fields = &f;
	d.field_count = 1;
	for (size_t i = 0; i < ARRAY_LEN(bad_names); i++) {
		f.name = bad_names[i];
		assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	}
	f.name = "number";
	for (size_t i = 0; i < ARRAY_LEN(bad_values); i++) {
		f.value = bad_values[i];
		assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	}
	d.field_count = 0;
	d.seq = 0;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	d.seq = 1;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	d.seq = 2;
	d.time = -1;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	d.time = STATEMENT_TIME_MAX + 1;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	d.time = 0;
	d.clock = STATEMENT_NUMBER_MAX + 1;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
	d.clock = STATEMENT_NUMBER_MAX;
	d.kind = STATEMENT_KINDS;
	assert_err(statement_sign(&d, key, &s), ERR_INVALID);
}

static void a_statement_is_as_large_as_the_limit_and_no_larger(void **state)
{
	static char value[STATEMENT_MAX];
	struct statement_field f = { "row", value };
	struct statement d = full_draft(), s = { 0 }, again = { 0 };
	size_t frame;

	d.fields = &f;
	d.field_count = 1;
	assert_ok(statement_sign(&d, key, &s));
	frame = s.len;
	statement_clear(&s);
	memset(value, 'x', STATEMENT_MAX - frame);
	assert_ok(statement_sign(&d, key, &s));
	assert_int_equal(s.len, STATEMENT_MAX);
	assert_ok(statement_read(s.text, s.len, &again));
	statement_clear(&again);
	statement_clear(&s);
	value[STATEMENT_MAX - frame] = 'x';
	assert_err(statement_sign(&d, key, &s), ERR_TOO_BIG);
}

static void there_are_not_more_fields_than_the_limit(void **state)
{
	static struct statement_field fields[STATEMENT_FIELDS_MAX + 1];
	struct statement d = full_draft(), s = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		fields[i] = (struct statement_field){ "row", "x" };
	d.fields = fields;
	d.field_count = STATEMENT_FIELDS_MAX;
	assert_ok(statement_sign(&d, key, &s));
	assert_string_equal(statement_value_at(&s, "row", STATEMENT_FIELDS_MAX - 1), "x");
	statement_clear(&s);
	d.field_count++;
	assert_err(statement_sign(&d, key, &s), ERR_TOO_BIG);
}

static void the_first_of_several_ends_at_its_signature(void **state)
{
	/* A value may look like the last line, as long as it does not begin one. */
	static const char text[] = "number sig x\nsig y\nsig z\n";

	assert_int_equal(statement_split(text, strlen(text)), strlen("number sig x\nsig y\n"));
	assert_int_equal(statement_split(text, 5), 0);
	assert_int_equal(statement_split("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_signed_reads_the_same),
		cmocka_unit_test(a_statement_has_this_form),
		cmocka_unit_test(the_founding_one_names_the_society),
		cmocka_unit_test(no_byte_of_it_can_be_changed),
		cmocka_unit_test(nothing_can_be_cut_off_or_added),
		cmocka_unit_test(another_key_does_not_fit),
		cmocka_unit_test(only_one_form_is_taken),
		cmocka_unit_test(a_zero_byte_is_no_text),
		cmocka_unit_test(nothing_is_signed_that_would_not_be_read),
		cmocka_unit_test(a_statement_is_as_large_as_the_limit_and_no_larger),
		cmocka_unit_test(there_are_not_more_fields_than_the_limit),
		cmocka_unit_test(the_first_of_several_ends_at_its_signature),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

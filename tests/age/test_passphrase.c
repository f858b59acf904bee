#include "tests/age/fixture.h"

#include "age/identity_file.h"

#define SALT "AAAAAAAAAAAAAAAAAAAAAA"
#define BODY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define LOG_N 10u /* small, so that the tests are quick */

struct asked {
	const char *passphrase;
	int times;
};

static enum err answer(void *ctx, struct secret **ret)
{
	struct asked *a = ctx;

	a->times++;
	return secret_copy(a->passphrase, strlen(a->passphrase), ret);
}

/* Opens with the passphrase "open sesame". */
static enum err open_file(const void *data, size_t len, unsigned max, struct asked *asked)
{
	const struct age_who who = {.ask = answer, .ask_ctx = asked, .max_log_n = max};
	struct age_memory memory = {data, len};
	struct catcher got = {{0}, 0};
	enum err err = age_decrypt(&who, age_source_memory(&memory), catcher_sink(&got));

	if (err == OK)
		assert_string_equal(got.got.data, "hello");
	buf_clear(&got.got);
	return err;
}

static enum err open_stanza(const char *stanza, unsigned max, struct asked *asked)
{
	CLEANUP(mem_freep) char *header = fixture_header(stanza);
	CLEANUP(buf_clear) struct buf file = {0};

	fixture_file(header, "hello", 5, &file);
	return open_file(file.data, file.len, max, asked);
}

struct form_case {
	const char *name;
	const char *stanza;
};

static const struct form_case forms[] = {
	{"no_arguments_are_refused", "-> scrypt\n" BODY "\n"},
	{"a_missing_work_factor_is_refused", "-> scrypt " SALT "\n" BODY "\n"},
	{"a_missing_salt_is_refused", "-> scrypt 10\n" BODY "\n"},
	{"an_extra_argument_is_refused", "-> scrypt " SALT " 10 x\n" BODY "\n"},
	{"a_short_salt_is_refused", "-> scrypt AAAAAAAAAAAAAAAAAAAA 10\n" BODY "\n"},
	{"a_long_salt_is_refused", "-> scrypt " SALT "A 10\n" BODY "\n"},
	{"a_salt_that_is_not_canonical_is_refused",
	 "-> scrypt AAAAAAAAAAAAAAAAAAAAAB 10\n" BODY "\n"},
	{"a_padded_salt_is_refused", "-> scrypt " SALT "== 10\n" BODY "\n"},
	{"a_work_factor_of_zero_is_refused", "-> scrypt " SALT " 0\n" BODY "\n"},
	{"a_work_factor_with_a_leading_zero_is_refused", "-> scrypt " SALT " 010\n" BODY "\n"},
	{"a_work_factor_with_a_plus_is_refused", "-> scrypt " SALT " +10\n" BODY "\n"},
	{"a_negative_work_factor_is_refused", "-> scrypt " SALT " -10\n" BODY "\n"},
	{"a_hex_work_factor_is_refused", "-> scrypt " SALT " 0xa\n" BODY "\n"},
	{"letters_in_a_work_factor_are_refused", "-> scrypt " SALT " 1a\n" BODY "\n"},
	{"a_work_factor_beyond_32_bits_is_refused", "-> scrypt " SALT " 4294967306\n" BODY "\n"},
	{"a_work_factor_beyond_64_bits_is_refused",
	 "-> scrypt " SALT " 18446744073709551626\n" BODY "\n"},
	{"a_work_factor_above_the_default_limit_is_refused", "-> scrypt " SALT " 23\n" BODY "\n"},
	{"a_short_body_is_refused", "-> scrypt " SALT " 10\nAAAA\n"},
	{"a_long_body_is_refused", "-> scrypt " SALT " 10\n" BODY "A\n"},
	{"an_empty_body_is_refused", "-> scrypt " SALT " 10\n\n"},
	{"two_passphrases_are_refused",
	 "-> scrypt " SALT " 10\n" BODY "\n-> scrypt " SALT " 10\n" BODY "\n"},
};

static void a_malformed_stanza(void **state)
{
	const struct form_case *c = *state;
	struct asked asked = {"open sesame", 0};

	assert_err(open_stanza(c->stanza, 0, &asked), ERR_AGE_HEADER);
	assert_int_equal(asked.times, 0); /* nobody is asked for a file that can't be opened */
}

static void the_right_passphrase_opens(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	struct asked asked = {"open sesame", 0};

	assert_ok(open_stanza(stanza, 0, &asked));
	assert_int_equal(asked.times, 1);
}

static void a_wrong_passphrase_is_told(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	struct asked asked = {"open barley", 0}, longer = {"open sesame ", 0}, none = {"", 0};

	assert_err(open_stanza(stanza, 0, &asked), ERR_PASSPHRASE);
	assert_err(open_stanza(stanza, 0, &longer), ERR_PASSPHRASE);
	assert_err(open_stanza(stanza, 0, &none), ERR_PASSPHRASE);
}

static void the_callers_limit_counts(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	struct asked asked = {"open sesame", 0};

	assert_ok(open_stanza(stanza, LOG_N, &asked));
	assert_err(open_stanza(stanza, LOG_N - 1, &asked), ERR_AGE_HEADER);
	assert_int_equal(asked.times, 1);
}

static void a_work_factor_that_was_edited_opens_nothing(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	CLEANUP(mem_freep) char *edited = text_replace(stanza, " 10\n", " 11\n");
	struct asked asked = {"open sesame", 0};

	assert_err(open_stanza(edited, 0, &asked), ERR_PASSPHRASE);
}

static void a_type_in_capitals_is_another_type(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	CLEANUP(mem_freep) char *edited = text_replace(stanza, "scrypt", "Scrypt");
	struct asked asked = {"open sesame", 0};

	assert_err(open_stanza(edited, 0, &asked), ERR_NO_KEY_FITS);
	assert_int_equal(asked.times, 0);
}

static void an_identity_does_not_open_a_passphrase_file(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	CLEANUP(mem_freep) char *header = fixture_header(stanza);

	assert_err(fixture_open(header, strlen(header)), ERR_NO_KEY_FITS);
}

static void a_passphrase_does_not_open_a_file_for_people(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_x25519();
	struct asked asked = {"open sesame", 0};

	assert_err(open_stanza(stanza, 0, &asked), ERR_NO_KEY_FITS);
	assert_int_equal(asked.times, 0);
}

static enum err refuse(void *ctx, struct secret **ret)
{
	return ERR_CANCELLED;
}

static void a_question_without_answer_ends_the_work(void **state)
{
	CLEANUP(mem_freep) char *stanza = fixture_scrypt("open sesame", LOG_N);
	CLEANUP(mem_freep) char *header = fixture_header(stanza);
	const struct age_who who = {.ask = refuse};
	struct age_memory memory = {(uint8_t *)header, strlen(header)};
	struct catcher got = {{0}, 0};

	assert_err(age_decrypt(&who, age_source_memory(&memory), catcher_sink(&got)),
		   ERR_CANCELLED);
}

static void a_work_factor_that_makes_no_sense_is_not_written(void **state)
{
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	struct age_stanza s = {0};

	assert_err(age_passphrase_wrap(pass, 0, key, &s), ERR_INVALID);
	assert_err(age_passphrase_wrap(pass, 31, key, &s), ERR_INVALID);
}

static void an_identity_file_reads_as_age_keygen_writes_it(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(secret_freep) struct secret *text = NULL;
	CLEANUP(secret_freep) struct secret *key = NULL;
	CLEANUP(mem_freep) char *want = NULL;
	struct age_recipient r = fixture_recipient();
	char who[AGE_RECIPIENT_TEXT];

	setenv("TZ", "JST-9", 1);
	tzset();
	age_recipient_print(&r, who);
	assert_ok(age_identity_print(id, &key));
	want = text_format("# created: 2026-11-22T09:14:03+09:00\n# public key: %s\n%.*s\n", who,
			   (int)secret_len(key), secret_data(key));
	assert_ok(age_identity_file_print(id, 1795306443, &text));
	assert_int_equal(secret_len(text), strlen(want));
	assert_memory_equal(secret_data(text), want, strlen(want));
}

static enum err parse_file(const char *format)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(age_identity_freep) struct age_identity *got = NULL;
	CLEANUP(secret_freep) struct secret *key = NULL;
	struct buf text = {0};
	enum err err;

	assert_ok(age_identity_print(id, &key));
	for (const char *p = format; *p; p++) {
		if (*p == '@')
			assert_ok(buf_append(&text, secret_data(key), secret_len(key)));
		else
			assert_ok(buf_append(&text, p, 1));
	}
	err = age_identity_file_parse(text.data, text.len, &got);
	if (err == OK)
		assert_memory_equal(age_identity_secret(got), age_identity_secret(id), 32);
	buf_clear(&text);
	return err;
}

static void an_identity_file_may_have_comments_and_blank_lines(void **state)
{
	assert_ok(parse_file("@"));
	assert_ok(parse_file("@\n"));
	assert_ok(parse_file("# a\n\n# b\n@\n\n# c"));
	assert_ok(parse_file("# a\r\n\r\n@\r\n"));
}

static void an_identity_file_holds_exactly_one_identity(void **state)
{
	assert_err(parse_file("# nothing\n"), ERR_BAD_FORMAT);
	assert_err(parse_file("@\n@\n"), ERR_BAD_FORMAT);
	assert_err(parse_file("@ @\n"), ERR_BAD_FORMAT);
	assert_err(parse_file(" @\n"), ERR_BAD_FORMAT);
	assert_err(parse_file("@\nage1\n"), ERR_BAD_FORMAT);
}

static void a_sealed_identity_comes_back(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(age_identity_freep) struct age_identity *got = NULL;
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(secret_freep) struct secret *wrong = fixture_secret("open barley");
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(age_identity_seal(id, 1795306443, pass, LOG_N, &file));
	assert_ok(age_identity_open(file.data, file.len, pass, 0, &got));
	assert_memory_equal(age_identity_secret(got), age_identity_secret(id), 32);
	age_identity_free(TAKE(got));
	assert_err(age_identity_open(file.data, file.len, wrong, 0, &got), ERR_PASSPHRASE);
	assert_err(age_identity_open(file.data, file.len, pass, LOG_N - 1, &got), ERR_AGE_HEADER);
	assert_err(age_identity_open(file.data, file.len - 1, pass, 0, &got), ERR_AGE_PAYLOAD);
	assert_err(age_identity_open("", 0, pass, 0, &got), ERR_AGE_HEADER);
	assert_null(got);
}

static void a_sealed_identity_shows_nothing_of_it(void **state)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	CLEANUP(buf_clear) struct buf file = {0};
	struct age_recipient r = fixture_recipient();
	char who[AGE_RECIPIENT_TEXT];

	age_recipient_print(&r, who);
	assert_ok(age_identity_seal(id, 1795306443, pass, LOG_N, &file));
	assert_null(memmem(file.data, file.len, who, 12));
	assert_null(memmem(file.data, file.len, "AGE-SECRET", 10));
	assert_null(memmem(file.data, file.len, age_identity_secret(id), 8));
}

static const struct CMUnitTest plain_tests[] = {
	cmocka_unit_test(the_right_passphrase_opens),
	cmocka_unit_test(a_wrong_passphrase_is_told),
	cmocka_unit_test(the_callers_limit_counts),
	cmocka_unit_test(a_work_factor_that_was_edited_opens_nothing),
	cmocka_unit_test(a_type_in_capitals_is_another_type),
	cmocka_unit_test(an_identity_does_not_open_a_passphrase_file),
	cmocka_unit_test(a_passphrase_does_not_open_a_file_for_people),
	cmocka_unit_test(a_question_without_answer_ends_the_work),
	cmocka_unit_test(a_work_factor_that_makes_no_sense_is_not_written),
	cmocka_unit_test(an_identity_file_reads_as_age_keygen_writes_it),
	cmocka_unit_test(an_identity_file_may_have_comments_and_blank_lines),
	cmocka_unit_test(an_identity_file_holds_exactly_one_identity),
	cmocka_unit_test(a_sealed_identity_comes_back),
	cmocka_unit_test(a_sealed_identity_shows_nothing_of_it),
};

#define PLAIN ARRAY_LEN(plain_tests)

int main(void)
{
	struct CMUnitTest tests[PLAIN + ARRAY_LEN(forms)];

	memcpy(tests, plain_tests, sizeof(plain_tests));
	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		tests[PLAIN + i] = (struct CMUnitTest){forms[i].name, a_malformed_stanza, NULL,
						       NULL, (void *)&forms[i]};
	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

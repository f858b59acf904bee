#include "tests/age/fixture.h"

#include "age/armor.h"
#include "base/text.h"

#define BEGIN "-----BEGIN AGE ENCRYPTED FILE-----"
#define END "-----END AGE ENCRYPTED FILE-----"

/* The sealed file that all tests dress in armor. Its length leaves a short last line. */
static struct buf file;

static int make_file(void **state)
{
	CLEANUP(mem_freep) char *ours = NULL;
	CLEANUP(mem_freep) char *header = NULL;

	if (crypto_init() != OK)
		return -1;
	ours = fixture_x25519();
	header = fixture_header(ours);
	fixture_file(header, "hello world", 11, &file);
	return 0;
}

static int drop_file(void **state)
{
	buf_clear(&file);
	return 0;
}

/* Lines of `columns`, each with `eol`, made from text_base64 alone. */
static char *body_of(const struct buf *data, size_t columns, const char *eol)
{
	CLEANUP(mem_freep) char *text = malloc(text_base64_len(data->len, true) + 1);
	struct buf out = {0};

	assert_non_null(text);
	text_base64(data->data, data->len, true, text);
	for (size_t at = 0; at < strlen(text); at += columns)
		assert_ok(buf_printf(&out, "%.*s%s", (int)columns, text + at, eol));
	return out.data;
}

/* Opens in pieces of `step` bytes, which the source of a pipe might give. */
struct dripping {
	struct age_memory memory;
	size_t step;
};

static enum err drip(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct dripping *d = ctx;
	struct age_source s = age_source_memory(&d->memory);

	return s.read(s.ctx, out, MIN(cap, d->step), ret_len);
}

static enum err open_in_steps(const char *text, size_t len, size_t step, struct catcher *got)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	const struct age_identity *ids[] = {id};
	const struct age_who who = {.identities = ids, .count = 1};
	struct dripping d = {{(const uint8_t *)text, len}, step};

	return age_decrypt(&who, (struct age_source){drip, &d}, catcher_sink(got));
}

static enum err open_text(const char *text)
{
	struct catcher got = {{0}, 0};
	enum err err = open_in_steps(text, strlen(text), 4096, &got);

	if (err == OK)
		assert_string_equal(got.got.data, "hello world");
	buf_clear(&got.got);
	return err;
}

/* Armor put together of its parts, each of which a case may replace. */
struct armor_case {
	const char *name;
	const char *before, *end, *after;
	const char *eol;
	size_t columns;
	enum err want;
};

static const struct armor_case cases[] = {
	{"armor_opens", BEGIN "\n", END "\n", "", "\n", 64, OK},
	{"the_last_line_may_lack_its_lf", BEGIN "\n", END, "", "\n", 64, OK},
	{"lines_may_end_with_crlf", BEGIN "\r\n", END "\r\n", "", "\r\n", 64, OK},
	{"whitespace_around_is_fine", "\n\r   \t\n" BEGIN "\n", END "\n", "\n\r   \t\n", "\n", 64,
	 OK},
	{"text_in_front_is_refused", "hi\n" BEGIN "\n", END "\n", "", "\n", 64, ERR_AGE_HEADER},
	{"text_behind_is_refused", BEGIN "\n", END "\n", "hi\n", "\n", 64, ERR_AGE_PAYLOAD},
	{"a_second_armor_behind_is_refused", BEGIN "\n", END "\n", BEGIN "\n", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"a_space_before_the_first_line_is_refused", " " BEGIN "\n", END "\n", "", "\n", 64,
	 ERR_AGE_HEADER},
	{"a_space_behind_the_first_line_is_refused", BEGIN " \n", END "\n", "", "\n", 64,
	 ERR_AGE_HEADER},
	{"spaces_in_the_first_line_are_refused", "----- BEGIN AGE ENCRYPTED FILE -----\n", END "\n",
	 "", "\n", 64, ERR_AGE_HEADER},
	{"spaces_in_the_last_line_are_refused", BEGIN "\n", "----- END AGE ENCRYPTED FILE -----\n",
	 "", "\n", 64, ERR_AGE_PAYLOAD},
	{"a_space_behind_the_last_line_is_refused", BEGIN "\n", END " \n", "", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"another_label_is_refused", "-----BEGIN AGE FILE-----\n", "-----END AGE FILE-----\n", "",
	 "\n", 64, ERR_AGE_HEADER},
	{"a_label_in_lower_case_is_refused", "-----BEGIN age encrypted file-----\n", END "\n", "",
	 "\n", 64, ERR_AGE_HEADER},
	{"another_label_at_the_end_is_refused", BEGIN "\n", "-----END AGE FILE-----\n", "", "\n",
	 64, ERR_AGE_PAYLOAD},
	{"no_last_line_is_refused", BEGIN "\n", "", "", "\n", 64, ERR_AGE_PAYLOAD},
	{"pem_headers_are_refused", BEGIN "\nSay: hello\n\n", END "\n", "", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"an_empty_line_in_front_of_the_body_is_refused", BEGIN "\n\n", END "\n", "", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"an_empty_line_behind_the_body_is_refused", BEGIN "\n", "\n" END "\n", "", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"a_pgp_checksum_is_refused", BEGIN "\n", "=AAAA\n" END "\n", "", "\n", 64,
	 ERR_AGE_PAYLOAD},
	{"lines_of_60_columns_are_refused", BEGIN "\n", END "\n", "", "\n", 60, ERR_AGE_PAYLOAD},
	{"lines_of_68_columns_are_refused", BEGIN "\n", END "\n", "", "\n", 68, ERR_AGE_PAYLOAD},
	{"one_long_line_is_refused", BEGIN "\n", END "\n", "", "\n", 100000, ERR_AGE_PAYLOAD},
	{"a_space_behind_each_line_is_refused", BEGIN "\n", END "\n", "", " \n", 64,
	 ERR_AGE_PAYLOAD},
	{"a_lonely_cr_for_a_line_end_is_refused", BEGIN "\n", END "\n", "", "\r", 64,
	 ERR_AGE_PAYLOAD},
	{"two_crs_are_refused", BEGIN "\n", END "\n", "", "\r\r\n", 64, ERR_AGE_PAYLOAD},
};

static void a_dressed_file(void **state)
{
	const struct armor_case *c = *state;
	CLEANUP(mem_freep) char *body = body_of(&file, c->columns, c->eol);
	CLEANUP(mem_freep) char *text = text_format("%s%s%s%s", c->before, body, c->end, c->after);

	assert_err(open_text(text), c->want);
}

static char *good_armor(void)
{
	CLEANUP(mem_freep) char *body = body_of(&file, 64, "\n");

	return text_format(BEGIN "\n%s" END "\n", body);
}

static void what_is_written_is_strict_pem(void **state)
{
	CLEANUP(mem_freep) char *want = good_armor();
	struct catcher got = {{0}, 0};
	struct age_armor_writer w = age_armor_writer_make(catcher_sink(&got));
	struct age_sink sink = age_armor_sink(&w);

	for (size_t i = 0; i < file.len; i++)
		assert_ok(sink.write(sink.ctx, file.data + i, 1));
	assert_ok(age_armor_finish(&w));
	assert_string_equal(got.got.data, want);
	buf_clear(&got.got);
}

static void full_lines_alone_come_back(void **state)
{
	uint8_t data[96];
	struct catcher got = {{0}, 0};
	struct age_armor_writer w = age_armor_writer_make(catcher_sink(&got));
	struct age_sink sink = age_armor_sink(&w);
	struct age_inflow in = {0};
	struct age_armor_reader r = age_armor_reader_make(&in);
	struct age_source source = age_armor_source(&r);
	struct age_memory memory;
	uint8_t back[100];
	size_t len;

	pattern_fill(data, sizeof(data));
	assert_ok(sink.write(sink.ctx, data, sizeof(data)));
	assert_ok(age_armor_finish(&w));
	assert_int_equal(got.got.len, strlen(BEGIN END) + 2 + 2 * 65);
	memory = (struct age_memory){(uint8_t *)got.got.data, got.got.len};
	in.from = age_source_memory(&memory);
	assert_ok(source.read(source.ctx, back, sizeof(back), &len));
	assert_int_equal(len, sizeof(data));
	assert_memory_equal(back, data, len);
	buf_clear(&got.got);
}

/* Only behind full lines alone an empty line could pass for a short last one. */
static void an_empty_line_behind_full_lines_is_refused(void **state)
{
	CLEANUP(mem_freep) char *full = text_format("%064d", 0);
	CLEANUP(mem_freep) char *text = text_format(BEGIN "\n%s\n\n" END "\n", full);
	struct age_memory memory = {(uint8_t *)text, strlen(text)};
	struct age_inflow in = {.from = age_source_memory(&memory)};
	struct age_armor_reader r = age_armor_reader_make(&in);
	struct age_source source = age_armor_source(&r);
	uint8_t back[100];
	size_t len;

	assert_err(source.read(source.ctx, back, sizeof(back), &len), ERR_AGE_PAYLOAD);
}

static void pieces_of_any_size_are_taken(void **state)
{
	CLEANUP(mem_freep) char *text = good_armor();

	for (size_t step = 1; step < 80; step++) {
		struct catcher got = {{0}, 0};

		assert_ok(open_in_steps(text, strlen(text), step, &got));
		assert_string_equal(got.got.data, "hello world");
		buf_clear(&got.got);
	}
}

static void every_cut_of_an_armored_file_is_refused(void **state)
{
	CLEANUP(mem_freep) char *text = good_armor();
	size_t whole = strlen(text) - 1; /* the last LF may be missing */

	for (size_t len = 0; len < whole; len++) {
		struct catcher got = {{0}, 0};

		assert_int_not_equal(open_in_steps(text, len, 4096, &got), OK);
		buf_clear(&got.got);
	}
}

/* A file has one spelling but for white space around it and CR: no other change is taken. */
static void every_changed_character_is_refused(void **state)
{
	CLEANUP(mem_freep) char *text = good_armor();

	for (size_t i = 0; i < strlen(text) - 1; i++) {
		char was = text[i];

		for (unsigned bit = 0; bit < 8; bit++) {
			struct catcher got = {{0}, 0};

			text[i] = (char)(was ^ (1 << bit));
			assert_int_not_equal(open_in_steps(text, strlen(text), 4096, &got), OK);
			buf_clear(&got.got);
		}
		text[i] = was;
	}
}

/* RFC 4648: one byte leaves four bits of its second digit unused, and two signs of padding. */
static void padding_is_needed_and_canonical(void **state)
{
	static const char ok[] = BEGIN "\nYQ==\n" END "\n";
	static const char *const bad[] = {
		BEGIN "\nYQ\n" END "\n",       BEGIN "\nYQ=\n" END "\n",
		BEGIN "\nYR==\n" END "\n",     BEGIN "\nYQ=\n=\n" END "\n",
		BEGIN "\nYQ===\n" END "\n",    BEGIN "\nY===\n" END "\n",
		BEGIN "\nYQ==YQ==\n" END "\n",
	};

	assert_err(open_text(ok), ERR_AGE_HEADER); /* fine armor, around no age file */
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(open_text(bad[i]), ERR_AGE_PAYLOAD);
}

static void armor_around_nothing_is_no_age_file(void **state)
{
	assert_err(open_text(BEGIN "\n" END "\n"), ERR_AGE_HEADER);
	assert_err(open_text(BEGIN), ERR_AGE_PAYLOAD);
	assert_err(open_text(" \n"), ERR_AGE_HEADER);
}

static void endless_whitespace_is_refused(void **state)
{
	CLEANUP(mem_freep) char *good = good_armor();
	CLEANUP(mem_freep) char *few_before = text_format("%*s\n%s", 1000, "", good);
	CLEANUP(mem_freep) char *many_before = text_format("%*s\n%s", 1100, "", good);
	CLEANUP(mem_freep) char *few_behind = text_format("%s%*s", good, 1000, "");
	CLEANUP(mem_freep) char *many_behind = text_format("%s%*s", good, 1100, "");

	assert_ok(open_text(few_before));
	assert_err(open_text(many_before), ERR_AGE_HEADER);
	assert_ok(open_text(few_behind));
	assert_err(open_text(many_behind), ERR_AGE_PAYLOAD);
}

static void a_nul_is_refused(void **state)
{
	CLEANUP(mem_freep) char *text = good_armor();
	size_t len = strlen(text);
	struct catcher got = {{0}, 0};

	text[strlen(BEGIN) + 10] = '\0';
	assert_err(open_in_steps(text, len, 4096, &got), ERR_AGE_PAYLOAD);
	buf_clear(&got.got);
}

static const struct CMUnitTest plain_tests[] = {
	cmocka_unit_test(what_is_written_is_strict_pem),
	cmocka_unit_test(full_lines_alone_come_back),
	cmocka_unit_test(an_empty_line_behind_full_lines_is_refused),
	cmocka_unit_test(pieces_of_any_size_are_taken),
	cmocka_unit_test(every_cut_of_an_armored_file_is_refused),
	cmocka_unit_test(every_changed_character_is_refused),
	cmocka_unit_test(padding_is_needed_and_canonical),
	cmocka_unit_test(armor_around_nothing_is_no_age_file),
	cmocka_unit_test(endless_whitespace_is_refused),
	cmocka_unit_test(a_nul_is_refused),
};

#define PLAIN ARRAY_LEN(plain_tests)

int main(void)
{
	struct CMUnitTest tests[PLAIN + ARRAY_LEN(cases)];

	memcpy(tests, plain_tests, sizeof(plain_tests));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tests[PLAIN + i] = (struct CMUnitTest){cases[i].name, a_dressed_file, NULL, NULL,
						       (void *)&cases[i]};
	return cmocka_run_group_tests(tests, make_file, drop_file);
}

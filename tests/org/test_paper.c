/* Recovery sheets: what was printed can be typed in by tired people, and nothing else. */
#include "tests/org/host.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "org/paper.h"
#include "tests/check.h"

#define LETTERS "ACEFHJKLMPRTUWXY"

static struct age_identity *a_key(void)
{
	struct age_identity *key = NULL;

	assert_ok(age_identity_new_random(&key));
	return key;
}

static bool same_key(const struct age_identity *a, const struct age_identity *b)
{
	return memcmp(age_identity_secret(a), age_identity_secret(b), X25519_LEN) == 0;
}

static void clear_all(struct paper *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		paper_clear(&list[i]);
}

/* A page as it comes out of the printer. */
static struct secret *a_page(const struct paper *p, const struct age_identity *key)
{
	struct paper_words about = {"大阪健保", "acid-acorn-actor-agent-album-alien", "2026-11-23"};
	struct age_recipient pub;
	struct secret *page = NULL;

	age_identity_recipient(key, &pub);
	assert_ok(paper_page(p, &about, &pub, &page));
	return page;
}

static enum err read_text(const char *text, struct paper *ret, unsigned *line)
{
	return paper_read(text, strlen(text), ret, line);
}

/* The five lines alone, as a person would copy them. */
static void lines_of(const struct paper *p, char out[512])
{
	size_t at = 0;

	for (unsigned n = 1; n <= PAPER_LINES; n++) {
		char line[PAPER_LINE_LEN];

		paper_line(p, n, line);
		at += (size_t)sprintf(out + at, "%u: %.*s\n", n, (int)PAPER_LINE_LEN, line);
	}
}

/* ---- reading what was printed ---- */

static void a_printed_page_gives_the_key_back(void **state)
{
	struct age_identity *key = a_key(), *back = NULL;
	struct paper one, read = {0};
	enum paper_verdict verdict;
	struct secret *page;
	unsigned line;

	assert_ok(paper_make(key, 1, 1, &one));
	page = a_page(&one, key);
	assert_ok(paper_read((const char *)secret_data(page), secret_len(page), &read, &line));
	assert_int_equal(line, 0);
	assert_ok(paper_join(&read, 1, &verdict, &back));
	assert_int_equal(verdict, PAPER_FITS);
	assert_true(same_key(key, back));
	secret_free(page);
	age_identity_free(back);
	age_identity_free(key);
	paper_clear(&one);
	paper_clear(&read);
}

static void every_choice_of_enough_sheets_gives_the_key(void **state)
{
	struct age_identity *key = a_key();
	struct paper list[5];

	assert_ok(paper_make(key, 3, 5, list));
	for (unsigned bits = 1; bits < 32; bits++) {
		struct age_identity *back = NULL;
		enum paper_verdict verdict;
		struct paper some[5];
		size_t count = 0;

		for (unsigned i = 5; i-- > 0;)
			if (bits & 1u << i)
				some[count++] = list[i];
		assert_ok(paper_join(some, count, &verdict, &back));
		assert_int_equal(verdict, count < 3 ? PAPER_TOO_FEW : PAPER_FITS);
		assert_true(count < 3 ? !back : same_key(key, back));
		age_identity_free(back);
	}
	clear_all(list, 5);
	age_identity_free(key);
}

static void case_blanks_dashes_and_numbers_mean_nothing(void **state)
{
	struct age_identity *key = a_key();
	char text[512], bare[512] = "", *at = bare;
	struct paper one, read = {0};
	unsigned line;

	assert_ok(paper_make(key, 1, 1, &one));
	lines_of(&one, text);
	for (const char *c = text; *c; c++)
		if (*c == '\n' || strchr(LETTERS, *c))
			*at++ = (char)tolower(*c);
	*at = '\0';
	assert_ok(read_text(bare, &read, &line));
	assert_memory_equal(secret_data(read.share.data), secret_data(one.share.data), SHARE_LEN);
	paper_clear(&read);
	paper_clear(&one);
	age_identity_free(key);
}

static void what_a_scanner_makes_of_line_breaks_means_nothing(void **state)
{
	static const char *const breaks[] = {"\n", "\r\n", "\r", " ", "\t", "", "  \n\n"};
	struct age_identity *key = a_key();
	struct paper one, read = {0};
	unsigned line;

	assert_ok(paper_make(key, 1, 1, &one));
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		char text[512] = "QR-Code:";

		for (unsigned n = 1; n <= PAPER_LINES; n++) {
			char letters[PAPER_LINE_LEN];

			paper_line(&one, n, letters);
			sprintf(text + strlen(text), "%u: %.*s%s", n, (int)PAPER_LINE_LEN, letters,
				breaks[i]);
		}
		assert_ok(read_text(text, &read, &line));
		assert_memory_equal(secret_data(read.share.data), secret_data(one.share.data),
				    SHARE_LEN);
		paper_clear(&read);
	}
	paper_clear(&one);
	age_identity_free(key);
}

static void the_page_for_a_browser_reads_as_the_plain_one_and_has_a_code(void **state)
{
	struct paper_words about = {"A<b>&c", "acid-acorn", "2026-11-23"};
	struct age_identity *key = a_key();
	struct age_recipient pub;
	struct paper list[255], read = {0};
	struct secret *page = NULL;
	unsigned line;

	age_identity_recipient(key, &pub);
	assert_ok(paper_make(key, 255, 255, list));
	assert_ok(paper_page_html(&list[254], &about, &pub, &page));
	assert_non_null(memmem(secret_data(page), secret_len(page), "A&lt;b>&amp;c", 13));
	assert_non_null(memmem(secret_data(page), secret_len(page), "<svg ", 5));
	assert_ok(paper_read((const char *)secret_data(page), secret_len(page), &read, &line));
	assert_int_equal(read.share.number, 255);
	assert_memory_equal(secret_data(read.share.data), secret_data(list[254].share.data),
			    SHARE_LEN);
	secret_free(page);
	paper_clear(&read);
	clear_all(list, 255);
	age_identity_free(key);
}

/* ---- typing errors ---- */

/* One wrong letter of 15 has a chance of 1 in 65536 to be taken; 1500 have one of 1 in 44. So the
 * key is a fixed one. */
static struct age_identity *a_fixed_key(void)
{
	static const uint8_t raw[X25519_LEN] = "thirty-two bytes of a fixed key.";
	struct age_identity *key = NULL;

	assert_ok(age_identity_from_raw(raw, &key));
	return key;
}

static void every_wrong_letter_is_found_in_its_line(void **state)
{
	struct age_identity *key = a_fixed_key();
	struct paper one, read = {0};
	char text[512];
	unsigned line, tried = 0;

	assert_ok(paper_make(key, 1, 1, &one));
	lines_of(&one, text);
	for (char *c = text; *c; c++) {
		char was = *c;

		if (!strchr(LETTERS, was))
			continue;
		for (const char *other = LETTERS; *other; other++) {
			if (*other == was)
				continue;
			*c = *other;
			assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
			/* With a wrong first line, that is the first one wrong. */
			assert_int_equal(line, (unsigned)(c - text) / (PAPER_LINE_LEN + 4) + 1);
			tried++;
		}
		*c = was;
	}
	assert_int_equal(tried, 100 * 15);
	paper_clear(&one);
	age_identity_free(key);
}

static void swapped_neighbours_and_foreign_letters_are_found(void **state)
{
	struct age_identity *key = a_fixed_key();
	struct paper one, read = {0};
	char text[512];
	unsigned line;

	assert_ok(paper_make(key, 1, 1, &one));
	lines_of(&one, text);
	for (char *c = text; c[1]; c++) {
		char a = c[0], b = c[1];

		if (!strchr(LETTERS, a) || !strchr(LETTERS, b) || a == b)
			continue;
		c[0] = b;
		c[1] = a;
		assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
		c[0] = '8';
		assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
		c[0] = a;
		c[1] = b;
	}
	assert_ok(read_text(text, &read, &line));
	paper_clear(&read);
	paper_clear(&one);
	age_identity_free(key);
}

static void a_missing_line_is_named(void **state)
{
	struct age_identity *key = a_key();
	struct paper one, read = {0};

	assert_ok(paper_make(key, 1, 1, &one));
	for (unsigned gone = 1; gone <= PAPER_LINES; gone++) {
		char text[512], cut[512];
		unsigned line;
		size_t len = PAPER_LINE_LEN + 4;

		lines_of(&one, text);
		memcpy(cut, text, (gone - 1) * len);
		strcpy(cut + (gone - 1) * len, text + gone * len);
		assert_err(read_text(cut, &read, &line), ERR_BAD_FORMAT);
		assert_int_equal(line, gone);
	}
	paper_clear(&one);
	age_identity_free(key);
}

static void lines_in_another_order_are_told_apart_by_number(void **state)
{
	struct age_identity *key = a_key();
	char text[512], mixed[512];
	struct paper one, read = {0};
	size_t len = PAPER_LINE_LEN + 4;
	unsigned line;

	assert_ok(paper_make(key, 1, 1, &one));
	lines_of(&one, text);
	memcpy(mixed, text, len);
	memcpy(mixed + len, text + 3 * len, 2 * len);
	memcpy(mixed + 3 * len, text + len, 2 * len);
	mixed[5 * len] = '\0';
	assert_ok(read_text(mixed, &read, &line));
	paper_clear(&read);
	paper_clear(&one);
	age_identity_free(key);
}

static void a_line_of_another_sheet_is_found(void **state)
{
	struct age_identity *key = a_key();
	struct paper list[2], read = {0};
	char a[512], b[512];
	size_t len = PAPER_LINE_LEN + 4;

	assert_ok(paper_make(key, 2, 2, list));
	for (unsigned n = 2; n <= PAPER_LINES; n++) {
		unsigned line;

		lines_of(&list[0], a);
		lines_of(&list[1], b);
		memcpy(a + (n - 1) * len, b + (n - 1) * len, len);
		assert_err(read_text(a, &read, &line), ERR_BAD_FORMAT);
		assert_int_equal(line, n);
	}
	clear_all(list, 2);
	age_identity_free(key);
}

static void of_two_sheets_in_one_text_the_last_one_counts_whole_or_not_at_all(void **state)
{
	struct age_identity *key = a_key();
	struct paper list[2], read = {0};
	char text[1024];
	unsigned line;

	assert_ok(paper_make(key, 2, 2, list));
	lines_of(&list[0], text);
	lines_of(&list[1], text + strlen(text));
	assert_ok(read_text(text, &read, &line));
	assert_int_equal(read.share.number, 2);
	paper_clear(&read);
	text[strlen(text) - 40] = '\0';
	assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
	assert_int_equal(line, 4);
	clear_all(list, 2);
	age_identity_free(key);
}

static void typing_is_judged_line_by_line(void **state)
{
	struct age_identity *key = a_key();
	struct paper_entry e = {0};
	char line[PAPER_LINE_LEN];
	enum paper_typed typed;
	struct paper one, read = {0};

	assert_ok(paper_make(key, 1, 1, &one));
	paper_line(&one, 1, line);
	assert_ok(paper_enter(&e, 1, line, sizeof(line) - 1, &typed));
	assert_int_equal(typed, PAPER_NO_LINE);
	assert_ok(paper_enter(&e, 1, "", 0, &typed));
	assert_int_equal(typed, PAPER_NO_LINE);
	assert_int_equal(paper_missing(&e), 1);
	assert_ok(paper_enter(&e, 1, line, sizeof(line), &typed));
	assert_int_equal(typed, PAPER_TYPED);
	assert_ok(paper_enter(&e, 2, line, sizeof(line), &typed));
	assert_int_equal(typed, PAPER_NO_CHECK);
	assert_ok(paper_enter(&e, 2, "3: AAAA", 7, &typed));
	assert_int_equal(typed, PAPER_NO_NUMBER);
	assert_int_equal(paper_missing(&e), 2);
	for (unsigned n = 2; n <= PAPER_LINES; n++) {
		paper_line(&one, n, line);
		assert_ok(paper_enter(&e, n, line, sizeof(line), &typed));
		assert_int_equal(typed, PAPER_TYPED);
	}
	assert_int_equal(paper_missing(&e), 0);
	assert_ok(paper_finish(&e, &read));
	paper_clear(&read);
	paper_entry_clear(&e);
	paper_clear(&one);
	age_identity_free(key);
}

/* ---- sheets that do not belong together ---- */

static void expect(const struct paper *list, size_t count, enum paper_verdict want)
{
	struct age_identity *back = NULL;
	enum paper_verdict verdict;

	assert_ok(paper_join(list, count, &verdict, &back));
	assert_int_equal(verdict, want);
	assert_null(back);
}

static void what_does_not_belong_together_gives_nothing(void **state)
{
	struct age_identity *key = a_key(), *other = a_key();
	struct paper list[3], again[3], foreign[3], some[2];

	assert_ok(paper_make(key, 2, 3, list));
	assert_ok(paper_make(key, 2, 3, again));
	assert_ok(paper_make(other, 2, 3, foreign));
	some[0] = list[0];
	some[1] = foreign[1];
	expect(some, 2, PAPER_MIXED);
	some[1] = list[0];
	expect(some, 2, PAPER_TWICE);
	/* Printed twice for the same key: both sets are good, but not mixed. */
	some[1] = again[1];
	expect(some, 2, PAPER_WRONG);
	expect(list, 1, PAPER_TOO_FEW);
	expect(list, 0, PAPER_TOO_FEW);
	secret_edit(list[1].share.data)[5] ^= 4;
	expect(list, 2, PAPER_WRONG);
	clear_all(list, 3);
	clear_all(again, 3);
	clear_all(foreign, 3);
	age_identity_free(other);
	age_identity_free(key);
}

static void impossible_numbers_are_refused(void **state)
{
	struct age_identity *key = a_key();
	struct paper list[3], read = {0};
	char text[512];
	unsigned line;

	assert_err(paper_make(key, 0, 3, list), ERR_INVALID);
	assert_err(paper_make(key, 4, 3, list), ERR_INVALID);
	assert_ok(paper_make(key, 2, 3, list));
	list[0].needed = 4;
	lines_of(&list[0], text);
	assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
	assert_int_equal(line, 0);
	list[0].needed = 2;
	list[0].share.number = 4;
	lines_of(&list[0], text);
	assert_err(read_text(text, &read, &line), ERR_BAD_FORMAT);
	clear_all(list, 3);
	age_identity_free(key);
}

/* docs/FORMAT.md, "Recovery sheet". */
static void the_example_of_the_format_reads(void **state)
{
	static const char *const want[PAPER_LINES] = {
		"ACAC ACAC YEYR JCLE - MKWT", "LHKM KPLE LHLP EWLH - TKCW",
		"LLKY EAKE LPLH KJLF - RMLF", "EAKY KKEA KCEA KKKP - FAJY",
		"LMKJ KHEA KTKJ LPEX - FFMA",
	};
	struct age_identity *key = a_fixed_key();
	struct paper one;

	assert_ok(paper_make(key, 1, 1, &one));
	for (unsigned n = 1; n <= PAPER_LINES; n++) {
		char line[PAPER_LINE_LEN + 1] = "";

		paper_line(&one, n, line);
		assert_string_equal(line, want[n - 1]);
	}
	paper_clear(&one);
	age_identity_free(key);
}

static void a_page_says_what_it_is_in_both_languages(void **state)
{
	struct age_identity *key = a_key();
	struct paper list[5];
	struct secret *page, *text;

	assert_ok(paper_make(key, 3, 5, list));
	page = a_page(&list[1], key);
	assert_ok(secret_new(secret_len(page) + 1, &text));
	memcpy(secret_edit(text), secret_data(page), secret_len(page));
	for (const char *const *word =
		     (const char *const[]){"大阪健保", "2026-11-23", "復旧用紙", "RECOVERY SHEET",
					   "5枚のうち", "Any 3", "recovery drill", NULL};
	     *word; word++)
		assert_non_null(strstr((const char *)secret_data(text), *word));
	secret_free(text);
	secret_free(page);
	clear_all(list, 5);
	age_identity_free(key);
}

static int start(void **state)
{
	return crypto_init() == OK ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_printed_page_gives_the_key_back),
		cmocka_unit_test(every_choice_of_enough_sheets_gives_the_key),
		cmocka_unit_test(case_blanks_dashes_and_numbers_mean_nothing),
		cmocka_unit_test(what_a_scanner_makes_of_line_breaks_means_nothing),
		cmocka_unit_test(the_page_for_a_browser_reads_as_the_plain_one_and_has_a_code),
		cmocka_unit_test(every_wrong_letter_is_found_in_its_line),
		cmocka_unit_test(swapped_neighbours_and_foreign_letters_are_found),
		cmocka_unit_test(a_missing_line_is_named),
		cmocka_unit_test(lines_in_another_order_are_told_apart_by_number),
		cmocka_unit_test(a_line_of_another_sheet_is_found),
		cmocka_unit_test(of_two_sheets_in_one_text_the_last_one_counts_whole_or_not_at_all),
		cmocka_unit_test(typing_is_judged_line_by_line),
		cmocka_unit_test(what_does_not_belong_together_gives_nothing),
		cmocka_unit_test(impossible_numbers_are_refused),
		cmocka_unit_test(the_example_of_the_format_reads),
		cmocka_unit_test(a_page_says_what_it_is_in_both_languages),
	};

	return cmocka_run_group_tests_name("org/paper", tests, start, NULL);
}

/* The catalogue: what is one, and that an id never comes to mean something else. */
#include <stdio.h>
#include <string.h>
#include "org/catalogue.h"
#include "tests/check.h"

#define RECEIPT "receipt\tS\tレセプトに関する情報\t保険給付の審査・支払|医療費通知の発行\n"
#define INCOME "income\t-\t収入に関する情報\t被扶養者の認定・検認\n"

static void parse(const char *text, struct catalogue *ret)
{
	assert_ok(catalogue_parse(text, strlen(text), ret));
}

static void lines_become_categories_with_purposes(void **state)
{
	struct catalogue c;
	struct buf line = { 0 };

	parse("\xef\xbb\xbf# as of April\r\n\r\n" RECEIPT INCOME, &c);
	assert_int_equal(c.count, 2);
	assert_string_equal(c.list[0].id, "receipt");
	assert_string_equal(c.list[0].flags, "S");
	assert_string_equal(c.list[1].name, "収入に関する情報");
	assert_int_equal(c.list[0].purpose_count, 2);
	assert_string_equal(c.list[0].purposes[1], "医療費通知の発行");
	assert_ok(catalogue_line(&c.list[1], &line));
	assert_memory_equal(line.data, INCOME, line.len);
	buf_clear(&line);
	catalogue_clear(&c);
}

static void ids_are_asked_as_they_stand_in_records(void **state)
{
	struct catalogue c;

	parse("receipt\tS\tレセプト\ta||c\n", &c);
	assert_ok(catalogue_check_category(&c, "receipt"));
	assert_err(catalogue_check_category(&c, "recei"), ERR_INVALID);
	assert_err(catalogue_check_category(&c, "receipt.1"), ERR_INVALID);
	assert_ok(catalogue_check_purpose(&c, "receipt.1"));
	assert_ok(catalogue_check_purpose(&c, "receipt.3"));
	/* one that ended, one that never was, and spellings of none */
	assert_err(catalogue_check_purpose(&c, "receipt.2"), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt.4"), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt.0"), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt.01"), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt.+1"), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt."), ERR_INVALID);
	assert_err(catalogue_check_purpose(&c, "receipt"), ERR_INVALID);
	catalogue_clear(&c);
}

static void what_is_no_catalogue_is_refused_with_its_line(void **state)
{
	static const char *const bad[] = {
		"", "# nothing\n", "receipt\tS\tname\n", "receipt\tS\tname\ta\tb\n",
		"Receipt\tS\tname\ta\n", "\tS\tname\ta\n", "a b\tS\tname\ta\n", "receipt\t\tname\ta\n",
		"receipt\ts\tname\ta\n", "receipt\tS\t\ta\n", "receipt\tS\tname\t\n",
		RECEIPT RECEIPT, "receipt S name a\n", "receipt\tS\t\xff\ta\n",
	};
	struct catalogue c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(catalogue_parse(bad[i], strlen(bad[i]), &c), ERR_BAD_FORMAT);
	assert_err(catalogue_parse(RECEIPT "x\n", strlen(RECEIPT "x\n"), &c), ERR_BAD_FORMAT);
	assert_non_null(strstr(err_detail(), "line 2"));
}

struct changes {
	char text[256];
};

static enum err note(void *ctx, enum catalogue_change change, size_t index,
		     const struct category *before, const struct category *after)
{
	static const char *const names[] = { "new", "ended", "flags", "+", "-", "renamed", "reworded" };
	struct changes *seen = ctx;
	size_t at = strlen(seen->text);

	snprintf(seen->text + at, sizeof(seen->text) - at, "%s:%s%zu ", (before ? before : after)->id,
		 names[change], index + 1);
	return OK;
}

static void compare(const char *before, const char *after, const char *wanted)
{
	struct catalogue a, b;
	struct changes seen = { "" };

	parse(before, &a);
	parse(after, &b);
	assert_ok(catalogue_compare(&a, &b, note, &seen));
	assert_string_equal(seen.text, wanted);
	assert_int_equal(catalogue_may_follow(&a, &b),
			 strstr(wanted, "renamed") || strstr(wanted, "reworded") ? ERR_INVALID : OK);
	catalogue_clear(&a);
	catalogue_clear(&b);
}

static void what_changes_is_told_in_the_order_of_the_ids(void **state)
{
	compare("a\t-\tA\tx|y\n", "a\t-\tA\tx|y\n", "");
	compare("a\t-\tA\tx|y\nb\tS\tB\tx\n", "c\t-\tC\tx\na\tS\tA\tx|y|z\n",
		"a:flags1 a:+3 b:ended1 c:new1 ");
	compare("a\t-\tA\tx|y\n", "a\t-\tA\t|y\n", "a:-1 ");
	compare("a\t-\tA\tx|y\n", "a\t-\tA\tx\n", "a:-2 ");
}

static void no_id_comes_to_mean_something_else(void **state)
{
	compare("a\t-\tA\tx|y\n", "a\t-\tB\tx|y\n", "a:renamed1 ");
	compare("a\t-\tA\tx|y\n", "a\t-\tA\ty\n", "a:reworded1 a:-2 ");
	/* the place of a purpose that ended is not given away */
	compare("a\t-\tA\t|y\n", "a\t-\tA\tz|y\n", "a:reworded1 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_categories_with_purposes),
		cmocka_unit_test(ids_are_asked_as_they_stand_in_records),
		cmocka_unit_test(what_is_no_catalogue_is_refused_with_its_line),
		cmocka_unit_test(what_changes_is_told_in_the_order_of_the_ids),
		cmocka_unit_test(no_id_comes_to_mean_something_else),
	};

	return cmocka_run_group_tests_name("catalogue", tests, NULL, NULL);
}

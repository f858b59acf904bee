#include "tests/check.h"

#include <pthread.h>
#include <string.h>

struct row {
	enum err err;
	int number;
	int errno_;
	int exit_code;
	const char *name;
	const char *message;
};

static const struct row table[] = {
#define ERR(name, number, errno_, exit_, message)                                                  \
	{ERR_##name, number, errno_, exit_, #name, message},
#include "base/err_table.h"
#undef ERR
};

static void numbers_and_names_are_given_once(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(table[i].number, table[j].number);
			assert_string_not_equal(table[i].name, table[j].name);
			assert_string_not_equal(table[i].message, table[j].message);
		}
	}
}

/* The rule at the head of err_table.h; 130 is what shells use for a program ended by SIGINT. */
static int exit_code_by_rule(const struct row *row)
{
	if (row->number < 100 || row->number == 130)
		return row->number;
	if (row->number >= 900)
		return row->exit_code < 10 ? row->exit_code : -1;
	return row->number % 10 != 0 ? row->number / 10 : -1;
}

static void exit_codes_follow_the_numbers(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].exit_code != exit_code_by_rule(&table[i]))
			fail_msg("%s: number %d, exit code %d", table[i].name, table[i].number,
				 table[i].exit_code);
		assert_in_range(table[i].exit_code, 1, 255);
	}
}

static void messages_have_no_full_stop_and_errnos_are_positive(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(strlen(table[i].message) > 0);
		assert_int_not_equal(table[i].message[strlen(table[i].message) - 1], '.');
		assert_true(table[i].errno_ > 0);
	}
}

static void facts_come_from_the_table(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_string_equal(err_name(table[i].err), table[i].name);
		assert_string_equal(err_message(table[i].err), table[i].message);
		assert_int_equal(err_errno(table[i].err), table[i].errno_);
		assert_int_equal(err_exit_code(table[i].err), table[i].exit_code);
	}
	assert_int_equal(err_errno(OK), 0);
	assert_int_equal(err_exit_code(OK), 0);
}

static void number_outside_the_table_is_an_internal_error(void **state)
{
	assert_string_equal(err_name((enum err)777), "INTERNAL");
	assert_int_equal(err_errno((enum err)777), EIO);
	assert_int_equal(err_exit_code((enum err)777), 1);
}

static void detail_is_kept_until_replaced_or_cleared(void **state)
{
	assert_int_equal(err_at(ERR_FORGED, "block %d", 7), ERR_FORGED);
	assert_string_equal(err_detail(), "block 7");
	assert_int_equal(err_at(ERR_BUSY, "%s, again", err_detail()), ERR_BUSY);
	assert_string_equal(err_detail(), "block 7, again");
	err_clear();
	assert_string_equal(err_detail(), "");
}

static void long_detail_is_cut_at_511_bytes(void **state)
{
	char text[1000];

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(err_at(ERR_IO, "%s", text), ERR_IO);
	assert_int_equal(strlen(err_detail()), 511);
	errno = ENOSPC;
	assert_int_equal(err_errno_at(ERR_IO, "%s", text), ERR_IO);
	assert_int_equal(strlen(err_detail()), 511);
}

static void errno_is_told_and_survives(void **state)
{
	errno = ENOSPC;
	assert_int_equal(err_errno_at(ERR_LOG_WRITE, "log of %s", "host"), ERR_LOG_WRITE);
	assert_string_equal(err_detail(), "log of host: No space left on device");
	assert_int_equal(errno, ENOSPC);
}

static void errno_picks_the_code_that_fits(void **state)
{
	static const struct {
		int code;
		enum err err;
	} cases[] = {
		{ENOSPC, ERR_NO_SPACE},
		{EDQUOT, ERR_NO_SPACE},
		{ENOMEM, ERR_NOMEM},
		{EROFS, ERR_READ_ONLY},
		{ENOENT, ERR_NOT_FOUND},
		{EEXIST, ERR_EXISTS},
		{EACCES, ERR_PERM},
		{EPERM, ERR_PERM},
		{EIO, ERR_IO},
		{ENODEV, ERR_REMOVED},
		{EBUSY, ERR_BUSY},
		{ENOTDIR, ERR_NOT_DIR},
		{ENOTEMPTY, ERR_NOT_EMPTY},
		{EISDIR, ERR_IS_DIR},
		{EXDEV, ERR_CROSS},
		{ENAMETOOLONG, ERR_NAME_TOO_LONG},
		{EFBIG, ERR_TOO_BIG},
		{ECHILD, ERR_SYSTEM},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		errno = cases[i].code;
		assert_err(err_from_errno("thing"), cases[i].err);
		assert_non_null(strstr(err_detail(), strerror(cases[i].code)));
	}
}

static void *other_thread(void *arg)
{
	const char **before = arg;

	*before = err_detail()[0] == '\0' ? "empty" : "not empty";
	if (err_at(ERR_IO, "theirs") != ERR_IO)
		*before = "wrong code";
	return NULL;
}

static void detail_belongs_to_its_thread(void **state)
{
	const char *before = NULL;
	pthread_t thread;

	assert_int_equal(err_at(ERR_IO, "mine"), ERR_IO);
	assert_int_equal(pthread_create(&thread, NULL, other_thread, &before), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(before, "empty");
	assert_string_equal(err_detail(), "mine");
}

static enum err step(int *steps, enum err err)
{
	++*steps;
	return err;
}

static enum err two_steps(int *steps, enum err first)
{
	TRY(step(steps, first));
	TRY(step(steps, OK));
	return OK;
}

static void try_leaves_at_the_first_failure(void **state)
{
	int steps = 0;

	assert_err(two_steps(&steps, ERR_BUSY), ERR_BUSY);
	assert_int_equal(steps, 1);
	assert_ok(two_steps(&steps, OK));
	assert_int_equal(steps, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_names_are_given_once),
		cmocka_unit_test(exit_codes_follow_the_numbers),
		cmocka_unit_test(messages_have_no_full_stop_and_errnos_are_positive),
		cmocka_unit_test(facts_come_from_the_table),
		cmocka_unit_test(number_outside_the_table_is_an_internal_error),
		cmocka_unit_test(detail_is_kept_until_replaced_or_cleared),
		cmocka_unit_test(long_detail_is_cut_at_511_bytes),
		cmocka_unit_test(errno_is_told_and_survives),
		cmocka_unit_test(errno_picks_the_code_that_fits),
		cmocka_unit_test(detail_belongs_to_its_thread),
		cmocka_unit_test(try_leaves_at_the_first_failure),
	};

	return cmocka_run_group_tests_name("base/err", tests, NULL, NULL);
}

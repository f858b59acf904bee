/* SHA256SUMS as coreutils read and write it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "pack/sums.h"
#include "tests/check.h"

static const char *const names[] = {"plain.txt",  "健診/結果.csv", "back\\slash",
				    "line\nfeed", "  spaces  ",	   "both\\n\n\\"};

static void names_of_every_kind_come_back(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct sums_line line;
	uint8_t sum[SHA256_LEN];
	size_t at = 0;

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		sha256(names[i], strlen(names[i]), sum);
		assert_ok(sums_add(&text, sum, names[i]));
	}
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		assert_ok(sums_next(text.data, text.len, &at, &line));
		sha256(names[i], strlen(names[i]), sum);
		assert_memory_equal(line.sum, sum, sizeof(sum));
		assert_string_equal(line.name, names[i]);
		free(line.name);
	}
	assert_err(sums_next(text.data, text.len, &at, &line), ERR_NOT_FOUND);
}

static void lines_of_another_form_are_refused(void **state)
{
	static const char hash[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	static const char *const tails[] = {"",		"\n",	  "  \n",  "  name",
					    " *name\n", "  na\\", "x  n\n"};
	struct sums_line line;
	char text[200];

	for (unsigned i = 0; i < ARRAY_LEN(tails); i++) {
		size_t at = 0;

		snprintf(text, sizeof(text), "%s%s", hash, tails[i]);
		assert_err(sums_next(text, strlen(text), &at, &line), ERR_BAD_FORMAT);
		assert_int_equal(at, 0);
	}
	for (unsigned i = 0; i < 2; i++) {
		size_t at = 0;

		snprintf(text, sizeof(text), "\\%s  na%s\n", hash, i ? "\\t" : "\\");
		assert_err(sums_next(text, strlen(text), &at, &line), ERR_BAD_FORMAT);
	}
	snprintf(text, sizeof(text), "g%s  n\n", hash + 1);
	assert_err(sums_next(text, strlen(text), &(size_t){0}, &line), ERR_BAD_FORMAT);
	memcpy(text, "a  n\n", 6);
	assert_err(sums_next(text, 5, &(size_t){0}, &line), ERR_BAD_FORMAT);
}

static void the_stock_program_checks_them(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0};
	char dir[] = "/tmp/vault-sums-XXXXXX", path[128], command[128];
	uint8_t sum[SHA256_LEN];

	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		if (strchr(names[i], '/'))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		assert_ok(io_create_file(path, names[i], strlen(names[i]), 0600));
		sha256(names[i], strlen(names[i]), sum);
		assert_ok(sums_add(&text, sum, names[i]));
	}
	snprintf(path, sizeof(path), "%s/SHA256SUMS", dir);
	assert_ok(io_create_file(path, text.data, text.len, 0600));
	snprintf(command, sizeof(command), "cd %s && sha256sum --strict --quiet -c SHA256SUMS",
		 dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_every_kind_come_back),
		cmocka_unit_test(lines_of_another_form_are_refused),
		cmocka_unit_test(the_stock_program_checks_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

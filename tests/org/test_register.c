/* The register of a home: what one writes another gets, whatever the way, and nothing is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "org/register.h"
#include "org/register_set.h"
#include "tests/check.h"

struct place {
	char dir[64];
	struct home *home;
	struct sign_key *key, *other;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p || crypto_init() != OK)
		return -1;
	strcpy(p->dir, "/tmp/register-XXXXXX");
	if (!mkdtemp(p->dir) || setenv("PVAULT_HOME", p->dir, 1) != 0)
		return -1;
	if (home_open(&p->home) != OK || sign_key_random(&p->key) != OK ||
	    sign_key_random(&p->other) != OK)
		return -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	sign_key_free(p->key);
	sign_key_free(p->other);
	home_close(p->home);
	free(p);
	return system(command);
}

static const struct statement *add(struct org_register *r, const struct sign_key *key,
				   const char *value)
{
	struct statement_field f = { "number", value };
	const struct statement *s;

	assert_ok(register_write(r, STATEMENT_SIGHT, &f, 1, key, &s));
	return s;
}

static void found(struct org_register *r, const struct sign_key *key)
{
	struct statement_field f = { "name", "Kita" };

	assert_ok(register_found(r, &f, 1, key));
}

static void assert_same(const struct org_register *a, const struct org_register *b)
{
	uint8_t x[SHA256_LEN], y[SHA256_LEN];

	register_digest(a, x);
	register_digest(b, y);
	assert_int_equal(register_count(a), register_count(b));
	assert_memory_equal(x, y, SHA256_LEN);
}

static void whoever_founds_and_writes_finds_it_again(void **state)
{
	struct place *p = *state;
	struct org_register *r, *again;
	const struct statement *first, *second;

	assert_ok(register_open(p->home, &r));
	assert_true(register_is_empty(r));
	assert_err(register_write(r, STATEMENT_SIGHT, NULL, 0, p->key, NULL), ERR_NOT_FOUND);
	found(r, p->key);
	assert_err(register_found(r, NULL, 0, p->key), ERR_EXISTS);
	first = add(r, p->key, "U-001");
	second = add(r, p->other, "U-002");
	assert_int_equal(first->seq, 2);
	assert_int_equal(first->clock, 2);
	assert_int_equal(second->seq, 1);
	assert_int_equal(second->clock, 3);
	assert_int_equal(second->seen_count, 1);
	assert_memory_equal(second->seen[0], first->id, SHA256_LEN);
	assert_ok(register_open(p->home, &again));
	assert_same(r, again);
	assert_memory_equal(register_org(again), register_at(again, 0)->id, ORG_ID_LEN);
	assert_string_equal(statement_value(register_at(again, 2), "number"), "U-002");
	register_free(again);
	register_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whoever_founds_and_writes_finds_it_again, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

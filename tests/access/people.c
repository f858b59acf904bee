#include "tests/access/people.h"
#include <stdio.h>
#include <stdlib.h>
#include "tests/check.h"

void shell(const char *format, const char *a, const char *b)
{
	char command[512];

	/* The formats are literals of the tests. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(command, sizeof(command), format, a, b);
#pragma GCC diagnostic pop
	assert_int_equal(system(command), 0);
}

void person_make(struct person *p, const char *dir, const char *name)
{
	struct secret *pass;

	snprintf(p->dir, sizeof(p->dir), "%s/%s", dir, name);
	assert_int_equal(setenv("PVAULT_HOME", p->dir, 1), 0);
	assert_ok(home_open(&p->home));
	assert_ok(home_prepare(p->home));
	assert_ok(secret_copy("word", 4, &pass));
	assert_ok(staff_key_create(p->home, name, pass, 10, &p->info));
	assert_ok(staff_key_unlock(p->home, NULL, pass, &p->id));
	secret_free(pass);
	assert_ok(vault_host_recorder(p->home, &p->log, &p->recorder));
	p->actor = (struct vault_actor){ .home = p->home, .identity = p->id,
					 .name = p->info.name, .recorder = &p->recorder };
}

void person_copy(struct person *p, const struct person *from, const char *dir)
{
	struct secret *pass;

	p->info = from->info;
	snprintf(p->dir, sizeof(p->dir), "%.44s/%.16s", dir, from->info.name);
	shell("cp -r '%s' '%s'", from->dir, p->dir);
	assert_int_equal(setenv("PVAULT_HOME", p->dir, 1), 0);
	assert_ok(home_open(&p->home));
	assert_ok(secret_copy("word", 4, &pass));
	assert_ok(staff_key_unlock(p->home, NULL, pass, &p->id));
	secret_free(pass);
	assert_ok(vault_host_recorder(p->home, &p->log, &p->recorder));
	p->actor = (struct vault_actor){ .home = p->home, .identity = p->id,
					 .name = p->info.name, .recorder = &p->recorder };
}

void person_clear(struct person *p)
{
	audit_log_close(p->log);
	age_identity_free(p->id);
	home_close(p->home);
}

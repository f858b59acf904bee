#include "tests/org/host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/check.h"

void host_again(struct host *t)
{
	char path[96];

	home_close(TAKE(t->home));
	snprintf(path, sizeof(path), "%s/host", t->dir);
	assert_int_equal(setenv("PVAULT_HOME", path, 1), 0);
	assert_ok(home_open(&t->home));
}

struct host *host_new(void)
{
	struct host *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	assert_ok(crypto_init());
	strcpy(t->dir, "/tmp/vault-org-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	host_again(t);
	assert_ok(home_prepare(t->home));
	return t;
}

void host_free(struct host *t)
{
	char command[96];

	home_close(t->home);
	snprintf(command, sizeof(command), "rm -rf '%s'", t->dir);
	assert_int_equal(system(command), 0);
	free(t);
}

struct age_identity *host_staff(struct host *t, const char *name, struct age_recipient *ret)
{
	struct age_identity *id = NULL;
	struct staff_key_info info;
	struct secret *word;

	assert_ok(secret_copy("word", 4, &word));
	assert_ok(staff_key_create(t->home, name, word, LOG_N, &info));
	assert_ok(staff_key_unlock(t->home, name, word, &id));
	secret_free(word);
	if (ret)
		*ret = info.recipient;
	return id;
}

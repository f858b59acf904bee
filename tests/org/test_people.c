/* Whom a host knows: by name, and by the key they sign with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "org/draft.h"
#include "org/people.h"
#include "org/register.h"
#include "tests/check.h"

static struct person somebody(const char *name, uint8_t key)
{
	struct age_identity *id;
	struct person who = {0};

	assert_ok(age_identity_new_random(&id));
	strcpy(who.name, name);
	age_identity_recipient(id, &who.recipient);
	who.has_key = key > 0;
	memset(who.vkey, key, SIGN_VKEY_LEN);
	age_identity_free(id);
	return who;
}

static struct home *home;
static char dir[] = "/tmp/vault-people-XXXXXX";

static int setup(void **state)
{
	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	assert_ok(crypto_init());
	assert_non_null(mkdtemp(dir));
	setenv("PVAULT_HOME", dir, 1);
	assert_ok(home_open(&home));
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	home_close(home);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum err count(void *ctx, const struct person *who)
{
	++*(unsigned *)ctx;
	return OK;
}

static void people_are_found_by_name_and_by_key(void **state)
{
	struct person yamada = somebody("山田 太郎", 7), sato = somebody("sato", 0), got;
	unsigned known = 0;

	assert_ok(people_each(home, count, &known));
	assert_int_equal(known, 0);
	assert_ok(people_save(home, &yamada));
	assert_ok(people_save(home, &sato));
	assert_ok(people_find(home, "山田 太郎", &got));
	assert_true(age_recipient_equal(&got.recipient, &yamada.recipient));
	assert_true(got.has_key);
	assert_ok(people_find_signer(home, yamada.vkey, &got));
	assert_string_equal(got.name, "山田 太郎");
	assert_err(people_find_signer(home, sato.vkey, &got), ERR_NOT_FOUND);
	assert_err(people_find(home, "nobody", &got), ERR_NOT_FOUND);
	assert_ok(people_each(home, count, &known));
	assert_int_equal(known, 2);
}

static void a_key_can_be_learned_later(void **state)
{
	struct person sato = somebody("sato", 0), got;

	assert_ok(people_save(home, &sato));
	sato.has_key = true;
	memset(sato.vkey, 9, SIGN_VKEY_LEN);
	assert_ok(people_save(home, &sato));
	assert_ok(people_find_signer(home, sato.vkey, &got));
	assert_ok(people_remove(home, "sato"));
	assert_err(people_remove(home, "sato"), ERR_NOT_FOUND);
	assert_err(people_find_signer(home, sato.vkey, &got), ERR_NOT_FOUND);
}

static void names_that_are_no_file_names_are_refused(void **state)
{
	static const char *const names[] = {"", ".", "..", ".x", "a/b", "a\nb", "\xff", "a\x7f"};
	struct person who = somebody("x", 1), got;
	char wide[80];

	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		strcpy(who.name, names[i]);
		assert_err(people_save(home, &who), ERR_INVALID);
		assert_err(people_find(home, names[i], &got), ERR_INVALID);
	}
	memset(wide, 'w', sizeof(wide) - 1);
	wide[sizeof(wide) - 1] = '\0';
	assert_err(people_find(home, wide, &got), ERR_INVALID);
}

static void a_spoilt_file_is_told(void **state)
{
	static const char *const texts[] = {"", "{}", "[1]", "{\"recipient\":\"age1\"}",
					    "{\"recipient\":1}"};
	struct person who = somebody("x", 1), got;
	char path[128];

	assert_ok(people_save(home, &who));
	snprintf(path, sizeof(path), "%s/people/x.json", dir);
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		assert_ok(io_replace_file(path, texts[i], strlen(texts[i]), 0600));
		assert_err(people_find(home, "x", &got), ERR_BAD_FORMAT);
	}
	assert_err(people_find_signer(home, who.vkey, &got), ERR_BAD_FORMAT);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
/* A society of which this host has the register, with one officer. */
static void found_society(const char *officer, const struct person *who, struct sign_key **ret_key)
{
	struct org_register *books;
	struct draft d = { 0 };

	assert_ok(sign_key_random(ret_key));
	assert_ok(register_open(home, &books));
	assert_ok(draft_add(&d, "name", "大阪健保"));
	assert_ok(draft_add(&d, "officer", officer));
	assert_ok(draft_add_recipient(&d, "recipient", &who->recipient));
	assert_ok(register_found(books, d.fields, d.count, *ret_key));
	draft_clear(&d);
	register_free(books);
}

static void who_is_on_the_register_goes_before_a_note(void **state)
{
	struct person noted = somebody("tanaka", 7), other = somebody("sato", 8);
	struct person registered = somebody("tanaka", 0), got;
	struct sign_key *key = NULL;
	unsigned known = 0;

	assert_ok(people_save(home, &noted));
	assert_ok(people_save(home, &other));
	assert_ok(people_find(home, "tanaka", &got));
	assert_true(age_recipient_equal(&got.recipient, &noted.recipient));
	found_society("Tanaka", &registered, &key);
	assert_ok(people_find(home, "tanaka", &got));
	assert_true(age_recipient_equal(&got.recipient, &registered.recipient));
	assert_true(got.has_key);
	assert_memory_equal(got.vkey, sign_key_vkey(key), SIGN_VKEY_LEN);
	assert_ok(people_find_signer(home, sign_key_vkey(key), &got));
	assert_string_equal(got.name, "Tanaka");
	/* Notes about others still count; one about the same name is out of sight. */
	assert_ok(people_find(home, "sato", &got));
	assert_err(people_find_signer(home, noted.vkey, &got), ERR_NOT_FOUND);
	assert_ok(people_each(home, count, &known));
	assert_int_equal(known, 2);
	sign_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(people_are_found_by_name_and_by_key),
		STORY(a_key_can_be_learned_later),
		STORY(names_that_are_no_file_names_are_refused),
		STORY(a_spoilt_file_is_told),
		STORY(who_is_on_the_register_goes_before_a_note),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

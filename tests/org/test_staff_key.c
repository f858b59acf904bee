/* Staff keys: making, naming, opening, and what a fingerprint sounds like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "org/words.h"
#include "tests/check.h"
#include "tests/org/host.h"

static int setup(void **state)
{
	*state = host_new();
	return 0;
}

static int teardown(void **state)
{
	host_free(*state);
	return 0;
}

static struct secret *word(const char *text)
{
	struct secret *s;

	assert_ok(secret_copy(text, strlen(text), &s));
	return s;
}

static enum err try_unlock(struct host *t, const char *name, const char *passphrase)
{
	struct age_identity *id = NULL;
	struct secret *s = word(passphrase);
	enum err err = staff_key_unlock(t->home, name, s, &id);

	secret_free(s);
	age_identity_free(id);
	return err;
}

static void a_key_opens_with_its_passphrase_only(void **state)
{
	struct host *t = *state;
	struct age_recipient r, again;
	struct age_identity *id = host_staff(t, "a", &r);

	age_identity_recipient(id, &again);
	assert_true(age_recipient_equal(&r, &again));
	age_identity_free(id);
	assert_ok(try_unlock(t, "a", "word"));
	assert_err(try_unlock(t, "a", "wore"), ERR_PASSPHRASE);
	assert_err(try_unlock(t, "b", "word"), ERR_KEY_NOT_FOUND);
}

static void the_first_key_is_the_default_one(void **state)
{
	struct host *t = *state;
	struct staff_key_info info;
	struct age_recipient first;

	assert_err(staff_key_info(t->home, NULL, &info), ERR_KEY_NOT_FOUND);
	age_identity_free(host_staff(t, "職員 1", &first));
	age_identity_free(host_staff(t, "b", NULL));
	host_again(t);
	assert_ok(staff_key_info(t->home, NULL, &info));
	assert_string_equal(info.name, "職員 1");
	assert_true(age_recipient_equal(&info.recipient, &first));
	assert_ok(staff_key_info(t->home, "b", &info));
	assert_false(age_recipient_equal(&info.recipient, &first));
	assert_ok(try_unlock(t, NULL, "word"));
}

static void a_name_is_taken_once(void **state)
{
	struct host *t = *state;
	struct staff_key_info info, before;
	struct secret *s = word("other");

	age_identity_free(host_staff(t, "a", NULL));
	assert_ok(staff_key_info(t->home, "a", &before));
	assert_err(staff_key_create(t->home, "a", s, LOG_N, &info), ERR_EXISTS);
	secret_free(s);
	assert_ok(staff_key_info(t->home, "a", &info));
	assert_string_equal(info.fpr, before.fpr);
	assert_ok(try_unlock(t, "a", "word"));
}

static void names_that_are_no_plain_file_names_are_refused(void **state)
{
	struct host *t = *state;
	static const char *const names[] = { "", ".", "..", ".hidden", "a/b", "../a", "a\nb",
					     "default", "\xff" };
	char longest[STAFF_NAME_MAX + 2];
	struct secret *s = word("word");
	struct staff_key_info info;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_err(staff_key_create(t->home, names[i], s, LOG_N, &info), ERR_INVALID);
	memset(longest, 'n', sizeof(longest));
	longest[STAFF_NAME_MAX + 1] = '\0';
	assert_err(staff_key_create(t->home, longest, s, LOG_N, &info), ERR_INVALID);
	assert_err(staff_key_info(t->home, "../a", &info), ERR_INVALID);
	longest[STAFF_NAME_MAX] = '\0';
	assert_ok(staff_key_create(t->home, longest, s, LOG_N, &info));
	assert_ok(staff_key_info(t->home, NULL, &info));
	secret_free(s);
}

static void a_new_passphrase_replaces_the_old_one(void **state)
{
	struct host *t = *state;
	struct secret *old = word("word"), *fresh = word("新しい"), *wrong = word("wrong");
	struct staff_key_info before, after;

	age_identity_free(host_staff(t, "a", NULL));
	assert_ok(staff_key_info(t->home, "a", &before));
	assert_err(staff_key_passwd(t->home, "a", wrong, fresh, LOG_N), ERR_PASSPHRASE);
	assert_ok(try_unlock(t, "a", "word"));
	assert_ok(staff_key_passwd(t->home, "a", old, fresh, LOG_N));
	assert_err(try_unlock(t, "a", "word"), ERR_PASSPHRASE);
	assert_ok(try_unlock(t, "a", "新しい"));
	assert_ok(staff_key_info(t->home, "a", &after));
	assert_string_equal(before.fpr, after.fpr);
	secret_free(old);
	secret_free(fresh);
	secret_free(wrong);
}

static void a_damaged_key_file_is_told(void **state)
{
	struct host *t = *state;
	char path[256];

	age_identity_free(host_staff(t, "a", NULL));
	snprintf(path, sizeof(path), "%s/a.age", home_keys_dir(t->home));
	assert_int_equal(truncate(path, 200), 0);
	assert_int_not_equal(try_unlock(t, "a", "word"), OK);
	assert_ok(io_replace_file(path, "hello\n", 6, 0600));
	assert_err(try_unlock(t, "a", "word"), ERR_AGE_HEADER);
}

static void files_are_for_their_owner_only(void **state)
{
	struct host *t = *state;
	static const char *const files[] = { "a.age", "a.pub", "default" };
	struct stat st;
	char path[256];

	age_identity_free(host_staff(t, "a", NULL));
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", home_keys_dir(t->home), files[i]);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

/* One person signs with one key, whatever computer they sit at. FORMAT.md, "Staff key". */
static void the_signing_key_follows_from_the_identity(void **state)
{
	static const uint8_t raw[X25519_LEN] = { 1, 2, 3 };
	struct age_identity *one, *two;
	struct sign_key *a, *b;

	assert_ok(age_identity_from_raw(raw, &one));
	assert_ok(age_identity_new_random(&two));
	assert_ok(staff_sign_key(one, &a));
	assert_ok(staff_sign_key(one, &b));
	assert_memory_equal(sign_key_vkey(a), sign_key_vkey(b), SIGN_VKEY_LEN);
	sign_key_free(b);
	assert_ok(staff_sign_key(two, &b));
	assert_memory_not_equal(sign_key_vkey(a), sign_key_vkey(b), SIGN_VKEY_LEN);
	sign_key_free(a);
	sign_key_free(b);
	age_identity_free(one);
	age_identity_free(two);
}

static void no_two_words_are_alike(void **state)
{
	for (size_t i = 0; i < 256; i++) {
		size_t len = strlen(fingerprint_words[i]);

		assert_in_range(len, 4, 8);
		assert_int_equal(strspn(fingerprint_words[i], "abcdefghijklmnopqrstuvwxyz"), len);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(fingerprint_words[i], fingerprint_words[j]);
	}
}

static void the_signing_key_stands_beside_the_recipient(void **state)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct host *t = *state;
	struct staff_key_info info;
	struct sign_key *key = NULL;
	struct age_identity *id = host_staff(t, "a", NULL);
	char path[128];

	assert_ok(staff_sign_key(id, &key));
	assert_ok(staff_key_info(t->home, "a", &info));
	assert_true(info.has_key);
	assert_memory_equal(info.vkey, sign_key_vkey(key), SIGN_VKEY_LEN);
	/* As an older version left it: the next unlocking completes it. */
	snprintf(path, sizeof(path), "%s/a.pub", home_keys_dir(t->home));
	assert_ok(io_read_file(path, 1024, &text));
	*(strchr(text.data, '\n') + 1) = '\0';
	assert_ok(io_replace_file(path, text.data, strlen(text.data), 0600));
	assert_ok(staff_key_info(t->home, "a", &info));
	assert_false(info.has_key);
	assert_ok(try_unlock(t, "a", "word"));
	assert_ok(staff_key_info(t->home, "a", &info));
	assert_true(info.has_key);
	assert_memory_equal(info.vkey, sign_key_vkey(key), SIGN_VKEY_LEN);
	sign_key_free(key);
	age_identity_free(id);
}

/* The order of the words is for ever; SHA-256 says which six they are. */
static void a_fingerprint_is_read_as_six_words(void **state)
{
	struct age_recipient r = { { 9 } };
	char text[96], fpr[STAFF_FPR_LEN];

	staff_fpr(&r, fpr);
	assert_string_equal(fpr, "34ec81dbdaf91485");
	staff_fpr_words(&r, text);
	assert_string_equal(text, "canal-trumpet-indigo-siren-silver-walnut");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_key_opens_with_its_passphrase_only),
		STORY(the_first_key_is_the_default_one),
		STORY(a_name_is_taken_once),
		STORY(names_that_are_no_plain_file_names_are_refused),
		STORY(a_new_passphrase_replaces_the_old_one),
		STORY(a_damaged_key_file_is_told),
		STORY(files_are_for_their_owner_only),
		STORY(the_signing_key_stands_beside_the_recipient),
		cmocka_unit_test(the_signing_key_follows_from_the_identity),
		cmocka_unit_test(no_two_words_are_alike),
		cmocka_unit_test(a_fingerprint_is_read_as_six_words),
	};

	return cmocka_run_group_tests_name("staff key", tests, NULL, NULL);
}

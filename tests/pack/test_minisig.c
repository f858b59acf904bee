/* Signatures that minisign's own program accepts, and none that anybody changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "pack/minisig.h"
#include "tests/check.h"

static const char message[] = "deadbeef  a file\n";
static struct sign_key *key;
static struct buf text;

static int setup(void **state)
{
	static const uint8_t seed[SIGN_SEED_LEN] = {1, 2, 3};

	assert_ok(crypto_init());
	assert_ok(sign_key_new(seed, &key));
	assert_ok(minisig_make(key, message, sizeof(message) - 1, "pack 0123 for 受取人", &text));
	return 0;
}

static int teardown(void **state)
{
	sign_key_free(key);
	buf_clear(&text);
	return 0;
}

static enum err verify(const struct buf *t, const char *what)
{
	char trusted[MINISIG_COMMENT_MAX + 1];

	return minisig_verify(sign_key_vkey(key), what, strlen(what), t->data, t->len, trusted);
}

static void a_signature_tells_who_and_the_comment(void **state)
{
	char trusted[MINISIG_COMMENT_MAX + 1];

	assert_ok(minisig_verify(sign_key_vkey(key), message, sizeof(message) - 1, text.data,
				 text.len, trusted));
	assert_string_equal(trusted, "pack 0123 for 受取人");
}

static void another_message_or_key_is_refused(void **state)
{
	CLEANUP(sign_key_freep) struct sign_key *other = NULL;
	char trusted[MINISIG_COMMENT_MAX + 1];

	assert_err(verify(&text, "deadbeef  b file\n"), ERR_SENDER);
	assert_ok(sign_key_random(&other));
	assert_err(minisig_verify(sign_key_vkey(other), message, sizeof(message) - 1, text.data,
				  text.len, trusted),
		   ERR_SENDER);
}

/* The first line and the key ids may be anything; nothing else may. */
static void every_other_byte_of_it_counts(void **state)
{
	size_t start = strcspn(text.data, "\n") + 1;

	for (size_t i = start; i < text.len; i++) {
		CLEANUP(buf_clear) struct buf changed = {0};
		bool in_id = i >= start + 2 && i < start + 15;

		assert_ok(buf_append(&changed, text.data, text.len));
		changed.data[i] = changed.data[i] == 'A' ? 'B' : 'A';
		if (!in_id)
			assert_err(verify(&changed, message), ERR_SENDER);
	}
	for (size_t cut = 0; cut < text.len; cut++) {
		struct buf part = {.data = text.data, .len = cut};

		assert_err(verify(&part, message), ERR_SENDER);
	}
}

static void what_stands_behind_a_signature_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf longer = {0};

	assert_ok(buf_append(&longer, text.data, text.len));
	assert_ok(buf_puts(&longer, "\n"));
	assert_err(verify(&longer, message), ERR_SENDER);
}

static void a_comment_is_one_line(void **state)
{
	CLEANUP(buf_clear) struct buf out = {0};
	char *wide = calloc(1, MINISIG_COMMENT_MAX + 2);

	assert_non_null(wide);
	memset(wide, 'x', MINISIG_COMMENT_MAX + 1);
	assert_err(minisig_make(key, "m", 1, "two\nlines", &out), ERR_INVALID);
	assert_err(minisig_make(key, "m", 1, wide, &out), ERR_INVALID);
	assert_err(minisig_make(key, "m", 1, "\xff", &out), ERR_INVALID);
	free(wide);
}

static void a_public_key_survives_its_text(void **state)
{
	char public[MINISIG_PUBLIC_TEXT];
	uint8_t vkey[SIGN_VKEY_LEN];

	minisig_public(sign_key_vkey(key), public);
	assert_int_equal(strlen(public), MINISIG_PUBLIC_TEXT - 1);
	assert_ok(minisig_public_parse(public, vkey));
	assert_memory_equal(vkey, sign_key_vkey(key), sizeof(vkey));
	public[0] = 'Q';
	assert_err(minisig_public_parse(public, vkey), ERR_BAD_FORMAT);
	assert_err(minisig_public_parse("RW", vkey), ERR_BAD_FORMAT);
}

static void the_stock_program_accepts_it(void **state)
{
	char dir[] = "/tmp/vault-minisig-XXXXXX", path[64], sig[64], command[256];
	char public[MINISIG_PUBLIC_TEXT];

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/m", dir);
	snprintf(sig, sizeof(sig), "%s/m.minisig", dir);
	assert_ok(io_create_file(path, message, sizeof(message) - 1, 0600));
	assert_ok(io_create_file(sig, text.data, text.len, 0600));
	minisig_public(sign_key_vkey(key), public);
	snprintf(command, sizeof(command), "minisign -V -q -P %s -m %s", public, path);
	assert_int_equal(system(command), 0);
	assert_ok(io_replace_file(path, "other", 5, 0600));
	snprintf(command, sizeof(command), "minisign -V -q -P %s -m %s 2>/dev/null", public, path);
	assert_int_not_equal(system(command), 0);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signature_tells_who_and_the_comment),
		cmocka_unit_test(another_message_or_key_is_refused),
		cmocka_unit_test(every_other_byte_of_it_counts),
		cmocka_unit_test(what_stands_behind_a_signature_is_refused),
		cmocka_unit_test(a_comment_is_one_line),
		cmocka_unit_test(a_public_key_survives_its_text),
		cmocka_unit_test(the_stock_program_accepts_it),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

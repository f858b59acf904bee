#include "tests/crypto/hex.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "crypto/aead.h"
#include "crypto/hash.h"

/* What happens when libcrypto gets no memory. It takes its memory from here, and from the moment
 * that `left` is 0 there is none. */
static int left = -1;

static bool may_allocate(void)
{
	if (left > 0)
		left--;
	return left != 0;
}

static void *scarce_malloc(size_t size, const char *file, int line)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *scarce_realloc(void *old, size_t size, const char *file, int line)
{
	return may_allocate() ? realloc(old, size) : NULL;
}

static void plain_free(void *p, const char *file, int line)
{
	free(p);
}

/* A new thread has no contexts yet, so there they have to be allocated. */
static void in_new_thread(void *(*story)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, story, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void *hash_all(void *arg)
{
	uint8_t(*out)[SHA256_LEN] = arg;

	left = 0;
	sha256("abc", 3, out[0]);
	hmac_sha256("key", 3, "text", 4, out[1]);
	hkdf_sha256("ikm", 3, "salt", 4, "info", 4, out[2], SHA256_LEN);
	left = -1;
	return NULL;
}

static void hashes_are_right_without_any_memory(void **state)
{
	uint8_t want[3][SHA256_LEN], got[3][SHA256_LEN];

	sha256("abc", 3, want[0]);
	hmac_sha256("key", 3, "text", 4, want[1]);
	hkdf_sha256("ikm", 3, "salt", 4, "info", 4, want[2], SHA256_LEN);
	in_new_thread(hash_all, got);
	assert_memory_equal(got, want, sizeof(want));
}

static void stream_ends_rightly_without_any_memory(void **state)
{
	CLEANUP(sha256_stream_freep) struct sha256_stream *s = NULL;
	uint8_t want[SHA256_LEN], got[SHA256_LEN], again[SHA256_LEN];

	sha256("abc", 3, want);
	assert_ok(sha256_stream_new(&s));
	sha256_stream_add(s, "abc", 3);
	left = 0;
	sha256_stream_get(s, got);
	sha256_stream_get(s, again);
	left = -1;
	assert_memory_equal(got, want, sizeof(want));
	assert_memory_equal(again, want, sizeof(want));
}

struct sealing {
	struct xaes_key *key;
	uint8_t nonce[XAES_NONCE_LEN], sealed[8], tag[AEAD_TAG_LEN], out[8];
	int left;
	enum err seal_err, open_err;
};

static void *seal_and_open(void *arg)
{
	struct sealing *s = arg;
	uint8_t tag[AEAD_TAG_LEN], out[8];

	left = s->left;
	s->seal_err = xaes_seal(s->key, s->nonce, NULL, 0, "8 bytes", 8, out, tag);
	left = s->left;
	s->open_err = xaes_open(s->key, s->nonce, NULL, 0, s->sealed, 8, s->tag, s->out);
	left = -1;
	return NULL;
}

/* A reader that takes want of memory for a forgery would step back to an older state. */
static void want_of_memory_is_not_taken_for_a_forgery(void **state)
{
	struct sealing s = {.left = 0};
	const uint8_t key[AEAD_KEY_LEN] = {5};

	assert_ok(xaes_key_new(key, &s.key));
	assert_ok(xaes_seal(s.key, s.nonce, NULL, 0, "8 bytes", 8, s.sealed, s.tag));
	for (s.open_err = ERR_NOMEM; s.open_err != OK; s.left++) {
		memset(s.out, 0xaa, sizeof(s.out));
		in_new_thread(seal_and_open, &s);
		assert_true(s.seal_err == OK || s.seal_err == ERR_NOMEM);
		if (s.open_err == OK)
			break;
		assert_int_equal(s.open_err, ERR_NOMEM);
		assert_memory_equal(s.out, "\0\0\0\0\0\0\0", 8);
		assert_true(s.left < 100);
	}
	assert_memory_equal(s.out, "8 bytes", 8);
	assert_true(s.left > 3);
	xaes_key_free(s.key);
}

static void every_allocation_of_a_new_object_may_fail(void **state)
{
	const uint8_t key[AEAD_KEY_LEN] = {5};
	int failures = 0;

	for (int after = 0; after < 100; after++) {
		struct xaes_key *k = NULL;
		struct sha256_stream *s = NULL;
		enum err k_err, s_err;

		left = after;
		k_err = xaes_key_new(key, &k);
		left = after;
		s_err = sha256_stream_new(&s);
		left = -1;
		assert_true(k_err == (k ? OK : ERR_NOMEM));
		assert_true(s_err == (s ? OK : ERR_NOMEM));
		failures += !k + !s;
		xaes_key_free(k);
		sha256_stream_free(s);
	}
	assert_in_range(failures, 3, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_are_right_without_any_memory),
		cmocka_unit_test(stream_ends_rightly_without_any_memory),
		cmocka_unit_test(want_of_memory_is_not_taken_for_a_forgery),
		cmocka_unit_test(every_allocation_of_a_new_object_may_fail),
	};

	if (CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc, plain_free) != 1)
		return 1;
	return cmocka_run_group_tests_name("crypto/memory", tests, start_crypto, NULL);
}

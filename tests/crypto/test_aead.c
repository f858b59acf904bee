#include "tests/crypto/hex.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "crypto/random.h"

static struct xaes_key *key_of(uint8_t byte)
{
	struct xaes_key *k = NULL;
	uint8_t key[AEAD_KEY_LEN];

	memset(key, byte, sizeof(key));
	assert_ok(xaes_key_new(key, &k));
	return k;
}

static const uint8_t letters[XAES_NONCE_LEN + 1] = "ABCDEFGHIJKLMNOPQRSTUVWX";

/* C2SP XAES-256-GCM.md, Test vectors: one for each value of the first bit of L. */
static void xaes_matches_c2sp(void **state)
{
	static const struct {
		uint8_t key_byte;
		const char *aad;
		const char *sealed;
	} cases[] = {
		{0x01, "", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"},
		{0x03, "c2sp.org/XAES-256-GCM",
		 "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(cases[i].key_byte);
		uint8_t sealed[12 + AEAD_TAG_LEN], opened[12];

		assert_ok(xaes_seal(k, letters, cases[i].aad, strlen(cases[i].aad), "XAES-256-GCM",
				    12, sealed, sealed + 12));
		assert_hex(sealed, sizeof(sealed), cases[i].sealed);
		assert_ok(xaes_open(k, letters, cases[i].aad, strlen(cases[i].aad), sealed, 12,
				    sealed + 12, opened));
		assert_memory_equal(opened, "XAES-256-GCM", 12);
	}
}

static EVP_MD_CTX *shake_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_non_null(ctx);
	assert_int_equal(EVP_DigestInit_ex(ctx, EVP_shake128(), NULL), 1);
	return ctx;
}

static const uint8_t *take(const uint8_t **stream, size_t len)
{
	const uint8_t *here = *stream;

	*stream += len;
	return here;
}

/* Seals what the stream says, opens it again in place, and adds the ciphertext to the sum. */
static void seal_one_random_message(const uint8_t **stream, EVP_MD_CTX *sum)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = NULL;
	const uint8_t *key = take(stream, AEAD_KEY_LEN);
	const uint8_t *nonce = take(stream, XAES_NONCE_LEN);
	size_t len = *take(stream, 1);
	const uint8_t *plain = take(stream, len);
	size_t aad_len = *take(stream, 1);
	const uint8_t *aad = take(stream, aad_len);
	uint8_t sealed[255 + AEAD_TAG_LEN];

	assert_ok(xaes_key_new(key, &k));
	assert_ok(xaes_seal(k, nonce, aad, aad_len, plain, len, sealed, sealed + len));
	assert_int_equal(EVP_DigestUpdate(sum, sealed, len + AEAD_TAG_LEN), 1);
	assert_ok(xaes_open(k, nonce, aad, aad_len, sealed, len, sealed + len, sealed));
	assert_int_equal(memcmp(sealed, plain, len), 0);
}

/* C2SP XAES-256-GCM.md, Accumulated randomized tests, 10 000 iterations. */
static void xaes_matches_c2sp_on_ten_thousand_random_messages(void **state)
{
	const size_t stream_len = 10000 * (AEAD_KEY_LEN + XAES_NONCE_LEN + 2 * 256);
	uint8_t *bytes = malloc(stream_len), result[32];
	const uint8_t *stream = bytes;
	EVP_MD_CTX *source = shake_new(), *sum = shake_new();

	assert_non_null(bytes);
	assert_int_equal(EVP_DigestFinalXOF(source, bytes, stream_len), 1);
	assert_hex(bytes, 16, "7f9c2ba4e88f827d616045507605853e");
	for (int i = 0; i < 10000; i++)
		seal_one_random_message(&stream, sum);
	assert_int_equal(EVP_DigestFinalXOF(sum, result, sizeof(result)), 1);
	assert_hex(result, sizeof(result),
		   "e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939");
	EVP_MD_CTX_free(source);
	EVP_MD_CTX_free(sum);
	free(bytes);
}

/* One sealed message, as parts that a test may spoil. */
struct message {
	uint8_t nonce[XAES_NONCE_LEN];
	uint8_t aad[5];
	uint8_t sealed[33];
	uint8_t tag[AEAD_TAG_LEN];
};

static void message_seal(const struct xaes_key *k, struct message *m)
{
	uint8_t plain[sizeof(m->sealed)];

	memset(plain, 'p', sizeof(plain));
	random_bytes(m->nonce, sizeof(m->nonce));
	memcpy(m->aad, "where", 5);
	assert_ok(xaes_seal(k, m->nonce, m->aad, sizeof(m->aad), plain, sizeof(plain), m->sealed,
			    m->tag));
}

static enum err message_open(const struct xaes_key *k, const struct message *m,
			     uint8_t out[sizeof(m->sealed)])
{
	return xaes_open(k, m->nonce, m->aad, sizeof(m->aad), m->sealed, sizeof(m->sealed), m->tag,
			 out);
}

static void assert_wiped(const uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(out[i], 0);
}

static void every_flipped_bit_is_a_forgery_and_gives_nothing(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(7);
	struct message m;
	uint8_t out[sizeof(m.sealed)];

	message_seal(k, &m);
	for (size_t bit = 0; bit < 8 * sizeof(m); bit++) {
		memset(out, 0xaa, sizeof(out));
		((uint8_t *)&m)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(message_open(k, &m, out), ERR_FORGED);
		assert_wiped(out, sizeof(out));
		((uint8_t *)&m)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(message_open(k, &m, out));
}

static void another_key_and_another_length_are_forgeries(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(7);
	CLEANUP(xaes_key_freep) struct xaes_key *other = key_of(8);
	struct message m;
	uint8_t out[sizeof(m.sealed)];

	message_seal(k, &m);
	assert_err(message_open(other, &m, out), ERR_FORGED);
	assert_err(xaes_open(k, m.nonce, m.aad, 5, m.sealed, 32, m.tag, out), ERR_FORGED);
	assert_err(xaes_open(k, m.nonce, m.aad, 5, NULL, 0, m.tag, out), ERR_FORGED);
	assert_err(xaes_open(k, m.nonce, m.aad, 4, m.sealed, 33, m.tag, out), ERR_FORGED);
	assert_err(xaes_open(k, m.nonce, NULL, 0, m.sealed, 33, m.tag, out), ERR_FORGED);
	assert_ok(message_open(k, &m, out));
}

static void message_is_sealed_and_opened_in_place(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(7);
	uint8_t apart[4096], place[4096], tag[AEAD_TAG_LEN], tag_in_place[AEAD_TAG_LEN];

	memset(place, 's', sizeof(place));
	assert_ok(xaes_seal(k, letters, "a", 1, place, sizeof(place), apart, tag));
	assert_ok(xaes_seal(k, letters, "a", 1, place, sizeof(place), place, tag_in_place));
	assert_memory_equal(apart, place, sizeof(place));
	assert_memory_equal(tag, tag_in_place, sizeof(tag));
	assert_ok(xaes_open(k, letters, "a", 1, place, sizeof(place), tag, place));
	for (size_t i = 0; i < sizeof(place); i++)
		assert_int_equal(place[i], 's');
	place[0] ^= 1;
	assert_err(xaes_open(k, letters, "a", 1, place, sizeof(place), tag, place), ERR_FORGED);
	assert_wiped(place, sizeof(place));
}

static void nothing_is_sealed_too_and_its_tag_counts(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(7);
	uint8_t tag[AEAD_TAG_LEN], with_aad[AEAD_TAG_LEN];

	assert_ok(xaes_seal(k, letters, NULL, 0, NULL, 0, NULL, tag));
	assert_ok(xaes_seal(k, letters, "a", 1, NULL, 0, NULL, with_aad));
	assert_memory_not_equal(tag, with_aad, sizeof(tag));
	assert_ok(xaes_open(k, letters, NULL, 0, NULL, 0, tag, NULL));
	assert_err(xaes_open(k, letters, NULL, 0, NULL, 0, with_aad, NULL), ERR_FORGED);
	tag[15] ^= 1;
	assert_err(xaes_open(k, letters, NULL, 0, NULL, 0, tag, NULL), ERR_FORGED);
}

static void two_keys_in_turn_do_not_mix(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *a = key_of(1);
	CLEANUP(xaes_key_freep) struct xaes_key *b = key_of(2);
	struct message from_a, from_b;
	uint8_t out[sizeof(from_a.sealed)];

	message_seal(a, &from_a);
	message_seal(b, &from_b);
	for (int i = 0; i < 3; i++) {
		assert_ok(message_open(a, &from_a, out));
		assert_ok(message_open(b, &from_b, out));
		assert_err(message_open(a, &from_b, out), ERR_FORGED);
	}
}

struct worker {
	const struct xaes_key *key;
	uint8_t seed;
	int wrong;
};

/* Counts what comes back wrong, since cmocka's asserts belong to the main thread. */
static void *seal_and_open_often(void *arg)
{
	struct worker *w = arg;
	uint8_t plain[64], sealed[64], tag[AEAD_TAG_LEN], nonce[XAES_NONCE_LEN] = {w->seed};

	memset(plain, w->seed, sizeof(plain));
	for (int i = 0; i < 3000; i++) {
		memcpy(nonce + 4, &i, sizeof(i));
		w->wrong += xaes_seal(w->key, nonce, NULL, 0, plain, 64, sealed, tag) != OK;
		w->wrong += xaes_open(w->key, nonce, NULL, 0, sealed, 64, tag, sealed) != OK;
		w->wrong += memcmp(plain, sealed, 64) != 0;
	}
	return NULL;
}

static void many_threads_use_one_key_at_once(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(9);
	struct worker workers[4];
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		workers[i] = (struct worker){.key = k, .seed = (uint8_t)i};
		assert_int_equal(
			pthread_create(&threads[i], NULL, seal_and_open_often, &workers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(workers); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(workers[i].wrong, 0);
	}
}

/* Stands before that of libcrypto: once, in the moment when a key's own context is in use, another
 * message is opened with the same key. */
static _Thread_local const struct xaes_key *open_between;
static struct message between;
static enum err between_err = ERR_INTERNAL;

int EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_len,
		      const unsigned char *in, int in_len)
{
	int (*real)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);
	const struct xaes_key *k = open_between;
	uint8_t opened[sizeof(between.sealed)];

	*(void **)&real = dlsym(RTLD_NEXT, "EVP_EncryptUpdate");
	open_between = NULL;
	if (k)
		between_err = message_open(k, &between, opened);
	return real(ctx, out, out_len, in, in_len);
}

static void key_in_use_elsewhere_opens_all_the_same(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(9);
	CLEANUP(xaes_key_freep) struct xaes_key *other = key_of(10);
	struct message m;
	uint8_t out[sizeof(m.sealed)];

	message_seal(k, &m);
	for (int twice = 0; twice < 2; twice++) {
		message_seal(k, &between);
		open_between = k;
		assert_ok(message_open(k, &m, out));
		assert_int_equal(between_err, OK);

		message_seal(other, &between);
		open_between = k;
		assert_ok(message_open(k, &m, out));
		assert_int_equal(between_err, ERR_FORGED);
	}
}

static void child_of_fork_goes_on_with_the_key(void **state)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = key_of(9);
	struct worker w = {.key = k, .seed = 1};
	int status = -1;
	pid_t child;

	seal_and_open_often(&w);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		seal_and_open_often(&w);
		_exit(w.wrong == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* RFC 8439, 2.8.2, with its key, nonce and text. The ciphertext is the RFC's; the tag is not, since
 * the age envelope has no additional data, so it was computed for none by another library. */
static const char sunscreen[] = "Ladies and Gentlemen of the class of '99: If I could offer you "
				"only one tip for the future, sunscreen would be it.";
static const char sunscreen_sealed[] =
	"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
	"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
	"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
	"3ff4def08e4b7a9de576d26586cec64b6116";
static const char sunscreen_tag[] = "6a23a4681fd59456aea1d29f82477216";

static void chacha_matches_rfc_8439(void **state)
{
	HEX(key, "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
	HEX(nonce, "070000004041424344454647");
	size_t len = sizeof(sunscreen) - 1;
	uint8_t out[sizeof(sunscreen)], tag[AEAD_TAG_LEN];

	chacha_seal(key.data, nonce.data, sunscreen, len, out, tag);
	assert_hex(out, len, sunscreen_sealed);
	assert_hex(tag, sizeof(tag), sunscreen_tag);
	assert_ok(chacha_open(key.data, nonce.data, out, len, tag, out));
	assert_memory_equal(out, sunscreen, len);
}

static void chacha_flipped_bit_is_a_forgery_and_gives_nothing(void **state)
{
	struct {
		uint8_t key[AEAD_KEY_LEN], nonce[CHACHA_NONCE_LEN], sealed[20], tag[AEAD_TAG_LEN];
	} m = {{1}, {2}, {0}, {0}};
	uint8_t out[20];

	chacha_seal(m.key, m.nonce, "twenty bytes of text", 20, m.sealed, m.tag);
	for (size_t bit = 0; bit < 8 * sizeof(m); bit++) {
		memset(out, 0xaa, sizeof(out));
		((uint8_t *)&m)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_err(chacha_open(m.key, m.nonce, m.sealed, 20, m.tag, out), ERR_FORGED);
		assert_wiped(out, sizeof(out));
		((uint8_t *)&m)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_ok(chacha_open(m.key, m.nonce, m.sealed, 20, m.tag, out));
}

static void chacha_seals_nothing_too(void **state)
{
	uint8_t key[AEAD_KEY_LEN] = {3}, nonce[CHACHA_NONCE_LEN] = {4}, tag[AEAD_TAG_LEN];

	chacha_seal(key, nonce, NULL, 0, NULL, tag);
	assert_ok(chacha_open(key, nonce, NULL, 0, tag, NULL));
	tag[0] ^= 1;
	assert_err(chacha_open(key, nonce, NULL, 0, tag, NULL), ERR_FORGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xaes_matches_c2sp),
		cmocka_unit_test(xaes_matches_c2sp_on_ten_thousand_random_messages),
		cmocka_unit_test(every_flipped_bit_is_a_forgery_and_gives_nothing),
		cmocka_unit_test(another_key_and_another_length_are_forgeries),
		cmocka_unit_test(message_is_sealed_and_opened_in_place),
		cmocka_unit_test(nothing_is_sealed_too_and_its_tag_counts),
		cmocka_unit_test(two_keys_in_turn_do_not_mix),
		cmocka_unit_test(many_threads_use_one_key_at_once),
		cmocka_unit_test(key_in_use_elsewhere_opens_all_the_same),
		cmocka_unit_test(child_of_fork_goes_on_with_the_key),
		cmocka_unit_test(chacha_matches_rfc_8439),
		cmocka_unit_test(chacha_flipped_bit_is_a_forgery_and_gives_nothing),
		cmocka_unit_test(chacha_seals_nothing_too),
	};

	return cmocka_run_group_tests_name("crypto/aead", tests, start_crypto, NULL);
}

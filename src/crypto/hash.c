#include "crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "crypto/evp.h"

#define SHA256_BLOCK 64

/* One digest under way. libcrypto uses the processor's SHA instructions, which is four times
 * quicker; libsodium needs no memory, so that hashing works even when there is none. */
struct digest {
	EVP_MD_CTX *evp; /* this thread's, borrowed; NULL: `slow` is used */
	crypto_hash_sha256_state slow;
};

static void digest_begin(struct digest *d)
{
	struct evp_thread *here = evp_here();

	d->evp = here && EVP_DigestInit_ex2(here->digest, NULL, NULL) == 1 ? here->digest : NULL;
	if (!d->evp)
		crypto_hash_sha256_init(&d->slow);
}

static void digest_add(struct digest *d, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (!d->evp)
		crypto_hash_sha256_update(&d->slow, data, len);
	else if (EVP_DigestUpdate(d->evp, data, len) != 1)
		evp_impossible("EVP_DigestUpdate");
}

static void digest_end(struct digest *d, uint8_t out[SHA256_LEN])
{
	if (!d->evp)
		crypto_hash_sha256_final(&d->slow, out);
	else if (EVP_DigestFinal_ex(d->evp, out, NULL) != 1)
		evp_impossible("EVP_DigestFinal_ex");
}

/* The context keeps the last result, which may be a key: a new beginning writes over it. */
static void digest_forget(struct digest *d)
{
	if (!d->evp)
		sodium_memzero(&d->slow, sizeof(d->slow));
	else if (EVP_DigestInit_ex2(d->evp, NULL, NULL) != 1)
		evp_impossible("EVP_DigestInit_ex2");
}

void sha256(const void *data, size_t len, uint8_t out[SHA256_LEN])
{
	struct digest d;

	digest_begin(&d);
	digest_add(&d, data, len);
	digest_end(&d, out);
}

void sha256_2(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[SHA256_LEN])
{
	struct digest d;

	digest_begin(&d);
	digest_add(&d, a, a_len);
	digest_add(&d, b, b_len);
	digest_end(&d, out);
	digest_forget(&d);
}

struct sha256_stream {
	EVP_MD_CTX *ctx;
	EVP_MD_CTX *copy; /* where sha256_stream_get finishes, so that ctx can go on */
	bool ended;	  /* memory ran out in sha256_stream_get, so ctx itself was finished */
	uint8_t result[SHA256_LEN]; /* once ended */
};

enum err sha256_stream_new(struct sha256_stream **ret)
{
	CLEANUP(sha256_stream_freep) struct sha256_stream *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "a digest");
	s->ctx = evp_sha256_new();
	s->copy = EVP_MD_CTX_new();
	if (!s->ctx || !s->copy)
		return err_at(ERR_NOMEM, "a digest");
	*ret = TAKE(s);
	return OK;
}

void sha256_stream_add(struct sha256_stream *s, const void *data, size_t len)
{
	if (len == 0)
		return;
	if (s->ended || EVP_DigestUpdate(s->ctx, data, len) != 1)
		evp_impossible("EVP_DigestUpdate");
}

/* Copying a context allocates. Without memory the stream is finished in place: the result is right,
 * and only a later sha256_stream_add, which hardly anybody does, cannot be served. */
void sha256_stream_get(struct sha256_stream *s, uint8_t out[SHA256_LEN])
{
	EVP_MD_CTX *last = s->copy;

	if (s->ended) {
		memcpy(out, s->result, SHA256_LEN);
		return;
	}
	if (EVP_MD_CTX_copy_ex(s->copy, s->ctx) != 1) {
		s->ended = true;
		last = s->ctx;
	}
	if (EVP_DigestFinal_ex(last, s->result, NULL) != 1)
		evp_impossible("EVP_DigestFinal_ex");
	memcpy(out, s->result, SHA256_LEN);
}

void sha256_stream_free(struct sha256_stream *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	EVP_MD_CTX_free(s->copy);
	free(s);
}

/* The key of HMAC, brought to the length of a block (RFC 2104, section 2). */
static void hmac_block(const void *key, size_t key_len, uint8_t block[SHA256_BLOCK])
{
	memset(block, 0, SHA256_BLOCK);
	if (key_len > SHA256_BLOCK)
		sha256(key, key_len, block);
	else if (key_len > 0)
		memcpy(block, key, key_len);
}

static void block_xor(uint8_t block[SHA256_BLOCK], uint8_t with)
{
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		block[i] ^= with;
}

/* The HMAC of three pieces laid end to end. */
static void hmac_3(const void *key, size_t key_len, const void *a, size_t a_len, const void *b,
		   size_t b_len, const void *c, size_t c_len, uint8_t out[SHA256_LEN])
{
	uint8_t block[SHA256_BLOCK], inner[SHA256_LEN];
	struct digest d;

	hmac_block(key, key_len, block);
	block_xor(block, 0x36);
	digest_begin(&d);
	digest_add(&d, block, sizeof(block));
	digest_add(&d, a, a_len);
	digest_add(&d, b, b_len);
	digest_add(&d, c, c_len);
	digest_end(&d, inner);

	block_xor(block, 0x36 ^ 0x5c);
	digest_begin(&d);
	digest_add(&d, block, sizeof(block));
	digest_add(&d, inner, sizeof(inner));
	digest_end(&d, out);

	digest_forget(&d);
	mem_wipe(block, sizeof(block));
	mem_wipe(inner, sizeof(inner));
}

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		 uint8_t out[SHA256_LEN])
{
	hmac_3(key, key_len, data, len, NULL, 0, NULL, 0, out);
}

void hmac_sha256_2(const void *key, size_t key_len, const void *a, size_t a_len, const void *b,
		   size_t b_len, uint8_t out[SHA256_LEN])
{
	hmac_3(key, key_len, a, a_len, b, b_len, NULL, 0, out);
}

/* RFC 5869, 2.2. A missing salt stands for zeroes, which HMAC makes of an empty key by itself. */
void hkdf_sha256(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
		 const void *info, size_t info_len, void *out, size_t out_len)
{
	uint8_t prk[SHA256_LEN];

	hmac_sha256(salt, salt_len, ikm, ikm_len, prk);
	hkdf_sha256_expand(prk, info, info_len, out, out_len);
	mem_wipe(prk, sizeof(prk));
}

/* RFC 5869, 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
void hkdf_sha256_expand(const uint8_t prk[SHA256_LEN], const void *info, size_t info_len, void *out,
			size_t out_len)
{
	uint8_t t[SHA256_LEN];
	uint8_t *p = out;

	assert(out_len <= 255 * SHA256_LEN);
	for (uint8_t i = 1; out_len > 0; i++) {
		size_t part = MIN(out_len, sizeof(t));

		hmac_3(prk, SHA256_LEN, t, i == 1 ? 0 : sizeof(t), info, info_len, &i, 1, t);
		memcpy(p, t, part);
		p += part;
		out_len -= part;
	}
	mem_wipe(t, sizeof(t));
}

uint64_t siphash24(const uint8_t key[16], const void *data, size_t len)
{
	uint8_t out[crypto_shorthash_siphash24_BYTES];

	crypto_shorthash_siphash24(out, data, len, key);
	return load_u64(out);
}

/* SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869), SipHash-2-4. */
#pragma once
#include "crypto/secret.h"

#define SHA256_LEN 32

void sha256(const void *data, size_t len, uint8_t out[SHA256_LEN]);
/* Of two pieces laid end to end. */
void sha256_2(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t out[SHA256_LEN]);

struct sha256_stream; /* for data that comes in pieces */
MUST_CHECK enum err sha256_stream_new(struct sha256_stream **ret);
void sha256_stream_add(struct sha256_stream *s, const void *data, size_t len);
void sha256_stream_get(struct sha256_stream *s, uint8_t out[SHA256_LEN]); /* may go on afterwards */
void sha256_stream_free(struct sha256_stream *s);
DEFINE_FREEP(struct sha256_stream, sha256_stream_free)

void hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		 uint8_t out[SHA256_LEN]);
/* The HMAC of two pieces laid end to end. */
void hmac_sha256_2(const void *key, size_t key_len, const void *a, size_t a_len, const void *b,
		   size_t b_len, uint8_t out[SHA256_LEN]);

/* HKDF-SHA-256, whole and second half; out_len at most 255*32. */
void hkdf_sha256(const void *ikm, size_t ikm_len, const void *salt, size_t salt_len,
		 const void *info, size_t info_len, void *out, size_t out_len);
void hkdf_sha256_expand(const uint8_t prk[SHA256_LEN], const void *info, size_t info_len, void *out,
			size_t out_len);

/* 64-bit keyed hash for tables; not a MAC for people to rely on. */
uint64_t siphash24(const uint8_t key[16], const void *data, size_t len);

/* The two AEADs: XAES-256-GCM (C2SP XAES-256-GCM.md) for data at rest, ChaCha20-Poly1305 (RFC 8439)
 * for the age envelope, which prescribes it.
 *
 * Every failure to open is ERR_FORGED, whatever the cause; ERR_NOMEM alone is kept apart, since it
 * says nothing about the block. The tag is apart from the ciphertext, whose length equals the
 * plaintext's. `out` may equal `in`; otherwise they must not overlap. On failure to open `out` is
 * wiped. An xaes_key may be used by many threads at once. */
#pragma once
#include "crypto/secret.h"

#define AEAD_KEY_LEN 32
#define AEAD_TAG_LEN 16
#define XAES_NONCE_LEN 24
#define CHACHA_NONCE_LEN 12

struct xaes_key; /* holds the key and what is derived from it once, in guarded memory */
MUST_CHECK enum err xaes_key_new(const uint8_t key[AEAD_KEY_LEN], struct xaes_key **ret);
void xaes_key_free(struct xaes_key *k);
DEFINE_FREEP(struct xaes_key, xaes_key_free)

MUST_CHECK enum err xaes_seal(const struct xaes_key *k, const uint8_t nonce[XAES_NONCE_LEN],
			      const void *aad, size_t aad_len, const void *in, size_t len,
			      void *out, uint8_t tag[AEAD_TAG_LEN]);
MUST_CHECK enum err xaes_open(const struct xaes_key *k, const uint8_t nonce[XAES_NONCE_LEN],
			      const void *aad, size_t aad_len, const void *in, size_t len,
			      const uint8_t tag[AEAD_TAG_LEN], void *out);

void chacha_seal(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[CHACHA_NONCE_LEN],
		 const void *in, size_t len, void *out, uint8_t tag[AEAD_TAG_LEN]);
MUST_CHECK enum err chacha_open(const uint8_t key[AEAD_KEY_LEN],
				const uint8_t nonce[CHACHA_NONCE_LEN], const void *in, size_t len,
				const uint8_t tag[AEAD_TAG_LEN], void *out);

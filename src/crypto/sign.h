/* Ed25519 (RFC 8032). The private half is a 32-byte seed in guarded memory. */
#pragma once
#include <stdbool.h>
#include "crypto/secret.h"

#define SIGN_SEED_LEN 32
#define SIGN_VKEY_LEN 32
#define SIGN_LEN 64

struct sign_key;
MUST_CHECK enum err sign_key_new(const uint8_t seed[SIGN_SEED_LEN], struct sign_key **ret);
MUST_CHECK enum err sign_key_random(struct sign_key **ret);
void sign_key_free(struct sign_key *k);
DEFINE_FREEP(struct sign_key, sign_key_free)
const uint8_t *sign_key_vkey(const struct sign_key *k); /* borrowed, SIGN_VKEY_LEN bytes */
const uint8_t *sign_key_seed(const struct sign_key *k); /* borrowed secret, SIGN_SEED_LEN bytes */

void sign_make(const struct sign_key *k, const void *msg, size_t len, uint8_t sig[SIGN_LEN]);
bool sign_verify(const uint8_t vkey[SIGN_VKEY_LEN], const void *msg, size_t len,
		 const uint8_t sig[SIGN_LEN]);

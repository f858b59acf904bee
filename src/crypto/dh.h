/* X25519 (RFC 7748). A result of all zeroes (a low-order point) is refused with ERR_INVALID. */
#pragma once
#include "crypto/secret.h"

#define X25519_LEN 32

void x25519_public(const uint8_t secret[X25519_LEN], uint8_t out[X25519_LEN]);
MUST_CHECK enum err x25519_shared(const uint8_t secret[X25519_LEN], const uint8_t peer[X25519_LEN],
				  uint8_t out[X25519_LEN]);

/* The X25519 pair that belongs to an Ed25519 pair, by the map between the two curves (RFC 7748, 4.1).
 * ERR_INVALID for a key that is no point of the large subgroup; the secret half is the seed. */
#define ED25519_LEN 32
MUST_CHECK enum err x25519_from_ed25519(const uint8_t vkey[ED25519_LEN], uint8_t out[X25519_LEN]);
void x25519_from_ed25519_seed(const uint8_t seed[ED25519_LEN], uint8_t out[X25519_LEN]);

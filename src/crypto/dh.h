/* X25519 (RFC 7748). A result of all zeroes (a low-order point) is refused with ERR_INVALID. */
#pragma once
#include "crypto/secret.h"

#define X25519_LEN 32

void x25519_public(const uint8_t secret[X25519_LEN], uint8_t out[X25519_LEN]);
MUST_CHECK enum err x25519_shared(const uint8_t secret[X25519_LEN], const uint8_t peer[X25519_LEN],
				  uint8_t out[X25519_LEN]);

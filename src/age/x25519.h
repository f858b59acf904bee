/* What both ends of an X25519 stanza compute. For this module only.
 * Bytes: age.md, "X25519 recipient stanza". */
#pragma once
#include "age/wrap.h"
#include "crypto/dh.h"

#define X25519_STANZA "X25519"

/* The wrap key from one's own secret and the peer's point. ERR_INVALID when the peer's point is of
 * low order. */
MUST_CHECK enum err x25519_wrap_key(const uint8_t secret[X25519_LEN],
				    const uint8_t peer[X25519_LEN], const uint8_t share[X25519_LEN],
				    const uint8_t recipient[X25519_LEN], struct wrap_key *ret);

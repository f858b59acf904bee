#include "age/x25519.h"

#include <string.h>
#include "crypto/hash.h"

#define INFO "age-encryption.org/v1/X25519"

enum err x25519_wrap_key(const uint8_t secret[X25519_LEN], const uint8_t peer[X25519_LEN],
			 const uint8_t share[X25519_LEN], const uint8_t recipient[X25519_LEN],
			 struct wrap_key *ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key shared = {0};
	uint8_t salt[2 * X25519_LEN];

	_Static_assert(sizeof(shared.bytes) == X25519_LEN, "a shared secret fits a key");
	TRY(x25519_shared(secret, peer, shared.bytes));
	memcpy(salt, share, X25519_LEN);
	memcpy(salt + X25519_LEN, recipient, X25519_LEN);
	hkdf_sha256(shared.bytes, X25519_LEN, salt, sizeof(salt), INFO, sizeof(INFO) - 1,
		    ret->bytes, sizeof(ret->bytes));
	return OK;
}

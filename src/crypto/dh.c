#include "crypto/dh.h"

#include <sodium.h>
#include <string.h>

void x25519_public(const uint8_t secret[X25519_LEN], uint8_t out[X25519_LEN])
{
	crypto_scalarmult_base(out, secret);
}

enum err x25519_shared(const uint8_t secret[X25519_LEN], const uint8_t peer[X25519_LEN],
		       uint8_t out[X25519_LEN])
{
	uint8_t shared[X25519_LEN];

	if (crypto_scalarmult(shared, secret, peer) != 0) {
		mem_wipe(shared, sizeof(shared));
		return err_at(ERR_INVALID, "the X25519 point is of low order");
	}
	memcpy(out, shared, X25519_LEN);
	mem_wipe(shared, sizeof(shared));
	return OK;
}

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

enum err x25519_from_ed25519(const uint8_t vkey[ED25519_LEN], uint8_t out[X25519_LEN])
{
	uint8_t point[X25519_LEN];

	if (crypto_sign_ed25519_pk_to_curve25519(point, vkey) != 0)
		return err_at(ERR_INVALID, "the Ed25519 key is no good point");
	memcpy(out, point, X25519_LEN);
	return OK;
}

void x25519_from_ed25519_seed(const uint8_t seed[ED25519_LEN], uint8_t out[X25519_LEN])
{
	uint8_t pair[crypto_sign_ed25519_SECRETKEYBYTES], vkey[crypto_sign_ed25519_PUBLICKEYBYTES];

	crypto_sign_ed25519_seed_keypair(vkey, pair, seed);
	crypto_sign_ed25519_sk_to_curve25519(out, pair);
	mem_wipe(pair, sizeof(pair));
}

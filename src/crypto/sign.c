#include "crypto/sign.h"

#include <sodium.h>

#include "crypto/random.h"

/* libsodium's form of a private key, which is the seed with the public key behind it. */
struct sign_key {
	uint8_t seed_and_vkey[SIGN_SEED_LEN + SIGN_VKEY_LEN];
};

enum err sign_key_new(const uint8_t seed[SIGN_SEED_LEN], struct sign_key **ret)
{
	struct sign_key *k = sodium_malloc(sizeof(*k));
	uint8_t vkey[SIGN_VKEY_LEN];

	if (!k)
		return err_at(ERR_NOMEM, "a signing key");
	crypto_sign_seed_keypair(vkey, k->seed_and_vkey, seed);
	*ret = k;
	return OK;
}

enum err sign_key_random(struct sign_key **ret)
{
	uint8_t seed[SIGN_SEED_LEN];
	enum err err;

	random_bytes(seed, sizeof(seed));
	err = sign_key_new(seed, ret);
	mem_wipe(seed, sizeof(seed));
	return err;
}

void sign_key_free(struct sign_key *k)
{
	sodium_free(k); /* wipes; NULL is welcome there too */
}

const uint8_t *sign_key_vkey(const struct sign_key *k)
{
	return k->seed_and_vkey + SIGN_SEED_LEN;
}

const uint8_t *sign_key_seed(const struct sign_key *k)
{
	return k->seed_and_vkey;
}

void sign_make(const struct sign_key *k, const void *msg, size_t len, uint8_t sig[SIGN_LEN])
{
	crypto_sign_detached(sig, NULL, msg, len, k->seed_and_vkey);
}

bool sign_verify(const uint8_t vkey[SIGN_VKEY_LEN], const void *msg, size_t len,
		 const uint8_t sig[SIGN_LEN])
{
	return crypto_sign_verify_detached(sig, msg, len, vkey) == 0;
}

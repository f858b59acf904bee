#include "crypto/aead.h"

#include <sodium.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <string.h>

#include "crypto/evp.h"

#define AES_BLOCK 16
#define XAES_HALF 12		    /* half a nonce: one picks the subkey, one is GCM's */
#define PIECE_MAX ((size_t)1 << 30) /* libcrypto counts bytes in an int */

/* The idle context spares every message an AES key schedule. Whoever needs it takes it out and puts
 * it back; who finds none uses the thread's own. That way no thread waits for another one, and a
 * child of fork does not wait for a thread that it has not got.
 *
 * Leftover copy: the key schedule in the idle context lies on the plain heap, where libcrypto puts
 * it; it is wiped with the context by xaes_key_free. */
struct xaes_key {
	alignas(AES_BLOCK) uint8_t key[AEAD_KEY_LEN];
	uint8_t k1[AES_BLOCK];
	_Atomic(EVP_CIPHER_CTX *) idle; /* keyed with `key`; NULL while it is in use */
};

static bool aes_set_key(EVP_CIPHER_CTX *aes, const uint8_t key[AEAD_KEY_LEN])
{
	return EVP_EncryptInit_ex2(aes, NULL, key, NULL, NULL) == 1;
}

static bool aes_blocks(EVP_CIPHER_CTX *aes, const uint8_t *in, size_t count, uint8_t *out)
{
	int done = 0, len = (int)(count * AES_BLOCK);

	return EVP_EncryptUpdate(aes, out, &done, in, len) == 1 && done == len;
}

/* Steps 1 and 2 of the C2SP text: L = AES(0), K1 = L doubled in GF(2^128), in constant time. */
static bool xaes_make_k1(EVP_CIPHER_CTX *aes, uint8_t k1[AES_BLOCK])
{
	uint8_t l[AES_BLOCK] = {0};
	bool good = aes_blocks(aes, l, 1, l);

	for (size_t i = 0; i + 1 < AES_BLOCK; i++)
		k1[i] = (uint8_t)(l[i] << 1 | l[i + 1] >> 7);
	k1[AES_BLOCK - 1] = (uint8_t)(l[AES_BLOCK - 1] << 1 ^ (0x87 & -(l[0] >> 7)));
	mem_wipe(l, sizeof(l));
	return good;
}

enum err xaes_key_new(const uint8_t key[AEAD_KEY_LEN], struct xaes_key **ret)
{
	CLEANUP(xaes_key_freep) struct xaes_key *k = sodium_malloc(sizeof(*k));
	EVP_CIPHER_CTX *aes;

	if (!k)
		return err_at(ERR_NOMEM, "a sealing key");
	aes = evp_aes_new();
	atomic_init(&k->idle, aes);
	memcpy(k->key, key, AEAD_KEY_LEN);
	if (!aes || !aes_set_key(aes, key) || !xaes_make_k1(aes, k->k1))
		return err_at(ERR_NOMEM, "a sealing key");
	*ret = TAKE(k);
	return OK;
}

void xaes_key_free(struct xaes_key *k)
{
	if (!k)
		return;
	EVP_CIPHER_CTX_free(atomic_load(&k->idle));
	sodium_free(k); /* wipes */
}

/* Uses the thread's own context, and leaves a key of zeroes in it instead of ours. */
static bool aes_blocks_aside(const struct xaes_key *k, EVP_CIPHER_CTX *aes, const uint8_t *in,
			     size_t count, uint8_t *out)
{
	static const uint8_t zeroes[AEAD_KEY_LEN];
	bool good = aes_set_key(aes, k->key) && aes_blocks(aes, in, count, out);

	return aes_set_key(aes, zeroes) && good;
}

/* Steps 3 to 5: Kx = AES(M1 ^ K1) || AES(M2 ^ K1), M1 and M2 holding the nonce's first half. */
static bool xaes_subkey(const struct xaes_key *k, EVP_CIPHER_CTX *spare,
			const uint8_t nonce[XAES_NONCE_LEN], uint8_t subkey[AEAD_KEY_LEN])
{
	_Atomic(EVP_CIPHER_CTX *) *idle = (_Atomic(EVP_CIPHER_CTX *) *)&k->idle;
	EVP_CIPHER_CTX *aes = atomic_exchange_explicit(idle, NULL, memory_order_acquire);
	uint8_t m[2 * AES_BLOCK] = {[1] = 1, [2] = 'X', [17] = 2, [18] = 'X'};
	bool good;

	memcpy(m + 4, nonce, XAES_HALF);
	memcpy(m + AES_BLOCK + 4, nonce, XAES_HALF);
	for (size_t i = 0; i < sizeof(m); i++)
		m[i] ^= k->k1[i % AES_BLOCK];
	good = aes ? aes_blocks(aes, m, 2, subkey) : aes_blocks_aside(k, spare, m, 2, subkey);
	if (aes)
		atomic_store_explicit(idle, aes, memory_order_release);
	mem_wipe(m, sizeof(m));
	return good;
}

/* `out` NULL: the bytes are only authenticated. */
static bool pieces_add(EVP_CIPHER_CTX *ctx, const uint8_t *in, size_t len, uint8_t *out)
{
	while (len > 0) {
		int done, piece = (int)MIN(len, PIECE_MAX);

		if (EVP_CipherUpdate(ctx, out, &done, in, piece) != 1)
			return false;
		in += piece;
		out = out ? out + piece : NULL;
		len -= (size_t)piece;
	}
	return true;
}

static bool gcm_begin(const struct xaes_key *k, struct evp_thread *here,
		      const uint8_t nonce[XAES_NONCE_LEN], int encrypt)
{
	uint8_t subkey[AEAD_KEY_LEN];
	bool good =
		xaes_subkey(k, here->aes, nonce, subkey) &&
		EVP_CipherInit_ex2(here->gcm, NULL, subkey, nonce + XAES_HALF, encrypt, NULL) == 1;

	mem_wipe(subkey, sizeof(subkey));
	return good;
}

/* Leftover copy: the subkey stays in the thread's context until the next message or the thread's
 * end. It opens the one message whose nonce it was made from, and neither leads back to the key nor
 * to another message; clearing it would cost as much as deriving it. */
static bool gcm_seal(const struct xaes_key *k, struct evp_thread *here,
		     const uint8_t nonce[XAES_NONCE_LEN], const void *aad, size_t aad_len,
		     const void *in, size_t len, void *out, uint8_t tag[AEAD_TAG_LEN])
{
	uint8_t rest[AES_BLOCK];
	int done;

	return gcm_begin(k, here, nonce, 1) && pieces_add(here->gcm, aad, aad_len, NULL) &&
	       pieces_add(here->gcm, in, len, out) &&
	       EVP_CipherFinal_ex(here->gcm, rest, &done) == 1 &&
	       EVP_CIPHER_CTX_ctrl(here->gcm, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, tag) == 1;
}

/* The tag is compared by libcrypto, in constant time. The leftover copy is as in gcm_seal. */
static bool gcm_open(const struct xaes_key *k, struct evp_thread *here,
		     const uint8_t nonce[XAES_NONCE_LEN], const void *aad, size_t aad_len,
		     const void *in, size_t len, const uint8_t tag[AEAD_TAG_LEN], void *out)
{
	uint8_t want[AEAD_TAG_LEN], rest[AES_BLOCK];
	int done;

	memcpy(want, tag, sizeof(want));
	return gcm_begin(k, here, nonce, 0) &&
	       EVP_CIPHER_CTX_ctrl(here->gcm, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, want) == 1 &&
	       pieces_add(here->gcm, aad, aad_len, NULL) && pieces_add(here->gcm, in, len, out) &&
	       EVP_CipherFinal_ex(here->gcm, rest, &done) == 1;
}

enum err xaes_seal(const struct xaes_key *k, const uint8_t nonce[XAES_NONCE_LEN], const void *aad,
		   size_t aad_len, const void *in, size_t len, void *out, uint8_t tag[AEAD_TAG_LEN])
{
	struct evp_thread *here = evp_here();

	if (!here)
		return err_at(ERR_NOMEM, "sealing a block");
	if (!gcm_seal(k, here, nonce, aad, aad_len, in, len, out, tag))
		return err_at(ERR_INTERNAL, "sealing a block of %zu bytes", len);
	return OK;
}

enum err xaes_open(const struct xaes_key *k, const uint8_t nonce[XAES_NONCE_LEN], const void *aad,
		   size_t aad_len, const void *in, size_t len, const uint8_t tag[AEAD_TAG_LEN],
		   void *out)
{
	struct evp_thread *here = evp_here();

	if (here && gcm_open(k, here, nonce, aad, aad_len, in, len, tag, out))
		return OK;
	mem_wipe(out, len);
	return here ? ERR_FORGED : err_at(ERR_NOMEM, "opening a block");
}

/* ---- ChaCha20-Poly1305 ---- */

/* libcrypto's is more than twice as quick as libsodium's, which needs no memory and so stands in
 * when a thread gets no contexts. */

/* libsodium wants a pointer even for no bytes at all. */
static const uint8_t no_input[1];

static bool chacha_begin(EVP_CIPHER_CTX *ctx, const uint8_t key[AEAD_KEY_LEN],
			 const uint8_t nonce[CHACHA_NONCE_LEN], int encrypt)
{
	return EVP_CipherInit_ex2(ctx, NULL, key, nonce, encrypt, NULL) == 1;
}

/* Leaves a key of zeroes in the thread's context instead of ours. Leftover copy: what Poly1305 made
 * of the nonce stays until the next message; it leads to no other message and not to the key. */
static void chacha_forget(EVP_CIPHER_CTX *ctx)
{
	static const uint8_t zeroes[AEAD_KEY_LEN];

	if (!chacha_begin(ctx, zeroes, zeroes, 1))
		evp_impossible("EVP_CipherInit_ex2");
}

static bool chacha_seal_quickly(EVP_CIPHER_CTX *ctx, const uint8_t key[AEAD_KEY_LEN],
				const uint8_t nonce[CHACHA_NONCE_LEN], const void *in, size_t len,
				void *out, uint8_t tag[AEAD_TAG_LEN])
{
	uint8_t rest[AES_BLOCK];
	int done;

	return chacha_begin(ctx, key, nonce, 1) && pieces_add(ctx, in, len, out) &&
	       EVP_CipherFinal_ex(ctx, rest, &done) == 1 &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, tag) == 1;
}

void chacha_seal(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[CHACHA_NONCE_LEN],
		 const void *in, size_t len, void *out, uint8_t tag[AEAD_TAG_LEN])
{
	struct evp_thread *here = evp_here();
	uint8_t no_output[1];

	if (!here) {
		crypto_aead_chacha20poly1305_ietf_encrypt_detached(len > 0 ? out : no_output, tag,
								   NULL, len > 0 ? in : no_input,
								   len, NULL, 0, NULL, nonce, key);
		return;
	}
	if (!chacha_seal_quickly(here->chacha, key, nonce, in, len, out, tag))
		evp_impossible("sealing with ChaCha20-Poly1305");
	chacha_forget(here->chacha);
}

/* The tag is compared by libcrypto, in constant time. */
static bool chacha_open_quickly(EVP_CIPHER_CTX *ctx, const uint8_t key[AEAD_KEY_LEN],
				const uint8_t nonce[CHACHA_NONCE_LEN], const void *in, size_t len,
				const uint8_t tag[AEAD_TAG_LEN], void *out)
{
	uint8_t want[AEAD_TAG_LEN], rest[AES_BLOCK];
	int done;

	memcpy(want, tag, sizeof(want));
	return chacha_begin(ctx, key, nonce, 0) &&
	       EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, want) == 1 &&
	       pieces_add(ctx, in, len, out) && EVP_CipherFinal_ex(ctx, rest, &done) == 1;
}

enum err chacha_open(const uint8_t key[AEAD_KEY_LEN], const uint8_t nonce[CHACHA_NONCE_LEN],
		     const void *in, size_t len, const uint8_t tag[AEAD_TAG_LEN], void *out)
{
	struct evp_thread *here = evp_here();
	uint8_t no_output[1];
	bool good;

	if (here) {
		good = chacha_open_quickly(here->chacha, key, nonce, in, len, tag, out);
		chacha_forget(here->chacha);
	} else {
		good = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
			       len > 0 ? out : no_output, NULL, len > 0 ? in : no_input, len, tag,
			       NULL, 0, nonce, key) == 0;
	}
	if (!good)
		mem_wipe(out, len);
	return good ? OK : ERR_FORGED;
}

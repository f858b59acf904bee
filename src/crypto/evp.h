/* What this module keeps of libcrypto; for src/crypto only.
 *
 * Looking an algorithm up and allocating a context cost more than sealing a small block, so the
 * algorithms are fetched once a process and every thread keeps one context of each kind. A context
 * belongs to its thread from one call of this module to its end, never across two; it is wiped and
 * freed by libcrypto when the thread ends. What a call leaves in it is said where the call is. */
#pragma once
#include <openssl/evp.h>
#include "crypto/secret.h"

struct evp_thread {
	EVP_CIPHER_CTX *gcm;	/* set up for AES-256-GCM, without a key */
	EVP_CIPHER_CTX *aes;	/* set up for single blocks of AES-256, without a key */
	EVP_CIPHER_CTX *chacha; /* set up for ChaCha20-Poly1305, without a key */
	EVP_MD_CTX *digest;	/* set up for SHA-256 */
};

/* Once a process, by crypto_init(). */
MUST_CHECK enum err evp_init(void);
/* The contexts of this thread; NULL when they cannot be allocated. */
struct evp_thread *evp_here(void);
/* A context for single blocks of AES-256 (no mode, no padding), owned by the caller; NULL when out
 * of memory. */
EVP_CIPHER_CTX *evp_aes_new(void);
/* A context set up for SHA-256, owned by the caller; NULL when out of memory. */
EVP_MD_CTX *evp_sha256_new(void);
/* Ends the process: libcrypto refused a step that cannot fail with the arguments it got, and to go
 * on would mean to hand out a wrong digest. */
_Noreturn void evp_impossible(const char *step);

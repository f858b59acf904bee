#include "crypto/evp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static EVP_CIPHER *aes_256_gcm;
static EVP_CIPHER *aes_256_block;
static EVP_CIPHER *chacha20_poly1305;
static EVP_MD *sha_256;
static pthread_key_t thread_end;
static bool thread_end_made;

/* The pthread key only brings the destructor; the pointer itself is quicker to reach like this. */
static _Thread_local struct evp_thread *mine;

static void evp_thread_free(void *p)
{
	struct evp_thread *t = p;

	mine = NULL;
	if (!t)
		return;
	EVP_CIPHER_CTX_free(t->gcm);
	EVP_CIPHER_CTX_free(t->aes);
	EVP_CIPHER_CTX_free(t->chacha);
	EVP_MD_CTX_free(t->digest);
	free(t);
}

enum err evp_init(void)
{
	if (!aes_256_gcm)
		aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	if (!aes_256_block)
		aes_256_block = EVP_CIPHER_fetch(NULL, "AES-256-ECB", NULL);
	if (!chacha20_poly1305)
		chacha20_poly1305 = EVP_CIPHER_fetch(NULL, "ChaCha20-Poly1305", NULL);
	if (!sha_256)
		sha_256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!aes_256_gcm || !aes_256_block || !chacha20_poly1305 || !sha_256)
		return err_at(ERR_SYSTEM,
			      "libcrypto offers no AES-256-GCM, ChaCha20-Poly1305 or SHA-256");
	if (!thread_end_made && pthread_key_create(&thread_end, evp_thread_free) != 0)
		return err_at(ERR_SYSTEM, "no thread-specific data left");
	thread_end_made = true;
	return OK;
}

static EVP_CIPHER_CTX *cipher_new(const EVP_CIPHER *cipher)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_EncryptInit_ex2(ctx, cipher, NULL, NULL, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

EVP_CIPHER_CTX *evp_aes_new(void)
{
	return cipher_new(aes_256_block);
}

EVP_MD_CTX *evp_sha256_new(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (ctx && EVP_DigestInit_ex2(ctx, sha_256, NULL) == 1)
		return ctx;
	EVP_MD_CTX_free(ctx);
	return NULL;
}

struct evp_thread *evp_here(void)
{
	struct evp_thread *t;

	if (mine)
		return mine;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->gcm = cipher_new(aes_256_gcm);
	t->aes = evp_aes_new();
	t->chacha = cipher_new(chacha20_poly1305);
	t->digest = evp_sha256_new();
	if (!t->gcm || !t->aes || !t->chacha || !t->digest ||
	    pthread_setspecific(thread_end, t) != 0) {
		evp_thread_free(t);
		return NULL;
	}
	mine = t;
	return t;
}

void evp_impossible(const char *step)
{
	fprintf(stderr, "libcrypto failed unexpectedly: %s\n", step);
	abort();
}

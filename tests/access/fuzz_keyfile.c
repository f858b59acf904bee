/* The payload of a KEY file: as it is, and once more signed by a key of our own, which the payload
 * names, so that mutations get past the signature. */
#include <stdlib.h>
#include <string.h>
#include "access/keyfile_format.h"
#include "base/cursor.h"
#include "crypto/labels.h"

#define SIGNER_AT 96u
#define HEADER "age-encryption.org/v1\n"
#define HEADER_LEN (sizeof(HEADER) - 1)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Guarded memory, which the leak checker cannot look through, lives to the end. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

static enum err try(const uint8_t *payload, size_t len)
{
	struct keyfile k = { 0 };
	enum err err = keyfile_decode(HEADER, HEADER_LEN, payload, len, &k);

	if (err == OK && (k.epoch == 0 || k.recipient_count == 0 ||
			  k.recipient_count > KEYFILE_RECIPIENTS_MAX ||
			  len != KEYFILE_FIELDS_LEN(k.recipient_count) + SIGN_LEN))
		abort();
	keyfile_clear(&k);
	return err;
}

static void sign_payload(const struct sign_key *key, uint8_t *payload, size_t len)
{
	uint8_t text[sizeof(LABEL_SIG_KEYFILE) + SHA256_LEN + KEYFILE_PAYLOAD_MAX];
	struct writer w = writer_make(text, sizeof(text));
	uint8_t sum[SHA256_LEN];

	sha256(HEADER, HEADER_LEN, sum);
	memcpy(payload + SIGNER_AT, sign_key_vkey(key), SIGN_VKEY_LEN);
	write_bytes(&w, LABEL_SIG_KEYFILE, sizeof(LABEL_SIG_KEYFILE));
	write_bytes(&w, sum, sizeof(sum));
	write_bytes(&w, payload, len - SIGN_LEN);
	sign_make(key, text, sizeof(text) - w.left, payload + len - SIGN_LEN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[SIGN_SEED_LEN] = "seed of the fuzzer's signing key";
	static struct sign_key *key;
	uint8_t *payload;

	if (!key && (crypto_init() != OK || sign_key_new(seed, &key) != OK))
		abort();
	(void)!try(data, size);
	if (size < SIGNER_AT + SIGN_VKEY_LEN + SIGN_LEN || size > KEYFILE_PAYLOAD_MAX)
		return 0;
	payload = malloc(size);
	if (!payload)
		abort();
	memcpy(payload, data, size);
	sign_payload(key, payload, size);
	(void)!try(payload, size);
	free(payload);
	return 0;
}

#include "age/wrap.h"

/* age.md fixes the nonce at zero. That is safe because every wrap key is derived from a fresh
 * ephemeral share or salt and seals one file key. */
static const uint8_t zero_nonce[CHACHA_NONCE_LEN];

void wrap_key_wipe(struct wrap_key *k)
{
	mem_wipe(k, sizeof(*k));
}

enum err wrap_seal(const struct wrap_key *k, const struct secret *file_key,
		   uint8_t body[WRAP_BODY_LEN])
{
	if (secret_len(file_key) != AGE_FILE_KEY_LEN)
		return err_at(ERR_INVALID, "file key of %zu bytes", secret_len(file_key));
	chacha_seal(k->bytes, zero_nonce, secret_data(file_key), AGE_FILE_KEY_LEN, body,
		    body + AGE_FILE_KEY_LEN);
	return OK;
}

enum err wrap_open(const struct wrap_key *k, const uint8_t body[WRAP_BODY_LEN], struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *file_key = NULL;

	TRY(secret_new(AGE_FILE_KEY_LEN, &file_key));
	TRY(chacha_open(k->bytes, zero_nonce, body, AGE_FILE_KEY_LEN, body + AGE_FILE_KEY_LEN,
			secret_edit(file_key)));
	*ret = TAKE(file_key);
	return OK;
}

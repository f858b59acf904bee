#include "tests/org/sign_text.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "crypto/labels.h"

void sign_text(const struct sign_key *key, const char *body, size_t len, struct buf *out)
{
	struct buf message = { 0 };
	uint8_t sig[SIGN_LEN];
	char base64[96];

	if (buf_append(&message, LABEL_SIG_REGISTER, sizeof(LABEL_SIG_REGISTER)) != OK ||
	    buf_append(&message, body, len) != OK)
		abort();
	sign_make(key, message.data, message.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	if (buf_append(out, body, len) != OK || buf_printf(out, "sig %s\n", base64) != OK)
		abort();
	buf_clear(&message);
}

struct sign_key *key_named(const char *word)
{
	uint8_t seed[SIGN_SEED_LEN] = { 0 };
	struct sign_key *key;

	memcpy(seed, word, strnlen(word, sizeof(seed)));
	if (crypto_init() != OK || sign_key_new(seed, &key) != OK)
		abort();
	return key;
}

/* Any bytes as a signature of a known message, and as a public key. Only what this key signed may
 * be taken; the seeds are such signatures, and whatever else is taken shows a forgery. */
#include "tests/fuzz.h"
#include "pack/minisig.h"

#define MESSAGE "0 .vault-pack/HEAD.json\n"

const unsigned fuzz_cost = 8;

static struct sign_key *key(void)
{
	static const uint8_t seed[SIGN_SEED_LEN] = "a seed that everybody may know";
	static struct sign_key *k;

	if (!k)
		MUST(crypto_init() == OK && sign_key_new(seed, &k) == OK);
	return k;
}

/* Ed25519 as we make it has one signature of a message; only the comments around it differ. */
static void must_be_ours(const char *text, size_t len, const char *trusted)
{
	CLEANUP(buf_clear) struct buf ours = {0};
	const char *line = memchr(text, '\n', len), *own;
	const size_t packet = 16; /* kind and key id, which are not signed, are within these */

	MUST(minisig_make(key(), MESSAGE, strlen(MESSAGE), trusted, &ours) == OK);
	own = memchr(ours.data, '\n', ours.len);
	MUST(line && own);
	len -= (size_t)(line - text) + packet;
	MUST(len == ours.len - (size_t)(own - ours.data) - packet);
	MUST(memcmp(line + packet, own + packet, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *vkey = sign_key_vkey(key());
	char trusted[MINISIG_COMMENT_MAX + 1], *text, public[MINISIG_PUBLIC_TEXT];
	uint8_t read[SIGN_VKEY_LEN];

	if (minisig_verify(vkey, MESSAGE, strlen(MESSAGE), (const char *)data, size, trusted) == OK)
		must_be_ours((const char *)data, size, trusted);
	text = strndup((const char *)data, size);
	MUST(text);
	if (minisig_public_parse(text, read) == OK) {
		minisig_public(read, public);
		MUST(strlen(text) == strlen(public));
	}
	free(text);
	return 0;
}

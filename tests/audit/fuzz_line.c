/* A line of the host log: any bytes; and any bytes with a good signature behind them, which then must
 * verify when they parse, and under no other key. */
#include "tests/fuzz.h"
#include "audit/record.h"
#include "base/text.h"
#include "crypto/labels.h"

const unsigned fuzz_cost = 5;

static struct sign_key *key_from(const char *text)
{
	uint8_t seed[SIGN_SEED_LEN] = { 0 };
	struct sign_key *key;

	memcpy(seed, text, strlen(text));
	if (sign_key_new(seed, &key) != OK)
		abort();
	return key;
}

static void sign_line(const struct sign_key *key, const void *data, size_t size, struct buf *out)
{
	struct buf text = { 0 };
	uint8_t sig[SIGN_LEN];
	char base64[96];

	if (buf_append(&text, LABEL_SIG_RECORD, sizeof(LABEL_SIG_RECORD)) != OK ||
	    buf_append(&text, data, size) != OK)
		abort();
	sign_make(key, text.data, text.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	if (buf_append(out, data, size) != OK ||
	    buf_printf(out, ",\"sig\":\"%s\"}", base64) != OK)
		abort();
	buf_clear(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sign_key *mine, *other;
	struct buf line = { 0 };
	struct record facts;

	if (!mine) {
		if (crypto_init() != OK)
			abort();
		mine = key_from("mine");
		other = key_from("other");
	}
	if (record_parse((const char *)data, size, &facts) == OK &&
	    (facts.seq == 0 || facts.signed_len >= size ||
	     record_is_signed((const char *)data, &facts, sign_key_vkey(other))))
		abort(); /* nobody signed this */
	sign_line(mine, data, size, &line);
	if (record_parse(line.data, line.len, &facts) == OK &&
	    (!record_is_signed(line.data, &facts, sign_key_vkey(mine)) ||
	     record_is_signed(line.data, &facts, sign_key_vkey(other))))
		abort();
	buf_clear(&line);
	return 0;
}

/* Any bytes as a recipient or an identity. A value has one spelling: what is taken prints as it
 * was. */
#include "tests/fuzz.h"
#include "age/bech32.h"

static void try_prefix(const char *hrp, const char *text, size_t len)
{
	uint8_t value[32];
	char again[BECH32_LEN(15, sizeof(value)) + 1];

	if (bech32_decode(text, len, hrp, value, sizeof(value)) != OK)
		return;
	bech32_encode(hrp, value, sizeof(value), again);
	if (strlen(again) != len || memcmp(again, text, len) != 0)
		abort();
}

/* A part that is found stands before the last 1. */
static void try_any(const char *text, size_t len, bool upper)
{
	size_t hrp_len;

	if (bech32_check(text, len, upper, &hrp_len) != OK)
		return;
	if (hrp_len == 0 || hrp_len + 1 + BECH32_CHECKSUM_LEN > len || text[hrp_len] != '1' ||
	    memchr(text + hrp_len + 1, '1', len - hrp_len - 1))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_prefix("age", (const char *)data, size);
	try_prefix("AGE-SECRET-KEY-", (const char *)data, size);
	try_any((const char *)data, size, false);
	try_any((const char *)data, size, true);
	return 0;
}

/* Any bytes as a receipt. What is taken was signed by the key that it names: the bytes that are
 * signed may not change. */
#include "tests/fuzz.h"
#include "pack/receipt.h"

const unsigned fuzz_cost = 8;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pack_receipt r, again;
	char *copy;

	if (crypto_init() != OK)
		abort();
	if (pack_receipt_read((const char *)data, size, &r) != OK)
		return 0;
	MUST(strlen(r.name) <= PACK_NAME_MAX);
	copy = malloc(size);
	MUST(copy);
	memcpy(copy, data, size);
	copy[size / 2] ^= 1;
	MUST(pack_receipt_read(copy, size, &again) != OK);
	free(copy);
	return 0;
}

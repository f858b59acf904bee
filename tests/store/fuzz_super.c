/* The content of a superblock slot, sealed anew after each mutation so that it reaches the parser. */
#include "tests/fuzz.h"
#include "crypto/random.h"
#include "store/super.h"

const unsigned fuzz_cost = 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sealer *sealer;
	uint8_t content[SLOT_CONTENT_LEN] = { 0 }, slot[FORMAT_SLOT_LEN], id[STORE_ID_LEN] = { 0 };
	struct secret *key = NULL;
	struct super sb;
	unsigned index;

	if (!sealer) {
		if (crypto_init() != OK || sealer_new(id, &sealer) != OK ||
		    secret_random(32, &key) != OK || sealer_add_epoch(sealer, 1, key) != OK)
			abort();
		secret_free(key);
	}
	if (size < 40)
		return 0;
	memcpy(content, data, size < sizeof(content) ? size : sizeof(content));
	index = super_slot(load_u64(content + 32));
	if (sealer_seal_slot(sealer, index, content, slot) != OK)
		abort();
	if (super_decode(slot, index, sealer, id, &sb) == OK &&
	    super_verify(slot, index, sealer, &sb) == OK)
		abort(); /* nobody signed this */
	return 0;
}

/* Checkpoints and notes: any bytes; what parses prints to the same text again, and nobody's signature fits
 * what nobody signed. */
#include "tests/fuzz.h"
#include "audit/checkpoint.h"

const unsigned fuzz_cost = 3;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t vkey[SIGN_VKEY_LEN] = { 1 };
	const char *text = (const char *)data;
	struct buf again = { 0 };
	struct checkpoint c;
	int64_t when;

	if (crypto_init() != OK)
		abort();
	if (checkpoint_parse(text, size, &c) == OK) {
		if (checkpoint_print(&c, &again) != OK || again.len > size ||
		    memcmp(again.data, text, again.len) != 0)
			abort();
		if (note_verify(text, size, c.origin, vkey) ||
		    note_verify_cosigned(text, size, c.origin, vkey, &when))
			abort();
	}
	buf_clear(&again);
	return 0;
}

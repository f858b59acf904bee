/* Any bytes as an age header. What is taken must be canonical: printed again it is the same text,
 * up to the MAC, for which one would need the file key. */
#include "tests/fuzz.h"
#include "age/header.h"

#define MAC_TAIL 45u /* a space, 43 digits, LF */

static void print_again(const struct age_header *h, const struct secret *key, const char *text,
			size_t len)
{
	struct buf again = {0};
	size_t covered = len - MAC_TAIL;

	if (age_header_print(h->stanzas, h->count, key, &again) != OK || again.len != len ||
	    memcmp(again.data, text, covered) != 0)
		abort();
	buf_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct secret *key;
	struct age_header h = {0};
	size_t len;

	if (!key && (crypto_init() != OK || secret_new(AGE_FILE_KEY_LEN, &key) != OK))
		abort();
	if (age_header_parse((const char *)data, size, &h, &len) != OK)
		return 0;
	if (len > size)
		abort();
	print_again(&h, key, (const char *)data, len);
	age_header_clear(&h);
	return 0;
}

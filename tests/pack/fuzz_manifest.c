/* Any bytes as a pack's manifest. What is taken is the same again when it is written and read. */
#include "tests/fuzz.h"
#include "pack/manifest.h"

static void same(const struct pack_manifest *a, const struct pack_manifest *b)
{
	MUST(memcmp(a->id, b->id, sizeof(a->id)) == 0 && a->created == b->created);
	MUST(strcmp(a->sender, b->sender) == 0 && strcmp(a->category, b->category) == 0);
	MUST(strcmp(a->purpose, b->purpose) == 0 && strcmp(a->expires, b->expires) == 0);
	MUST(memcmp(a->sender_vkey, b->sender_vkey, sizeof(a->sender_vkey)) == 0);
	MUST(age_recipient_equal(&a->sender_recipient, &b->sender_recipient));
	MUST(a->to_count == b->to_count && a->passphrase == b->passphrase);
	for (size_t i = 0; i < a->to_count; i++)
		MUST(age_recipient_equal(&a->to[i], &b->to[i]));
	MUST(a->persons == b->persons && a->files == b->files && a->bytes == b->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(pack_manifest_clear) struct pack_manifest m = {0};
	CLEANUP(pack_manifest_clear) struct pack_manifest again = {0};
	CLEANUP(buf_clear) struct buf text = {0};

	if (pack_manifest_decode((const char *)data, size, &m) != OK)
		return 0;
	MUST(pack_manifest_encode(&m, &text) == OK);
	if (text.len > PACK_MANIFEST_MAX)
		return 0;
	MUST(pack_manifest_decode(text.data, text.len, &again) == OK);
	same(&m, &again);
	return 0;
}

/* Sealing and opening blocks: the one pair through which every byte of DATA passes.
 *
 * A sealer knows the volume and the keys of its epochs. Opening checks place (addr within the disk),
 * then the SHA-256 where the rule asks for it, then the tag. Every failure is ERR_FORGED.
 * Used by many threads at once, once its epochs are added. docs/FORMAT.md, "Sealed blocks". */
#pragma once
#include "store/format.h"
#include "store/store.h"

struct sealer;

MUST_CHECK enum err sealer_new(const uint8_t volume_id[STORE_ID_LEN], struct sealer **ret);
void sealer_free(struct sealer *s);
DEFINE_FREEP(struct sealer, sealer_free)
/* The last epoch added is the one that seals. */
MUST_CHECK enum err sealer_add_epoch(struct sealer *s, uint32_t epoch,
				     const struct secret *epoch_key);
uint32_t sealer_epoch(const struct sealer *s);

/* What the additional data say beside the reference. Nodes have a zero key. */
struct seal_place {
	enum format_kind kind;
	uint8_t level;
	struct store_key key;
};

/* ref->addr, blocks, birth, extra are given; epoch, nonce, tag, sha256 are set. `out` gets
 * ref->blocks * DISK_BLOCK bytes; `in` has as many and may be `out`. */
MUST_CHECK enum err sealer_seal(const struct sealer *s, const struct seal_place *place,
				const void *in, void *out, struct ref *ref);
/* In place. `hash`: check the SHA-256 even where the epoch is still open. */
MUST_CHECK enum err sealer_open(const struct sealer *s, const struct seal_place *place, bool hash,
				const struct ref *ref, void *data);

/* Superblock slots, FORMAT_SLOT_LEN bytes, under the sealing epoch's keys. */
#define SLOT_CONTENT_LEN (FORMAT_SLOT_LEN - 8 - XAES_NONCE_LEN - SHA256_LEN - AEAD_TAG_LEN)
MUST_CHECK enum err sealer_seal_slot(const struct sealer *s, unsigned index,
				     const uint8_t content[SLOT_CONTENT_LEN],
				     uint8_t out[FORMAT_SLOT_LEN]);
MUST_CHECK enum err sealer_open_slot(const struct sealer *s, unsigned index,
				     const uint8_t slot[FORMAT_SLOT_LEN],
				     uint8_t content[SLOT_CONTENT_LEN]);
/* A slot nobody can tell from a used one. */
void slot_noise(uint8_t out[FORMAT_SLOT_LEN]);

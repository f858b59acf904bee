/* Sealing and opening blocks: the one pair through which every byte of DATA passes.
 *
 * A sealer knows the volume and the keys of its epochs. Opening checks place (addr within the disk),
 * then the SHA-256 where the rule asks for it, then the tag. Every failure is ERR_FORGED.
 * Has its own lock: every function may be called by many threads at once, except new and free.
 * docs/FORMAT.md, "Sealed blocks". */
#pragma once
#include "store/format.h"
#include "store/store.h"

struct sealer;

MUST_CHECK enum err sealer_new(const uint8_t volume_id[STORE_ID_LEN], struct sealer **ret);
void sealer_free(struct sealer *s);
DEFINE_FREEP(struct sealer, sealer_free)
/* The last epoch added is the one that seals. Epochs ascend. ERR_TOO_MANY_EPOCHS. */
MUST_CHECK enum err sealer_add_epoch(struct sealer *s, uint32_t epoch,
				     const struct secret *epoch_key);
/* All older epochs of a door, then its own. */
MUST_CHECK enum err sealer_add_door(struct sealer *s, const struct store_door *door);
/* Lets every epoch but the sealing one go. */
void sealer_drop_older(struct sealer *s);
uint32_t sealer_epoch(const struct sealer *s);
unsigned sealer_epochs(const struct sealer *s); /* how many */

/* ---- records ---- */
/* ref->addr, blocks, birth, extra are given; epoch, nonce, tag, sha256 are set. `out` gets
 * ref->blocks * DISK_BLOCK bytes; `in` has as many and may be `out`. */
MUST_CHECK enum err sealer_seal(const struct sealer *s, const struct store_key *key, const void *in,
				void *out, struct ref *ref);
/* In place. `hash`: check the SHA-256 even where the epoch is still open. */
MUST_CHECK enum err sealer_open(const struct sealer *s, const struct store_key *key, bool hash,
				const struct ref *ref, void *data);

/* ---- nodes ---- */
/* ref->addr and extra are given; the birth is the page's; the rest is set. */
MUST_CHECK enum err sealer_seal_node(const struct sealer *s, const uint8_t page[FORMAT_PAGE_LEN],
				     uint8_t out[FORMAT_NODE_LEN], struct ref *ref);
/* Also the page's birth is that of the reference. */
MUST_CHECK enum err sealer_open_node(const struct sealer *s, const struct ref *ref,
				     const uint8_t in[FORMAT_NODE_LEN],
				     uint8_t page[FORMAT_PAGE_LEN]);
/* A node met without its pointer. *ret_ref is what a pointer to it would say (extra: its own epoch).
 * ERR_FORGED when these blocks are no node under any epoch. */
MUST_CHECK enum err sealer_find_node(const struct sealer *s, uint64_t addr,
				     const uint8_t in[FORMAT_NODE_LEN],
				     uint8_t page[FORMAT_PAGE_LEN], struct ref *ret_ref);

/* ---- superblock slots ---- */
/* FORMAT_SLOT_LEN bytes, under the sealing epoch's keys. */
#define SLOT_CONTENT_LEN (FORMAT_SLOT_LEN - 8 - XAES_NONCE_LEN - SHA256_LEN - AEAD_TAG_LEN)
MUST_CHECK enum err sealer_seal_slot(const struct sealer *s, unsigned index,
				     const uint8_t content[SLOT_CONTENT_LEN],
				     uint8_t out[FORMAT_SLOT_LEN]);
MUST_CHECK enum err sealer_open_slot(const struct sealer *s, unsigned index,
				     const uint8_t slot[FORMAT_SLOT_LEN],
				     uint8_t content[SLOT_CONTENT_LEN]);
/* Whether one of the older epochs made this slot, wherever it stands. */
bool sealer_knows_older_slot(const struct sealer *s, const uint8_t slot[FORMAT_SLOT_LEN]);
/* A slot nobody can tell from a used one. */
void slot_noise(uint8_t out[FORMAT_SLOT_LEN]);

/* The keys of older epochs: they open what was not re-sealed yet. A KEY file carries them, sealed
 * under the key of its own epoch, so the new key opens the old ones and never the other way round.
 * Private to access. docs/FORMAT.md, "KEY file". */
#pragma once
#include "store/store.h"

#define OLDER_KEYS_LEN 512u /* sealed: nonce, content, tag */

struct older_keys {
	unsigned count;
	uint32_t epoch[STORE_OLDER_MAX]; /* ascending */
	struct secret *key[STORE_OLDER_MAX]; /* owned, 32 bytes each */
};
void older_keys_clear(struct older_keys *o);

/* One more, newer than all of them. ERR_TOO_MANY_EPOCHS. */
MUST_CHECK enum err older_keys_add(struct older_keys *o, uint32_t epoch, const struct secret *key);
/* What a store is opened with; the keys are borrowed. */
void older_keys_door(const struct older_keys *o, struct store_older *ret);

/* For the KEY file of `epoch`, whose key is `epoch_key`. */
MUST_CHECK enum err older_keys_seal(const struct older_keys *o,
				    const uint8_t volume_id[STORE_ID_LEN], uint32_t epoch,
				    const struct secret *epoch_key, uint8_t out[OLDER_KEYS_LEN]);
/* Anything that does not fit is ERR_FORGED. */
MUST_CHECK enum err older_keys_open(const uint8_t in[OLDER_KEYS_LEN],
				    const uint8_t volume_id[STORE_ID_LEN], uint32_t epoch,
				    const struct secret *epoch_key, struct older_keys *ret);

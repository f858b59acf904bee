/* What this host last saw of each vault, so that an older image put back is noticed.
 * One small JSON file a vault, replaced whole. */
#pragma once
#include "org/device.h"

struct seen {
	uint64_t generation;
	uint32_t epoch;
	uint8_t super_sha256[32];
	uint8_t session_id[16];
	bool clean;
	char label[65];
	char medium[1024]; /* where it was, as a hint */
};
MUST_CHECK enum err seen_load(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			      struct seen *ret); /* ERR_NOT_FOUND: first sight */
MUST_CHECK enum err seen_save(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			      const struct seen *seen);

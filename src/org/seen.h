/* What this host last saw of each vault, so that an older image put back is noticed.
 * One small JSON file a vault, replaced whole. */
#pragma once
#include "org/device.h"

/* The volume's own log as it was then, or a beginning of it. */
struct seen_log {
	uint64_t count; /* of lines; 0: it had none, or this was not kept yet */
	uint8_t last_sha256[32];
	uint8_t adopted_sha256[32]; /* of the last line `adopt`; zeroes: there was none */
};

struct seen {
	uint64_t generation;
	uint32_t epoch;
	uint8_t super_sha256[32];
	uint8_t session_id[16];
	bool clean;
	struct seen_log log;
	char label[65];
	char medium[1024]; /* where it was, as a hint */
};
MUST_CHECK enum err seen_load(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			      struct seen *ret); /* ERR_NOT_FOUND: first sight */
MUST_CHECK enum err seen_save(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			      const struct seen *seen);

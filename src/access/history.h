/* What this host's own log tells of one vault: when it was last opened and closed here, and how. */
#pragma once
#include "access/vault.h"

struct history_event {
	bool known;
	char event[16], time[32], actor[96], host[24], category[33], purpose[33];
	uint64_t generation;
	bool has_totals, has_persons;
	uint64_t files, bytes, persons;
	char manifest[2 * SHA256_LEN + 1]; /* "" without one */
};

struct history {
	struct history_event created, opened, closed; /* the newest of each; closed: also badly */
	uint64_t openings, refusals;
	bool is_whole; /* the log verified */
};
/* A log that is not there is an empty one; one that was changed is read on, and is_whole is false.
 */
MUST_CHECK enum err history_read(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
				 struct history *ret);

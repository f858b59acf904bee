/* Destroying the device secrets of media that were revoked: afterwards nothing that this host has
 * opens them, staff keys or not. A mark says what is being destroyed, so that a crash on the way is
 * finished the next time; it stays as what the host's report tells. docs/FORMAT.md, "The host's
 * folder". */
#pragma once
#include "audit/log.h"
#include "org/roster.h"

struct destroyed {
	size_t count;	   /* media whose secrets were destroyed now */
	char numbers[512]; /* theirs, as far as they fit: "U-012, U-014" */
};
/* Every one that the roster says is revoked. The record of each comes when it is done. Idempotent.
 * ERR_LOG_WRITE: it is gone, and will be recorded the next time. */
MUST_CHECK enum err vault_destroy_revoked(struct home *h, const struct roster *roster,
					  const struct recorder *recorder, struct destroyed *ret);

/* What is held here, and what was destroyed. `device_id` as the roster knows it, else zeroes. */
struct held {
	uint8_t volume_id[VOLUME_ID_LEN];
	uint8_t device_id[16];
	bool gone;
	int64_t when; /* of the destruction */
};
/* In the order of their ids; malloc'd. */
MUST_CHECK enum err held_list(struct home *h, const struct roster *roster, struct held **ret,
			      size_t *ret_count);
/* Names of the hosts that said they hold the medium's secret and have not said that it is gone,
 * `without` left out (NULL: none): "kita-1, minami-2". */
MUST_CHECK enum err held_pending(const struct roster *roster,
				 const uint8_t volume_id[VOLUME_ID_LEN], const char *without,
				 struct buf *ret);

/* What the register allows: the question that every opening, packing and granting asks first. Pure:
 * a roster, a moment and the facts go in, a verdict comes out; the caller records it. Without a
 * society (an empty roster) everything is allowed.
 *
 * Verdicts (exit codes): ERR_REVOKED_KEY, ERR_REVOKED_HOST, ERR_REVOKED_MEDIUM, ERR_GRANT_EXPIRED
 * (14); ERR_NOT_ON_STAFF, ERR_HOST_UNKNOWN (19); ERR_MEDIUM_UNKNOWN, ERR_OUT_OF_SCOPE,
 * ERR_UNSYNCED, ERR_TRAINING, ERR_SEPARATION, ERR_CHECKOUT, ERR_SECOND_PERSON (30). The first that
 * fits in this order is told; the detail names who or what. */
#pragma once
#include "org/roster.h"

struct rules_ask {
	int64_t now;
	int64_t synced; /* register_synced */
	const struct age_recipient *who;
	const char *host_id;
	/* of a vault; NULL: no vault is concerned */
	const uint8_t *volume_id;
	bool separated;
	const char *category, *purpose; /* of a pack; NULL: unsaid */
};

MUST_CHECK enum err rules_open(const struct roster *r, const struct rules_ask *ask);
/* A new vault: officers, and whom the policy lets. */
MUST_CHECK enum err rules_create(const struct roster *r, const struct rules_ask *ask);
/* `to` may be added to the vault: on the staff, not revoked, with a grant that reaches it. */
MUST_CHECK enum err rules_grant(const struct roster *r, const struct rules_ask *ask,
				const struct age_recipient *to);
/* A pack to these: every one known and not revoked; the sender's grant reaches its category. */
MUST_CHECK enum err rules_pack(const struct roster *r, const struct rules_ask *ask,
			       const struct age_recipient *to, size_t to_count);
MUST_CHECK enum err rules_unpack(const struct roster *r, const struct rules_ask *ask);
/* Only officers: statements, adopt, purge of the register's things. */
MUST_CHECK enum err rules_officer(const struct roster *r, const struct rules_ask *ask);

/* Whom a vault must not be sealed to any more: recipients of its KEY file that were revoked. Sets
 * ret[i] for list[i]; gives how many. */
size_t rules_revoked(const struct roster *r, const struct age_recipient *list, size_t count,
		     bool *ret);
/* Whether the vault needs a new key although nobody is to be left out: a host that could open it was
 * revoked later than its epoch began. */
bool rules_new_epoch(const struct roster *r, const uint8_t volume_id[VOLUME_ID_LEN],
		     int64_t epoch_began);

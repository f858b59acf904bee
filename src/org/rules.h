/* What the register allows: the question that every opening, packing and granting asks first. Pure:
 * a roster, a moment and the facts go in, a verdict comes out; the caller records it. Without a
 * society (an empty roster) everything is allowed.
 *
 * Verdicts (exit codes): ERR_REVOKED_KEY, ERR_REVOKED_HOST, ERR_REVOKED_MEDIUM, ERR_GRANT_EXPIRED
 * (14); ERR_NOT_ON_STAFF, ERR_HOST_UNKNOWN (19); ERR_MEDIUM_UNKNOWN, ERR_OUT_OF_SCOPE,
 * ERR_UNSYNCED, ERR_TRAINING, ERR_SEPARATION, ERR_CHECKOUT, ERR_SECOND_PERSON (30). The first that
 * fits in this order is told; the detail names who or what. Officers need no grant and no checkout,
 * and may open a medium that is not on the register, since they are the ones who enter it. Days are
 * those of the local calendar; a last day counts whole. */
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
	const char *category, *purpose; /* of a pack or a new vault; NULL: unsaid */
};

/* Whether an officer's word or a grant lets `who` have the vault, today. */
bool rules_reach(const struct roster *r, const struct age_recipient *who, int64_t now,
		 const uint8_t volume_id[VOLUME_ID_LEN]);
/* Only what was revoked: person, host, medium. Never taken back, so it holds also before newer
 * statements were looked for. */
MUST_CHECK enum err rules_not_revoked(const struct roster *r, const struct rules_ask *ask);
MUST_CHECK enum err rules_open(const struct roster *r, const struct rules_ask *ask);
/* A new vault for these: officers, and who has a grant that reaches its category. Everybody it is
 * for is on the staff. */
MUST_CHECK enum err rules_create(const struct roster *r, const struct rules_ask *ask,
				 const struct age_recipient *to, size_t to_count);
/* `to` may be added to the vault: on the staff, not revoked, with a grant that reaches it. */
MUST_CHECK enum err rules_grant(const struct roster *r, const struct rules_ask *ask,
				const struct age_recipient *to);
/* A device secret may be taken in here, from whoever signs with `issuer`. */
MUST_CHECK enum err rules_enrol(const struct roster *r, const struct rules_ask *ask,
				const uint8_t issuer[SIGN_VKEY_LEN]);
/* `who` may carry the medium out: as for opening, but nobody has it yet. */
MUST_CHECK enum err rules_take_out(const struct roster *r, const struct rules_ask *ask);
/* A pack to these: every one known and not revoked; the sender's grant reaches its category. */
MUST_CHECK enum err rules_pack(const struct roster *r, const struct rules_ask *ask,
			       const struct age_recipient *to, size_t to_count);
/* A pack of that category, as far as it is known yet. */
MUST_CHECK enum err rules_unpack(const struct roster *r, const struct rules_ask *ask);
/* Who signs with this key: ERR_REVOKED_KEY; OK also for somebody unknown. */
MUST_CHECK enum err rules_signer(const struct roster *r, const uint8_t vkey[SIGN_VKEY_LEN]);
/* `who` may be permitted anything at all: on the staff, not revoked; or the recovery key. */
MUST_CHECK enum err rules_permit(const struct roster *r, const struct age_recipient *who);
/* Only officers: statements, adopt, purge of the register's things. ERR_NOT_OFFICER. */
MUST_CHECK enum err rules_officer(const struct roster *r, const struct rules_ask *ask);

/* Revoked, not enrolled, or against a rule: what records call refused. */
bool rules_is_verdict(enum err err);

/* Whom a vault must not be sealed to any more: recipients of its KEY file that were revoked. Sets
 * ret[i] for list[i]; gives how many. */
size_t rules_revoked(const struct roster *r, const struct age_recipient *list, size_t count,
		     bool *ret);
/* What is known of the KEY file in force. */
struct rules_key {
	const uint8_t *volume_id;
	const struct age_recipient *recipients;
	size_t count;
	const uint8_t *signer; /* SIGN_VKEY_LEN bytes */
	int64_t began;	       /* when its epoch did */
};
/* Whether the vault needs a new key, and whom that leaves out (sets ret[i] for recipients[i]). OK:
 * it needs none. ERR_REVOKED_KEY: somebody who was revoked is a recipient, or made the KEY file,
 * or a recovery key is one that another replaced;
 * ERR_REVOKED_HOST: a host that could open it was revoked later than its epoch began (*ret_after:
 * when). Left out is who was revoked, and who is not on the staff: they could have been let in by
 * somebody who knew that they would be revoked. */
enum err rules_new_epoch(const struct roster *r, const struct rules_key *key, bool *ret,
			 int64_t *ret_after);

/* Taking something back for good: a person's key, a host or a medium. First what that reaches is
 * worked out, from the register, from what this host keeps and from what others told; nothing is
 * changed by that. Then an officer's statement makes it so. What follows from it happens at the
 * next openings and syncs, by whoever learns of it (access/enforce.h, access/destroy.h). */
#pragma once
#include "access/vault.h"
#include "org/society.h"

enum revoke_what { REVOKE_KEY, REVOKE_HOST, REVOKE_MEDIUM };
const char *revoke_what_name(enum revoke_what what); /* "staff", "host", "medium" */

struct revoke_vault {
	uint8_t volume_id[VOLUME_ID_LEN];
	char number[33], label[65]; /* "" when not known */
};

struct revoke_host {
	char id[20], name[65];
	bool here;
	int64_t reported; /* when it was heard of last; 0: never */
};

struct revoke_person {
	struct age_recipient recipient;
	char name[65]; /* "" when not on the register */
	bool officer;
};

struct revoke_reach {
	enum revoke_what what;
	char id[65];	/* as the statement names it: recipient, host id, medium number */
	char name[129]; /* as people call it; what is typed to confirm */
	bool already;	/* it was revoked before */
	/* Of a key: itself. Of a host: the staff keys that are kept on it, which go with it. */
	struct revoke_person *people; /* owned */
	size_t person_count;
	/* Of a key or a host: the vaults that it could open, which get a new key each. Of a medium:
	 * its own one, if it is known. */
	struct revoke_vault *vaults; /* owned */
	size_t vault_count;
	/* Of a key: where it is kept. Of a medium: where its device secret is. */
	struct revoke_host *hosts; /* owned */
	size_t host_count;
	bool separation_known;
	bool separated; /* of a medium: without its device secret it is noise */
	bool own;	/* it is the asker's own key or host, or takes the own key along */
	bool last_officer;
};
void revoke_reach_clear(struct revoke_reach *r);

/* `word`: a recipient, or the name of a person, host or medium, or the number or serial of a
 * medium. `me` may be NULL. ERR_NOT_FOUND; ERR_INVALID when it names more than one thing. */
MUST_CHECK enum err vault_revoke_reach(const struct society *s, struct home *h, const char *word,
				       const struct age_recipient *me, struct revoke_reach *ret);
/* Makes it so: record, statement, and here at once what follows for this host. Once more is
 * welcome, and ends what was cut short. ERR_NOT_OFFICER; ERR_POLICY: `own` or `last_officer`. */
MUST_CHECK enum err vault_revoke(const struct vault_actor *actor, struct society *s,
				 const struct revoke_reach *reach, enum revoke_reason reason);

/* The list of what is in a vault, taken when it is closed (or opened, where none of that state is
 * here yet), sealed to the society's officers and kept on this host, never on the medium: when the
 * medium is lost, it tells what was on it. Without a society there is none. docs/FORMAT.md, "List
 * of contents". */
#pragma once
#include "access/vault.h"
#include "org/roster.h"

#define CONTENTS_MAX (UINT64_C(1) << 30) /* bytes of a list that is opened */

/* Takes the list, unless one of this state or a newer one is here. ret_sha256 is that of the sealed
 * file, zeroes when there is none. The caller goes on whatever it gives. */
MUST_CHECK enum err contents_keep(struct vault *v, uint8_t ret_sha256[SHA256_LEN]);

struct contents {
	struct secret *text;	    /* owned */
	uint64_t generation;	    /* of the state that is listed */
	uint8_t sha256[SHA256_LEN]; /* of the sealed file, as the record of the closing names it */
	/* From its head: */
	bool closed;  /* taken at the end of a session, not at the beginning */
	bool vouched; /* signed by the host that it names */
	bool separated;
	uint32_t epoch;
	uint64_t files, bytes;
	char label[VAULT_LABEL_MAX + 1], host[24], actor[96], time[32];
	size_t recipient_count;
	const char *entries; /* "SIZE TIME PATH" lines; into text */
	size_t entries_len;
};
void contents_clear(struct contents *c);
/* The newest list that is here and that a known host vouches for; where there is none, the newest.
 * ERR_NOT_FOUND, ERR_NO_KEY_FITS (not made for this officer), ERR_AGE_PAYLOAD, ERR_BAD_FORMAT. */
MUST_CHECK enum err contents_open(struct home *h, const struct roster *roster,
				  const uint8_t volume_id[VOLUME_ID_LEN],
				  const struct age_identity *id, struct contents *ret);
/* The i-th recipient of the KEY file at that time. */
MUST_CHECK enum err contents_recipient(const struct contents *c, size_t i,
				       struct age_recipient *ret);
/* Two folders of lists get the newest ones of both. */
MUST_CHECK enum err contents_exchange(const char *dir, const char *other, size_t *ret_here,
				      size_t *ret_there);

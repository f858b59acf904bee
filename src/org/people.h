/* Whom this host knows: other staff by name, with the recipient to seal to and, once it was
 * compared, the key they sign with. Those on the register come first (also the revoked: what they may
 * is org/rules.h's to say); others this host noted by itself, in one small JSON file a person,
 * replaced whole. docs/FORMAT.md, "The host's folder". */
#pragma once
#include <stdbool.h>
#include "org/staff_key.h"

struct person {
	char name[STAFF_NAME_MAX + 1];
	struct age_recipient recipient;
	bool has_key; /* the signing key is known */
	uint8_t vkey[SIGN_VKEY_LEN];
};

/* ERR_INVALID for a name that is no plain file name; ERR_BAD_FORMAT for a file that was spoilt. */
MUST_CHECK enum err people_find(struct home *h, const char *name,
				struct person *ret); /* ERR_NOT_FOUND */
/* Whoever signs with this key; ERR_NOT_FOUND. */
MUST_CHECK enum err people_find_signer(struct home *h, const uint8_t vkey[SIGN_VKEY_LEN],
				       struct person *ret);
/* Adds to this host's own notes, or replaces what they say under the name. */
MUST_CHECK enum err people_save(struct home *h, const struct person *who);
MUST_CHECK enum err people_remove(struct home *h, const char *name); /* notes; ERR_NOT_FOUND */
/* The register in its own order, then the notes in the order of their names. */
MUST_CHECK enum err people_each(struct home *h,
				enum err (*each)(void *ctx, const struct person *who), void *ctx);

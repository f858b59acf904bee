/* Media on the register: from the words of a command line and from a vault to a statement. */
#pragma once
#include "tools/officer.h"

/* The vault of an entry: its ids, its label, whether it has a device secret. Opens the KEY files,
 * no content; needs the actor's key. Sets what of *ret concerns the vault. */
MUST_CHECK enum err registering_vault(struct officer *o, const char *path,
				      struct roster_medium *ret);
/* A number that may be given to this entry. ERR_USAGE, ERR_EXISTS (another medium has it, or this
 * vault has another), ERR_REVOKED_MEDIUM. */
MUST_CHECK enum err registering_number(struct officer *o, const char *number,
				       const struct roster_medium *entry);
/* --serial, --place and the others, into the entry; what is not given stays. ERR_USAGE. */
MUST_CHECK enum err registering_words(struct officer *o, struct roster_medium *ret);
/* The statement, with its record: what is new since `before` (NULL: all of it). */
MUST_CHECK enum err registering_state(struct officer *o, const struct roster_medium *before,
				      const struct roster_medium *entry);
/* The entry with this number, not one with such a label; NULL. */
const struct roster_medium *registering_find(const struct officer *o, const char *number);
/* By number, label or serial number, as somebody called it. ERR_NOT_FOUND, with a hint. */
MUST_CHECK enum err registering_wanted(struct officer *o, const char *word,
				       const struct roster_medium **ret);
/* The options that registering_words reads. */
#define REGISTERING_OPTIONS                                                                        \
	(OPT_BIT(OPT_SERIAL) | OPT_BIT(OPT_PRODUCT) | OPT_BIT(OPT_KIND) | OPT_BIT(OPT_CAPACITY) |  \
	 OPT_BIT(OPT_PLACE) | OPT_BIT(OPT_KEEPER) | OPT_BIT(OPT_OWNER) |                           \
	 OPT_BIT(OPT_MEDIUM_CATEGORY) | OPT_BIT(OPT_MEDIUM_PURPOSE))

/* Who was an officer, and up to where their word counts. Private to org; FORMAT.md, "Register",
 * authority. Pure: a function of the set of statements. */
#pragma once
#include "org/register_set.h"

struct authority_officer {
	uint8_t vkey[SIGN_VKEY_LEN];
	const struct statement *made_by; /* the founding one, or one of kind officer */
	unsigned rank;			 /* 0: the founder */
	bool cut;			 /* revoked: counts up to the ends only */
	const struct statement **ends;	 /* owned; the last one that counts, of a chain each */
	size_t end_count;
};

struct authority {
	const struct org_register *from; /* borrowed */
	uint8_t *flags;			 /* owned; by slot, as chains_judge has them */
	const struct statement *founding;
	struct authority_officer *officers; /* owned; in order of rank, then id of made_by */
	size_t count;
	const struct statement
		*second; /* the one that made the founder's first fellow: needs nobody else */
	uint64_t
		second_from; /* what has a greater clock needs a second officer; UINT64_MAX: none */
};
MUST_CHECK enum err authority_make(const struct org_register *r, struct authority *ret);
void authority_clear(struct authority *a);

/* Its chain is whole up to it. */
bool authority_stands(const struct authority *a, const struct statement *s);
/* Signed by somebody who was an officer then, and not behind the end of their word. What is no
 * revocation has to stand, too, and to be approved where that is needed. */
bool authority_allows(const struct authority *a, const struct statement *s);

/* Who was an officer, and up to where their word counts. Private to org; FORMAT.md, "Authority".
 * A pure function of the set of statements. */
#pragma once
#include "org/register_set.h"

struct statements {
	const struct statement **list; /* owned; what they point to is the register's */
	size_t count;
};

struct approval {
	uint8_t of[SHA256_LEN]; /* id of the statement */
	const struct statement *by;
};

struct authority_officer {
	uint8_t vkey[SIGN_VKEY_LEN];
	unsigned rank; /* 0: the founder */
	/* What made him one and counted when it was looked at; the first has the least id of the
	 * least rank. The founder's is the founding statement. */
	struct statements makings;
	struct statements cuts; /* revocations of him that count */
	bool valid;		/* one of the makings counts when all cuts are known */
	uint64_t since;		/* least clock of those; what he says has a greater one */
};

struct authority {
	const struct org_register *from; /* borrowed */
	uint8_t *flags;			 /* owned; by slot, as chains_judge has them */
	const struct statement *founding;
	struct statements makings;    /* all of kind officer that stand */
	struct approval *approvals;   /* owned; all that stand, in order of what they approve */
	size_t approval_count;
	struct statements revocations; /* all there are */
	struct statements taken;      /* those that count, in the order in which they were taken */
	struct authority_officer *officers; /* owned, in the order in which they were heard */
	size_t count;
	uint64_t second_from; /* what has a greater clock needs a second officer; UINT64_MAX: none */
};
MUST_CHECK enum err authority_make(const struct org_register *r, struct authority *ret);
void authority_clear(struct authority *a);

/* Its chain is whole up to it, and its clock is right. */
bool authority_stands(const struct authority *a, const struct statement *s);
/* Said by somebody who was an officer then, and not behind the end of his word. What is no revocation
 * has to stand, too, and to be approved where that is needed. */
bool authority_allows(const struct authority *a, const struct statement *s);
/* A statement names the recipient: as who is revoked, or as a key that was kept on a revoked host. */
bool revocation_names(const struct statement *revocation, const char *recipient);

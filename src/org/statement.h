/* One statement of the register: a short signed text, linked to the one before in its chain.
 *
 * A statement never changes; its id is the SHA-256 of its whole text. A chain is all that one signer
 * wrote from one host's home (the writer): numbers from 1 on without a gap, each naming the id of the
 * one before. What a statement means, and whether its signer may say it, is the roster's to judge
 * (org/roster.h); here only form and signature are. docs/FORMAT.md, "Register". */
#pragma once
#include <stdbool.h>
#include "base/buf.h"
#include "crypto/hash.h"
#include "crypto/sign.h"

#define STATEMENT_MAX 65536u /* bytes of the text */
#define STATEMENT_FIELDS_MAX 1024u
#define STATEMENT_SEEN_MAX 16u
#define STATEMENT_NUMBER_MAX 999999999999999u /* of seq and clock: exact in every language */
#define STATEMENT_TIME_MAX 253402300799	      /* the last second of the year 9999 */
#define ORG_ID_LEN 16u /* the first bytes of the id of the founding statement */
#define WRITER_LEN 8u

enum statement_kind {
	STATEMENT_ORG,	     /* the founding one: name, officer, recipient, second-officer */
	STATEMENT_OFFICER,   /* recipient, key, name: who is on the staff becomes an officer */
	STATEMENT_STAFF,     /* recipient, key, name, site, trained */
	STATEMENT_HOST,	     /* host, key, name, site */
	STATEMENT_MEDIUM,    /* number, then what is told of it */
	STATEMENT_CATALOG,   /* published, method, row ... */
	STATEMENT_GRANT,     /* recipient, for, until */
	STATEMENT_GRANT_END, /* recipient, for */
	STATEMENT_POLICY,    /* set NAME VALUE ... */
	STATEMENT_REVOKE,    /* what, id, reason, key ..., upto ... */
	STATEMENT_APPROVE,   /* statement */
	STATEMENT_ADOPT,     /* volume, epoch, generation, superblock */
	STATEMENT_RECOVERY,  /* recipient, threshold, shares */
	STATEMENT_CHECKOUT,  /* checkout, number, carrier, until, to, route, ... */
	STATEMENT_CHECKIN,   /* checkout, number, place, result */
	STATEMENT_SIGHT,     /* number, place: somebody saw it with their own eyes */
	STATEMENT_FOUND,     /* number, place: what was lost is there again */
	STATEMENT_ERASE,     /* number, volume, method, reason, ... */
	STATEMENT_INCIDENT,  /* incident, number, known, ... */
	STATEMENT_REPORT,    /* by a host: what it holds, what it destroyed, what it saw last */
	STATEMENT_KINDS
};
const char *statement_kind_name(enum statement_kind kind); /* "grant-end" */

struct statement_field {
	const char *name;  /* 1 to 32 of a-z and '-', not "seen" or "sig"; borrowed when read */
	const char *value; /* UTF-8 without control characters but TAB; may be empty */
};

struct statement {
	uint8_t id[SHA256_LEN];
	enum statement_kind kind;
	uint8_t org[ORG_ID_LEN]; /* of a founding statement: from its own id */
	uint8_t signer[SIGN_VKEY_LEN];
	uint8_t writer[WRITER_LEN];
	uint64_t seq;		  /* 1 and up */
	uint8_t prev[SHA256_LEN]; /* zeroes for seq 1 */
	uint64_t clock;		  /* one more than the greatest of `prev` and `seen` */
	int64_t time;		  /* seconds since 1970, as the writer's clock had it */
	uint8_t seen[STATEMENT_SEEN_MAX][SHA256_LEN]; /* ends of other chains; ascending */
	size_t seen_count;
	struct statement_field *fields; /* owned */
	size_t field_count;
	char *text; /* owned: as signed and stored, with its last newline */
	size_t len;
};
void statement_clear(struct statement *s); /* all-zero is welcome */

/* Signs: everything but signer, id and text is given. Sets those, and `org` of a founding one. The
 * fields are copied. ERR_INVALID for anything that has not its form, ERR_TOO_BIG. */
MUST_CHECK enum err statement_sign(const struct statement *draft, const struct sign_key *key,
				   struct statement *ret);
/* Form and signature. ERR_BAD_FORMAT for anything statement_sign would not have written (a kind that
 * this version does not know: ERR_NEWER_FORMAT), ERR_FORGED for a signature that does not fit. */
MUST_CHECK enum err statement_read(const char *text, size_t len, struct statement *ret);
/* The same without looking at the signature, for a text that was verified before. */
MUST_CHECK enum err statement_read_trusted(const char *text, size_t len, struct statement *ret);
/* Length of the first statement of a text that holds several, found by its last line alone; 0 when
 * the text ends before it does. */
size_t statement_split(const char *text, size_t len);

/* The first field of that name, or NULL. */
const char *statement_value(const struct statement *s, const char *name);
/* The i-th field of that name, or NULL. */
const char *statement_value_at(const struct statement *s, const char *name, size_t i);
/* Exactly `len` bytes in lower-case digits, as values of fields have them; NULL is welcome. */
bool statement_hex(const char *value, void *ret, size_t len);
bool statement_same_chain(const struct statement *a, const struct statement *b);

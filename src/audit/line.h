/* Printing a line of the host log: canonical JSON with its fields in a fixed order, ended by
 * key_fpr, prev and sig. Reading is audit/record.h. docs/FORMAT.md, "Host log". Private to audit.
 */
#pragma once
#include "audit/record.h"

struct line_place {
	uint64_t seq;
	const char *host;
	const char *witness; /* the cosigned note of another log; NULL: none */
	const char
		*checkpoint; /* the note that ended the period before; NULL: it has one already */
	const uint8_t *next_vkey; /* of `rotate`: in force from the next line on; else NULL */
	uint8_t prev[SHA256_LEN]; /* of the line before; zero for the first */
};

/* Appends the line and a newline to `out`. ERR_INVALID when it would be too long. */
MUST_CHECK enum err line_print(const struct line_place *place, const struct audit_event *event,
			       const struct sign_key *key, struct buf *out);

/* One line of the host log: canonical JSON with its fields in a fixed order, ended by key_fpr, prev
 * and sig. docs/FORMAT.md, "Host log". Private to audit. */
#pragma once
#include "audit/event.h"
#include "base/buf.h"
#include "crypto/sign.h"

#define LINE_MAX_LEN 65536u /* with its newline */

struct line_place {
	uint64_t seq;
	const char *host;
	uint8_t prev[SHA256_LEN]; /* of the line before; zero for the first */
};

/* Appends the line and a newline to `out`. ERR_INVALID when it would be too long. */
MUST_CHECK enum err line_print(const struct line_place *place, const struct audit_event *event,
			       const struct sign_key *key, struct buf *out);
/* What a reader needs of a line (without its newline). ERR_LOG_TAMPERED when it has not this form,
 * ERR_NOMEM. */
struct line_facts {
	uint64_t seq;
	uint8_t prev[SHA256_LEN];
	bool has_vkey;
	uint8_t vkey[SIGN_VKEY_LEN]; /* only in the first line */
	size_t signed_len;	     /* how many of its bytes are signed */
	uint8_t sig[SIGN_LEN];
};
MUST_CHECK enum err line_parse(const char *text, size_t len, struct line_facts *ret);
/* ERR_LOG_TAMPERED when the signature does not fit. */
MUST_CHECK enum err line_verify(const char *text, const struct line_facts *facts,
				const uint8_t vkey[SIGN_VKEY_LEN]);

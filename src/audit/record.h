/* A line of the host log as a reader takes it: a JSON object of one level, read in place without a
 * copy. Nothing is judged here but its form. Spans are borrowed from the line and still escaped; an
 * absent one has no length. docs/FORMAT.md, "Host log". Private to those who verify logs. */
#pragma once
#include <string.h>
#include "audit/event.h"
#include "base/buf.h"
#include "crypto/sign.h"

#define LINE_MAX_LEN 65536u /* with its line feed */
#define KEY_FPR_LEN 8u

struct span {
	const char *at;
	size_t len;
};
/* Here, so that the length of a literal is known: a log asks this a hundred times a line. */
static inline bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && (s.len == 0 || memcmp(s.at, text, s.len) == 0);
}
/* Copies what fits, NUL-terminated, escapes undone; ERR_INVALID when it does not fit. */
MUST_CHECK enum err span_text(struct span s, char *out, size_t cap);

struct record {
	uint64_t seq;
	int64_t time; /* seconds since 1970 */
	struct span ts, host, actor, event, result, reason, volume_id, label, media_id, checkout_id,
		category, session, mode, witness, checkpoint;
	uint64_t generation, lost_generations;
	bool has_vkey;
	uint8_t vkey[SIGN_VKEY_LEN]; /* of line 1: its own key; of `rotate`: that of the next line
					on */
	uint8_t key_fpr[KEY_FPR_LEN];
	uint8_t prev[SHA256_LEN];
	size_t signed_len; /* how many of its bytes are signed */
	uint8_t sig[SIGN_LEN];
};
/* ERR_LOG_TAMPERED when it has not this form. */
MUST_CHECK enum err record_parse(const char *text, size_t len, struct record *ret);
/* Whether its signature is by that key. ERR_NOMEM is told as false. */
bool record_is_signed(const char *text, const struct record *r, const uint8_t vkey[SIGN_VKEY_LEN]);
void key_fpr(const uint8_t vkey[SIGN_VKEY_LEN], uint8_t out[KEY_FPR_LEN]);

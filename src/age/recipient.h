/* An age recipient: the X25519 public key of a person, "age1...". Not secret. A plain value.
 * Bytes: age.md, "The X25519 recipient type". */
#pragma once
#include <stdbool.h>
#include "age/stanza.h"
#include "crypto/dh.h"

#define AGE_RECIPIENT_LEN 62u			    /* of the text */
#define AGE_RECIPIENT_TEXT (AGE_RECIPIENT_LEN + 1u) /* with NUL */

struct age_recipient {
	uint8_t pk[X25519_LEN];
};

/* Lower case and nothing around it; ERR_BAD_FORMAT otherwise, also for a low-order point, to which
 * nothing can be sealed. */
MUST_CHECK enum err age_recipient_parse(const char *text, struct age_recipient *ret);
void age_recipient_print(const struct age_recipient *r, char out[AGE_RECIPIENT_TEXT]);
bool age_recipient_equal(const struct age_recipient *a, const struct age_recipient *b);

/* Wraps the 16-byte file key for `r`; *ret is to be cleared by the caller. */
MUST_CHECK enum err age_recipient_wrap(const struct age_recipient *r, const struct secret *file_key,
				       struct age_stanza *ret);
/* A stanza that looks like one for a recipient and opens for nobody. */
MUST_CHECK enum err age_recipient_dummy(struct age_stanza *ret);
/* The form of an X25519 stanza, whoever it is for; `share` gets its ephemeral share.
 * ERR_AGE_HEADER. */
MUST_CHECK enum err age_recipient_check(const struct age_stanza *s, uint8_t share[X25519_LEN]);

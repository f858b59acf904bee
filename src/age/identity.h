/* An age identity: the X25519 secret key of a person, "AGE-SECRET-KEY-1...", in guarded memory.
 * Never changes after birth, so threads may share one. Identity files: age/identity_file.h.
 * Bytes: age.md, "The X25519 recipient type". */
#pragma once
#include "age/recipient.h"
#include "crypto/secret.h"

#define AGE_IDENTITY_LEN 74u /* of the text */

struct age_identity;

MUST_CHECK enum err age_identity_new_random(struct age_identity **ret);
MUST_CHECK enum err age_identity_from_raw(const uint8_t raw[X25519_LEN], struct age_identity **ret);
/* Upper case and nothing around it; ERR_BAD_FORMAT otherwise. */
MUST_CHECK enum err age_identity_parse(const char *text, size_t len, struct age_identity **ret);
void age_identity_free(struct age_identity *id); /* wipes; NULL is welcome */
DEFINE_FREEP(struct age_identity, age_identity_free)

/* The text, AGE_IDENTITY_LEN characters without a NUL. */
MUST_CHECK enum err age_identity_print(const struct age_identity *id, struct secret **ret);
void age_identity_recipient(const struct age_identity *id, struct age_recipient *out);
/* The X25519_LEN raw bytes; borrowed, valid until age_identity_free. */
const uint8_t *age_identity_secret(const struct age_identity *id);

/* The file key out of a stanza. ERR_NO_KEY_FITS when the stanza is of another type or for somebody
 * else, ERR_AGE_HEADER when it is an X25519 stanza of a wrong form. */
MUST_CHECK enum err age_identity_unwrap(const struct age_identity *id, const struct age_stanza *s,
					struct secret **ret);

/* Wrapping a file key under a passphrase. Bytes: age.md, "The scrypt recipient type". */
#pragma once
#include "age/stanza.h"
#include "crypto/secret.h"

#define SCRYPT_STANZA "scrypt"
#define AGE_SCRYPT_LOG_N 18u	 /* as age writes: 256 MiB, about a second */
#define AGE_SCRYPT_MAX_LOG_N 22u /* most that reading tries unless told otherwise: 4 GiB */

/* ERR_INVALID for a work factor outside 1 to 30. */
MUST_CHECK enum err age_passphrase_wrap(const struct secret *passphrase, unsigned log_n,
					const struct secret *file_key, struct age_stanza *ret);
/* ERR_AGE_HEADER when the stanza has a wrong form or asks for more than 2^max_log_n rounds,
 * ERR_PASSPHRASE when the passphrase is another one. */
MUST_CHECK enum err age_passphrase_unwrap(const struct secret *passphrase, unsigned max_log_n,
					  const struct age_stanza *s, struct secret **ret);
/* The form of an scrypt stanza, without trying it. ERR_AGE_HEADER as above. */
MUST_CHECK enum err age_passphrase_check(const struct age_stanza *s, unsigned max_log_n);

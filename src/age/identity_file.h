/* An identity in a file sealed with a passphrase. What is inside is the text age-keygen writes
 * (creation time and public key as comments, then the identity), so `age -d` prints a file that
 * `age -i` takes. */
#pragma once
#include <time.h>
#include "age/identity.h"
#include "base/buf.h"

/* The plain text of an identity file. */
MUST_CHECK enum err age_identity_file_print(const struct age_identity *id, time_t created,
					    struct secret **ret);
/* Blank lines and lines that begin with # are skipped; exactly one identity must be left over.
 * ERR_BAD_FORMAT otherwise. */
MUST_CHECK enum err age_identity_file_parse(const char *text, size_t len,
					    struct age_identity **ret);

/* Appends a binary age file to `out`. Costs 1 KiB << log_n of memory. */
MUST_CHECK enum err age_identity_seal(const struct age_identity *id, time_t created,
				      const struct secret *passphrase, unsigned log_n,
				      struct buf *out);
/* Binary or armored. ERR_PASSPHRASE when it is wrong, ERR_NO_KEY_FITS when the file is sealed to
 * recipients instead, ERR_AGE_HEADER for a work factor above max_log_n (0: the default limit). */
MUST_CHECK enum err age_identity_open(const void *data, size_t len, const struct secret *passphrase,
				      unsigned max_log_n, struct age_identity **ret);

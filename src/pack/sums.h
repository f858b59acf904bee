/* SHA256SUMS: the hashes of a pack's files, in the text form that `sha256sum -c` reads.
 *
 * A line is the hash in lower-case hexadecimal digits, two spaces, the name. A name with a
 * backslash or a line feed is written with `\\` and `\n`, and its line begins with a backslash. */
#pragma once
#include "base/buf.h"
#include "crypto/hash.h"

#define SUMS_MAX (UINT32_C(1) << 28) /* held in memory, since minisign signs it as a whole */

/* Appends one line. ERR_TOO_BIG beyond SUMS_MAX. */
MUST_CHECK enum err sums_add(struct buf *text, const uint8_t sum[SHA256_LEN], const char *name);

/* LINKS: what has no hash of its own, so that the signature covers it too, by the hash of this
 * list. Appends: type as in tar, a space, the name, a zero byte, the target (NULL: a folder), a
 * zero byte. ERR_TOO_BIG beyond SUMS_MAX. */
MUST_CHECK enum err links_add(struct buf *list, char type, const char *name, const char *target);

struct sums_line {
	uint8_t sum[SHA256_LEN];
	char *name; /* malloc'd; the caller's */
};
/* The line at *at, which is moved behind it. ERR_NOT_FOUND at the end, ERR_BAD_FORMAT. */
MUST_CHECK enum err sums_next(const char *text, size_t len, size_t *at, struct sums_line *ret);

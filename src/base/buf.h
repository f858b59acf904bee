/* A growing byte buffer, always NUL-terminated behind its last byte so that text can be used as is.
 * All-zero is the valid empty state. Not for secrets (crypto/secret.h is). */
#pragma once
#include "base/err.h"

struct buf {
	char *data; /* NULL while empty and never grown */
	size_t len;
	size_t cap;
};

MUST_CHECK enum err buf_append(struct buf *b, const void *data, size_t len);
MUST_CHECK enum err buf_puts(struct buf *b, const char *text);
MUST_CHECK enum err buf_printf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_clear(struct buf *b); /* frees; CLEANUP(buf_clear) */

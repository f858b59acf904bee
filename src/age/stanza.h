/* A recipient stanza of an age header: arguments, the first of which is the type, and a body.
 * All-zero is the valid empty state. Bytes: age.md, "Recipient stanza". */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

struct age_stanza {
	char *args; /* owned: argc texts, one after the other, each ended by NUL */
	size_t argc;
	uint8_t *body; /* owned */
	size_t body_len;
};

/* Makes a stanza of copies; `args` are argc texts of visible ASCII, none empty. */
MUST_CHECK enum err age_stanza_make(const char *const *args, size_t argc, const void *body,
				    size_t body_len, struct age_stanza *ret);
void age_stanza_clear(struct age_stanza *s);
const char *age_stanza_arg(const struct age_stanza *s,
			   size_t i); /* borrowed; NULL beyond the end */
bool age_stanza_is(const struct age_stanza *s, const char *type);
MUST_CHECK enum err age_stanza_print(const struct age_stanza *s, struct buf *out);
/* Reads the stanza at the start of `text`; *ret_len is its length. ERR_AGE_HEADER. */
MUST_CHECK enum err age_stanza_parse(const char *text, size_t len, struct age_stanza *ret,
				     size_t *ret_len);

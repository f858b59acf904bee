/* The fields of a statement in the making: names and values in their order, copied. All-zero is the
 * empty one. Names are those of docs/FORMAT.md, "Register". */
#pragma once
#include "age/recipient.h"
#include "org/statement.h"

struct draft {
	struct statement_field *fields; /* owned, with the texts in it */
	size_t count;
};
void draft_clear(struct draft *d); /* CLEANUP(draft_clear) */

/* `name` is borrowed for ever: a literal. Values are copied; NULL and "" leave the field out. */
MUST_CHECK enum err draft_add(struct draft *d, const char *name, const char *value);
MUST_CHECK enum err draft_addf(struct draft *d, const char *name, const char *format, ...)
	PRINTF_LIKE(3, 4);
MUST_CHECK enum err draft_add_hex(struct draft *d, const char *name, const void *data, size_t len);
MUST_CHECK enum err draft_add_recipient(struct draft *d, const char *name,
					const struct age_recipient *who);

#include "org/draft.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

void draft_clear(struct draft *d)
{
	for (size_t i = 0; i < d->count; i++)
		free((char *)d->fields[i].value);
	free(d->fields);
	*d = (struct draft){0};
}

/* Takes `value` over, whatever happens. */
static enum err take(struct draft *d, const char *name, char *value)
{
	struct statement_field *more =
		value ? realloc(d->fields, (d->count + 1) * sizeof(*more)) : NULL;

	if (!more) {
		free(value);
		return err_at(ERR_NOMEM, "%s", name);
	}
	d->fields = more;
	d->fields[d->count++] = (struct statement_field){name, value};
	return OK;
}

enum err draft_add(struct draft *d, const char *name, const char *value)
{
	return value && *value ? take(d, name, strdup(value)) : OK;
}

enum err draft_addf(struct draft *d, const char *name, const char *format, ...)
{
	char *value = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&value, format, args) < 0)
		value = NULL;
	va_end(args);
	return take(d, name, value);
}

enum err draft_add_hex(struct draft *d, const char *name, const void *data, size_t len)
{
	char *hex = malloc(2 * len + 1);

	if (hex)
		text_hex(data, len, hex);
	return take(d, name, hex);
}

enum err draft_add_recipient(struct draft *d, const char *name, const struct age_recipient *who)
{
	char text[AGE_RECIPIENT_TEXT];

	age_recipient_print(who, text);
	return draft_add(d, name, text);
}

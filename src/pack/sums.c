#include "pack/sums.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

#define HEX_LEN (2 * SHA256_LEN)

static enum err put_name(struct buf *text, const char *name)
{
	for (;;) {
		size_t plain = strcspn(name, "\\\n");

		TRY(buf_append(text, name, plain));
		name += plain;
		if (!*name)
			return buf_puts(text, "\n");
		TRY(buf_puts(text, *name++ == '\n' ? "\\n" : "\\\\"));
	}
}

enum err sums_add(struct buf *text, const uint8_t sum[SHA256_LEN], const char *name)
{
	char hex[HEX_LEN + 1];

	if (text->len > SUMS_MAX)
		return err_at(ERR_TOO_BIG, "%s", name);
	text_hex(sum, SHA256_LEN, hex);
	TRY(buf_printf(text, "%s%s  ", strpbrk(name, "\\\n") ? "\\" : "", hex));
	return put_name(text, name);
}

enum err links_add(struct buf *list, char type, const char *name, const char *target)
{
	if (list->len > SUMS_MAX)
		return err_at(ERR_TOO_BIG, "%s", name);
	TRY(buf_printf(list, "%c ", type));
	TRY(buf_append(list, name, strlen(name) + 1));
	return buf_append(list, target ? target : "", target ? strlen(target) + 1 : 1);
}

/* Undoes put_name in place; false for an escape that is none. */
static bool unescape(char *name)
{
	char *to = name;

	for (const char *c = name; *c; c++) {
		if (*c != '\\') {
			*to++ = *c;
			continue;
		}
		c++;
		if (*c != '\\' && *c != 'n')
			return false;
		*to++ = *c == 'n' ? '\n' : '\\';
	}
	*to = '\0';
	return true;
}

static enum err bad_line(void)
{
	return err_at(ERR_BAD_FORMAT, "SHA256SUMS");
}

static enum err parse_line(const char *line, size_t len, struct sums_line *ret)
{
	bool escaped = len > 0 && line[0] == '\\';
	char hex[HEX_LEN + 1], *name;

	line += escaped;
	len -= escaped;
	if (len < HEX_LEN + 3 || memcmp(line + HEX_LEN, "  ", 2) != 0 || memchr(line, '\0', len))
		return bad_line();
	memcpy(hex, line, HEX_LEN);
	hex[HEX_LEN] = '\0';
	if (text_unhex(hex, ret->sum, SHA256_LEN) != OK)
		return bad_line();
	name = strndup(line + HEX_LEN + 2, len - HEX_LEN - 2);
	if (!name)
		return err_at(ERR_NOMEM, "SHA256SUMS");
	if (escaped && !unescape(name)) {
		free(name);
		return bad_line();
	}
	ret->name = name;
	return OK;
}

enum err sums_next(const char *text, size_t len, size_t *at, struct sums_line *ret)
{
	const char *line = text + *at, *end;

	if (*at >= len)
		return ERR_NOT_FOUND;
	end = memchr(line, '\n', len - *at);
	if (!end)
		return bad_line();
	TRY(parse_line(line, (size_t)(end - line), ret));
	*at += (size_t)(end - line) + 1;
	return OK;
}

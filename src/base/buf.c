#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` bytes and the NUL behind them. Doubles, so that appending stays linear. */
static enum err buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	char *data;

	if (more > SIZE_MAX / 4 - b->len)
		return err_at(ERR_NOMEM, "a buffer of %zu bytes", more);
	need = b->len + more + 1;
	if (need <= b->cap)
		return OK;
	cap = MAX(MAX(b->cap * 2, need), (size_t)64);
	data = realloc(b->data, cap);
	if (!data)
		return err_at(ERR_NOMEM, "a buffer of %zu bytes", cap);
	b->data = data;
	b->cap = cap;
	return OK;
}

enum err buf_append(struct buf *b, const void *data, size_t len)
{
	TRY(buf_reserve(b, len));
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return OK;
}

enum err buf_puts(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

/* Written at once where there is room, as there mostly is; formatting is the dear part. */
enum err buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int len;

	TRY(buf_reserve(b, 63));
	va_start(args, format);
	len = vsnprintf(b->data + b->len, b->cap - b->len, format, args);
	va_end(args);
	if (len >= 0 && (size_t)len >= b->cap - b->len) {
		b->data[b->len] = '\0';
		TRY(buf_reserve(b, (size_t)len));
		va_start(args, format);
		len = vsnprintf(b->data + b->len, b->cap - b->len, format, args);
		va_end(args);
	}
	if (len < 0) {
		b->data[b->len] = '\0';
		return err_errno_at(ERR_INTERNAL, "formatting a text");
	}
	b->len += (size_t)len;
	return OK;
}

void buf_clear(struct buf *b)
{
	free(b->data);
	*b = (struct buf){0};
}

#include "age/stanza.h"

#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "crypto/secret.h"

#define COLUMNS 64u
#define LINE_BYTES 48u /* of a full line of the body */
#define MARK "-> "
#define MARK_LEN (sizeof(MARK) - 1)

void age_stanza_clear(struct age_stanza *s)
{
	free(s->args);
	if (s->body)
		mem_wipe(s->body, s->body_len); /* a plugin's may be a file key */
	free(s->body);
	memset(s, 0, sizeof(*s));
}

const char *age_stanza_arg(const struct age_stanza *s, size_t i)
{
	const char *arg = s->args;

	if (i >= s->argc)
		return NULL;
	while (i-- > 0)
		arg += strlen(arg) + 1;
	return arg;
}

bool age_stanza_is(const struct age_stanza *s, const char *type)
{
	return s->argc > 0 && strcmp(s->args, type) == 0;
}

/* An empty body needs memory too, so that NULL always means failure. */
static uint8_t *body_alloc(size_t len)
{
	return malloc(len > 0 ? len : 1);
}

enum err age_stanza_make(const char *const *args, size_t argc, const void *body, size_t body_len,
			 struct age_stanza *ret)
{
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	size_t size = 0;
	char *at;

	for (size_t i = 0; i < argc; i++)
		size += strlen(args[i]) + 1;
	s.args = at = malloc(size);
	s.body = body_alloc(body_len);
	if (!s.args || !s.body)
		return err_at(ERR_NOMEM, "stanza");
	for (size_t i = 0; i < argc; i++)
		at = stpcpy(at, args[i]) + 1;
	s.argc = argc;
	if (body_len > 0)
		memcpy(s.body, body, body_len);
	s.body_len = body_len;
	*ret = s;
	s = (struct age_stanza){0};
	return OK;
}

/* The body ends with a line of less than 64 columns, so one that fills its last line gets an empty
 * one behind it. */
static enum err body_print(const struct age_stanza *s, struct buf *out)
{
	char line[COLUMNS + 2];

	for (size_t at = 0;; at += LINE_BYTES) {
		size_t len = MIN(s->body_len - at, (size_t)LINE_BYTES);

		text_base64(s->body + at, len, false, line);
		strcat(line, "\n");
		TRY(buf_puts(out, line));
		if (len < LINE_BYTES)
			return OK;
	}
}

enum err age_stanza_print(const struct age_stanza *s, struct buf *out)
{
	TRY(buf_puts(out, "->"));
	for (size_t i = 0; i < s->argc; i++) {
		TRY(buf_puts(out, " "));
		TRY(buf_puts(out, age_stanza_arg(s, i)));
	}
	TRY(buf_puts(out, "\n"));
	return body_print(s, out);
}

/* Length of the line at `text` without its LF; false when there is no LF. */
static bool line_find(const char *text, size_t len, size_t *ret)
{
	const char *end = memchr(text, '\n', len);

	if (!end)
		return false;
	*ret = (size_t)(end - text);
	return true;
}

/* Arguments are one or more visible characters each, with one space between them. */
static enum err args_parse(const char *text, size_t len, struct age_stanza *s)
{
	s->args = malloc(len + 1);
	if (!s->args)
		return err_at(ERR_NOMEM, "stanza");
	for (size_t i = 0; i <= len; i++) {
		bool ends = i == len || text[i] == ' ';

		if (ends && (i == 0 || text[i - 1] == ' '))
			return err_at(ERR_AGE_HEADER, "stanza with an empty argument");
		if (!ends && (text[i] < 0x21 || text[i] > 0x7e))
			return err_at(ERR_AGE_HEADER, "stanza with an invisible character");
		s->args[i] = ends ? '\0' : text[i];
		s->argc += ends;
	}
	return OK;
}

/* Number of full lines before the last one of the body. */
static size_t full_lines(const char *text, size_t len)
{
	size_t count = 0;

	while (len > COLUMNS && memchr(text, '\n', COLUMNS + 1) == text + COLUMNS) {
		text += COLUMNS + 1;
		len -= COLUMNS + 1;
		count++;
	}
	return count;
}

static enum err body_parse(const char *text, size_t len, struct age_stanza *s, size_t *ret_len)
{
	size_t full = full_lines(text, len);
	size_t at = 0, line = 0, bytes = 0;

	s->body = body_alloc((full + 1) * LINE_BYTES);
	if (!s->body)
		return err_at(ERR_NOMEM, "stanza");
	for (size_t i = 0; i <= full; i++) {
		if (!line_find(text + at, len - at, &line))
			return err_at(ERR_AGE_HEADER, "stanza body without a last line");
		if (text_unbase64(text + at, line, false, s->body + s->body_len, LINE_BYTES,
				  &bytes) != OK)
			return err_at(ERR_AGE_HEADER, "stanza body that is no canonical base64");
		s->body_len += bytes;
		at += line + 1;
	}
	*ret_len = at;
	return OK;
}

enum err age_stanza_parse(const char *text, size_t len, struct age_stanza *ret, size_t *ret_len)
{
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	size_t line = 0, body = 0;

	if (!line_find(text, len, &line) || line < MARK_LEN || memcmp(text, MARK, MARK_LEN) != 0)
		return err_at(ERR_AGE_HEADER, "no stanza where one should begin");
	TRY(args_parse(text + MARK_LEN, line - MARK_LEN, &s));
	TRY(body_parse(text + line + 1, len - line - 1, &s, &body));
	*ret_len = line + 1 + body;
	*ret = s;
	s = (struct age_stanza){0};
	return OK;
}

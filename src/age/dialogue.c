#include "age/dialogue.h"

#include <string.h>
#include "base/text.h"

#define MARK "->"
#define COLUMNS 64u
#define LINE_BYTES 48u /* of a full line of a body */

enum err dialogue_open(struct dialogue *d, struct age_source from, struct age_sink to)
{
	*d = (struct dialogue){.from = from, .to = to};
	return secret_new(DIALOGUE_WORD_MAX, &d->heard);
}

void dialogue_close(struct dialogue *d)
{
	secret_free(d->heard);
	*d = (struct dialogue){0};
}

/* Length of the word's text, with room for the NUL that base64 puts behind itself. */
static size_t word_room(const char *const *args, size_t argc, size_t len)
{
	size_t size = sizeof(MARK) + 1;

	for (size_t i = 0; i < argc; i++)
		size += 1 + strlen(args[i]);
	return size + (len / LINE_BYTES + 1) * (COLUMNS + 1);
}

/* Lines of 64 columns and a shorter one, perhaps empty, at the end. */
static char *body_print(const uint8_t *body, size_t len, char *out)
{
	for (;; body += LINE_BYTES, len -= LINE_BYTES) {
		size_t part = MIN(len, (size_t)LINE_BYTES);

		if (part > 0)
			text_base64(body, part, false, out);
		out += text_base64_len(part, false);
		*out++ = '\n';
		if (part < LINE_BYTES)
			return out;
	}
}

enum err dialogue_say(struct dialogue *d, const char *const *args, size_t argc, const void *body,
		      size_t len)
{
	CLEANUP(secret_freep) struct secret *word = NULL;
	char *at;

	TRY(secret_new(word_room(args, argc, len), &word));
	at = stpcpy((char *)secret_edit(word), MARK);
	for (size_t i = 0; i < argc; i++) {
		*at++ = ' ';
		at = stpcpy(at, args[i]);
	}
	*at++ = '\n';
	at = body_print(body, len, at);
	return d->to.write(d->to.ctx, secret_data(word),
			   (size_t)((const uint8_t *)at - secret_data(word)));
}

/* Length of the word at `text`, 0 when its end did not come yet: it ends with the first line behind
 * the head that is not full. */
static size_t word_len(const char *text, size_t len)
{
	const char *line = memchr(text, '\n', len), *end;

	if (!line)
		return 0;
	for (line++; (end = memchr(line, '\n', len - (size_t)(line - text))); line = end + 1) {
		if (end - line != COLUMNS)
			return (size_t)(end + 1 - text);
	}
	return 0;
}

/* Brings more bytes in behind those that are there. */
static enum err listen_more(struct dialogue *d)
{
	uint8_t *bytes = secret_edit(d->heard);
	size_t got = 0;

	memmove(bytes, bytes + d->at, d->len - d->at);
	d->len -= d->at;
	d->at = 0;
	if (d->len == DIALOGUE_WORD_MAX)
		return err_at(ERR_PLUGIN, "it says a word of more than %u bytes",
			      DIALOGUE_WORD_MAX);
	TRY(d->from.read(d->from.ctx, bytes + d->len, DIALOGUE_WORD_MAX - d->len, &got));
	if (got == 0)
		return err_at(ERR_PLUGIN, "it ended before it was done");
	d->len += got;
	d->total += got;
	if (d->total > DIALOGUE_TOTAL_MAX)
		return err_at(ERR_PLUGIN, "it says more than %u bytes", DIALOGUE_TOTAL_MAX);
	return OK;
}

enum err dialogue_hear(struct dialogue *d, struct age_stanza *ret)
{
	size_t len, used = 0;
	const char *text;
	enum err err;

	while ((len = word_len((const char *)secret_data(d->heard) + d->at, d->len - d->at)) == 0)
		TRY(listen_more(d));
	text = (const char *)secret_data(d->heard) + d->at;
	err = age_stanza_parse(text, len, ret, &used);
	d->at += len;
	if (err == ERR_NOMEM)
		return err;
	if (err != OK)
		return err_at(ERR_PLUGIN, "it says what is no stanza");
	if (used != len) {
		age_stanza_clear(ret);
		return err_at(ERR_PLUGIN, "it says what is no stanza");
	}
	return OK;
}

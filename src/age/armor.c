#include "age/armor.h"

#include <string.h>
#include "base/text.h"

#define BEGIN_LINE "-----BEGIN AGE ENCRYPTED FILE-----"
#define END_LINE "-----END AGE ENCRYPTED FILE-----"

bool age_armor_likely(uint8_t first)
{
	return first == '-' || first == ' ' || first == '\t' || first == '\r' || first == '\n';
}

struct age_armor_writer age_armor_writer_make(struct age_sink into)
{
	return (struct age_armor_writer){.into = into};
}

static enum err text_put(struct age_armor_writer *w, const char *text)
{
	return w->into.write(w->into.ctx, text, strlen(text));
}

static enum err begin_put(struct age_armor_writer *w)
{
	if (w->begun)
		return OK;
	w->begun = true;
	return text_put(w, BEGIN_LINE "\n");
}

static enum err line_put(struct age_armor_writer *w)
{
	char text[AGE_ARMOR_COLUMNS + 2];

	text_base64(w->line, w->len, true, text);
	strcat(text, "\n");
	w->len = 0;
	return text_put(w, text);
}

static enum err armor_write(void *ctx, const void *data, size_t len)
{
	struct age_armor_writer *w = ctx;
	const uint8_t *from = data;

	TRY(begin_put(w));
	while (len > 0) {
		size_t part = MIN(len, sizeof(w->line) - w->len);

		memcpy(w->line + w->len, from, part);
		w->len += part;
		from += part;
		len -= part;
		if (w->len == sizeof(w->line))
			TRY(line_put(w));
	}
	return OK;
}

struct age_sink age_armor_sink(struct age_armor_writer *w)
{
	return (struct age_sink){armor_write, w};
}

enum err age_armor_finish(struct age_armor_writer *w)
{
	TRY(begin_put(w));
	if (w->len > 0)
		TRY(line_put(w));
	return text_put(w, END_LINE "\n");
}

struct age_armor_reader age_armor_reader_make(struct age_inflow *in)
{
	return (struct age_armor_reader){.in = in};
}

static enum err fault(const struct age_armor_reader *r, const char *what)
{
	return err_at(r->begun ? ERR_AGE_PAYLOAD : ERR_AGE_HEADER, "armor: %s", what);
}

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The next byte, -1 at the end. */
static enum err byte_next(struct age_armor_reader *r, int *ret)
{
	struct age_inflow *in = r->in;

	TRY(age_inflow_fill(in));
	*ret = in->at < in->len ? in->bytes[in->at++] : -1;
	return OK;
}

/* A line without its LF or CRLF; the last line of a text may lack it. One character more than a
 * full line has is taken, since it may be the CR; otherwise it is no base64. */
static enum err line_next(struct age_armor_reader *r, char line[AGE_ARMOR_COLUMNS + 1],
			  size_t *ret_len)
{
	size_t len = 0;
	int c;

	for (;;) {
		TRY(byte_next(r, &c));
		if (c < 0 || c == '\n')
			break;
		if (len == AGE_ARMOR_COLUMNS + 1)
			return fault(r, "line of more than 64 columns");
		line[len++] = (char)c;
	}
	if (c == '\n' && len > 0 && line[len - 1] == '\r')
		len--;
	*ret_len = len;
	return OK;
}

static bool line_is(const char *line, size_t len, const char *want)
{
	return len == strlen(want) && memcmp(line, want, len) == 0;
}

/* Whitespace before the first line is fine, as long as that line stands alone. */
static enum err space_skip(struct age_armor_reader *r)
{
	struct age_inflow *in = r->in;
	uint8_t before = '\n';

	for (size_t i = 0; i <= AGE_ARMOR_SPACE_MAX; i++) {
		TRY(age_inflow_fill(in));
		if (in->at == in->len || !is_space(in->bytes[in->at])) {
			if (before != '\n')
				return fault(r, "first line does not stand alone");
			return OK;
		}
		before = in->bytes[in->at++];
	}
	return fault(r, "too much whitespace in front");
}

static enum err begin_read(struct age_armor_reader *r)
{
	char line[AGE_ARMOR_COLUMNS + 1];
	size_t len;

	TRY(space_skip(r));
	TRY(line_next(r, line, &len));
	if (!line_is(line, len, BEGIN_LINE))
		return fault(r, "no first line");
	r->begun = true;
	return OK;
}

static enum err end_read(struct age_armor_reader *r)
{
	int c = 0;

	for (size_t i = 0; i <= AGE_ARMOR_SPACE_MAX; i++) {
		TRY(byte_next(r, &c));
		if (c < 0) {
			r->ended = true;
			return OK;
		}
		if (!is_space((uint8_t)c))
			return fault(r, "something behind the last line");
	}
	return fault(r, "too much whitespace behind");
}

static enum err line_read(struct age_armor_reader *r)
{
	char line[AGE_ARMOR_COLUMNS + 1];
	size_t len;

	if (!r->begun)
		TRY(begin_read(r));
	TRY(line_next(r, line, &len));
	if (line_is(line, len, END_LINE))
		return end_read(r);
	if (r->short_line || len == 0)
		return fault(r, "short line before the last one");
	if (text_unbase64(line, len, true, r->line, sizeof(r->line), &r->len) != OK)
		return fault(r, "line that is no canonical base64");
	r->short_line = r->len < sizeof(r->line);
	r->at = 0;
	return OK;
}

static enum err armor_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct age_armor_reader *r = ctx;
	uint8_t *to = out;
	size_t done = 0;

	while (done < cap) {
		size_t part = MIN(cap - done, r->len - r->at);

		memcpy(to + done, r->line + r->at, part);
		r->at += part;
		done += part;
		if (done == cap || r->ended)
			break;
		TRY(line_read(r));
	}
	*ret_len = done;
	return OK;
}

struct age_source age_armor_source(struct age_armor_reader *r)
{
	return (struct age_source){armor_read, r};
}

#include "tools/width.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

struct glyph {
	utf8proc_int32_t code;
	size_t bytes, columns;
};

/* A byte that is no UTF-8 is shown as one sign. */
static struct glyph glyph_at(const char *s)
{
	struct glyph g = {.code = 0xfffd, .bytes = 1, .columns = 1};
	utf8proc_int32_t code = 0;
	utf8proc_ssize_t len = utf8proc_iterate((const utf8proc_uint8_t *)s, -1, &code);
	int columns;

	if (len <= 0)
		return g;
	columns = utf8proc_charwidth(code);
	g.code = code;
	g.bytes = (size_t)len;
	g.columns = columns > 0 ? (size_t)columns : 0;
	return g;
}

size_t width_of(const char *text)
{
	size_t columns = 0;

	while (*text) {
		struct glyph g = glyph_at(text);

		columns += g.columns;
		text += g.bytes;
	}
	return columns;
}

enum err width_pad(struct buf *to, const char *text, size_t columns)
{
	TRY(buf_puts(to, text));
	for (size_t at = width_of(text); at < columns; at++)
		TRY(buf_puts(to, " "));
	return OK;
}

/* Marks that no Japanese line begins with. */
static bool is_closing(utf8proc_int32_t code)
{
	static const char marks[] = "、。，．」』）】・ー？！ゃゅょっァィゥェォャュョッ)],.:;";

	for (const char *s = marks; *s;) {
		struct glyph g = glyph_at(s);

		if (g.code == code)
			return true;
		s += g.bytes;
	}
	return false;
}

static bool is_opening(utf8proc_int32_t code)
{
	return code == 0x300c || code == 0x300e || code == 0xff08 || code == 0x3010;
}

/* Whether a line may end between these two. */
static bool may_break(struct glyph before, struct glyph after)
{
	if (after.code == ' ')
		return true;
	if (is_closing(after.code) || is_opening(before.code))
		return false;
	return before.columns == 2 || after.columns == 2;
}

/* Bytes of the longest piece that fits into `room` columns and may be cut off; at least one glyph.
 */
static size_t piece_len(const char *text, size_t room)
{
	struct glyph before = glyph_at(text);
	size_t columns = before.columns, at = before.bytes, best = 0;

	while (text[at] && text[at] != '\n') {
		struct glyph g = glyph_at(text + at);

		if (may_break(before, g))
			best = at;
		if (columns + g.columns > room && best)
			return best;
		columns += g.columns;
		at += g.bytes;
		before = g;
	}
	return columns > room && best ? best : at;
}

enum err width_wrap(struct buf *to, const char *text, size_t at, size_t indent)
{
	while (*text) {
		size_t len = *text == '\n' ? 0 : piece_len(text, WIDTH_LINE - at);

		TRY(buf_append(to, text, len));
		text += len;
		while (*text == ' ')
			text++;
		if (*text == '\n')
			text++;
		if (!*text)
			break;
		TRY(buf_puts(to, "\n"));
		if (*text != '\n')
			TRY(width_pad(to, "", indent));
		at = indent;
	}
	return buf_puts(to, "\n");
}

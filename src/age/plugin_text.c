#include "age/plugin_text.h"

#include <string.h>
#include "base/text.h"

/* Bytes of a sequence that must not be shown at `s`, 0 when there is none: the controls U+0080 to
 * U+009F, line and paragraph separators and the turns of direction U+2028 to U+202E, U+2066 to
 * U+2069, and the marks U+200E, U+200F. */
static size_t unshown(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;

	if (len >= 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return 2;
	if (len < 3 || p[0] != 0xe2)
		return 0;
	if (p[1] == 0x80 && ((p[2] >= 0xa8 && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f))
		return 3;
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9 ? 3 : 0;
}

static bool is_control(char c)
{
	return (uint8_t)c < 0x20 || c == 0x7f;
}

/* Cut to a length, never within a character. */
static size_t cut(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	while (max > 0 && ((uint8_t)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

void plugin_text(const void *text, size_t len, char out[AGE_PLUGIN_LINE + 1])
{
	const char *in = text;
	bool good = text_is_utf8(in, len);
	size_t at = 0;

	len = cut(in, len, AGE_PLUGIN_LINE);
	for (size_t i = 0; i < len;) {
		size_t skip = good ? unshown(in + i, len - i) : 0;

		if (skip > 0 || (!good && (uint8_t)in[i] > 0x7f))
			out[at++] = '?';
		else
			out[at++] = is_control(in[i]) ? ' ' : in[i];
		i += MAX(skip, (size_t)1);
	}
	out[at] = '\0';
}

#include "tools/html.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "tools/cli.h"

#define REIWA 1556636400 /* 2019-05-01 in Japan */

/* Bytes of the character at `text`; 0 when it is none: what was cut to a field may end in half of
 * one. */
static size_t character(const char *text)
{
	unsigned char first = (unsigned char)*text;
	size_t len = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	return strnlen(text, len) == len && text_is_utf8(text, len) ? len : 0;
}

enum err html_text(const struct html *h, const char *text)
{
	while (*text) {
		size_t len = character(text);
		const char *as = *text == '&'	 ? "&amp;"
				 : *text == '<'	 ? "&lt;"
				 : *text == '>'	 ? "&gt;"
				 : *text == '"'	 ? "&quot;"
				 : *text == '\'' ? "&#39;"
						 : NULL;

		if (!len)
			as = "\xef\xbf\xbd"; /* U+FFFD */
		else if ((unsigned char)*text < ' ' || *text == 0x7f)
			as = " ";
		TRY(as ? buf_puts(h->out, as) : buf_append(h->out, text, len));
		text += len ? len : 1;
	}
	return OK;
}

enum err html_element(const struct html *h, const char *tag, const char *text)
{
	TRY(buf_printf(h->out, "<%s>", tag));
	TRY(html_text(h, text));
	return buf_printf(h->out, "</%.*s>\n", (int)strcspn(tag, " "), tag);
}

enum err html_cell(const struct html *h, const char *text)
{
	TRY(buf_puts(h->out, "<td>"));
	TRY(html_text(h, text));
	return buf_puts(h->out, "</td>");
}

enum err html_table(const struct html *h, const struct html_column *columns, size_t n)
{
	TRY(buf_puts(h->out, "<table class=\"rows\"><colgroup>"));
	for (size_t i = 0; i < n; i++)
		TRY(buf_printf(h->out, "<col style=\"width:%u%%\">", columns[i].width));
	TRY(buf_puts(h->out, "</colgroup><thead><tr>"));
	for (size_t i = 0; i < n; i++) {
		TRY(buf_puts(h->out, "<th>"));
		TRY(html_text(h, gettext(columns[i].head)));
		TRY(buf_puts(h->out, "</th>"));
	}
	return buf_puts(h->out, "</tr></thead><tbody>\n");
}

enum err html_table_end(const struct html *h)
{
	return buf_puts(h->out, "</tbody></table>\n");
}

void html_time(const struct html *h, int64_t when, bool with_time, char out[HTML_TIME])
{
	time_t t = (time_t)when;
	struct tm tm;
	int n;

	text_copy(out, HTML_TIME, "-");
	if (when <= 0 || !localtime_r(&t, &tm))
		return;
	if (h->wareki && when >= REIWA && tm.tm_year == 119)
		n = snprintf(out, HTML_TIME, "令和元年%d月%d日", tm.tm_mon + 1, tm.tm_mday);
	else if (h->wareki && when >= REIWA)
		n = snprintf(out, HTML_TIME, "令和%d年%d月%d日", tm.tm_year - 118, tm.tm_mon + 1,
			     tm.tm_mday);
	else
		n = snprintf(out, HTML_TIME, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
			     tm.tm_mday);
	if (with_time)
		snprintf(out + n, HTML_TIME - (size_t)n, " %02d:%02d", tm.tm_hour, tm.tm_min);
}

void html_month(const struct html *h, int64_t when, char out[HTML_TIME])
{
	time_t t = (time_t)when;
	struct tm tm;

	text_copy(out, HTML_TIME, "-");
	if (!localtime_r(&t, &tm))
		return;
	if (h->wareki && when >= REIWA)
		snprintf(out, HTML_TIME, "R%d.%d", tm.tm_year - 118, tm.tm_mon + 1);
	else
		snprintf(out, HTML_TIME, "%04d-%02d", tm.tm_year + 1900, tm.tm_mon + 1);
}

#include "tools/catalogue_table.h"

#include <string.h>

#include "tools/cli.h"

enum err catalogue_tsv(const struct catalogue *c, struct buf *to)
{
	for (size_t i = 0; i < c->count; i++) {
		TRY(catalogue_line(&c->list[i], to));
		TRY(buf_puts(to, "\n"));
	}
	return OK;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static enum err put_quoted(struct buf *to, const char *text)
{
	TRY(buf_puts(to, "\""));
	for (; *text; text++)
		TRY(buf_append(to, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1));
	return buf_puts(to, "\"");
}

static enum err put_row(struct buf *to, const char *id, const char *name, const char *purpose_id,
			const char *purpose)
{
	const char *const cells[] = {id, name, purpose_id, purpose};

	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		if (i > 0)
			TRY(buf_puts(to, ","));
		TRY(put_quoted(to, cells[i]));
	}
	return buf_puts(to, "\r\n");
}

static enum err put_category(struct buf *to, const struct category *c)
{
	for (size_t i = 0; i < c->purpose_count; i++) {
		CLEANUP(buf_clear) struct buf id = {0};

		if (!*c->purposes[i])
			continue;
		TRY(buf_printf(&id, "%s.%zu", c->id, i + 1));
		TRY(put_row(to, c->id, c->name, id.data, c->purposes[i]));
	}
	return OK;
}

enum err catalogue_csv(const struct catalogue *c, struct buf *to)
{
	TRY(buf_puts(to, "\xef\xbb\xbf"));
	TRY(put_row(to, _("category id"), _("category of personal information"), _("purpose id"),
		    _("purpose of use")));
	for (size_t i = 0; i < c->count; i++)
		TRY(put_category(to, &c->list[i]));
	return OK;
}

/* ---- HTML ------------------------------------------------------------------------------------ */

static enum err put_escaped(struct buf *to, const char *text)
{
	static const struct {
		char sign;
		const char *as;
	} escapes[] = {{'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}};

	for (; *text; text++) {
		const char *as = NULL;

		for (size_t i = 0; i < ARRAY_LEN(escapes); i++)
			if (escapes[i].sign == *text)
				as = escapes[i].as;
		TRY(as ? buf_puts(to, as) : buf_append(to, text, 1));
	}
	return OK;
}

static enum err put_head(struct buf *to, const struct roster *roster)
{
	const char *title = _("Purposes of use of personal information");

	TRY(buf_puts(to, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>"));
	TRY(put_escaped(to, title));
	TRY(buf_puts(to, "</title>\n</head>\n<body>\n<h1>"));
	TRY(put_escaped(to, title));
	TRY(buf_puts(to, "</h1>\n"));
	if (roster->name[0]) {
		TRY(buf_puts(to, "<p>"));
		TRY(put_escaped(to, roster->name));
		TRY(buf_puts(to, "</p>\n"));
	}
	return OK;
}

static enum err put_html_row(struct buf *to, const struct category *c)
{
	bool begun = false;

	TRY(buf_puts(to, "<tr><td>"));
	TRY(put_escaped(to, c->name));
	TRY(buf_puts(to, "</td><td>"));
	for (size_t i = 0; i < c->purpose_count; i++) {
		if (!*c->purposes[i])
			continue;
		TRY(buf_puts(to, begun ? "<br>" : ""));
		TRY(put_escaped(to, c->purposes[i]));
		begun = true;
	}
	return buf_puts(to, "</td></tr>\n");
}

static enum err put_foot(struct buf *to, const struct roster *roster)
{
	const char *day = roster->catalog ? statement_value(roster->catalog, "published") : NULL;

	TRY(buf_puts(to, "</table>\n"));
	if (day) {
		TRY(buf_puts(to, "<p>"));
		TRY(buf_printf(to, _("Published on %s"), day));
		TRY(buf_puts(to, "</p>\n"));
	}
	return buf_puts(to, "</body>\n</html>\n");
}

enum err catalogue_html(const struct catalogue *c, const struct roster *roster, struct buf *to)
{
	TRY(put_head(to, roster));
	TRY(buf_puts(to, "<table border=\"1\">\n<tr><th>"));
	TRY(put_escaped(to, _("category of personal information")));
	TRY(buf_puts(to, "</th><th>"));
	TRY(put_escaped(to, _("purpose of use")));
	TRY(buf_puts(to, "</th></tr>\n"));
	for (size_t i = 0; i < c->count; i++)
		TRY(put_html_row(to, &c->list[i]));
	return put_foot(to, roster);
}

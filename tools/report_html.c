#include "tools/report_html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit/checkpoint.h"
#include "base/qr.h"
#include "base/text.h"
#include "org/ledger.h"
#include "tools/cli.h"
#include "tools/officer.h"
#include "tools/report_findings.h"
#include "tools/report_picture.h"

#define CODES_MAX 12u
#define ROWS_SHOWN 2000u     /* of one table */
#define EXCEPTIONS_SHOWN 24u /* told one by one at the beginning */

struct page {
	const struct report_page *p;
	struct html h;
	struct finding findings[FINDINGS];
	size_t ill_ended; /* openings that did not end with an eject, nor are open still */
	size_t told;	  /* exceptions told so far */
};

static bool is_ill(const struct report_session *s)
{
	return s->ending != REPORT_CLOSED && s->ending != REPORT_OPEN;
}

static enum err put_heading(const struct page *g, const char *text)
{
	return html_element(&g->h, "h2", text);
}

static enum err put_time(const struct page *g, int64_t when)
{
	char text[HTML_TIME];

	html_time(&g->h, when, true, text);
	return html_cell(&g->h, text);
}

/* ---- the head ---- */

static const char style[] =
	"@page{size:A4;margin:14mm 15mm 16mm}"
	"*{box-sizing:border-box}"
	"html{background:#fff;-webkit-text-size-adjust:100%}"
	"body{font:9.5pt/1.6 'Noto Sans CJK JP','Noto Sans JP','Hiragino Sans','Yu Gothic "
	"UI',Meiryo,"
	"'IPAexGothic',sans-serif;color:#111;background:#fff;max-width:180mm;margin:0 "
	"auto;overflow-wrap:anywhere}"
	"h1{font-size:17pt;line-height:1.25;margin:0;letter-spacing:.02em}"
	"h2{font-size:11.5pt;line-height:1.3;margin:8mm 0 2mm;padding-bottom:1mm;"
	"border-bottom:.5mm solid #111;break-after:avoid}"
	"p{margin:0 0 2mm}"
	".society{font-size:11pt;margin:1mm 0 0}"
	".made{font-size:8pt;color:#444;margin:0 0 4mm}"
	"table{border-collapse:collapse;width:100%;table-layout:fixed}"
	"td,th{text-align:left;vertical-align:top;overflow-wrap:anywhere;font-weight:400;padding:0}"
	"thead{display:table-header-group}tr{break-inside:avoid}"
	".head th,.head td{border:.25mm solid #666;padding:1.4mm 2mm;font-size:8.5pt}"
	".head th{color:#333;font-size:8pt;vertical-align:middle}.head td{height:9.5mm;"
	"vertical-align:middle}"
	".figures td{border-bottom:.25mm solid #666;padding:0 2mm "
	"1.5mm 0;"
	"font-size:8pt;line-height:1.35;color:#333}"
	".figures b{display:block;font-size:18pt;line-height:1.15;font-weight:600;color:#111}"
	".figures{margin:0 0 4mm}"
	"ul{list-style:none;margin:0 0 2mm;padding:0}"
	"li{padding-left:6mm;text-indent:-6mm;margin:0 0 1mm;break-inside:avoid}"
	"li i{display:inline-block;width:6mm;text-indent:0;font-style:normal}"
	".rows{font-size:8pt;line-height:1.4}"
	".rows th{font-size:7.5pt;color:#333;border-bottom:.4mm solid #111;padding:1mm 2mm 1mm 0;"
	"vertical-align:bottom}"
	".rows td{border-bottom:.2mm solid #aaa;padding:1.1mm 2mm 1.1mm 0}"
	".rows+p{margin-top:2mm}"
	".bad td{font-weight:700}"
	"code{font:7.5pt/1.4 'DejaVu Sans Mono','Noto Sans Mono CJK JP',monospace}"
	".id{display:block}"
	".codes{display:flex;flex-wrap:wrap;gap:4mm;margin:3mm 0}"
	".codes figure{margin:0;width:36mm;break-inside:avoid;text-align:center;font-size:8pt}"
	".qr{width:36mm;height:36mm;display:block}"
	".lanes td{border-bottom:.2mm solid #aaa;padding:0}"
	".lanes thead td{border-bottom:.4mm solid #111}"
	"svg{display:block;width:100%;fill:#111;font-size:10.5px}"
	"svg .n{font-size:12px;font-weight:700}"
	".legend{font-size:8pt;margin:2mm 0 0;display:flex;flex-wrap:wrap;gap:1mm 6mm}"
	".legend span{display:inline-flex;align-items:center;gap:1.5mm}"
	"svg.key{width:22px;height:12px;flex:none;overflow:visible}"
	"@media screen{html{background:#e9e9e6}body{max-width:210mm;margin:8mm auto;"
	"padding:14mm 15mm 18mm;box-shadow:0 0 0 1px #c8c8c4}}"
	"@media screen and (max-width:800px){body{margin:0 auto;padding:6mm;box-shadow:none}}";

static enum err put_field(const struct page *g, const char *name, const char *value)
{
	TRY(html_element(&g->h, "th", name));
	return html_cell(&g->h, value);
}

/* What people fill in and sign: the fields of the society's form. */
static enum err put_form(const struct page *g, const char *period)
{
	struct buf *out = g->h.out;

	TRY(buf_puts(out,
		     "<table class=\"head\"><colgroup><col style=\"width:19%\"><col "
		     "style=\"width:26%\"><col style=\"width:25%\"><col></colgroup><tbody><tr>"));
	TRY(put_field(g, _("inspection number"), ""));
	TRY(put_field(g, _("period"), period));
	TRY(buf_puts(out, "</tr>\n<tr>"));
	TRY(put_field(g, _("day of the inspection"), ""));
	TRY(put_field(g, _("department"), ""));
	TRY(buf_puts(out, "</tr>\n<tr>"));
	TRY(put_field(g, _("inspected by"), ""));
	TRY(put_field(g, _("confirmed by (officer for personal data)"), ""));
	TRY(buf_puts(out, "</tr>\n<tr>"));
	TRY(put_field(g, _("handed to the auditor on"), ""));
	TRY(put_field(g, _("signature"), ""));
	return buf_puts(out, "</tr></tbody></table>\n");
}

static enum err put_head(const struct page *g)
{
	char from[HTML_TIME], to[HTML_TIME], text[3 * HTML_TIME];
	int64_t first, last;

	TRY(buf_printf(g->h.out,
		       "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">\n"
		       "<meta name=\"viewport\" content=\"width=device-width\">\n",
		       /* TRANSLATORS: the code of this language, for the page */ _("en")));
	TRY(html_element(&g->h, "title", _("Report of the self-inspection")));
	TRY(buf_printf(g->h.out, "<style>%s</style></head><body>\n", style));
	TRY(html_element(&g->h, "h1", _("Report of the self-inspection")));
	if (g->p->roster->name[0])
		TRY(html_element(&g->h, "p class=\"society\"", g->p->roster->name));
	page_span(g->p, &first, &last);
	html_time(&g->h, g->p->now, true, from);
	snprintf(text, sizeof(text),
		 _("made on %s, of the computers' own records and the register"), from);
	TRY(html_element(&g->h, "p class=\"made\"", text));
	html_time(&g->h, first, false, from);
	html_time(&g->h, g->p->report->to ? g->p->report->to - 1 : last, false, to);
	snprintf(text, sizeof(text), "%s – %s", from, to);
	return put_form(g, text);
}

/* ---- in words ---- */

static enum err put_figure(const struct page *g, uint64_t n, const char *what)
{
	TRY(buf_printf(g->h.out, "<td><b>%" PRIu64 "</b>", n));
	TRY(html_text(&g->h, what));
	return buf_puts(g->h.out, "</td>");
}

static enum err put_figures(const struct page *g)
{
	const struct report *r = g->p->report;

	TRY(buf_puts(g->h.out, "<table class=\"figures\"><tbody><tr>"));
	TRY(put_figure(g, r->log_count, _("computers")));
	TRY(put_figure(g, r->records, _("records in all")));
	TRY(put_figure(g, r->session_count, _("openings")));
	TRY(put_figure(g, g->ill_ended, _("without a clean end")));
	TRY(put_figure(g, r->pack_count, _("packs made")));
	return buf_puts(g->h.out, "</tr></tbody></table>\n");
}

/* ▲ stands for what needs attention, ○ for what is as it should be. */
static enum err put_point(const struct page *g, bool bad, const char *text)
{
	TRY(buf_printf(g->h.out, "<li%s><i>%s</i>", bad ? " class=\"bad\"" : "", bad ? "▲" : "○"));
	TRY(html_text(&g->h, text));
	return buf_puts(g->h.out, "</li>\n");
}

static enum err put_counts(const struct page *g)
{
	unsigned by[FINDING_NOT_APPLICABLE + 1] = {0};
	char text[400];

	for (size_t i = 0; i < FINDINGS; i++)
		by[g->findings[i].verdict]++;
	snprintf(text, sizeof(text),
		 _("Of the %1$u items of the self-inspection: good %2$u, not good %3$u, does not "
		   "apply %4$u, to be checked by hand %5$u."),
		 FINDINGS, by[FINDING_GOOD], by[FINDING_BAD], by[FINDING_NOT_APPLICABLE],
		 by[FINDING_MANUAL]);
	return put_point(g, by[FINDING_BAD] != 0, text);
}

static size_t lost_media(const struct page *g)
{
	const struct roster *r = g->p->roster;
	size_t n = 0;

	for (size_t i = 0; i < r->medium_count; i++)
		n += r->media[i].revoked.is && r->media[i].revoked.reason == REVOKE_LOST &&
		     page_in_span(g->p, r->media[i].revoked.when);
	return n;
}

static enum err put_words(const struct page *g)
{
	const struct report *r = g->p->report;
	size_t faults = 0, lost = lost_media(g);
	char text[400];

	for (size_t i = 0; i < r->log_count; i++)
		faults += r->logs[i].verdict != OK;
	snprintf(text, sizeof(text), _("Media that were lost: %zu."), lost);
	if (lost)
		TRY(put_point(g, true, text));
	snprintf(text, sizeof(text), _("Openings without a clean end: %1$zu of %2$zu."),
		 g->ill_ended, r->session_count);
	TRY(put_point(g, g->ill_ended != 0,
		      g->ill_ended ? text : _("All openings have a clean end, or are open.")));
	snprintf(text, sizeof(text), _("Logs that were changed or have gaps: %1$zu of %2$zu."),
		 faults, r->log_count);
	TRY(put_point(g, faults != 0,
		      faults ? text
			     : _("The records are whole: each log's chain and signatures "
				 "hold together.")));
	return put_counts(g);
}

static enum err put_summary(const struct page *g)
{
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Summary")));
	TRY(put_figures(g));
	TRY(buf_puts(g->h.out, "<ul>"));
	TRY(put_words(g));
	TRY(buf_puts(g->h.out, "</ul>\n"));
	if (!g->p->has_society)
		TRY(html_element(&g->h, "p",
				 _("This computer has no register: what needs it is to be checked "
				   "by hand.")));
	if (r->left_out || r->session_count > ROWS_SHOWN || r->pack_count > ROWS_SHOWN)
		TRY(html_element(
			&g->h, "p",
			_("There are more rows than are shown; choose a shorter period.")));
	return OK;
}

/* ---- exceptions ---- */

static enum err tell(struct page *g, const char *text)
{
	return g->told++ < EXCEPTIONS_SHOWN ? put_point(g, true, text) : OK;
}

/* The last opening before it was gone; NULL. */
static const struct report_session *last_opening(const struct page *g,
						 const struct roster_medium *m)
{
	const struct report *r = g->p->report;

	for (size_t i = r->session_count; i-- > 0;)
		if (r->sessions[i].from <= m->revoked.when &&
		    page_medium(g->p, &r->sessions[i]) == m)
			return &r->sessions[i];
	return NULL;
}

static enum err tell_medium(struct page *g, const struct roster_medium *m)
{
	char when[HTML_TIME], name[PAGE_NAME], who[PAGE_NAME], host[PAGE_NAME], text[900];
	const struct report_session *s;
	int n;

	if (!m->revoked.is || !page_in_span(g->p, m->revoked.when) ||
	    m->revoked.reason == REVOKE_ERASED)
		return OK;
	snprintf(name, sizeof(name), strcmp(m->number, m->label) ? "%s %s" : "%s", m->number,
		 m->label);
	html_time(&g->h, m->revoked.when, true, when);
	n = snprintf(text, sizeof(text), _("%1$s: revoked on %2$s (%3$s)"), name, when,
		     officer_reason(m->revoked.reason));
	s = last_opening(g, m);
	if (s) {
		page_who(g->p, s->who, who);
		page_host(g->p, s->host, host);
		html_time(&g->h, s->from, true, when);
		snprintf(text + n, sizeof(text) - (size_t)n,
			 _("; last opened by %1$s on %2$s, %3$s"), who, host, when);
	}
	return tell(g, text);
}

static enum err tell_session(struct page *g, const struct report_session *s)
{
	char when[HTML_TIME], name[PAGE_NAME], who[PAGE_NAME], host[PAGE_NAME], text[900];

	if (!is_ill(s))
		return OK;
	page_medium_name(g->p, s, name);
	page_who(g->p, s->who, who);
	page_host(g->p, s->host, host);
	html_time(&g->h, s->from, true, when);
	snprintf(text, sizeof(text), _("%1$s: %2$s (%3$s on %4$s, opened on %5$s)"), name,
		 page_ending(s->ending), who, host, when);
	return tell(g, text);
}

static enum err tell_finding(struct page *g, size_t i)
{
	const struct finding *f = &g->findings[i];
	char text[800];
	size_t used;

	if (f->verdict != FINDING_BAD)
		return OK;
	snprintf(text, sizeof(text), _("Item %1$zu, %2$s: %3$llu"), i + 1, finding_item(i),
		 (unsigned long long)f->count);
	if (f->evidence[0]) {
		used = strlen(text);
		snprintf(text + used, sizeof(text) - used, " (%s)", f->evidence);
	}
	return tell(g, text);
}

static enum err put_exceptions(struct page *g)
{
	const struct report *r = g->p->report;
	char text[160];

	TRY(put_heading(g, _("Exceptions")));
	TRY(buf_puts(g->h.out, "<ul class=\"exceptions\">"));
	for (size_t i = 0; i < g->p->roster->medium_count; i++)
		TRY(tell_medium(g, &g->p->roster->media[i]));
	for (size_t i = 0; i < FINDINGS; i++)
		TRY(tell_finding(g, i));
	for (size_t i = 0; i < r->session_count; i++)
		TRY(tell_session(g, &r->sessions[i]));
	if (!g->told)
		TRY(put_point(g, false, _("None.")));
	TRY(buf_puts(g->h.out, "</ul>\n"));
	if (g->told <= EXCEPTIONS_SHOWN)
		return OK;
	snprintf(text, sizeof(text), _("Further ones, in the tables below: %zu"),
		 g->told - EXCEPTIONS_SHOWN);
	return html_element(&g->h, "p", text);
}

/* ---- tables ---- */

static enum err put_session(const struct page *g, const struct report_session *s)
{
	char name[PAGE_NAME], who[PAGE_NAME], host[PAGE_NAME], records[2 * PAGE_NAME] = "", end[64];

	page_medium_name(g->p, s, name);
	page_who(g->p, s->who, who);
	page_host(g->p, s->host, host);
	snprintf(end, sizeof(end), is_ill(s) ? "▲ %s" : "%s", page_ending(s->ending));
	if (strcmp(s->host, s->to_host) == 0 || !s->to_seq)
		snprintf(records, sizeof(records), s->to_seq ? "%" PRIu64 ", %" PRIu64 : "%" PRIu64,
			 s->from_seq, s->to_seq);
	else {
		int n = snprintf(records, sizeof(records), "%" PRIu64 ", ", s->from_seq);

		page_place(g->p, s->to_host, s->to_seq, records + n);
	}
	TRY(buf_puts(g->h.out, is_ill(s) ? "<tr class=\"bad\">" : "<tr>"));
	TRY(put_time(g, s->from));
	TRY(put_time(g, s->to));
	TRY(html_cell(&g->h, name));
	TRY(html_cell(&g->h, who));
	TRY(html_cell(&g->h, host));
	TRY(html_cell(&g->h, end));
	TRY(html_cell(&g->h, records));
	return buf_puts(g->h.out, "</tr>\n");
}

static enum err put_sessions(const struct page *g)
{
	static const struct html_column columns[] = {
		{N_("opened on"), 15}, {N_("ended"), 15},  {N_("medium"), 16}, {N_("who"), 11},
		{N_("computer"), 14},  {N_("ending"), 17}, {N_("records"), 12}};
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Openings and their ends")));
	if (!r->session_count)
		return html_element(&g->h, "p", _("None."));
	TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
	for (size_t i = 0; i < MIN(r->session_count, ROWS_SHOWN); i++)
		TRY(put_session(g, &r->sessions[i]));
	return html_table_end(&g->h);
}

/* What a clerk asks first after such an end is how much was saved. */
static enum err put_removal(const struct page *g, const struct report_session *s)
{
	char name[PAGE_NAME], who[PAGE_NAME], host[PAGE_NAME], record[PAGE_NAME];

	page_medium_name(g->p, s, name);
	page_who(g->p, s->who, who);
	page_host(g->p, s->host, host);
	page_place(g->p, s->to_host, s->to_seq, record);
	TRY(buf_puts(g->h.out, "<tr>"));
	TRY(put_time(g, s->to));
	TRY(html_cell(&g->h, name));
	TRY(html_cell(&g->h, who));
	TRY(html_cell(&g->h, host));
	TRY(html_cell(&g->h, page_ending(s->ending)));
	TRY(put_time(g, s->saved_until));
	TRY(html_cell(&g->h, record));
	return buf_puts(g->h.out, "</tr>\n");
}

static enum err put_removals(const struct page *g)
{
	static const struct html_column columns[] = {
		{N_("on record since"), 15}, {N_("medium"), 16}, {N_("who"), 10},
		{N_("computer"), 14},	     {N_("ending"), 15}, {N_("saved until"), 15},
		{N_("record"), 15}};
	const struct report *r = g->p->report;
	size_t shown = 0;

	for (size_t i = 0; i < r->session_count && shown < ROWS_SHOWN; i++) {
		if (!is_ill(&r->sessions[i]))
			continue;
		if (!shown++) {
			TRY(put_heading(g, _("Removals without an eject, and unclean ends")));
			TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
		}
		TRY(put_removal(g, &r->sessions[i]));
	}
	return shown ? html_table_end(&g->h) : OK;
}

static enum err put_pack(const struct page *g, const struct report_pack *k)
{
	char who[PAGE_NAME], record[PAGE_NAME], receipt[PAGE_NAME];

	page_who(g->p, k->who, who);
	page_place(g->p, k->host, k->seq, record);
	page_place(g->p, k->receipt_host, k->receipt_seq, receipt);
	TRY(buf_puts(g->h.out, "<tr>"));
	TRY(put_time(g, k->when));
	TRY(html_cell(&g->h, k->id));
	TRY(html_cell(&g->h, who));
	TRY(html_cell(&g->h, record));
	TRY(html_cell(&g->h, receipt));
	return buf_puts(g->h.out, "</tr>\n");
}

static enum err put_packs(const struct page *g)
{
	static const struct html_column columns[] = {{N_("time"), 17},
						     {N_("pack"), 37},
						     {N_("who"), 14},
						     {N_("record"), 16},
						     {N_("receipt"), 16}};
	const struct report *r = g->p->report;

	if (!r->pack_count)
		return OK;
	TRY(put_heading(g, _("Packs and receipts")));
	TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
	for (size_t i = 0; i < MIN(r->pack_count, ROWS_SHOWN); i++)
		TRY(put_pack(g, &r->packs[i]));
	return html_table_end(&g->h);
}

static enum err put_loan(const struct page *g, const struct roster_checkout *c)
{
	struct lending l;
	char until[HTML_TIME], returned[HTML_TIME];
	bool late;

	lending_of(g->p->roster, c, g->p->now, &l);
	late = c->until_time && (c->returned ? c->returned_at : g->p->now) > c->until_time;
	html_time(&g->h, c->until_time, false, until);
	html_time(&g->h, c->returned ? c->returned_at : 0, false, returned);
	TRY(buf_puts(g->h.out, late ? "<tr class=\"bad\">" : "<tr>"));
	TRY(html_cell(&g->h, c->id));
	TRY(html_cell(&g->h, c->number));
	TRY(html_cell(&g->h, l.carrier ? l.carrier->name : "-"));
	TRY(html_cell(&g->h, l.approver ? l.approver->name : "-"));
	TRY(put_time(g, c->requested));
	TRY(html_cell(&g->h, until));
	TRY(buf_puts(g->h.out, late ? "<td>▲ " : "<td>"));
	TRY(html_text(&g->h, returned));
	return buf_puts(g->h.out, "</td></tr>\n");
}

static enum err put_loans(const struct page *g)
{
	static const struct html_column columns[] = {{N_("number"), 16},    {N_("medium"), 12},
						     {N_("carrier"), 14},   {N_("approved by"), 14},
						     {N_("asked for"), 16}, {N_("due"), 13},
						     {N_("returned"), 15}};
	const struct roster *r = g->p->roster;
	size_t shown = 0;

	for (size_t i = 0; i < r->checkout_count && shown < ROWS_SHOWN; i++) {
		if (!page_in_span(g->p, r->checkouts[i].requested))
			continue;
		if (!shown++) {
			TRY(put_heading(g, _("Take-outs")));
			TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
		}
		TRY(put_loan(g, &r->checkouts[i]));
	}
	return shown ? html_table_end(&g->h) : OK;
}

/* ---- revocations ---- */

static const struct html_column revoked_columns[] = {
	{N_("what"), 40}, {N_("time"), 30}, {N_("reason"), 30}};

static enum err put_revoked(const struct page *g, const char *name, const struct revoked *why,
			    size_t *shown)
{
	if (!why->is || !page_in_span(g->p, why->when) || *shown >= ROWS_SHOWN)
		return OK;
	if (!(*shown)++) {
		TRY(put_heading(g, _("Revocations")));
		TRY(html_table(&g->h, revoked_columns, ARRAY_LEN(revoked_columns)));
	}
	TRY(buf_puts(g->h.out, "<tr>"));
	TRY(html_cell(&g->h, name));
	TRY(put_time(g, why->when));
	TRY(html_cell(&g->h, officer_reason(why->reason)));
	return buf_puts(g->h.out, "</tr>\n");
}

static enum err put_revocations(const struct page *g)
{
	const struct roster *r = g->p->roster;
	size_t shown = 0;

	for (size_t i = 0; i < r->person_count; i++)
		TRY(put_revoked(g, r->people[i].name, &r->people[i].revoked, &shown));
	for (size_t i = 0; i < r->host_count; i++)
		TRY(put_revoked(g, r->hosts[i].name, &r->hosts[i].revoked, &shown));
	for (size_t i = 0; i < r->medium_count; i++)
		TRY(put_revoked(g, r->media[i].number, &r->media[i].revoked, &shown));
	return shown ? html_table_end(&g->h) : OK;
}

/* ---- the self-inspection ---- */

static enum err put_finding(const struct page *g, size_t i)
{
	const struct finding *f = &g->findings[i];
	bool bad = f->verdict == FINDING_BAD;
	char count[32] = "";

	if (bad || f->verdict == FINDING_GOOD || f->count)
		snprintf(count, sizeof(count), "%" PRIu64, f->count);
	TRY(buf_printf(g->h.out, "<tr%s><td>%zu</td>", bad ? " class=\"bad\"" : "", i + 1));
	TRY(html_cell(&g->h, finding_item(i)));
	TRY(buf_puts(g->h.out, bad ? "<td>▲ " : "<td>"));
	TRY(html_text(&g->h, finding_verdict(f->verdict)));
	TRY(buf_puts(g->h.out, "</td>"));
	TRY(html_cell(&g->h, count));
	TRY(html_cell(&g->h, f->evidence));
	return buf_puts(g->h.out, "<td></td><td></td></tr>\n");
}

static enum err put_findings(const struct page *g)
{
	static const struct html_column columns[] = {
		{N_("No."), 5},	     {N_("item"), 27},	  {N_("result"), 14},  {N_("count"), 6},
		{N_("records"), 24}, {N_("measure"), 14}, {N_("deadline"), 10}};

	TRY(put_heading(g, _("Self-inspection")));
	TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
	for (size_t i = 0; i < FINDINGS; i++)
		TRY(put_finding(g, i));
	return html_table_end(&g->h);
}

/* ---- what the logs were on this day ---- */

/* For every log: how many records it has, and the hash of the last one. */
static void checkpoint_of(const struct report_log *l, struct checkpoint *ret)
{
	checkpoint_make(ret, ORIGIN_HOST, l->host, &l->tree);
}

static enum err put_code(const struct page *g, const struct report_log *l)
{
	CLEANUP(buf_clear) struct buf text = {0};
	CLEANUP(qr_freep) struct qr *qr = NULL;
	struct checkpoint c;
	char name[PAGE_NAME];

	checkpoint_of(l, &c);
	page_host(g->p, l->host, name);
	TRY(checkpoint_print(&c, &text));
	TRY(qr_make(text.data, text.len, &qr));
	TRY(buf_puts(g->h.out, "<figure>"));
	TRY(qr_put_svg(qr, c.origin, g->h.out));
	TRY(html_element(&g->h, "figcaption", name));
	return buf_puts(g->h.out, "</figure>");
}

/* More of them than that nobody scans: then the roots in the table must do. */
static enum err put_codes(const struct page *g)
{
	const struct report *r = g->p->report;

	if (r->log_count > CODES_MAX)
		return OK;
	TRY(html_element(
		&g->h, "p",
		_("Each code holds the three lines of a checkpoint. Who keeps this page can "
		  "prove later that nothing before was changed or cut: \"vault audit verify "
		  "--checkpoint FILE\".")));
	TRY(buf_puts(g->h.out, "<div class=\"codes\">"));
	for (size_t i = 0; i < r->log_count; i++)
		if (r->logs[i].host[0])
			TRY(put_code(g, &r->logs[i]));
	return buf_puts(g->h.out, "</div>\n");
}

static enum err put_checkpoint(const struct page *g)
{
	static const struct html_column columns[] = {{N_("computer"), 24},
						     {N_("lines"), 9},
						     {N_("root of the tree over them"), 49},
						     {N_("state of the log"), 18}};
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Checkpoint")));
	TRY(html_table(&g->h, columns, ARRAY_LEN(columns)));
	for (size_t i = 0; i < r->log_count; i++) {
		const struct report_log *l = &r->logs[i];
		char root[64], name[PAGE_NAME];
		struct checkpoint c;

		checkpoint_of(l, &c);
		page_host(g->p, l->host, name);
		text_base64(c.root, SHA256_LEN, true, root);
		TRY(buf_puts(g->h.out, l->verdict == OK ? "<tr><td>" : "<tr class=\"bad\"><td>▲ "));
		TRY(html_text(&g->h, name));
		if (strcmp(name, l->host) != 0)
			TRY(html_element(&g->h, "code class=\"id\"", l->host));
		TRY(buf_printf(g->h.out, "</td><td>%" PRIu64 "</td><td><code>%s</code></td>",
			       l->lines, root));
		TRY(html_cell(&g->h,
			      l->verdict == OK ? _("whole") : gettext(err_message(l->verdict))));
		TRY(buf_puts(g->h.out, "</tr>\n"));
	}
	TRY(html_table_end(&g->h));
	return put_codes(g);
}

/* ---- the whole page ---- */

enum err report_html(const struct report_page *p, struct buf *out)
{
	struct page g = {.p = p, .h = {.out = out, .wareki = p->wareki}};

	findings_judge(p, g.findings);
	for (size_t i = 0; i < p->report->session_count; i++)
		g.ill_ended += is_ill(&p->report->sessions[i]);
	TRY(put_head(&g));
	TRY(put_summary(&g));
	TRY(put_exceptions(&g));
	TRY(put_heading(&g, _("Who had which medium")));
	TRY(picture_put(p, &g.h));
	TRY(put_findings(&g));
	TRY(put_removals(&g));
	TRY(put_sessions(&g));
	TRY(put_loans(&g));
	TRY(put_packs(&g));
	TRY(put_revocations(&g));
	TRY(put_checkpoint(&g));
	return buf_puts(out, "</body></html>\n");
}

#include "tools/report_html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "org/ledger.h"
#include "org/staff_key.h"
#include "tools/officer.h"

#define ROWS_SHOWN 2000u  /* of one table */
#define LINES_SHOWN 60u	  /* of the picture */
#define PICTURE_WIDTH 600 /* units of the picture behind its names */

struct page {
	const struct report_page *p;
	struct buf *out;
};

static enum err put_text(struct page *g, const char *text)
{
	for (; *text; text++) {
		const char *as = *text == '&'	? "&amp;"
				 : *text == '<' ? "&lt;"
				 : *text == '>' ? "&gt;"
				 : *text == '"' ? "&quot;"
				 : *text == '\'' ? "&#39;"
						 : NULL;

		if (!as && (unsigned char)*text < ' ')
			as = " ";
		TRY(as ? buf_puts(g->out, as) : buf_append(g->out, text, 1));
	}
	return OK;
}

static enum err put_cell(struct page *g, const char *text)
{
	TRY(buf_puts(g->out, "<td>"));
	TRY(put_text(g, text));
	return buf_puts(g->out, "</td>");
}

static enum err put_heading(struct page *g, const char *text)
{
	TRY(buf_puts(g->out, "<h2>"));
	TRY(put_text(g, text));
	return buf_puts(g->out, "</h2>\n");
}

static enum err put_note(struct page *g, const char *text)
{
	TRY(buf_puts(g->out, "<p>"));
	TRY(put_text(g, text));
	return buf_puts(g->out, "</p>\n");
}

static enum err open_table(struct page *g, const char *const *heads, size_t n)
{
	TRY(buf_puts(g->out, "<table><thead><tr>"));
	for (size_t i = 0; i < n; i++) {
		TRY(buf_puts(g->out, "<th>"));
		TRY(put_text(g, gettext(heads[i])));
		TRY(buf_puts(g->out, "</th>"));
	}
	return buf_puts(g->out, "</tr></thead><tbody>\n");
}

static void day_text(const struct page *g, int64_t when, bool with_time, char out[64])
{
	time_t t = (time_t)when;
	struct tm tm;
	int n;

	text_copy(out, 64, "-");
	if (when <= 0 || !localtime_r(&t, &tm))
		return;
	if (g->p->wareki && when >= 1556636400) /* 2019-05-01 in Japan */
		n = tm.tm_year == 119 ? snprintf(out, 64, "令和元年%d月%d日", tm.tm_mon + 1, tm.tm_mday)
				      : snprintf(out, 64, "令和%d年%d月%d日", tm.tm_year - 118,
						 tm.tm_mon + 1, tm.tm_mday);
	else
		n = snprintf(out, 64, "%04d-%02d-%02d", tm.tm_year + 1900, tm.tm_mon + 1,
			     tm.tm_mday);
	if (with_time)
		snprintf(out + n, 64 - (size_t)n, " %02d:%02d", tm.tm_hour, tm.tm_min);
}

static enum err put_time(struct page *g, int64_t when)
{
	char text[64];

	day_text(g, when, true, text);
	return put_cell(g, text);
}

static enum err put_record(struct page *g, const char *host, uint64_t seq)
{
	char text[64] = "-";

	if (seq)
		snprintf(text, sizeof(text), "%s:%" PRIu64, host, seq);
	return put_cell(g, text);
}

/* ---- the self-inspection ------------------------------------------------------------------------ */

enum verdict { MANUAL, GOOD, BAD, NOT_APPLICABLE };
struct finding {
	enum verdict verdict;
	uint64_t count;
	char evidence[200];
};

static const char *const items[] = {
	N_("register and media in hand agree"),
	N_("media that nobody saw for 30 days"),
	N_("returns that are overdue"),
	N_("taken out without approval"),
	N_("approver and carrier are the same"),
	N_("not erased after the return"),
	N_("packs without a receipt"),
	N_("refusals by a rule (media not registered)"),
	N_("media with a cipher that is not recommended"),
	N_("media without key separation"),
	N_("keys of people who moved or left"),
	N_("refusals outside the permission"),
	N_("many failed openings"),
	N_("large amounts taken out"),
	N_("chain of the audit records"),
	N_("times that do not fit"),
	N_("certificates of erasure that are missing"),
	N_("data kept beyond their period"),
	N_("recovery key is in its place"),
	N_("taken out with lapsed training"),
	N_("catalogue and publication agree"),
	N_("deadlines of incidents were kept"),
	N_("findings of last time were put right"),
};
#define ITEMS ARRAY_LEN(items)

static void found(struct finding *f, uint64_t count)
{
	f->verdict = count ? BAD : GOOD;
	f->count = count;
}

static void add(struct finding *f, const char *evidence)
{
	size_t used = strlen(f->evidence);

	found(f, f->count + 1);
	if (used + strlen(evidence) + 3 < sizeof(f->evidence))
		snprintf(f->evidence + used, sizeof(f->evidence) - used, "%s%s", used ? ", " : "",
			 evidence);
}

static void from_tally(const struct page *g, enum report_count what, bool bad, struct finding *f)
{
	const struct report_tally *t = &g->p->report->tallies[what];

	found(f, t->count);
	if (!bad)
		f->verdict = GOOD;
	text_copy(f->evidence, sizeof(f->evidence), t->evidence);
}

static bool in_span(const struct page *g, int64_t when)
{
	const struct report *r = g->p->report;

	return when >= r->from && (!r->to || when < r->to);
}

static void judge_lending(const struct page *g, const struct roster_checkout *c,
			  struct finding f[ITEMS])
{
	char day[32];
	struct lending l;

	if (!in_span(g, c->requested))
		return;
	lending_of(g->p->roster, c, g->p->now, &l);
	if (l.days_overdue)
		add(&f[2], c->id);
	if (c->returned && !l.approver)
		add(&f[3], c->id);
	if (l.approver && l.carrier == l.approver)
		add(&f[4], c->id);
	text_time((time_t)c->requested, day);
	day[10] = '\0';
	if (l.approver && l.carrier && l.carrier->trained[0] &&
	    strcmp(l.carrier->trained, day) < 0)
		add(&f[19], c->id);
}

static bool has_certificate(const struct page *g, const char *number)
{
	const struct org_register *books = g->p->roster->from;

	for (size_t i = 0; i < register_count(books); i++) {
		const struct statement *s = register_at(books, i);
		const char *value = statement_value(s, "number");

		if (s->kind == STATEMENT_ERASE && value && !strcmp(value, number) &&
		    statement_value(s, "erase") && roster_counts(g->p->roster, s))
			return true;
	}
	return false;
}

static void judge_medium(const struct page *g, const struct roster_medium *m,
			 struct finding f[ITEMS])
{
	bool here = m->state == MEDIUM_IN || m->state == MEDIUM_REQUESTED ||
		    m->state == MEDIUM_OUT || m->state == MEDIUM_FOUND;

	if (here && MAX(MAX(m->sighted, m->opened), m->registered) < g->p->now - 30 * 86400)
		add(&f[1], m->number);
	if (here && m->separation_known && !m->separated)
		add(&f[9], m->number);
	if (m->state == MEDIUM_ERASED && !has_certificate(g, m->number))
		add(&f[16], m->number);
}

/* Openings with a key after the day it was revoked. */
static void judge_session(const struct page *g, const struct report_session *s,
			  struct finding f[ITEMS])
{
	const char *slash = strrchr(s->who, '/');
	char fpr[STAFF_FPR_LEN], where[64];

	for (size_t i = 0; slash && i < g->p->roster->person_count; i++) {
		const struct roster_person *p = &g->p->roster->people[i];

		staff_fpr(&p->recipient, fpr);
		if (!p->revoked.is || strcmp(fpr, slash + 1) != 0 || s->from <= p->revoked.when)
			continue;
		snprintf(where, sizeof(where), "%s:%" PRIu64, s->host, s->from_seq);
		add(&f[10], where);
	}
}

static void judge_society(const struct page *g, struct finding f[ITEMS])
{
	static const size_t of_register[] = {1, 2, 3, 4, 10, 16, 19};

	for (size_t i = 0; i < ARRAY_LEN(of_register); i++)
		found(&f[of_register[i]], 0);
	for (size_t i = 0; i < g->p->roster->checkout_count; i++)
		judge_lending(g, &g->p->roster->checkouts[i], f);
	for (size_t i = 0; i < g->p->roster->medium_count; i++)
		judge_medium(g, &g->p->roster->media[i], f);
	for (size_t i = 0; i < g->p->report->session_count; i++)
		judge_session(g, &g->p->report->sessions[i], f);
	if (!g->p->roster->checkout_count)
		f[2].verdict = f[3].verdict = f[4].verdict = f[19].verdict = NOT_APPLICABLE;
}

static void judge(const struct page *g, struct finding f[ITEMS])
{
	const struct report *r = g->p->report;

	memset(f, 0, ITEMS * sizeof(*f));
	from_tally(g, REPORT_UNREGISTERED, false, &f[7]);
	from_tally(g, REPORT_WEAK, true, &f[8]);
	from_tally(g, REPORT_UNSEPARATED, true, &f[9]);
	from_tally(g, REPORT_OUTSIDE, false, &f[11]);
	from_tally(g, REPORT_FAILED_OPEN, true, &f[12]);
	from_tally(g, REPORT_MASS_OUT, true, &f[13]);
	from_tally(g, REPORT_FAULTS, true, &f[14]);
	from_tally(g, REPORT_CLOCK, true, &f[15]);
	for (size_t i = 0; i < r->log_count; i++)
		if (r->logs[i].verdict != OK && f[14].verdict == GOOD)
			add(&f[14], r->logs[i].host);
	found(&f[6], 0);
	if (!r->pack_count)
		f[6].verdict = NOT_APPLICABLE;
	for (size_t i = 0; i < r->pack_count; i++) {
		char where[64];

		snprintf(where, sizeof(where), "%s:%" PRIu64, r->packs[i].host, r->packs[i].seq);
		if (!r->packs[i].receipt_seq)
			add(&f[6], where);
	}
	if (g->p->has_society)
		judge_society(g, f);
	if (!r->tallies[REPORT_INCIDENTS].count)
		f[21].verdict = NOT_APPLICABLE;
}

static enum err put_finding(struct page *g, size_t i, const struct finding *f)
{
	static const char *const verdicts[] = {N_("check by hand"), N_("good"), N_("not good"),
					       N_("does not apply")};
	bool counted = f->verdict == GOOD || f->verdict == BAD;

	TRY(buf_printf(g->out, "<tr%s><td>%zu</td>", f->verdict == BAD ? " class=\"bad\"" : "",
		       i + 1));
	TRY(put_cell(g, gettext(items[i])));
	TRY(put_cell(g, gettext(verdicts[f->verdict])));
	if (counted)
		TRY(buf_printf(g->out, "<td>%" PRIu64 "</td>", f->count));
	else
		TRY(put_cell(g, ""));
	TRY(put_cell(g, f->evidence));
	return buf_puts(g->out, "<td></td></tr>\n");
}

static enum err put_findings(struct page *g, const struct finding f[ITEMS], bool only_bad)
{
	static const char *const heads[] = {N_("No."),	 N_("item"),	 N_("result"),
					    N_("count"), N_("records"), N_("measure and deadline")};
	size_t shown = 0;

	TRY(put_heading(g, only_bad ? _("Exceptions") : _("Self-inspection")));
	for (size_t i = 0; i < ITEMS; i++)
		shown += !only_bad || f[i].verdict == BAD;
	if (!shown)
		return put_note(g, _("None."));
	TRY(open_table(g, heads, ARRAY_LEN(heads)));
	for (size_t i = 0; i < ITEMS; i++)
		if (!only_bad || f[i].verdict == BAD)
			TRY(put_finding(g, i, &f[i]));
	return buf_puts(g->out, "</tbody></table>\n");
}

/* ---- the picture -------------------------------------------------------------------------------- */

struct span {
	int64_t from, to;
};

static struct span span_of(const struct page *g)
{
	const struct report *r = g->p->report;
	struct span s = {r->from, r->to ? MIN(r->to, g->p->now) : g->p->now};

	if (!s.from) {
		s.from = s.to - 86400;
		for (size_t i = 0; i < r->session_count; i++)
			if (r->sessions[i].from > 0)
				s.from = MIN(s.from, r->sessions[i].from);
	}
	if (s.to <= s.from)
		s.to = s.from + 1;
	return s;
}

static double place_of(const struct span *s, int64_t when)
{
	when = MAX(s->from, MIN(s->to, when));
	return 110 + PICTURE_WIDTH * ((double)(when - s->from) / (double)(s->to - s->from));
}

static enum err put_bar(struct page *g, const struct span *s, size_t row, int64_t from, int64_t to,
			const char *look)
{
	double x = place_of(s, from), width = place_of(s, to ? to : s->to) - x;

	return buf_printf(g->out, "<rect x=\"%.0f\" y=\"%zu\" width=\"%.0f\" height=\"10\" %s/>\n", x,
			  row * 18 + 4, MAX(width, 2), look);
}

static enum err put_line(struct page *g, const struct span *s, size_t row, const char *name,
			 const char *label)
{
	const struct roster *r = g->p->roster;
	const struct report *rep = g->p->report;

	TRY(buf_printf(g->out, "<text x=\"0\" y=\"%zu\">", row * 18 + 13));
	TRY(put_text(g, name));
	TRY(buf_puts(g->out, "</text>\n"));
	for (size_t i = 0; i < r->checkout_count; i++) {
		const struct roster_checkout *c = &r->checkouts[i];

		if (!strcmp(c->number, name))
			TRY(put_bar(g, s, row, c->requested, c->returned ? c->returned_at : 0,
				    "fill=\"#ddd\" stroke=\"#000\""));
	}
	for (size_t i = 0; i < rep->session_count; i++)
		if (!strcmp(rep->sessions[i].label, label))
			TRY(put_bar(g, s, row, rep->sessions[i].from,
				    MAX(rep->sessions[i].to, rep->sessions[i].from), "fill=\"#000\""));
	return OK;
}

static enum err put_losses(struct page *g, const struct span *s, size_t row,
			   const struct roster_medium *m)
{
	if (!m->revoked.is)
		return OK;
	return buf_printf(g->out, "<text x=\"%.0f\" y=\"%zu\">✕</text>\n",
			  MIN(place_of(s, m->revoked.when), PICTURE_WIDTH + 98), row * 18 + 14);
}

/* Labels that are on no register have a line each, too. */
static bool is_first_stranger(const struct page *g, size_t i)
{
	const struct report *r = g->p->report;

	for (size_t j = 0; j < g->p->roster->medium_count; j++)
		if (!strcmp(g->p->roster->media[j].label, r->sessions[i].label))
			return false;
	for (size_t j = 0; j < i; j++)
		if (!strcmp(r->sessions[j].label, r->sessions[i].label))
			return false;
	return true;
}

static enum err put_lines(struct page *g, size_t *row)
{
	const struct roster *r = g->p->roster;
	struct span s = span_of(g);

	for (size_t i = 0; i < r->medium_count && *row < LINES_SHOWN; i++, (*row)++) {
		TRY(put_line(g, &s, *row, r->media[i].number, r->media[i].label));
		TRY(put_losses(g, &s, *row, &r->media[i]));
	}
	for (size_t i = 0; i < g->p->report->session_count && *row < LINES_SHOWN; i++) {
		const char *label = g->p->report->sessions[i].label;

		if (is_first_stranger(g, i))
			TRY(put_line(g, &s, (*row)++, label, label));
	}
	return OK;
}

static enum err put_picture(struct page *g)
{
	CLEANUP(buf_clear) struct buf lines = {0};
	struct page inner = {g->p, &lines};
	size_t rows = 0;

	TRY(put_lines(&inner, &rows));
	TRY(put_heading(g, _("Who had which medium")));
	if (!rows)
		return put_note(g, _("None."));
	TRY(put_note(g, _("Grey: taken out. Black: open. ✕: revoked or lost.")));
	return buf_printf(g->out, "<svg viewBox=\"0 0 720 %zu\" role=\"img\">\n%s</svg>\n",
			  rows * 18 + 4, lines.data);
}

/* ---- tables ------------------------------------------------------------------------------------- */

static enum err put_sessions(struct page *g)
{
	static const char *const heads[] = {N_("medium"), N_("who"),   N_("opened"),
					    N_("ended"),  N_("ending"), N_("records")};
	static const char *const endings[] = {N_("still open"), N_("closed"),
					      N_("pulled out without eject"), N_("unclean end")};
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Openings and removals")));
	TRY(open_table(g, heads, ARRAY_LEN(heads)));
	for (size_t i = 0; i < MIN(r->session_count, ROWS_SHOWN); i++) {
		const struct report_session *s = &r->sessions[i];
		char records[96];

		snprintf(records, sizeof(records), "%s:%" PRIu64 " %" PRIu64, s->host, s->from_seq,
			 s->to_seq);
		TRY(buf_puts(g->out, "<tr>"));
		TRY(put_cell(g, s->number[0] ? s->number : s->label));
		TRY(put_cell(g, s->who));
		TRY(put_time(g, s->from));
		TRY(put_time(g, s->to));
		TRY(put_cell(g, gettext(endings[s->ending])));
		TRY(put_cell(g, records));
		TRY(buf_puts(g->out, "</tr>\n"));
	}
	return buf_puts(g->out, "</tbody></table>\n");
}

static enum err put_packs(struct page *g)
{
	static const char *const heads[] = {N_("pack"), N_("who"), N_("time"), N_("record"),
					    N_("receipt")};
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Packs and receipts")));
	TRY(open_table(g, heads, ARRAY_LEN(heads)));
	for (size_t i = 0; i < MIN(r->pack_count, ROWS_SHOWN); i++) {
		const struct report_pack *p = &r->packs[i];

		TRY(buf_puts(g->out, "<tr>"));
		TRY(put_cell(g, p->id));
		TRY(put_cell(g, p->who));
		TRY(put_time(g, p->when));
		TRY(put_record(g, p->host, p->seq));
		TRY(put_record(g, p->receipt_host, p->receipt_seq));
		TRY(buf_puts(g->out, "</tr>\n"));
	}
	return buf_puts(g->out, "</tbody></table>\n");
}

static enum err put_revoked(struct page *g, const char *name, const struct revoked *why)
{
	if (!why->is)
		return OK;
	TRY(buf_puts(g->out, "<tr>"));
	TRY(put_cell(g, name));
	TRY(put_time(g, why->when));
	TRY(put_cell(g, officer_reason(why->reason)));
	return buf_puts(g->out, "</tr>\n");
}

static enum err put_revocations(struct page *g)
{
	static const char *const heads[] = {N_("what"), N_("time"), N_("reason")};
	const struct roster *r = g->p->roster;

	TRY(put_heading(g, _("Revocations")));
	TRY(open_table(g, heads, ARRAY_LEN(heads)));
	for (size_t i = 0; i < r->person_count; i++)
		TRY(put_revoked(g, r->people[i].name, &r->people[i].revoked));
	for (size_t i = 0; i < r->host_count; i++)
		TRY(put_revoked(g, r->hosts[i].name, &r->hosts[i].revoked));
	for (size_t i = 0; i < r->medium_count; i++)
		TRY(put_revoked(g, r->media[i].number, &r->media[i].revoked));
	return buf_puts(g->out, "</tbody></table>\n");
}

static enum err put_checkpoints(struct page *g)
{
	static const char *const heads[] = {N_("computer"), N_("last record"), N_("its SHA-256"),
					    N_("state of the log")};
	const struct report *r = g->p->report;

	TRY(put_heading(g, _("Checkpoint")));
	TRY(open_table(g, heads, ARRAY_LEN(heads)));
	for (size_t i = 0; i < r->log_count; i++) {
		const struct report_log *l = &r->logs[i];
		char hex[2 * SHA256_LEN + 1];

		text_hex(l->last_hash, SHA256_LEN, hex);
		TRY(buf_puts(g->out, "<tr>"));
		TRY(put_cell(g, l->host));
		TRY(buf_printf(g->out, "<td>%" PRIu64 "</td>", l->last_seq));
		TRY(put_cell(g, hex));
		TRY(put_cell(g, l->verdict == OK ? _("whole") : gettext(err_message(l->verdict))));
		TRY(buf_puts(g->out, "</tr>\n"));
	}
	return buf_puts(g->out, "</tbody></table>\n");
}

/* ---- the whole page ----------------------------------------------------------------------------- */

static enum err put_head(struct page *g)
{
	char from[64], to[64], now[64];

	TRY(buf_printf(g->out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>",
		       /* TRANSLATORS: the code of this language, for the page */ _("en")));
	TRY(put_text(g, _("Report of the self-inspection")));
	TRY(buf_puts(g->out,
		     "</title><style>@page{size:A4;margin:15mm}body{font:10pt sans-serif;color:#000;"
		     "background:#fff;max-width:180mm;margin:auto}table{border-collapse:collapse;"
		     "width:100%;table-layout:fixed}td,th{border:1px solid #000;padding:1mm;"
		     "text-align:left;overflow-wrap:anywhere;vertical-align:top;font-size:8pt}"
		     "tr{break-inside:avoid}.bad td{font-weight:bold}svg{width:100%;font-size:10px}"
		     "</style></head><body>\n<h1>"));
	TRY(put_text(g, _("Report of the self-inspection")));
	TRY(buf_puts(g->out, "</h1><p>"));
	TRY(put_text(g, g->p->roster->name));
	TRY(buf_puts(g->out, "</p>\n<table><tbody>"));
	day_text(g, g->p->report->from, false, from);
	day_text(g, g->p->report->to ? g->p->report->to - 1 : g->p->now, false, to);
	day_text(g, g->p->now, false, now);
	TRY(buf_printf(g->out, "<tr><th>%s</th><td></td><th>%s</th><td>%s – %s</td></tr>",
		       _("inspection number"), _("period"), from, to));
	TRY(buf_printf(g->out, "<tr><th>%s</th><td></td><th>%s</th><td></td></tr>",
		       _("inspected by (signature)"), _("confirmed by (signature)")));
	return buf_printf(g->out, "<tr><th>%s</th><td colspan=\"3\">%s</td></tr></tbody></table>\n",
			  _("made on"), now);
}

static enum err put_summary(struct page *g, const struct finding f[ITEMS])
{
	const struct report *r = g->p->report;
	CLEANUP(buf_clear) struct buf text = {0};
	unsigned bad = 0, manual = 0;

	for (size_t i = 0; i < ITEMS; i++) {
		bad += f[i].verdict == BAD;
		manual += f[i].verdict == MANUAL;
	}
	TRY(put_heading(g, _("Summary")));
	TRY(buf_printf(&text,
		       _("Computers: %zu. Records: %llu. Openings: %zu. Packs: %zu. Of 23 items %u are "
			 "not good, and %u are to be checked by hand."),
		       r->log_count, (unsigned long long)r->records, r->session_count, r->pack_count,
		       bad, manual));
	TRY(put_note(g, text.data));
	if (!g->p->has_society)
		TRY(put_note(g, _("This computer has no register: what needs it is to be checked by "
				  "hand.")));
	if (r->left_out || r->session_count > ROWS_SHOWN || r->pack_count > ROWS_SHOWN)
		TRY(put_note(g, _("There are more rows than are shown; choose a shorter period.")));
	return OK;
}

enum err report_html(const struct report_page *p, struct buf *out)
{
	struct page g = {p, out};
	struct finding f[ITEMS];

	judge(&g, f);
	TRY(put_head(&g));
	TRY(put_summary(&g, f));
	TRY(put_findings(&g, f, true));
	TRY(put_picture(&g));
	TRY(put_sessions(&g));
	TRY(put_packs(&g));
	TRY(put_revocations(&g));
	TRY(put_findings(&g, f, false));
	TRY(put_checkpoints(&g));
	return buf_puts(out, "</body></html>\n");
}

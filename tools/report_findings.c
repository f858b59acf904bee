#include "tools/report_findings.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "org/ledger.h"
#include "tools/cli.h"

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
_Static_assert(ARRAY_LEN(items) == FINDINGS, "one line each");

static void found(struct finding *f, uint64_t count)
{
	f->verdict = count ? FINDING_BAD : FINDING_GOOD;
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

static void add_place(const struct report_page *p, struct finding *f, const char *host,
		      uint64_t seq)
{
	char place[PAGE_NAME];

	page_place(p, host, seq, place);
	add(f, place);
}

static void from_tally(const struct report_page *p, enum report_count what, bool bad,
		       struct finding *f)
{
	const struct report_tally *t = &p->report->tallies[what];

	for (size_t i = 0; i < MIN(t->count, REPORT_PLACES); i++)
		add_place(p, f, t->places[i].host, t->places[i].seq);
	found(f, t->count);
	if (!bad)
		f->verdict = FINDING_GOOD;
}

static void judge_lending(const struct report_page *p, const struct roster_checkout *c,
			  struct finding f[FINDINGS])
{
	char day[32];
	struct lending l;

	if (!page_in_span(p, c->requested))
		return;
	lending_of(p->roster, c, p->now, &l);
	if (l.days_overdue)
		add(&f[2], c->id);
	if (c->returned && !l.approver)
		add(&f[3], c->id);
	if (l.approver && l.carrier == l.approver)
		add(&f[4], c->id);
	text_time((time_t)c->requested, day);
	day[10] = '\0';
	if (l.approver && l.carrier && l.carrier->trained[0] && strcmp(l.carrier->trained, day) < 0)
		add(&f[19], c->id);
}

static bool has_certificate(const struct report_page *p, const char *number)
{
	const struct org_register *books = p->roster->from;

	for (size_t i = 0; i < register_count(books); i++) {
		const struct statement *s = register_at(books, i);
		const char *value = statement_value(s, "number");

		if (s->kind == STATEMENT_ERASE && value && !strcmp(value, number) &&
		    statement_value(s, "erase") && roster_counts(p->roster, s))
			return true;
	}
	return false;
}

static bool is_here(const struct roster_medium *m)
{
	return m->state == MEDIUM_IN || m->state == MEDIUM_REQUESTED || m->state == MEDIUM_OUT ||
	       m->state == MEDIUM_FOUND;
}

static void judge_medium(const struct report_page *p, const struct roster_medium *m,
			 struct finding f[FINDINGS])
{
	bool here = is_here(m);

	if (here && MAX(MAX(m->sighted, m->opened), m->registered) < p->now - 30 * 86400)
		add(&f[1], m->number);
	if (here && m->separation_known && !m->separated)
		add(&f[9], m->number);
	if (m->state == MEDIUM_ERASED && !has_certificate(p, m->number))
		add(&f[16], m->number);
}

/* Openings with a key after the day it was revoked. */
static void judge_session(const struct report_page *p, const struct report_session *s,
			  struct finding f[FINDINGS])
{
	const struct roster_person *who = page_person(p, s->who);

	if (who && who->revoked.is && s->from > who->revoked.when)
		add_place(p, &f[10], s->host, s->from_seq);
}

/* 19: where the register has no recovery key, there is nothing to keep. */
static void judge_recovery(const struct report_page *p, struct finding *f)
{
	const struct roster *r = p->roster;

	if (!r->has_recovery)
		add(f, _("none was set up"));
	else if (r->recovery_shares)
		snprintf(f->evidence, sizeof(f->evidence),
			 _("sheets: %1$u, of which %2$u are needed"), r->recovery_shares,
			 r->recovery_threshold);
	else
		text_copy(f->evidence, sizeof(f->evidence), _("one sheet"));
}

/* 1: somebody saw it and told the register; whether it lies there today is for hands to find out.
 */
static void judge_stock(const struct report_page *p, struct finding *f)
{
	size_t here = 0, seen = 0;

	for (size_t i = 0; i < p->roster->medium_count; i++) {
		const struct roster_medium *m = &p->roster->media[i];

		here += is_here(m);
		seen += is_here(m) && page_in_span(p, m->sighted);
	}
	snprintf(f->evidence, sizeof(f->evidence), _("seen in the period: %1$zu of %2$zu"), seen,
		 here);
}

static void judge_society(const struct report_page *p, struct finding f[FINDINGS])
{
	static const size_t of_register[] = {1, 2, 3, 4, 10, 16, 19};

	for (size_t i = 0; i < ARRAY_LEN(of_register); i++)
		found(&f[of_register[i]], 0);
	for (size_t i = 0; i < p->roster->checkout_count; i++)
		judge_lending(p, &p->roster->checkouts[i], f);
	for (size_t i = 0; i < p->roster->medium_count; i++)
		judge_medium(p, &p->roster->media[i], f);
	for (size_t i = 0; i < p->report->session_count; i++)
		judge_session(p, &p->report->sessions[i], f);
	judge_stock(p, &f[0]);
	judge_recovery(p, &f[18]);
	if (!p->roster->checkout_count)
		f[2].verdict = f[3].verdict = f[4].verdict = f[19].verdict = FINDING_NOT_APPLICABLE;
}

static void judge_logs(const struct report_page *p, struct finding *f)
{
	char name[PAGE_NAME];

	for (size_t i = 0; i < p->report->log_count; i++) {
		page_host(p, p->report->logs[i].host, name);
		if (p->report->logs[i].verdict != OK && f->verdict == FINDING_GOOD)
			add(f, name);
	}
}

static void judge_packs(const struct report_page *p, struct finding *f)
{
	const struct report *r = p->report;

	found(f, 0);
	if (!r->pack_count)
		f->verdict = FINDING_NOT_APPLICABLE;
	for (size_t i = 0; i < r->pack_count; i++)
		if (!r->packs[i].receipt_seq)
			add_place(p, f, r->packs[i].host, r->packs[i].seq);
}

void findings_judge(const struct report_page *p, struct finding f[FINDINGS])
{
	memset(f, 0, FINDINGS * sizeof(*f));
	from_tally(p, REPORT_UNREGISTERED, false, &f[7]);
	from_tally(p, REPORT_WEAK, true, &f[8]);
	from_tally(p, REPORT_UNSEPARATED, true, &f[9]);
	from_tally(p, REPORT_OUTSIDE, false, &f[11]);
	from_tally(p, REPORT_FAILED_OPEN, true, &f[12]);
	from_tally(p, REPORT_MASS_OUT, true, &f[13]);
	from_tally(p, REPORT_FAULTS, true, &f[14]);
	from_tally(p, REPORT_CLOCK, true, &f[15]);
	judge_logs(p, &f[14]);
	judge_packs(p, &f[6]);
	if (p->has_society)
		judge_society(p, f);
	from_tally(p, REPORT_INCIDENTS, false, &f[21]);
	f[21].verdict = f[21].count ? FINDING_MANUAL : FINDING_NOT_APPLICABLE;
}

const char *finding_item(size_t i)
{
	return gettext(items[i]);
}

const char *finding_verdict(enum finding_verdict verdict)
{
	static const char *const verdicts[] = {N_("check by hand"), N_("good"), N_("not good"),
					       N_("does not apply")};

	return gettext(verdicts[verdict]);
}

#include "tools/report_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/cli.h"

void page_host(const struct report_page *p, const char *id, char out[PAGE_NAME])
{
	const struct roster_host *host = roster_host(p->roster, id);

	text_copy(out, PAGE_NAME, host && host->name[0] ? host->name : *id ? id : "-");
}

static int by_fpr(const void *a, const void *b)
{
	return strcmp(((const struct page_person *)a)->fpr, ((const struct page_person *)b)->fpr);
}

enum err page_prepare(struct report_page *p)
{
	const struct roster *r = p->roster;

	p->people = calloc(r->person_count + 1, sizeof(*p->people));
	if (!p->people)
		return err_at(ERR_NOMEM, "report");
	for (size_t i = 0; i < r->person_count; i++) {
		staff_fpr(&r->people[i].recipient, p->people[i].fpr);
		p->people[i].person = &r->people[i];
	}
	if (r->person_count > 1)
		qsort(p->people, r->person_count, sizeof(*p->people), by_fpr);
	return OK;
}

void page_clear(struct report_page *p)
{
	free(p->people);
	p->people = NULL;
}

const struct roster_person *page_person(const struct report_page *p, const char *actor)
{
	const char *slash = strrchr(actor, '/');
	struct page_person want = {0}, *found;

	if (!slash)
		return NULL;
	text_copy(want.fpr, sizeof(want.fpr), slash + 1);
	found = bsearch(&want, p->people, p->roster->person_count, sizeof(want), by_fpr);
	return found ? found->person : NULL;
}

void page_who(const struct report_page *p, const char *actor, char out[PAGE_NAME])
{
	const struct roster_person *person = page_person(p, actor);
	const char *slash = strrchr(actor, '/');

	text_copy(out, PAGE_NAME, person ? person->name : *actor ? actor : "-");
	if (!person && slash && slash > actor)
		out[slash - actor] = '\0';
}

const struct roster_medium *page_medium(const struct report_page *p, const struct report_session *s)
{
	uint8_t id[VOLUME_ID_LEN];

	if (strlen(s->volume) != (size_t)2 * VOLUME_ID_LEN ||
	    text_unhex(s->volume, id, VOLUME_ID_LEN) != OK)
		return NULL;
	return roster_medium(p->roster, id);
}

void page_medium_name(const struct report_page *p, const struct report_session *s,
		      char out[PAGE_NAME])
{
	const struct roster_medium *m = page_medium(p, s);
	const char *number = m ? m->number : s->number, *label = m ? m->label : s->label;

	if (*number && *label && strcmp(number, label) != 0)
		snprintf(out, PAGE_NAME, "%s %s", number, label);
	else
		text_copy(out, PAGE_NAME, *number ? number : *label ? label : s->volume);
}

void page_place(const struct report_page *p, const char *host, uint64_t seq, char out[PAGE_NAME])
{
	char name[PAGE_NAME];

	text_copy(out, PAGE_NAME, "-");
	page_host(p, host, name);
	if (seq)
		snprintf(out, PAGE_NAME, "%.120s:%" PRIu64, name, seq);
}

bool page_in_span(const struct report_page *p, int64_t when)
{
	return when >= p->report->from && (!p->report->to || when < p->report->to);
}

void page_span(const struct report_page *p, int64_t *from, int64_t *to)
{
	const struct report *r = p->report;

	*from = r->from;
	*to = r->to ? MIN(r->to, p->now) : p->now;
	if (!*from) {
		*from = *to - 86400;
		for (size_t i = 0; i < r->session_count; i++)
			if (r->sessions[i].from > 0)
				*from = MIN(*from, r->sessions[i].from);
		for (size_t i = 0; i < p->roster->checkout_count; i++)
			if (p->roster->checkouts[i].requested > 0)
				*from = MIN(*from, p->roster->checkouts[i].requested);
	}
	if (*to <= *from)
		*to = r->to > *from ? r->to : *from + 1;
}

const char *page_ending(enum report_ending ending)
{
	static const char *const endings[REPORT_ENDINGS] = {
		[REPORT_OPEN] = N_("still open"),
		[REPORT_CLOSED] = N_("closed"),
		[REPORT_REMOVED] = N_("pulled out without eject"),
		[REPORT_UNCLEAN] = N_("unclean end"),
		[REPORT_UNTOLD] = N_("no end on record"),
	};

	return gettext(endings[ending]);
}

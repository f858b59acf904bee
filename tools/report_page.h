/* What the parts of the auditor's report share: what it is made of, and how people call the
 * computers, media and colleagues that the logs know by number. Names come from the register where
 * it has them. */
#pragma once
#include "access/audit_report.h"
#include "org/roster.h"
#include "org/staff_key.h"
#include "tools/html.h"

struct page_person {
	char fpr[STAFF_FPR_LEN];
	const struct roster_person *person; /* borrowed */
};
struct report_page {
	const struct report *report;
	const struct roster *roster; /* an empty one: no society */
	bool has_society;
	bool wareki;
	int64_t now;
	struct page_person *people; /* of the roster, by fingerprint; owned */
};
/* Once all but `people` is set. */
MUST_CHECK enum err page_prepare(struct report_page *p);
void page_clear(struct report_page *p); /* all-zero is welcome */

#define PAGE_NAME 160u
/* "osaka1", or "h-0123456789abcdef". */
void page_host(const struct report_page *p, const char *id, char out[PAGE_NAME]);
/* "sato" of "sato/0123456789abcdef", by the register's name for that key. */
void page_who(const struct report_page *p, const char *actor, char out[PAGE_NAME]);
/* On the register; NULL. */
const struct roster_person *page_person(const struct report_page *p, const char *actor);
const struct roster_medium *page_medium(const struct report_page *p,
					const struct report_session *s);
/* Number and label, or the label. */
void page_medium_name(const struct report_page *p, const struct report_session *s,
		      char out[PAGE_NAME]);
/* "osaka1:12" */
void page_place(const struct report_page *p, const char *host, uint64_t seq, char out[PAGE_NAME]);
bool page_in_span(const struct report_page *p, int64_t when);
/* First and last moment of what the page speaks of: as asked for, else what there is. */
void page_span(const struct report_page *p, int64_t *from, int64_t *to);
/* "pulled out without eject", translated. */
const char *page_ending(enum report_ending ending);

/* The self-inspection (自己点検): 23 items, each judged from logs and register as far as those
 * tell. What they do not tell is to be checked by hand, and says so: nothing here is guessed. */
#pragma once
#include "tools/report_page.h"

#define FINDINGS 23u
enum finding_verdict { FINDING_MANUAL, FINDING_GOOD, FINDING_BAD, FINDING_NOT_APPLICABLE };
struct finding {
	enum finding_verdict verdict;
	uint64_t count;
	char evidence[320]; /* records and numbers, the first few */
};
void findings_judge(const struct report_page *p, struct finding f[FINDINGS]);
const char *finding_item(size_t i);			   /* "many failed openings", translated */
const char *finding_verdict(enum finding_verdict verdict); /* "not good", translated */

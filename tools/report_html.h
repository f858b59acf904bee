/* The auditor's report as one page: no scripts, nothing from elsewhere, for A4 in black and white.
 * Every text that comes from a log or the register is escaped. In the language that is set. */
#pragma once
#include "access/audit_report.h"
#include "org/roster.h"

struct report_page {
	const struct report *report;
	const struct roster *roster; /* an empty one: no society */
	bool has_society;
	bool wareki;
	int64_t now;
};
MUST_CHECK enum err report_html(const struct report_page *page, struct buf *out);

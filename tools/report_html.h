/* The auditor's report as one page: no scripts, nothing from elsewhere, for A4 in black and white.
 * Every text that comes from a log or the register is escaped. In the language that is set. */
#pragma once
#include "tools/report_page.h"

/* `page` is prepared. */
MUST_CHECK enum err report_html(const struct report_page *page, struct buf *out);

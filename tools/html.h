/* Pieces of a page: text that is escaped, tables, times. All of it goes to the end of `out`. */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

struct html {
	struct buf *out;
	bool wareki; /* years of the Japanese era */
};

/* Escaped; control characters become blanks. */
MUST_CHECK enum err html_text(const struct html *h, const char *text);
/* <tag>text</tag>; `tag` may have attributes: "p class=\"x\"". */
MUST_CHECK enum err html_element(const struct html *h, const char *tag, const char *text);
MUST_CHECK enum err html_cell(const struct html *h, const char *text);

struct html_column {
	const char *head; /* N_() */
	unsigned width;	  /* percent of the table's */
};
MUST_CHECK enum err html_table(const struct html *h, const struct html_column *columns, size_t n);
MUST_CHECK enum err html_table_end(const struct html *h);

/* "2026-11-22", "2026-11-22 09:14" or 令和8年11月22日; "-" for 0. `out` has HTML_TIME bytes. */
#define HTML_TIME 64u
void html_time(const struct html *h, int64_t when, bool with_time, char out[HTML_TIME]);
/* The year and month alone, as short as can be. */
void html_month(const struct html *h, int64_t when, char out[HTML_TIME]);

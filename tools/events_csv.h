/* Events as a table for a spreadsheet: a row for each record, UTF-8 with a byte order mark, fields
 * quoted (RFC 4180), headings in the language that is set. A text that a spreadsheet would take for
 * a formula has an apostrophe before it. Notes of other logs are left out: the records have them. */
#pragma once
#include <stdio.h>
#include "access/events.h"

MUST_CHECK enum err events_csv(const struct events *e, FILE *out);

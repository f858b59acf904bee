/* The lending ledger as a table for a spreadsheet: 電子媒体持出管理台帳, a row for each taking out,
 * UTF-8 with a byte order mark, fields quoted (RFC 4180). Headings in the language that is set. What
 * only paper knows stays empty. */
#pragma once
#include "tools/officer.h"

MUST_CHECK enum err ledger_csv(const struct officer *o, int64_t now, struct buf *out);

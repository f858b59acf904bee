/* What the auditor's verbs share: which logs, and of which days. */
#pragma once
#include "access/log_finder.h"
#include "tools/cli.h"

/* The logs below the words of the command line, sorted; without any, this computer's.
 * ERR_NOT_FOUND: there are none. */
MUST_CHECK enum err audit_logs_find(struct cli *cli, struct home *home, struct log_files *files);
/* --from and --to, in seconds since 1970: from the beginning of the first day, up to and without
 * the beginning of the day behind the last one. 0: not given. ERR_USAGE. */
MUST_CHECK enum err audit_logs_days(const struct cli *cli, int64_t *from, int64_t *to);

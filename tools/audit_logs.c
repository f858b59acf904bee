#include "tools/audit_logs.h"

#include <stdlib.h>
#include <string.h>

#include "org/ledger.h"
#include "tools/officer.h"

#define DAY_SECONDS 86400

enum err audit_logs_find(struct cli *cli, struct home *home, struct log_files *files)
{
	CLEANUP(mem_freep) char *own = strdup(home_log_path(home));
	char *slash = own ? strrchr(own, '/') : NULL;

	if (!slash)
		return err_at(ERR_NOMEM, "path");
	*slash = '\0';
	for (size_t i = 0; i < cli_argument_count(cli); i++)
		TRY(log_files_find(files, cli_argument(cli, i)));
	if (cli_argument_count(cli) == 0)
		TRY(log_files_find(files, own));
	log_files_sort(files);
	return files->count > 0 ? OK
				: err_at(ERR_NOT_FOUND, "%s",
					 cli_argument_count(cli) ? cli_argument(cli, 0) : own);
}

enum err audit_logs_days(const struct cli *cli, int64_t *from, int64_t *to)
{
	const char *day;

	*from = *to = 0;
	TRY(officer_day(cli, OPT_FROM_DAY, "--from", &day));
	if (day) {
		TRY(ledger_time(day, from)); /* the end of the day */
		*from -= DAY_SECONDS - 1;
	}
	TRY(officer_day(cli, OPT_TO_DAY, "--to", &day));
	if (day) {
		TRY(ledger_time(day, to));
		++*to;
	}
	if (*to && *from >= *to)
		return cli_usage("%s", _("--from is after --to"));
	return OK;
}

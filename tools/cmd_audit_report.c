/* vault audit report: what the auditor prints, files and signs. */
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "org/ledger.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/report_html.h"
#include "tools/verbs.h"

/* The log in a copy of a host's folder. */
static enum err read_folder(struct report *r, const char *dir)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, "log/host.jsonl");

	if (!path)
		return err_at(ERR_NOMEM, "%s", dir);
	return report_read(r, path);
}

static enum err read_logs(struct cli *cli, struct home *home, struct report *r)
{
	for (size_t i = 0; i < cli_argument_count(cli); i++)
		TRY(read_folder(r, cli_argument(cli, i)));
	return cli_argument_count(cli) ? OK : report_read(r, home_log_path(home));
}

static enum err read_period(struct cli *cli, struct report *r)
{
	const char *day;

	TRY(officer_day(cli, OPT_FROM_DAY, "--from", &day));
	if (day) {
		TRY(ledger_time(day, &r->from)); /* the end of the day */
		r->from -= 86399;
	}
	TRY(officer_day(cli, OPT_TO_DAY, "--to", &day));
	if (day) {
		TRY(ledger_time(day, &r->to));
		r->to++;
	}
	if (r->to && r->from >= r->to)
		return cli_usage("%s", _("--from is after --to"));
	return OK;
}

static enum err tell(struct cli *cli, const struct report *r, const char *path)
{
	out_say(cli, _("The report is in %s."), path);
	TRY(out_json(cli, "result",
		     json_pack("{s:s,s:I,s:I,s:I}", "path", path, "records", (json_int_t)r->records,
			       "openings", (json_int_t)r->session_count, "packs",
			       (json_int_t)r->pack_count)));
	for (size_t i = 0; i < r->log_count; i++)
		if (r->logs[i].verdict != OK)
			return err_at(r->logs[i].verdict, "%s", r->logs[i].host);
	return OK;
}

static enum err make(struct cli *cli, struct report *r)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(buf_clear) struct buf page = {0};
	const char *path = cli_value(cli, OPT_PAGE_OUTPUT), *era = cli_value(cli, OPT_ERA);
	struct report_page p = {.report = r, .wareki = era != NULL, .now = clock_wall().tv_sec};

	if (!path)
		return cli_usage("%s", _("-o FILE tells where the report goes"));
	if (era && strcmp(era, "wareki") != 0)
		return cli_usage(_("\"%s\" is no era; there is wareki"), era);
	TRY(read_period(cli, r));
	TRY(officer_look(cli, &o));
	TRY(read_logs(cli, o.home, r));
	p.roster = o.roster;
	p.has_society = officer_has_society(&o);
	TRY(report_html(&p, &page));
	TRY(io_create_file(path, page.data, page.len, 0600));
	return tell(cli, r, path);
}

static enum err run(struct cli *cli)
{
	struct report r = {0};
	enum err err = make(cli, &r);

	report_clear(&r);
	return err;
}

const struct verb verb_audit_report = {
	.name = "audit report",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[DIR]... -o FILE.html",
	.summary = N_("a page of what the logs tell, to print and sign"),
	.about = N_("Openings, removals, packs and the self-inspection, out of the logs in copies of "
		    "computers' folders (default: this computer's) and the register here. It needs no "
		    "key. A log that was changed is in the report, and gives the exit code 21."),
	.examples = {{"audit report -o report.html", N_("all of this computer")},
		     {"audit report copies/* --from 2026-04-01 --to 2027-03-31 -o year.html",
		      N_("a year of several computers")}},
	.options = OPT_BIT(OPT_PAGE_OUTPUT) | OPT_BIT(OPT_FROM_DAY) | OPT_BIT(OPT_TO_DAY) |
		   OPT_BIT(OPT_ERA),
	.max = 10000,
};

/* vault audit report: what the auditor prints, files and signs. */
#include <string.h>

#include "access/log_finder.h"
#include "base/clock.h"
#include "base/io.h"
#include "tools/audit_logs.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/report_html.h"
#include "tools/verbs.h"

/* Of several copies of one log the longest. */
static enum err read_copies(struct cli *cli, struct log_files *files, struct report *r)
{
	for (size_t i = 0; i < cli_argument_count(cli); i++)
		TRY(log_files_find(files, cli_argument(cli, i)));
	log_files_sort(files);
	for (size_t i = 0; i < files->count; i++) {
		const struct log_file *f = &files->files[i];

		if (f->kind == LOG_HOST && !log_files_is_shorter(files, i))
			TRY(report_read(r, f->path));
	}
	return r->log_count ? OK : err_at(ERR_NOT_FOUND, "%s", cli_argument(cli, 0));
}

static enum err read_logs(struct cli *cli, struct home *home, struct report *r)
{
	struct log_files files = {0};
	enum err err;

	if (cli_argument_count(cli) == 0)
		return report_read(r, home_log_path(home));
	err = read_copies(cli, &files, r);
	log_files_clear(&files);
	return err;
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
	CLEANUP(buf_clear) struct buf text = {0};
	const char *path = cli_value(cli, OPT_PAGE_OUTPUT), *era = cli_value(cli, OPT_ERA);
	CLEANUP(page_clear)
	struct report_page p = {.report = r, .wareki = era != NULL, .now = clock_wall().tv_sec};

	if (!path)
		return cli_usage("%s", _("-o FILE tells where the report goes"));
	if (era && strcmp(era, "wareki") != 0)
		return cli_usage(_("\"%s\" is no era; there is wareki"), era);
	TRY(audit_logs_days(cli, &r->from, &r->to));
	TRY(officer_look(cli, &o));
	TRY(read_logs(cli, o.home, r));
	report_arrange(r);
	p.roster = o.roster;
	p.has_society = officer_has_society(&o);
	TRY(page_prepare(&p));
	TRY(report_html(&p, &text));
	TRY(io_create_file(path, text.data, text.len, 0600));
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
		    "computers' folders or in the exchange folder (default: this computer's), and of the "
		    "register here. It needs no key. A log that was changed is in the report, and gives "
		    "the exit code 21."),
	.examples = {{"audit report -o report.html", N_("all of this computer")},
		     {"audit report /mnt/share --from 2026-04-01 --to 2027-03-31 -o year.html",
		      N_("a year of several computers")}},
	.options = OPT_BIT(OPT_PAGE_OUTPUT) | OPT_BIT(OPT_FROM_DAY) | OPT_BIT(OPT_TO_DAY) |
		   OPT_BIT(OPT_ERA),
	.max = 10000,
};

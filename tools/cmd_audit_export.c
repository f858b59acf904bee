/* vault audit export: the logs for an auditor who has nothing of ours, with a script that verifies
 * them. */
#include "access/export.h"
#include "base/io.h"
#include "tools/audit_logs.h"
#include "tools/data_file.h"
#include "tools/events_csv.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"

static enum err put_table(struct export *e, const struct log_files *files)
{
	CLEANUP(events_freep) struct events *events = NULL;
	struct event_ask ask = {.files = files};
	FILE *file;
	enum err err;

	TRY(events_find(&ask, &events));
	TRY(export_create(e, "events.csv", 0600, &file));
	err = events_csv(events, file);
	if (err != OK) {
		fclose(file);
		return err;
	}
	return export_close(&file, "events.csv");
}

static enum err put_script(struct export *e)
{
	CLEANUP(buf_clear) struct buf script = {0};
	FILE *file;

	TRY(data_file_read("verify.sh", "PVAULT_VERIFY_SCRIPT", &script));
	TRY(export_create(e, "verify.sh", 0700, &file));
	(void)fwrite(script.data, 1, script.len, file); /* told by closing it */
	return export_close(&file, "verify.sh");
}

/* The script comes last: where it is, everything is. */
static enum err fill(struct export *e, const struct officer *o, const struct log_files *files)
{
	TRY(export_logs(e, files));
	if (officer_has_society(o))
		TRY(export_keys(e, o->roster));
	TRY(put_table(e, files));
	TRY(put_script(e));
	return export_end(e);
}

static enum err tell(const struct cli *cli, const struct export *e, const char *dir)
{
	const struct export_facts *f = export_facts(e);

	if (f->unreadable)
		out_warn(cli,
			 _("%zu logs do not tell whose they are: their first line is no record"),
			 f->unreadable);
	if (f->different)
		out_warn(cli,
			 _("%zu logs have copies that go on differently; they are in there, too"),
			 f->different);
	out_say(cli, _("Logs of %zu computers and %zu vaults (%llu lines) are in %s."), f->hosts,
		f->volumes, (unsigned long long)f->lines, dir);
	out_talk(cli, _("They were copied as they are. To verify them: sh %s/verify.sh"), dir);
	return out_json(cli, "result",
			json_pack("{s:s,s:I,s:I,s:I}", "path", dir, "hosts", (json_int_t)f->hosts,
				  "vaults", (json_int_t)f->volumes, "lines", (json_int_t)f->lines));
}

static enum err make(struct cli *cli, struct log_files *files)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(export_freep) struct export *e = NULL;
	const char *dir = cli_value(cli, OPT_OUTPUT);

	if (!dir)
		return cli_usage("%s", _("-o DIR tells where the logs go"));
	TRY(officer_look(cli, &o));
	TRY(audit_logs_find(cli, o.home, files));
	TRY(export_begin(dir, &e));
	TRY(fill(e, &o, files));
	return tell(cli, e, dir);
}

static enum err run(struct cli *cli)
{
	struct log_files files = {0};
	enum err err = make(cli, &files);

	log_files_clear(&files);
	return err;
}

const struct verb verb_audit_export = {
	.name = "audit export",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[DIR]... -o DIR",
	.summary = N_("the logs for an auditor, with a script that verifies them"),
	.about = N_(
		"Takes the logs out of copies of computers' folders (default: this computer's): "
		"as they are, as a table for a spreadsheet, and as tiles for other programs. "
		"verify.sh in it needs a shell, openssl and sha256sum, and nothing of ours. No key "
		"is needed. Where a log has several copies, the longest is taken, and any that "
		"differs."),
	.examples = {{"audit export -o for-audit", N_("the logs of this computer")},
		     {"audit export copies -o for-audit && sh for-audit/verify.sh",
		      N_("those of all computers, of which there are copies there; then verify")}},
	.options = OPT_BIT(OPT_OUTPUT),
	.max = 10000,
};

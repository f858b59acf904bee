/* vault audit verify: do the logs of many computers and vaults hold together? Needs no key. */
#include <inttypes.h>
#include <string.h>

#include "access/verify.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/audit_logs.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"

#define CHECKPOINTS_MAX (1u << 20)

/* The words of a finding: %1$s the log (or medium), %2$s what shows it, %3$llu the record. */
static const struct {
	const char *name, *words;
} kinds[VERIFY_KINDS] = {
	[VERIFY_CHANGED] = {"changed", N_("%1$s: record %3$llu was changed, or is not signed by "
					  "the key of its period%2$s")},
	[VERIFY_REWRITTEN] = {"rewritten",
			      N_("%1$s: the first %3$llu lines are not those that %2$s witnessed; "
				 "they were written anew")},
	[VERIFY_FOREIGN_KEY] = {"foreign_key",
				N_("%1$s: the log begins with another key (%2$s) than that of this "
				   "computer")},
	[VERIFY_HIDDEN_MOUNT] =
		{"hidden_mount",
		 N_("%1$s: its line %3$llu tells an opening on %2$s that the log of "
		    "that computer keeps quiet about")},
	[VERIFY_UNTOLD_SESSION] =
		{"untold_session",
		 N_("%1$s: before its line %3$llu somebody wrote to the medium and "
		    "left no line (session %2$s)")},
	[VERIFY_REPLAYED] = {"replayed", N_("%1$s: record %3$llu tells an opening that was told "
					    "before (session %2$s)")},
	[VERIFY_COPIES_DIFFER] = {"copies_differ",
				  N_("%1$s: there are two copies of this log that differ%2$s")},
	[VERIFY_MISSING_LINES] = {"missing_lines",
				  N_("%1$s: something is missing before record %3$llu%2$s")},
	[VERIFY_CUT] = {"cut", N_("%1$s: the end is missing: %2$s witnessed %3$llu lines")},
	[VERIFY_NO_LOG] = {"no_log",
			   N_("%1$s: a checkpoint of %3$llu lines was kept, but the log is not "
			      "here%2$s")},
	[VERIFY_VOLUME_FORKED] =
		{"volume_forked",
		 N_("%1$s: the vault went on from an older state: line %3$llu is not "
		    "what %2$s saw")},
	[VERIFY_AFTER_REVOCATION] = {"after_revocation",
				     N_("%1$s: record %3$llu is an opening after the revocation of "
					"%2$s")},
	[VERIFY_NOT_CLOSED] = {"not_closed", N_("%1$s: %2$s was not ejected, says record %3$llu")},
	[VERIFY_CLOCK] = {"clock", N_("%1$s: the clock was set back before record %3$llu%2$s")},
	[VERIFY_STEPPED_BACK] = {"stepped_back",
				 N_("%1$s: lines behind line %3$llu were lost, and it was told "
				    "(%2$s saw them)")},
	[VERIFY_UNREGISTERED] = {"unregistered",
				 N_("%1$s: this computer is not on the register%2$s")},
	[VERIFY_HOST_ABSENT] = {"host_absent",
				N_("%1$s: opened on %2$s, whose log is not here (line %3$llu)")},
	[VERIFY_UNSEEN] = {"unseen", N_("%1$s: no log tells of it for more than 31 days%2$s")},
	[VERIFY_UNREADABLE] = {"unreadable", N_("%1$s: line %3$llu is no record%2$s")},
};

/* "osaka-pc (h-...)" or "OSAKA-03 (1234...)": what people call it, as far as the register knows. */
static void name_of(const struct roster *r, const char *id, char out[160])
{
	const struct roster_host *host = r ? roster_host(r, id) : NULL;
	const struct roster_medium *medium = NULL;
	uint8_t volume_id[VOLUME_ID_LEN];

	if (r && !host && strlen(id) == (size_t)2 * VOLUME_ID_LEN &&
	    text_unhex(id, volume_id, VOLUME_ID_LEN) == OK)
		medium = roster_medium(r, volume_id);
	if (host)
		snprintf(out, 160, "%s (%s)", host->name, id);
	else if (medium)
		snprintf(out, 160, "%s %s (%s)", medium->number, medium->label, id);
	else
		text_copy(out, 160, id);
}

static void put_words(const struct cli *cli, const struct roster *r, const struct verify_finding *f)
{
	char log[160], other[320], when[32] = "";

	name_of(r, f->log, log);
	name_of(r, f->other, other);
	if (f->detail[0])
		snprintf(other, sizeof(other), " (%s)", gettext(f->detail));
	/* A head that was kept on paper or by the auditor has no log to name. */
	if (!f->other[0] && (f->what == VERIFY_REWRITTEN || f->what == VERIFY_CUT ||
			     f->what == VERIFY_VOLUME_FORKED))
		text_copy(other, sizeof(other), _("the checkpoint that was kept"));
	if (f->when)
		text_time((time_t)f->when, when);
		/* The words are from the table above or its translation. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	CLEANUP(buf_clear) struct buf text = {0};
	if (buf_printf(&text, gettext(kinds[f->what].words), log, other,
		       (unsigned long long)f->seq) != OK)
		return;
#pragma GCC diagnostic pop
	out_line(cli, "%s%s%s%s", text.data, *when ? " [" : "", when, *when ? "]" : "");
}

static enum err put_finding(const struct cli *cli, const struct roster *r,
			    const struct verify_finding *f)
{
	put_words(cli, r, f);
	return out_json(cli, "finding",
			json_pack("{s:s,s:s,s:s,s:I,s:s,s:i}", "what", kinds[f->what].name, "log",
				  f->log, "other", f->other, "seq", (json_int_t)f->seq, "detail",
				  f->detail, "exit", err_exit_code(verify_weight(f->what))));
}

static void put_heading(const struct cli *cli, bool grave)
{
	out_line(cli, "%s", grave ? _("FINDINGS") : _("Worth knowing:"));
}

/* The grave ones first, then what is only worth knowing. */
static enum err put_findings(const struct cli *cli, const struct roster *r,
			     const struct verify_result *v)
{
	int heading = -1;

	for (size_t i = 0; i < v->finding_count; i++) {
		int grave = verify_weight(v->findings[i].what) != OK;

		if (grave != heading)
			put_heading(cli, grave != 0);
		heading = grave;
		TRY(put_finding(cli, r, &v->findings[i]));
	}
	for (unsigned i = 0; i < VERIFY_KINDS; i++)
		if (v->counts[i] > VERIFY_KEPT)
			out_line(cli, _("... and %llu more of the kind \"%s\""),
				 (unsigned long long)(v->counts[i] - VERIFY_KEPT), kinds[i].name);
	return OK;
}

static enum err put_log(const struct cli *cli, const struct roster *r, const struct verify_log *l)
{
	char name[160], when[32] = "-";

	name_of(r, l->id, name);
	if (l->last)
		text_time((time_t)l->last, when);
	if (cli->verbose)
		out_line(cli,
			 _("%s: %llu lines, %llu periods, %llu heads of it witnessed, last %s"),
			 name, (unsigned long long)l->lines, (unsigned long long)l->periods,
			 (unsigned long long)l->witnessed, when);
	return out_json(cli, "log",
			json_pack("{s:s,s:s,s:I,s:I,s:I}", "log", l->id, "kind",
				  l->kind == LOG_HOST ? "host" : "volume", "lines",
				  (json_int_t)l->lines, "periods", (json_int_t)l->periods,
				  "witnessed", (json_int_t)l->witnessed));
}

static enum err tell(const struct cli *cli, const struct roster *r, const struct verify_result *v)
{
	size_t hosts = 0;

	for (size_t i = 0; i < v->log_count; i++) {
		hosts += v->logs[i].kind == LOG_HOST;
		TRY(put_log(cli, r, &v->logs[i]));
	}
	TRY(put_findings(cli, r, v));
	out_say(cli,
		_("Logs of %zu computers and %zu vaults: %llu records, %llu openings; %llu heads "
		  "that one log witnessed of another."),
		hosts, v->log_count - hosts, (unsigned long long)v->lines,
		(unsigned long long)v->openings, (unsigned long long)v->heads);
	if (v->verdict == OK)
		out_say(cli, "%s",
			_("They hold together: nothing was changed, and nothing is missing."));
	return out_json(cli, "result",
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:i}", "hosts", (json_int_t)hosts, "vaults",
				  (json_int_t)(v->log_count - hosts), "records",
				  (json_int_t)v->lines, "openings", (json_int_t)v->openings,
				  "heads", (json_int_t)v->heads, "exit",
				  err_exit_code(v->verdict)));
}

static enum err verify(struct cli *cli, struct log_files *files, struct verify_result *result)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(buf_clear) struct buf kept = {0};
	const char *path = cli_value(cli, OPT_CHECKPOINT);
	struct verify_ask ask = {.files = files, .now = clock_wall().tv_sec};

	TRY(officer_look(cli, &o));
	TRY(audit_logs_find(cli, o.home, files));
	if (path)
		TRY(io_read_file(path, CHECKPOINTS_MAX, &kept));
	ask.checkpoints = path ? (kept.data ? kept.data : "") : NULL;
	ask.roster = officer_has_society(&o) ? o.roster : NULL;
	TRY(verify_logs(&ask, result));
	TRY(tell(cli, ask.roster, result));
	if (!ask.roster)
		out_talk(cli, "%s",
			 _("No register is on this computer, so each computer's key was taken "
			   "from its own log."));
	return result->verdict == OK ? OK : err_at(result->verdict, "%s", _("see the findings"));
}

static enum err run(struct cli *cli)
{
	struct verify_result result = {0};
	struct log_files files = {0};
	enum err err = verify(cli, &files, &result);

	verify_clear(&result);
	log_files_clear(&files);
	return err;
}

const struct verb verb_audit_verify = {
	.name = "audit verify",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[DIR]... [--checkpoint FILE]",
	.summary = N_("do the logs hold together? Changed, cut, hidden, turned back"),
	.about = N_("Looks for the logs in copies of computers' folders, in the folder of \"sync\" "
		    "or in "
		    "an export (default: this computer's), and holds them against each other and "
		    "against the register here. It needs no key. Exit codes: 21 changed, 22 "
		    "missing, 23 "
		    "an older state, 14 opened after a revocation."),
	.examples = {{"audit verify copies", N_("all computers, of which there are copies there")},
		     {"audit verify copies --checkpoint april.txt",
		      N_("and they go on from what was kept in April")}},
	.options = OPT_BIT(OPT_CHECKPOINT),
	.max = 10000,
};

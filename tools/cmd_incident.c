/* vault incident: what is known of a lost medium, as a report to be completed. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/incident.h"
#include "tools/output.h"
#include "tools/verbs.h"

/* The first report of a medium opens the incident, in the register and the log. */
static enum err open_incident(struct officer *o, const char *medium)
{
	CLEANUP(draft_clear) struct draft draft = {0};
	const char *since = cli_value(o->cli, OPT_KNOWN_SINCE);
	const struct roster_medium *m;
	struct lending_event event;
	char id[LEDGER_ID], known[32];
	int64_t when = clock_wall().tv_sec;

	if (since && (ledger_time(since, &when) != OK || when > clock_wall().tv_sec + 86400))
		return cli_usage(_("--known-since: \"%s\" is no time like 2026-11-20T09:00"),
				 since);
	TRY(lending_medium(o, medium, &m));
	text_time((time_t)when, known);
	ledger_next_id(o->roster, 'I', clock_wall().tv_sec, id);
	TRY(draft_add(&draft, "incident", id));
	TRY(draft_add(&draft, "number", m->number));
	TRY(draft_add(&draft, "known", known));
	lending_event(m, NULL, AUDIT_INCIDENT, &event);
	event.event.incident_id = id;
	return officer_state(o, STATEMENT_INCIDENT, &draft, &event.event, NULL);
}

static enum err collect(struct officer *o, const char *medium, struct incident *ret)
{
	const struct roster_medium *m;

	TRY(lending_medium(o, medium, &m));
	TRY(incident_collect(o, m, ret));
	if (ret->id[0])
		return OK;
	incident_clear(ret);
	TRY(open_incident(o, medium));
	TRY(lending_medium(o, medium, &m));
	return incident_collect(o, m, ret);
}

static enum err tell(const struct incident *i, const char *path)
{
	char known[32], hex[2 * SHA256_LEN + 1];

	text_time((time_t)i->known, known);
	text_hex(i->contents.sha256, SHA256_LEN, hex);
	out_say(i->o->cli,
		_("%s: what is known of %s is in %s. Complete it, and keep to its dates."), i->id,
		i->m->number, path);
	if (!i->m->revoked.is)
		out_talk(i->o->cli,
			 _("The medium is not revoked yet: \"%s revoke %s --reason lost\"."),
			 VAULT_NAME, i->m->number);
	return out_json(i->o->cli, "result",
			json_pack("{s:s,s:s,s:s,s:s,s:b,s:b,s:I,s:I,s:s*,s:o*}", "incident", i->id,
				  "number", i->m->number, "path", path, "known", known, "revoked",
				  (int)i->m->revoked.is, "separated",
				  (int)(i->has_contents ? i->contents.separated : i->m->separated),
				  "files", (json_int_t)i->contents.files, "bytes",
				  (json_int_t)i->contents.bytes, "manifest",
				  i->has_contents ? hex : NULL, "persons",
				  i->has_persons ? json_integer((json_int_t)i->persons) : NULL));
}

static enum err list_contents(const struct incident *i)
{
	const char *at = i->contents.entries, *end = at + i->contents.entries_len;

	if (!i->has_contents)
		return err_at(i->contents_err, "%s", i->m->number);
	while (at < end) {
		const char *next = memchr(at, '\n', (size_t)(end - at));
		size_t len = next ? (size_t)(next - at) : (size_t)(end - at);

		out_line(i->o->cli, "%.*s", (int)len, at);
		TRY(out_json(i->o->cli, "entry", json_pack("{s:s%}", "line", at, (size_t)len)));
		at += len + 1;
	}
	return OK;
}

static enum err write_report(const struct incident *i, const char *path)
{
	CLEANUP(buf_clear) struct buf text = {0};

	TRY(incident_print(i, &text));
	TRY(io_create_file(path, text.data, text.len, 0600));
	return tell(i, path);
}

static enum err run(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(incident_clear) struct incident i = {0};
	const char *path = cli_value(cli, OPT_REPORT_OUTPUT);

	if (!path && !cli_has(cli, OPT_CONTENTS))
		return cli_usage("%s", _("say where the report goes: -o FILE"));
	TRY(officer_begin(cli, AUDIT_INCIDENT, &o));
	TRY(collect(&o, cli_argument(cli, 0), &i));
	if (cli_has(cli, OPT_CONTENTS))
		TRY(list_contents(&i));
	return path ? write_report(&i, path) : OK;
}

const struct verb verb_incident = {
	.name = "incident",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "MEDIUM -o FILE",
	.summary = N_("what is known of a lost medium, as a report"),
	.about = N_(
		"Writes the report with the dates it is due, what was on the medium by category "
		"and number, who held keys, and how it was sealed, from this computer's records; "
		"the medium is not needed. What only people know is left open. Names of files are "
		"never in it: --contents lists them. --lang chooses its language."),
	.examples = {{"incident U-012 -o incident.md", N_("on the day the loss is known")},
		     {"incident U-012 --contents", N_("the names that were on it")}},
	.options = OPT_BIT(OPT_REPORT_OUTPUT) | OPT_BIT(OPT_KNOWN_SINCE) | OPT_BIT(OPT_CONTENTS) |
		   OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

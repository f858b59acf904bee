/* vault audit list: what happened on all computers, in the order of time. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "access/events.h"
#include "tools/audit_logs.h"
#include "tools/event_words.h"
#include "tools/events_csv.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

struct listing {
	const struct cli *cli;
	const struct roster *roster; /* NULL: computers have no names */
	bool all;		     /* also what the logs do for themselves */
	size_t shown;
};

static const char *field(const json_t *record, const char *name)
{
	const char *value = json_string_value(json_object_get(record, name));

	return value ? value : "";
}

/* What a log does for itself, while all is well. */
static bool is_housekeeping(const json_t *record)
{
	const char *event = field(record, "event");

	return !strcmp(field(record, "result"), "ok") &&
	       (!strcmp(event, "rotate") || !strcmp(event, "witness"));
}

static enum err put_row(const struct cli *cli, const char *const cells[6])
{
	static const size_t widths[] = {20, 19, 7, 19, 8};
	CLEANUP(buf_clear) struct buf row = {0};

	for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
		TRY(width_pad(&row, cells[i], widths[i]));
		TRY(buf_puts(&row, " "));
	}
	TRY(buf_puts(&row, cells[5]));
	out_line(cli, "%s", row.data);
	return OK;
}

static enum err put_head(const struct cli *cli)
{
	const char *const cells[] = {_("time"),	 _("computer"), _("No."),
				     _("event"), _("result"),	_("vault, who")};

	TRY(put_row(cli, cells));
	out_line(cli, "%s",
		 "-----------------------------------------------------------------"
		 "--------------");
	return OK;
}

/* What it was done to, by whom, and why not. */
static enum err put_rest(const struct listing *l, const json_t *record, struct buf *rest)
{
	const char *actor = field(record, "actor"), *label = field(record, "label");

	TRY(buf_puts(rest, *label ? label : "-"));
	if (*actor)
		TRY(buf_printf(rest, ", %.*s",
			       (int)(l->cli->verbose ? strlen(actor) : strcspn(actor, "/")),
			       actor));
	if (*field(record, "counterparty"))
		TRY(buf_printf(rest, " -> %s", field(record, "counterparty")));
	if (*field(record, "reason_id"))
		TRY(buf_printf(rest, " [%s]", field(record, "reason_id")));
	return OK;
}

static enum err put_record(struct listing *l, const json_t *record)
{
	CLEANUP(buf_clear) struct buf rest = {0};
	const char *id = field(record, "host");
	const struct roster_host *host = l->roster ? roster_host(l->roster, id) : NULL;
	char seq[24], time[24];

	snprintf(seq, sizeof(seq), "%lld",
		 (long long)json_integer_value(json_object_get(record, "seq")));
	snprintf(time, sizeof(time), "%.19s", field(record, "ts"));
	if (strlen(time) > 10)
		time[10] = ' ';
	TRY(put_rest(l, record, &rest));
	if (l->shown++ == 0)
		TRY(put_head(l->cli));
	return put_row(l->cli,
		       (const char *const[]){time, host ? host->name : id, seq,
					     event_words(field(record, "event")),
					     event_words(field(record, "result")), rest.data});
}

static enum err put_line(void *ctx, const char *line, size_t len)
{
	struct listing *l = ctx;
	json_t *record;
	enum err err = OK;

	if (l->cli->json) {
		printf("%.*s\n", (int)len, line);
		return OK;
	}
	record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	if (record && (l->all || !is_housekeeping(record)))
		err = put_record(l, record);
	json_decref(record);
	return err;
}

static enum err put_events(struct cli *cli, const struct officer *o, const struct event_ask *ask)
{
	CLEANUP(events_freep) struct events *events = NULL;
	struct listing l = {.cli = cli, .all = ask->code != NULL};

	l.roster = officer_has_society(o) ? o->roster : NULL;
	TRY(events_find(ask, &events));
	if (cli_has(cli, OPT_CSV))
		return events_csv(events, stdout);
	TRY(events_each(events, put_line, &l));
	if (!cli->json && l.shown == 0)
		out_talk(cli, "%s", _("There are no such events."));
	return OK;
}

static enum err list(struct cli *cli, struct log_files *files)
{
	CLEANUP(officer_clear) struct officer o = {0};
	struct event_ask ask = {.files = files, .code = cli_value(cli, OPT_EVENT)};
	enum audit_code code;

	if (cli->json && cli_has(cli, OPT_CSV))
		return cli_usage("%s", _("--csv and --json exclude each other"));
	if (ask.code && audit_code_parse(ask.code, &code) != OK)
		return cli_usage(_("there is no event \"%s\""), ask.code);
	TRY(audit_logs_days(cli, &ask.from, &ask.to));
	TRY(officer_look(cli, &o));
	TRY(audit_logs_find(cli, o.home, files));
	return put_events(cli, &o, &ask);
}

static enum err run(struct cli *cli)
{
	struct log_files files = {0};
	enum err err = list(cli, &files);

	log_files_clear(&files);
	return err;
}

const struct verb verb_audit_list = {
	.name = "audit list",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[DIR]...",
	.summary = N_("what happened on all computers, in the order of time"),
	.about = N_(
		"Reads the logs in copies of computers' folders, in the folder of \"sync\" or in "
		"an export (default: this computer's). It needs no key and judges nothing: "
		"\"audit verify\" does. With --json the records come as they were written."),
	.examples = {{"audit list copies --from 2026-04-01 --to 2026-04-30", N_("one month")},
		     {"audit list copies --event unlock_fail", N_("what could not be opened")},
		     {"audit list copies --csv >events.csv", N_("for a spreadsheet")}},
	.options =
		OPT_BIT(OPT_FROM_DAY) | OPT_BIT(OPT_TO_DAY) | OPT_BIT(OPT_EVENT) | OPT_BIT(OPT_CSV),
	.max = 10000,
};

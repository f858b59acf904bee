/* vault log: what this computer has recorded. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "tools/event_words.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

#define PACK_TEXT 32u /* hexadecimal digits of a pack's id */

struct reading {
	struct cli *cli;
	const struct medium *medium; /* NULL: everything */
	uint64_t lines;
	bool head_shown;
	char (*receipts)[PACK_TEXT + 1]; /* owned: packs that arrived */
	size_t receipt_count;
};

static const char *field(const json_t *record, const char *name)
{
	const char *value = json_string_value(json_object_get(record, name));

	return value ? value : "";
}

/* Whether a receipt came back for this one. */
static bool is_closed(const struct reading *r, const json_t *record)
{
	for (size_t i = 0; i < r->receipt_count; i++)
		if (!strcmp(r->receipts[i], field(record, "pack")))
			return true;
	return false;
}

static bool is_open_pack(const struct reading *r, const json_t *record)
{
	return !strcmp(field(record, "event"), "pack") && !strcmp(field(record, "result"), "ok") &&
	       !is_closed(r, record);
}

/* What the log does for itself, while all is well; programs get it all. */
static bool is_housekeeping(const json_t *record)
{
	const char *event = field(record, "event");

	return !strcmp(field(record, "result"), "ok") &&
	       (!strcmp(event, "rotate") || !strcmp(event, "witness"));
}

static bool is_wanted(const struct reading *r, const json_t *record)
{
	const struct medium *m = r->medium;

	if (!r->cli->json && is_housekeeping(record))
		return false;

	if (cli_has(r->cli, OPT_OPEN_PACKS) && !is_open_pack(r, record))
		return false;
	if (!m)
		return true;
	if (m->volume_id[0])
		return !strcmp(field(record, "volume_id"), m->volume_id);
	return !strcmp(field(record, "label"), m->label);
}

/* ---- the table ------------------------------------------------------------------------------- */

static enum err put_row(const struct cli *cli, const char *seq, const char *time, const char *event,
			const char *result, const char *label, const char *rest)
{
	CLEANUP(buf_clear) struct buf row = {0};

	TRY(width_pad(&row, seq, 6));
	TRY(width_pad(&row, time, 20));
	TRY(width_pad(&row, event, 20));
	TRY(width_pad(&row, result, 8));
	TRY(width_pad(&row, *label ? label : "-", 12));
	TRY(buf_printf(&row, " %s", rest));
	out_line(cli, "%s", row.data);
	return OK;
}

static enum err put_head(struct reading *r)
{
	if (r->head_shown)
		return OK;
	r->head_shown = true;
	TRY(put_row(r->cli, _("No."), _("time"), _("event"), _("result"), _("vault"), _("who")));
	out_line(r->cli, "%s",
		 "-----------------------------------------------------------------"
		 "---------------");
	return OK;
}

/* "2026-11-22T09:14:03+09:00" is shown as "2026-11-22 09:14:03". */
static void short_time(const char *ts, char out[24])
{
	snprintf(out, 24, "%.19s", ts);
	if (strlen(out) > 10)
		out[10] = ' ';
}

static enum err put_record(struct reading *r, const json_t *record, const char *fault)
{
	CLEANUP(buf_clear) struct buf rest = {0};
	char seq[24], time[24];
	json_t *files = json_object_get(record, "files");

	TRY(put_head(r));
	snprintf(seq, sizeof(seq), "%lld",
		 (long long)json_integer_value(json_object_get(record, "seq")));
	short_time(field(record, "ts"), time);
	/* The fingerprint behind the name is for auditors. */
	TRY(buf_append(&rest, field(record, "actor"),
		       r->cli->verbose ? strlen(field(record, "actor"))
				       : strcspn(field(record, "actor"), "/")));
	TRY(buf_puts(&rest, ""));
	if (*field(record, "counterparty"))
		TRY(buf_printf(&rest, " -> %s", field(record, "counterparty")));
	if (files)
		TRY(buf_printf(&rest, _(" (files: %lld)"), (long long)json_integer_value(files)));
	if (*field(record, "reason_id"))
		TRY(buf_printf(&rest, " [%s]", field(record, "reason_id")));
	TRY(buf_puts(&rest, fault));
	return put_row(r->cli, seq, time, event_words(field(record, "event")),
		       event_words(field(record, "result")), field(record, "label"), rest.data);
}

static enum err line(void *ctx, const char *text, size_t len, enum err fault)
{
	struct reading *r = ctx;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	enum err err = OK;

	r->lines++;
	if (!cli_has(r->cli, OPT_VERIFY) && record && is_wanted(r, record)) {
		if (r->cli->json)
			printf("%.*s\n", (int)len, text);
		else
			err = put_record(r, record, fault == OK ? "" : _(" <- fault"));
	}
	json_decref(record);
	if (fault != OK)
		out_talk(r->cli, _("line %llu of the log: %s (%s)"), (unsigned long long)r->lines,
			 gettext(err_message(fault)), *err_detail() ? gettext(err_detail()) : "");
	return err;
}

/* ---- doing ----------------------------------------------------------------------------------- */

/* A medium that is not plugged in still has its records: by label, or by the folder's name. */
static enum err choose(struct cli *cli, const char *word, struct medium *m)
{
	size_t hints = cli->hints.len;
	size_t len = strlen(word), suffix = strlen(VAULT_SUFFIX);
	const char *slash = strrchr(word, '/');

	if (medium_find(cli, word, m) == OK)
		return OK;
	if (cli->hints.data) {
		cli->hints.len = hints;
		cli->hints.data[hints] = '\0';
	}
	word = slash ? slash + 1 : word;
	len = strlen(word);
	if (len > suffix && !strcasecmp(word + len - suffix, VAULT_SUFFIX))
		len -= suffix;
	snprintf(m->label, sizeof(m->label), "%.*s", (int)len, word);
	return OK;
}

static enum err note_receipt(void *ctx, const char *text, size_t len, enum err fault)
{
	struct reading *r = ctx;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	const char *pack = field(record, "pack");
	void *grown;

	if (!strcmp(field(record, "event"), "receipt") && !strcmp(field(record, "result"), "ok") &&
	    strlen(pack) == PACK_TEXT) {
		grown = realloc(r->receipts, (r->receipt_count + 1) * sizeof(*r->receipts));
		if (grown) {
			r->receipts = grown;
			memcpy(r->receipts[r->receipt_count++], pack, PACK_TEXT + 1);
		} else {
			fault = ERR_NOMEM;
		}
	}
	json_decref(record);
	return fault == ERR_NOMEM ? fault : OK; /* faults are told by the second reading */
}

static enum err read_log(struct reading *r, const char *path)
{
	const struct sign_key *key = NULL;

	if (access(path, F_OK) != 0 && errno == ENOENT) {
		out_talk(r->cli, "%s", _("This computer has no records yet."));
		return OK;
	}
	/* Without the host's key the log's own first line has to do. */
	if (home_host_key(r->cli->home, &key) != OK)
		key = NULL;
	if (cli_has(r->cli, OPT_OPEN_PACKS)) {
		enum err err =
			audit_log_read(path, key ? sign_key_vkey(key) : NULL, note_receipt, r);

		if (err == ERR_NOMEM)
			return err;
	}
	return audit_log_read(path, key ? sign_key_vkey(key) : NULL, line, r);
}

static enum err tell_verified(const struct reading *r)
{
	out_say(r->cli,
		ngettext("%llu record: unbroken, every signature is good.",
			 "%llu records: unbroken, every signature is good.", r->lines),
		(unsigned long long)r->lines);
	return out_json(r->cli, "result",
			json_pack("{s:I,s:b}", "records", (json_int_t)r->lines, "whole", true));
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	struct reading r = {.cli = cli};
	struct home *home = NULL;
	enum err err;

	TRY(cli_home(cli, &home));
	if (cli_argument(cli, 0)) {
		TRY(choose(cli, cli_argument(cli, 0), &medium));
		r.medium = &medium;
	}
	err = read_log(&r, home_log_path(home));
	free(r.receipts);
	TRY(err);
	return cli_has(cli, OPT_VERIFY) ? tell_verified(&r) : OK;
}

const struct verb verb_log = {
	.name = "log",
	.group = GROUP_LOOK,
	.run = run,
	.words = "[MEDIUM]",
	.summary = N_("what this computer has recorded"),
	.about = N_("Every opening, closing and refusal is a signed line that names the one "
		    "before. A log "
		    "that was changed gives the exit code 21, one with a gap 22. With --json the "
		    "records come as they were written."),
	.examples = {{"log", N_("all records")},
		     {"log OSAKA-03", N_("those of one vault")},
		     {"log --open-packs", N_("what was sent and is not known to have arrived")},
		     {"log --verify", N_("is it whole?")}},
	.options = OPT_BIT(OPT_VERIFY) | OPT_BIT(OPT_OPEN_PACKS),
	.max = 1,
};

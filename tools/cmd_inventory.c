/* vault inventory: where all media are, who has them, and since when nobody saw them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "tools/ledger_csv.h"
#include "tools/lending.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

struct listing {
	struct officer *b;
	int64_t now, seen_before; /* 0: any */
	bool overdue;
	size_t shown;
};

static const char *state_words(const struct roster_medium *m, const struct lending *l)
{
	if (m->state == MEDIUM_ERASED)
		return _("erased");
	if (m->state == MEDIUM_RETIRED)
		return _("disposed of");
	if (m->state == MEDIUM_LOST)
		return _("missing");
	if (m->state == MEDIUM_FOUND)
		return _("found again");
	if (m->revoked.is)
		return _("revoked");
	switch (l ? l->state : LENDING_RETURNED) {
	case LENDING_REQUESTED:
		return _("requested");
	case LENDING_OUT:
		return _("out");
	case LENDING_OVERDUE:
		return _("overdue");
	default:
		return _("in its place");
	}
}

static const char *state_code(const struct roster_medium *m, const struct lending *l)
{
	static const char *const codes[] = {
		[MEDIUM_IN] = "in",	      [MEDIUM_REQUESTED] = "requested",
		[MEDIUM_OUT] = "out",	      [MEDIUM_LOST] = "lost",
		[MEDIUM_FOUND] = "found",     [MEDIUM_ERASED] = "erased",
		[MEDIUM_RETIRED] = "retired",
	};

	if (m->state == MEDIUM_IN || m->state == MEDIUM_REQUESTED || m->state == MEDIUM_OUT) {
		if (m->revoked.is)
			return "revoked";
		return l ? lending_state_name(l->state) : "in";
	}
	return codes[m->state];
}

static bool is_wanted(const struct listing *a, const struct roster_medium *m,
		      const struct lending *l)
{
	bool gone = m->state == MEDIUM_ERASED || m->state == MEDIUM_RETIRED;

	if (a->overdue && (!l || l->state != LENDING_OVERDUE))
		return false;
	if (a->seen_before && (gone || MAX(m->sighted, m->opened) > a->seen_before))
		return false;
	return true;
}

static void day(int64_t when, char out[ROSTER_DAY])
{
	char text[32];

	out[0] = '\0';
	if (when <= 0)
		return;
	text_time((time_t)when, text);
	text_copy(out, ROSTER_DAY, text);
}

static enum err put_row(struct cli *cli, const char *number, const char *label, const char *state,
			const char *who, const char *until, const char *seen, const char *place)
{
	CLEANUP(buf_clear) struct buf row = {0};

	TRY(width_pad(&row, number, 10));
	TRY(width_pad(&row, label, 12));
	TRY(width_pad(&row, state, 12));
	TRY(width_pad(&row, who, 12));
	TRY(width_pad(&row, until, 12));
	TRY(width_pad(&row, seen, 12));
	TRY(buf_puts(&row, place));
	out_line(cli, "%s", row.data);
	return OK;
}

static enum err put_medium(struct listing *a, const struct roster_medium *m,
			   const struct lending *l)
{
	char seen[ROSTER_DAY], until[ROSTER_DAY] = "", hex[2 * VOLUME_ID_LEN + 1] = "";
	bool out = l && (l->state == LENDING_OUT || l->state == LENDING_OVERDUE);
	const char *who = out && l->carrier ? l->carrier->name : "";

	if (a->shown++ == 0) {
		TRY(put_row(a->b->cli, _("number"), _("vault"), _("state"), _("carrier"),
			    _("back by"), _("last seen"), _("place")));
		out_line(a->b->cli, "%s",
			 "-------------------------------------------------------------------------"
			 "------");
	}
	day(MAX(m->sighted, m->opened), seen);
	if (out)
		text_copy(until, sizeof(until), l->checkout->until);
	if (m->has_volume)
		text_hex(m->volume_id, VOLUME_ID_LEN, hex);
	TRY(put_row(a->b->cli, m->number, m->label[0] ? m->label : "-", state_words(m, l),
		    *who ? who : "-", until[0] ? until : "-", seen[0] ? seen : _("never"),
		    m->place));
	return out_json(a->b->cli, "medium",
			json_pack("{s:s,s:s,s:s,s:s,s:s*,s:s*,s:s*,s:s,s:s*,s:i,s:s*}", "number",
				  m->number, "label", m->label, "serial", m->serial, "state",
				  state_code(m, l), "checkout", l ? l->checkout->id : NULL,
				  "carrier", *who ? who : NULL, "until", until[0] ? until : NULL,
				  "place", m->place, "last_seen", seen[0] ? seen : NULL,
				  "days_overdue", l ? (int)l->days_overdue : 0, "volume_id",
				  hex[0] ? hex : NULL));
}

static enum err list(struct listing *a)
{
	const struct roster *r = a->b->roster;

	for (size_t i = 0; i < r->medium_count; i++) {
		const struct roster_medium *m = &r->media[i];
		const struct roster_checkout *c = roster_open_checkout(r, m->number);
		struct lending l;

		if (c)
			lending_of(r, c, a->now, &l);
		if (is_wanted(a, m, c ? &l : NULL))
			TRY(put_medium(a, m, c ? &l : NULL));
	}
	if (a->shown == 0)
		out_say(a->b->cli, "%s", _("There is none."));
	return OK;
}

static enum err write_ledger(const struct listing *a, const char *path)
{
	CLEANUP(buf_clear) struct buf text = {0};

	TRY(ledger_csv(a->b, a->now, &text));
	TRY(io_create_file(path, text.data, text.len, 0600));
	out_say(a->b->cli,
		ngettext("The ledger with %zu taking out is in %s.",
			 "The ledger with %zu takings out is in %s.", a->b->roster->checkout_count),
		a->b->roster->checkout_count, path);
	return out_json(a->b->cli, "result",
			json_pack("{s:s,s:I}", "path", path, "rows",
				  (json_int_t)a->b->roster->checkout_count));
}

static enum err run(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer b = {0};
	struct listing a = {.b = &b, .now = clock_wall().tv_sec};
	const char *days = cli_value(cli, OPT_SEEN_BEFORE);

	if (days && (strspn(days, "0123456789") != strlen(days) || !*days || strlen(days) > 5))
		return cli_usage(_("%s: \"%s\" is no number from 0 to %ld"), "--seen-before", days,
				 99999L);
	TRY(officer_look(cli, &b));
	TRY(officer_need_society(&b));
	a.overdue = cli_has(cli, OPT_OVERDUE);
	if (days)
		a.seen_before = MAX(1, a.now - (int64_t)strtol(days, NULL, 10) * 86400);
	return cli_value(cli, OPT_LEDGER_CSV) ? write_ledger(&a, cli_value(cli, OPT_LEDGER_CSV))
					      : list(&a);
}

const struct verb verb_inventory = {
	.name = "inventory",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "[--overdue] [--seen-before DAYS]",
	.summary = N_("where all media are, and who has them"),
	.about = N_(
		"Every medium of the register with its state, its carrier, the day it is due back "
		"and the day somebody last saw or opened it, as far as this computer has heard."),
	.examples = {{"inventory --overdue", N_("what should be back already")},
		     {"inventory --seen-before 30", N_("what nobody has seen for 30 days")},
		     {"inventory --csv ledger.csv", N_("every taking out, for a spreadsheet")}},
	.options = OPT_BIT(OPT_OVERDUE) | OPT_BIT(OPT_SEEN_BEFORE) | OPT_BIT(OPT_LEDGER_CSV),
	.max = 0,
};

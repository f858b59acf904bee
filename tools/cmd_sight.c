/* vault sight, found: where a medium was seen. */
#include "base/text.h"
#include "tools/lending.h"
#include "tools/output.h"
#include "tools/verbs.h"

static enum err enter(struct officer *b, const char *name, enum statement_kind kind,
		      enum audit_code code)
{
	CLEANUP(draft_clear) struct draft f = {0};
	const struct roster_medium *m;
	struct lending_event event;
	char number[33];
	const char *place = cli_value(b->cli, OPT_PLACE_NOW);
	bool revoked;

	TRY(lending_medium(b, name, &m));
	lending_event(m, NULL, code, &event);
	text_copy(number, sizeof(number), m->number);
	revoked = m->revoked.is;
	TRY(draft_add(&f, "number", number));
	TRY(draft_add(&f, "place", place ? place : m->place));
	TRY(officer_state(b, kind, &f, &event.event, NULL));
	if (kind == STATEMENT_FOUND && revoked)
		out_say(b->cli,
			_("%s was found. It stays revoked: nothing opens it any more. Make a "
			  "new vault on it under a new number."),
			number);
	else if (kind == STATEMENT_FOUND)
		out_say(b->cli, _("%s was found."), number);
	else
		out_say(b->cli, _("%s was seen in its place."), number);
	return out_json(b->cli, "result",
			json_pack("{s:s,s:b}", "number", number, "revoked", (int)revoked));
}

static enum err run(struct cli *cli, enum statement_kind kind, enum audit_code code)
{
	CLEANUP(officer_clear) struct officer b = {0};

	TRY(lending_begin(cli, &b));
	for (size_t i = 0; i < cli_argument_count(cli); i++)
		TRY(enter(&b, cli_argument(cli, i), kind, code));
	return OK;
}

static enum err run_sight(struct cli *cli)
{
	return run(cli, STATEMENT_SIGHT, AUDIT_SIGHT);
}

static enum err run_found(struct cli *cli)
{
	return run(cli, STATEMENT_FOUND, AUDIT_FOUND);
}

const struct verb verb_sight = {
	.name = "sight",
	.group = GROUP_OFFICER,
	.run = run_sight,
	.words = "MEDIUM... [--place PLACE]",
	.summary = N_("I saw these media with my own eyes"),
	.about =
		N_("For the stocktaking: \"inventory --seen-before 30\" lists what nobody has seen "
		   "or opened for 30 days."),
	.examples = {{"sight U-012 U-013 --place \"safe 2\"", N_("after looking into the safe")}},
	.options = OPT_BIT(OPT_PLACE_NOW) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1000,
};

const struct verb verb_found = {
	.name = "found",
	.group = GROUP_OFFICER,
	.run = run_found,
	.words = "MEDIUM [--place PLACE]",
	.summary = N_("a medium that was lost is there again"),
	.about = N_("It stays revoked, since nobody can know who had it meanwhile. The incident's "
		    "report names the day."),
	.examples = {{"found U-012 --place \"police, Kita\"", N_("with where it was")}},
	.options = OPT_BIT(OPT_PLACE_NOW) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1000,
};

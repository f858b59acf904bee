/* vault catalog show, apply, diff, export: the society's categories of personal information and its
 * purposes of use. */
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "tools/catalogue.h"
#include "tools/catalogue_table.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"

struct catalogues {
	struct officer o;
	struct catalogue now, next;
	bool own; /* an officer applied the one in force */
};

static void catalogues_clear(struct catalogues *c)
{
	catalogue_clear(&c->now);
	catalogue_clear(&c->next);
	officer_clear(&c->o);
}

static enum err read_next(struct cli *cli, const char *path, struct catalogue *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	enum err err;

	TRY(io_read_file(path, CATALOGUE_MAX, &text));
	err = catalogue_parse(text.data ? text.data : "", text.len, ret);
	if (err == ERR_BAD_FORMAT)
		cli_hint(cli, "%s",
			 _("a line is: id, flags, name, purposes; between them a tab, between "
			   "purposes "
			   "\"|\""));
	return err;
}

/* ---- show ------------------------------------------------------------------------------------ */

static enum err show_one(struct cli *cli, const struct category *c)
{
	json_t *purposes = json_array();

	out_line(cli, "%s  [%s]  %s", c->id, c->flags, c->name);
	for (size_t i = 0; i < c->purpose_count; i++) {
		if (!*c->purposes[i])
			continue;
		out_line(cli, "  %s.%zu  %s", c->id, i + 1, c->purposes[i]);
		(void)json_array_append_new(purposes, json_pack("{s:i,s:s}", "number", (int)i + 1,
								"text", c->purposes[i]));
	}
	return out_json(cli, "category",
			json_pack("{s:s,s:s,s:s,s:o}", "id", c->id, "flags", c->flags, "name",
				  c->name, "purposes", purposes));
}

static enum err tell_source(const struct catalogues *c)
{
	const struct statement *s = c->own ? c->o.roster->catalog : NULL;
	const char *published = s ? statement_value(s, "published") : NULL;
	const char *method = s ? statement_value(s, "method") : NULL;

	if (!s)
		out_talk(c->o.cli, "%s", _("This is the catalogue that came with the program."));
	else
		out_talk(c->o.cli, _("Published on %s: %s"), published ? published : "-",
			 method ? method : "-");
	return out_json(c->o.cli, "result",
			json_pack("{s:i,s:b,s:s*,s:s*}", "categories", (int)c->now.count, "applied",
				  c->own, "published", published, "method", method));
}

static enum err run_show(struct cli *cli)
{
	CLEANUP(catalogues_clear) struct catalogues c = {0};

	TRY(officer_look(cli, &c.o));
	TRY(catalogue_of(c.o.roster, &c.now, &c.own));
	for (size_t i = 0; i < c.now.count; i++)
		TRY(show_one(cli, &c.now.list[i]));
	return tell_source(&c);
}

const struct verb verb_catalog_show = {
	.name = "catalog show",
	.group = GROUP_OFFICER,
	.run = run_show,
	.words = "",
	.summary = N_("the categories of personal information and their purposes"),
	.about = N_("The ids in front are what --category and --purpose take. Flags: S sensitive, "
		    "N may "
		    "hold national numbers, F bank accounts, - none, ? for the officer to decide."),
	.examples = {{"catalog show", N_("asks no passphrase")}},
	.max = 0,
};

/* ---- diff ------------------------------------------------------------------------------------ */

static const char *change_name(enum catalogue_change change)
{
	static const char *const names[] = {
		[CATEGORY_NEW] = "category_new",	 [CATEGORY_ENDED] = "category_ended",
		[CATEGORY_FLAGS] = "category_flags",	 [PURPOSE_NEW] = "purpose_new",
		[PURPOSE_ENDED] = "purpose_ended",	 [CATEGORY_RENAMED] = "category_renamed",
		[PURPOSE_REWORDED] = "purpose_reworded",
	};

	return names[change];
}

static const char *purpose_of(const struct category *c, size_t i)
{
	return c && i < c->purpose_count ? c->purposes[i] : "";
}

static enum err tell_change(void *ctx, enum catalogue_change change, size_t i,
			    const struct category *before, const struct category *after)
{
	const struct cli *cli = ctx;
	const struct category *any = before ? before : after;
	bool purpose =
		change == PURPOSE_NEW || change == PURPOSE_ENDED || change == PURPOSE_REWORDED;
	const char *was, *is;

	was = !before ? "" : purpose ? purpose_of(before, i) : before->name;
	is = !after ? "" : purpose ? purpose_of(after, i) : after->name;
	switch (change) {
	case CATEGORY_NEW:
		out_line(cli, _("new category %s: %s"), any->id, is);
		for (size_t j = 0; j < after->purpose_count; j++)
			out_line(cli, _("  purpose: %s"), after->purposes[j]);
		break;
	case CATEGORY_ENDED:
		out_line(cli, _("ended: category %s: %s"), any->id, was);
		break;
	case CATEGORY_FLAGS:
		was = before->flags;
		is = after->flags;
		out_line(cli, _("%s: flags %s instead of %s"), any->id, is, was);
		break;
	case PURPOSE_NEW:
		out_line(cli, _("%s (%s): new purpose: %s"), any->id, any->name, is);
		break;
	case PURPOSE_ENDED:
		out_line(cli, _("%s (%s): ended: %s"), any->id, any->name, was);
		break;
	case CATEGORY_RENAMED:
	case PURPOSE_REWORDED:
		out_line(cli, _("%s: another meaning: \"%s\" instead of \"%s\""), any->id, is, was);
		break;
	}
	return out_json(cli, "change",
			json_pack("{s:s,s:s,s:i,s:s,s:s}", "change", change_name(change), "id",
				  any->id, "number", purpose ? (int)i + 1 : 0, "before", was,
				  "after", is));
}

static enum err run_diff(struct cli *cli)
{
	CLEANUP(catalogues_clear) struct catalogues c = {0};

	TRY(officer_look(cli, &c.o));
	TRY(catalogue_of(c.o.roster, &c.now, &c.own));
	TRY(read_next(cli, cli_argument(cli, 0), &c.next));
	return catalogue_compare(&c.now, &c.next, tell_change, cli);
}

const struct verb verb_catalog_diff = {
	.name = "catalog diff",
	.group = GROUP_OFFICER,
	.run = run_diff,
	.words = "FILE",
	.summary = N_("what another catalogue would change"),
	.about = N_("For the notice of a change. A line for each category and purpose that is new, "
		    "ended or "
		    "different."),
	.examples = {{"catalog diff new.tsv", N_("before it is applied")}},
	.min = 1,
	.max = 1,
};

/* ---- apply ----------------------------------------------------------------------------------- */

static enum err other_meaning(struct cli *cli)
{
	cli_hint(cli, "%s",
		 _("records refer to the ids for ever: let the old one end (an empty place, a line "
		   "less) "
		   "and add the new one behind"));
	return ERR_INVALID;
}

/* Against every catalogue that was ever in force here. */
static enum err check_meanings(struct cli *cli, const struct catalogues *c)
{
	if (catalogue_may_follow(&c->now, &c->next) != OK)
		return other_meaning(cli);
	for (size_t i = 0; i < register_count(c->o.books); i++) {
		const struct statement *s = register_at(c->o.books, i);
		struct catalogue old = {0};
		enum err err;

		if (s->kind != STATEMENT_CATALOG || !roster_counts(c->o.roster, s))
			continue;
		TRY(catalogue_read(s, &old));
		err = catalogue_may_follow(&old, &c->next);
		catalogue_clear(&old);
		if (err != OK)
			return other_meaning(cli);
	}
	return OK;
}

static enum err draft_catalog(const struct catalogues *c, const char *published, const char *method,
			      struct draft *d)
{
	TRY(draft_add(d, "published", published));
	TRY(draft_add(d, "method", method));
	for (size_t i = 0; i < c->next.count; i++) {
		CLEANUP(buf_clear) struct buf row = {0};

		TRY(catalogue_line(&c->next.list[i], &row));
		TRY(draft_add(d, "row", row.data));
	}
	return OK;
}

static enum err run_apply(struct cli *cli)
{
	CLEANUP(catalogues_clear) struct catalogues c = {0};
	CLEANUP(draft_clear) struct draft d = {0};
	struct audit_event event = {.code = AUDIT_CATALOG};
	const char *published = NULL, *method = cli_value(cli, OPT_METHOD);
	const struct statement *s = NULL;

	TRY(officer_day(cli, OPT_PUBLISHED, "--published", &published));
	if (!published || !method || !*method)
		return cli_usage("%s",
				 _("say when and how the change is published: --published DATE "
				   "--method TEXT"));
	TRY(officer_text(method, "--method", ROSTER_TEXT - 1));
	TRY(read_next(cli, cli_argument(cli, 0), &c.next));
	TRY(officer_begin(cli, AUDIT_CATALOG, &c.o));
	TRY(catalogue_of(c.o.roster, &c.now, &c.own));
	TRY(check_meanings(cli, &c));
	TRY(catalogue_compare(&c.now, &c.next, tell_change, cli));
	TRY(draft_catalog(&c, published, method, &d));
	TRY(officer_state(&c.o, STATEMENT_CATALOG, &d, &event, &s));
	if (roster_counts(c.o.roster, s))
		out_say(cli, _("The catalogue is in force: %zu categories."), c.next.count);
	officer_tell_pending(&c.o, s);
	return out_json(cli, "result",
			json_pack("{s:i,s:s,s:s,s:b}", "categories", (int)c.next.count, "published",
				  published, "method", method, "pending",
				  !roster_counts(c.o.roster, s)));
}

const struct verb verb_catalog_apply = {
	.name = "catalog apply",
	.group = GROUP_OFFICER,
	.run = run_apply,
	.words = "FILE --published DATE --method TEXT",
	.summary = N_("put a catalogue of categories and purposes in force"),
	.about = N_("FILE is what \"catalog export\" writes: id, flags, name, purposes, with tabs "
		    "between. "
		    "An id keeps its name and a purpose its place for ever, since records refer to "
		    "them: "
		    "what ends leaves its place empty, what is new comes behind."),
	.examples = {{"catalog apply new.tsv --published 2027-04-01 --method ウェブサイト",
		      N_("with the date and the way of publication")}},
	.options = OPT_BIT(OPT_PUBLISHED) | OPT_BIT(OPT_METHOD) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

/* ---- export ---------------------------------------------------------------------------------- */

static enum err run_export(struct cli *cli)
{
	CLEANUP(catalogues_clear) struct catalogues c = {0};
	CLEANUP(buf_clear) struct buf text = {0};

	if (cli_has(cli, OPT_CSV) && cli_has(cli, OPT_HTML))
		return cli_usage("%s", _("either --csv or --html, not both"));
	TRY(officer_look(cli, &c.o));
	TRY(catalogue_of(c.o.roster, &c.now, &c.own));
	if (cli_has(cli, OPT_CSV))
		TRY(catalogue_csv(&c.now, &text));
	else if (cli_has(cli, OPT_HTML))
		TRY(catalogue_html(&c.now, c.o.roster, &text));
	else
		TRY(catalogue_tsv(&c.now, &text));
	fwrite(text.data, 1, text.len, stdout);
	return OK;
}

const struct verb verb_catalog_export = {
	.name = "catalog export",
	.group = GROUP_OFFICER,
	.run = run_export,
	.words = "[--csv|--html]",
	.summary = N_("write the catalogue as a table"),
	.about = N_("Word for word what the program holds people to, so that what is published is "
		    "the same. "
		    "Without an option: the form that \"catalog apply\" reads."),
	.examples = {{"catalog export --html >purposes.html", N_("for the society's web site")},
		     {"catalog export >new.tsv", N_("to edit it")}},
	.options = OPT_BIT(OPT_CSV) | OPT_BIT(OPT_HTML),
	.max = 0,
};

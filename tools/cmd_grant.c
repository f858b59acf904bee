/* vault grant, grant list: who may open what, until when; and letting one more person into a vault.
 */
#include <string.h>

#include "access/identify.h"
#include "base/text.h"
#include "org/pending.h"
#include "tools/catalogue.h"
#include "tools/medium.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/recipients.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

struct granting {
	struct officer o;
	struct recipients to;
	struct medium medium; /* path NULL: none is there */
	const char *ticket, *until;
	char what[2 * VOLUME_ID_LEN + 1]; /* what the permission is for; "" without a register */
	char name[65];			  /* of that, for people */
	bool end;
};

static void granting_clear(struct granting *g)
{
	medium_clear(&g->medium);
	recipients_clear(&g->to);
	officer_clear(&g->o);
}

/* ---- what was asked for ---------------------------------------------------------------------- */

static enum err read_wish(struct cli *cli, struct granting *g)
{
	char today[ROSTER_DAY];

	g->ticket = cli_value(cli, OPT_TICKET);
	g->end = cli_has(cli, OPT_END);
	TRY(officer_day(cli, OPT_UNTIL, "--until", &g->until));
	officer_today(today);
	if (g->until && strcmp(g->until, today) < 0)
		return cli_usage(_("--until: %s is over"), g->until);
	if (g->end && (g->ticket || g->until))
		return cli_usage("%s", _("--end stands with neither --until nor --ticket"));
	if (!cli_argument(cli, 0) == !cli_has(cli, OPT_GRANT_CATEGORY))
		return cli_usage("%s", _("say what for: either a MEDIUM or --category ID"));
	TRY(recipients_read(cli, &g->to));
	if (g->to.count == 0)
		return cli_usage("%s", _("say who is to be let in: --to RECIPIENT"));
	if (g->ticket && g->to.count > 1)
		return cli_usage("%s", _("a ticket is for one person: give --to once"));
	return OK;
}

static enum err read_category(struct granting *g, const char *id)
{
	CLEANUP(catalogue_clear) struct catalogue c = {0};
	bool own;

	TRY(catalogue_of(g->o.roster, &c, &own));
	if (strcmp(id, "*") != 0 && catalogue_check_category(&c, id) != OK)
		return catalogue_unknown_id(g->o.cli, &c, id);
	text_copy(g->what, sizeof(g->what), id);
	text_copy(g->name, sizeof(g->name), id);
	return OK;
}

/* A medium that is not plugged in can be told of as the register knows it; the vault itself takes
 * the person in when it is there. */
static enum err find_absent(struct granting *g, const char *word, enum err why)
{
	const struct roster_medium *m = roster_medium_named(g->o.roster, word);
	struct cli *cli = g->o.cli;
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	if (!m || !m->has_volume || g->ticket)
		return err_at(why, "%s", detail);
	buf_clear(&cli->hints);
	text_hex(m->volume_id, VOLUME_ID_LEN, g->what);
	text_copy(g->name, sizeof(g->name), m->label[0] ? m->label : m->number);
	return OK;
}

static enum err find_medium(struct granting *g, struct cli *cli, const char *word)
{
	enum err err = medium_find(cli, word, &g->medium);

	if (err == ERR_MEDIUM_NOT_FOUND && officer_has_society(&g->o))
		return find_absent(g, word, err);
	TRY(err);
	text_copy(g->name, sizeof(g->name), g->medium.label);
	return OK;
}

/* Which vault it is, for the register. */
static enum err identify(struct granting *g)
{
	struct vault_identity id;
	struct vault_actor actor;
	enum err err;

	if (g->what[0] || !g->medium.path || !officer_has_society(&g->o))
		return OK;
	TRY(cli_actor(g->o.cli, &g->medium, &actor));
	err = vault_identify(&actor, g->medium.path, &id);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(g->o.cli, g->medium.path);
		return err_at(err, "%s", g->medium.label);
	}
	TRY(err);
	text_hex(id.volume_id, VOLUME_ID_LEN, g->what);
	return OK;
}

/* ---- the permission -------------------------------------------------------------------------- */

static const char *plain(const char *text)
{
	return text ? text : "";
}

static const struct roster_grant *grant_of(const struct granting *g,
					   const struct age_recipient *who)
{
	for (size_t i = 0; i < g->o.roster->grant_count; i++) {
		const struct roster_grant *grant = &g->o.roster->grants[i];

		if (age_recipient_equal(&grant->recipient, who) && !strcmp(grant->what, g->what))
			return grant;
	}
	return NULL;
}

/* The same, stated before and waiting for another officer. */
static const struct statement *pending_of(const struct granting *g, const char *recipient)
{
	const struct statement *found = NULL;

	for (size_t i = 0; i < register_count(g->o.books); i++) {
		const struct statement *s = register_at(g->o.books, i);

		if (s->kind == STATEMENT_GRANT && pending_is(g->o.roster, s) &&
		    !strcmp(plain(statement_value(s, "recipient")), recipient) &&
		    !strcmp(plain(statement_value(s, "for")), g->what) &&
		    !strcmp(plain(statement_value(s, "until")), plain(g->until)))
			found = s;
	}
	return found;
}

static enum err check_person(struct granting *g, const struct age_recipient *who,
			     const struct audit_event *event)
{
	enum err err = rules_permit(g->o.roster, who);

	return err == OK ? OK : officer_record(&g->o, event, err);
}

static enum err write_grant(struct granting *g, const struct age_recipient *who,
			    const char *recipient, const char *fpr, const struct statement **ret)
{
	CLEANUP(draft_clear) struct draft d = {0};
	bool volume = g->medium.path || !cli_has(g->o.cli, OPT_GRANT_CATEGORY);
	struct audit_event event = {
		.code = g->end ? AUDIT_KEY_REVOKE : AUDIT_KEY_ADD,
		.counterparty = fpr,
		.volume_id = volume ? g->what : NULL,
		.label = volume ? g->name : NULL,
		.category = volume ? NULL : g->what,
	};

	TRY(officer_check(&g->o, event.code));
	if (!g->end)
		TRY(check_person(g, who, &event));
	TRY(draft_add(&d, "recipient", recipient));
	TRY(draft_add(&d, "for", g->what));
	TRY(draft_add(&d, "until", g->until));
	return officer_state(&g->o, g->end ? STATEMENT_GRANT_END : STATEMENT_GRANT, &d, &event,
			     ret);
}

/* Whether the register has to be told at all: officers need no permission, and whoever has it
 * already is not given it twice. Somebody who is no officer lets in whom an officer permitted, as
 * far as the rules find that when the vault is opened. */
static bool needs_statement(const struct granting *g, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(g->o.roster, who);
	const struct roster_grant *have = grant_of(g, who);

	if (!g->end && p && p->officer)
		return false;
	if (!g->end && !g->until && g->medium.path && !officer_is_one(&g->o))
		return false;
	if (!have)
		return true;
	return g->end || strcmp(have->until, plain(g->until)) != 0;
}

/* *ret_holds: it counts already, so that the vault may take the person in. */
static enum err state_one(struct granting *g, const struct age_recipient *who, bool *ret_holds)
{
	char recipient[AGE_RECIPIENT_TEXT], fpr[STAFF_FPR_LEN];
	const struct statement *s;

	*ret_holds = true;
	if (!officer_has_society(&g->o) || !needs_statement(g, who))
		return OK;
	age_recipient_print(who, recipient);
	staff_fpr(who, fpr);
	s = g->end ? NULL : pending_of(g, recipient);
	if (!s)
		TRY(write_grant(g, who, recipient, fpr, &s));
	*ret_holds = roster_counts(g->o.roster, s);
	officer_tell_pending(&g->o, s);
	return OK;
}

/* ---- the vault ------------------------------------------------------------------------------- */

static enum err let_in(struct granting *g, const struct vault_actor *actor,
		       const struct age_recipient *to)
{
	enum err err = vault_grant(actor, g->medium.path, to, g->ticket);

	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(g->o.cli, g->medium.path);
		return err_at(err, "%s", g->medium.label);
	}
	return err;
}

static void say(const struct granting *g, const char *recipient, const char *words, bool holds)
{
	struct cli *cli = g->o.cli;

	if (g->end && g->medium.path)
		out_talk(cli, _("Their key still fits %s until it has a new one: %s rekey %s"),
			 g->name, VAULT_NAME, g->name);
	if (g->end)
		out_say(cli, _("%s has no permission for %s any more."), recipient, g->name);
	else if (!holds)
		out_say(cli, _("%s will be let into %s when that is approved."), recipient,
			g->name);
	else if (g->medium.path)
		out_say(cli, _("%s can open %s now. Compare by telephone: %s"), recipient, g->name,
			words);
	else
		out_say(cli, _("%s is permitted: %s. Compare by telephone: %s"), recipient, g->name,
			words);
}

static enum err tell(const struct granting *g, const struct age_recipient *to, bool holds)
{
	char recipient[AGE_RECIPIENT_TEXT], fpr[STAFF_FPR_LEN], words[96];

	age_recipient_print(to, recipient);
	staff_fpr(to, fpr);
	staff_fpr_words(to, words);
	say(g, recipient, words, holds);
	return out_json(g->o.cli, "result",
			json_pack("{s:s*,s:o*,s:s,s:s,s:s*,s:s*,s:s*,s:s*}", "label",
				  g->medium.path ? g->medium.label : NULL, "path",
				  g->medium.path ? out_json_text(g->medium.path) : NULL,
				  "recipient", recipient, "fingerprint", fpr, "ticket",
				  holds ? g->ticket : NULL, "for", g->what[0] ? g->what : NULL,
				  "until", g->until, "state",
				  !officer_has_society(&g->o) ? NULL
				  : g->end		      ? "ended"
				  : holds		      ? "permitted"
							      : "pending"));
}

/* The permission first: without it the vault refuses to take the person in. */
static enum err grant_one(struct granting *g, const struct vault_actor *actor,
			  const struct age_recipient *to, bool *all)
{
	bool holds;

	TRY(state_one(g, to, &holds));
	if (holds && !g->end && g->medium.path)
		TRY(let_in(g, actor, to));
	*all = *all && holds;
	return tell(g, to, holds);
}

static enum err run(struct cli *cli)
{
	CLEANUP(granting_clear) struct granting g = {0};
	const char *category = cli_value(cli, OPT_GRANT_CATEGORY);
	struct vault_actor actor;
	bool all = true;

	TRY(read_wish(cli, &g));
	TRY(officer_look(cli, &g.o));
	if (category || g.end || g.until)
		TRY(officer_need_society(&g.o));
	if (category)
		TRY(read_category(&g, category));
	else
		TRY(find_medium(&g, cli, cli_argument(cli, 0)));
	TRY(cli_check_confirm(cli, g.name));
	TRY(cli_actor(cli, g.medium.path ? &g.medium : NULL, &actor));
	TRY(officer_sign_in(&g.o));
	TRY(identify(&g));
	for (size_t i = 0; i < g.to.count; i++)
		TRY(grant_one(&g, &actor, &g.to.list[i], &all));
	if (g.ticket && all)
		out_talk(cli,
			 _("Send the ticket %s by another route than the medium; it opens for that "
			   "person only."),
			 g.ticket);
	return OK;
}

const struct verb verb_grant = {
	.name = "grant",
	.group = GROUP_SET_UP,
	.run = run,
	.words = "MEDIUM|--category ID --to RECIPIENT|NAME [--ticket FILE]",
	.summary = N_("let one more person into a vault"),
	.about = N_(
		"The ticket carries the device secret to that person's computer. It is sealed to "
		"them; still, never send it along with the medium. Where there is a register, an "
		"officer's permission goes onto it first; --category permits without a medium."),
	.examples = {{"grant OSAKA-03 --to age1... --ticket taro.ticket",
		      N_("a person on another computer")},
		     {"grant OSAKA-03 --to taro --until 2027-03-31", N_("for a time")},
		     {"grant --category receipt --to taro", N_("packs and media of a category")}},
	.options = OPT_BIT(OPT_TO) | OPT_BIT(OPT_TICKET) | OPT_BIT(OPT_KEY) | OPT_BIT(OPT_UNTIL) |
		   OPT_BIT(OPT_END) | OPT_BIT(OPT_GRANT_CATEGORY),
	.max = 1,
};

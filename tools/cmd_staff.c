/* vault staff add, staff list, staff remove: the staff on the register; without one, whom this
 * computer knows by name. */
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "org/people.h"
#include "pack/transfer.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

/* ---- add ------------------------------------------------------------------------------------- */

static enum err read_person(struct cli *cli, struct person *ret)
{
	const char *signs = cli_value(cli, OPT_SIGNS);

	if (strlen(cli_argument(cli, 0)) >= sizeof(ret->name))
		return err_at(ERR_NAME_TOO_LONG, "%s", cli_argument(cli, 0));
	TRY(officer_text(cli_argument(cli, 0), "NAME", STAFF_NAME_MAX));
	text_copy(ret->name, sizeof(ret->name), cli_argument(cli, 0));
	if (age_recipient_parse(cli_argument(cli, 1), &ret->recipient) != OK) {
		cli_hint(cli, _("a recipient is the line age1... that \"%s key show\" prints"),
			 VAULT_NAME);
		return cli_usage(_("\"%s\" is no recipient"), cli_argument(cli, 1));
	}
	if (signs)
		TRY(officer_key(signs, "--signs", ret->vkey));
	ret->has_key = signs != NULL;
	return OK;
}

static enum err tell_added(struct cli *cli, const struct person *who, bool registered)
{
	char words[96], signs_words[96] = "";

	staff_fpr_words(&who->recipient, words);
	out_say(cli,
		registered ? _("%s is on the register now. Compare by telephone: %s")
			   : _("%s is known here now. Compare by telephone: %s"),
		who->name, words);
	if (who->has_key) {
		officer_key_words(who->vkey, signs_words);
		out_say(cli, _("The key they sign with, to compare as well: %s"), signs_words);
	}
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s*}", "name", who->name, "words", words,
				  "signs_words", who->has_key ? signs_words : NULL));
}

/* Without a register: a note on this computer. */
static enum err note_person(struct cli *cli, struct home *home, const struct person *who)
{
	struct person before, now = *who;
	enum err err = people_find(home, who->name, &before);

	if (cli_has(cli, OPT_SITE) || cli_has(cli, OPT_TRAINED))
		return cli_usage("%s", _("--site and --trained need a register (\"org init\")"));
	if (err == OK && !age_recipient_equal(&before.recipient, &who->recipient))
		return err_at(ERR_EXISTS, "%s", who->name);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (err == OK && !now.has_key)
		now = before;
	TRY(people_save(home, &now));
	return tell_added(cli, &now, false);
}

/* A name stands for one person at a time, and a key that was revoked never comes back. */
static enum err check_new(struct officer *o, const struct person *who)
{
	const struct roster_person *named = roster_person_named(o->roster, who->name);
	const struct roster_person *same = roster_person(o->roster, &who->recipient);
	const struct roster_person *signer =
		who->has_key ? roster_signer(o->roster, who->vkey) : NULL;

	if (same && same->revoked.is) {
		cli_hint(o->cli, "%s",
			 _("a revoked key stays revoked; the person makes a new one with \"vault "
			   "key new\""));
		return err_at(ERR_REVOKED_KEY, "%s", same->name);
	}
	if (signer && signer != same) {
		cli_hint(o->cli, "%s", _("everybody signs with a key of their own"));
		return err_at(ERR_EXISTS, "%s", signer->name);
	}
	if (named && named != same && !named->revoked.is) {
		cli_hint(
			o->cli,
			_("for a new key of the same person revoke the old one first: %s revoke %s "
			  "--reason left"),
			VAULT_NAME, who->name);
		return err_at(ERR_EXISTS, "%s", who->name);
	}
	return OK;
}

/* What was known before and is not told anew stays as it is. */
static enum err draft_person(struct cli *cli, const struct person *who, struct draft *d)
{
	const char *site = cli_value(cli, OPT_SITE), *trained = NULL;

	TRY(officer_day(cli, OPT_TRAINED, "--trained", &trained));
	if (site)
		TRY(officer_text(site, "--site", ROSTER_TEXT - 1));
	TRY(draft_add_recipient(d, "recipient", &who->recipient));
	if (who->has_key)
		TRY(draft_add_hex(d, "key", who->vkey, SIGN_VKEY_LEN));
	TRY(draft_add(d, "name", who->name));
	TRY(draft_add(d, "site", site));
	return draft_add(d, "trained", trained);
}

static enum err register_person(struct officer *o, const struct person *who)
{
	CLEANUP(draft_clear) struct draft d = {0};
	char fpr[STAFF_FPR_LEN];
	struct audit_event event = {.code = AUDIT_STAFF, .counterparty = fpr};

	TRY(officer_sign_in(o));
	TRY(officer_check(o, AUDIT_STAFF));
	TRY(check_new(o, who));
	TRY(draft_person(o->cli, who, &d));
	staff_fpr(&who->recipient, fpr);
	TRY(officer_state(o, STATEMENT_STAFF, &d, &event, NULL));
	return tell_added(o->cli, who, true);
}

static enum err run_add(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	struct person who = {0};

	TRY(read_person(cli, &who));
	TRY(officer_look(cli, &o));
	return officer_has_society(&o) ? register_person(&o, &who) : note_person(cli, o.home, &who);
}

/* ---- list ------------------------------------------------------------------------------------ */

static const char *state_of(const struct roster_person *p)
{
	char today[ROSTER_DAY];

	officer_today(today);
	if (p->revoked.is)
		return "revoked";
	if (p->trained[0] && strcmp(p->trained, today) < 0)
		return "untrained";
	return p->officer ? "officer" : "staff";
}

static enum err state_words(const struct roster_person *p, struct buf *ret)
{
	char today[ROSTER_DAY], when[24];

	officer_today(today);
	if (p->revoked.is) {
		officer_time(p->revoked.when, when);
		return buf_printf(ret, _("revoked %.10s (%s)"), when,
				  officer_reason(p->revoked.reason));
	}
	TRY(buf_puts(ret, p->officer ? _("officer") : _("staff")));
	if (p->trained[0] && strcmp(p->trained, today) < 0)
		return buf_printf(ret, _(", training lapsed %s"), p->trained);
	return OK;
}

static enum err grants_json(const struct roster *r, const struct roster_person *p, json_t **ret)
{
	*ret = json_array();
	for (size_t i = 0; *ret && i < r->grant_count; i++) {
		const struct roster_grant *g = &r->grants[i];

		if (age_recipient_equal(&g->recipient, &p->recipient) &&
		    json_array_append_new(
			    *ret, json_pack("{s:s,s:s}", "for", g->what, "until", g->until)) != 0)
			return ERR_NOMEM;
	}
	return *ret ? OK : ERR_NOMEM;
}

static enum err list_registered(struct cli *cli, const struct roster *r,
				const struct roster_person *p)
{
	CLEANUP(buf_clear) struct buf row = {0};
	CLEANUP(buf_clear) struct buf state = {0};
	char recipient[AGE_RECIPIENT_TEXT], words[96], signs[2 * SIGN_VKEY_LEN + 1] = "";
	json_t *grants = NULL;

	age_recipient_print(&p->recipient, recipient);
	staff_fpr_words(&p->recipient, words);
	if (p->has_key)
		text_hex(p->vkey, SIGN_VKEY_LEN, signs);
	TRY(state_words(p, &state));
	TRY(width_pad(&row, p->name, 20));
	TRY(buf_printf(&row, " %s ", recipient));
	TRY(width_pad(&row, state.data, 12));
	if (p->site[0])
		TRY(buf_printf(&row, " %s", p->site));
	out_line(cli, "%s", row.data);
	TRY(grants_json(r, p, &grants));
	return out_json(cli, "person",
			json_pack("{s:s,s:s,s:s,s:s*,s:s,s:b,s:s,s:s,s:s*,s:o}", "name", p->name,
				  "recipient", recipient, "words", words, "signs",
				  p->has_key ? signs : NULL, "state", state_of(p), "officer",
				  p->officer, "site", p->site, "trained", p->trained, "reason",
				  p->revoked.is ? revoke_reason_name(p->revoked.reason) : NULL,
				  "grants", grants));
}

struct listing {
	struct cli *cli;
	const struct roster *roster;
};

/* Whom only this computer knows. Those on the register were listed already. */
static enum err list_known(void *ctx, const struct person *who)
{
	const struct listing *l = ctx;
	CLEANUP(buf_clear) struct buf row = {0};
	char recipient[AGE_RECIPIENT_TEXT], words[96], key_words[96] = "";

	if (roster_person(l->roster, &who->recipient))
		return OK;
	age_recipient_print(&who->recipient, recipient);
	staff_fpr_words(&who->recipient, words);
	if (who->has_key)
		pack_signer_words(who->vkey, key_words);
	TRY(width_pad(&row, who->name, 20));
	out_line(l->cli, "%s %s", row.data, recipient);
	return out_json(l->cli, "person",
			json_pack("{s:s,s:s,s:s,s:s*}", "name", who->name, "recipient", recipient,
				  "words", words, "signs_as", key_words[0] ? key_words : NULL));
}

static enum err run_list(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	struct listing l = {.cli = cli};

	TRY(officer_look(cli, &o));
	l.roster = o.roster;
	for (size_t i = 0; i < o.roster->person_count; i++)
		TRY(list_registered(cli, o.roster, &o.roster->people[i]));
	return people_each(o.home, list_known, &l);
}

/* ---- remove ---------------------------------------------------------------------------------- */

static enum err run_remove(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const char *name = cli_argument(cli, 0);

	TRY(officer_look(cli, &o));
	if (roster_person_named(o.roster, name)) {
		cli_hint(cli,
			 _("what is on the register stays; who leaves is revoked: %s revoke %s "
			   "--reason left"),
			 VAULT_NAME, name);
		return err_at(ERR_POLICY, "%s", name);
	}
	TRY(people_remove(o.home, name));
	out_say(cli, _("%s is not known here any more."), name);
	return out_json(cli, "result", json_pack("{s:s}", "name", name));
}

const struct verb verb_staff_add = {
	.name = "staff add",
	.group = GROUP_OFFICER,
	.run = run_add,
	.words = "NAME RECIPIENT [--signs KEY]",
	.summary = N_("put a colleague on the register, or remember them by name"),
	.about = N_("Afterwards \"--to NAME\" stands for the recipient. Compare the words with the "
		    "person by telephone before you rely on it. Where there is a register, only an "
		    "officer "
		    "adds to it; told again, a person keeps what is not told anew."),
	.examples = {{"staff add sato age1...", N_("as sato's \"key show\" prints it")},
		     {"staff add sato age1... --signs 3f9a... --site 大阪",
		      N_("for the register")}},
	.options = OPT_BIT(OPT_SIGNS) | OPT_BIT(OPT_SITE) | OPT_BIT(OPT_TRAINED) | OPT_BIT(OPT_KEY),
	.min = 2,
	.max = 2,
};

const struct verb verb_staff_list = {
	.name = "staff list",
	.group = GROUP_OFFICER,
	.run = run_list,
	.words = "",
	.summary = N_("who is on the register, or whom this computer knows"),
	.examples = {{"staff list", N_("names, recipients, and who is an officer")}},
	.max = 0,
};

const struct verb verb_staff_remove = {
	.name = "staff remove",
	.group = GROUP_OFFICER,
	.run = run_remove,
	.words = "NAME",
	.summary = N_("forget a colleague whom only this computer knows"),
	.about = N_(
		"Their packs are refused as unknown from then on. What they can open stays as "
		"it is. Who is on the register is revoked instead: \"revoke NAME --reason left\"."),
	.examples = {{"staff remove sato", N_("the name is free again")}},
	.min = 1,
	.max = 1,
};

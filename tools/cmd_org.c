/* vault org init, org officer, org approve: the society and its officers. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "org/pending.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"

/* ---- init ------------------------------------------------------------------------------------ */

static enum err read_name(struct cli *cli, const char **ret)
{
	*ret = cli_value(cli, OPT_ORG_NAME);
	if (!*ret || !**ret)
		return cli_usage("%s", _("a society needs a name: --name NAME"));
	return officer_text(*ret, "--name", ROSTER_TEXT - 1);
}

/* The founding was cut short before this computer was on the register: said again, it goes on. */
static bool is_half_founded(struct officer *o, const char *name)
{
	const char *id = NULL;

	return register_count(o->books) == 1 && !strcmp(o->roster->name, name) &&
	       home_host_id(o->home, &id) == OK && !roster_host(o->roster, id);
}

static enum err refuse_second(struct officer *o, const char *name)
{
	if (!officer_has_society(o) || is_half_founded(o, name))
		return OK;
	cli_hint(o->cli, _("\"%s org show\" tells about it"), VAULT_NAME);
	return err_at(ERR_EXISTS, "%s", o->roster->name);
}

static enum err found(struct officer *o, const char *name)
{
	CLEANUP(draft_clear) struct draft d = {0};
	struct audit_event event = {.code = AUDIT_STAFF, .counterparty = o->cli->staff.fpr};
	struct roster *roster = NULL;
	enum err err;

	TRY(draft_add(&d, "name", name));
	TRY(draft_add(&d, "officer", o->cli->staff.name));
	TRY(draft_add_recipient(&d, "recipient", &o->me));
	if (cli_has(o->cli, OPT_SECOND_OFFICER))
		TRY(draft_add(&d, "second-officer", "on"));
	TRY(officer_record(o, &event, OK));
	err = register_found(o->books, d.fields, d.count, o->key);
	if (err != OK)
		return officer_record(o, &event, err);
	TRY(roster_make(o->books, &roster));
	roster_free(o->roster);
	o->roster = roster;
	return OK;
}

/* This computer, under the name it has in the network. */
static enum err add_this_host(struct officer *o)
{
	CLEANUP(draft_clear) struct draft d = {0};
	struct audit_event event = {.code = AUDIT_HOST};
	const struct sign_key *key = NULL;
	const char *id = NULL;
	char name[65] = "";

	TRY(home_host_key(o->home, &key));
	TRY(home_host_id(o->home, &id));
	if (gethostname(name, sizeof(name) - 1) != 0 || !text_is_utf8(name, strlen(name)))
		text_copy(name, sizeof(name), id);
	event.counterparty = id;
	TRY(draft_add(&d, "host", id));
	TRY(draft_add_hex(&d, "key", sign_key_vkey(key), SIGN_VKEY_LEN));
	TRY(draft_add(&d, "name", name));
	TRY(draft_add(&d, "site", cli_value(o->cli, OPT_SITE)));
	return officer_state(o, STATEMENT_HOST, &d, &event, NULL);
}

static enum err tell_founded(const struct officer *o, const char *name)
{
	char id[2 * ORG_ID_LEN + 1], words[96];

	text_hex(register_org(o->books), ORG_ID_LEN, id);
	register_words(register_org(o->books), words);
	out_say(o->cli, _("%s has a register now, and you are its officer."), name);
	out_say(o->cli, _("Its words, to compare when another computer joins: %s"), words);
	out_talk(o->cli,
		 _("Next: %s staff add NAME RECIPIENT, %s host add NAME KEY, %s media add NUMBER "
		   "MEDIUM"),
		 VAULT_NAME, VAULT_NAME, VAULT_NAME);
	if (o->roster->policy.second_officer)
		out_talk(o->cli, _("First of all make the second officer: %s org officer NAME"),
			 VAULT_NAME);
	out_talk(o->cli, _("Then bring it to the others: %s sync DIR"), VAULT_NAME);
	return out_json(o->cli, "result",
			json_pack("{s:s,s:s,s:s,s:s,s:b}", "name", name, "org", id, "words", words,
				  "officer", o->cli->staff.name, "second_officer",
				  o->roster->policy.second_officer));
}

static enum err run_init(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const char *name = NULL, *site = cli_value(cli, OPT_SITE);

	TRY(read_name(cli, &name));
	if (site)
		TRY(officer_text(site, "--site", ROSTER_TEXT - 1));
	TRY(officer_look(cli, &o));
	TRY(refuse_second(&o, name));
	TRY(officer_sign_in(&o));
	if (officer_has_society(&o))
		TRY(officer_check(&o, AUDIT_HOST));
	else
		TRY(found(&o, name));
	TRY(add_this_host(&o));
	return tell_founded(&o, name);
}

const struct verb verb_org_init = {
	.name = "org init",
	.group = GROUP_OFFICER,
	.run = run_init,
	.words = "--name NAME [--second-officer]",
	.summary = N_("begin the register of a society"),
	.about = N_(
		"You are its first officer, and this computer is the first one on it. From then "
		"on staff, computers, media and permissions have to be on the register. With "
		"--second-officer, permissions, rules, the catalogue and every officer after the "
		"second count once another officer approved them. Have three then, so that two "
		"are left when one loses a key."),
	.examples = {{"org init --name 大阪健保", N_("once for the whole society")}},
	.options = OPT_BIT(OPT_ORG_NAME) | OPT_BIT(OPT_SECOND_OFFICER) | OPT_BIT(OPT_SITE) |
		   OPT_BIT(OPT_KEY),
	.max = 0,
};

/* ---- officer --------------------------------------------------------------------------------- */

/* Somebody whose statements others can check. */
static enum err may_be_officer(struct cli *cli, const struct roster_person *p)
{
	if (p->revoked.is)
		return err_at(ERR_REVOKED_KEY, "%s", p->name);
	if (p->has_key)
		return OK;
	cli_hint(cli,
		 _("\"%s key show\" prints it there; then here: %s staff add %s RECIPIENT --signs "
		   "KEY"),
		 VAULT_NAME, VAULT_NAME, p->name);
	return err_at(ERR_INVALID, _("%s: the register does not have the key they sign with"),
		      p->name);
}

static enum err tell_officer(struct officer *o, const char *name, const struct statement *s)
{
	bool counts = !s || roster_counts(o->roster, s);

	if (counts)
		out_say(o->cli, _("%s is an officer."), name);
	else
		officer_tell_pending(o, s);
	return out_json(o->cli, "result", json_pack("{s:s,s:b}", "name", name, "pending", !counts));
}

static enum err run_officer(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(draft_clear) struct draft d = {0};
	const char *name = cli_argument(cli, 0);
	const struct roster_person *p;
	const struct statement *s = NULL;
	char fpr[STAFF_FPR_LEN];
	struct audit_event event = {.code = AUDIT_STAFF, .counterparty = fpr};

	TRY(officer_begin(cli, AUDIT_STAFF, &o));
	p = roster_person_named(o.roster, name);
	if (!p)
		return err_at(ERR_NOT_FOUND, "%s", name);
	TRY(may_be_officer(cli, p));
	if (p->officer)
		return tell_officer(&o, name, NULL);
	staff_fpr(&p->recipient, fpr);
	TRY(draft_add_recipient(&d, "recipient", &p->recipient));
	TRY(draft_add_hex(&d, "key", p->vkey, SIGN_VKEY_LEN));
	TRY(draft_add(&d, "name", p->name));
	TRY(officer_state(&o, STATEMENT_OFFICER, &d, &event, &s));
	return tell_officer(&o, name, s);
}

const struct verb verb_org_officer = {
	.name = "org officer",
	.group = GROUP_OFFICER,
	.run = run_officer,
	.words = "NAME",
	.summary = N_("make somebody on the staff an officer"),
	.about = N_("An officer may do all that you may, also revoke you. Their signing key has to "
		    "be on "
		    "the register (\"staff add ... --signs KEY\"). A second officer is a "
		    "precaution: when "
		    "your own key is lost, somebody must be able to revoke it."),
	.examples = {{"org officer tanaka", N_("who is on the staff already")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

/* ---- approve --------------------------------------------------------------------------------- */

static enum err find_pending(struct officer *o, const char *word, const struct statement **ret)
{
	size_t len = strlen(word);
	char id[2 * SHA256_LEN + 1];

	*ret = NULL;
	if (len < 8)
		return cli_usage(_("give at least 8 digits of the number, not \"%s\""), word);
	for (size_t i = 0; i < register_count(o->books); i++) {
		const struct statement *s = register_at(o->books, i);

		text_hex(s->id, SHA256_LEN, id);
		if (strncmp(id, word, len) != 0 || !pending_is(o->roster, s))
			continue;
		if (*ret)
			return cli_usage(_("\"%s\" fits two statements"), word);
		*ret = s;
	}
	if (*ret)
		return OK;
	cli_hint(o->cli, _("\"%s org show\" lists what waits for approval"), VAULT_NAME);
	return err_at(ERR_NOT_FOUND, "%s", word);
}

static enum err run_approve(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(draft_clear) struct draft d = {0};
	struct audit_event event = {.code = AUDIT_APPROVE};
	const struct statement *s = NULL;
	char id[2 * SHA256_LEN + 1];

	TRY(officer_begin(cli, AUDIT_APPROVE, &o));
	TRY(find_pending(&o, cli_argument(cli, 0), &s));
	if (!memcmp(s->signer, sign_key_vkey(o.key), SIGN_VKEY_LEN)) {
		cli_hint(cli, "%s", _("you stated it yourself; another officer has to approve it"));
		return officer_record(&o, &event,
				      err_at(ERR_SECOND_PERSON, "%s", cli_argument(cli, 0)));
	}
	text_hex(s->id, SHA256_LEN, id);
	out_talk(cli, _("Approving: %s \"%s\""), officer_kind(s->kind), officer_about(s));
	TRY(draft_add(&d, "statement", id));
	TRY(officer_state(&o, STATEMENT_APPROVE, &d, &event, NULL));
	out_say(cli, _("Approved; it counts now: %.12s"), id);
	return out_json(cli, "result", json_pack("{s:s}", "id", id));
}

const struct verb verb_org_approve = {
	.name = "org approve",
	.group = GROUP_OFFICER,
	.run = run_approve,
	.words = "ID",
	.summary = N_("approve what another officer stated"),
	.about = N_(
		"Where two officers are required, permissions, rules, the catalogue, further "
		"officers, "
		"recovery keys and restored backups count when an officer other than the one who "
		"stated them approved. \"org show\" lists what waits."),
	.examples = {{"org approve 3f9a01c2d4e5", N_("as \"org show\" prints it")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

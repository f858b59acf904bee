/* vault revoke: a key, a computer or a medium that must not be trusted any more. What it reaches
 * and what it cannot do is told first; with --dry-run, that is all. */
#include <string.h>

#include "access/revoke.h"
#include "base/text.h"
#include "tools/output.h"
#include "tools/verbs.h"

struct revoking {
	struct cli *cli;
	struct society society;
	struct revoke_reach reach;
	enum revoke_reason reason;
};

static void revoking_clear(struct revoking *r)
{
	revoke_reach_clear(&r->reach);
	society_clear(&r->society);
}

/* ---- what it reaches, in words ----------------------------------------------------------------
 */

static enum err add_name(struct buf *names, const char *name, const char *id)
{
	TRY(buf_puts(names, names->len ? ", " : ""));
	return buf_puts(names, name[0] ? name : id);
}

static enum err name_vaults(const struct revoke_reach *r, struct buf *names)
{
	for (size_t i = 0; i < r->vault_count; i++) {
		const struct revoke_vault *v = &r->vaults[i];
		char hex[2 * VOLUME_ID_LEN + 1];

		text_hex(v->volume_id, VOLUME_ID_LEN, hex);
		TRY(add_name(names, v->label, v->number[0] ? v->number : hex));
	}
	return OK;
}

static enum err name_hosts(const struct revoke_reach *r, struct buf *names)
{
	for (size_t i = 0; i < r->host_count; i++)
		TRY(add_name(names, r->hosts[i].name, r->hosts[i].id));
	return OK;
}

static enum err name_people(const struct revoke_reach *r, struct buf *names)
{
	for (size_t i = 0; i < r->person_count; i++) {
		char recipient[AGE_RECIPIENT_TEXT];

		age_recipient_print(&r->people[i].recipient, recipient);
		TRY(add_name(names, r->people[i].name, recipient));
	}
	return OK;
}

static void say_item(const struct cli *cli, const char *text)
{
	out_say(cli, "  - %s", text);
}

static enum err say_vaults(const struct revoking *r)
{
	CLEANUP(buf_clear) struct buf names = {0};

	TRY(name_vaults(&r->reach, &names));
	if (names.len == 0) {
		out_say(r->cli, _("No vault is known that it could open."));
		return OK;
	}
	out_say(r->cli, _("Vaults that it could open: %s"), names.data);
	say_item(r->cli, _("each gets a new key when it is next opened for writing, by anybody "
			   "whose computer knows of this"));
	say_item(r->cli, _("what is written from then on stays closed to who was revoked; what is "
			   "there is sealed anew while it is mounted"));
	return OK;
}

static enum err say_key(const struct revoking *r)
{
	CLEANUP(buf_clear) struct buf hosts = {0};

	out_say(r->cli, _("The staff key of %s"), r->reach.name);
	TRY(name_hosts(&r->reach, &hosts));
	if (hosts.len > 0)
		out_say(r->cli, _("Computers that keep it: %s"), hosts.data);
	return say_vaults(r);
}

static enum err say_host(const struct revoking *r)
{
	CLEANUP(buf_clear) struct buf people = {0};

	out_say(r->cli, _("The computer %s"), r->reach.name);
	TRY(name_people(&r->reach, &people));
	if (people.len > 0)
		out_say(r->cli,
			_("The staff keys on it are revoked with it; their owners need new ones: "
			  "%s"),
			people.data);
	else
		out_say(r->cli, _("It never told which staff keys are on it. Revoke those that "
				  "were, too."));
	return say_vaults(r);
}

static enum err say_medium(const struct revoking *r)
{
	CLEANUP(buf_clear) struct buf hosts = {0};

	out_say(r->cli, _("The medium %s (%s)"), r->reach.name, r->reach.id);
	TRY(name_hosts(&r->reach, &hosts));
	if (!r->reach.separation_known)
		out_say(r->cli,
			_("Nothing tells whether it was made with key separation. If it was "
			  "not, nothing can make it unreadable."));
	else if (!r->reach.separated) {
		out_say(r->cli, _("It was made without key separation: nothing can make it "
				  "unreadable. Who has it and a staff key for it reads it."));
		return OK;
	}
	if (hosts.len > 0)
		out_say(r->cli, _("Computers that have its device secret: %s"), hosts.data);
	else
		out_say(r->cli, _("No computer is known that has its device secret."));
	say_item(r->cli, _("this computer destroys its own at once, the others when they next "
			   "sync; until all have confirmed, they are listed"));
	say_item(r->cli, _("without the device secret it is noise, also to who holds staff keys "
			   "or the recovery key"));
	return OK;
}

/* ---- what it cannot do ------------------------------------------------------------------------
 */

struct limit {
	const char *id; /* for programs */
	const char *text;
	bool of_medium, of_key;
};

/* clang-format off */
static const struct limit limits[] = {
	{"copies", N_("every copy that was made before stays readable to who has it"), true, true},
	{"old_blocks", N_("what is not sealed anew yet, and what free space (\"vault purge\") and the spare blocks of a flash medium still hold"), false, true},
	{"old_image", N_("an older copy of a medium can be put back: a computer that saw a newer state refuses it, one that did not cannot know"), false, true},
	{"not_synced", N_("a computer that has not heard of this yet goes on as before"), true, true},
	{"open_now", N_("what is open at this moment stays open there until it is closed"), true, true},
	{"secret_copies", N_("a computer that is lost too, and backups of its home folder, may still hold the device secret"), true, false},
	{"was_read", N_("nobody can tell whether it was read in the meantime"), true, false},
	{"destruction", N_("who has a medium in hand can always destroy it"), false, true},
};
/* clang-format on */

static bool applies(const struct limit *l, const struct revoke_reach *r)
{
	return r->what == REVOKE_MEDIUM ? l->of_medium : l->of_key;
}

static void say_limits(const struct revoking *r)
{
	out_say(r->cli, _("What it cannot do:"));
	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (applies(&limits[i], &r->reach))
			say_item(r->cli, gettext(limits[i].text));
}

static enum err say_reach(const struct revoking *r)
{
	switch (r->reach.what) {
	case REVOKE_KEY:
		TRY(say_key(r));
		break;
	case REVOKE_HOST:
		TRY(say_host(r));
		break;
	default:
		TRY(say_medium(r));
	}
	say_limits(r);
	return OK;
}

/* ---- for programs ------------------------------------------------------------------------------
 */

static json_t *people_json(const struct revoke_reach *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->person_count; i++) {
		char recipient[AGE_RECIPIENT_TEXT];

		age_recipient_print(&r->people[i].recipient, recipient);
		json_array_append_new(list, json_pack("{s:o,s:s}", "name",
						      out_json_text(r->people[i].name), "recipient",
						      recipient));
	}
	return list;
}

static json_t *vaults_json(const struct revoke_reach *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->vault_count; i++) {
		char hex[2 * VOLUME_ID_LEN + 1];

		text_hex(r->vaults[i].volume_id, VOLUME_ID_LEN, hex);
		json_array_append_new(list, json_pack("{s:s,s:o,s:o}", "volume_id", hex, "label",
						      out_json_text(r->vaults[i].label), "number",
						      out_json_text(r->vaults[i].number)));
	}
	return list;
}

static json_t *hosts_json(const struct revoke_reach *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < r->host_count; i++)
		json_array_append_new(list, json_pack("{s:s,s:o,s:b}", "host", r->hosts[i].id,
						      "name", out_json_text(r->hosts[i].name),
						      "here", (int)r->hosts[i].here));
	return list;
}

static json_t *limits_json(const struct revoke_reach *r)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < ARRAY_LEN(limits); i++)
		if (applies(&limits[i], r))
			json_array_append_new(list, json_string(limits[i].id));
	return list;
}

static enum err tell_json(const struct revoking *r, bool done)
{
	const struct revoke_reach *reach = &r->reach;

	return out_json(r->cli, "result",
			json_pack("{s:s,s:s,s:o,s:s,s:b,s:b,s:o,s:o,s:o,s:b,s:o}", "what",
				  revoke_what_name(reach->what), "id", reach->id, "name",
				  out_json_text(reach->name), "reason",
				  revoke_reason_name(r->reason), "revoked",
				  (int)(done || reach->already), "already", (int)reach->already,
				  "people", people_json(reach), "vaults", vaults_json(reach),
				  "hosts", hosts_json(reach), "separated", (int)reach->separated,
				  "cannot", limits_json(reach)));
}

/* ---- the verb ----------------------------------------------------------------------------------
 */

static enum err need_society(struct revoking *r)
{
	struct home *home = NULL;

	TRY(cli_home(r->cli, &home));
	TRY(society_load(home, &r->society));
	if (society_exists(&r->society))
		return OK;
	cli_hint(r->cli, _("revoking needs a register: the officer makes one with \"%s org init\""),
		 VAULT_NAME);
	cli_hint(r->cli,
		 _("to leave somebody out of one vault now: %s rekey MEDIUM --without "
		   "RECIPIENT"),
		 VAULT_NAME);
	return err_at(ERR_NOT_FOUND, "%s", cli_argument(r->cli, 0));
}

static enum err find_reach(struct revoking *r)
{
	const char *word = cli_argument(r->cli, 0);
	const struct staff_key_info *staff = NULL;
	enum err err;

	if (cli_staff(r->cli, &staff) != OK)
		staff = NULL;
	err = vault_revoke_reach(&r->society, r->cli->home, word, staff ? &staff->recipient : NULL,
				 &r->reach);
	if (err == ERR_NOT_FOUND)
		cli_hint(r->cli, _("name what is on the register: a person, a computer, or a "
				   "medium by its number, label or serial number"));
	if (err == ERR_INVALID)
		cli_hint(r->cli,
			 _("more than one thing is called so: give the recipient (age1...), "
			   "the computer's id (h-...) or the medium's number"));
	return err;
}

static enum err check_possible(struct revoking *r)
{
	if (r->reach.already)
		return OK;
	if (r->reach.last_officer)
		cli_hint(r->cli,
			 _("no officer would be left: make a colleague an officer first, or "
			   "a new key of yours"));
	else if (r->reach.own)
		cli_hint(r->cli, _("it is your own, or takes your own key along: have another "
				   "officer do it, from another computer"));
	else
		return OK;
	return err_at(ERR_POLICY, "%s", r->reach.name);
}

/* As it was named on the command line, as people call it, or as the register does. */
static enum err confirm(const struct revoking *r)
{
	const char *given = r->cli->confirm;

	if (given && (!strcmp(given, r->reach.id) || !strcmp(given, cli_argument(r->cli, 0))))
		return OK;
	return cli_confirm(r->cli, r->reach.name, _("This cannot be taken back."));
}

static void say_next(const struct revoking *r)
{
	out_talk(r->cli,
		 _("Now let the other computers know: \"%s sync DIR\" here, then there. A vault "
		   "that "
		   "is opened here for writing carries it to them, too."),
		 VAULT_NAME);
	if (r->reach.what == REVOKE_MEDIUM && r->reason == REVOKE_LOST)
		out_talk(r->cli, _("\"%s incident %s -o FILE\" drafts the report, with its dates."),
			 VAULT_NAME, r->reach.id);
}

static enum err do_it(struct revoking *r)
{
	struct vault_actor actor;

	TRY(confirm(r));
	TRY(cli_actor(r->cli, NULL, &actor));
	TRY(vault_revoke(&actor, &r->society, &r->reach, r->reason));
	out_say(r->cli, _("%s is revoked."), r->reach.name);
	say_next(r);
	return OK;
}

static enum err run_all(struct revoking *r)
{
	bool dry = cli_has(r->cli, OPT_DRY_RUN);

	TRY(need_society(r));
	TRY(find_reach(r));
	TRY(say_reach(r));
	if (r->reach.already)
		out_talk(r->cli, _("It was revoked before. What was cut short then is ended now."));
	TRY(check_possible(r));
	if (!dry)
		TRY(do_it(r));
	return tell_json(r, !dry);
}

static enum err run(struct cli *cli)
{
	CLEANUP(revoking_clear) struct revoking r = {.cli = cli};
	const char *reason = cli_value(cli, OPT_REASON);

	if (!reason)
		return cli_usage("%s", _("say why: --reason lost, left or broken"));
	if (revoke_reason_parse(reason, &r.reason) != OK || r.reason == REVOKE_ERASED)
		return cli_usage(_("\"%s\" is no reason: lost, left or broken"), reason);
	return run_all(&r);
}

const struct verb verb_revoke = {
	.name = "revoke",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "NAME --reason REASON [--dry-run]",
	.summary = N_("take back a key, a computer or a medium for good"),
	.about = N_(
		"NAME is a person, a recipient (age1...), a computer, or a medium by number, label "
		"or serial number. What it reaches and what it cannot do is told first. A key or "
		"computer: every vault it could open gets a new key at its next opening for "
		"writing, wherever this is known. A medium: its device secret is destroyed on "
		"every computer at its next sync, and then nobody opens it any more."),
	.examples = {{"revoke OSAKA-03 --reason lost --dry-run", N_("what would it reach?")},
		     {"revoke OSAKA-03 --reason lost", N_("asks for the label to be typed")},
		     {"revoke sato --reason left", N_("a colleague who left")}},
	.options = OPT_BIT(OPT_REASON) | OPT_BIT(OPT_DRY_RUN) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

/* vault host show, host add, host list: the computers of the society. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

#define DAY_SECONDS 86400

/* "h-" and 16 digits of the key's SHA-256, as every computer names itself. */
static void host_id(const uint8_t vkey[SIGN_VKEY_LEN], char out[20])
{
	uint8_t sum[SHA256_LEN];

	sha256(vkey, SIGN_VKEY_LEN, sum);
	memcpy(out, "h-", 2);
	text_hex(sum, 8, out + 2);
}

/* ---- show ------------------------------------------------------------------------------------ */

static enum err run_show(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct sign_key *key = NULL;
	const struct roster_host *known;
	const char *id = NULL;
	char hex[2 * SIGN_VKEY_LEN + 1], words[96];

	TRY(officer_look(cli, &o));
	TRY(home_host_key(o.home, &key));
	TRY(home_host_id(o.home, &id));
	text_hex(sign_key_vkey(key), SIGN_VKEY_LEN, hex);
	officer_key_words(sign_key_vkey(key), words);
	known = roster_host(o.roster, id);
	out_line(cli, "%s", hex);
	out_talk(cli, _("This computer is %s. Its key, to compare by telephone: %s"), id, words);
	if (known)
		out_talk(cli, _("It is on the register of %s as %s."), o.roster->name, known->name);
	else
		out_talk(cli, _("An officer registers it with: %s host add NAME %s"), VAULT_NAME,
			 hex);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s,s:s*,s:b}", "host", id, "key", hex, "words", words,
				  "name", known ? known->name : NULL, "revoked",
				  known && known->revoked.is));
}

const struct verb verb_host_show = {
	.name = "host show",
	.group = GROUP_OFFICER,
	.run = run_show,
	.words = "",
	.summary = N_("print the key of this computer and its words"),
	.about = N_(
		"Asks no passphrase: what it prints is no secret. An officer needs it to put this "
		"computer on the register."),
	.examples = {{"host show", N_("on the computer that is to be registered")}},
	.max = 0,
};

/* ---- add ------------------------------------------------------------------------------------- */

static enum err check_new(struct officer *o, const char *id, const char *name)
{
	const struct roster_host *same = roster_host(o->roster, id);
	const struct roster_host *named = roster_host_named(o->roster, name);

	if (same && same->revoked.is) {
		cli_hint(o->cli, "%s",
			 _("a revoked computer stays revoked; set it up anew, with a new "
			   "PVAULT_HOME"));
		return err_at(ERR_REVOKED_HOST, "%s", same->name);
	}
	if (named && named != same && !named->revoked.is)
		return err_at(ERR_EXISTS, "%s", name);
	return OK;
}

static enum err draft_host(struct officer *o, const char *id, const char *name,
			   const uint8_t vkey[SIGN_VKEY_LEN], struct draft *d)
{
	const char *site = cli_value(o->cli, OPT_SITE);

	if (site)
		TRY(officer_text(site, "--site", ROSTER_TEXT - 1));
	TRY(draft_add(d, "host", id));
	TRY(draft_add_hex(d, "key", vkey, SIGN_VKEY_LEN));
	TRY(draft_add(d, "name", name));
	return draft_add(d, "site", site);
}

static enum err run_add(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(draft_clear) struct draft d = {0};
	const char *name = cli_argument(cli, 0);
	uint8_t vkey[SIGN_VKEY_LEN];
	char id[20], words[96];
	struct audit_event event = {.code = AUDIT_HOST, .counterparty = id};

	TRY(officer_text(name, "NAME", 64));
	TRY(officer_key(cli_argument(cli, 1), "KEY", vkey));
	host_id(vkey, id);
	TRY(officer_begin(cli, AUDIT_HOST, &o));
	TRY(check_new(&o, id, name));
	TRY(draft_host(&o, id, name, vkey, &d));
	TRY(officer_state(&o, STATEMENT_HOST, &d, &event, NULL));
	officer_key_words(vkey, words);
	out_say(cli, _("%s is on the register as %s. Compare by telephone: %s"), name, id, words);
	out_talk(cli, _("It learns of that at its next sync there: %s sync DIR"), VAULT_NAME);
	return out_json(cli, "result",
			json_pack("{s:s,s:s,s:s}", "name", name, "host", id, "words", words));
}

const struct verb verb_host_add = {
	.name = "host add",
	.group = GROUP_OFFICER,
	.run = run_add,
	.words = "NAME KEY [--site SITE]",
	.summary = N_("put a computer on the register"),
	.about = N_("KEY is what \"host show\" prints there. Compare the words with whoever sits "
		    "in front "
		    "of it. Told again, a computer gets the new name or site."),
	.examples = {{"host add osaka-2 3f9a... --site 大阪",
		      N_("as its \"host show\" prints it")}},
	.options = OPT_BIT(OPT_SITE) | OPT_BIT(OPT_KEY),
	.min = 2,
	.max = 2,
};

/* ---- list ------------------------------------------------------------------------------------ */

/* -1: it never reported. */
static int64_t days_silent(const struct roster_host *h)
{
	int64_t now = clock_wall().tv_sec;

	if (h->reported == 0)
		return -1;
	return now > h->reported ? (now - h->reported) / DAY_SECONDS : 0;
}

static enum err state_words(const struct roster *r, const struct roster_host *h, struct buf *ret)
{
	int64_t days = days_silent(h);
	char when[24];

	if (h->revoked.is) {
		officer_time(h->revoked.when, when);
		return buf_printf(ret, _("revoked %.10s (%s)"), when,
				  officer_reason(h->revoked.reason));
	}
	if (days < 0)
		return buf_puts(ret, _("never reported"));
	officer_time(h->reported, when);
	TRY(buf_printf(ret, _("reported %.10s"), when));
	if (r->policy.unsynced_days && days > (int64_t)r->policy.unsynced_days)
		return buf_printf(ret,
				  ngettext(", silent for %d day", ", silent for %d days",
					   (unsigned long)days),
				  (int)days);
	return OK;
}

/* The media whose device secret it said to have. */
static enum err held_media(const struct roster *r, const struct roster_host *h, struct buf *names,
			   json_t *list)
{
	for (size_t i = 0; i < h->held_count; i++) {
		const struct roster_medium *m = roster_medium(r, h->held[i].volume_id);
		char hex[2 * VOLUME_ID_LEN + 1];

		if (h->held[i].gone)
			continue;
		text_hex(h->held[i].volume_id, VOLUME_ID_LEN, hex);
		TRY(buf_printf(names, "%s%s", names->len ? ", " : "", m ? m->number : hex));
		if (json_array_append_new(list, json_string(m ? m->number : hex)) != 0)
			return ERR_NOMEM;
	}
	return OK;
}

static enum err list_one(struct cli *cli, const struct roster *r, const struct roster_host *h)
{
	CLEANUP(buf_clear) struct buf row = {0};
	CLEANUP(buf_clear) struct buf state = {0};
	CLEANUP(buf_clear) struct buf names = {0};
	json_t *held = json_array();
	char words[96];
	enum err err = held ? held_media(r, h, &names, held) : ERR_NOMEM;

	if (err == OK)
		err = state_words(r, h, &state);
	if (err != OK) {
		json_decref(held);
		return err;
	}
	officer_key_words(h->vkey, words);
	TRY(width_pad(&row, h->name, 16));
	TRY(buf_printf(&row, " %-20s ", h->id));
	TRY(width_pad(&row, h->site[0] ? h->site : "-", 10));
	TRY(buf_puts(&row, " "));
	TRY(width_pad(&row, state.data, 24));
	TRY(buf_printf(&row, " %s", names.data ? names.data : "-"));
	out_line(cli, "%s", row.data);
	return out_json(cli, "host",
			json_pack("{s:s,s:s,s:s,s:s,s:b,s:s*,s:I,s:I,s:i,s:o}", "name", h->name,
				  "host", h->id, "words", words, "site", h->site, "revoked",
				  h->revoked.is, "reason",
				  h->revoked.is ? revoke_reason_name(h->revoked.reason) : NULL,
				  "reported", (json_int_t)h->reported, "days_unsynced",
				  (json_int_t)days_silent(h), "staff_keys", (int)h->key_count,
				  "holds", held));
}

static enum err run_list(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	for (size_t i = 0; i < o.roster->host_count; i++)
		TRY(list_one(cli, o.roster, &o.roster->hosts[i]));
	return OK;
}

const struct verb verb_host_list = {
	.name = "host list",
	.group = GROUP_OFFICER,
	.run = run_list,
	.words = "",
	.summary = N_("the computers on the register"),
	.about = N_("Name, id, site, when it last reported (or that it was revoked), and the media "
		    "whose "
		    "device secret it holds."),
	.examples = {{"host list", N_("which were not heard of?")}},
	.max = 0,
};

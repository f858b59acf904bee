#include "tools/officer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "org/people.h"
#include "pack/manifest.h"
#include "pack/transfer.h"
#include "tools/output.h"

void officer_clear(struct officer *o)
{
	sign_key_free(o->key);
	roster_free(o->roster);
	register_free(o->books);
	*o = (struct officer){0};
}

/* ---- beginning ------------------------------------------------------------------------------- */

enum err officer_look(struct cli *cli, struct officer *ret)
{
	*ret = (struct officer){.cli = cli};
	TRY(cli_home(cli, &ret->home));
	TRY(register_open(ret->home, &ret->books));
	return roster_make(ret->books, &ret->roster);
}

bool officer_has_society(const struct officer *o)
{
	return !register_is_empty(o->books);
}

enum err officer_need_society(struct officer *o)
{
	if (officer_has_society(o))
		return OK;
	cli_hint(o->cli,
		 _("make a register with \"%s org init --name NAME\", or join one with \"%s sync "
		   "DIR\""),
		 VAULT_NAME, VAULT_NAME);
	return err_at(ERR_NOT_FOUND, "%s", _("this computer has no register"));
}

enum err officer_sign_in(struct officer *o)
{
	if (o->key)
		return OK;
	TRY(cli_unlock(o->cli, NULL));
	TRY(cli_recorder(o->cli, &o->recorder));
	age_identity_recipient(o->cli->identity, &o->me);
	return staff_sign_key(o->cli->identity, &o->key);
}

static enum err ask_rules(const struct officer *o)
{
	struct rules_ask ask = {
		.now = clock_wall().tv_sec,
		.synced = register_synced(o->home),
		.who = &o->me,
	};

	TRY(home_host_id(o->home, &ask.host_id));
	return rules_officer(o->roster, &ask);
}

size_t officer_count(const struct roster *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->person_count; i++)
		count += r->people[i].officer && !r->people[i].revoked.is;
	return count;
}

bool officer_is_one(const struct officer *o)
{
	return o->key && ask_rules(o) == OK;
}

enum err officer_check(struct officer *o, enum audit_code code)
{
	struct audit_event event = {.code = code};
	enum err err = ask_rules(o);

	return err == OK ? OK : officer_record(o, &event, err);
}

enum err officer_begin(struct cli *cli, enum audit_code code, struct officer *ret)
{
	TRY(officer_look(cli, ret));
	TRY(officer_need_society(ret));
	TRY(officer_sign_in(ret));
	return officer_check(ret, code);
}

/* ---- statements and records -------------------------------------------------------------------- */

static enum audit_result result_of(enum err why)
{
	int code = err_exit_code(why);

	if (why == OK)
		return AUDIT_OK;
	return code == 14 || code == 19 || code == 30 || why == ERR_EXISTS ? AUDIT_REFUSED
									   : AUDIT_FAILED;
}

static const char *role_of(const struct officer *o)
{
	const struct roster_person *person = roster_person(o->roster, &o->me);

	if (!officer_has_society(o))
		return NULL;
	return person && person->officer ? "officer" : "staff";
}

enum err officer_record(struct officer *o, const struct audit_event *event, enum err why)
{
	struct audit_event full = *event;
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	full.actor = o->cli->actor;
	full.role = role_of(o);
	full.result = result_of(why);
	full.reason = why;
	if (o->recorder->record(o->recorder->ctx, &full) != OK)
		return ERR_LOG_WRITE;
	return why == OK ? OK : err_at(why, "%s", detail);
}

enum err officer_state(struct officer *o, enum statement_kind kind, const struct draft *draft,
		       const struct audit_event *event, const struct statement **ret)
{
	const struct statement *written = NULL;
	struct roster *roster = NULL;
	enum err err;

	TRY(officer_record(o, event, OK));
	err = register_write(o->books, kind, draft->fields, draft->count, o->key, &written);
	if (err != OK)
		return officer_record(o, event, err);
	TRY(roster_make(o->books, &roster));
	roster_free(o->roster);
	o->roster = roster;
	if (ret)
		*ret = written;
	return OK;
}

void officer_tell_pending(const struct officer *o, const struct statement *s)
{
	char id[2 * SHA256_LEN + 1];

	if (roster_counts(o->roster, s))
		return;
	text_hex(s->id, SHA256_LEN, id);
	out_talk(o->cli,
		 _("It takes effect when another officer approves it: %s org approve %.12s"),
		 VAULT_NAME, id);
}

/* ---- words ----------------------------------------------------------------------------------- */

enum err officer_person(struct officer *o, const char *word, struct age_recipient *ret)
{
	const struct roster_person *person;
	struct person who;

	if (age_recipient_parse(word, ret) == OK)
		return OK;
	person = roster_person_named(o->roster, word);
	if (person) {
		*ret = person->recipient;
		return OK;
	}
	if (people_find(o->home, word, &who) == OK) {
		*ret = who.recipient;
		return OK;
	}
	cli_hint(o->cli, _("\"%s staff list\" shows who is known"), VAULT_NAME);
	return cli_usage(_("\"%s\" is neither a recipient nor the name of anybody known"), word);
}

enum err officer_key(const char *hex, const char *what, uint8_t ret[SIGN_VKEY_LEN])
{
	if (strlen(hex) == 2 * SIGN_VKEY_LEN && text_unhex(hex, ret, SIGN_VKEY_LEN) == OK)
		return OK;
	return cli_usage(_("%s: \"%s\" is not a key of 64 hexadecimal digits"), what, hex);
}

enum err officer_day(const struct cli *cli, enum option_id id, const char *what, const char **ret)
{
	const char *day = cli_value(cli, id);

	if (day && !pack_date_is_valid(day))
		return cli_usage(_("%s: \"%s\" is no day like 2026-12-31"), what, day);
	*ret = day;
	return OK;
}

static bool has_controls(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return true;
	return false;
}

enum err officer_text(const char *text, const char *what, size_t max)
{
	size_t len = strlen(text);

	if (!text_is_utf8(text, len) || has_controls(text))
		return cli_usage(_("%s: not plain text: \"%s\""), what, text);
	if (len > max)
		return cli_usage(_("%s: at most %u bytes: \"%s\""), what, (unsigned)max, text);
	return OK;
}

void officer_key_words(const uint8_t vkey[SIGN_VKEY_LEN], char out[96])
{
	pack_signer_words(vkey, out);
}

void officer_signer_name(const struct officer *o, const uint8_t vkey[SIGN_VKEY_LEN], char out[65])
{
	const struct roster_person *person = roster_signer(o->roster, vkey);
	uint8_t sum[SHA256_LEN];
	char hex[17];

	if (person) {
		text_copy(out, 65, person->name);
		return;
	}
	sha256(vkey, SIGN_VKEY_LEN, sum);
	text_hex(sum, 8, hex);
	text_copy(out, 65, hex);
	for (size_t i = 0; i < o->roster->host_count; i++)
		if (!memcmp(o->roster->hosts[i].vkey, vkey, SIGN_VKEY_LEN))
			text_copy(out, 65, o->roster->hosts[i].name);
}

const char *officer_reason(enum revoke_reason reason)
{
	switch (reason) {
	case REVOKE_LOST:
		return _("lost");
	case REVOKE_LEFT:
		return _("left");
	case REVOKE_BROKEN:
		return _("broken");
	case REVOKE_ERASED:
		break;
	}
	return _("erased");
}

void officer_time(int64_t when, char out[24])
{
	char text[32];

	text_copy(out, 24, "-");
	if (when == 0)
		return;
	text_time((time_t)when, text);
	text[10] = ' ';
	text_copy(out, 17, text);
}

void officer_today(char out[ROSTER_DAY])
{
	char text[32];

	text_time(clock_wall().tv_sec, text);
	text_copy(out, ROSTER_DAY, text);
}

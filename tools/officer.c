#include "tools/officer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
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

/* ---- statements and records --------------------------------------------------------------------
 */

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

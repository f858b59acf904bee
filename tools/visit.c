#include "tools/visit.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/output.h"
#include "tools/sessions.h"

enum err worse(enum err a, enum err b)
{
	return err_exit_code(b) > err_exit_code(a) ? b : a;
}

void visit_tell_facts(struct cli *cli, const struct vault_facts *facts)
{
	char when[32];

	if (facts->store.steps_back) {
		text_time(facts->store.time, when);
		out_warn(cli, _("%s: the newest state was not whole; this is the state of %s"),
			 facts->label, when);
	} else if (!facts->store.was_clean) {
		text_time(facts->store.time, when);
		out_talk(cli, _("%s was not ejected last time; everything saved until %s is there"),
			 facts->label, when);
	}
	if (facts->forked)
		out_warn(cli,
			 _("%s does NOT follow from what this computer saw last: an older copy "
			   "of it was put back and used. Compare what is in it before you believe "
			   "it, and tell the person responsible for personal information"),
			 facts->label);
	if (facts->adopted)
		out_talk(cli,
			 _("%s: an officer accepted this state; the one seen here before is given "
			   "up"),
			 facts->label);
	if (facts->register_in_vault == ERR_SENDER)
		out_warn(cli, _("%s carries the register of another society; it was left alone"),
			 facts->label);
	else if (facts->register_in_vault != OK)
		out_warn(cli,
			 _("%s: the register that it carries cannot be used (%s); nothing was "
			   "taken from it"),
			 facts->label, gettext(err_message(facts->register_in_vault)));
	if (facts->store.damaged)
		out_warn(cli,
			 _("%s: parts of it cannot be read, so it is open read-only; run \"%s "
			   "check\""),
			 facts->label, VAULT_NAME);
	if (facts->new_key)
		out_talk(cli,
			 _("%s has a new key now, since somebody was revoked who could open it; what is "
			   "in it is sealed anew while it is mounted"),
			 facts->label);
	if (!facts->separated)
		out_talk(cli, _("%s was made without key separation: a staff key alone opens it"),
			 facts->label);
}

static void visit_clear(struct visit *v)
{
	medium_clear(&v->medium);
	v->vault = NULL;
}

static enum err open_found(struct cli *cli, bool read_only, struct visit *v)
{
	enum err err;

	TRY(cli_check_confirm(cli, v->medium.label));
	TRY(cli_actor(cli, &v->medium, &v->actor));
	err = vault_open(&v->actor, v->medium.path, read_only, cli_value(cli, OPT_PURPOSE),
			 &v->vault, &v->facts);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(cli, v->medium.path);
		return err_at(err, "%s", v->medium.label);
	}
	return err;
}

enum err visit_begin(struct cli *cli, const char *medium, bool read_only, struct visit *ret)
{
	struct visit v = {0};
	enum err err;

	TRY(medium_find(cli, medium, &v.medium));
	err = open_found(cli, read_only, &v);
	if (err != OK) {
		visit_clear(&v);
		return err;
	}
	text_hex(v.facts.volume_id, STORE_ID_LEN, v.volume_id);
	visit_tell_facts(cli, &v.facts);
	*ret = v;
	return OK;
}

enum err visit_record(struct visit *v, enum audit_code code, enum err why, uint64_t files,
		      uint64_t bytes)
{
	char actor[STAFF_NAME_MAX + STAFF_FPR_LEN + 2];
	char fpr[STAFF_FPR_LEN];
	struct age_recipient me;
	struct audit_event event = {
		.code = code,
		.result = why == OK ? AUDIT_OK : AUDIT_FAILED,
		.reason = why,
		.actor = actor,
		.volume_id = v->volume_id,
		.label = v->facts.label,
		.role = v->facts.role[0] ? v->facts.role : NULL,
		.medium_id = v->facts.medium_id[0] ? v->facts.medium_id : NULL,
		.keysep = v->facts.separated ? 1 : -1,
		.suite = VAULT_SUITE,
		.has_totals = true,
		.files = files,
		.bytes = bytes,
	};

	age_identity_recipient(v->actor.identity, &me);
	staff_fpr(&me, fpr);
	snprintf(actor, sizeof(actor), "%s/%s", v->actor.name, fpr);
	return v->actor.recorder->record(v->actor.recorder->ctx, &event);
}

enum err visit_end(struct visit *v, enum err so_far)
{
	char detail[512];
	enum err err;

	snprintf(detail, sizeof(detail), "%s", err_detail());
	err = vault_close(v->vault);
	visit_clear(v);
	if (worse(so_far, err) == err && err != so_far)
		return err;
	return so_far == OK ? OK : err_at(so_far, "%s", detail);
}

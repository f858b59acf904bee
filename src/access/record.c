/* Records of what is done with a vault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "base/text.h"
#include "org/rules.h"

char *actor_text(const struct vault_actor *actor)
{
	char fpr[STAFF_FPR_LEN] = "";
	char *text = NULL;

	if (actor->identity) {
		struct age_recipient me;

		age_identity_recipient(actor->identity, &me);
		staff_fpr(&me, fpr);
	}
	if (asprintf(&text, "%s%s%s", actor->name ? actor->name : "", fpr[0] ? "/" : "", fpr) < 0)
		return NULL;
	return text;
}

enum err leave_record(const struct vault_actor *actor, const struct audit_event *event)
{
	enum err err = actor->recorder->record(actor->recorder->ctx, event);

	return err == OK ? OK : ERR_LOG_WRITE;
}

void vault_event(const struct vault *v, enum audit_code code, struct audit_event *ret)
{
	*ret = (struct audit_event){
		.code = code,
		.actor = v->actor_name,
		.volume_id = v->volume_hex[0] ? v->volume_hex : NULL,
		.label = v->facts.label[0] ? v->facts.label : NULL,
		.purpose = v->purpose,
		.role = v->facts.role[0] ? v->facts.role : NULL,
		.medium_id = v->facts.medium_id[0] ? v->facts.medium_id : NULL,
		.suite = VAULT_SUITE,
	};
	if (v->store) {
		ret->session_id = v->session_hex;
		ret->mode = v->facts.read_only ? "ro" : "rw";
		ret->keysep = v->facts.separated ? 1 : -1;
		ret->generation = v->facts.store.generation;
	}
}

enum audit_result record_result(enum err err)
{
	switch (err) {
	case OK:
		return AUDIT_OK;
	case ERR_NO_KEY_FITS:
	case ERR_PASSPHRASE:
	case ERR_VAULT_BUSY:
	case ERR_ROLLBACK:
	case ERR_FORK:
	case ERR_SENDER:
	case ERR_EXISTS:
		return AUDIT_REFUSED;
	default:
		return rules_is_verdict(err) ? AUDIT_REFUSED : AUDIT_FAILED;
	}
}

enum err record_deed(const struct vault *v, enum audit_code code, enum err how)
{
	struct audit_event event;
	struct store_info info;
	char detail[512];
	enum err err;

	text_copy(detail, sizeof(detail), err_detail());
	vault_event(v, code, &event);
	event.reason = how;
	event.result = record_result(how);
	event.mode = NULL;
	if (v->store) {
		store_info(v->store, &info);
		event.generation = info.generation;
	}
	err = leave_record(&v->actor, &event);
	if (err == OK)
		(void)err_at(how, "%s", detail);
	return err;
}

/* The session before did not end well: what it left is told before anything new happens. */
enum err record_unclean(struct vault *v)
{
	const struct store_report *r = &v->facts.store;
	struct audit_event event;
	char session[33];

	if (r->was_clean)
		return OK;
	vault_event(v, AUDIT_UNCLEAN, &event);
	text_hex(r->session_id, STORE_ID_LEN, session);
	event.session_id = session;
	event.mode = NULL;
	event.generation = r->generation;
	event.lost_generations = r->newest_seen - r->generation;
	event.saved_until = r->time;
	event.reason = r->damaged ? ERR_DAMAGED : OK;
	return leave_record(&v->actor, &event);
}

enum err record_lineage(struct vault *v)
{
	struct audit_event event;

	if (!v->facts.forked && !v->facts.adopted)
		return OK;
	vault_event(v, v->facts.forked ? AUDIT_ROLLBACK : AUDIT_ADOPT, &event);
	event.reason = v->facts.forked ? ERR_FORK : OK;
	return leave_record(&v->actor, &event);
}

static enum err append(void *ctx, const struct audit_event *event)
{
	return audit_log_append(ctx, event, NULL);
}

static enum err head(void *ctx, struct buf *out)
{
	return audit_log_head(ctx, out);
}

enum err vault_host_recorder(struct home *home, struct audit_log **ret_log, struct recorder *ret)
{
	const struct sign_key *key;
	const char *id;
	enum err err = home_host_key(home, &key);

	if (err == OK)
		err = home_host_id(home, &id);
	if (err != OK)
		return err;
	TRY(audit_log_open(home_log_path(home), id, key, ret_log));
	*ret = (struct recorder){ append, *ret_log, head };
	return OK;
}

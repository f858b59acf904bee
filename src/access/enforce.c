#include "access/enforce.h"
#include <stdlib.h>
#include <string.h>
#include "access/destroy.h"
#include "access/escrow.h"
#include "base/text.h"

#define NAMED_MAX 64u /* whose fingerprints a record holds at most */

/* The question of this actor about this vault, as far as it is known which one it is. Borrows from
 * the vault. */
struct question {
	const struct roster *r;
	struct age_recipient me;
	uint8_t volume_id[VOLUME_ID_LEN];
	struct rules_ask ask;
};

static void note_for_records(const struct question *q, struct vault *v)
{
	const char *role = society_role(&v->society, &q->me);
	const char *number =
		q->ask.volume_id ? society_number(&v->society, q->ask.volume_id) : NULL;

	text_copy(v->facts.role, sizeof(v->facts.role), role ? role : "");
	if (number)
		text_copy(v->facts.medium_id, sizeof(v->facts.medium_id), number);
}

/* The register is read once for all questions of an opening. */
static enum err question_load(struct vault *v, struct question *q)
{
	if (!v->society.roster)
		TRY(society_load(v->actor.home, &v->society));
	*q = (struct question){.r = v->society.roster};
	age_identity_recipient(v->actor.identity, &q->me);
	society_ask(&v->society, &q->me, &q->ask);
	if (v->volume_hex[0]) {
		TRY(text_unhex(v->volume_hex, q->volume_id, VOLUME_ID_LEN));
		q->ask.volume_id = q->volume_id;
		q->ask.separated = v->facts.separated;
	}
	if (society_exists(&v->society))
		note_for_records(q, v);
	return OK;
}

/* Whatever this host learnt of revoked media, and was cut short before it did its part. */
static enum err destroy_revoked(struct vault *v, const struct question *q)
{
	struct destroyed destroyed;

	return vault_destroy_revoked(v->actor.home, q->r, v->actor.recorder, &destroyed);
}

void enforce_done(struct vault *v)
{
	society_clear(&v->society);
}

enum err enforce_before(const struct vault_actor *actor, struct vault *v)
{
	struct question q;

	TRY(vault_begin(actor, v));
	if (!actor->identity)
		return OK;
	TRY(question_load(v, &q));
	TRY(destroy_revoked(v, &q));
	return rules_not_revoked(q.r, &q.ask);
}

/* A revocation explains why a key is missing or does not fit. */
static enum err explain(struct vault *v, enum err how)
{
	struct question q;
	char detail[512];
	enum err why;

	if (!v->actor.identity || !v->volume_hex[0])
		return how;
	text_copy(detail, sizeof(detail), err_detail());
	why = question_load(v, &q);
	if (why == OK)
		why = rules_not_revoked(q.r, &q.ask);
	return err_exit_code(why) == err_exit_code(ERR_REVOKED) ? why : err_at(how, "%s", detail);
}

enum err enforce_unlocked(struct vault *v, enum err how)
{
	struct question q;

	/* The vault brought news. */
	if (v->carried.news > 0)
		society_clear(&v->society);
	if (how != OK)
		return explain(v, how);
	TRY(question_load(v, &q));
	TRY(destroy_revoked(v, &q));
	return rules_open(q.r, &q.ask);
}

enum err vault_admit(const struct vault_actor *actor, const char *path, bool read_only,
		     struct vault *v)
{
	TRY(enforce_before(actor, v));
	return enforce_unlocked(v, vault_unlock(actor, path, read_only, v));
}

enum err enforce_grant(struct vault *v, const struct age_recipient *to)
{
	struct question q;

	TRY(question_load(v, &q));
	return rules_grant(q.r, &q.ask, to);
}

enum err enforce_enrol(const struct vault_actor *actor, const struct device *d, struct vault *v)
{
	struct question q;

	TRY(vault_begin(actor, v));
	text_hex(d->volume_id, VOLUME_ID_LEN, v->volume_hex);
	TRY(question_load(v, &q));
	return rules_enrol(q.r, &q.ask, d->issuer_vkey);
}

enum err enforce_create(const struct vault_actor *actor, const struct vault_new *what,
			struct vault *v, bool *ret_has, struct age_recipient *ret_recovery)
{
	struct question q;

	TRY(vault_begin(actor, v));
	TRY(question_load(v, &q));
	q.ask.separated = what->separated;
	q.ask.category = what->category;
	q.ask.purpose = what->purpose;
	TRY(rules_create(q.r, &q.ask, what->to, what->to_count));
	*ret_has = q.r->has_recovery;
	*ret_recovery = q.r->recovery;
	return OK;
}

/* ---- who is to be left out ---- */

void enforce_leavers_clear(struct enforce_leavers *l)
{
	free(l->list);
	memset(l, 0, sizeof(*l));
}

static void add_once(struct enforce_leavers *l, const struct age_recipient *who)
{
	for (size_t i = 0; i < l->count; i++)
		if (age_recipient_equal(&l->list[i], who))
			return;
	l->list[l->count++] = *who;
}

static enum err collect(const struct question *q, const struct keyfile *k,
			struct enforce_leavers *ret)
{
	bool out[KEYFILE_RECIPIENTS_MAX] = {false};
	const struct rules_key key = {
		.volume_id = k->volume_id,
		.recipients = k->recipients,
		.count = k->recipient_count,
		.signer = k->signer_vkey,
		.began = k->created,
	};

	if (k->recipient_count > ARRAY_LEN(out))
		return err_at(ERR_INTERNAL, "recipients");
	ret->why = rules_new_epoch(q->r, &key, out, &ret->after);
	for (size_t i = 0; i < k->recipient_count; i++)
		if (out[i] && !age_recipient_equal(&k->recipients[i], &q->me))
			add_once(ret, &k->recipients[i]);
	return OK;
}

enum err enforce_leavers(struct vault *v, const struct age_recipient *named, size_t named_count,
			 struct enforce_leavers *ret)
{
	struct question q;

	*ret = (struct enforce_leavers){0};
	TRY(question_load(v, &q));
	ret->list = calloc(named_count + v->key.recipient_count + 1, sizeof(*ret->list));
	if (!ret->list)
		return err_at(ERR_NOMEM, "recipients");
	for (size_t i = 0; i < named_count; i++)
		add_once(ret, &named[i]);
	return collect(&q, &v->key, ret);
}

/* ---- the keys that the register wants ---- */

static void fingerprints(const struct enforce_leavers *l, char out[STAFF_FPR_LEN * NAMED_MAX])
{
	out[0] = '\0';
	for (size_t i = 0; i < MIN(l->count, NAMED_MAX); i++) {
		char *at = out + i * STAFF_FPR_LEN;

		if (i > 0)
			at[-1] = ',';
		staff_fpr(&l->list[i], at);
	}
}

static enum err record_epoch(struct vault *v, const struct enforce_leavers *l)
{
	char who[STAFF_FPR_LEN * NAMED_MAX];
	struct audit_event event;

	vault_event(v, AUDIT_REKEY, &event);
	fingerprints(l, who);
	event.counterparty = who[0] ? who : NULL;
	event.reason = l->why;
	event.mode = NULL;
	return leave_record(&v->actor, &event);
}

static enum err new_epoch(struct vault *v)
{
	CLEANUP(enforce_leavers_clear) struct enforce_leavers l = {0};
	struct vault_rekey how = {0};
	struct vault_rekeyed got = {0};

	TRY(enforce_leavers(v, NULL, 0, &l));
	if (l.why == OK)
		return OK;
	how.without = l.list;
	how.without_count = l.count;
	how.after = l.after;
	TRY(record_epoch(v, &l));
	TRY(vault_change_key(v, &how, &got));
	v->facts.new_key = true;
	v->facts.left_out = (unsigned)l.count;
	return OK;
}

static bool is_recipient(const struct keyfile *k, const struct age_recipient *who)
{
	for (size_t i = 0; i < k->recipient_count; i++)
		if (age_recipient_equal(&k->recipients[i], who))
			return true;
	return false;
}

static enum err record_recovery(struct vault *v, const struct age_recipient *who)
{
	struct audit_event event;
	char fpr[STAFF_FPR_LEN];

	staff_fpr(who, fpr);
	vault_event(v, AUDIT_KEY_ADD, &event);
	event.counterparty = fpr;
	event.mode = NULL;
	return leave_record(&v->actor, &event);
}

/* What is lost may be opened again with the sheet of paper in the safe. */
static enum err add_recovery(struct vault *v)
{
	struct question q;

	TRY(question_load(v, &q));
	if (!q.r->has_recovery || is_recipient(&v->key, &q.r->recovery))
		return OK;
	TRY(record_recovery(v, &q.r->recovery));
	return vault_add_recipient(v, &q.r->recovery);
}

enum err enforce_keys(struct vault *v)
{
	if (v->facts.read_only)
		return OK;
	TRY(new_epoch(v));
	return add_recovery(v);
}

enum err enforce_escrow(struct vault *v)
{
	CLEANUP(device_clear) struct device d = {0};
	struct question q;

	TRY(question_load(v, &q));
	if (!v->device || !q.r->has_recovery)
		return OK;
	TRY(vault_device(v, &d));
	return escrow_keep(v->actor.home, q.r, &d, v->actor.identity);
}

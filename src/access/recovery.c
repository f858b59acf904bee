#include "access/recovery.h"
#include <string.h>
#include "access/escrow.h"
#include "access/identify.h"
#include "access/internal.h"
#include "base/text.h"
#include "store/folder_disk.h"

/* ---- which vault, and its device secret ---- */

/* From a KEY file that the recovery key opens; nothing is proved yet. */
static enum err peek(const char *path, const struct age_identity *key,
		     uint8_t ret_id[VOLUME_ID_LEN], bool *ret_separated)
{
	struct disk *disk = NULL;
	enum err err;

	TRY(folder_disk_open(path, true, &disk));
	for (unsigned i = 0; i < 2; i++) {
		CLEANUP(keyfile_clear) struct keyfile k = { 0 };

		err = keyfile_read(disk, i ? DISK_KEY1 : DISK_KEY0, key, &k);
		if (err != OK)
			continue;
		memcpy(ret_id, k.volume_id, VOLUME_ID_LEN);
		*ret_separated = k.separated;
		break;
	}
	disk_close(disk);
	return err;
}

struct trial {
	struct vault_actor actor; /* as the recovery key */
	const char *path;
	struct device *ret;
};

/* Anybody can leave a sealed file that names this volume. The right one fits the KEY file. */
static enum err try_device(void *ctx, struct device *d)
{
	struct vault_identity id;
	struct trial *t = ctx;

	t->actor.lent = d;
	TRY(vault_identify(&t->actor, t->path, &id));
	*t->ret = *d;
	memset(d, 0, sizeof(*d));
	return OK;
}

static enum err prove(const struct vault_actor *actor, const char *path,
		      const struct age_identity *key, uint8_t ret_id[VOLUME_ID_LEN],
		      struct device *ret)
{
	struct trial t = { .actor = *actor, .path = path, .ret = ret };
	struct vault_identity id;
	bool separated = true;
	enum err err;

	t.actor.identity = key;
	TRY(peek(path, key, ret_id, &separated));
	if (!separated)
		return vault_identify(&t.actor, path, &id);
	err = escrow_each(actor->home, ret_id, key, try_device, &t);
	return err == ERR_NOT_FOUND ? err_at(ERR_NOT_ENROLLED, "%s", path) : err;
}

/* ---- drills ---- */

static enum err opens(void *ctx, struct device *d)
{
	return OK;
}

enum err recovery_try_escrow(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			     const struct age_identity *key)
{
	return escrow_each(h, volume_id, key, opens, NULL);
}

enum err recovery_try_vault(const struct vault_actor *actor, const char *path,
			    const struct age_identity *key, uint8_t ret_id[VOLUME_ID_LEN])
{
	CLEANUP(device_clear) struct device d = { 0 };

	return prove(actor, path, key, ret_id, &d);
}

/* ---- letting somebody in ---- */

static enum err ask_rules(struct vault *v, const struct vault_recovery *what,
			  const uint8_t volume_id[VOLUME_ID_LEN])
{
	CLEANUP(society_clear) struct society s = { 0 };
	struct age_recipient me;
	struct rules_ask ask;

	TRY(society_load(v->actor.home, &s));
	age_identity_recipient(what->actor->identity, &me);
	society_ask(&s, &me, &ask);
	ask.volume_id = volume_id;
	TRY(rules_not_revoked(s.roster, &ask));
	return rules_permit(s.roster, what->to);
}

static enum err record(struct vault *v, const struct vault_recovery *what, enum err how)
{
	char fpr[STAFF_FPR_LEN], detail[512];
	struct audit_event event;

	text_copy(detail, sizeof(detail), err_detail());
	staff_fpr(what->to, fpr);
	vault_event(v, AUDIT_KEY_RECOVER, &event);
	event.counterparty = fpr;
	event.reason = how;
	event.result = record_result(how);
	event.mode = NULL;
	TRY(leave_record(&v->actor, &event));
	return how == OK ? OK : err_at(how, "%s", detail);
}

static enum err hand_over(struct vault *v, const struct vault_recovery *what,
			  const struct device *d)
{
	struct age_recipient me;

	if (!d->secret)
		return what->ticket_path
			       ? err_at(ERR_INVALID, "this vault needs no ticket: it has no device secret")
			       : OK;
	age_identity_recipient(what->actor->identity, &me);
	if (age_recipient_equal(&me, what->to))
		TRY(device_save(v->actor.home, d, &me, 1));
	return what->ticket_path ? ticket_write(what->ticket_path, d, what->to, what->actor->identity)
				 : OK;
}

static bool is_recipient(const struct keyfile *k, const struct age_recipient *who)
{
	for (size_t i = 0; i < k->recipient_count; i++)
		if (age_recipient_equal(&k->recipients[i], who))
			return true;
	return false;
}

static bool has_committed(const struct vault *v)
{
	struct store_info info;

	store_info(v->store, &info);
	return info.generation > v->facts.store.generation;
}

/* The record is there. What the paper opened is signed by whoever sits there. */
static enum err let_in(struct vault *v, const struct vault_recovery *what, const struct device *d)
{
	TRY(record_unclean(v));
	TRY(hand_over(v, what, d));
	TRY(vault_settle(v));
	v->actor.identity = what->actor->identity;
	if (!is_recipient(&v->key, what->to))
		TRY(vault_add_recipient(v, what->to));
	if (!has_committed(v))
		return OK;
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

static enum err recover(struct vault *v, const struct vault_recovery *what, struct device *d)
{
	uint8_t id[VOLUME_ID_LEN] = { 0 };

	TRY(vault_begin(what->actor, v));
	TRY(prove(what->actor, what->path, what->key, id, d));
	text_hex(id, VOLUME_ID_LEN, v->volume_hex);
	TRY(ask_rules(v, what, id));
	v->actor.identity = what->key;
	v->actor.lent = d->secret ? d : NULL;
	TRY(vault_unlock(&v->actor, what->path, false, v));
	return v->facts.read_only ? err_at(ERR_READ_ONLY, "%s", what->path) : OK;
}

enum err vault_recover(const struct vault_recovery *what, struct vault_facts *ret)
{
	CLEANUP(device_clear) struct device d = { 0 };
	CLEANUP(vault_clear) struct vault v = { 0 };
	enum err err = recover(&v, what, &d);

	if (err == OK)
		TRY(record(&v, what, OK));
	if (err == OK)
		err = let_in(&v, what, &d);
	if (err != OK)
		return record(&v, what, err);
	*ret = v.facts;
	return OK;
}

/* One more person for a vault, and taking in what they were given.
 *
 * Order: new KEY file beside the one in force, record, commit that names it, copy over the old one.
 * A crash before the commit leaves the old KEY file in force, one after it the new. */
#include <stdlib.h>
#include <string.h>
#include "access/enforce.h"
#include "base/text.h"
#include "store/folder_disk.h"

static bool is_recipient(const struct keyfile *k, const struct age_recipient *who)
{
	for (size_t i = 0; i < k->recipient_count; i++)
		if (age_recipient_equal(&k->recipients[i], who))
			return true;
	return false;
}

static enum err add_recipient(struct keyfile *k, const struct age_recipient *who)
{
	struct age_recipient *more;

	if (k->recipient_count == KEYFILE_RECIPIENTS_MAX)
		return err_at(ERR_TOO_BIG, "%u people", KEYFILE_RECIPIENTS_MAX);
	more = realloc(k->recipients, (k->recipient_count + 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "recipients");
	more[k->recipient_count++] = *who;
	k->recipients = more;
	k->sequence++;
	return OK;
}

static enum err record_grant(struct vault *v, const struct age_recipient *to, enum err how)
{
	struct audit_event event;
	char fpr[STAFF_FPR_LEN];

	staff_fpr(to, fpr);
	vault_event(v, AUDIT_KEY_ADD, &event);
	event.counterparty = fpr;
	event.reason = how;
	event.result = record_result(how);
	event.mode = NULL;
	return leave_record(&v->actor, &event);
}

enum err vault_add_recipient(struct vault *v, const struct age_recipient *who)
{
	CLEANUP(keyfile_clear) struct keyfile next = { 0 };
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;

	TRY(keyfile_clone(&v->key, &next));
	TRY(add_recipient(&next, who));
	TRY(staff_sign_key(v->actor.identity, &signer));
	TRY(keyfile_write(v->disk, vault_other_key_area(v), &next, v->epoch_key, signer));
	return vault_put_key_in_force(v, &next, true);
}

enum err vault_device(const struct vault *v, struct device *ret)
{
	struct device d = { 0 };

	memcpy(d.volume_id, v->key.volume_id, VOLUME_ID_LEN);
	memcpy(d.device_id, v->key.device_id, sizeof(d.device_id));
	text_copy(d.label, sizeof(d.label), v->facts.label[0] ? v->facts.label : "vault");
	TRY(secret_copy(secret_data(v->device), DEVICE_SECRET_LEN, &d.secret));
	*ret = d;
	return OK;
}

static enum err write_ticket(struct vault *v, const struct age_recipient *to, const char *path)
{
	CLEANUP(device_clear) struct device d = { 0 };

	if (!v->device)
		return err_at(ERR_INVALID, "this vault needs no ticket: it has no device secret");
	TRY(vault_device(v, &d));
	return ticket_write(path, &d, to, v->actor.identity);
}

static bool has_committed(const struct vault *v)
{
	struct store_info info;

	store_info(v->store, &info);
	return info.generation > v->facts.store.generation;
}

static enum err grant(struct vault *v, const struct age_recipient *to, const char *ticket_path)
{
	enum err err;

	if (v->facts.read_only)
		return err_at(ERR_READ_ONLY, "%s", v->facts.path);
	/* The commit below ends what another session left open; that must not go untold. */
	TRY(record_unclean(v));
	if (ticket_path)
		TRY(write_ticket(v, to, ticket_path));
	TRY(record_grant(v, to, OK));
	err = vault_settle(v);
	if (err == OK)
		err = enforce_keys(v);
	if (err == OK && !is_recipient(&v->key, to))
		err = vault_add_recipient(v, to);
	if (err != OK) {
		(void)!record_grant(v, to, err);
		return err;
	}
	if (!has_committed(v))
		return OK;
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

enum err vault_grant(const struct vault_actor *actor, const char *path,
		     const struct age_recipient *to, const char *ticket_path)
{
	CLEANUP(vault_clear) struct vault v = { 0 };
	enum err err = vault_admit(actor, path, false, &v);
	char detail[512];

	if (err == OK)
		err = enforce_grant(&v, to);
	if (err == OK)
		return grant(&v, to, ticket_path);
	text_copy(detail, sizeof(detail), err_detail());
	(void)!record_grant(&v, to, err);
	return err_at(err, "%s", detail);
}

/* A ticket is anybody's word. One with another secret for a vault that was opened here would take the
 * true secret away, and with it the vault. A secret that never opened anything may be a false one that
 * came first, and gives way. */
static enum err check_known(const struct vault_actor *actor, const struct device *d)
{
	CLEANUP(device_clear) struct device known = { 0 };
	struct seen seen = { 0 };
	enum err err = device_load(actor->home, d->volume_id, actor->identity, &known);

	if (err == ERR_NOT_ENROLLED || err == ERR_NO_KEY_FITS)
		return OK;
	TRY(err);
	if (!secret_equal(known.secret, d->secret) &&
	    seen_load(actor->home, d->volume_id, &seen) != ERR_NOT_FOUND)
		return err_at(ERR_EXISTS, "another device secret for \"%s\"", known.label);
	return OK;
}

static enum err record_enrol(struct vault *v, const struct device *d, enum err how)
{
	struct audit_event event;
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	if (d->secret) {
		text_hex(d->volume_id, VOLUME_ID_LEN, v->volume_hex);
		text_copy(v->facts.label, sizeof(v->facts.label), d->label);
	}
	vault_event(v, AUDIT_ENROL, &event);
	event.suite = NULL;
	event.reason = how;
	event.result = record_result(how);
	TRY(leave_record(&v->actor, &event));
	return how == OK ? OK : err_at(how, "%s", detail);
}

static enum err enrol(struct vault *v, const struct vault_actor *actor, const char *ticket_path,
		      struct device *d)
{
	struct age_recipient me;

	TRY(enforce_before(actor, v));
	TRY(ticket_open(ticket_path, actor->identity, d));
	TRY(check_known(actor, d));
	TRY(enforce_enrol(actor, d, v));
	TRY(record_enrol(v, d, OK));
	age_identity_recipient(actor->identity, &me);
	return device_save(actor->home, d, &me, 1);
}

enum err vault_enrol(const struct vault_actor *actor, const char *ticket_path,
		     struct device *ret_facts)
{
	CLEANUP(device_clear) struct device d = { 0 };
	CLEANUP(vault_clear) struct vault v = { 0 };
	enum err err = enrol(&v, actor, ticket_path, &d);

	if (err != OK && err != ERR_LOG_WRITE) {
		char detail[512];

		text_copy(detail, sizeof(detail), err_detail());
		(void)!record_enrol(&v, &d, err);
		return err_at(err, "%s", detail);
	}
	TRY(err);
	*ret_facts = d;
	ret_facts->secret = NULL;
	return OK;
}

/* One more person for a vault, and taking in what they were given.
 *
 * Order: new KEY file beside the one in force, record, commit that names it, copy over the old one.
 * A crash before the commit leaves the old KEY file in force, one after it the new. */
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/folder_disk.h"

static enum disk_area other_area(enum disk_area area)
{
	return area == DISK_KEY0 ? DISK_KEY1 : DISK_KEY0;
}

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
	k->created = clock_wall().tv_sec;
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
	event.result = how == OK ? AUDIT_OK : AUDIT_FAILED;
	event.mode = NULL;
	return leave_record(&v->actor, &event);
}

static enum err commit_key(struct vault *v)
{
	uint8_t user[STORE_USER_LEN];

	store_set_keyfile(v->store, v->key.sha256);
	store_user(v->store, user);
	TRY(store_commit_seal(v->store, user, true));
	return store_commit_flush(v->store);
}

static enum err put_key_in_force(struct vault *v)
{
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;
	enum disk_area fresh = other_area(v->key_area);

	TRY(staff_sign_key(v->actor.identity, &signer));
	TRY(keyfile_write(v->disk, fresh, &v->key, v->epoch_key, signer));
	TRY(commit_key(v));
	return keyfile_copy(v->disk, fresh, v->key_area);
}

static enum err write_ticket(struct vault *v, const struct age_recipient *to, const char *path)
{
	CLEANUP(device_clear) struct device d = { 0 };

	if (!v->device)
		return err_at(ERR_INVALID, "this vault needs no ticket: it has no device secret");
	memcpy(d.volume_id, v->key.volume_id, VOLUME_ID_LEN);
	memcpy(d.device_id, v->key.device_id, sizeof(d.device_id));
	text_copy(d.label, sizeof(d.label), v->facts.label[0] ? v->facts.label : "vault");
	TRY(secret_copy(secret_data(v->device), DEVICE_SECRET_LEN, &d.secret));
	return ticket_write(path, &d, to, v->actor.identity);
}

static enum err grant(struct vault *v, const struct age_recipient *to, const char *ticket_path)
{
	enum err err;

	if (v->facts.read_only)
		return err_at(ERR_READ_ONLY, "%s", v->facts.path);
	if (ticket_path)
		TRY(write_ticket(v, to, ticket_path));
	TRY(record_grant(v, to, OK));
	if (is_recipient(&v->key, to))
		return OK;
	err = add_recipient(&v->key, to);
	if (err == OK)
		err = put_key_in_force(v);
	if (err != OK) {
		(void)!record_grant(v, to, err);
		return err;
	}
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

enum err vault_grant(const struct vault_actor *actor, const char *path,
		     const struct age_recipient *to, const char *ticket_path)
{
	CLEANUP(vault_clear) struct vault v = { 0 };
	enum err err = vault_unlock(actor, path, false, &v);

	if (err == OK)
		return grant(&v, to, ticket_path);
	(void)!record_grant(&v, to, err);
	return err;
}

enum err vault_enrol(const struct vault_actor *actor, const char *ticket_path,
		     struct device *ret_facts)
{
	CLEANUP(device_clear) struct device d = { 0 };
	struct vault v = { .actor = *actor };
	struct age_recipient me;
	struct audit_event event;
	enum err err;

	err = ticket_open(ticket_path, actor->identity, &d);
	if (err == OK) {
		age_identity_recipient(actor->identity, &me);
		text_hex(d.volume_id, VOLUME_ID_LEN, v.volume_hex);
		memcpy(v.facts.label, d.label, sizeof(v.facts.label));
	}
	v.actor_name = actor_text(actor);
	if (!v.actor_name)
		return err_at(ERR_NOMEM, "vault");
	vault_event(&v, AUDIT_ENROL, &event);
	event.suite = NULL;
	event.reason = err;
	event.result = err == OK ? AUDIT_OK : AUDIT_REFUSED;
	if (err == OK) {
		err = leave_record(actor, &event);
		if (err == OK)
			err = device_save(actor->home, &d, &me, 1);
	} else {
		(void)!leave_record(actor, &event);
	}
	free(v.actor_name);
	TRY(err);
	*ret_facts = d;
	ret_facts->secret = NULL;
	return OK;
}

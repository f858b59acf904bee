/* From a folder and an identity to an open store: who may, with what, in which state. */
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "base/text.h"
#include "store/folder_disk.h"

void keyring_clear(struct keyring *k)
{
	for (unsigned i = 0; i < 2; i++) {
		keyfile_clear(&k->file[i]);
		secret_free(k->epoch_key[i]);
	}
}

/* Why neither KEY file opened; the more telling reason of the two. */
static enum err no_key_reason(const struct keyring *k)
{
	static const enum err order[] = { ERR_NO_KEY_FITS, ERR_NEWER_FORMAT, ERR_NOMEM, ERR_REMOVED,
					  ERR_IO, ERR_FORGED };

	for (unsigned i = 0; i < ARRAY_LEN(order); i++)
		if (k->err[0] == order[i] || k->err[1] == order[i])
			return err_at(order[i], "%s", order[i] == ERR_FORGED ? "KEY files" : "");
	return err_at(k->err[0], "KEY files");
}

static enum err read_keys(struct vault *v, const struct age_identity *id, struct keyring *k)
{
	for (unsigned i = 0; i < 2; i++) {
		k->err[i] = keyfile_read(v->disk, i ? DISK_KEY1 : DISK_KEY0, id, &k->file[i]);
		k->good[i] = k->err[i] == OK;
	}
	if (!k->good[0] && !k->good[1])
		return no_key_reason(k);
	if (k->good[0] && k->good[1] &&
	    memcmp(k->file[0].volume_id, k->file[1].volume_id, STORE_ID_LEN) != 0)
		return err_at(ERR_FORGED, "the two KEY files are of different vaults");
	return OK;
}

static enum err find_device(struct vault *v, const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct device *lent = v->actor.lent;

	if (!lent)
		return device_load(v->actor.home, volume_id, v->actor.identity, &v->device_record);
	if (memcmp(lent->volume_id, volume_id, VOLUME_ID_LEN) != 0)
		return err_at(ERR_NOT_ENROLLED, "%s", lent->label);
	device_clear(&v->device_record);
	v->device_record = *lent;
	v->device_record.secret = NULL;
	return secret_copy(secret_data(lent->secret), DEVICE_SECRET_LEN, &v->device_record.secret);
}

/* The device secret, or proof that none is needed. A vault for which this host keeps one can't turn
 * into one that needs none: that would be a forgery. */
static enum err load_device(struct vault *v, const struct keyfile *k)
{
	enum err err = find_device(v, k->volume_id);

	if (!k->separated) {
		if (err == OK || err == ERR_NO_KEY_FITS)
			return err_at(ERR_FORGED, "the vault says that it needs no device secret");
		return err == ERR_NOT_ENROLLED ? OK : err;
	}
	if (err == ERR_NO_KEY_FITS)
		return err_at(ERR_NOT_ENROLLED, "this staff key has no device secret here");
	TRY(err);
	v->device = TAKE(v->device_record.secret);
	return OK;
}

/* Keeps the KEY files that share and device secret together vouch for. */
static enum err prove_keys(struct vault *v, struct keyring *k)
{
	enum err err = ERR_FORGED;

	for (unsigned i = 0; i < 2; i++) {
		if (!k->good[i])
			continue;
		TRY(keyfile_epoch_key(&k->file[i], v->device, &k->epoch_key[i]));
		err = keyfile_prove(v->disk, i ? DISK_KEY1 : DISK_KEY0, &k->file[i],
				    k->epoch_key[i]);
		k->good[i] = err == OK;
	}
	return k->good[0] || k->good[1] ? OK : err;
}

unsigned keyring_doors(const struct keyring *k, struct store_door doors[2])
{
	unsigned count = 0;

	for (unsigned i = 0; i < 2; i++)
		if (k->good[i])
			keyfile_door(&k->file[i], k->epoch_key[i], &doors[count++]);
	return count;
}

static enum err open_store(struct vault *v, struct keyring *k, bool read_only)
{
	struct store_door doors[2];
	unsigned place[2], count = 0;
	struct store_unlock unlock = { .doors = doors, .read_only = read_only };
	struct seen seen = { 0 };
	uint32_t newest = 0;
	enum err err;

	for (unsigned i = 0; i < 2; i++) {
		if (!k->good[i])
			continue;
		place[count++] = i;
		newest = MAX(newest, k->file[i].epoch);
		memcpy(unlock.volume_id, k->file[i].volume_id, STORE_ID_LEN);
	}
	unlock.door_count = keyring_doors(k, doors);
	if (!read_only)
		TRY(home_host_key(v->actor.home, &unlock.host_key));
	if (seen_load(v->actor.home, unlock.volume_id, &seen) == OK)
		unlock.seen_generation = seen.generation;
	if (v->adopting)
		TRY(carry_known(v, unlock.volume_id, &unlock.seen_generation));
	err = store_open(v->disk, &unlock, &v->store, &v->facts.store);
	if (err == ERR_FORGED && newest < seen.epoch)
		return err_at(ERR_ROLLBACK, "the KEY files are of an older epoch than was seen");
	TRY(err);
	v->keys_agree = k->good[0] && k->good[1] &&
			mem_equal(k->file[0].sha256, k->file[1].sha256, SHA256_LEN);
	v->key_area = place[v->facts.store.door] ? DISK_KEY1 : DISK_KEY0;
	v->key = k->file[place[v->facts.store.door]];
	memset(&k->file[place[v->facts.store.door]], 0, sizeof(v->key));
	v->epoch_key = TAKE(k->epoch_key[place[v->facts.store.door]]);
	return OK;
}

static void fill_facts(struct vault *v, const char *path)
{
	struct store_info info;

	store_info(v->store, &info);
	memcpy(v->facts.volume_id, info.volume_id, STORE_ID_LEN);
	memcpy(v->opened_sha256, info.super_sha256, SHA256_LEN);
	v->opened_epoch = info.epoch;
	text_hex(info.volume_id, STORE_ID_LEN, v->volume_hex);
	text_hex(info.session_id, STORE_ID_LEN, v->session_hex);
	v->facts.read_only = info.read_only;
	v->facts.separated = v->key.separated;
	v->facts.keys_differ = !v->keys_agree;
	text_copy(v->facts.path, sizeof(v->facts.path), path);
	text_copy(v->facts.label, sizeof(v->facts.label), v->device_record.label);
}

enum err vault_begin(const struct vault_actor *actor, struct vault *v)
{
	v->actor = *actor;
	if (!v->actor_name)
		v->actor_name = actor_text(actor);
	return v->actor_name ? OK : err_at(ERR_NOMEM, "vault");
}

enum err vault_unlock_keys(const struct vault_actor *actor, struct vault *v, struct keyring *ret)
{
	const struct keyfile *any;

	TRY(vault_begin(actor, v));
	if (!actor->identity)
		return err_at(ERR_PASSPHRASE, "%s", v->actor_name);
	TRY(read_keys(v, actor->identity, ret));
	any = &ret->file[ret->good[0] ? 0 : 1];
	text_hex(any->volume_id, STORE_ID_LEN, v->volume_hex);
	TRY(load_device(v, any));
	return prove_keys(v, ret);
}

enum err vault_unlock_disk(const struct vault_actor *actor, const char *path, bool read_only,
			   struct vault *v)
{
	CLEANUP(keyring_clear) struct keyring keys = { 0 };

	TRY(vault_unlock_keys(actor, v, &keys));
	TRY(open_store(v, &keys, read_only));
	fill_facts(v, path);
	TRY(carry_in(v));
	return vault_check_rollback(v);
}

enum err vault_unlock(const struct vault_actor *actor, const char *path, bool read_only,
		      struct vault *v)
{
	TRY(vault_begin(actor, v));
	if (!v->disk)
		TRY(folder_disk_open(path, read_only, &v->disk));
	return vault_unlock_disk(actor, path, read_only, v);
}

void vault_clear(struct vault *v)
{
	(void)!volume_close(TAKE(v->volume));
	store_close(TAKE(v->store));
	disk_close(TAKE(v->disk));
	keyfile_clear(&v->key);
	secret_free(TAKE(v->device));
	secret_free(TAKE(v->epoch_key));
	device_clear(&v->device_record);
	society_clear(&v->society);
	buf_clear(&v->witness.fresh);
	free(TAKE(v->actor_name));
	free(TAKE(v->purpose));
}

/* What the volume's log had when the state was opened, and this session's line once it is durable. */
static struct seen_log log_now(const struct vault *v, bool committed)
{
	struct seen_log log = v->log;

	if (!committed || !v->has_line)
		return log;
	log.count++;
	memcpy(log.last_sha256, v->line_sha256, SHA256_LEN);
	return log;
}

static enum err remember(struct vault *v, struct seen *seen)
{
	/* A fork that was read does not become what is right. */
	if (v->facts.forked)
		return OK;
	text_copy(seen->label, sizeof(seen->label), v->facts.label);
	text_copy(seen->medium, sizeof(seen->medium), v->facts.path);
	return seen_save(v->actor.home, v->facts.volume_id, seen);
}

enum err vault_remember(struct vault *v, bool clean)
{
	struct seen seen = { 0 };
	struct store_info info;
	bool committed;

	store_info(v->store, &info);
	committed = info.generation > v->facts.store.generation;
	/* Who only read leaves the end as it was. */
	seen.clean = committed ? clean : v->facts.store.was_clean;
	seen.generation = info.generation;
	seen.epoch = info.epoch;
	seen.log = log_now(v, committed);
	memcpy(seen.super_sha256, info.super_sha256, SHA256_LEN);
	/* The session that the state on the medium carries: ours once we have committed. */
	memcpy(seen.session_id, committed ? info.session_id : v->facts.store.session_id,
	       STORE_ID_LEN);
	return remember(v, &seen);
}

/* What this session did already may still be lost with its tail; what it opened may not. */
enum err vault_remember_opening(struct vault *v)
{
	const struct store_report *r = &v->facts.store;
	struct seen seen = { .generation = r->generation,
			     .epoch = v->opened_epoch,
			     .clean = r->was_clean,
			     .log = v->log };

	if (v->key.epoch > v->opened_epoch)
		return vault_remember(v, r->was_clean);
	memcpy(seen.super_sha256, v->opened_sha256, SHA256_LEN);
	memcpy(seen.session_id, r->session_id, STORE_ID_LEN);
	return remember(v, &seen);
}

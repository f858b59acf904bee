/* Opening and closing a vault, with its records. */
#include <stdlib.h>
#include <string.h>
#include "access/contents.h"
#include "access/enforce.h"
#include "access/witness.h"
#include "base/text.h"
#include "store/folder_disk.h"

/* An opening that failed is told too. The reason outweighs a log that cannot be written. */
static enum err record_failure(struct vault *v, enum err why)
{
	char detail[512];
	struct audit_event event;

	text_copy(detail, sizeof(detail), err_detail());
	vault_event(v, why == ERR_ROLLBACK || why == ERR_FORK ? AUDIT_ROLLBACK : AUDIT_UNLOCK_FAIL, &event);
	event.result = record_result(why);
	event.reason = why;
	event.mode = NULL;
	(void)!leave_record(&v->actor, &event);
	return err_at(why, "%s", detail);
}

static enum err record_unlock(struct vault *v)
{
	struct audit_event event;

	vault_event(v, AUDIT_UNLOCK, &event);
	event.witness = witness_text(v);
	if (v->witness.lost)
		event.lost_generations = MAX(1u, v->facts.store.newest_seen - event.generation);
	return leave_record(&v->actor, &event);
}

static enum err take_label(struct vault *v)
{
	const char *label = volume_label(v->volume);

	if (strlen(label) >= sizeof(v->facts.label))
		return err_at(ERR_MALFORMED, "label");
	memcpy(v->facts.label, label, strlen(label) + 1);
	return OK;
}

/* What is in it now, for the day it is lost. That it could not be listed stops nobody; the record of
 * the closing then has no `manifest`. */
static void keep_contents(struct vault *v, char hex[2 * SHA256_LEN + 1])
{
	uint8_t sum[SHA256_LEN] = {0};
	const uint8_t none[SHA256_LEN] = {0};
	bool kept = contents_keep(v, sum) == OK && !mem_equal(sum, none, SHA256_LEN);

	if (hex)
		hex[0] = '\0';
	if (hex && kept)
		text_hex(sum, SHA256_LEN, hex);
}

/* The record comes first: content is out of reach until it is on the disk. */
static enum err open_volume(struct vault *v)
{
	TRY(witness_opening(v));
	TRY(record_unclean(v));
	TRY(record_lineage(v));
	TRY(record_unlock(v));
	TRY(vault_settle(v));
	TRY(enforce_escrow(v));
	TRY(enforce_keys(v));
	TRY(volume_open(v->store, &v->volume));
	TRY(take_label(v));
	TRY(carry_out(v));
	TRY(vault_remember_opening(v));
	/* Where it was last closed elsewhere: should it be pulled out now, at least this is known. */
	keep_contents(v, NULL);
	return OK;
}

/* Takes `v` over. */
static enum err open_vault(const struct vault_actor *actor, const char *path, bool read_only,
			   struct vault *v, struct vault **ret, struct vault_facts *ret_facts)
{
	enum err err = vault_admit(actor, path, read_only, v);
	bool opened = false;

	if (err == OK) {
		opened = true;
		err = open_volume(v);
	}
	if (err != OK) {
		if (!opened || err != ERR_LOG_WRITE)
			err = record_failure(v, err);
		vault_clear(v);
		free(v);
		return err;
	}
	enforce_done(v);
	*ret = v;
	*ret_facts = v->facts;
	return OK;
}

enum err vault_open(const struct vault_actor *actor, const char *path, bool read_only,
		    const char *purpose, struct vault **ret, struct vault_facts *ret_facts)
{
	struct vault *v = calloc(1, sizeof(*v));

	if (!v)
		return err_at(ERR_NOMEM, "vault");
	v->purpose = purpose ? strdup(purpose) : NULL;
	if (purpose && !v->purpose) {
		free(v);
		return err_at(ERR_NOMEM, "vault");
	}
	return open_vault(actor, path, read_only, v, ret, ret_facts);
}

enum err vault_open_disk(const struct vault_actor *actor, struct disk *disk, bool read_only,
			 struct vault **ret, struct vault_facts *ret_facts)
{
	struct vault *v = calloc(1, sizeof(*v));

	if (!v) {
		disk_close(disk);
		return err_at(ERR_NOMEM, "vault");
	}
	v->disk = disk;
	v->is_simulated = true;
	return open_vault(actor, "simulated", read_only, v, ret, ret_facts);
}

struct volume *vault_volume(struct vault *v)
{
	return v->volume;
}

struct store *vault_store(struct vault *v)
{
	return v->store;
}

const struct vault_facts *vault_facts(const struct vault *v)
{
	return &v->facts;
}

enum err vault_present(struct vault *v)
{
	struct disk_info info;

	return disk_list(v->disk, &info);
}

/* ---- closing ---- */

static void closing_event(struct vault *v, const struct volume_totals *totals, enum err how,
			  char super_hex[65], struct audit_event *ret)
{
	struct store_info info;
	enum audit_code code = AUDIT_LOCK;

	store_info(v->store, &info);
	if (info.frozen == ERR_REMOVED || how == ERR_REMOVED)
		code = AUDIT_REMOVED;
	else if (info.frozen != OK || how != OK)
		code = AUDIT_UNCLEAN;
	vault_event(v, code, ret);
	ret->result = code == AUDIT_LOCK ? AUDIT_OK : AUDIT_FAILED;
	ret->reason = info.frozen != OK ? info.frozen : how;
	ret->generation = info.generation;
	ret->has_totals = true;
	ret->files = totals->files;
	ret->bytes = totals->bytes;
	text_hex(info.super_sha256, SHA256_LEN, super_hex);
	ret->super_sha256 = super_hex;
}

enum err vault_close(struct vault *v)
{
	struct volume_totals totals;
	struct audit_event event;
	char super_hex[65], manifest[2 * SHA256_LEN + 1] = "";
	enum err err, recorded;

	volume_totals(v->volume, &totals);
	vault_line_close(v);
	/* Without a society there is no such list, and one commit less. */
	if (!v->facts.read_only && v->carried.has_society && volume_sync(v->volume) == OK)
		keep_contents(v, manifest);
	witness_closing(v);
	err = volume_close(TAKE(v->volume));
	closing_event(v, &totals, err, super_hex, &event);
	event.manifest = manifest[0] ? manifest : NULL;
	if (event.code == AUDIT_LOCK) {
		enum err kept = vault_remember(v, true);

		err = err != OK ? err : kept;
		event.witness = witness_text(v);
		witness_closed(v);
		if (!v->is_simulated)
			folder_disk_hide_times(v->disk);
	}
	recorded = leave_record(&v->actor, &event);
	if (event.code == AUDIT_REMOVED)
		err = err_at(ERR_REMOVED, "%s", v->facts.path);
	else if (err == OK && event.code == AUDIT_UNCLEAN)
		err = err_at(ERR_FROZEN, "%s", err_message(event.reason));
	vault_clear(v);
	free(v);
	return err != OK ? err : recorded;
}

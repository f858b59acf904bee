#include "access/salvage.h"
#include <stdlib.h>
#include <string.h>
#include "access/enforce.h"
#include "base/text.h"
#include "store/salvage_disk.h"

struct salvaging {
	struct vault v; /* without a store: there may be none */
	struct keyring keys;
	const struct vault_salvage *how;
	struct vault_salvaged *out;
	bool unlocked; /* the record of it is left */
};

static void salvaging_clear(struct salvaging *s)
{
	keyring_clear(&s->keys);
	vault_clear(&s->v);
}

static enum err leave(struct salvaging *s, enum audit_code code, enum err how)
{
	struct audit_event event;

	vault_event(&s->v, code, &event);
	event.result = record_result(how);
	event.reason = how;
	if (code != AUDIT_UNLOCK_FAIL) {
		event.mode = "ro";
		event.keysep = s->v.facts.separated ? 1 : -1;
	}
	if (code == AUDIT_SALVAGE) {
		event.generation = s->out->found.generation;
		event.has_totals = true;
		event.files = s->out->result.files;
		event.bytes = s->out->result.bytes;
	}
	return leave_record(&s->v.actor, &event);
}

static enum err unlock(struct salvaging *s, const struct vault_actor *actor, const char *path)
{
	const struct keyfile *any;

	TRY(salvage_disk_open(path, &s->v.disk));
	TRY(vault_unlock_keys(actor, &s->v, &s->keys));
	any = &s->keys.file[s->keys.good[0] ? 0 : 1];
	s->v.facts.separated = any->separated;
	memcpy(s->v.facts.volume_id, any->volume_id, STORE_ID_LEN);
	text_copy(s->v.facts.path, sizeof(s->v.facts.path), path);
	text_copy(s->v.facts.label, sizeof(s->v.facts.label), s->v.device_record.label);
	text_copy(s->out->volume_id, sizeof(s->out->volume_id), s->v.volume_hex);
	text_copy(s->out->label, sizeof(s->out->label), s->v.facts.label);
	return OK;
}

/* A clean end stands twice: its first copy is as good as the second. */
static bool saw_newer(const struct salvaging *s)
{
	struct seen seen;

	return s->out->found.has_state &&
	       seen_load(s->v.actor.home, s->v.facts.volume_id, &seen) == OK &&
	       s->out->found.generation + 1 < seen.generation;
}

static enum err bring_out(struct salvaging *s)
{
	CLEANUP(salvage_closep) struct salvage *salvage = NULL;
	struct store_door doors[2];
	struct store_unlock unlock = { .doors = doors, .read_only = true };
	char label[VAULT_LABEL_MAX + 1];
	enum err err;

	memcpy(unlock.volume_id, s->v.facts.volume_id, STORE_ID_LEN);
	unlock.door_count = keyring_doors(&s->keys, doors);
	if (s->how->missing)
		salvage_disk_missing(s->v.disk, s->how->missing, s->how->ctx);
	TRY(salvage_open(s->v.disk, &unlock, s->how->searching, s->how->ctx, &salvage));
	salvage_facts(salvage, &s->out->found);
	s->out->older_than_seen = saw_newer(s);
	if (s->how->found)
		s->how->found(s->how->ctx, &s->out->found);
	err = volume_salvage(salvage, s->how->sink, label, &s->out->result);
	if (label[0])
		memcpy(s->out->label, label, sizeof(label));
	memcpy(s->v.facts.label, s->out->label, sizeof(s->v.facts.label));
	TRY(err);
	return s->out->result.flaws ? err_at(ERR_SALVAGE_LOSS, "%s", s->out->label) : OK;
}

/* The reason of a failure outweighs a log that cannot be written. */
static enum err finish(struct salvaging *s, enum err err)
{
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	if (!s->unlocked) {
		if (err != ERR_LOG_WRITE)
			(void)!leave(s, AUDIT_UNLOCK_FAIL, err);
	} else {
		enum err left = leave(s, AUDIT_SALVAGE, err);

		if (left == OK)
			left = leave(s, AUDIT_LOCK, OK);
		if (err == OK)
			return left;
	}
	return err == OK ? OK : err_at(err, "%s", detail);
}

enum err vault_salvage(const struct vault_actor *actor, const char *path, const char *purpose,
		       const struct vault_salvage *how, struct vault_salvaged *ret)
{
	CLEANUP(salvaging_clear) struct salvaging s = { .how = how, .out = ret };
	enum err err = OK;

	memset(ret, 0, sizeof(*ret));
	s.v.purpose = purpose ? strdup(purpose) : NULL;
	s.v.actor = *actor;
	s.v.actor_name = actor_text(actor);
	if (!s.v.actor_name || (purpose && !s.v.purpose))
		return err_at(ERR_NOMEM, "vault");
	err = enforce_before(actor, &s.v);
	if (err == OK)
		err = enforce_unlocked(&s.v, unlock(&s, actor, path));
	if (err == OK)
		err = leave(&s, AUDIT_UNLOCK, OK);
	s.unlocked = err == OK;
	if (err == OK)
		err = bring_out(&s);
	return finish(&s, err);
}

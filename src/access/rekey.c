/* A new key for a vault, and the end of the old ones.
 *
 * Order: record, the new KEY file in the place that is not in force, the states that name it, noise
 * over all others, the copy. A crash before the first of those states leaves the old key in force, one
 * after it the new; the next opening for writing ends what is left. FORMAT.md, "A new epoch". */
#include <string.h>
#include "access/enforce.h"
#include "base/clock.h"
#include "base/text.h"
#include "crypto/random.h"
#include "store/folder_disk.h"

#define STEP_BLOCKS 256u  /* 1 MiB */
#define STEPS_A_COMMIT 64u
#define SPACE_TRIES 3u /* what was freed can be used again two commits later */

/* ---- the next KEY file ---- */

static bool is_among(const struct age_recipient *who, const struct age_recipient *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (age_recipient_equal(who, &list[i]))
			return true;
	return false;
}

static enum err check_stays(const struct vault *v, const struct vault_rekey *how)
{
	struct age_recipient me;

	age_identity_recipient(v->actor.identity, &me);
	if (is_among(&me, how->without, how->without_count))
		return err_at(ERR_INVALID, "who makes the new key cannot be left out");
	return OK;
}

static void leave_out(struct keyfile *k, const struct vault_rekey *how)
{
	size_t left = 0;

	for (size_t i = 0; i < k->recipient_count; i++)
		if (!is_among(&k->recipients[i], how->without, how->without_count))
			k->recipients[left++] = k->recipients[i];
	k->recipient_count = left;
}

static enum err next_key(const struct vault *v, const struct vault_rekey *how, struct keyfile *next,
			 struct secret **ret_epoch_key)
{
	TRY(keyfile_clone(&v->key, next));
	TRY(older_keys_add(&next->older, next->epoch, v->epoch_key));
	next->epoch = MAX(next->epoch, how->above) + 1;
	next->sequence++;
	next->created = MAX(clock_wall().tv_sec, how->after + 1);
	leave_out(next, how);
	random_bytes(secret_edit(next->share), secret_len(next->share));
	return keyfile_epoch_key(next, v->device, ret_epoch_key);
}

static enum err new_epoch(struct vault *v, const struct vault_rekey *how)
{
	CLEANUP(keyfile_clear) struct keyfile next = { 0 };
	CLEANUP(secret_freep) struct secret *epoch_key = NULL;
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;
	enum disk_area fresh = vault_other_key_area(v);
	struct store_door door;

	TRY(staff_sign_key(v->actor.identity, &signer));
	TRY(next_key(v, how, &next, &epoch_key));
	TRY(keyfile_write(v->disk, fresh, &next, epoch_key, signer));
	/* Nothing may come to depend on bytes that the medium does not give back. */
	TRY(keyfile_prove(v->disk, fresh, &next, epoch_key));
	keyfile_door(&next, epoch_key, &door);
	TRY(store_rekey(v->store, &door));
	TRY(vault_take_key(v, &next, &epoch_key));
	TRY(vault_commit(v, true));
	return vault_remember(v, true);
}

/* ---- the end of older keys ---- */

bool vault_has_older_keys(const struct vault *v)
{
	return v->key.older.count > 0;
}

/* The volume is still, or there is none. */
static enum err end_epochs(struct vault *v, bool clean)
{
	CLEANUP(keyfile_clear) struct keyfile next = { 0 };

	TRY(vault_commit_pending(v));
	TRY(store_end_older_epochs(v->store));
	TRY(keyfile_clone(&v->key, &next));
	older_keys_clear(&next.older);
	TRY(keyfile_rewrite_older(v->disk, v->key_area, vault_other_key_area(v), &next,
				  v->epoch_key));
	return vault_put_key_in_force(v, &next, clean);
}

static enum err end_still(void *ctx)
{
	return end_epochs(ctx, false);
}

enum err vault_end_epochs(struct vault *v)
{
	TRY(volume_quiet(v->volume, end_still, v));
	return record_deed(v, AUDIT_RESEAL_END, OK);
}

/* ---- waiting for it ---- */

static bool is_stopped(const struct vault_rekey *how)
{
	return how->stop && how->stop(how->ctx);
}

/* From one end of the map to the other. Commits on the way keep memory and the space held small. */
static enum err reseal_round(struct vault *v, const struct vault_rekey *how, struct store_reseal *at)
{
	unsigned steps = 0, tries = 0;
	bool more = true;

	while (more) {
		enum err err = store_reseal_step(v->store, STEP_BLOCKS, at, &more);

		if (err == ERR_NO_SPACE && tries++ < SPACE_TRIES)
			more = true;
		else
			TRY(err);
		tries = err == OK ? 0 : tries;
		if (how->progress)
			how->progress(how->ctx, MIN(at->done_blocks, at->total_blocks),
				      at->total_blocks);
		if (is_stopped(how))
			return err_at(ERR_INTERRUPTED, "%s", v->facts.label);
		if (err == ERR_NO_SPACE || ++steps % STEPS_A_COMMIT == 0)
			TRY(vault_commit(v, false));
	}
	return vault_commit(v, false);
}

static bool is_resealed(struct vault *v)
{
	return store_oldest_epoch(v->store) == v->key.epoch;
}

/* What found no place in one round may find it after the commits of the next. */
static enum err reseal_all(struct vault *v, const struct vault_rekey *how)
{
	unsigned skipped = 0;

	while (!is_resealed(v)) {
		struct store_reseal at = { 0 };

		TRY(reseal_round(v, how, &at));
		if (at.skipped && ++skipped == 2 && !is_resealed(v))
			return err_at(ERR_DAMAGED, "something could not be sealed anew");
	}
	return OK;
}

/* However it ends, what was done until then is kept, as a clean end. */
enum err vault_reseal(struct vault *v, const struct vault_rekey *how)
{
	char detail[512];
	enum err err = reseal_all(v, how), kept;

	if (err == OK) {
		TRY(end_epochs(v, true));
		TRY(record_deed(v, AUDIT_RESEAL_END, OK));
		return vault_remember(v, true);
	}
	text_copy(detail, sizeof(detail), err_detail());
	kept = vault_commit(v, true);
	if (kept == OK)
		kept = vault_remember(v, true);
	return err == ERR_INTERRUPTED && kept != OK ? kept : err_at(err, "%s", detail);
}

/* ---- all of it ---- */

/* Eight keys are the most. Those that open nothing any more are let go first. */
static enum err make_room(struct vault *v, const struct vault_rekey *how)
{
	if (vault_has_older_keys(v) && is_resealed(v))
		return end_epochs(v, true);
	if (v->key.older.count < STORE_OLDER_MAX)
		return OK;
	return how->wait ? vault_reseal(v, how)
			 : err_at(ERR_TOO_MANY_EPOCHS, "%u keys", STORE_OLDER_MAX + 1);
}

static void tell(const struct vault *v, struct vault_rekeyed *ret)
{
	struct store_info info;

	store_info(v->store, &info);
	ret->epoch = v->key.epoch;
	ret->recipients = v->key.recipient_count;
	ret->older_blocks = vault_has_older_keys(v) ? MAX(info.older_blocks, 1) : 0;
}

enum err vault_change_key(struct vault *v, const struct vault_rekey *how, struct vault_rekeyed *ret)
{
	enum err err = OK;

	TRY(vault_settle(v));
	TRY(make_room(v, how));
	TRY(new_epoch(v, how));
	tell(v, ret);
	if (how->wait)
		err = vault_reseal(v, how);
	tell(v, ret);
	return err;
}

/* Who was revoked is left out of every new key, named or not. */
static enum err rekey(struct vault *v, const struct vault_rekey *asked, struct vault_rekeyed *ret)
{
	CLEANUP(enforce_leavers_clear) struct enforce_leavers leavers = { 0 };
	struct vault_rekey how = *asked;
	enum err err;

	if (v->facts.read_only)
		return err_at(ERR_READ_ONLY, "%s", v->facts.path);
	TRY(check_stays(v, asked));
	TRY(enforce_leavers(v, asked->without, asked->without_count, &leavers));
	how.without = leavers.list;
	how.without_count = leavers.count;
	how.after = leavers.after;
	/* The commits below end what another session left open; that must not go untold. */
	TRY(record_unclean(v));
	TRY(record_deed(v, AUDIT_REKEY, OK));
	err = vault_change_key(v, &how, ret);
	folder_disk_hide_times(v->disk);
	return err;
}

enum err vault_rekey(const struct vault_actor *actor, const char *path,
		     const struct vault_rekey *how, struct vault_rekeyed *ret)
{
	CLEANUP(vault_clear) struct vault v = { 0 };
	enum err err = vault_admit(actor, path, false, &v);

	memset(ret, 0, sizeof(*ret));
	text_copy(ret->label, sizeof(ret->label), v.facts.label);
	if (err == OK)
		err = rekey(&v, how, ret);
	/* An interruption of the waiting is no failure of the new key. */
	if (err != OK && err != ERR_LOG_WRITE && ret->epoch == 0)
		(void)!record_deed(&v, AUDIT_REKEY, err);
	return err;
}

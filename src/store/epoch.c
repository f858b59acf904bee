/* New epochs: from one commit on everything is sealed under a fresh key, and what the old key opens
 * goes from the HEAD files. FORMAT.md, "A new epoch". */
#include <string.h>
#include "store/internal.h"

/* As many states as an opening may step back over, so that none of the older ones is needed. */
#define REPEATS 8u

/* Alone, and with everything committed. */
static enum err check_alone(struct store *s)
{
	TRY(store_usable(s));
	return store_is_dirty(s) ? err_at(ERR_BUSY, "changes that are not committed yet") : OK;
}

enum err epoch_repeat_state(struct store *s)
{
	uint8_t user[STORE_USER_LEN];

	memcpy(user, s->super.user, sizeof(user));
	for (unsigned i = 0; i < REPEATS; i++) {
		enum err err = store_commit_seal(s, user, false);

		if (err == OK)
			err = store_commit_flush(s);
		if (err != OK)
			return store_fail(s, err);
	}
	return OK;
}

static bool is_newest(const struct store *s, unsigned slot)
{
	uint64_t gen = s->super.generation;

	for (uint64_t back = 0; back < REPEATS && back < gen; back++)
		if (super_slot(gen - back) == slot)
			return true;
	return false;
}

static enum err noise_head(struct store *s, unsigned head)
{
	uint8_t noise[FORMAT_SLOT_LEN];

	for (unsigned slot = head * FORMAT_SLOTS; slot < (head + 1) * FORMAT_SLOTS; slot++) {
		if (is_newest(s, slot))
			continue;
		slot_noise(noise);
		TRY(disk_write(s->disk, super_area(slot), super_offset(slot), noise,
			       sizeof(noise)));
	}
	return disk_flush(s->disk, head ? DISK_HEAD1 : DISK_HEAD0);
}

enum err epoch_noise_slots(struct store *s)
{
	unsigned newest = super_slot(s->super.generation) / FORMAT_SLOTS;
	enum err err = noise_head(s, !newest);

	if (err == OK)
		err = noise_head(s, newest);
	return err == OK ? OK : store_fail(s, err);
}

static enum err settle(struct store *s)
{
	TRY(epoch_repeat_state(s));
	return epoch_noise_slots(s);
}

enum err store_settle(struct store *s)
{
	TRY(check_alone(s));
	return settle(s);
}

enum err store_rekey(struct store *s, const struct store_door *door)
{
	struct alloc_info a;

	TRY(store_usable(s));
	TRY(sealer_add_epoch(s->sealer, door->epoch, door->epoch_key));
	alloc_info(s->alloc, &a);
	s->older_blocks = a.used;
	store_set_keyfile(s, door->keyfile_sha256);
	return settle(s);
}

uint32_t store_oldest_epoch(struct store *s)
{
	uint32_t oldest = sealer_epoch(s->sealer);
	struct ref root;

	pthread_rwlock_rdlock(&s->lock);
	tree_root(s->tree, &root);
	pthread_rwlock_unlock(&s->lock);
	return ref_is_null(&root) ? oldest : MIN(oldest, root.extra);
}

enum err store_end_older_epochs(struct store *s)
{
	TRY(check_alone(s));
	if (store_oldest_epoch(s) != sealer_epoch(s->sealer))
		return err_at(ERR_BUSY, "epoch %u is still in use", store_oldest_epoch(s));
	if (sealer_epochs(s->sealer) == 1)
		return OK;
	TRY(epoch_repeat_state(s));
	sealer_drop_older(s->sealer);
	s->older_blocks = 0;
	return OK;
}

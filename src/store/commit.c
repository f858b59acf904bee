/* Commits. Write order: records and nodes, flush, superblock slot, flush. FORMAT.md, "Commit". */
#include <string.h>
#include "base/clock.h"
#include "store/internal.h"

bool store_is_dirty(struct store *s)
{
	return tree_is_dirty(s->tree) || s->sealed;
}

void store_set_keyfile(struct store *s, const uint8_t sha256[SHA256_LEN])
{
	memcpy(s->super.keyfile_sha256, sha256, SHA256_LEN);
}

static void fill_super(struct store *s, uint64_t gen, const uint8_t *user, bool clean)
{
	struct alloc_info a;

	alloc_info(s->alloc, &a);
	s->super.generation = gen;
	s->super.epoch = sealer_epoch(s->sealer);
	s->super.flags = clean ? SUPER_CLEAN : SUPER_OPEN;
	s->super.time = clock_wall().tv_sec;
	s->super.used_blocks = a.used;
	s->super.depth = (uint8_t)tree_depth(s->tree);
	tree_root(s->tree, &s->super.root);
	memcpy(s->super.user, user, STORE_USER_LEN);
}

static enum err seal_locked(struct store *s, const uint8_t *user, bool clean)
{
	uint64_t gen = tree_open_gen(s->tree);
	enum err err;

	TRY(store_usable(s));
	if (s->sealed)
		return err_at(ERR_INTERNAL, "the commit before was not flushed");
	TRY(alloc_hold_room(s->alloc, 1));
	err = tree_seal(s->tree, s->stage, STAGE_LEN, gen + 1);
	if (err != OK)
		return store_fail(s, err);
	fill_super(s, gen, user, clean);
	s->sealed = true;
	if (tree_over_limit(s->tree))
		tree_trim(s->tree);
	return OK;
}

enum err store_commit_seal(struct store *s, const uint8_t user[STORE_USER_LEN], bool clean)
{
	enum err err;

	pthread_rwlock_wrlock(&s->lock);
	err = seal_locked(s, user, clean);
	pthread_rwlock_unlock(&s->lock);
	return err;
}

static enum err write_slot(struct store *s)
{
	uint8_t slot[FORMAT_SLOT_LEN];
	unsigned index = super_slot(s->super.generation);

	memcpy(s->super.previous_sha256, s->durable_sha256, SHA256_LEN);
	TRY(super_encode(&s->super, s->sealer, s->session, slot));
	TRY(disk_write(s->disk, super_area(index), super_offset(index), slot, sizeof(slot)));
	TRY(disk_flush(s->disk, super_area(index)));
	pthread_mutex_lock(&s->info_lock);
	s->durable = s->super;
	sha256(slot, sizeof(slot), s->durable_sha256);
	pthread_mutex_unlock(&s->info_lock);
	return OK;
}

static enum err flush_commit(struct store *s)
{
	TRY(store_usable(s));
	TRY(disk_flush(s->disk, DISK_DATA));
	TRY(write_slot(s));
	alloc_durable(s->alloc, s->super.generation);
	if (!(s->super.flags & SUPER_CLEAN))
		return OK;
	/* A clean end stands in both HEAD files, so that no single bad block takes it back. It is the
	 * same state again, so it ripens no freed blocks. */
	s->super.generation++;
	tree_set_open_gen(s->tree, s->super.generation + 1);
	return write_slot(s);
}

enum err store_commit_flush(struct store *s)
{
	enum err err;

	if (!s->sealed)
		return OK;
	err = flush_commit(s);
	s->sealed = false;
	return err == OK ? OK : store_fail(s, err);
}

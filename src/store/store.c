#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "crypto/random.h"
#include "store/internal.h"

/* ---- life ---- */

static enum err store_alloc(struct disk *disk, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_rwlockattr_t attr;

	if (!s)
		return err_at(ERR_NOMEM, "store");
	s->disk = disk;
	pthread_rwlockattr_init(&attr);
	/* Many readers must not keep a commit from its turn. */
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&s->info_lock, NULL);
	pthread_mutex_init(&s->scratch_lock, NULL);
	s->stage = malloc(STAGE_LEN);
	if (!s->stage) {
		store_close(s);
		return err_at(ERR_NOMEM, "store");
	}
	*ret = s;
	return OK;
}

static void undo_clear(struct store *s)
{
	for (size_t i = 0; i < s->txn.count; i++) {
		if (s->txn.at[i].value)
			mem_wipe(s->txn.at[i].value, s->txn.at[i].len);
		free(s->txn.at[i].value);
	}
	s->txn.count = 0;
	s->txn.gone_count = 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	undo_clear(s);
	free(s->txn.at);
	free(s->txn.gone);
	tree_free(s->tree);
	alloc_free(s->alloc);
	sealer_free(s->sealer);
	sign_key_free(s->session);
	if (s->stage)
		mem_wipe(s->stage, STAGE_LEN);
	free(s->stage);
	while (s->scratch_count > 0)
		free(s->scratch[--s->scratch_count]);
	pthread_mutex_destroy(&s->scratch_lock);
	pthread_mutex_destroy(&s->info_lock);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

/* A session of its own: an id, a signing key, and the host's certificate for it. */
static enum err begin_session(struct store *s, const struct store_unlock *unlock)
{
	if (!unlock->host_key)
		return err_at(ERR_INVALID, "no host key");
	random_bytes(s->super.session_id, STORE_ID_LEN);
	TRY(sign_key_random(&s->session));
	memcpy(s->super.session_vkey, sign_key_vkey(s->session), SIGN_VKEY_LEN);
	memcpy(s->super.host_vkey, sign_key_vkey(unlock->host_key), SIGN_VKEY_LEN);
	super_certify(unlock->host_key, unlock->volume_id, s->super.session_id,
		      s->super.session_vkey, s->super.session_cert);
	return OK;
}

/* ---- formatting ---- */

static enum err write_noise(struct disk *disk, enum disk_area area)
{
	uint8_t head[DISK_FIXED_LEN];

	for (unsigned i = 0; i < FORMAT_SLOTS; i++)
		slot_noise(head + (size_t)i * FORMAT_SLOT_LEN);
	TRY(disk_write(disk, area, 0, head, sizeof(head)));
	return disk_flush(disk, area);
}

static enum err format_first(struct store *s, const struct store_unlock *unlock,
			     const uint8_t *user)
{
	struct ref none = { 0 };

	TRY(sealer_new(unlock->volume_id, &s->sealer));
	TRY(sealer_add_door(s->sealer, &unlock->doors[0]));
	TRY(write_noise(s->disk, DISK_HEAD0));
	TRY(write_noise(s->disk, DISK_HEAD1));
	TRY(alloc_new(s->disk, &s->alloc));
	TRY(tree_new(s->disk, s->sealer, s->alloc, &none, 0, 1, &s->tree));
	memcpy(s->super.volume_id, unlock->volume_id, STORE_ID_LEN);
	memcpy(s->super.keyfile_sha256, unlock->doors[0].keyfile_sha256, SHA256_LEN);
	TRY(begin_session(s, unlock));
	TRY(store_commit_seal(s, user, true));
	return store_commit_flush(s);
}

enum err store_format(struct disk *disk, const struct store_unlock *unlock,
		      const uint8_t user[STORE_USER_LEN])
{
	struct store *s = NULL;
	enum err err;

	if (unlock->door_count == 0)
		return err_at(ERR_INVALID, "no key");
	TRY(store_alloc(disk, &s));
	err = format_first(s, unlock, user);
	store_close(s);
	return err;
}

/* ---- opening ---- */

struct opening {
	const struct store_unlock *unlock;
	struct sealer *sealers[2];
	struct candidates *list;
};

static void opening_clear(struct opening *o)
{
	for (unsigned i = 0; i < ARRAY_LEN(o->sealers); i++)
		sealer_free(o->sealers[i]);
	free(o->list);
}

static enum err make_sealers(struct opening *o)
{
	const struct store_unlock *u = o->unlock;

	if (u->door_count == 0 || u->door_count > ARRAY_LEN(o->sealers))
		return err_at(ERR_INVALID, "%u keys", u->door_count);
	for (unsigned i = 0; i < u->door_count; i++) {
		TRY(sealer_new(u->volume_id, &o->sealers[i]));
		TRY(sealer_add_door(o->sealers[i], &u->doors[i]));
	}
	return OK;
}

/* The door whose KEY file the newest state names. An older KEY file put back names none. */
static enum err door_in_force(const struct store_unlock *u, const struct super *newest,
			      unsigned *ret)
{
	for (unsigned i = 0; i < u->door_count; i++) {
		if (u->doors[i].epoch == newest->epoch &&
		    mem_equal(u->doors[i].keyfile_sha256, newest->keyfile_sha256, SHA256_LEN)) {
			*ret = i;
			return OK;
		}
	}
	return err_at(ERR_ROLLBACK, "the KEY file is not the one that the newest state names");
}

/* Takes the newest state that is whole; counts what had to be passed over. A state from before a new
 * epoch is opened with the keys of the newest: an epoch that began never ends for an older one. */
static enum err choose_state(struct store *s, struct opening *o, unsigned *ret_index,
			     struct store_report *report)
{
	struct candidates *list = o->list;
	struct recover_found found = { 0 };

	for (unsigned i = 0; i < list->count && i <= 8; i++) {
		const struct candidate *c = &list->at[i];
		const uint8_t *slot = list->head[c->slot / FORMAT_SLOTS] + super_offset(c->slot);
		enum err err = super_verify(slot, c->slot, o->sealers[c->door], &c->super);
		bool witnessed = (c->super.flags & SUPER_CLEAN) &&
				 o->unlock->seen_generation >= c->super.generation;

		if (err == OK) {
			alloc_free(TAKE(s->alloc));
			TRY(alloc_new(s->disk, &s->alloc));
			err = recover_prove(s->disk, o->sealers[report->door], &c->super, witnessed,
					    s->alloc, &found);
		}
		if (err == OK) {
			report->damaged = found.damaged;
			s->older_blocks = found.older_blocks;
			*ret_index = i;
			return OK;
		}
		if (err != ERR_NO_STATE && err != ERR_FORGED &&
		    !(err == ERR_IO && o->unlock->read_only))
			return err;
		report->steps_back++;
	}
	return err_at(ERR_NO_STATE, "%u states tried", report->steps_back);
}

/* States that were passed over must never be met again. */
static enum err wipe_rejected(struct store *s, const struct candidates *list, unsigned kept)
{
	uint8_t noise[FORMAT_SLOT_LEN];

	for (unsigned i = 0; i < kept; i++) {
		unsigned slot = list->at[i].slot;

		slot_noise(noise);
		TRY(disk_write(s->disk, super_area(slot), super_offset(slot), noise, sizeof(noise)));
		TRY(disk_flush(s->disk, super_area(slot)));
	}
	return OK;
}

/* The generation after this one; never one that was used before, seen here or anywhere. */
static uint64_t next_generation(const struct store_report *r, uint64_t seen)
{
	uint64_t newest = MAX(r->newest_seen, seen);

	return newest > r->generation ? newest + 64 : r->generation + 1;
}

static void note_passed(struct store_report *r, const uint8_t hash[SHA256_LEN])
{
	if (r->passed_count < STORE_PASSED_MAX)
		memcpy(r->passed_sha256[r->passed_count++], hash, SHA256_LEN);
}

/* Which states were passed over. Old slots beside newer ones are not in one line with them. */
static void fill_passed(const struct candidates *list, unsigned index, struct store_report *r)
{
	uint8_t hash[SHA256_LEN];

	r->unbroken = true;
	for (unsigned i = 0; i <= index; i++) {
		const struct candidate *c = &list->at[i];

		sha256(list->head[c->slot / FORMAT_SLOTS] + super_offset(c->slot), FORMAT_SLOT_LEN,
		       hash);
		if (i > 0 && !mem_equal(hash, list->at[i - 1].super.previous_sha256, SHA256_LEN)) {
			note_passed(r, list->at[i - 1].super.previous_sha256);
			r->unbroken = false;
		}
		if (i < index)
			note_passed(r, hash);
	}
}

static void fill_report(struct opening *o, unsigned index, struct store_report *r)
{
	const struct super *sb = &o->list->at[index].super;

	r->was_clean = (sb->flags & SUPER_CLEAN) && r->steps_back == 0;
	fill_passed(o->list, index, r);
	r->generation = sb->generation;
	r->newest_seen = o->list->at[0].super.generation;
	r->time = sb->time;
	memcpy(r->session_id, sb->session_id, STORE_ID_LEN);
	memcpy(r->host_vkey, sb->host_vkey, SIGN_VKEY_LEN);
}

static enum err hold_previous(struct store *s, struct opening *o, unsigned index,
			      const struct store_report *r)
{
	for (unsigned i = index + 1; i < o->list->count; i++) {
		const struct candidate *c = &o->list->at[i];

		/* A clean end writes the same state twice: the one before is the one that differs. */
		if (mem_equal(c->super.root.sha256, o->list->at[index].super.root.sha256, SHA256_LEN))
			continue;
		TRY(alloc_hold_room(s->alloc, 1));
		return recover_hold_previous(s->disk, o->sealers[r->door], &c->super,
					     s->alloc);
	}
	return OK;
}

static enum err open_tree(struct store *s, struct opening *o, unsigned index,
			  struct store_report *r)
{
	const struct candidate *c = &o->list->at[index];

	s->super = c->super;
	s->durable = c->super;
	sha256(o->list->head[c->slot / FORMAT_SLOTS] + super_offset(c->slot), FORMAT_SLOT_LEN,
	       s->durable_sha256);
	s->sealer = TAKE(o->sealers[r->door]);
	memcpy(s->super.keyfile_sha256, o->unlock->doors[r->door].keyfile_sha256, SHA256_LEN);
	TRY(tree_new(s->disk, s->sealer, s->alloc, &c->super.root, c->super.depth,
		     next_generation(r, o->unlock->seen_generation), &s->tree));
	alloc_hold_seal(s->alloc, r->generation);
	alloc_durable(s->alloc, r->generation);
	return OK;
}

/* Whether a slot is left that an older epoch than the one in force opens. */
static bool has_older_slot(const struct opening *o, const struct store_report *r)
{
	for (unsigned i = 0; i < o->list->count; i++)
		if (o->list->at[i].super.epoch != o->unlock->doors[r->door].epoch)
			return true;
	for (unsigned slot = 0; slot < 2 * FORMAT_SLOTS; slot++)
		if (sealer_knows_older_slot(o->sealers[r->door],
					    o->list->head[slot / FORMAT_SLOTS] + super_offset(slot)))
			return true;
	return false;
}

static enum err open_state(struct store *s, struct opening *o, struct store_report *r)
{
	struct disk_info info;
	unsigned index = 0;

	TRY(disk_list(s->disk, &info));
	TRY(make_sealers(o));
	o->list = calloc(1, sizeof(*o->list));
	if (!o->list)
		return err_at(ERR_NOMEM, "superblocks");
	TRY(recover_list(s->disk, o->unlock, o->sealers, o->list));
	TRY(door_in_force(o->unlock, &o->list->at[0].super, &r->door));
	TRY(choose_state(s, o, &index, r));
	fill_report(o, index, r);
	r->unsettled = has_older_slot(o, r);
	s->read_only = o->unlock->read_only || info.read_only || r->damaged ||
		       next_generation(r, o->unlock->seen_generation) > FORMAT_GENERATION_LAST;
	if (!s->read_only) {
		TRY(wipe_rejected(s, o->list, index));
		TRY(hold_previous(s, o, index, r));
	}
	TRY(open_tree(s, o, index, r));
	if (!s->read_only)
		TRY(begin_session(s, o->unlock));
	return OK;
}

enum err store_open(struct disk *disk, const struct store_unlock *unlock, struct store **ret,
		    struct store_report *ret_report)
{
	struct opening o = { .unlock = unlock };
	struct store_report report = { 0 };
	struct store *s = NULL;
	enum err err;

	TRY(store_alloc(disk, &s));
	err = open_state(s, &o, &report);
	opening_clear(&o);
	if (err != OK) {
		store_close(s);
		return err;
	}
	*ret = s;
	*ret_report = report;
	return OK;
}

/* ---- facts ---- */

void store_info(struct store *s, struct store_info *ret)
{
	struct alloc_info a;

	memset(ret, 0, sizeof(*ret));
	alloc_info(s->alloc, &a);
	ret->used_blocks = a.used;
	ret->free_blocks = a.free;
	ret->total_blocks = a.owned + a.growable > a.reserve ? a.owned + a.growable - a.reserve : 0;
	pthread_mutex_lock(&s->info_lock);
	ret->generation = s->durable.generation;
	memcpy(ret->super_sha256, s->durable_sha256, SHA256_LEN);
	pthread_mutex_unlock(&s->info_lock);
	memcpy(ret->volume_id, s->super.volume_id, STORE_ID_LEN);
	memcpy(ret->session_id, s->super.session_id, STORE_ID_LEN);
	ret->epoch = sealer_epoch(s->sealer);
	ret->older_blocks = s->older_blocks;
	ret->read_only = s->read_only;
	ret->frozen = (enum err)atomic_load(&s->frozen);
}

void store_user(struct store *s, uint8_t ret[STORE_USER_LEN])
{
	pthread_mutex_lock(&s->info_lock);
	memcpy(ret, s->durable.user, STORE_USER_LEN);
	pthread_mutex_unlock(&s->info_lock);
}

enum err store_fail(struct store *s, enum err why)
{
	int expected = OK;

	(void)atomic_compare_exchange_strong(&s->frozen, &expected, (int)why);
	return why;
}

void store_freeze(struct store *s, enum err why)
{
	if (why == ERR_REMOVED)
		atomic_store(&s->frozen, (int)why); /* explains the errors that came before */
	else
		(void)store_fail(s, why == OK ? ERR_FROZEN : why);
}

enum err store_usable(const struct store *s)
{
	if (s->read_only)
		return err_at(ERR_READ_ONLY, "%s", "");
	if (atomic_load(&s->frozen) != OK)
		return err_at(ERR_FROZEN, "%s", err_message((enum err)atomic_load(&s->frozen)));
	return OK;
}

/* ---- reading ---- */

void store_read_begin(struct store *s)
{
	pthread_rwlock_rdlock(&s->lock);
}

void store_read_end(struct store *s)
{
	pthread_rwlock_unlock(&s->lock);
}

enum err store_find(struct store *s, const struct store_key *key, struct store_view *ret)
{
	return tree_find(s->tree, key, TREE_EXACT, ret);
}

enum err store_find_ge(struct store *s, const struct store_key *key, struct store_view *ret)
{
	return tree_find(s->tree, key, TREE_GE, ret);
}

enum err store_find_le(struct store *s, const struct store_key *key, struct store_view *ret)
{
	return tree_find(s->tree, key, TREE_LE, ret);
}

void store_trim(struct store *s)
{
	if (!tree_over_limit(s->tree))
		return;
	pthread_rwlock_wrlock(&s->lock);
	tree_trim(s->tree);
	pthread_rwlock_unlock(&s->lock);
}

#include "tests/volume/stick.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/secret.h"
#include "store/internal.h"
#include "volume/internal.h"

#define EPOCHS 4096u
#define KEY_SUM (SIM_PAGE - SHA256_LEN)
#define ROUNDS 6u /* of re-sealing, until what found no place is given up */
#define STEP_BLOCKS 64u

static struct secret *epoch_keys[EPOCHS];
static struct sign_key *host;
static const uint8_t volume_id[STORE_ID_LEN] = { 9, 9, 9 };

static enum err key_of(uint32_t epoch, const struct secret **ret)
{
	uint8_t seed[32];

	if (epoch >= EPOCHS)
		return err_at(ERR_TOO_MANY_EPOCHS, "of this test");
	memset(seed, 3, sizeof(seed));
	memcpy(seed, &epoch, sizeof(epoch));
	if (!epoch_keys[epoch])
		TRY(secret_copy(seed, sizeof(seed), &epoch_keys[epoch]));
	*ret = epoch_keys[epoch];
	return OK;
}

void stick_init(void)
{
	if (!host && (crypto_init() != OK || sign_key_random(&host) != OK))
		abort();
}

void stick_done(void)
{
	for (uint32_t e = 0; e < EPOCHS; e++)
		secret_free(TAKE(epoch_keys[e]));
	sign_key_free(TAKE(host));
}

/* ---- KEY files ---- */

static void page_encode(const struct stick_key *key, uint8_t page[SIM_PAGE])
{
	uint64_t state = key->sequence;
	struct writer w = writer_make(page, SIM_PAGE);

	write_bytes(&w, "STICKKEY", 8);
	write_u64(&w, key->sequence);
	write_u32(&w, key->epoch);
	write_u32(&w, key->oldest);
	while (w.left > SHA256_LEN)
		write_u64(&w, sim_random(&state));
	sha256(page, KEY_SUM, page + KEY_SUM);
}

static bool page_decode(const uint8_t page[SIM_PAGE], struct stick_key *ret)
{
	struct reader r = reader_make(page + 8, KEY_SUM - 8);
	uint8_t sum[SHA256_LEN];

	sha256(page, KEY_SUM, sum);
	if (memcmp(page, "STICKKEY", 8) != 0 || memcmp(sum, page + KEY_SUM, sizeof(sum)) != 0)
		return false;
	ret->sequence = read_u64(&r);
	ret->epoch = read_u32(&r);
	ret->oldest = read_u32(&r);
	return true;
}

static void page_hash(const struct stick_key *key, uint8_t ret[SHA256_LEN])
{
	uint8_t page[SIM_PAGE];

	page_encode(key, page);
	sha256(page, sizeof(page), ret);
}

static enum err key_write(struct disk *disk, enum disk_area area, const struct stick_key *key)
{
	uint8_t page[SIM_PAGE];

	page_encode(key, page);
	TRY(disk_write(disk, area, 0, page, sizeof(page)));
	return disk_flush(disk, area);
}

static bool same_key(const struct stick_key *a, const struct stick_key *b)
{
	return a->sequence == b->sequence && a->epoch == b->epoch && a->oldest == b->oldest;
}

static enum err door_of(const struct stick_key *key, struct store_door *ret)
{
	*ret = (struct store_door){ .epoch = key->epoch };
	TRY(key_of(key->epoch, &ret->epoch_key));
	for (uint32_t e = key->oldest; e < key->epoch; e++) {
		struct store_older *o = &ret->older;

		if (o->count == STORE_OLDER_MAX)
			return err_at(ERR_TOO_MANY_EPOCHS, "%u", key->epoch - key->oldest);
		TRY(key_of(e, &o->key[o->count]));
		o->epoch[o->count++] = e;
	}
	page_hash(key, ret->keyfile_sha256);
	return OK;
}

/* The keys found in both places, and where; the same one in both counts once. */
struct found_keys {
	struct stick_key key[2];
	enum disk_area area[2];
	unsigned count;
	bool agree;
};

static enum err find_keys(struct disk *disk, struct found_keys *ret)
{
	uint8_t page[SIM_PAGE];

	memset(ret, 0, sizeof(*ret));
	for (enum disk_area area = DISK_KEY0; area <= DISK_KEY1; area++) {
		TRY(disk_read(disk, area, 0, page, sizeof(page)));
		ret->area[ret->count] = area;
		if (!page_decode(page, &ret->key[ret->count]))
			continue;
		if (ret->count == 1 && same_key(&ret->key[0], &ret->key[1]))
			ret->agree = true;
		else
			ret->count++;
	}
	return ret->count > 0 ? OK : err_at(ERR_FORGED, "no KEY file");
}

unsigned stick_keys(struct sim *sim, struct stick_key ret[2])
{
	CLEANUP(disk_closep) struct disk *disk = sim_disk(sim);
	struct found_keys found;

	if (find_keys(disk, &found) != OK)
		return 0;
	memcpy(ret, found.key, sizeof(found.key));
	if (found.count == 2 && ret[0].sequence < ret[1].sequence) {
		ret[0] = found.key[1];
		ret[1] = found.key[0];
	}
	return found.count;
}

/* ---- opening ---- */

static struct store_unlock unlock_with(const struct store_door *doors, unsigned count, bool read_only)
{
	struct store_unlock unlock = {
		.doors = doors, .door_count = count, .host_key = host, .read_only = read_only
	};

	memcpy(unlock.volume_id, volume_id, sizeof(volume_id));
	return unlock;
}

enum err stick_format(struct sim *sim, unsigned shift)
{
	const struct stick_key first = { .sequence = 1, .epoch = 1, .oldest = 1 };
	CLEANUP(disk_closep) struct disk *disk = sim_disk(sim);
	uint8_t user[STORE_USER_LEN] = { 0 };
	struct store_door door;
	struct store_unlock unlock = unlock_with(&door, 1, false);
	struct store_report report;
	struct store *store;
	enum err err;

	TRY(door_of(&first, &door));
	TRY(key_write(disk, DISK_KEY0, &first));
	TRY(key_write(disk, DISK_KEY1, &first));
	TRY(store_format(disk, &unlock, user));
	TRY(store_open(disk, &unlock, &store, &report));
	err = volume_format_sized(store, "STICK", 1000, 100, shift ? shift : VOLUME_RECORD_SHIFT);
	store_close(store);
	return err;
}

static enum err commit_as_it_is(struct store *store, bool clean)
{
	uint8_t user[STORE_USER_LEN];

	store_user(store, user);
	TRY(store_commit_seal(store, user, clean));
	return store_commit_flush(store);
}

static enum disk_area other_area(const struct stick *s)
{
	return s->key_area == DISK_KEY0 ? DISK_KEY1 : DISK_KEY0;
}

/* As often as access does it around a KEY file, so that lying flushes do not reach across. */
#define COMMITS 5u

static enum err commit_often(struct store *store, bool clean)
{
	for (unsigned i = 1; i < COMMITS; i++)
		TRY(commit_as_it_is(store, false));
	return commit_as_it_is(store, clean);
}

/* What a crash between the steps of a new KEY file has left. */
static enum err settle(struct stick *s)
{
	if (s->report.unsettled)
		TRY(store_settle(s->store));
	if (s->keys_agree)
		return OK;
	TRY(commit_often(s->store, true));
	TRY(key_write(s->disk, other_area(s), &s->key));
	s->keys_agree = true;
	return OK;
}

static enum err open_store(struct stick *s, bool read_only)
{
	struct store_door doors[2];
	struct store_unlock unlock = unlock_with(doors, 0, read_only);
	struct found_keys found;

	TRY(find_keys(s->disk, &found));
	for (; unlock.door_count < found.count; unlock.door_count++)
		TRY(door_of(&found.key[unlock.door_count], &doors[unlock.door_count]));
	TRY(store_open(s->disk, &unlock, &s->store, &s->report));
	s->key = found.key[s->report.door];
	s->key_area = found.area[s->report.door];
	s->keys_agree = found.agree;
	return OK;
}

enum err stick_open(struct stick *s, struct sim *sim, bool read_only)
{
	enum err err;

	memset(s, 0, sizeof(*s));
	s->sim = sim;
	s->disk = sim_disk(sim);
	err = open_store(s, read_only);
	if (err == OK && !read_only)
		err = settle(s);
	if (err == OK)
		err = volume_open(s->store, &s->volume);
	if (err != OK) {
		store_close(s->store);
		disk_close(s->disk);
		memset(s, 0, sizeof(*s));
	}
	return err;
}

uint64_t stick_generation(const struct stick *s)
{
	struct store_info info;

	store_info(s->store, &info);
	return info.generation;
}

static enum err end(struct stick *s)
{
	enum err err = volume_close(s->volume);

	store_close(s->store);
	disk_close(s->disk);
	memset(s, 0, sizeof(*s));
	return err;
}

enum err stick_close(struct stick *s)
{
	return end(s);
}

void stick_kill(struct stick *s)
{
	if (!s->volume)
		return;
	volume_freeze(s->volume, ERR_REMOVED);
	if (end(s) != OK)
		err_clear(); /* what was not committed is lost, as it was to be */
}

/* ---- epochs ---- */

/* The new KEY file is in force; the old one goes. */
static enum err take_key(struct stick *s, const struct stick_key *next)
{
	enum disk_area old = s->key_area;

	s->key_area = other_area(s);
	s->key = *next;
	s->keys_agree = false;
	TRY(key_write(s->disk, old, next));
	s->keys_agree = true;
	return OK;
}

static enum err rekey_still(void *ctx)
{
	struct stick *s = ctx;
	struct stick_key next = { .sequence = s->key.sequence + 1,
				  .epoch = s->key.epoch + 1,
				  .oldest = s->key.oldest };
	struct store_door door;

	if (next.epoch - next.oldest > STORE_OLDER_MAX)
		return err_at(ERR_TOO_MANY_EPOCHS, "%u", STORE_OLDER_MAX + 1);
	TRY(door_of(&next, &door));
	TRY(key_write(s->disk, other_area(s), &next));
	s->epoch_after = stick_generation(s);
	TRY(store_rekey(s->store, &door));
	return take_key(s, &next);
}

static enum err end_still(void *ctx)
{
	struct stick *s = ctx;
	struct stick_key next = { .sequence = s->key.sequence + 1,
				  .epoch = s->key.epoch,
				  .oldest = s->key.epoch };
	uint8_t sum[SHA256_LEN];

	TRY(store_end_older_epochs(s->store));
	TRY(key_write(s->disk, other_area(s), &next));
	page_hash(&next, sum);
	/* The file is there before a state names it, and the state before the old file goes. */
	TRY(commit_often(s->store, false));
	store_set_keyfile(s->store, sum);
	TRY(commit_often(s->store, false));
	return take_key(s, &next);
}

static enum err purge_still(void *ctx)
{
	struct stick *s = ctx;

	return store_purge(s->store, NULL, NULL);
}

enum err stick_rekey(struct stick *s)
{
	return volume_quiet(s->volume, rekey_still, s);
}

enum err stick_purge(struct stick *s)
{
	return volume_quiet(s->volume, purge_still, s);
}

enum err stick_reseal(struct stick *s, unsigned steps, uint64_t blocks, struct store_reseal *at,
		      bool *ret_more)
{
	*ret_more = true;
	for (unsigned i = 0; i < steps && *ret_more; i++)
		TRY(volume_reseal_step(s->volume, blocks, at, ret_more));
	return OK;
}

static enum err reseal_all(struct stick *s)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct store_reseal at = { 0 };
		bool more;

		if (store_oldest_epoch(s->store) == s->key.epoch)
			return OK;
		TRY(stick_reseal(s, UINT32_MAX, STEP_BLOCKS, &at, &more));
		TRY(volume_commit_now(s->volume));
	}
	return err_at(ERR_DAMAGED, "epoch %u is still in use", store_oldest_epoch(s->store));
}

enum err stick_end_older(struct stick *s)
{
	if (s->key.oldest == s->key.epoch)
		return OK;
	TRY(reseal_all(s));
	return volume_quiet(s->volume, end_still, s);
}

/* ---- what somebody with older keys sees ---- */

enum err stick_try(struct sim *sim, const struct stick_key *key)
{
	CLEANUP(disk_closep) struct disk *disk = sim_disk(sim);
	struct store_door door;
	struct store_unlock unlock = unlock_with(&door, 1, true);
	struct store_report report;
	struct store *store;

	TRY(door_of(key, &door));
	TRY(store_open(disk, &unlock, &store, &report));
	store_close(store);
	return OK;
}

uint64_t stick_newest_birth(struct sim *sim, uint32_t epoch)
{
	CLEANUP(sealer_freep) struct sealer *sealer = NULL;
	const uint8_t *never = sim_page(sim, DISK_DATA, UINT64_MAX);
	struct stick_key key = { .epoch = epoch,
				 .oldest = epoch > STORE_OLDER_MAX ? epoch - STORE_OLDER_MAX : 1 };
	static uint8_t node[FORMAT_NODE_LEN], page[FORMAT_PAGE_LEN];
	struct store_door door;
	uint64_t newest = 0;
	struct ref ref;

	if (door_of(&key, &door) != OK || sealer_new(volume_id, &sealer) != OK ||
	    sealer_add_door(sealer, &door) != OK)
		abort();
	for (uint64_t at = 0; at + FORMAT_NODE_BLOCKS <= sim_blocks(sim); at++) {
		if (sim_page(sim, DISK_DATA, at) == never)
			continue;
		for (unsigned i = 0; i < FORMAT_NODE_BLOCKS; i++)
			memcpy(node + i * SIM_PAGE, sim_page(sim, DISK_DATA, at + i), SIM_PAGE);
		if (sealer_find_node(sealer, at, node, page, &ref) == OK)
			newest = MAX(newest, ref.birth);
	}
	return newest;
}

uint64_t stick_records_before(struct stick *s, uint32_t epoch, uint64_t generation)
{
	struct store_key key = { 0 };
	struct store_view view;
	uint64_t count = 0;

	store_read_begin(s->store);
	while (store_find_ge(s->store, &key, &view) == OK) {
		if (view.has_record && view.record.birth > generation && view.record.epoch < epoch)
			count++;
		key = view.key;
		if (++key.offset == 0 && ++key.kind == 0)
			key.object++;
	}
	store_read_end(s->store);
	return count;
}

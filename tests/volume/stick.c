#include "tests/volume/stick.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/secret.h"
#include "volume/internal.h"

static struct secret *epoch_key;
static struct sign_key *host;
static struct store_door door;
static struct store_unlock unlock_all;

void stick_init(void)
{
	uint8_t seed[32];

	memset(seed, 3, sizeof(seed));
	if (epoch_key)
		return;
	if (crypto_init() != OK || secret_copy(seed, sizeof(seed), &epoch_key) != OK ||
	    sign_key_random(&host) != OK)
		abort();
	door = (struct store_door){ .epoch = 1, .epoch_key = epoch_key };
	memset(door.keyfile_sha256, 7, SHA256_LEN);
	unlock_all = (struct store_unlock){ .doors = &door, .door_count = 1, .host_key = host };
	memset(unlock_all.volume_id, 9, STORE_ID_LEN);
}

void stick_done(void)
{
	secret_free(TAKE(epoch_key));
	sign_key_free(TAKE(host));
}

enum err stick_format(struct sim *sim, unsigned shift)
{
	CLEANUP(disk_closep) struct disk *disk = sim_disk(sim);
	uint8_t user[STORE_USER_LEN] = { 0 };
	struct store_report report;
	struct store *store;
	enum err err;

	TRY(store_format(disk, &unlock_all, user));
	TRY(store_open(disk, &unlock_all, &store, &report));
	err = volume_format_sized(store, "STICK", 1000, 100, shift ? shift : VOLUME_RECORD_SHIFT);
	store_close(store);
	return err;
}

enum err stick_open(struct stick *s, struct sim *sim, bool read_only)
{
	struct store_unlock unlock = unlock_all;
	enum err err;

	memset(s, 0, sizeof(*s));
	s->sim = sim;
	s->disk = sim_disk(sim);
	unlock.read_only = read_only;
	err = store_open(s->disk, &unlock, &s->store, &s->report);
	if (err == OK)
		err = volume_open(s->store, &s->volume);
	if (err != OK) {
		store_close(s->store);
		disk_close(s->disk);
		memset(s, 0, sizeof(*s));
	}
	return err;
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

uint64_t stick_generation(const struct stick *s)
{
	struct store_info info;

	store_info(s->store, &info);
	return info.generation;
}

#include "audit/period.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"

#define PLACES 2u

struct period_keys {
	int fd;
	char *path;
	struct sign_key *place[PLACES]; /* NULL: empty */
};

void period_keys_close(struct period_keys *k)
{
	if (!k)
		return;
	for (unsigned i = 0; i < PLACES; i++)
		sign_key_free(k->place[i]);
	if (k->fd >= 0)
		close(k->fd);
	free(k->path);
	free(k);
}

static enum err read_place(struct period_keys *k, unsigned i)
{
	static const uint8_t empty[SIGN_SEED_LEN];
	CLEANUP(secret_freep) struct secret *seed = NULL;

	TRY(secret_new(SIGN_SEED_LEN, &seed));
	TRY(io_pread_full(k->fd, secret_edit(seed), SIGN_SEED_LEN, (off_t)i * SIGN_SEED_LEN));
	if (mem_equal(secret_data(seed), empty, SIGN_SEED_LEN))
		return OK;
	return sign_key_new(secret_data(seed), &k->place[i]);
}

static enum err read_places(struct period_keys *k)
{
	struct stat st;

	if (fstat(k->fd, &st) < 0)
		return err_from_errno("%s", k->path);
	if (!S_ISREG(st.st_mode))
		return err_at(ERR_IO, "%s: not a plain file", k->path);
	if (st.st_size == 0)
		return io_sync_dir_of(k->path);
	for (unsigned i = 0; i < PLACES; i++) {
		enum err err = read_place(k, i);

		if (err != OK && err != ERR_TRUNCATED)
			return err;
	}
	return OK;
}

enum err period_keys_open(const char *path, struct period_keys **ret)
{
	CLEANUP(period_keys_closep) struct period_keys *k = calloc(1, sizeof(*k));

	if (!k)
		return err_at(ERR_NOMEM, "log");
	k->path = strdup(path);
	k->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!k->path)
		return err_at(ERR_NOMEM, "log");
	if (k->fd < 0)
		return err_from_errno("%s", path);
	TRY(read_places(k));
	*ret = TAKE(k);
	return OK;
}

const struct sign_key *period_keys_find(const struct period_keys *k, const uint8_t fpr[KEY_FPR_LEN])
{
	uint8_t own[KEY_FPR_LEN];

	for (unsigned i = 0; i < PLACES; i++) {
		if (!k->place[i])
			continue;
		key_fpr(sign_key_vkey(k->place[i]), own);
		if (memcmp(own, fpr, KEY_FPR_LEN) == 0)
			return k->place[i];
	}
	return NULL;
}

static enum err write_place(struct period_keys *k, unsigned i, const uint8_t seed[SIGN_SEED_LEN])
{
	TRY(io_pwrite_full(k->fd, seed, SIGN_SEED_LEN, (off_t)i * SIGN_SEED_LEN));
	return fdatasync(k->fd) == 0 ? OK : err_from_errno("%s", k->path);
}

enum err period_keys_draw(struct period_keys *k, const struct sign_key *keep,
			  const struct sign_key **ret)
{
	unsigned i = keep && keep == k->place[0] ? 1 : 0;
	struct sign_key *fresh = NULL;
	enum err err;

	TRY(sign_key_random(&fresh));
	err = write_place(k, i, sign_key_seed(fresh));
	if (err != OK) {
		sign_key_free(fresh);
		return err;
	}
	sign_key_free(k->place[i]);
	k->place[i] = fresh;
	*ret = fresh;
	return OK;
}

enum err period_keys_destroy_others(struct period_keys *k, const struct sign_key *keep)
{
	static const uint8_t empty[SIGN_SEED_LEN];

	for (unsigned i = 0; i < PLACES; i++) {
		if (!k->place[i] || k->place[i] == keep)
			continue;
		TRY(write_place(k, i, empty));
		sign_key_free(TAKE(k->place[i]));
	}
	return OK;
}

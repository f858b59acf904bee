#include "fuse/reseal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "fuse/session.h"

#define STEP_BLOCKS 256u /* 1 MiB */
#define SMALL_STEP_BLOCKS 64u
#define QUICK_MS 10   /* a step that takes no longer keeps nobody waiting */
#define IN_USE_MS 500 /* since the last request */
#define PAUSE_MAX_MS 200
#define NO_SPACE_MS 10000
#define NICE 10

struct resealing {
	struct vault *vault;
	const struct serving *serving;
	int session;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* guarded by lock */
};

/* False: it is to stop. */
static bool wait_ms(struct resealing *r, long ms)
{
	struct timespec until;
	int status = 0;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&r->lock);
	while (!r->stop && ms > 0 && status == 0)
		status = pthread_cond_timedwait(&r->wake, &r->lock, &until);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return !stop;
}

static bool in_use(const struct resealing *r)
{
	return clock_monotonic_ms() - atomic_load(&r->serving->used_ms) < IN_USE_MS;
}

static void tell_progress(const struct resealing *r)
{
	struct store_info info;

	store_info(vault_store(r->vault), &info);
	if (info.used_blocks > 0)
		session_tell_resealed(r->session,
				      100 - (int)(MIN(info.older_blocks, info.used_blocks) * 100 /
						  info.used_blocks));
}

static bool is_done(const struct resealing *r)
{
	struct store_info info;

	store_info(vault_store(r->vault), &info);
	return store_oldest_epoch(vault_store(r->vault)) == info.epoch;
}

/* From one end of the vault to the other. */
static enum err reseal_round(struct resealing *r, struct store_reseal *at)
{
	bool more = true;
	int64_t took = 0;

	while (more) {
		bool busy = in_use(r);
		int64_t begun;
		enum err err;

		/* Beside somebody at work, where the medium is slow: small steps, and a pause after
		 * each, the longer the longer it took. */
		if (!wait_ms(r, busy ? (long)MIN(took / 4, PAUSE_MAX_MS) : 0))
			return ERR_INTERRUPTED;
		begun = clock_monotonic_ms();
		at->pair = !busy;
		err = volume_reseal_step(vault_volume(r->vault),
					 busy && took > QUICK_MS ? SMALL_STEP_BLOCKS : STEP_BLOCKS,
					 at, &more);
		took = clock_monotonic_ms() - begun;
		if (err == ERR_NO_SPACE) {
			more = true;
			if (!wait_ms(r, NO_SPACE_MS))
				return ERR_INTERRUPTED;
			continue;
		}
		TRY(err);
		tell_progress(r);
	}
	return volume_sync(vault_volume(r->vault));
}

/* What could not be read or placed may be so the second time. */
static enum err reseal_all(struct resealing *r)
{
	unsigned skipped = 0;

	while (!is_done(r)) {
		struct store_reseal at = {0};

		TRY(reseal_round(r, &at));
		skipped += at.skipped;
		if (skipped == 2 && !is_done(r))
			return ERR_DAMAGED;
	}
	return OK;
}

/* An error ends it until the next mount. One of the medium is met by everybody else too, and told
 * by them; a damaged file is told to who reads it, and by a check. */
static void *run(void *ctx)
{
	struct resealing *r = ctx;
	enum err err;

	if (setpriority(PRIO_PROCESS, 0, NICE) != 0)
		err_clear();
	tell_progress(r);
	err = reseal_all(r);
	if (err == OK)
		err = vault_end_epochs(r->vault);
	if (err == OK)
		session_tell_resealed(r->session, -1);
	err_clear();
	return NULL;
}

static void resealing_free(struct resealing *r)
{
	pthread_cond_destroy(&r->wake);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

enum err resealing_start(struct vault *v, const struct serving *serving, int session,
			 struct resealing **ret)
{
	struct resealing *r;
	pthread_condattr_t attr;
	int status;

	*ret = NULL;
	if (vault_facts(v)->read_only || !vault_has_older_keys(v))
		return OK;
	r = calloc(1, sizeof(*r));
	if (!r)
		return err_at(ERR_NOMEM, "re-sealing");
	*r = (struct resealing){.vault = v, .serving = serving, .session = session};
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&r->wake, &attr);
	pthread_condattr_destroy(&attr);
	status = pthread_create(&r->thread, NULL, run, r);
	if (status != 0) {
		resealing_free(r);
		errno = status;
		return err_from_errno("thread");
	}
	*ret = r;
	return OK;
}

void resealing_stop(struct resealing *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->wake);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->thread, NULL);
	resealing_free(r);
}

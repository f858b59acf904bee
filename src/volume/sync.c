/* Commits: one at a time, shared by all who wait, and the thread that makes them by itself. */
#include "volume/internal.h"

#include <string.h>
#include "base/clock.h"

/* The promise is two seconds after the last change; a commit itself may take one. */
#define COMMIT_AFTER_MS 1000
#define RETRY_AFTER_MS 1000

void commits_init(struct commits *c)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->done_cond, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
}

void commits_clear(struct commits *c)
{
	pthread_cond_destroy(&c->wake);
	pthread_cond_destroy(&c->done_cond);
	pthread_mutex_destroy(&c->lock);
}

void commits_note_change(struct volume *v)
{
	if (atomic_exchange(&v->changed, true))
		return;
	pthread_mutex_lock(&v->commits.lock);
	pthread_cond_signal(&v->commits.wake);
	pthread_mutex_unlock(&v->commits.lock);
}

void commits_hurry(struct volume *v)
{
	pthread_mutex_lock(&v->commits.lock);
	if (!v->commits.hurry) {
		v->commits.hurry = true;
		pthread_cond_signal(&v->commits.wake);
	}
	pthread_mutex_unlock(&v->commits.lock);
}

/* ---- one commit ---- */

static void user_encode(struct volume *v, uint8_t out[STORE_USER_LEN])
{
	struct writer w = writer_make(out, STORE_USER_LEN);

	write_u64(&w, v->next_ino);
	write_u64(&w, v->files);
	write_u64(&w, v->bytes);
	write_zeroes(&w, w.left);
}

/* No operation is under way: memory goes to the tree, the tree becomes a state. */
static enum err commit_seal(struct volume *v, bool clean)
{
	uint8_t user[STORE_USER_LEN];
	bool changed;
	enum err err;

	fund_spend(v);
	err = volume_flush_all(v);
	fund_fill(v);
	TRY(err);
	user_encode(v, user);
	changed = atomic_exchange(&v->changed, false);
	err = store_commit_seal(v->store, user, clean);
	if (err != OK) {
		if (changed)
			v->changed = true;
		return err;
	}
	v->tree_changes = 0;
	pthread_mutex_lock(&v->commits.lock);
	v->commits.hurry = false;
	if (changed)
		v->commits.unripe = 2;
	else if (v->commits.unripe > 0)
		v->commits.unripe--;
	pthread_mutex_unlock(&v->commits.lock);
	return OK;
}

/* What was sealed but could not be made durable is still to be told to every later sync and close.
 */
static enum err commit_flush(struct volume *v)
{
	enum err err = store_commit_flush(v->store);

	if (err != OK)
		v->changed = true;
	return err;
}

enum err volume_commit(struct volume *v, bool clean)
{
	enum err err;

	TRY(volume_writable(v));
	pool_flush_most(v);
	pthread_rwlock_wrlock(&v->ops);
	err = commit_seal(v, clean);
	pthread_rwlock_unlock(&v->ops);
	if (err == OK)
		err = commit_flush(v);
	volume_note_error(v, err);
	return err;
}

/* ---- sharing it ---- */

/* A turn: the caller holds commits.lock, and nobody is committing. */
static uint64_t turn_take(struct commits *c)
{
	c->runner = pthread_self();
	return ++c->started;
}

static void turn_end(struct commits *c, uint64_t number, enum err err)
{
	c->done = number;
	if (err == OK)
		c->good = number;
	else
		c->err = err;
	pthread_cond_broadcast(&c->done_cond);
}

static void commit_run(struct volume *v)
{
	struct commits *c = &v->commits;
	uint64_t number = turn_take(c);
	enum err err;

	pthread_mutex_unlock(&c->lock);
	err = volume_commit(v, false);
	pthread_mutex_lock(&c->lock);
	turn_end(c, number, err);
}

/* The caller holds commits.lock. Waits until commit `number` is over, making it if nobody does. */
static enum err commit_wait(struct volume *v, uint64_t number)
{
	struct commits *c = &v->commits;

	while (c->done < number) {
		if (c->started > c->done)
			pthread_cond_wait(&c->done_cond, &c->lock);
		else
			commit_run(v);
	}
	return c->good >= number ? OK : c->err;
}

/* A commit that is already sealing may have missed the caller's change; one that is only being
 * flushed has all of it when nothing changed since its seal. */
enum err volume_sync(struct volume *v)
{
	struct commits *c = &v->commits;
	enum err err = OK;

	pthread_mutex_lock(&c->lock);
	if (v->changed)
		err = commit_wait(v, c->started + 1);
	else if (c->started > c->done)
		err = commit_wait(v, c->started);
	pthread_mutex_unlock(&c->lock);
	return err;
}

enum err volume_commit_now(struct volume *v)
{
	enum err err;

	pthread_mutex_lock(&v->commits.lock);
	err = commit_wait(v, v->commits.started + 1);
	pthread_mutex_unlock(&v->commits.lock);
	return err;
}

static enum err hold_committed(struct volume *v)
{
	/* What was put before the volume was opened is no change of it, and yet not committed. */
	if (volume_writable(v) != OK || (!v->changed && !store_is_dirty(v->store)))
		return OK;
	TRY(commit_seal(v, false));
	return commit_flush(v);
}

enum err volume_hold_still(struct volume *v)
{
	struct commits *c = &v->commits;
	enum err err;

	pthread_mutex_lock(&c->lock);
	while (c->started > c->done)
		pthread_cond_wait(&c->done_cond, &c->lock);
	turn_take(c);
	pthread_mutex_unlock(&c->lock);
	pthread_rwlock_wrlock(&v->ops);
	err = hold_committed(v);
	volume_note_error(v, err);
	if (err != OK)
		volume_let_go(v);
	return err;
}

void volume_let_go(struct volume *v)
{
	struct commits *c = &v->commits;
	enum err err = OK;

	/* Before operations may change something again, which is not this turn's affair. */
	if (v->frozen != OK)
		err = ERR_FROZEN;
	else if (v->changed)
		err = ERR_NOMEM;
	pthread_rwlock_unlock(&v->ops);
	pthread_mutex_lock(&c->lock);
	turn_end(c, c->started, err);
	pthread_mutex_unlock(&c->lock);
}

/* ---- the committer ---- */

static struct timespec after_ms(int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

/* The caller holds commits.lock. */
static void committer_sleep(struct commits *c, int64_t ms, bool may_hurry)
{
	struct timespec until = after_ms(ms);
	int rc = 0;

	while (rc == 0 && !c->stop && !(may_hurry && c->hurry))
		rc = pthread_cond_timedwait(&c->wake, &c->lock, &until);
}

static enum err committer_once(struct volume *v)
{
	struct commits *c = &v->commits;
	enum err err;

	while (!c->stop && (!v->changed || v->frozen != OK))
		pthread_cond_wait(&c->wake, &c->lock);
	committer_sleep(c, COMMIT_AFTER_MS, true);
	if (c->stop || !v->changed)
		return OK;
	err = commit_wait(v, c->started + 1);
	if (err != OK)
		committer_sleep(c, RETRY_AFTER_MS, false);
	return err;
}

static void *committer_run(void *arg)
{
	struct volume *v = arg;
	struct commits *c = &v->commits;

	pthread_mutex_lock(&c->lock);
	while (!c->stop) {
		enum err err = committer_once(v);

		if (err == OK || !c->tell)
			continue;
		pthread_mutex_unlock(&c->lock);
		c->tell(c->tell_ctx, err);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

enum err volume_start_committer(struct volume *v, void (*tell)(void *ctx, enum err err), void *ctx)
{
	struct commits *c = &v->commits;

	if (v->read_only || c->has_thread)
		return OK;
	c->tell = tell;
	c->tell_ctx = ctx;
	if (pthread_create(&c->thread, NULL, committer_run, v) != 0)
		return err_errno_at(ERR_SYSTEM, "starting the committer");
	c->has_thread = true;
	return OK;
}

void committer_stop(struct volume *v)
{
	struct commits *c = &v->commits;

	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	if (c->has_thread)
		pthread_join(c->thread, NULL);
	c->has_thread = false;
}

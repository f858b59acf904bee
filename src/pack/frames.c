#include "pack/frames.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "base/cursor.h"

#define THREADS_MAX 16u
#define JOBS_MAX (2 * THREADS_MAX + 2)
#define STORE_BLOCK 131072u /* RFC 8878: the longest block */
#define STORE_HEAD 9u	    /* magic, descriptor, length */

enum job_state { JOB_FREE, JOB_QUEUED, JOB_RUNNING, JOB_DONE };

struct job {
	enum job_state state;
	uint8_t *plain, *sealed;
	size_t plain_len, sealed_len;
	enum err err;
};

/* A ring: jobs[tail] is the oldest that was not handed on, jobs[head] the one being filled. */
struct frames {
	struct age_sink into;
	int level;
	size_t sealed_cap;
	struct job jobs[JOBS_MAX];
	unsigned job_count;
	uint64_t head, tail, taken_by_workers;
	struct frame_size *sizes;
	size_t size_count, size_cap;
	uint64_t taken;
	enum err failed;

	pthread_mutex_t lock; /* guards states, taken_by_workers and stop */
	pthread_cond_t work, done;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
	bool stop;
};

/* ---- one frame ---- */

static size_t store_bound(size_t len)
{
	return STORE_HEAD + len + 3 * (len / STORE_BLOCK + 1);
}

/* Blocks as they are: a frame of one segment with a length of four bytes. */
static size_t store_frame(const uint8_t *plain, size_t len, uint8_t *out)
{
	size_t at = 0;
	struct writer w = writer_make(out, store_bound(len));

	write_u32(&w, 0xFD2FB528u);
	write_u8(&w, 0xA0);
	write_u32(&w, (uint32_t)len);
	do {
		size_t part = MIN(len - at, STORE_BLOCK);
		uint32_t head = (uint32_t)part << 3 | (at + part == len);

		write_u16(&w, (uint16_t)head);
		write_u8(&w, (uint8_t)(head >> 16));
		write_bytes(&w, plain + at, part);
		at += part;
	} while (at < len);
	return store_bound(len) - w.left;
}

static enum err compress(ZSTD_CCtx *z, const struct frames *f, struct job *j)
{
	size_t len;

	if (!z) {
		j->sealed_len = store_frame(j->plain, j->plain_len, j->sealed);
		return OK;
	}
	len = ZSTD_compress2(z, j->sealed, f->sealed_cap, j->plain, j->plain_len);
	if (ZSTD_isError(len))
		return err_at(ERR_NOMEM, "compressing");
	j->sealed_len = len;
	return OK;
}

/* ---- the threads ---- */

static struct job *wait_for_work(struct frames *f)
{
	struct job *j;

	while (!f->stop && f->jobs[f->taken_by_workers % f->job_count].state != JOB_QUEUED)
		pthread_cond_wait(&f->work, &f->lock);
	if (f->stop)
		return NULL;
	j = &f->jobs[f->taken_by_workers++ % f->job_count];
	j->state = JOB_RUNNING;
	return j;
}

static ZSTD_CCtx *new_context(const struct frames *f)
{
	ZSTD_CCtx *z = ZSTD_createCCtx();

	if (z && ZSTD_isError(ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, f->level))) {
		ZSTD_freeCCtx(z);
		return NULL;
	}
	return z;
}

static void *worker_run(void *arg)
{
	struct frames *f = arg;
	ZSTD_CCtx *z = f->level > 0 ? new_context(f) : NULL;
	struct job *j;

	pthread_mutex_lock(&f->lock);
	while ((j = wait_for_work(f))) {
		pthread_mutex_unlock(&f->lock);
		j->err = f->level > 0 && !z ? ERR_NOMEM : compress(z, f, j);
		pthread_mutex_lock(&f->lock);
		j->state = JOB_DONE;
		pthread_cond_signal(&f->done);
	}
	pthread_mutex_unlock(&f->lock);
	ZSTD_freeCCtx(z);
	return NULL;
}

static unsigned choose_threads(unsigned asked)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (asked == 0)
		asked = cores > 0 ? (unsigned)cores : 1;
	return MIN(asked, THREADS_MAX);
}

static enum err start(struct frames *f, unsigned threads)
{
	while (f->thread_count < threads) {
		if (pthread_create(&f->threads[f->thread_count], NULL, worker_run, f) != 0)
			break;
		f->thread_count++;
	}
	return f->thread_count > 0 ? OK : err_at(ERR_SYSTEM, "starting a thread");
}

enum err frames_new(int level, unsigned threads, struct age_sink into, struct frames **ret)
{
	CLEANUP(frames_freep) struct frames *f = NULL;

	if (level < 0 || level > FRAMES_LEVEL_MAX)
		return err_at(ERR_INVALID, "level %d", level);
	f = calloc(1, sizeof(*f));
	if (!f)
		return err_at(ERR_NOMEM, "frames");
	f->into = into;
	f->level = level;
	f->sealed_cap = MAX(ZSTD_compressBound(FRAMES_PLAIN), store_bound(FRAMES_PLAIN));
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->done, NULL);
	threads = choose_threads(threads);
	f->job_count = 2 * threads + 2;
	for (unsigned i = 0; i < f->job_count; i++) {
		f->jobs[i].plain = malloc(FRAMES_PLAIN);
		f->jobs[i].sealed = malloc(f->sealed_cap);
		if (!f->jobs[i].plain || !f->jobs[i].sealed)
			return err_at(ERR_NOMEM, "frames");
	}
	TRY(start(f, threads));
	*ret = TAKE(f);
	return OK;
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->thread_count; i++)
		pthread_join(f->threads[i], NULL);
	for (unsigned i = 0; i < f->job_count; i++) {
		free(f->jobs[i].plain);
		free(f->jobs[i].sealed);
	}
	pthread_cond_destroy(&f->done);
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->lock);
	free(f->sizes);
	free(f);
}

/* ---- putting and handing on ---- */

static enum err note_size(struct frames *f, const struct job *j)
{
	if (f->size_count == f->size_cap) {
		size_t cap = f->size_cap ? f->size_cap * 2 : 64;
		struct frame_size *grown = realloc(f->sizes, cap * sizeof(*grown));

		if (!grown)
			return err_at(ERR_NOMEM, "frames");
		f->sizes = grown;
		f->size_cap = cap;
	}
	f->sizes[f->size_count++] =
		(struct frame_size){(uint32_t)j->sealed_len, (uint32_t)j->plain_len};
	return OK;
}

static bool oldest_is_done(struct frames *f, bool wait)
{
	struct job *j = &f->jobs[f->tail % f->job_count];
	bool done;

	pthread_mutex_lock(&f->lock);
	while (wait && j->state != JOB_DONE)
		pthread_cond_wait(&f->done, &f->lock);
	done = j->state == JOB_DONE;
	pthread_mutex_unlock(&f->lock);
	return done;
}

static enum err hand_on_oldest(struct frames *f)
{
	struct job *j = &f->jobs[f->tail % f->job_count];

	TRY(j->err);
	TRY(note_size(f, j));
	TRY(f->into.write(f->into.ctx, j->sealed, j->sealed_len));
	j->plain_len = 0;
	pthread_mutex_lock(&f->lock);
	j->state = JOB_FREE;
	pthread_mutex_unlock(&f->lock);
	f->tail++;
	return OK;
}

/* What is ready goes on; with `all` the rest is waited for. */
static enum err hand_on(struct frames *f, bool all)
{
	while (f->tail < f->head && oldest_is_done(f, all))
		TRY(hand_on_oldest(f));
	return OK;
}

static enum err queue(struct frames *f)
{
	struct job *j = &f->jobs[f->head % f->job_count];

	pthread_mutex_lock(&f->lock);
	j->state = JOB_QUEUED;
	pthread_cond_signal(&f->work);
	pthread_mutex_unlock(&f->lock);
	f->head++;
	TRY(hand_on(f, false));
	/* A place for the next one. */
	while (f->head - f->tail == f->job_count) {
		(void)oldest_is_done(f, true);
		TRY(hand_on_oldest(f));
	}
	return OK;
}

static enum err put(struct frames *f, const uint8_t *from, size_t len)
{
	while (len > 0) {
		struct job *j = &f->jobs[f->head % f->job_count];
		size_t part = MIN(len, FRAMES_PLAIN - j->plain_len);

		memcpy(j->plain + j->plain_len, from, part);
		j->plain_len += part;
		f->taken += part;
		from += part;
		len -= part;
		if (j->plain_len == FRAMES_PLAIN)
			TRY(queue(f));
	}
	return OK;
}

enum err frames_put(struct frames *f, const void *data, size_t len)
{
	TRY(f->failed);
	return f->failed = put(f, data, len);
}

enum err frames_cut(struct frames *f)
{
	TRY(f->failed);
	if (f->jobs[f->head % f->job_count].plain_len > 0)
		f->failed = queue(f);
	return f->failed;
}

enum err frames_finish(struct frames *f)
{
	TRY(frames_cut(f));
	f->failed = hand_on(f, true);
	TRY(f->failed);
	f->failed = ERR_INTERNAL;
	return OK;
}

uint64_t frames_taken(const struct frames *f)
{
	return f->taken;
}

const struct frame_size *frames_sizes(const struct frames *f, size_t *ret_count)
{
	*ret_count = f->size_count;
	return f->sizes;
}

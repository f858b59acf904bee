#include "pack/frames.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>
#include "base/cursor.h"
#include "base/text.h"

#define THREADS_MAX 16u
#define JOBS_MAX (THREADS_MAX + 3)
#define MEMORY ((size_t)88 << 20) /* for all frames under way and what compressing them takes */
#define STORE_BLOCK 131072u	  /* RFC 8878: the longest block */
#define STORE_HEAD 9u		  /* magic, descriptor, length */

enum job_state { JOB_FREE, JOB_QUEUED, JOB_RUNNING, JOB_DONE };

/* Free: of the thread that puts. Running: of a worker. Done: of the thread that hands on. */
struct job {
	enum job_state state;
	uint8_t *plain; /* NULL when stored: then they lie in their places in `sealed` */
	uint8_t *sealed;
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
	uint64_t taken;
	enum err over; /* what every later call gives: an error, or that it was finished */
	struct frame_size *sizes; /* of the thread that hands on, until that is finished */
	size_t size_count, size_cap;

	pthread_mutex_t lock; /* guards states and all below */
	pthread_cond_t work, done, room;
	uint64_t head, claimed, tail;
	bool stop;
	enum err failed; /* while handing on */
	char detail[512];

	pthread_t workers[THREADS_MAX], hander;
	unsigned worker_count;
	bool has_hander;
};

/* ---- one frame ---- */

static size_t store_bound(size_t len)
{
	return STORE_HEAD + len + 3 * (len / STORE_BLOCK + 1);
}

/* Where byte `at` of a stored frame lies: the bytes are put there at once, so that storing is only
 * writing the heads between them. */
static size_t store_place(size_t at)
{
	return STORE_HEAD + at + 3 * (at / STORE_BLOCK + 1);
}

/* Blocks as they are: a frame of one segment with a length of four bytes. */
static void store_heads(struct job *j)
{
	struct writer w = writer_make(j->sealed, STORE_HEAD);
	size_t at = 0;

	write_u32(&w, 0xFD2FB528u);
	write_u8(&w, 0xA0);
	write_u32(&w, (uint32_t)j->plain_len);
	do {
		size_t part = MIN(j->plain_len - at, STORE_BLOCK);
		uint32_t head = (uint32_t)part << 3 | (at + part == j->plain_len);

		w = writer_make(j->sealed + store_place(at) - 3, 3);
		write_u16(&w, (uint16_t)head);
		write_u8(&w, (uint8_t)(head >> 16));
		at += part;
	} while (at < j->plain_len);
	j->sealed_len = store_place(at - 1) + 1;
}

static enum err compress(ZSTD_CCtx *z, const struct frames *f, struct job *j)
{
	size_t len;

	if (!z) {
		store_heads(j);
		return OK;
	}
	len = ZSTD_compress2(z, j->sealed, f->sealed_cap, j->plain, j->plain_len);
	if (ZSTD_isError(len))
		return err_at(ERR_NOMEM, "compressing");
	j->sealed_len = len;
	return OK;
}

/* ---- the threads that compress ---- */

static struct job *wait_for_work(struct frames *f)
{
	struct job *j;

	while (!f->stop && f->claimed == f->head)
		pthread_cond_wait(&f->work, &f->lock);
	if (f->stop)
		return NULL;
	j = &f->jobs[f->claimed++ % f->job_count];
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

/* ---- the thread that hands on ---- */

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

static enum err hand_on(struct frames *f, const struct job *j)
{
	if (j->err != OK)
		return err_at(j->err, "compressing");
	TRY(note_size(f, j));
	return f->into.write(f->into.ctx, j->sealed, j->sealed_len);
}

static void handed_on(struct frames *f, struct job *j, enum err err)
{
	j->plain_len = 0;
	j->state = JOB_FREE;
	f->tail++;
	if (err != OK) {
		f->failed = err;
		text_copy(f->detail, sizeof(f->detail), err_detail());
	}
	pthread_cond_signal(&f->room);
}

static void *hander_run(void *arg)
{
	struct frames *f = arg;

	pthread_mutex_lock(&f->lock);
	while (f->failed == OK) {
		struct job *j = &f->jobs[f->tail % f->job_count];
		enum err err;

		while (!f->stop && j->state != JOB_DONE)
			pthread_cond_wait(&f->done, &f->lock);
		if (f->stop)
			break;
		pthread_mutex_unlock(&f->lock);
		err = hand_on(f, j);
		pthread_mutex_lock(&f->lock);
		handed_on(f, j, err);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- beginning and ending ---- */

/* What compressing a frame takes beside the frame, measured with zstd 1.5 and rounded up. */
static size_t context_size(int level)
{
	static const uint8_t mib[FRAMES_LEVEL_MAX + 1] = {0,  1,  1,  2,  3,  4,  4,  7,  7,  13,
							  25, 25, 25, 33, 33, 33, 33, 33, 34, 34};

	return (size_t)mib[level] << 20;
}

static unsigned choose_threads(unsigned asked, int level)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	size_t job = 2 * FRAMES_PLAIN, others = (JOBS_MAX - THREADS_MAX) * job;
	size_t room = (MEMORY - others) / (job + context_size(level));

	if (asked == 0)
		asked = cores > 0 ? (unsigned)cores : 1;
	return (unsigned)MIN(MIN(asked, THREADS_MAX), MAX(room, (size_t)1));
}

static enum err start(struct frames *f, unsigned threads)
{
	while (f->worker_count < threads) {
		if (pthread_create(&f->workers[f->worker_count], NULL, worker_run, f) != 0)
			break;
		f->worker_count++;
	}
	f->has_hander = pthread_create(&f->hander, NULL, hander_run, f) == 0;
	return f->worker_count > 0 && f->has_hander ? OK : err_at(ERR_SYSTEM, "starting a thread");
}

static enum err make_jobs(struct frames *f, unsigned count)
{
	f->sealed_cap = MAX(ZSTD_compressBound(FRAMES_PLAIN), store_bound(FRAMES_PLAIN));
	f->job_count = count;
	for (unsigned i = 0; i < count; i++) {
		f->jobs[i].plain = f->level > 0 ? malloc(FRAMES_PLAIN) : NULL;
		f->jobs[i].sealed = malloc(f->sealed_cap);
		if ((f->level > 0 && !f->jobs[i].plain) || !f->jobs[i].sealed)
			return err_at(ERR_NOMEM, "frames");
	}
	return OK;
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
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->done, NULL);
	pthread_cond_init(&f->room, NULL);
	threads = choose_threads(threads, level);
	TRY(make_jobs(f, threads + JOBS_MAX - THREADS_MAX));
	TRY(start(f, threads));
	*ret = TAKE(f);
	return OK;
}

static void stop(struct frames *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->work);
	pthread_cond_broadcast(&f->done);
	pthread_mutex_unlock(&f->lock);
	for (unsigned i = 0; i < f->worker_count; i++)
		pthread_join(f->workers[i], NULL);
	if (f->has_hander)
		pthread_join(f->hander, NULL);
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	stop(f);
	for (unsigned i = 0; i < f->job_count; i++) {
		free(f->jobs[i].plain);
		free(f->jobs[i].sealed);
	}
	pthread_cond_destroy(&f->room);
	pthread_cond_destroy(&f->done);
	pthread_cond_destroy(&f->work);
	pthread_mutex_destroy(&f->lock);
	free(f->sizes);
	free(f);
}

/* ---- putting ---- */

/* Waits until no more than `most` jobs are under way. */
static enum err wait_for_room(struct frames *f, uint64_t most)
{
	while (f->failed == OK && f->head - f->tail > most)
		pthread_cond_wait(&f->room, &f->lock);
	return f->failed == OK ? OK : err_at(f->failed, "%s", f->detail);
}

static enum err queue(struct frames *f)
{
	enum err err;

	pthread_mutex_lock(&f->lock);
	f->jobs[f->head % f->job_count].state = JOB_QUEUED;
	f->head++;
	pthread_cond_signal(&f->work);
	err = wait_for_room(f, f->job_count - 1);
	pthread_mutex_unlock(&f->lock);
	return err;
}

/* How many of `len` bytes the job takes in one piece, and where. */
static size_t place(const struct frames *f, const struct job *j, size_t len, uint8_t **ret)
{
	len = MIN(len, FRAMES_PLAIN - j->plain_len);
	if (f->level > 0) {
		*ret = j->plain + j->plain_len;
		return len;
	}
	*ret = j->sealed + store_place(j->plain_len);
	return MIN(len, STORE_BLOCK - j->plain_len % STORE_BLOCK);
}

static enum err put(struct frames *f, const uint8_t *from, size_t len)
{
	while (len > 0) {
		struct job *j = &f->jobs[f->head % f->job_count];
		uint8_t *to;
		size_t part = place(f, j, len, &to);

		memcpy(to, from, part);
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
	TRY(f->over);
	return f->over = put(f, data, len);
}

enum err frames_cut(struct frames *f)
{
	TRY(f->over);
	if (f->jobs[f->head % f->job_count].plain_len > 0)
		f->over = queue(f);
	return f->over;
}

enum err frames_finish(struct frames *f)
{
	TRY(frames_cut(f));
	pthread_mutex_lock(&f->lock);
	f->over = wait_for_room(f, 0);
	pthread_mutex_unlock(&f->lock);
	TRY(f->over);
	f->over = ERR_INTERNAL;
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

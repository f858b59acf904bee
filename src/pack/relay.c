#include "pack/relay.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

#define PIECES 64u /* small enough to be in the cache still when they are hashed and written */
#define PIECE (RELAY_BYTES / PIECES)

struct piece {
	uint8_t *bytes;
	size_t len;
};

/* A ring: pieces from tail up to head are full, the one at head is being filled. */
struct relay {
	struct age_sink into;
	struct piece pieces[PIECES];
	pthread_t thread;
	bool running;

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t full, room;
	uint64_t head, tail;
	bool stop;
	enum err failed;
	char detail[512];
};

static void fail(struct relay *r, enum err err)
{
	r->failed = err;
	text_copy(r->detail, sizeof(r->detail), err_detail());
}

static void *run(void *arg)
{
	struct relay *r = arg;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct piece *p = &r->pieces[r->tail % PIECES];
		enum err err;

		while (!r->stop && r->tail == r->head)
			pthread_cond_wait(&r->full, &r->lock);
		if (r->stop)
			break;
		pthread_mutex_unlock(&r->lock);
		err = r->into.write(r->into.ctx, p->bytes, p->len);
		pthread_mutex_lock(&r->lock);
		p->len = 0;
		r->tail++;
		if (err != OK) {
			fail(r, err);
			r->stop = true;
		}
		pthread_cond_signal(&r->room);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

enum err relay_new(struct age_sink into, struct relay **ret)
{
	CLEANUP(relay_freep) struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return err_at(ERR_NOMEM, "relay");
	r->into = into;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->full, NULL);
	pthread_cond_init(&r->room, NULL);
	for (unsigned i = 0; i < PIECES; i++) {
		r->pieces[i].bytes = malloc(PIECE);
		if (!r->pieces[i].bytes)
			return err_at(ERR_NOMEM, "relay");
	}
	r->running = pthread_create(&r->thread, NULL, run, r) == 0;
	if (!r->running)
		return err_at(ERR_SYSTEM, "starting a thread");
	*ret = TAKE(r);
	return OK;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_signal(&r->full);
	pthread_mutex_unlock(&r->lock);
	if (r->running)
		pthread_join(r->thread, NULL);
	for (unsigned i = 0; i < PIECES; i++)
		free(r->pieces[i].bytes);
	pthread_cond_destroy(&r->room);
	pthread_cond_destroy(&r->full);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Waits until no more than `most` pieces are full. */
static enum err wait_for_room(struct relay *r, uint64_t most)
{
	enum err err;

	while (r->failed == OK && r->head - r->tail > most)
		pthread_cond_wait(&r->room, &r->lock);
	err = r->failed;
	return err == OK ? OK : err_at(err, "%s", r->detail);
}

/* Gives the piece at head to the thread, then waits until no more than `most` are with it. */
static enum err pass(struct relay *r, uint64_t most)
{
	enum err err;

	pthread_mutex_lock(&r->lock);
	if (r->pieces[r->head % PIECES].len > 0) {
		r->head++;
		pthread_cond_signal(&r->full);
	}
	err = wait_for_room(r, most);
	pthread_mutex_unlock(&r->lock);
	return err;
}

static enum err put(void *ctx, const void *data, size_t len)
{
	struct relay *r = ctx;
	const uint8_t *from = data;

	while (len > 0) {
		/* Nobody else touches a piece that is not full, and there always is one. */
		struct piece *p = &r->pieces[r->head % PIECES];
		size_t part = MIN(len, PIECE - p->len);

		memcpy(p->bytes + p->len, from, part);
		p->len += part;
		from += part;
		len -= part;
		if (p->len == PIECE)
			TRY(pass(r, PIECES - 1));
	}
	return OK;
}

struct age_sink relay_sink(struct relay *r)
{
	return (struct age_sink){put, r};
}

enum err relay_finish(struct relay *r)
{
	return pass(r, 0);
}

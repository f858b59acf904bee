#include "pack/relay.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

#define PIECES (RELAY_BYTES / RELAY_PIECE)

struct piece {
	uint8_t *bytes;
	size_t len;
};

/* One sink and its thread. */
struct stage {
	struct relay *relay;
	struct age_sink into;
	pthread_t thread;
	bool running;
	pthread_cond_t full; /* there may be something to do */
	uint64_t done;	     /* pieces; guarded by the relay's lock */
};

/* A ring: pieces from what the last sink has done up to head are full, the one at head is being
 * filled. A sink may do those that the one before it has done. */
struct relay {
	struct stage stages[RELAY_SINKS];
	size_t stage_count;
	struct piece pieces[PIECES];

	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t room;
	uint64_t head;
	bool stop;
	enum err failed;
	char detail[512];
};

static void fail(struct relay *r, enum err err)
{
	r->stop = true;
	if (r->failed == OK) {
		r->failed = err;
		text_copy(r->detail, sizeof(r->detail), err_detail());
	}
	for (size_t i = 0; i < r->stage_count; i++)
		pthread_cond_signal(&r->stages[i].full);
}

static uint64_t given(const struct stage *s)
{
	return s == s->relay->stages ? s->relay->head : s[-1].done;
}

static bool is_last(const struct stage *s)
{
	return s == &s->relay->stages[s->relay->stage_count - 1];
}

static void did(struct stage *s, struct piece *p, enum err err)
{
	s->done++;
	if (err != OK)
		fail(s->relay, err);
	if (is_last(s))
		p->len = 0;
	pthread_cond_signal(is_last(s) ? &s->relay->room : &s[1].full);
}

static void *run(void *arg)
{
	struct stage *s = arg;
	struct relay *r = s->relay;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		struct piece *p = &r->pieces[s->done % PIECES];
		enum err err;

		while (!r->stop && s->done == given(s))
			pthread_cond_wait(&s->full, &r->lock);
		if (r->stop)
			break;
		pthread_mutex_unlock(&r->lock);
		err = s->into.write(s->into.ctx, p->bytes, p->len);
		pthread_mutex_lock(&r->lock);
		did(s, p, err);
	}
	/* Whoever waits for room learns why there will be none. */
	pthread_cond_signal(&r->room);
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

static enum err make_pieces(struct relay *r)
{
	for (unsigned i = 0; i < PIECES; i++) {
		r->pieces[i].bytes = aligned_alloc(RELAY_ALIGN, RELAY_PIECE);
		if (!r->pieces[i].bytes)
			return err_at(ERR_NOMEM, "relay");
	}
	return OK;
}

static enum err start(struct relay *r)
{
	for (size_t i = 0; i < r->stage_count; i++) {
		struct stage *s = &r->stages[i];

		s->running = pthread_create(&s->thread, NULL, run, s) == 0;
		if (!s->running)
			return err_at(ERR_SYSTEM, "starting a thread");
	}
	return OK;
}

enum err relay_new_chain(const struct age_sink *sinks, size_t count, struct relay **ret)
{
	CLEANUP(relay_freep) struct relay *r = calloc(1, sizeof(*r));

	if (!r)
		return err_at(ERR_NOMEM, "relay");
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->room, NULL);
	r->stage_count = count;
	for (size_t i = 0; i < count; i++) {
		r->stages[i].relay = r;
		r->stages[i].into = sinks[i];
		pthread_cond_init(&r->stages[i].full, NULL);
	}
	TRY(make_pieces(r));
	TRY(start(r));
	*ret = TAKE(r);
	return OK;
}

enum err relay_new(struct age_sink into, struct relay **ret)
{
	return relay_new_chain(&into, 1, ret);
}

static void stop(struct relay *r)
{
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	for (size_t i = 0; i < r->stage_count; i++)
		pthread_cond_signal(&r->stages[i].full);
	pthread_mutex_unlock(&r->lock);
	for (size_t i = 0; i < r->stage_count; i++)
		if (r->stages[i].running)
			pthread_join(r->stages[i].thread, NULL);
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	stop(r);
	for (unsigned i = 0; i < PIECES; i++)
		free(r->pieces[i].bytes);
	for (size_t i = 0; i < r->stage_count; i++)
		pthread_cond_destroy(&r->stages[i].full);
	pthread_cond_destroy(&r->room);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* Waits until no more than `most` pieces are full. */
static enum err wait_for_room(struct relay *r, uint64_t most)
{
	const struct stage *last = &r->stages[r->stage_count - 1];
	enum err err;

	while (r->failed == OK && r->head - last->done > most)
		pthread_cond_wait(&r->room, &r->lock);
	err = r->failed;
	return err == OK ? OK : err_at(err, "%s", r->detail);
}

/* Gives the piece at head to the threads, then waits until no more than `most` are with them. */
static enum err pass(struct relay *r, uint64_t most)
{
	enum err err;

	pthread_mutex_lock(&r->lock);
	if (r->pieces[r->head % PIECES].len > 0) {
		r->head++;
		pthread_cond_signal(&r->stages[0].full);
	}
	err = wait_for_room(r, most);
	pthread_mutex_unlock(&r->lock);
	return err;
}

/* Nobody else touches a piece that is not full, and there always is one. */
uint8_t *relay_room(struct relay *r, size_t *ret_len)
{
	struct piece *p = &r->pieces[r->head % PIECES];

	*ret_len = RELAY_PIECE - p->len;
	return p->bytes + p->len;
}

enum err relay_filled(struct relay *r, size_t len)
{
	struct piece *p = &r->pieces[r->head % PIECES];

	p->len += len;
	return p->len == RELAY_PIECE ? pass(r, PIECES - 1) : OK;
}

static enum err put(void *ctx, const void *data, size_t len)
{
	struct relay *r = ctx;
	const uint8_t *from = data;

	while (len > 0) {
		size_t part;
		uint8_t *room = relay_room(r, &part);

		part = MIN(len, part);
		memcpy(room, from, part);
		from += part;
		len -= part;
		TRY(relay_filled(r, part));
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

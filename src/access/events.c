#include "access/events.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/record.h"
#include "base/io.h"

#define LOG_BYTES_MAX (1u << 30)
#define OPEN_FILES 64u

struct event_place {
	int64_t time;
	uint64_t offset;
	uint32_t log, len; /* log: its place among the files */
};
struct events {
	const struct log_files *files;
	struct event_place *places; /* owned; in order */
	size_t count, cap;
};

void events_free(struct events *e)
{
	if (!e)
		return;
	free(e->places);
	free(e);
}

size_t events_count(const struct events *e)
{
	return e->count;
}

static bool is_wanted(const struct event_ask *ask, const struct record *r)
{
	return r->time >= ask->from && (ask->to == 0 || r->time < ask->to) &&
	       (!ask->code || span_is(r->event, ask->code));
}

static enum err add(struct events *e, const struct event_place *place)
{
	if (e->count == e->cap) {
		size_t cap = e->cap ? e->cap + e->cap / 2 : 256;
		struct event_place *more = realloc(e->places, cap * sizeof(*more));

		if (!more)
			return err_at(ERR_NOMEM, "events");
		e->places = more;
		e->cap = cap;
	}
	e->places[e->count++] = *place;
	return OK;
}

static enum err find_in(struct events *e, const struct event_ask *ask, uint32_t log)
{
	CLEANUP(buf_clear) struct buf text = {0};
	const char *at, *end, *stop;

	TRY(io_read_file(ask->files->files[log].path, LOG_BYTES_MAX, &text));
	at = text.data ? text.data : "";
	for (end = at + text.len; at < end; at = stop + 1) {
		struct record r;

		stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop ? stop : end;
		if (record_parse(at, (size_t)(stop - at), &r) == OK && is_wanted(ask, &r))
			TRY(add(e, &(struct event_place){.time = r.time,
							 .log = log,
							 .offset = (uint64_t)(at - text.data),
							 .len = (uint32_t)(stop - at)}));
	}
	err_clear();
	return OK;
}

static int in_order(const void *a, const void *b)
{
	const struct event_place *x = a, *y = b;

	if (x->time != y->time)
		return x->time < y->time ? -1 : 1;
	if (x->log != y->log)
		return x->log < y->log ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

enum err events_find(const struct event_ask *ask, struct events **ret)
{
	CLEANUP(events_freep) struct events *e = calloc(1, sizeof(*e));

	if (!e)
		return err_at(ERR_NOMEM, "events");
	e->files = ask->files;
	for (size_t i = 0; i < ask->files->count; i++)
		if (ask->files->files[i].kind == LOG_HOST && !log_files_is_shorter(ask->files, i))
			TRY(find_in(e, ask, (uint32_t)i));
	if (e->count > 1)
		qsort(e->places, e->count, sizeof(*e->places), in_order);
	*ret = TAKE(e);
	return OK;
}

/* ---- reading them again ---- */

/* Hosts take turns in time, and there may be more of them than files may be open. */
struct reader {
	const struct events *e;
	struct open_file {
		int fd; /* -1: none */
		uint32_t log;
	} open[OPEN_FILES];
	char *line; /* owned, LINE_MAX_LEN */
};

static enum err open_log(struct reader *r, uint32_t log, int *ret)
{
	struct open_file *f = &r->open[log % OPEN_FILES];

	if (f->fd >= 0 && f->log != log) {
		close(f->fd);
		f->fd = -1;
	}
	if (f->fd < 0) {
		const char *path = r->e->files->files[log].path;

		f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (f->fd < 0)
			return err_from_errno("%s", path);
		f->log = log;
	}
	*ret = f->fd;
	return OK;
}

static enum err read_all(struct reader *r, enum err (*each)(void *, const char *, size_t),
			 void *ctx)
{
	for (size_t i = 0; i < r->e->count; i++) {
		const struct event_place *p = &r->e->places[i];
		int fd = -1;

		TRY(open_log(r, p->log, &fd));
		TRY(io_pread_full(fd, r->line, p->len, (off_t)p->offset));
		TRY(each(ctx, r->line, p->len));
	}
	return OK;
}

enum err events_each(const struct events *e,
		     enum err (*each)(void *ctx, const char *line, size_t len), void *ctx)
{
	struct reader r = {.e = e, .line = malloc(LINE_MAX_LEN)};
	enum err err;

	for (size_t i = 0; i < OPEN_FILES; i++)
		r.open[i].fd = -1;
	err = r.line ? read_all(&r, each, ctx) : err_at(ERR_NOMEM, "events");
	for (size_t i = 0; i < OPEN_FILES; i++)
		if (r.open[i].fd >= 0)
			close(r.open[i].fd);
	free(r.line);
	return err;
}

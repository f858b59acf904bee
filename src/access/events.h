/* The events of many hosts' logs in the order of time. Of each host the longest copy is taken.
 * Needs no key and judges nothing (access/verify.h does): lines that are no records are left out.
 * In memory is where each line stands, about 40 bytes; the lines are read again when they are
 * wanted. One thread. */
#pragma once
#include "access/log_finder.h"

struct event_ask {
	const struct log_files *files; /* sorted; borrowed until events_free */
	int64_t from, to;	       /* seconds since 1970, `to` excluded; 0: without that end */
	const char *code;	       /* only this event; NULL: all */
};
struct events;
MUST_CHECK enum err events_find(const struct event_ask *ask, struct events **ret);
void events_free(struct events *e); /* NULL is welcome */
DEFINE_FREEP(struct events, events_free)
size_t events_count(const struct events *e);
/* By time; within one moment by host, and as they stand in its log. `line` is without its line
 * feed; its error ends the reading and comes back. ERR_TRUNCATED: a log became shorter. */
MUST_CHECK enum err events_each(const struct events *e,
				enum err (*each)(void *ctx, const char *line, size_t len),
				void *ctx);

/* The thread of a mounted vault that seals anew what only an older key opens, and lets that key go when
 * nothing is left. It steps back for people: a little at a time while they work, at full speed when the
 * mount is idle. Private to fuse/. */
#pragma once
#include "access/vault.h"
#include "fuse/ops.h"

struct resealing;

/* *ret is NULL when there is nothing to do. `session`: the worker's descriptor of the session file,
 * where progress is told. All borrowed until resealing_stop. */
MUST_CHECK enum err resealing_start(struct vault *v, const struct serving *serving, int session,
				    struct resealing **ret);
/* Ends it after the step it is in, and frees it. What is left goes on at the next mount. NULL is
 * welcome. */
void resealing_stop(struct resealing *r);

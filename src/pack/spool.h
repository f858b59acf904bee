/* A stream put aside until its length is known, which a tar has to say in advance.
 *
 * It lies in a file without a name, in the folder that the pack will be in, since as much room is
 * needed there anyway, and sealed (age, to a key that is nowhere but in guarded memory): what came
 * through a pipe touches no disk in the clear, whatever ends the program. Private to pack; one
 * thread at a time. */
#pragma once
#include "age/pipe.h"

struct spool;
/* Reads `fd` to its end. `beside`: a path in the folder that has room. `progress` (NULL: none)
 * after each piece; not OK ends it. */
MUST_CHECK enum err spool_new(int fd, const char *beside,
			      enum err (*progress)(void *ctx, uint64_t done), void *ctx,
			      struct spool **ret);
void spool_free(struct spool *s);
DEFINE_FREEP(struct spool, spool_free)

uint64_t spool_size(const struct spool *s);
/* What was put aside, from front to end, once; the end is known to be the true one. */
struct age_source spool_source(struct spool *s);

/* The tree over a file of lines, without reading it all again each time: what was counted last is
 * kept in a small file beside it. That file is a help and nothing more. It is not flushed; one that
 * is missing, torn or of another file is not used, and the lines are read from the beginning.
 * Private to audit. */
#pragma once
#include <sys/types.h>
#include "audit/merkle.h"
#include "base/err.h"

struct growth {
	struct merkle tree;
	off_t end; /* of the lines that are in it */
};
/* Adds every line of `fd` that a line feed ends before `end`, from where `cache` knows it. */
MUST_CHECK enum err growth_read(int fd, const char *cache, off_t end, struct growth *ret);
/* `text` was put behind it: whole lines. */
void growth_add(struct growth *g, const char *text, size_t len);
/* Failing is welcome. `fd` is the file of the lines. */
void growth_keep(const struct growth *g, int fd, const char *cache);

/* A folder of one test program's own, and other programs that work on files in it. */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

struct workshop {
	char dir[64];
};
void workshop_open(struct workshop *w);
void workshop_close(struct workshop *w); /* removes the folder and the files in it */

/* Texts are malloc'd (CLEANUP(mem_freep)). */
char *workshop_place(const struct workshop *w, const char *name);
void workshop_put(const struct workshop *w, const char *name, const void *data, size_t len,
		  unsigned mode);
void workshop_get(const struct workshop *w, const char *name, struct buf *out);
void workshop_copy(const struct workshop *w, const char *name, const char *from, unsigned mode);

/* Runs argv[0] in the folder, found by PATH, with the folder itself at the end of PATH, and without
 * input; its exit status, or -1. What it says is kept in the file "said". */
int workshop_run(const struct workshop *w, const char *const *argv);
bool workshop_has(const char *program); /* whether it runs with --version */

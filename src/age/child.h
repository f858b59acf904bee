/* Another program as a partner in talk: its standard input and output are ours to write and read.
 *
 * It starts in a session and process group of its own, in the folder /, with default signals, the
 * given environment and no descriptor but these two (its standard error goes nowhere). It is
 * killed, with its group, when child_free comes before it ended by itself, and by the kernel when
 * the thread that started it ends. Nothing of this process's memory goes with it. Errors of the
 * talk are ERR_PLUGIN. One thread at a time. */
#pragma once
#include <stdbool.h>
#include "age/pipe.h"

struct child;

/* Asked while waiting, and after each signal; true ends the wait with ERR_INTERRUPTED. */
struct child_stop {
	bool (*wanted)(void *ctx); /* NULL: never */
	void *ctx;
};

/* `argv` and `env` end with NULL. ERR_NOT_FOUND when there is no such program, ERR_PERM when it may
 * not be run, ERR_SYSTEM for what else execve says. */
MUST_CHECK enum err child_start(const char *path, const char *const *argv, const char *const *env,
				struct child_stop stop, struct child **ret);
void child_free(struct child *c);
DEFINE_FREEP(struct child, child_free)

struct age_source child_source(struct child *c); /* what it says, to its end */
struct age_sink child_sink(struct child *c);	 /* no SIGPIPE comes of it */
bool child_gone(const struct child *c);		 /* it closed one of the two */
/* Closes both, gives it two seconds to end by itself, kills what is left and takes its status, as
 * of waitpid. To be called once. */
int child_end(struct child *c);

/* A crash campaign: trials over seeds, in worker processes, until so many crashes were made.
 *
 * CRASHES (how many), SEED (the first) and WORKERS come from the environment. A trial that finds
 * something wrong says so through sim_gate_fail, which ends its process; the parent then tells the
 * seed. The same seed makes the same trial: SEED=n CRASHES=1 runs just that one. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/macros.h"

#define SIM_KINDS_MAX 24u

struct sim_tally {
	uint64_t trials, crashes;
	uint64_t kinds[SIM_KINDS_MAX];
	uint64_t seed;	   /* of the trial that is running */
	char where[160]; /* what it is doing, told when its process dies */
};

struct sim_gate {
	uint64_t crashes;		 /* to make, when CRASHES does not say */
	const char *const *kinds;	 /* names, NULL at the end */
	void (*trial)(uint64_t seed, struct sim_tally *tally);
	/* After a trial failed: tells what is the least of it that fails (sim_gate_try). May be NULL. */
	void (*shorten)(uint64_t seed);
	uint64_t trials;  /* at most; 0: any number */
	unsigned percent; /* of CRASHES that this gate makes; 0: all */
};

/* Prints the tally as comment lines; false when a trial failed. */
bool sim_gate_run(const struct sim_gate *gate, struct sim_tally *ret);
/* True when the environment asks for the long run. */
bool sim_gate_is_long(void);
/* Runs `fn` in a process of its own; true when it failed or died, and `said` is what it said then. */
bool sim_gate_try(void (*fn)(void *ctx, struct sim_tally *tally), void *ctx, char *said, size_t cap);
void sim_gate_fail(const char *format, ...) PRINTF_LIKE(1, 2) __attribute__((noreturn));

/* From now on random_bytes is a sequence that follows from the seed. Threads may call it. */
void sim_gate_seed(uint64_t seed);
/* From now on secrets of this process have memory without guard pages (sim_secret.c). */
void sim_secret_pool(void);
/* The step of a trial must succeed. */
#define sim_must(step)                                                                             \
	do {                                                                                       \
		enum err must_err_ = (step);                                                       \
		if (must_err_ != OK)                                                               \
			sim_gate_fail("%s:%d %s: %s (%s)", __FILE__, __LINE__, #step,              \
				      err_name(must_err_), err_detail());                          \
	} while (0)

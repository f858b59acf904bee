/* Every sequence of up to three operations of a list, each on the same small tree: most bugs that
 * crashes have shown in file systems need no more. Which of them are followed by a sync is varied. */
#pragma once
#include "tests/store/sim_gate.h"

/* Chooses sequences of up to so many operations, 1 to 3; gives the number of trials they need. */
uint64_t bounded_begin(unsigned length);
/* Trials from seed 1 on, mixed so that a part of them is a fair sample. */
void bounded_trial(uint64_t seed, struct sim_tally *tally);
/* After trial `seed` failed: finds the shortest part of its sequence that fails, and tells it. */
void bounded_shorten(uint64_t seed);
void bounded_done(void); /* frees what trials share */

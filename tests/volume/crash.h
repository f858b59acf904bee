/* Crashes of a workload's disk, and what may be found after each: a state that was committed, by what
 * the superblocks say as well as by content, none older than the last one that was promised. */
#pragma once
#include "tests/volume/workload.h"

enum crash_kind {
	CRASH_NONE,
	CRASH_PREFIX,
	CRASH_SUBSET,
	CRASH_TORN,
	CRASH_LIE_1,
	CRASH_LIE_2,
	CRASH_LIE_MORE,
	CRASH_SLOT,
	CRASH_AFTER_CRASH,
	CRASH_STEPPED_BACK,
	CRASH_RESUMED,
	CRASH_FULL_DISK,
	CRASH_READ_ONLY,
	CRASH_NEW_EPOCH,
	CRASH_BETWEEN_EPOCHS,
	CRASH_OLD_KEYS,
	CRASH_OLD_BLOCKS,
	CRASH_KINDS
};
extern const char *const crash_kinds[]; /* what each is, NULL at the end */

/* crash_at_each_write crashes at every position of the trace, and in every way at the flushes;
 * crash_everywhere at each flush of the trace and at a part of the positions between, in every way. The volume
 * is not open any more. After some crashes work goes on, is compared and checked, and, where `depth`
 * is 0, crashes again. */
void crash_at_each_write(const struct work *w, struct sim_tally *tally, uint64_t random);
void crash_everywhere(const struct work *w, struct sim_tally *tally, unsigned depth, uint64_t random);

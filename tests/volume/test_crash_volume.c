/* Crash gate of the volume: whatever moment the medium is pulled at, whatever of the unflushed writes
 * got there, the volume opens with a state that was committed, none older than the last one that was
 * promised. docs/TESTING.md, "The crash gate". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/check.h"
#include "tests/volume/bounded.h"
#include "tests/volume/crash.h"

#define QUICK_CRASHES 8000u
#define QUICK_BOUNDED 6000u

/* A small disk is filled by a file of its own until nothing fits, so that the work and its crashes
 * happen on a full one. */
static void fill_disk(struct work *w)
{
	static const uint8_t bytes[16384] = { 1 };
	uint64_t ino, off = 0;

	if (w->profile.disk_blocks >= WORK_TIGHT)
		return;
	ino = work_make(w, VOLUME_ROOT, "filler", S_IFREG | 0600, NULL);
	while (ino && w->no_space == 0) {
		work_write(w, ino, off, bytes, sizeof(bytes));
		off += sizeof(bytes);
	}
}

static void trial(uint64_t seed, struct sim_tally *t)
{
	uint64_t random = seed;
	struct work_profile profile;
	struct sim_options options = { .step_blocks = 64 };
	struct sim *sim;
	struct work w;

	work_profile_random(&profile, &random);
	options.blocks_max = profile.disk_blocks;
	sim = sim_new(&options);
	work_begin(&w, sim, &profile, random);
	for (unsigned i = 0; i < profile.ops / 2; i++)
		work_step(&w);
	fill_disk(&w);
	work_sync(&w);
	work_trace(&w);
	for (unsigned i = 0; i < profile.ops; i++)
		work_step(&w);
	work_compare(&w);
	work_check_epochs(&w);
	stick_kill(&w.stick);
	crash_everywhere(&w, t, 0, sim_random(&random));
	work_end(&w);
	sim_free(sim);
}

static struct sim_tally tally;

static void every_crash_leaves_a_committed_state(void **state)
{
	const struct sim_gate gate = { .crashes = QUICK_CRASHES,
				       .kinds = crash_kinds,
				       .trial = trial,
				       .percent = 35 };

	assert_true(sim_gate_run(&gate, &tally));
}

static void every_short_sequence_of_operations_survives_any_crash(void **state)
{
	const struct sim_gate gate = { .crashes = QUICK_BOUNDED,
				       .percent = 35,
				       .kinds = crash_kinds,
				       .trial = bounded_trial,
				       .shorten = bounded_shorten,
				       .trials = bounded_begin(sim_gate_is_long() ? 3 : 2) };
	struct sim_tally t;

	assert_true(sim_gate_run(&gate, &t));
}

static void every_kind_of_crash_was_made(void **state)
{
	for (unsigned i = 0; i < CRASH_KINDS; i++)
		if (tally.kinds[i] == 0 && tally.crashes >= QUICK_CRASHES)
			fail_msg("none: %s", crash_kinds[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_crash_leaves_a_committed_state),
		cmocka_unit_test(every_short_sequence_of_operations_survives_any_crash),
		cmocka_unit_test(every_kind_of_crash_was_made),
	};
	int failed;

	stick_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	bounded_done();
	stick_done();
	return failed;
}

/* Work that takes several operations, with commits between them: removing a file with very many items,
 * and cutting one. A crash in the middle leaves an ORPHAN item, and the next opening ends the work: the
 * tree is as before or as after, never between, and no block is lost. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "tests/check.h"
#include "tests/store/sim_gate.h"
#include "tests/volume/listing.h"
#include "tests/volume/stick.h"
#include "volume/items.h"

#define QUICK_CRASHES 60u
#define TRIAL_CRASHES 12u
#define SHIFT 14u
#define XATTRS 13000u  /* three steps of removal and a rest */
#define EXTENTS 4300u /* one step and a rest */

enum kind { KIND_REMOVED, KIND_CUT, KIND_BETWEEN, KINDS };
static const char *const kinds[] = {
	[KIND_REMOVED] = "while a file was removed",
	[KIND_CUT] = "while a file was cut",
	[KIND_BETWEEN] = "in the middle, ended at opening",
	[KINDS] = NULL,
};

struct commits {
	struct volume *volume;
	atomic_bool stop;
};

/* Time stands still while the work goes on, so that the same is stamped whatever step was the last. Each
 * step asks for it while it keeps commits out; dawdling there lets one wait at the door. */
static struct timespec slow_clock(void)
{
	const struct timespec nap = { .tv_nsec = 5000000 };

	nanosleep(&nap, NULL);
	return (struct timespec){ .tv_sec = 1900000000 };
}

/* Commits as fast as it can, so that some fall between the steps. */
static void *commit_run(void *arg)
{
	struct commits *c = arg;

	while (!c->stop) {
		sim_must(volume_sync(c->volume));
		sched_yield();
	}
	return NULL;
}

/* ---- the two kinds of work ---- */

static uint64_t make_file(struct stick *s)
{
	struct volume_attr attr;

	sim_must(volume_make(s->volume, VOLUME_ROOT, "big", S_IFREG | 0600, 1, 2, &attr));
	return attr.ino;
}

static void prepare_removal(struct stick *s)
{
	uint64_t ino = make_file(s);
	char name[32];

	for (unsigned i = 0; i < XATTRS; i++) {
		snprintf(name, sizeof(name), "user.%u", i);
		sim_must(volume_set_xattr(s->volume, ino, name, name, strlen(name), 0));
	}
}

static void do_removal(struct stick *s)
{
	sim_must(volume_unlink(s->volume, VOLUME_ROOT, "big", NULL));
}

static void prepare_cut(struct stick *s)
{
	uint64_t ino = make_file(s);

	for (uint64_t i = 0; i < EXTENTS; i++)
		sim_must(volume_write(s->volume, ino, i << SHIFT, "x", 1));
}

static void do_cut(struct stick *s)
{
	struct volume_attr attr, in = { .size = 1 };

	sim_must(volume_lookup(s->volume, VOLUME_ROOT, "big", &attr));
	sim_must(volume_setattr(s->volume, attr.ino, VOLUME_SET_SIZE, &in, NULL));
}

static const struct job {
	enum kind kind;
	void (*prepare)(struct stick *s);
	void (*run)(struct stick *s);
} jobs[] = {
	{ KIND_REMOVED, prepare_removal, do_removal },
	{ KIND_CUT, prepare_cut, do_cut },
};

/* ---- a trial ---- */

struct trial {
	const struct job *job;
	struct sim *sim;
	char *before, *after;
	size_t done; /* trace position by which all of it was promised */
};

static void work(struct trial *t)
{
	struct commits commits;
	pthread_t thread;
	struct stick s;

	sim_must(stick_format(t->sim, SHIFT));
	sim_must(stick_open(&s, t->sim, false));
	t->job->prepare(&s);
	sim_must(volume_sync(s.volume));
	sim_must(volume_listing(s.volume, &t->before));
	sim_trace_begin(t->sim);
	commits.volume = s.volume;
	commits.stop = false;
	if (pthread_create(&thread, NULL, commit_run, &commits) != 0)
		abort();
	clock_override(slow_clock);
	t->job->run(&s);
	clock_override(NULL);
	commits.stop = true;
	pthread_join(thread, NULL);
	sim_must(volume_sync(s.volume));
	t->done = sim_trace_len(t->sim);
	sim_must(volume_listing(s.volume, &t->after));
	stick_kill(&s);
}

static bool has_orphan(struct sim *image)
{
	struct store_key key = item_key(0, ITEM_ORPHAN, 0);
	struct store_view view;
	struct stick s;
	bool has;

	sim_must(stick_open(&s, image, true));
	store_read_begin(s.store);
	has = store_find_ge(s.store, &key, &view) == OK && item_is(&view, 0, ITEM_ORPHAN);
	store_read_end(s.store);
	stick_kill(&s);
	return has;
}

static void hurt(void *ctx, const char *path, enum err what, const char *why)
{
	sim_gate_fail("volume_check: %s: %s: %s", path, err_name(what), why);
}

static void check_whole(struct stick *s)
{
	struct volume_check_result r = { 0 };

	sim_must(volume_check(s->volume, hurt, NULL, NULL, &r));
	if (r.problems || r.store.unreachable_blocks || r.store.doubly_used_blocks)
		sim_gate_fail("volume_check: %llu problems, %llu unreachable, %llu doubly used",
			      (unsigned long long)r.problems,
			      (unsigned long long)r.store.unreachable_blocks,
			      (unsigned long long)r.store.doubly_used_blocks);
}

static void crash_once(const struct trial *t, const struct sim_cursor *c, uint64_t random,
		       struct sim_tally *tally)
{
	struct sim_crash how = { .mode = random % SIM_MODES, .lies = random >> 8 & 1, .seed = random };
	CLEANUP(sim_freep) struct sim *image = sim_cursor_crash(c, &how);
	struct stick s;
	char *got;

	snprintf(tally->where, sizeof(tally->where), "at %zu of %zu, mode %u, lies %u",
		 sim_cursor_at(c), t->done, how.mode, how.lies);
	tally->kinds[KIND_BETWEEN] += has_orphan(image);
	sim_must(stick_open(&s, image, false));
	sim_must(volume_listing(s.volume, &got));
	if (strcmp(got, t->after) != 0 &&
	    (sim_cursor_honest(c, how.lies) >= t->done || strcmp(got, t->before) != 0))
		sim_gate_fail("neither before nor after\n#   %.300s", got);
	free(got);
	check_whole(&s);
	sim_must(stick_close(&s));
	tally->kinds[t->job->kind]++;
	tally->crashes++;
}

static void trial(uint64_t seed, struct sim_tally *tally)
{
	const struct sim_options options = { .blocks_max = 65536, .step_blocks = 1024 };
	struct trial t = { .job = &jobs[seed % ARRAY_LEN(jobs)], .sim = sim_new(&options) };
	uint64_t random = seed, next = 0;
	struct sim_cursor *c;

	work(&t);
	c = sim_cursor_new(t.sim);
	do {
		if (sim_cursor_at(c) < next && sim_cursor_at(c) != t.done)
			continue;
		crash_once(&t, c, sim_random(&random), tally);
		next += 1 + sim_random(&random) % (2 * t.done / TRIAL_CRASHES + 1);
	} while (sim_cursor_step(c));
	sim_cursor_free(c);
	free(t.before);
	free(t.after);
	sim_free(t.sim);
}

static void long_removals_and_cuts_are_ended_after_a_crash(void **state)
{
	const struct sim_gate gate = { .crashes = QUICK_CRASHES,
				       .kinds = kinds,
				       .trial = trial,
				       .trials = sim_gate_is_long() ? 200 : 0,
				       .percent = 1 };
	struct sim_tally tally;

	assert_true(sim_gate_run(&gate, &tally));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_removals_and_cuts_are_ended_after_a_crash),
	};
	int failed;

	stick_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	stick_done();
	return failed;
}

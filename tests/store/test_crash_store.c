/* Work on a store, pull the disk anywhere, open what is left: a state that was committed, no older
 * than the last one acknowledged, every byte of it. The judge is an array. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"
#include "tests/store/sim_gate.h"

#define KEYS 48u
#define STATES 200u
#define VALUE_MAX 1500u
#define RECORD_MAX 30000u
/* Flushes taken back at most: what the holds of freed blocks are made for, the hard one on a full disk
 * and the soft one, which ends with the session, where there is room; beyond four, records are not
 * proved any more. */
#define LIES_FULL 2u
#define LIES_ROOMY 4u
#define ROOMY 4000u /* blocks */

enum kind { KIND_LIES = SIM_MODES, KIND_DROPPED, KIND_CHAINED, KIND_FULL, KIND_STEPPED, KINDS };
static const char *const kind_names[] = {
	[SIM_NONE] = "nothing unflushed arrived",
	[SIM_PREFIX] = "everything arrived",
	[SIM_SUBSET] = "some pages arrived",
	[SIM_TORN] = "some sectors arrived",
	[KIND_LIES] = "of these: flushes that lied",
	[KIND_DROPPED] = "of these: newest slot destroyed",
	[KIND_CHAINED] = "of these: after another crash",
	[KIND_FULL] = "of these: the disk had been full",
	[KIND_STEPPED] = "of these: stepped back",
	[KINDS] = NULL,
};

struct slot {
	bool there, record;
	uint32_t len, seed;
};
struct model {
	struct slot slots[KEYS];
};

/* What was committed, and when that was acknowledged. */
struct state {
	uint64_t first, last; /* generations */
	struct model model;
	size_t acked_at; /* trace length when the commit returned */
};

struct world {
	struct sim *sim;
	struct disk *disk;
	struct store *store;
	struct store_report report;
	struct model now;
	struct state states[STATES];
	unsigned count;
	uint64_t rng;
	bool was_full;
	unsigned lies;
	struct sim_tally *tally;
};

static struct secret *epoch_key;
static struct sign_key *host;
static struct store_door door;

static struct world *world_new(struct sim *sim, unsigned lies, uint64_t rng, struct sim_tally *tally)
{
	struct world *w = calloc(1, sizeof(*w));

	if (!w)
		sim_gate_fail("out of memory");
	*w = (struct world){.sim = sim, .lies = lies, .rng = rng, .tally = tally};
	return w;
}

static uint32_t dice(struct world *w, uint32_t sides)
{
	return (uint32_t)(sim_random(&w->rng) % sides);
}

static enum err open_disk(struct disk *disk, bool read_only, struct store **ret,
			  struct store_report *report)
{
	struct store_unlock unlock = {
		.doors = &door, .door_count = 1, .host_key = host, .read_only = read_only};

	memset(unlock.volume_id, 9, STORE_ID_LEN);
	return store_open(disk, &unlock, ret, report);
}

static void format(struct sim *sim)
{
	struct store_unlock unlock = {.doors = &door, .door_count = 1, .host_key = host};
	struct disk *disk = sim_disk(sim);
	uint8_t user[STORE_USER_LEN] = {0};

	memset(unlock.volume_id, 9, STORE_ID_LEN);
	sim_must(store_format(disk, &unlock, user));
	disk_close(disk);
}

/* ---- the map and its model ---- */

static struct store_key key_of(unsigned i)
{
	return (struct store_key){.object = i / 5, .kind = (uint8_t)(i % 5), .offset = i * 131u};
}

static void fill(uint8_t *buf, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf[i] = (uint8_t)(seed >> 24);
	}
}

static enum err put_value(struct world *w, const struct store_key *key, const struct slot *slot)
{
	uint8_t value[VALUE_MAX];
	enum err err;

	fill(value, slot->len, slot->seed);
	TRY(store_write_begin(w->store, 1, false));
	err = store_put(w->store, key, value, slot->len);
	store_write_end(w->store);
	return err;
}

static enum err put_record(struct world *w, const struct store_key *key, const struct slot *slot)
{
	static uint8_t data[RECORD_MAX];
	uint64_t blocks = store_record_blocks(slot->len);
	struct ref ref;
	enum err err;

	fill(data, slot->len, slot->seed);
	TRY(store_reserve(w->store, blocks, false));
	err = store_record_write(w->store, key, data, slot->len, &ref);
	store_unreserve(w->store, blocks);
	if (err != OK)
		return err;
	err = store_write_begin(w->store, 1, false);
	if (err == OK) {
		err = store_put_record(w->store, key, &ref, "tail", 4);
		store_write_end(w->store);
	}
	if (err != OK)
		store_record_drop(w->store, &ref);
	return err;
}

static void do_put(struct world *w)
{
	unsigned i = dice(w, KEYS);
	struct store_key key = key_of(i);
	struct slot slot = {.there = true, .record = dice(w, 3) == 0};
	enum err err;

	slot.seed = (uint32_t)sim_random(&w->rng);
	slot.len = 1 + dice(w, slot.record ? RECORD_MAX - 1 : VALUE_MAX - 1);
	err = slot.record ? put_record(w, &key, &slot) : put_value(w, &key, &slot);
	if (err == ERR_NO_SPACE) {
		w->was_full = true;
		return;
	}
	sim_must(err);
	w->now.slots[i] = slot;
}

static uint64_t generation_of(struct store *s)
{
	struct store_info info;

	store_info(s, &info);
	return info.generation;
}

static void remember(struct world *w, uint64_t first, uint64_t last)
{
	w->states[w->count++] = (struct state){
		.first = first, .last = last, .model = w->now, .acked_at = sim_trace_len(w->sim)};
}

static void do_commit(struct world *w, bool clean)
{
	uint8_t user[STORE_USER_LEN] = "user";
	uint64_t before = generation_of(w->store);

	if (w->count == STATES)
		return;
	memcpy(user + 8, &before, sizeof(before));
	sim_must(store_commit_seal(w->store, user, clean));
	sim_must(store_commit_flush(w->store));
	remember(w, before + 1, generation_of(w->store));
}

/* Deleting works on a full disk too, after the commits that ripen what was freed. */
static void begin_freeing(struct world *w)
{
	enum err err = store_write_begin(w->store, 1, true);

	for (unsigned i = 0; i < 2 && err == ERR_NO_SPACE; i++) {
		do_commit(w, false);
		err = store_write_begin(w->store, 1, true);
	}
	sim_must(err);
}

static void do_delete(struct world *w)
{
	unsigned i = dice(w, KEYS);
	struct store_key key = key_of(i);
	enum err err;

	begin_freeing(w);
	err = store_delete(w->store, &key);
	store_write_end(w->store);
	if (err != (w->now.slots[i].there ? OK : ERR_NOT_FOUND))
		sim_gate_fail("delete of key %u: %s", i, err_name(err));
	w->now.slots[i].there = false;
}

static const char *slot_differs(struct store *s, unsigned i, const struct slot *want)
{
	static uint8_t expected[RECORD_MAX], got[RECORD_MAX + DISK_BLOCK];
	struct store_key key = key_of(i);
	struct store_view view;
	enum err err = store_find(s, &key, &view);

	if (!want->there)
		return err == ERR_NOT_FOUND ? NULL : "is there";
	if (err != OK)
		return err_name(err);
	if (view.has_record != want->record)
		return "is of another kind";
	fill(expected, want->len, want->seed);
	if (!want->record)
		return view.len == want->len && memcmp(view.value, expected, want->len) == 0 ?
			       NULL : "has another value";
	if (view.record.extra != want->len)
		return "has another length";
	err = store_record_read(s, &key, &view.record, got);
	if (err != OK)
		return err_name(err);
	return memcmp(got, expected, want->len) == 0 ? NULL : "has other content";
}

static void compare(struct store *s, const struct model *m)
{
	store_read_begin(s);
	for (unsigned i = 0; i < KEYS; i++) {
		const char *wrong = slot_differs(s, i, &m->slots[i]);

		if (wrong)
			sim_gate_fail("key %u %s", i, wrong);
	}
	store_read_end(s);
}

static void check_whole(struct store *s)
{
	struct store_check ask = {0};
	struct store_check_result r;

	sim_must(store_check(s, &ask, &r));
	if (r.bad_nodes + r.bad_records + r.unreachable_blocks + r.doubly_used_blocks > 0)
		sim_gate_fail("check: %llu nodes, %llu records, %llu unreachable, %llu doubly used",
			      (unsigned long long)r.bad_nodes, (unsigned long long)r.bad_records,
			      (unsigned long long)r.unreachable_blocks,
			      (unsigned long long)r.doubly_used_blocks);
}

/* The program dies and comes back: what was not committed is gone. */
static void do_reopen(struct world *w)
{
	store_close(w->store);
	sim_must(open_disk(w->disk, false, &w->store, &w->report));
	w->now = w->states[w->count - 1].model;
	if (w->report.generation != w->states[w->count - 1].last)
		sim_gate_fail("generation %llu after reopening",
			      (unsigned long long)w->report.generation);
}

static void work(struct world *w, unsigned steps)
{
	unsigned puts = 4 + dice(w, 8);

	for (unsigned i = 0; i < steps; i++) {
		unsigned what = dice(w, 16);

		if (w->lies == LIES_FULL && dice(w, 24) == 0)
			do_reopen(w);
		else if (what < puts)
			do_put(w);
		else if (what < 13)
			do_delete(w);
		else
			do_commit(w, dice(w, 6) == 0);
	}
}

/* ---- crashes ---- */

static struct state *state_of(struct world *w, uint64_t gen)
{
	for (unsigned i = 0; i < w->count; i++)
		if (w->states[i].first <= gen && gen <= w->states[i].last)
			return &w->states[i];
	return NULL;
}

/* The state that was acknowledged `back` commits before the newest acknowledged at trace length `at`. */
static const struct state *acknowledged(const struct world *w, size_t at, unsigned back)
{
	unsigned i = 0;

	while (i + 1 < w->count && w->states[i + 1].acked_at <= at)
		i++;
	return &w->states[i > back ? i - back : 0];
}

static void trial_at(struct world *w, const struct model *m, uint64_t gen, unsigned depth);

static void count_kinds(struct world *w, const struct sim_crash *how, unsigned depth,
			const struct store_report *report)
{
	w->tally->crashes++;
	w->tally->kinds[how->mode]++;
	w->tally->kinds[KIND_LIES] += how->lies > 0;
	w->tally->kinds[KIND_DROPPED] += how->drop_newest_slot;
	w->tally->kinds[KIND_CHAINED] += depth > 0;
	w->tally->kinds[KIND_FULL] += w->was_full;
	w->tally->kinds[KIND_STEPPED] += report->steps_back > 0;
}

static void crash_check(struct world *w, struct sim *image, const struct sim_cursor *c,
			const struct sim_crash *how, unsigned depth)
{
	CLEANUP(disk_closep) struct disk *disk = sim_disk(image);
	const struct state *least =
		acknowledged(w, sim_cursor_honest(c, how->lies), how->drop_newest_slot ? 1 : 0);
	struct store_report report;
	struct state *state;
	struct store *s;

	sim_must(open_disk(disk, how->seed % 2, &s, &report));
	state = state_of(w, report.generation);
	if (!state)
		sim_gate_fail("generation %llu was never committed",
			      (unsigned long long)report.generation);
	if (state < least || report.damaged)
		sim_gate_fail("generation %llu, but %llu was acknowledged%s",
			      (unsigned long long)report.generation,
			      (unsigned long long)least->first,
			      report.damaged ? "; damaged" : "");
	compare(s, &state->model);
	if (how->seed % 16 == 0)
		check_whole(s);
	store_close(s);
	count_kinds(w, how, depth, &report);
}

static void crash(struct world *w, const struct sim_cursor *c, const struct sim_crash *how,
		  unsigned depth)
{
	CLEANUP(sim_freep) struct sim *image = sim_cursor_crash(c, how);
	struct store_report report;
	struct store *s;
	struct disk *disk;

	snprintf(w->tally->where, sizeof(w->tally->where),
		 "depth %u, event %zu, mode %u, lies %u%s, dropped %d, crash seed %llu", depth,
		 sim_cursor_at(c), how->mode, how->lies, how->heads_arrived ? " of DATA" : "",
		 how->drop_newest_slot,
		 (unsigned long long)how->seed);
	if (depth < 2 && how->seed % 64 == 0) {
		CLEANUP(sim_freep) struct sim *copy = sim_copy(image);
		struct world *chained;

		/* Which state will it be? Asked of a copy, since opening may write. */
		disk = sim_disk(image);
		sim_must(open_disk(disk, true, &s, &report));
		store_close(s);
		disk_close(disk);
		if (!state_of(w, report.generation))
			sim_gate_fail("generation %llu was never committed",
				      (unsigned long long)report.generation);
		chained = world_new(copy, w->lies, how->seed, w->tally);
		trial_at(chained, &state_of(w, report.generation)->model, report.generation, depth + 1);
		free(chained);
	}
	crash_check(w, image, c, how, depth);
}

static struct sim_crash some_crash(struct world *w, const struct sim_cursor *c)
{
	struct sim_crash how = {.mode = (enum sim_mode)dice(w, SIM_MODES)};

	how.seed = sim_random(&w->rng);
	if (dice(w, 3) == 0) {
		how.lies = 1 + dice(w, w->lies);
		how.heads_arrived = dice(w, 2);
	} else if (sim_cursor_has_slot(c) && dice(w, 6) == 0) {
		how.drop_newest_slot = true;
	}
	return how;
}

static void crash_everywhere(struct world *w, unsigned depth)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = sim_cursor_new(w->sim);

	do {
		unsigned times = depth > 0 ? dice(w, 8) == 0 : sim_cursor_at_flush(c) ? 3 : 1;

		while (times-- > 0) {
			struct sim_crash how = some_crash(w, c);

			crash(w, c, &how, depth);
		}
	} while (sim_cursor_step(c));
}

/* A state that was passed over is never met again, and no generation is used twice. */
static void check_passed_over(struct world *w)
{
	CLEANUP(sim_freep) struct sim *copy = sim_copy(w->sim);
	CLEANUP(disk_closep) struct disk *disk = sim_disk(copy);
	uint64_t newest = w->report.newest_seen;
	struct store_report report;
	struct store *s;

	sim_must(open_disk(disk, true, &s, &report));
	store_close(s);
	if (report.steps_back > 0 || report.newest_seen != report.generation)
		sim_gate_fail("generation %llu is still there", (unsigned long long)newest);
	do_commit(w, false);
	if (w->report.steps_back > 0 && generation_of(w->store) <= newest + 1)
		sim_gate_fail("generation %llu again", (unsigned long long)newest);
}

/* Opens what is there, which must be `m`, works on, and crashes everywhere on the way. */
static void trial_at(struct world *w, const struct model *m, uint64_t gen, unsigned depth)
{
	w->now = *m;
	sim_trace_begin(w->sim);
	w->disk = sim_disk(w->sim);
	remember(w, gen, gen);
	sim_must(open_disk(w->disk, false, &w->store, &w->report));
	if (w->report.generation != gen)
		sim_gate_fail("opened generation %llu, then %llu", (unsigned long long)gen,
			      (unsigned long long)w->report.generation);
	check_passed_over(w);
	work(w, depth > 0 ? 25 : 60 + dice(w, 60));
	compare(w->store, &w->now);
	do_commit(w, dice(w, 2));
	check_whole(w->store);
	store_close(w->store);
	disk_close(w->disk);
	crash_everywhere(w, depth);
}

static void trial(uint64_t seed, struct sim_tally *tally)
{
	static const uint64_t sizes[] = {72, 90, 110, 140, 200, ROOMY};
	uint64_t rng = seed;
	struct sim_options options = {.blocks_max = sizes[sim_random(&rng) % ARRAY_LEN(sizes)],
				      .step_blocks = 1 + sim_random(&rng) % 32};
	CLEANUP(sim_freep) struct sim *sim = sim_new(&options);
	struct model none = {0};
	struct world *w;

	format(sim);
	w = world_new(sim, options.blocks_max == ROOMY ? LIES_ROOMY : LIES_FULL, rng, tally);
	trial_at(w, &none, 2, 0);
	free(w);
}

static void every_crash_leaves_a_state_that_was_committed(void **state)
{
	struct sim_gate gate = {
		.crashes = 6000, .kinds = kind_names, .trial = trial, .percent = 30};
	struct sim_tally tally;

	assert_true(sim_gate_run(&gate, &tally));
	for (unsigned i = 0; i < KINDS; i++)
		assert_true(tally.crashes < 5000 || tally.kinds[i] > 0);
}

/* Nobody knows what of it got there, so nothing may be built on it. */
static void after_a_failed_write_or_flush_nothing_changes_any_more(void **state)
{
	static const enum sim_op ops[] = {SIM_WRITE, SIM_FLUSH};
	const uint8_t user[STORE_USER_LEN] = {0};
	struct sim_tally none = {0};

	for (unsigned i = 0; i < 2 * ARRAY_LEN(ops); i++) {
		CLEANUP(sim_freep) struct sim *sim = sim_new(NULL);
		struct world *w = world_new(sim, LIES_FULL, i, &none);
		enum sim_op op = ops[i / 2];
		struct store_key key = key_of(1);

		format(sim);
		w->disk = sim_disk(sim);
		assert_ok(open_disk(w->disk, false, &w->store, &w->report));
		assert_ok(store_write_begin(w->store, 1, false));
		assert_ok(store_put(w->store, &key, "value", 5));
		store_write_end(w->store);
		sim_fail(sim, op, sim_count(sim, op) + i % 2, ERR_IO, false);
		if (store_commit_seal(w->store, user, false) == OK)
			assert_err(store_commit_flush(w->store), ERR_IO);
		assert_true(sim_has_failed(sim));
		assert_err(store_write_begin(w->store, 1, true), ERR_FROZEN);
		assert_err(store_commit_seal(w->store, user, false), ERR_FROZEN);
		store_close(w->store);
		disk_close(w->disk);
		free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_crash_leaves_a_state_that_was_committed),
		cmocka_unit_test(after_a_failed_write_or_flush_nothing_changes_any_more),
	};
	int failed;

	if (crypto_init() != OK || secret_random(32, &epoch_key) != OK ||
	    sign_key_random(&host) != OK)
		return 1;
	door = (struct store_door){.epoch = 1, .epoch_key = epoch_key};
	memset(door.keyfile_sha256, 7, SHA256_LEN);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_free(epoch_key);
	sign_key_free(host);
	return failed;
}

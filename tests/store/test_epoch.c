/* New epochs: the old key opens nothing that comes after, whatever moment the medium is pulled at,
 * and everything moves over to the new key without a byte lost. */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"
#include "tests/store/sim_gate.h"

#define ITEMS 900u
#define RECORD_EVERY 3u

/* What the KEY files of both epochs would give. */
static struct secret *keys[FORMAT_EPOCHS_MAX + 2];
static struct sign_key *host;

static struct store_door door_of(uint32_t epoch, uint32_t oldest)
{
	struct store_door door = {.epoch = epoch, .epoch_key = keys[epoch]};

	memset(door.keyfile_sha256, (int)epoch, SHA256_LEN);
	for (uint32_t e = oldest; e < epoch; e++) {
		door.older.epoch[door.older.count] = e;
		door.older.key[door.older.count++] = keys[e];
	}
	return door;
}

struct fixture {
	struct sim *sim;
	struct disk *disk;
	struct store *store;
	struct store_report report;
};

static enum err open_with(struct fixture *f, const struct store_door *doors, unsigned count,
			  bool read_only)
{
	struct store_unlock unlock = {
		.doors = doors, .door_count = count, .host_key = host, .read_only = read_only};

	memset(unlock.volume_id, 9, STORE_ID_LEN);
	return store_open(f->disk, &unlock, &f->store, &f->report);
}

static void close_store(struct fixture *f)
{
	store_close(f->store);
	f->store = NULL;
}

static void commit(struct fixture *f)
{
	uint8_t user[STORE_USER_LEN] = "user";

	assert_ok(store_commit_seal(f->store, user, false));
	assert_ok(store_commit_flush(f->store));
}

static struct store_key key_of(unsigned i)
{
	return (struct store_key){.object = 1 + i / 9, .kind = (uint8_t)(i % 9), .offset = i * 77u};
}

static size_t len_of(unsigned i)
{
	return i % RECORD_EVERY == 0 ? 1 + i * 37u % 16000 : i * 13u % 300;
}

static void fill(uint8_t *buf, unsigned i)
{
	memset(buf, (int)(i % 251 + 1), len_of(i));
}

static void put_item(struct fixture *f, unsigned i)
{
	static uint8_t buf[STORE_RECORD_MAX];
	struct store_key key = key_of(i);
	bool record = i % RECORD_EVERY == 0;
	struct ref ref;

	fill(buf, i);
	if (record) {
		assert_ok(store_reserve(f->store, store_record_blocks(len_of(i)), false));
		assert_ok(store_record_write(f->store, &key, buf, len_of(i), &ref));
		store_unreserve(f->store, store_record_blocks(len_of(i)));
	}
	assert_ok(store_write_begin(f->store, 1, false));
	if (record)
		assert_ok(store_put_record(f->store, &key, &ref, "beside", 6));
	else
		assert_ok(store_put(f->store, &key, buf, len_of(i)));
	store_write_end(f->store);
}

static void check_item(struct fixture *f, unsigned i)
{
	static uint8_t buf[STORE_RECORD_MAX], want[STORE_RECORD_MAX];
	struct store_key key = key_of(i);
	struct store_view view;

	fill(want, i);
	store_read_begin(f->store);
	if (store_find(f->store, &key, &view) != OK)
		sim_gate_fail("item %u is gone", i);
	if (view.has_record) {
		if (view.record.extra != len_of(i) || view.len != 6)
			sim_gate_fail("item %u has another length", i);
		sim_must(store_record_read(f->store, &key, &view.record, buf));
	} else {
		if (view.len != len_of(i))
			sim_gate_fail("item %u has another length", i);
		memcpy(buf, view.value, view.len);
	}
	store_read_end(f->store);
	if (memcmp(buf, want, len_of(i)) != 0)
		sim_gate_fail("item %u has other content", i);
}

static void check_items(struct fixture *f, unsigned step)
{
	struct store_check_result result;
	struct store_check ask = {0};

	for (unsigned i = 0; i < ITEMS; i += step)
		check_item(f, i);
	sim_must(store_check(f->store, &ask, &result));
	if (result.bad_nodes || result.bad_records || result.unreachable_blocks ||
	    result.doubly_used_blocks)
		sim_gate_fail("the check found damage");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_door door = door_of(1, 1);
	struct store_unlock unlock = {.doors = &door, .door_count = 1, .host_key = host};
	uint8_t user[STORE_USER_LEN] = "user";

	sim_gate_seed(7);
	f->sim = sim_new(&(struct sim_options){0});
	f->disk = sim_disk(f->sim);
	memset(unlock.volume_id, 9, STORE_ID_LEN);
	assert_ok(store_format(f->disk, &unlock, user));
	assert_ok(open_with(f, &door, 1, false));
	for (unsigned i = 0; i < ITEMS; i++) {
		put_item(f, i);
		if (i % 100 == 99)
			commit(f);
	}
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_store(f);
	disk_close(f->disk);
	sim_free(f->sim);
	free(f);
	return 0;
}

static void rekey(struct fixture *f, uint32_t epoch)
{
	struct store_door door = door_of(epoch, epoch);

	assert_ok(store_rekey(f->store, &door));
}

/* Commits now and then, as a committer would. */
static void reseal_all(struct fixture *f, uint64_t blocks)
{
	struct store_reseal at = {0};
	bool more = true;

	for (unsigned steps = 1; more; steps++) {
		assert_ok(store_reseal_step(f->store, blocks, &at, &more));
		if (steps % 4 == 0)
			commit(f);
	}
	assert_false(at.skipped);
	commit(f);
}

/* ---- stories ---- */

static void after_a_rekey_the_old_key_opens_no_state(void **state)
{
	struct fixture *f = *state;
	struct store_door old = door_of(1, 1), fresh = door_of(2, 1);

	rekey(f, 2);
	close_store(f);
	assert_err(open_with(f, &old, 1, true), ERR_FORGED);
	assert_ok(open_with(f, &fresh, 1, false));
	assert_false(f->report.unsettled);
	check_items(f, 1);
}

/* Every block of the medium is tried as a node with the old keys. */
static uint64_t newest_birth_under(struct fixture *f, uint32_t epoch)
{
	static uint8_t node[FORMAT_NODE_LEN], page[FORMAT_PAGE_LEN];
	uint8_t id[STORE_ID_LEN];
	struct sealer *sealer;
	uint64_t newest = 0;
	struct ref ref;

	memset(id, 9, sizeof(id));
	assert_ok(sealer_new(id, &sealer));
	assert_ok(sealer_add_epoch(sealer, epoch, keys[epoch]));
	for (uint64_t at = 0; at + FORMAT_NODE_BLOCKS <= sim_blocks(f->sim); at++) {
		assert_ok(disk_read(f->disk, DISK_DATA, at * DISK_BLOCK, node, sizeof(node)));
		if (sealer_find_node(sealer, at, node, page, &ref) == OK)
			newest = MAX(newest, ref.birth);
	}
	sealer_free(sealer);
	return newest;
}

static void what_is_written_after_a_rekey_is_closed_to_the_old_key(void **state)
{
	struct fixture *f = *state;
	struct store_info info;
	uint64_t before;

	store_info(f->store, &info);
	before = info.generation;
	rekey(f, 2);
	for (unsigned i = 0; i < ITEMS; i += 10)
		put_item(f, i);
	commit(f);
	assert_true(newest_birth_under(f, 1) <= before);
	assert_true(newest_birth_under(f, 2) > before);
}

static void resealing_moves_everything_to_the_new_key(void **state)
{
	struct fixture *f = *state;
	struct store_door fresh = door_of(2, 2);
	struct store_info info;

	rekey(f, 2);
	store_info(f->store, &info);
	assert_true(info.older_blocks > 0);
	assert_int_equal(store_oldest_epoch(f->store), 1);
	assert_err(store_end_older_epochs(f->store), ERR_BUSY);
	reseal_all(f, 32);
	assert_int_equal(store_oldest_epoch(f->store), 2);
	assert_ok(store_end_older_epochs(f->store));
	check_items(f, 1);
	close_store(f);
	assert_ok(open_with(f, &fresh, 1, false)); /* without any older key */
	check_items(f, 1);
	store_info(f->store, &info);
	assert_int_equal(info.older_blocks, 0);
}

static void resealing_goes_on_where_it_was_left(void **state)
{
	struct fixture *f = *state;
	struct store_door fresh = door_of(2, 1);
	struct store_reseal at = {0};
	uint64_t before, rest;
	bool more;

	rekey(f, 2);
	for (unsigned i = 0; i < 12; i++)
		assert_ok(store_reseal_step(f->store, 32, &at, &more));
	assert_true(more);
	commit(f);
	before = at.total_blocks;
	close_store(f);
	assert_ok(open_with(f, &fresh, 1, false));
	memset(&at, 0, sizeof(at));
	assert_ok(store_reseal_step(f->store, 32, &at, &more));
	rest = at.total_blocks;
	assert_true(rest < before && rest > 0);
	reseal_all(f, 32);
	assert_int_equal(store_oldest_epoch(f->store), 2);
	check_items(f, 1);
}

static void changes_between_the_steps_are_kept(void **state)
{
	struct fixture *f = *state;
	struct store_reseal at = {0};
	bool more = true;

	rekey(f, 2);
	for (unsigned i = 0; more; i++) {
		unsigned gone = ITEMS - 1 - i * 3 % 300;

		assert_ok(store_reseal_step(f->store, 8, &at, &more));
		put_item(f, gone);
		if (i % 5 == 0)
			commit(f);
	}
	commit(f);
	check_items(f, 1);
	assert_int_equal(store_oldest_epoch(f->store), 2);
}

static void eight_epochs_are_open_at_a_time_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct store_door nine = door_of(9, 9), all = door_of(8, 1);

	for (uint32_t epoch = 2; epoch <= FORMAT_EPOCHS_MAX; epoch++) {
		rekey(f, epoch);
		put_item(f, epoch * 10);
		commit(f);
	}
	assert_err(store_rekey(f->store, &nine), ERR_TOO_MANY_EPOCHS);
	put_item(f, 5); /* nothing happened */
	commit(f);
	check_items(f, 1);
	close_store(f);
	assert_ok(open_with(f, &all, 1, false));
	check_items(f, 1);
	reseal_all(f, 64);
	assert_ok(store_end_older_epochs(f->store));
	rekey(f, 9);
	check_items(f, 1);
}

static void a_record_that_cannot_be_read_is_skipped_and_told(void **state)
{
	struct fixture *f = *state;
	struct store_reseal at = {0};
	struct store_key key = key_of(300);
	struct store_view view;
	bool more = true;

	commit(f);
	store_read_begin(f->store);
	assert_ok(store_find(f->store, &key, &view));
	sim_flip(f->sim, DISK_DATA, view.record.addr * DISK_BLOCK + 5, 1);
	store_read_end(f->store);
	rekey(f, 2);
	while (more)
		assert_ok(store_reseal_step(f->store, 32, &at, &more));
	commit(f);
	assert_true(at.skipped);
	assert_int_equal(store_oldest_epoch(f->store), 1);
	for (unsigned i = 0; i < ITEMS; i++)
		if (i != 300)
			check_item(f, i);
}

static void count_progress(void *ctx, uint64_t done, uint64_t total)
{
	*(uint64_t *)ctx += 1;
	assert_true(done <= total);
}

/* Nothing of what was deleted is on the medium any more, under any key. */
static void purging_leaves_nothing_of_what_was_deleted(void **state)
{
	struct fixture *f = *state;
	static uint8_t block[DISK_BLOCK];
	struct store_key key = key_of(600);
	struct store_view view;
	struct ref old;
	uint64_t calls = 0;

	store_read_begin(f->store);
	assert_ok(store_find(f->store, &key, &view));
	old = view.record;
	store_read_end(f->store);
	assert_ok(disk_read(f->disk, DISK_DATA, old.addr * DISK_BLOCK, block, sizeof(block)));
	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(store_delete(f->store, &key));
	store_write_end(f->store);
	commit(f);
	assert_ok(store_purge(f->store, count_progress, &calls));
	assert_true(calls > 0);
	for (uint64_t at = 0; at < sim_blocks(f->sim); at++)
		assert_memory_not_equal(sim_page(f->sim, DISK_DATA, at), block, sizeof(block));
	for (unsigned i = 0; i < ITEMS; i++)
		if (i != 600)
			check_item(f, i);
	put_item(f, 600); /* and the space is there for use */
	commit(f);
	check_items(f, 1);
}

/* ---- pulled at any moment ---- */

enum { KIND_OLD = SIM_MODES, KIND_NEW, KIND_UNSETTLED, KIND_LIES, KINDS };
static const char *const kind_names[] = {
	[SIM_NONE] = "nothing unflushed arrived",
	[SIM_PREFIX] = "everything arrived",
	[SIM_SUBSET] = "some pages arrived",
	[SIM_TORN] = "some sectors arrived",
	[KIND_OLD] = "of these: the old epoch was in force",
	[KIND_NEW] = "of these: the new epoch was in force",
	[KIND_UNSETTLED] = "of these: the old key still opened a slot",
	[KIND_LIES] = "of these: flushes that lied",
	[KINDS] = NULL,
};

static void judge_settled(struct fixture *f)
{
	struct store_door old = door_of(1, 1), fresh = door_of(2, 1);

	close_store(f);
	if (open_with(f, &old, 1, true) != ERR_FORGED)
		sim_gate_fail("the old key opens a state");
	if (open_with(f, &fresh, 1, true) != OK || f->report.unsettled)
		sim_gate_fail("the new key does not open it settled: %s", err_detail());
	check_items(f, 17);
}

static void judge(struct sim *image, struct sim_tally *tally)
{
	struct store_door both[2] = {door_of(1, 1), door_of(2, 1)};
	struct fixture f = {.sim = image, .disk = sim_disk(image)};
	struct store_info info;

	sim_must(open_with(&f, both, 2, false));
	check_items(&f, 17);
	store_info(f.store, &info);
	tally->kinds[info.epoch == 1 ? KIND_OLD : KIND_NEW]++;
	tally->kinds[KIND_UNSETTLED] += f.report.unsettled;
	if (f.report.unsettled)
		sim_must(store_settle(f.store));
	if (info.epoch == 2)
		judge_settled(&f);
	close_store(&f);
	disk_close(f.disk);
	tally->crashes++;
}

static void trial(uint64_t seed, struct sim_tally *tally)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *cursor = NULL;
	struct fixture *f;
	void *state;
	uint64_t rng = seed;

	setup(&state);
	f = state;
	commit(f);
	sim_gate_seed(seed);
	sim_trace_begin(f->sim);
	rekey(f, 2);
	reseal_all(f, 16 + sim_random(&rng) % 200);
	if (store_end_older_epochs(f->store) != OK)
		sim_gate_fail("epoch 1 did not end");
	cursor = sim_cursor_new(f->sim);
	while (sim_cursor_step(cursor)) {
		struct sim_crash how = {.mode = (enum sim_mode)(sim_random(&rng) % SIM_MODES),
					.seed = sim_random(&rng),
					.lies = (unsigned)(sim_random(&rng) % 5)};
		struct sim *image;

		if (sim_cursor_at(cursor) > 200 && sim_random(&rng) % 6)
			continue;
		image = sim_cursor_crash(cursor, &how);
		tally->kinds[how.mode]++;
		tally->kinds[KIND_LIES] += how.lies > 0;
		judge(image, tally);
		sim_free(image);
	}
	sim_cursor_free(TAKE(cursor));
	teardown(&state);
	tally->trials++;
}

static void pulled_at_any_moment_one_epoch_opens_and_nothing_is_lost(void **state)
{
	struct sim_gate gate = {.crashes = 400, .kinds = kind_names, .trial = trial, .percent = 1};
	struct sim_tally tally;

	assert_true(sim_gate_run(&gate, &tally));
	assert_true(tally.kinds[KIND_OLD] > 0 && tally.kinds[KIND_NEW] > 0);
	assert_true(tally.kinds[KIND_UNSETTLED] > 0);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(after_a_rekey_the_old_key_opens_no_state),
		STORY(what_is_written_after_a_rekey_is_closed_to_the_old_key),
		STORY(resealing_moves_everything_to_the_new_key),
		STORY(resealing_goes_on_where_it_was_left),
		STORY(changes_between_the_steps_are_kept),
		STORY(eight_epochs_are_open_at_a_time_and_no_more),
		STORY(a_record_that_cannot_be_read_is_skipped_and_told),
		STORY(purging_leaves_nothing_of_what_was_deleted),
		cmocka_unit_test(pulled_at_any_moment_one_epoch_opens_and_nothing_is_lost),
	};

	if (crypto_init() != OK || sign_key_random(&host) != OK)
		return 1;
	for (unsigned i = 1; i < ARRAY_LEN(keys); i++)
		if (secret_random(32, &keys[i]) != OK)
			return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

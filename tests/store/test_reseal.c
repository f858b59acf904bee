/* Everything is sealed anew, and what changes meanwhile stays as the change left it. */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"

#define LEN 9000u

/* A disk that calls back before its next write of DATA. */
struct meddler {
	struct disk disk; /* first member */
	struct disk *below;
	void (*meanwhile)(struct meddler *m);
	struct store *store;
};

static struct meddler *meddler_of(struct disk *d)
{
	return (struct meddler *)d;
}

static enum err pass_read(struct disk *d, enum disk_area area, uint64_t off, void *buf, size_t len)
{
	return disk_read(meddler_of(d)->below, area, off, buf, len);
}

static enum err pass_write(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			   size_t len)
{
	struct meddler *m = meddler_of(d);
	void (*meanwhile)(struct meddler *m) = area == DISK_DATA ? TAKE(m->meanwhile) : NULL;

	if (meanwhile)
		meanwhile(m);
	return disk_write(m->below, area, off, buf, len);
}

static enum err pass_flush(struct disk *d, enum disk_area area)
{
	return disk_flush(meddler_of(d)->below, area);
}

static enum err pass_grow(struct disk *d, uint64_t blocks)
{
	return disk_grow(meddler_of(d)->below, blocks);
}

static enum err pass_list(struct disk *d, struct disk_info *ret)
{
	return disk_list(meddler_of(d)->below, ret);
}

static const struct disk_ops pass_ops = {
	.read = pass_read,
	.write = pass_write,
	.flush = pass_flush,
	.grow = pass_grow,
	.list = pass_list,
};

/* ---- a store with one record, in its second epoch ---- */

static const struct store_key the_key = { .object = 4, .kind = 2, .offset = 77 };

static void put_record(struct store *s, int byte)
{
	uint8_t *data = malloc(LEN);
	struct ref ref;

	memset(data, byte, LEN);
	assert_ok(store_reserve(s, store_record_blocks(LEN), false));
	assert_ok(store_record_write(s, &the_key, data, LEN, &ref));
	store_unreserve(s, store_record_blocks(LEN));
	assert_ok(store_write_begin(s, 1, false));
	assert_ok(store_put_record(s, &the_key, &ref, "beside", 6));
	store_write_end(s);
	free(data);
}

static void commit(struct store *s)
{
	const uint8_t user[STORE_USER_LEN] = { 1 };

	assert_ok(store_commit_seal(s, user, false));
	assert_ok(store_commit_flush(s));
}

static struct secret *keys[3];
static struct sign_key *host;

static struct store_door door_of(uint32_t epoch)
{
	struct store_door door = { .epoch = epoch, .epoch_key = keys[epoch - 1] };

	memset(door.keyfile_sha256, (int)epoch, SHA256_LEN);
	for (uint32_t e = 1; e < epoch; e++) {
		door.older.epoch[door.older.count] = e;
		door.older.key[door.older.count++] = keys[e - 1];
	}
	return door;
}

static void open_in_second_epoch(struct meddler *m, struct sim *sim, void (*fill)(struct store *s))
{
	struct store_door first = door_of(1), second = door_of(2);
	struct store_unlock unlock = { .doors = &first, .door_count = 1, .host_key = host };
	const uint8_t user[STORE_USER_LEN] = { 0 };
	struct store_report report;

	*m = (struct meddler){ .disk = { .ops = &pass_ops }, .below = sim_disk(sim) };
	assert_ok(store_format(&m->disk, &unlock, user));
	assert_ok(store_open(&m->disk, &unlock, &m->store, &report));
	fill(m->store);
	commit(m->store);
	assert_ok(store_rekey(m->store, &second));
}

/* The record is there with this content, or nothing is (0); and no block is lost or used twice. */
static void expect(struct store *s, int byte)
{
	uint8_t got[STORE_RECORD_MAX];
	struct store_check ask = { 0 };
	struct store_check_result r;
	struct store_view view;

	commit(s);
	if (byte == 0) {
		assert_err(store_find(s, &the_key, &view), ERR_NOT_FOUND);
	} else {
		assert_ok(store_find(s, &the_key, &view));
		assert_int_equal(view.record.epoch, 2);
		assert_ok(store_record_read(s, &the_key, &view.record, got));
		assert_int_equal(got[0], byte);
		assert_int_equal(got[LEN - 1], byte);
	}
	assert_ok(store_check(s, &ask, &r));
	assert_int_equal(r.bad_nodes + r.bad_records + r.unreachable_blocks + r.doubly_used_blocks, 0);
}

static void fill_one_record(struct store *s)
{
	put_record(s, 'a');
}

/* Many leaves, and no record in any. */
static void fill_values(struct store *s)
{
	static const uint8_t value[300] = { 5 };

	for (uint64_t i = 0; i < 400; i++) {
		struct store_key key = { .object = i, .kind = 1 };

		assert_ok(store_write_begin(s, 1, false));
		assert_ok(store_put(s, &key, value, sizeof(value)));
		store_write_end(s);
	}
}

static void reseal_while(void (*meanwhile)(struct meddler *m), int byte)
{
	CLEANUP(sim_freep) struct sim *sim = sim_new(NULL);
	struct store_reseal at = { 0 };
	struct meddler m;
	bool more = true;

	open_in_second_epoch(&m, sim, fill_one_record);
	m.meanwhile = meanwhile;
	while (more)
		assert_ok(store_reseal_step(m.store, 64, &at, &more));
	assert_null(m.meanwhile);
	expect(m.store, byte);
	assert_int_equal(store_oldest_epoch(m.store), 2);
	store_close(m.store);
	disk_close(m.below);
}

static void write_meanwhile(struct meddler *m)
{
	put_record(m->store, 'b');
}

static void delete_meanwhile(struct meddler *m)
{
	assert_ok(store_write_begin(m->store, 1, true));
	assert_ok(store_delete(m->store, &the_key));
	store_write_end(m->store);
}

/* Even a commit, so that the blocks of before are on their way to others. */
static void write_and_commit_meanwhile(struct meddler *m)
{
	put_record(m->store, 'c');
	commit(m->store);
}

static void what_is_written_while_it_is_sealed_anew_stays(void **state)
{
	reseal_while(write_meanwhile, 'b');
	reseal_while(write_and_commit_meanwhile, 'c');
}

static void what_is_deleted_while_it_is_sealed_anew_stays_deleted(void **state)
{
	reseal_while(delete_meanwhile, 0);
}

static void leaves_without_records_are_sealed_anew_too(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_new(NULL);
	struct store_reseal at = { 0 };
	unsigned steps = 0;
	struct meddler m;
	bool more = true;

	open_in_second_epoch(&m, sim, fill_values);
	for (; more; steps++)
		assert_ok(store_reseal_step(m.store, 64, &at, &more));
	commit(m.store);
	assert_int_equal(store_oldest_epoch(m.store), 2);
	assert_true(steps > 5);
	assert_ok(store_end_older_epochs(m.store));
	store_close(m.store);
	disk_close(m.below);
}

/* A new epoch began, and its only state so far is not whole. */
static void a_state_from_before_a_new_epoch_is_gone_on_with_in_the_new_one(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_new(NULL);
	CLEANUP(sim_freep) struct sim *image = NULL;
	CLEANUP(sim_cursor_freep) struct sim_cursor *cursor = NULL;
	CLEANUP(disk_closep) struct disk *disk = NULL;
	const struct sim_crash honest = { .mode = SIM_NONE };
	struct store_door doors[2] = { door_of(1), door_of(2) };
	struct store_unlock unlock = { .doors = doors, .door_count = 2, .host_key = host };
	struct store_report report;
	struct store_info info;
	struct meddler m;
	struct ref root;
	struct store *s;

	open_in_second_epoch(&m, sim, fill_one_record);
	store_close(m.store);
	doors[0] = door_of(2);
	unlock.door_count = 1;
	assert_ok(store_open(&m.disk, &unlock, &m.store, &report));
	put_record(m.store, 'b');
	commit(m.store);
	tree_root(m.store->tree, &root);
	doors[0] = door_of(3);
	sim_trace_begin(sim);
	assert_ok(store_rekey(m.store, &doors[0]));
	cursor = sim_cursor_new(sim);
	while (!sim_cursor_has_slot(cursor))
		assert_true(sim_cursor_step(cursor));
	image = sim_cursor_crash(cursor, &honest);
	sim_flip(image, DISK_DATA, root.addr * DISK_BLOCK + 100, 1);
	disk = sim_disk(image);
	doors[0] = door_of(2);
	doors[1] = door_of(3);
	unlock.door_count = 2;
	assert_ok(store_open(disk, &unlock, &s, &report));
	store_info(s, &info);
	assert_true(report.steps_back > 0 && report.unsettled);
	assert_int_equal(info.epoch, 3);
	store_close(s);
	store_close(m.store);
	disk_close(m.below);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_without_records_are_sealed_anew_too),
		cmocka_unit_test(a_state_from_before_a_new_epoch_is_gone_on_with_in_the_new_one),
		cmocka_unit_test(what_is_written_while_it_is_sealed_anew_stays),
		cmocka_unit_test(what_is_deleted_while_it_is_sealed_anew_stays_deleted),
	};
	int failed;

	if (crypto_init() != OK || sign_key_random(&host) != OK ||
	    secret_random(32, &keys[0]) != OK || secret_random(32, &keys[1]) != OK ||
	    secret_random(32, &keys[2]) != OK)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	secret_free(keys[0]);
	secret_free(keys[1]);
	secret_free(keys[2]);
	sign_key_free(host);
	return failed;
}

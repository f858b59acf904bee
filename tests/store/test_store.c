/* The store on a real folder: an ordered map that keeps what was committed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crypto/random.h"
#include "store/folder_disk.h"
#include "store/node.h"
#include "tests/check.h"

struct fixture {
	char dir[64];
	struct disk *disk;
	struct store *store;
	struct store_report report;
	struct secret *epoch_key;
	struct sign_key *host;
	struct store_door door;
	struct store_unlock unlock;
};

static void remove_dir(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	uint8_t user[STORE_USER_LEN] = "hello";

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_ok(secret_random(32, &f->epoch_key));
	assert_ok(sign_key_random(&f->host));
	f->door = (struct store_door){ .epoch = 1, .epoch_key = f->epoch_key };
	memset(f->door.keyfile_sha256, 7, SHA256_LEN);
	f->unlock = (struct store_unlock){ .doors = &f->door, .door_count = 1, .host_key = f->host };
	memset(f->unlock.volume_id, 9, STORE_ID_LEN);
	assert_ok(folder_disk_create(f->dir));
	assert_ok(folder_disk_open(f->dir, false, &f->disk));
	assert_ok(store_format(f->disk, &f->unlock, user));
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	disk_close(f->disk);
	secret_free(f->epoch_key);
	sign_key_free(f->host);
	remove_dir(f->dir);
	free(f);
	return 0;
}

static void commit(struct fixture *f, bool clean)
{
	uint8_t user[STORE_USER_LEN] = "user";

	assert_ok(store_commit_seal(f->store, user, clean));
	assert_ok(store_commit_flush(f->store));
}

static void reopen(struct fixture *f)
{
	store_close(f->store);
	disk_close(f->disk);
	assert_ok(folder_disk_open(f->dir, false, &f->disk));
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
}

/* ---- a plain model: an array of values by key number ---- */

#define KEYS 3000
struct slot {
	bool there, record;
	size_t len;
	uint32_t seed;
};

static struct store_key key_of(unsigned i)
{
	return (struct store_key){ .object = i / 7, .kind = (uint8_t)(i % 7), .offset = i * 131u };
}

static void fill(uint8_t *buf, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++) {
		seed = seed * 1664525u + 1013904223u;
		buf[i] = (uint8_t)(seed >> 24);
	}
}

static void put_value(struct fixture *f, unsigned i, struct slot *m, uint32_t seed)
{
	static uint8_t buf[STORE_RECORD_MAX];
	struct store_key key = key_of(i);
	size_t len = seed % 5 == 0 ? seed % STORE_VALUE_MAX : seed % 200;
	bool record = seed % 11 == 0;
	struct ref ref;

	if (record)
		len = seed / 11 % 20000 + 1;
	fill(buf, len, seed);
	if (record) {
		assert_ok(store_reserve(f->store, store_record_blocks(len), false));
		assert_ok(store_record_write(f->store, &key, buf, len, &ref));
		store_unreserve(f->store, store_record_blocks(len));
	}
	assert_ok(store_write_begin(f->store, 1, false));
	if (record)
		assert_ok(store_put_record(f->store, &key, &ref, "tail", 4));
	else
		assert_ok(store_put(f->store, &key, buf, len));
	store_write_end(f->store);
	*m = (struct slot){ true, record, len, seed };
}

static void delete_value(struct fixture *f, unsigned i, struct slot *m)
{
	struct store_key key = key_of(i);

	assert_ok(store_write_begin(f->store, 1, true));
	assert_err(store_delete(f->store, &key), m->there ? OK : ERR_NOT_FOUND);
	store_write_end(f->store);
	m->there = false;
}

static void compare_one(struct fixture *f, const struct store_view *view, const struct slot *m)
{
	static uint8_t want[STORE_RECORD_MAX], got[STORE_RECORD_MAX];

	fill(want, m->len, m->seed);
	assert_int_equal(view->has_record, m->record);
	if (!m->record) {
		assert_int_equal(view->len, m->len);
		assert_memory_equal(view->value, want, m->len);
		return;
	}
	assert_memory_equal(view->value, "tail", 4);
	assert_int_equal(view->record.extra, m->len);
	assert_ok(store_record_read(f->store, &view->key, &view->record, got));
	assert_memory_equal(got, want, m->len);
}

/* Walks the whole map both ways and finds exactly the model. */
static void compare(struct fixture *f, const struct slot *model)
{
	struct store_view view;
	struct store_key at = { 0 };

	store_read_begin(f->store);
	for (unsigned i = 0; i < KEYS; i++) {
		struct store_key key = key_of(i);

		if (!model[i].there) {
			assert_err(store_find(f->store, &key, &view), ERR_NOT_FOUND);
			continue;
		}
		assert_ok(store_find_ge(f->store, &at, &view));
		assert_int_equal(store_key_compare(&view.key, &key), 0);
		compare_one(f, &view, &model[i]);
		at = key;
		at.offset++;
	}
	assert_err(store_find_ge(f->store, &at, &view), ERR_NOT_FOUND);
	at = (struct store_key){ UINT64_MAX, UINT64_MAX, UINT8_MAX };
	for (unsigned i = KEYS; i-- > 0;) {
		struct store_key key = key_of(i);

		if (!model[i].there)
			continue;
		assert_ok(store_find_le(f->store, &at, &view));
		assert_int_equal(store_key_compare(&view.key, &key), 0);
		at = key;
		if (at.offset-- == 0)
			break;
	}
	store_read_end(f->store);
}

static void check_whole(struct fixture *f)
{
	struct store_check ask = { 0 };
	struct store_check_result r;

	assert_ok(store_check(f->store, &ask, &r));
	assert_int_equal(r.bad_nodes + r.bad_records, 0);
	assert_int_equal(r.unreachable_blocks, 0);
	assert_int_equal(r.doubly_used_blocks, 0);
}

static void map_equals_a_plain_model_through_commits_and_reopening(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model));
	uint32_t seed = 1;

	for (unsigned round = 0; round < 30; round++) {
		for (unsigned n = 0; n < 500; n++) {
			unsigned i;

			seed = seed * 1664525u + 1013904223u;
			i = seed / 64 % KEYS;
			if (seed % 3 == 0 || (round > 24 && seed % 8 != 0))
				delete_value(f, i, &model[i]);
			else
				put_value(f, i, &model[i], seed / 3);
		}
		if (round % 2)
			commit(f, round % 6 == 5);
		if (round % 2)
			check_whole(f);
		if (round % 6 == 5)
			reopen(f);
		compare(f, model);
	}
	free(model);
}

static void deleting_everything_empties_the_tree(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model));
	struct store_info before, after;

	store_info(f->store, &before);
	for (unsigned i = 0; i < KEYS; i++)
		put_value(f, i, &model[i], i * 7919u + 5);
	commit(f, false);
	for (unsigned i = 0; i < KEYS; i++)
		delete_value(f, (i * 1009u) % KEYS, &model[(i * 1009u) % KEYS]);
	commit(f, false);
	compare(f, model);
	store_info(f->store, &after);
	assert_int_equal(after.used_blocks, before.used_blocks);
	reopen(f);
	compare(f, model);
	free(model);
}

/* Keys in a scattered order, down to nothing in another. */
static void a_tree_of_three_levels_grows_and_shrinks(void **state)
{
	struct fixture *f = *state;
	const uint64_t n = 40009, step_in = 7919, step_out = 104729; /* primes */
	struct store_view view;
	uint8_t value[400] = { 0 };

	for (uint64_t i = 0; i < n; i++) {
		struct store_key key = { .object = i * step_in % n };

		store_u64(value, key.object);
		assert_ok(store_write_begin(f->store, 1, false));
		assert_ok(store_put(f->store, &key, value, 300 + i % 100));
		store_write_end(f->store);
		if (i % 10000 == 0)
			commit(f, false);
	}
	commit(f, false);
	check_whole(f);
	reopen(f);
	for (uint64_t i = 0; i < n; i++) {
		struct store_key key = { .object = i * step_out % n };

		assert_ok(store_write_begin(f->store, 1, true));
		assert_ok(store_find(f->store, &key, &view));
		assert_int_equal(load_u64(view.value), key.object);
		assert_ok(store_delete(f->store, &key));
		store_write_end(f->store);
		if (i % 9000 == 0)
			commit(f, false);
		if (i % 18000 == 0)
			check_whole(f);
	}
	commit(f, false);
	check_whole(f);
	assert_err(store_find_ge(f->store, &(struct store_key){ 0 }, &view), ERR_NOT_FOUND);
}

static void abort_takes_every_change_back(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model));

	for (unsigned i = 0; i < KEYS; i += 2)
		put_value(f, i, &model[i], i * 31u + 1);
	commit(f, false);
	assert_ok(store_write_begin(f->store, 600, false));
	for (unsigned i = 0; i < 600; i++) {
		struct store_key key = key_of(i);
		uint8_t big[3000] = { 1 };

		if (i % 4 == 2)
			assert_ok(store_delete(f->store, &key));
		else
			assert_ok(store_put(f->store, &key, big, sizeof(big)));
	}
	store_write_abort(f->store);
	compare(f, model);
	commit(f, false);
	check_whole(f);
	reopen(f);
	compare(f, model);
	free(model);
}

static void uncommitted_changes_are_gone_after_reopening(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model)), ignored;

	put_value(f, 3, &model[3], 100);
	commit(f, false);
	put_value(f, 4, &ignored, 101);
	put_value(f, 3, &ignored, 102);
	reopen(f);
	compare(f, model);
	assert_false(f->report.was_clean);
	free(model);
}

static void a_clean_end_is_told_and_survives_the_loss_of_either_head(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model));

	put_value(f, 8, &model[8], 55);
	commit(f, true);
	for (unsigned head = 0; head < 2; head++) {
		char path[128];
		uint8_t zero[DISK_FIXED_LEN] = { 0 }, kept[DISK_FIXED_LEN];
		enum disk_area area = head ? DISK_HEAD1 : DISK_HEAD0;

		snprintf(path, sizeof(path), "%s/HEAD%u.BIN", f->dir, head);
		assert_ok(disk_read(f->disk, area, 0, kept, sizeof(kept)));
		assert_ok(disk_write(f->disk, area, 0, zero, sizeof(zero)));
		reopen(f);
		assert_true(f->report.was_clean);
		compare(f, model);
		assert_ok(disk_write(f->disk, area, 0, kept, sizeof(kept)));
	}
	free(model);
}

static void another_key_opens_nothing(void **state)
{
	struct fixture *f = *state;
	struct secret *other;
	struct store *s;

	assert_ok(secret_random(32, &other));
	f->door.epoch_key = other;
	assert_err(store_open(f->disk, &f->unlock, &s, &f->report), ERR_FORGED);
	secret_free(other);
}

static void a_key_file_that_the_state_does_not_name_is_refused(void **state)
{
	struct fixture *f = *state;
	struct store *s;

	f->door.keyfile_sha256[0] ^= 1;
	assert_err(store_open(f->disk, &f->unlock, &s, &f->report), ERR_ROLLBACK);
}

static void second_writer_is_refused_and_readers_share(void **state)
{
	struct fixture *f = *state;
	struct disk *a, *b;

	assert_err(folder_disk_open(f->dir, false, &a), ERR_VAULT_BUSY);
	assert_err(folder_disk_open(f->dir, true, &a), ERR_VAULT_BUSY);
	store_close(TAKE(f->store));
	disk_close(TAKE(f->disk));
	assert_ok(folder_disk_open(f->dir, true, &a));
	assert_ok(folder_disk_open(f->dir, true, &b));
	disk_close(a);
	disk_close(b);
}

static void read_only_opening_changes_nothing(void **state)
{
	struct fixture *f = *state;

	f->unlock.read_only = true;
	store_close(TAKE(f->store));
	disk_close(TAKE(f->disk));
	assert_ok(folder_disk_open(f->dir, true, &f->disk));
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
	assert_err(store_write_begin(f->store, 1, false), ERR_READ_ONLY);
	assert_err(disk_write(f->disk, DISK_HEAD0, 0, "x", 1), ERR_READ_ONLY);
}

static void a_medium_that_went_away_is_noticed(void **state)
{
	struct fixture *f = *state;
	char moved[128];
	struct disk_info info;

	assert_ok(disk_list(f->disk, &info));
	snprintf(moved, sizeof(moved), "%s.gone", f->dir);
	assert_int_equal(rename(f->dir, moved), 0);
	assert_err(disk_list(f->disk, &info), ERR_REMOVED);
	assert_int_equal(rename(moved, f->dir), 0);
	assert_ok(disk_list(f->disk, &info));
}

static void a_frozen_store_reads_and_refuses_changes(void **state)
{
	struct fixture *f = *state;
	struct slot *model = calloc(KEYS, sizeof(*model));
	uint8_t user[STORE_USER_LEN] = { 0 };

	put_value(f, 8, &model[8], 55);
	store_freeze(f->store, ERR_REMOVED);
	compare(f, model);
	assert_err(store_write_begin(f->store, 1, true), ERR_FROZEN);
	assert_err(store_commit_seal(f->store, user, false), ERR_FROZEN);
	free(model);
}

static void malformed_pages_are_refused(void **state)
{
	uint8_t page[FORMAT_PAGE_LEN], broken[FORMAT_PAGE_LEN], key[PAGE_KEY_LEN];
	struct page_item item = { .key = key, .value = (const uint8_t *)"abc", .len = 3 };

	page_init(page, 0);
	for (unsigned i = 0; i < 5; i++) {
		struct store_key k = { .object = i };

		key_encode(&k, key);
		page_insert(page, i, &item);
	}
	assert_ok(page_validate(page, 0));
	assert_err(page_validate(page, 1), ERR_MALFORMED);
	for (unsigned at = 2; at < 8; at++) {
		memcpy(broken, page, sizeof(page));
		broken[at] ^= 0x81;
		assert_err(page_validate(broken, 0), ERR_MALFORMED);
	}
	for (unsigned at = 17; at < 22; at++) { /* offset, length and flag of a slot */
		memcpy(broken, page, sizeof(page));
		broken[PAGE_HEAD_LEN + PAGE_LEAF_SLOT + at] ^= 0x42;
		assert_err(page_validate(broken, 0), ERR_MALFORMED);
	}
	memcpy(broken, page, sizeof(page));
	memcpy(broken + PAGE_HEAD_LEN, page + PAGE_HEAD_LEN + PAGE_LEAF_SLOT, PAGE_KEY_LEN);
	assert_err(page_validate(broken, 0), ERR_MALFORMED); /* keys no longer ascend */
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(map_equals_a_plain_model_through_commits_and_reopening),
		STORY(deleting_everything_empties_the_tree),
		STORY(a_tree_of_three_levels_grows_and_shrinks),
		STORY(abort_takes_every_change_back),
		STORY(uncommitted_changes_are_gone_after_reopening),
		STORY(a_clean_end_is_told_and_survives_the_loss_of_either_head),
		STORY(another_key_opens_nothing),
		STORY(a_key_file_that_the_state_does_not_name_is_refused),
		STORY(second_writer_is_refused_and_readers_share),
		STORY(read_only_opening_changes_nothing),
		STORY(a_medium_that_went_away_is_noticed),
		STORY(a_frozen_store_reads_and_refuses_changes),
		cmocka_unit_test(malformed_pages_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

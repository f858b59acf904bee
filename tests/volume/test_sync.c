/* What is durable when, and many threads at once. */
#include "tests/volume/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void synced_changes_survive_and_later_ones_do_not(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_text(f, ino, 0, "first");
	assert_ok(volume_sync(f->v));
	write_text(f, ino, 0, "later");
	make_file(f, VOLUME_ROOT, "b");
	fixture_crash(f);
	assert_text(f, ino, "first");
	assert_int_equal(lookup(f, VOLUME_ROOT, "b"), 0);
	assert_whole(f);
}

static void syncing_without_changes_commits_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_info before, after;

	make_file(f, VOLUME_ROOT, "a");
	assert_ok(volume_sync(f->v));
	store_info(f->store, &before);
	assert_ok(volume_sync(f->v));
	store_info(f->store, &after);
	assert_int_equal(before.generation, after.generation);
}

static void inode_numbers_are_not_used_again_after_a_crash(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_file(f, VOLUME_ROOT, "a"), b;

	assert_ok(volume_sync(f->v));
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	fixture_reopen(f);
	b = make_file(f, VOLUME_ROOT, "b");
	assert_true(b > a);
}

static void closing_commits_cleanly(void **state)
{
	struct fixture *f = *state;

	make_file(f, VOLUME_ROOT, "a");
	fixture_reopen(f);
	assert_true(f->report.was_clean);
	make_file(f, VOLUME_ROOT, "b");
	assert_ok(volume_sync(f->v));
	fixture_crash(f);
	assert_false(f->report.was_clean);
	assert_int_not_equal(lookup(f, VOLUME_ROOT, "b"), 0);
}

static uint64_t generation(struct fixture *f)
{
	struct store_info info;

	store_info(f->store, &info);
	return info.generation;
}

static void the_committer_commits_by_itself(void **state)
{
	struct fixture *f = *state;
	uint64_t before = generation(f), ino;

	assert_ok(volume_start_committer(f->v, NULL, NULL));
	ino = make_file(f, VOLUME_ROOT, "a");
	write_text(f, ino, 0, "kept");
	while (generation(f) == before)
		usleep(10000);
	fixture_crash(f);
	assert_text(f, ino, "kept");
}

static void hear(void *ctx, enum err err)
{
	atomic_int *heard = ctx;

	*heard = (int)err;
}

static void the_committer_tells_of_a_failure(void **state)
{
	struct fixture *f = *state;
	atomic_int heard = OK;

	assert_ok(volume_start_committer(f->v, hear, &heard));
	make_file(f, VOLUME_ROOT, "a");
	store_freeze(f->store, ERR_REMOVED);
	while (heard == OK)
		usleep(10000);
	assert_int_equal(heard, ERR_FROZEN);
	assert_err(volume_sync(f->v), ERR_FROZEN);
	assert_err(volume_close(TAKE(f->v)), ERR_FROZEN);
}

static void a_frozen_volume_still_reads_what_was_written(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr attr, in = {0};

	write_pattern(f, ino, 0, 100000, 1);
	volume_freeze(f->v, ERR_REMOVED);
	assert_pattern(f, ino, 0, 100000, 1);
	assert_int_equal(lookup(f, VOLUME_ROOT, "a"), ino);
	assert_err(volume_write(f->v, ino, 0, "x", 1), ERR_FROZEN);
	assert_err(volume_make(f->v, VOLUME_ROOT, "b", S_IFREG, 0, 0, &attr), ERR_FROZEN);
	assert_err(volume_unlink(f->v, VOLUME_ROOT, "a", NULL), ERR_FROZEN);
	assert_err(volume_setattr(f->v, ino, VOLUME_SET_SIZE, &in, NULL), ERR_FROZEN);
	assert_err(volume_set_xattr(f->v, ino, "user.a", "", 0, 0), ERR_FROZEN);
	assert_err(volume_rename(f->v, 1, "a", 1, "b", 0), ERR_FROZEN);
	assert_err(volume_sync(f->v), ERR_FROZEN);
	assert_err(volume_close(TAKE(f->v)), ERR_FROZEN);
}

static void a_read_only_volume_reads_and_refuses(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr attr;

	write_text(f, ino, 0, "text");
	fixture_reopen_read_only(f);
	assert_text(f, ino, "text");
	assert_err(volume_write(f->v, ino, 0, "x", 1), ERR_READ_ONLY);
	assert_err(volume_make(f->v, 1, "b", S_IFREG, 0, 0, &attr), ERR_READ_ONLY);
	assert_ok(volume_sync(f->v));
	assert_ok(volume_start_committer(f->v, NULL, NULL));
	assert_whole(f);
	assert_ok(volume_close(TAKE(f->v)));
}

static void statfs_follows_what_is_written(void **state)
{
	struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 65536);
	struct volume_statfs before, after;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	assert_ok(volume_sync(f->v));
	volume_statfs(f->v, &before);
	write_pattern(f, ino, 0, 4u << 20, 1);
	assert_ok(volume_sync(f->v));
	volume_statfs(f->v, &after);
	assert_int_equal(after.files, 1);
	assert_true(before.free_bytes - after.free_bytes >= 4u << 20);
	assert_true(before.free_bytes - after.free_bytes < 6u << 20);
	assert_true(after.free_bytes < after.total_bytes);
	fixture_free(f);
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS 60

struct worker {
	struct fixture *f;
	unsigned number;
	enum err err;
};

static enum err work_round(struct worker *w, uint64_t folder, unsigned i)
{
	static const uint8_t zeroes[50000];
	struct volume *v = w->f->v;
	struct volume_attr attr;
	uint8_t data[50000];
	char name[16], other[16];
	size_t got;

	snprintf(name, sizeof(name), "w%u-%u", w->number, i);
	snprintf(other, sizeof(other), "w%u-%u", (w->number + 1) % THREADS, i / 2);
	pattern_fill(data, 0, sizeof(data), i);
	TRY(volume_make(v, folder, name, S_IFREG | 0600, 0, 0, &attr));
	TRY(volume_hold(v, attr.ino));
	TRY(volume_write(v, attr.ino, i * 1000, data, sizeof(data)));
	TRY(volume_append(v, attr.ino, data, 3000));
	if (i % 7 == 0)
		TRY(volume_sync(v));
	TRY(volume_read(v, attr.ino, i * 1000, data, sizeof(data), &got));
	if (memcmp(data, zeroes, 10) == 0)
		return ERR_INTERNAL;
	if (i % 3 == 0)
		(void)!volume_unlink(v, folder, name, NULL); /* another may have moved it away */
	volume_release(v, attr.ino, 1);
	if (volume_lookup(v, folder, other, &attr) == OK &&
	    volume_read(v, attr.ino, 0, data, sizeof(data), &got) == OK && i % 5 == 0)
		(void)!volume_rename(v, folder, other, VOLUME_ROOT, other, 0);
	return OK;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint64_t folder;

	w->err = OK;
	folder = lookup(w->f, VOLUME_ROOT, "d");
	for (unsigned i = 0; i < ROUNDS && w->err == OK; i++)
		w->err = work_round(w, folder, i);
	return NULL;
}

static void many_threads_leave_a_whole_volume(void **state)
{
	struct fixture *f = *state;
	struct worker workers[THREADS];
	pthread_t threads[THREADS];

	make_folder(f, VOLUME_ROOT, "d");
	assert_ok(volume_start_committer(f->v, NULL, NULL));
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){.f = f, .number = i};
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < THREADS; i++)
		assert_ok(workers[i].err);
	assert_whole(f);
	fixture_reopen(f);
	assert_whole(f);
}

static void more_files_than_may_wait_are_committed_on_the_way(void **state)
{
	struct fixture *f = *state;
	uint64_t before = generation(f);
	char name[16];

	for (unsigned i = 0; i < 2 * DIRTY_ITEMS_MAX + 100; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		make_file(f, VOLUME_ROOT, name);
	}
	assert_true(generation(f) > before);
	assert_whole(f);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(synced_changes_survive_and_later_ones_do_not),
		STORY(syncing_without_changes_commits_nothing),
		STORY(inode_numbers_are_not_used_again_after_a_crash),
		STORY(closing_commits_cleanly),
		STORY(the_committer_commits_by_itself),
		STORY(the_committer_tells_of_a_failure),
		STORY(a_frozen_volume_still_reads_what_was_written),
		STORY(a_read_only_volume_reads_and_refuses),
		cmocka_unit_test(statfs_follows_what_is_written),
		STORY(many_threads_leave_a_whole_volume),
		STORY(more_files_than_may_wait_are_committed_on_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

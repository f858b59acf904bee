/* A volume that is sealed anew while people read and write in it. The disk is small, so that blocks are
 * written again as soon as they may be: what was looked up a moment ago is soon something else. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/volume/fixture.h"

#define DISK_BLOCKS 2048u
#define EPOCHS 7u
#define STILL_LEN (1536u << 10)
#define MOVING 6u
#define MOVING_LEN 60000u
#define XATTR_LEN 30000u

struct scene {
	struct fixture *f;
	struct secret *keys[EPOCHS + 2];
	struct store_door door;
	uint64_t still, moving[MOVING];
	atomic_bool over;
	atomic_uint reads, writes;
	_Atomic(const char *) wrong; /* what a thread found */
};

static void note(struct scene *s, const char *what, enum err err)
{
	static char text[128];

	if (!s->wrong) {
		snprintf(text, sizeof(text), "%s: %s", what, err_name(err));
		s->wrong = text;
	}
}

/* ---- people ---- */

/* A file that nobody changes, in pieces of all sizes, and its attribute. */
static void *read_still(void *arg)
{
	struct scene *s = arg;
	uint8_t *got = malloc(STILL_LEN), *want = malloc(STILL_LEN);
	uint64_t rng = 7;

	while (!s->over && !s->wrong && got && want) {
		uint64_t off = sim_random(&rng) % STILL_LEN;
		size_t len = 1 + sim_random(&rng) % 40000, have = 0;
		enum err err = volume_read(s->f->v, s->still, off, got, len, &have);

		pattern_fill(want, off, have, 1);
		if (err != OK || have != MIN(len, STILL_LEN - off) || memcmp(got, want, have) != 0)
			note(s, "the file that is only read", err);
		err = volume_get_xattr(s->f->v, s->still, "user.long", got, XATTR_LEN, &have);
		pattern_fill(want, 0, XATTR_LEN, 2);
		if (err != OK || have != XATTR_LEN || memcmp(got, want, have) != 0)
			note(s, "the attribute", err);
		s->reads++;
	}
	free(got);
	free(want);
	return NULL;
}

/* Files that change in pieces, each time to what they were. */
static void *write_moving(void *arg)
{
	struct scene *s = arg;
	uint8_t data[9000];
	uint64_t rng = 9;

	while (!s->over && !s->wrong) {
		unsigned n = (unsigned)(sim_random(&rng) % MOVING);
		uint64_t off = sim_random(&rng) % (MOVING_LEN - sizeof(data));
		enum err err;

		pattern_fill(data, off, sizeof(data), 10 + n);
		err = volume_write(s->f->v, s->moving[n], off, data, sizeof(data));
		if (err != OK)
			note(s, "a file that is written", err);
		if (s->writes++ % 16 == 0 && (err = volume_sync(s->f->v)) != OK)
			note(s, "a sync", err);
	}
	return NULL;
}

/* ---- the one who seals anew ---- */

static enum err rekey_still(void *ctx)
{
	struct scene *s = ctx;

	return store_rekey(s->f->store, &s->door);
}

static enum err end_still(void *ctx)
{
	struct scene *s = ctx;

	return store_end_older_epochs(s->f->store);
}

static void new_epoch(struct scene *s)
{
	uint32_t epoch = s->door.epoch + 1;

	s->door.older = (struct store_older){ .count = 1 };
	s->door.older.epoch[0] = s->door.epoch;
	s->door.older.key[0] = s->keys[s->door.epoch];
	s->door.epoch = epoch;
	s->door.epoch_key = s->keys[epoch];
	assert_ok(volume_quiet(s->f->v, rekey_still, s));
}

static void reseal(struct scene *s)
{
	while (store_oldest_epoch(s->f->store) < s->door.epoch) {
		struct store_reseal at = { 0 };
		unsigned steps = 0;

		for (bool more = true; more && !s->wrong;) {
			assert_ok(volume_reseal_step(s->f->v, 16, &at, &more));
			if (++steps % 4 == 0)
				assert_ok(volume_sync(s->f->v));
		}
		if (s->wrong)
			return;
		assert_ok(volume_sync(s->f->v));
	}
	assert_ok(volume_quiet(s->f->v, end_still, s));
	s->door.older.count = 0;
}

static void setup_files(struct scene *s)
{
	uint8_t data[XATTR_LEN];

	s->still = make_file(s->f, VOLUME_ROOT, "still");
	write_pattern(s->f, s->still, 0, STILL_LEN, 1);
	pattern_fill(data, 0, sizeof(data), 2);
	assert_ok(volume_set_xattr(s->f->v, s->still, "user.long", data, sizeof(data), 0));
	for (unsigned n = 0; n < MOVING; n++) {
		char name[2] = { (char)('a' + n), 0 };

		s->moving[n] = make_file(s->f, VOLUME_ROOT, name);
		write_pattern(s->f, s->moving[n], 0, MOVING_LEN, 10 + n);
	}
	assert_ok(volume_sync(s->f->v));
}

static void reading_and_writing_go_on_while_everything_is_sealed_anew(void **state)
{
	struct scene s = { .f = fixture_new_sim(VOLUME_RECORD_SHIFT, DISK_BLOCKS) };
	pthread_t threads[4];

	for (unsigned i = 1; i < ARRAY_LEN(s.keys); i++)
		assert_ok(secret_random(32, &s.keys[i]));
	s.door = s.f->door;
	assert_ok(secret_copy(secret_data(s.f->epoch_key), 32, &s.keys[0]));
	secret_free(s.keys[1]);
	s.keys[1] = TAKE(s.keys[0]);
	setup_files(&s);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, i < 3 ? read_still : write_moving,
						&s),
				 0);
	for (unsigned i = 0; i < EPOCHS && !s.wrong; i++) {
		new_epoch(&s);
		reseal(&s);
	}
	s.over = true;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	if (s.wrong)
		fail_msg("%s", s.wrong);
	assert_true(s.reads > EPOCHS && s.writes > EPOCHS);
	s.f->door = s.door;
	fixture_reopen(s.f);
	assert_pattern(s.f, s.still, 0, STILL_LEN, 1);
	for (unsigned n = 0; n < MOVING; n++)
		assert_pattern(s.f, s.moving[n], 0, MOVING_LEN, 10 + n);
	assert_whole(s.f);
	for (unsigned i = 0; i < ARRAY_LEN(s.keys); i++)
		secret_free(s.keys[i]);
	fixture_free(s.f);
}

/* ---- between looking up and reading ---- */

/* A disk that lets something happen before it reads. */
struct late_disk {
	struct disk disk; /* first member */
	struct disk *inner;
	void (*before_read)(void *ctx); /* once */
	void *ctx;
};

static enum err late_read(struct disk *d, enum disk_area area, uint64_t off, void *buf, size_t len)
{
	struct late_disk *late = (struct late_disk *)d;
	void (*before)(void *ctx) = area == DISK_DATA ? TAKE(late->before_read) : NULL;

	if (before)
		before(late->ctx);
	return disk_read(late->inner, area, off, buf, len);
}

static enum err late_write(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			   size_t len)
{
	return disk_write(((struct late_disk *)d)->inner, area, off, buf, len);
}

static enum err late_flush(struct disk *d, enum disk_area area)
{
	return disk_flush(((struct late_disk *)d)->inner, area);
}

static enum err late_grow(struct disk *d, uint64_t blocks)
{
	return disk_grow(((struct late_disk *)d)->inner, blocks);
}

static enum err late_list(struct disk *d, struct disk_info *ret)
{
	return disk_list(((struct late_disk *)d)->inner, ret);
}

static void late_close(struct disk *d)
{
	disk_close(((struct late_disk *)d)->inner);
	free(d);
}

/* The fixture's volume on such a disk. */
static struct late_disk *make_late(struct fixture *f)
{
	static const struct disk_ops ops = { late_read, late_write, late_flush,
					     late_grow, late_list,  late_close };
	struct late_disk *late = calloc(1, sizeof(*late));

	assert_non_null(late);
	assert_ok(volume_close(TAKE(f->v)));
	store_close(TAKE(f->store));
	late->disk.ops = &ops;
	late->inner = f->disk;
	f->disk = &late->disk;
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
	assert_ok(volume_open(f->store, &f->v));
	return late;
}

static enum err purge_still(void *ctx)
{
	struct scene *s = ctx;

	return store_purge(s->f->store, NULL, NULL);
}

/* Everything moves, and where it was there is noise. */
static void move_everything(void *ctx)
{
	struct scene *s = ctx;

	new_epoch(s);
	reseal(s);
	assert_ok(volume_quiet(s->f->v, purge_still, s));
	s->reads++;
}

static void what_moves_between_looking_up_and_reading_is_looked_up_again(void **state)
{
	struct scene s = { .f = fixture_new_sim(VOLUME_RECORD_SHIFT, 0) };
	struct late_disk *late = make_late(s.f);
	uint8_t got[XATTR_LEN], want[XATTR_LEN];
	size_t len;

	for (unsigned i = 2; i < ARRAY_LEN(s.keys); i++)
		assert_ok(secret_random(32, &s.keys[i]));
	assert_ok(secret_copy(secret_data(s.f->epoch_key), 32, &s.keys[1]));
	s.door = s.f->door;
	setup_files(&s);
	late->ctx = &s;
	for (unsigned whole = 0; whole < 2; whole++) {
		late->before_read = move_everything;
		assert_ok(volume_read(s.f->v, s.still, whole ? 0 : 100000, got, 16384, &len));
		pattern_fill(want, whole ? 0 : 100000, 16384, 1);
		assert_memory_equal(got, want, 16384);
	}
	late->before_read = move_everything;
	assert_ok(volume_get_xattr(s.f->v, s.still, "user.long", got, sizeof(got), &len));
	pattern_fill(want, 0, XATTR_LEN, 2);
	assert_memory_equal(got, want, XATTR_LEN);
	assert_int_equal(s.reads, 3);
	assert_whole(s.f);
	fixture_free(s.f);
	for (unsigned i = 0; i < ARRAY_LEN(s.keys); i++)
		secret_free(s.keys[i]);
}

/* ---- quiet ---- */

static enum err fail_gently(void *ctx)
{
	*(unsigned *)ctx += 1;
	return ERR_BUSY;
}

static void a_quiet_moment_that_comes_to_nothing_leaves_the_volume_in_use(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "f");
	unsigned times = 0;

	write_text(f, ino, 0, "before");
	assert_err(volume_quiet(f->v, fail_gently, &times), ERR_BUSY);
	assert_int_equal(times, 1);
	write_text(f, ino, 0, "behind");
	assert_ok(volume_sync(f->v));
	fixture_reopen_read_only(f);
	assert_text(f, ino, "behind");
	assert_err(volume_quiet(f->v, fail_gently, &times), ERR_READ_ONLY);
	assert_int_equal(times, 1);
}

static void with_one_key_there_is_nothing_to_seal_anew(void **state)
{
	struct fixture *f = *state;
	struct store_reseal at = { 0 };
	bool more = true;

	write_pattern(f, make_file(f, VOLUME_ROOT, "f"), 0, 100000, 3);
	assert_ok(volume_sync(f->v));
	assert_ok(volume_reseal_step(f->v, 256, &at, &more));
	assert_false(more);
	assert_int_equal(at.done_blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_and_writing_go_on_while_everything_is_sealed_anew),
		cmocka_unit_test(what_moves_between_looking_up_and_reading_is_looked_up_again),
		cmocka_unit_test_setup_teardown(
			a_quiet_moment_that_comes_to_nothing_leaves_the_volume_in_use,
			fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(with_one_key_there_is_nothing_to_seal_anew,
						fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests_name("sealing anew", tests, NULL, NULL);
}

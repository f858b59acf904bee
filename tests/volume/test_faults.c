/* Each single call of the disk fails once: a clear error, nothing half done, and what was acknowledged
 * is there when the disk is well again. A full disk gives its space back. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "tests/check.h"
#include "tests/store/sim_gate.h"
#include "tests/volume/listing.h"
#include "tests/volume/stick.h"

#define BIG 300000u

static uint64_t ino_of(struct stick *s, const char *path)
{
	struct volume_attr attr = {.ino = VOLUME_ROOT};
	char part[64];

	while (*path) {
		size_t len = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		if (volume_lookup(s->volume, attr.ino, part, &attr) != OK)
			return 0;
		path += len + (path[len] == '/');
	}
	return attr.ino;
}

static enum err write_at(struct stick *s, const char *path, uint64_t off, size_t len, int byte)
{
	uint64_t ino = ino_of(s, path);
	uint8_t *buf = malloc(len);
	enum err err;

	memset(buf, byte, len);
	err = ino ? volume_write(s->volume, ino, off, buf, len) : ERR_IO;
	free(buf);
	return err;
}

static enum err make(struct stick *s, const char *folder, const char *name, uint32_t mode)
{
	struct volume_attr attr;
	uint64_t ino = ino_of(s, folder);

	return ino ? volume_make(s->volume, ino, name, mode, 1, 1, &attr) : ERR_IO;
}

static enum err cut(struct stick *s, const char *path, uint64_t size)
{
	struct volume_attr in = {.size = size};
	uint64_t ino = ino_of(s, path);

	return ino ? volume_setattr(s->volume, ino, VOLUME_SET_SIZE, &in, NULL) : ERR_IO;
}

static enum err link_in_root(struct stick *s, const char *path, const char *name)
{
	struct volume_attr attr;
	uint64_t ino = ino_of(s, path);

	return ino ? volume_link(s->volume, ino, VOLUME_ROOT, name, &attr) : ERR_IO;
}

/* ---- a fixed piece of work, one operation a step ---- */

enum { STEPS = 18 };

static bool is_sync(unsigned step)
{
	return step == 1 || step == 6 || step == 10 || step == 14 || step == STEPS - 1;
}

static enum err step_do(struct stick *s, unsigned step)
{
	struct volume *v = s->volume;

	if (is_sync(step))
		return volume_sync(v);
	switch (step) {
	case 0:
		return write_at(s, "small", 100, 900, 'b');
	case 2:
		return make(s, "folder", "new", S_IFREG | 0644);
	case 3:
		return write_at(s, "folder/new", 0, 70000, 'c');
	case 4:
		return write_at(s, "big", 40000, 100, 'd');
	case 5:
		return volume_rename(v, VOLUME_ROOT, "small", ino_of(s, "folder"), "moved", 0);
	case 7:
		return cut(s, "big", 100000);
	case 8:
		return volume_unlink(v, VOLUME_ROOT, "gone", NULL);
	case 9:
		return volume_set_xattr(v, ino_of(s, "folder"), "user.note", "text", 4, 0);
	case 11:
		return make(s, "", "huge", S_IFREG | 0600);
	case 12:
		return write_at(s, "huge", 0, 400000, 'e');
	case 13:
		return link_in_root(s, "folder/new", "linked");
	case 15:
		return volume_rename(v, VOLUME_ROOT, "linked", VOLUME_ROOT, "old", 0);
	default:
		return volume_rmdir(v, VOLUME_ROOT, "empty", NULL);
	}
}

static struct timespec one_time(void)
{
	return (struct timespec){.tv_sec = 1000000};
}

/* A volume with something in it; closed in good order, or just after a sync. */
static struct sim *base_new(bool clean)
{
	const struct sim_options options = {.blocks_max = 4000, .step_blocks = 16};
	struct sim *sim = sim_new(&options);
	struct stick s;

	assert_ok(stick_format(sim, 14));
	assert_ok(stick_open(&s, sim, false));
	assert_ok(make(&s, "", "small", S_IFREG | 0600));
	assert_ok(make(&s, "", "big", S_IFREG | 0600));
	assert_ok(make(&s, "", "gone", S_IFREG | 0600));
	assert_ok(make(&s, "", "old", S_IFREG | 0600));
	assert_ok(make(&s, "", "folder", S_IFDIR | 0700));
	assert_ok(make(&s, "", "empty", S_IFDIR | 0700));
	assert_ok(write_at(&s, "small", 0, 500, 'a'));
	assert_ok(volume_sync(s.volume));
	assert_ok(write_at(&s, "big", 0, BIG, 'a'));
	assert_ok(write_at(&s, "gone", 0, 50000, 'a'));
	assert_ok(volume_sync(s.volume));
	if (clean)
		assert_ok(stick_close(&s));
	else
		stick_kill(&s);
	return sim;
}

struct story {
	char *after[STEPS + 1]; /* listings: [0] before the first step, [n + 1] after step n */
	uint64_t calls[SIM_OPS];
};

static struct story story_new(struct sim *base)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base);
	struct story story = {0};
	struct stick s;

	assert_ok(stick_open(&s, sim, false));
	assert_ok(volume_listing(s.volume, &story.after[0]));
	for (unsigned i = 0; i < STEPS; i++) {
		assert_ok(step_do(&s, i));
		assert_ok(volume_listing(s.volume, &story.after[i + 1]));
	}
	assert_ok(stick_close(&s));
	for (unsigned op = 0; op < SIM_OPS; op++)
		story.calls[op] = sim_count(sim, op);
	return story;
}

static void story_clear(struct story *story)
{
	for (unsigned i = 0; i <= STEPS; i++)
		free(story->after[i]);
}

/* ---- one fault ---- */

struct fault {
	enum sim_op op;
	uint64_t nth;
	enum err err;
	bool for_ever;
};

static void expect_clear(struct sim *sim, const struct fault *f, enum err err)
{
	if (!sim_has_failed(sim))
		fail_msg("call %llu of %u did not fail, yet: %s", (unsigned long long)f->nth, f->op,
			 err_name(err));
	if (err != f->err && err != ERR_FROZEN && err != ERR_IO && err != ERR_NO_STATE)
		fail_msg("call %llu of %u: unclear %s", (unsigned long long)f->nth, f->op,
			 err_name(err));
}

/* Works until something fails. *ret_low: the state that is promised; *ret_high: the newest that may
 * have become durable. */
static void work_through(struct sim *sim, const struct fault *f, unsigned *ret_low,
			 unsigned *ret_high)
{
	struct stick s;
	enum err err = stick_open(&s, sim, false);
	unsigned step = 0;

	*ret_low = *ret_high = 0;
	if (err != OK) {
		expect_clear(sim, f, err);
		return;
	}
	while (step < STEPS && (err = step_do(&s, step)) == OK) {
		step++;
		*ret_high = step;
		if (is_sync(step - 1))
			*ret_low = step;
	}
	if (step < STEPS)
		expect_clear(sim, f, err);
	err = stick_close(&s);
	if (err == OK)
		*ret_low = *ret_high;
	else
		expect_clear(sim, f, err);
}

static void judge(struct sim *sim, const struct story *story, const struct fault *f, unsigned low,
		  unsigned high)
{
	char *got, diff[1024];
	struct stick s;
	bool found = false;

	sim_heal(sim);
	assert_ok(stick_open(&s, sim, false));
	assert_ok(volume_listing(s.volume, &got));
	for (unsigned i = low; i <= high && !found; i++)
		found = strcmp(story->after[i], got) == 0;
	listing_diff(story->after[low], got, diff, sizeof(diff));
	if (!found)
		fail_msg("call %llu of %u, %s: not within steps %u to %u\n# %s",
			 (unsigned long long)f->nth, f->op, err_name(f->err), low, high, diff);
	free(got);
	assert_ok(make(&s, "", "after", S_IFREG | 0600));
	assert_ok(stick_close(&s));
}

static void fail_each(enum sim_op op, enum err err, bool for_ever)
{
	for (unsigned clean = 0; clean < 2; clean++) {
		CLEANUP(sim_freep) struct sim *base = base_new(clean);
		struct story story = story_new(base);

		for (uint64_t nth = 0; nth < story.calls[op]; nth++) {
			struct sim *sim = sim_copy(base);
			struct fault f = {op, nth, err, for_ever};
			unsigned low, high;

			sim_fail(sim, op, nth, err, for_ever);
			work_through(sim, &f, &low, &high);
			judge(sim, &story, &f, low, high);
			sim_free(sim);
		}
		assert_true(story.calls[op] > 0);
		story_clear(&story);
	}
}

static void a_read_that_fails_once_costs_one_operation(void **state)
{
	fail_each(SIM_READ, ERR_IO, false);
}

static void a_write_that_fails_loses_nothing_acknowledged(void **state)
{
	fail_each(SIM_WRITE, ERR_IO, false);
	fail_each(SIM_WRITE, ERR_NO_SPACE, false);
}

static void a_flush_that_fails_loses_nothing_acknowledged(void **state)
{
	fail_each(SIM_FLUSH, ERR_IO, false);
}

static void a_host_that_cannot_grow_the_disk_is_survived(void **state)
{
	fail_each(SIM_GROW, ERR_NO_SPACE, false);
	fail_each(SIM_GROW, ERR_IO, false);
}

static void a_disk_that_dies_at_any_write_loses_nothing_acknowledged(void **state)
{
	fail_each(SIM_WRITE, ERR_IO, true);
	fail_each(SIM_WRITE, ERR_REMOVED, true);
}

/* ---- full ---- */

static unsigned fill_up(struct stick *s)
{
	unsigned files = 0;
	enum err err = OK;

	while (err == OK) {
		char name[16];

		snprintf(name, sizeof(name), "f%u", files);
		err = make(s, "", name, S_IFREG | 0600);
		if (err == OK) {
			files++;
			err = write_at(s, name, 0, 20000 + files * 977 % 30000, 'f');
		}
	}
	assert_int_equal(err, ERR_NO_SPACE);
	return files;
}

static void a_full_disk_gives_all_its_space_back(void **state)
{
	const struct sim_options options = {.blocks_max = 700, .step_blocks = 64};
	CLEANUP(sim_freep) struct sim *sim = sim_new(&options);
	struct store_info before, after;
	char *kept, *got;
	struct stick s;

	assert_ok(stick_format(sim, 14));
	assert_ok(stick_open(&s, sim, false));
	assert_ok(make(&s, "", "kept", S_IFREG | 0600));
	assert_ok(write_at(&s, "kept", 0, 60000, 'k'));
	assert_ok(volume_sync(s.volume));
	assert_ok(volume_listing(s.volume, &kept));
	store_info(s.store, &before);
	for (unsigned round = 0; round < 3; round++) {
		unsigned files = fill_up(&s);

		assert_true(files > 10);
		assert_ok(volume_sync(s.volume));
		for (unsigned i = 0; i < files; i++) {
			char name[16];

			snprintf(name, sizeof(name), "f%u", i);
			assert_ok(volume_unlink(s.volume, VOLUME_ROOT, name, NULL));
		}
		assert_ok(volume_sync(s.volume));
		store_info(s.store, &after);
		assert_int_equal(after.used_blocks, before.used_blocks);
		assert_ok(volume_listing(s.volume, &got));
		assert_string_equal(got, kept);
		free(got);
	}
	free(kept);
	assert_ok(stick_close(&s));
}

/* Space of a file that only its holder knew goes back once he is gone. */
static void a_held_file_without_a_name_ends_with_the_crash(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = base_new(false);
	struct store_info before, after;
	struct stick s;

	assert_ok(stick_open(&s, sim, false));
	store_info(s.store, &before);
	assert_ok(make(&s, "", "held", S_IFREG | 0600));
	assert_ok(write_at(&s, "held", 0, BIG, 'h'));
	assert_ok(volume_sync(s.volume));
	assert_ok(volume_hold(s.volume, ino_of(&s, "held")));
	assert_ok(volume_unlink(s.volume, VOLUME_ROOT, "held", NULL));
	assert_ok(volume_sync(s.volume));
	store_info(s.store, &after);
	assert_true(after.used_blocks > before.used_blocks + 50);
	stick_kill(&s);
	assert_ok(stick_open(&s, sim, false));
	assert_ok(volume_sync(s.volume));
	store_info(s.store, &after);
	assert_int_equal(after.used_blocks, before.used_blocks);
	assert_ok(stick_close(&s));
}

static int setup(void **state)
{
	clock_override(one_time);
	stick_init();
	return 0;
}

static int teardown(void **state)
{
	stick_done();
	clock_override(NULL);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_read_that_fails_once_costs_one_operation),
		cmocka_unit_test(a_write_that_fails_loses_nothing_acknowledged),
		cmocka_unit_test(a_flush_that_fails_loses_nothing_acknowledged),
		cmocka_unit_test(a_host_that_cannot_grow_the_disk_is_survived),
		cmocka_unit_test(a_disk_that_dies_at_any_write_loses_nothing_acknowledged),
		cmocka_unit_test(a_full_disk_gives_all_its_space_back),
		cmocka_unit_test(a_held_file_without_a_name_ends_with_the_crash),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* Each single call of the disk fails once: a clear error, nothing half done, and what was acknowledged
 * is there when the disk is well again. A full disk gives its space back. */
#include <errno.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "tests/check.h"
#include "tests/store/sim_gate.h"
#include "tests/volume/listing.h"
#include "tests/volume/stick.h"

#define BIG 300000u

/* ---- memory that runs out ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_MALLOC 0 /* the sanitizer has its own */
#define EVERY 7u	 /* and takes much longer: the plain run fails each call, this one some */
static uint64_t allocations, failing_allocation;
#else
#define HAS_OWN_MALLOC 1
#define EVERY 1u
/* The page arenas of the simulated disk are larger; that one must not fail. */
#define ARENA_LEN (64u * SIM_PAGE)

static atomic_uint_fast64_t allocations;
static uint64_t failing_allocation; /* its number; 0: none */

static bool allocation_fails(size_t len)
{
	if (len > ARENA_LEN || atomic_fetch_add(&allocations, 1) + 1 != failing_allocation)
		return false;
	errno = ENOMEM;
	return true;
}

/* glibc's own, below the names that this program takes over. */
void *__libc_malloc(size_t len);
void *__libc_calloc(size_t count, size_t len);
void *__libc_realloc(void *old, size_t len);

void *malloc(size_t len)
{
	return allocation_fails(len) ? NULL : __libc_malloc(len);
}
void *calloc(size_t count, size_t len)
{
	return allocation_fails(count * len) ? NULL : __libc_calloc(count, len);
}
void *realloc(void *old, size_t len)
{
	return allocation_fails(len) ? NULL : __libc_realloc(old, len);
}

/* Memory for secrets comes by another way. */
static void *(*secret_malloc)(size_t len);

void *sodium_malloc(size_t len);
void *sodium_malloc(size_t len)
{
	return allocation_fails(len) ? NULL : secret_malloc(len);
}

/* libcrypto's are left alone: a hash that cannot be made ends the program (crypto/hash.c). */
static void *crypto_malloc(size_t len, const char *file, int line)
{
	return __libc_malloc(len);
}
static void *crypto_realloc(void *old, size_t len, const char *file, int line)
{
	return __libc_realloc(old, len);
}
static void crypto_free(void *p, const char *file, int line)
{
	free(p);
}
#endif

/* ---- short forms ---- */

static enum err look_error;

static enum err could_not_look(void)
{
	return look_error;
}

static uint64_t ino_of(struct stick *s, const char *path)
{
	struct volume_attr attr = {.ino = VOLUME_ROOT};
	char part[64];

	while (*path) {
		size_t len = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		look_error = volume_lookup(s->volume, attr.ino, part, &attr);
		if (look_error != OK)
			return 0;
		path += len + (path[len] == '/');
	}
	return attr.ino;
}

static enum err write_at(struct stick *s, const char *path, uint64_t off, size_t len, int byte)
{
	static uint8_t buf[400000];
	uint64_t ino = ino_of(s, path);

	memset(buf, byte, len);
	return ino ? volume_write(s->volume, ino, off, buf, len) : could_not_look();
}

static enum err make(struct stick *s, const char *folder, const char *name, uint32_t mode)
{
	struct volume_attr attr;
	uint64_t ino = ino_of(s, folder);

	return ino ? volume_make(s->volume, ino, name, mode, 1, 1, &attr) : could_not_look();
}

static enum err cut(struct stick *s, const char *path, uint64_t size)
{
	struct volume_attr in = {.size = size};
	uint64_t ino = ino_of(s, path);

	return ino ? volume_setattr(s->volume, ino, VOLUME_SET_SIZE, &in, NULL) :
		     could_not_look();
}

static enum err link_in_root(struct stick *s, const char *path, const char *name)
{
	struct volume_attr attr;
	uint64_t ino = ino_of(s, path);

	return ino ? volume_link(s->volume, ino, VOLUME_ROOT, name, &attr) : could_not_look();
}

/* ---- a fixed piece of work, one operation a step ---- */

static enum err step_reseal(struct stick *s)
{
	struct store_reseal at = {0};
	bool more;

	return stick_reseal(s, 2, 16, &at, &more);
}

/* The short one ends with the first new epoch. */
enum { STEPS = 25, STEPS_SHORT = 18 };

/* All that went before is durable when it is over. */
static bool is_sync(unsigned step)
{
	return step == 1 || step == 6 || step == 10 || step == 14 || step == 17 || step == 20 ||
	       step >= 22;
}

static enum err step_epochs(struct stick *s, unsigned step)
{
	switch (step) {
	case 17:
		return stick_rekey(s);
	case 18:
		return write_at(s, "folder/new", 30000, 30000, 'f');
	case 19:
		return step_reseal(s);
	case 21:
		return volume_unlink(s->volume, VOLUME_ROOT, "old", NULL);
	case 22:
		return stick_end_older(s);
	case 23:
		return stick_purge(s);
	default:
		return volume_sync(s->volume);
	}
}

static enum err step_do(struct stick *s, unsigned step)
{
	struct volume *v = s->volume;

	if (step >= 17)
		return step_epochs(s, step);
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
static struct sim *base_new(bool clean, uint64_t step_blocks)
{
	const struct sim_options options = {.blocks_max = 1000, .step_blocks = step_blocks};
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
	unsigned steps; /* so many of them */
	char *after[STEPS + 1]; /* listings: [0] before the first step, [n + 1] after step n */
	uint64_t calls[SIM_OPS];
};

static struct story story_new(struct sim *base, unsigned steps)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base);
	struct story story = {.steps = steps};
	struct stick s;

	assert_ok(stick_open(&s, sim, false));
	assert_ok(volume_listing(s.volume, &story.after[0]));
	for (unsigned i = 0; i < steps; i++) {
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

static bool has_failed(const struct sim *sim, const struct fault *f)
{
	return f->op == SIM_OPS ? allocations >= f->nth : sim_has_failed(sim);
}

static void expect_clear(struct sim *sim, const struct fault *f, enum err err)
{
	if (!has_failed(sim, f))
		fail_msg("call %llu of %u did not fail, yet: %s", (unsigned long long)f->nth, f->op,
			 err_name(err));
	if (err != f->err && err != ERR_FROZEN && err != ERR_IO && err != ERR_NO_STATE)
		fail_msg("call %llu of %u: unclear %s", (unsigned long long)f->nth, f->op,
			 err_name(err));
}

/* Works until something fails. *ret_low: the state that is promised; *ret_high: the newest that may
 * have become durable. */
static void work_through(struct sim *sim, const struct story *story, const struct fault *f,
			 unsigned *ret_low, unsigned *ret_high)
{
	struct stick s;
	enum err err = stick_open(&s, sim, false);
	unsigned step = 0;

	*ret_low = *ret_high = 0;
	if (err != OK) {
		expect_clear(sim, f, err);
		return;
	}
	while (step < story->steps && (err = step_do(&s, step)) == OK) {
		step++;
		*ret_high = step;
		if (is_sync(step - 1))
			*ret_low = step;
	}
	if (step < story->steps)
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
		CLEANUP(sim_freep) struct sim *base = base_new(clean, 16);
		struct story story = story_new(base, clean ? STEPS_SHORT : STEPS);

		for (uint64_t nth = EVERY > 1 ? clean : 0; nth < story.calls[op]; nth += EVERY) {
			struct sim *sim = sim_copy(base);
			struct fault f = {op, nth, err, for_ever};
			unsigned low, high;

			sim_fail(sim, op, nth, err, for_ever);
			work_through(sim, &story, &f, &low, &high);
			judge(sim, &story, &f, low, high);
			sim_free(sim);
		}
		assert_true(story.calls[op] > 0);
		story_clear(&story);
	}
}

/* Allocation number `nth` of opening, working and closing. Gives how many there were. */
static uint64_t fail_allocation(struct sim *base, const struct story *story, uint64_t nth)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base);
	struct fault f = {SIM_OPS, nth, ERR_NOMEM, false};
	unsigned low, high;
	uint64_t made;

	allocations = 0;
	failing_allocation = nth;
	work_through(sim, story, &f, &low, &high);
	failing_allocation = 0;
	made = allocations;
	judge(sim, story, &f, low, high);
	return made;
}

static void fail_each_allocation(void)
{
	CLEANUP(sim_freep) struct sim *base = base_new(false, 1000);
	struct story story = story_new(base, STEPS);
	uint64_t nth = 1, made;

	/* The first is the simulated disk's own. The last trial is the one that does without. */
	do {
		made = fail_allocation(base, &story, ++nth);
	} while (made >= nth);
	print_message("# %llu allocations failed\n", (unsigned long long)nth - 2);
	assert_true(nth > 100);
	story_clear(&story);
}

static void an_allocation_that_fails_costs_one_operation(void **state)
{
	if (!HAS_OWN_MALLOC)
		skip_because("the sanitizer has its own allocator");
	fail_each_allocation();
}

static void a_read_that_fails_once_costs_one_operation(void **state)
{
	fail_each(SIM_READ, ERR_IO, false);
	fail_each(SIM_READ, ERR_NO_SPACE, false);
}

static void a_write_that_fails_loses_nothing_acknowledged(void **state)
{
	fail_each(SIM_WRITE, ERR_IO, false);
	fail_each(SIM_WRITE, ERR_NO_SPACE, false);
}

static void a_flush_that_fails_loses_nothing_acknowledged(void **state)
{
	fail_each(SIM_FLUSH, ERR_IO, false);
	fail_each(SIM_FLUSH, ERR_NO_SPACE, false);
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

/* ---- checking ---- */

static void note_hurt(void *ctx, const char *path, enum err what, const char *why)
{
	fail_msg("%s: %s: %s", path, err_name(what), why);
}

static enum err check_whole(struct stick *s, struct volume_check_result *ret)
{
	memset(ret, 0, sizeof(*ret));
	return volume_check(s->volume, note_hurt, NULL, NULL, ret);
}

/* What the check has no memory for it does not take for damage. */
static void check_without_memory(void)
{
	CLEANUP(sim_freep) struct sim *base = base_new(false, 1000);
	uint64_t nth = 0, made;

	do {
		CLEANUP(sim_freep) struct sim *sim = sim_copy(base);
		struct volume_check_result r;
		struct stick s;
		enum err err;

		assert_ok(stick_open(&s, sim, nth % 2));
		allocations = 0;
		failing_allocation = ++nth;
		err = check_whole(&s, &r);
		failing_allocation = 0;
		made = allocations;
		if (err != OK)
			assert_err(err, ERR_NOMEM);
		assert_int_equal(r.problems + r.store.bad_nodes + r.store.bad_records, 0);
		assert_ok(check_whole(&s, &r));
		assert_int_equal(r.problems, 0);
		assert_ok(stick_close(&s));
	} while (made >= nth);
	print_message("# %llu allocations failed\n", (unsigned long long)nth - 1);
	assert_true(nth > 5);
}

static void a_check_without_memory_says_so_and_finds_no_damage(void **state)
{
	if (!HAS_OWN_MALLOC)
		skip_because("the sanitizer has its own allocator");
	check_without_memory();
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

/* A file whose record was being sealed when it went is removed a moment later, by that thread. */
static uint64_t used_at_rest(struct stick *s, uint64_t want)
{
	struct volume_check_result result;
	struct store_info info;

	for (unsigned i = 0; i < 1000; i++) {
		assert_ok(volume_sync(s->volume));
		store_info(s->store, &info);
		if (info.used_blocks == want)
			break;
		usleep(10000);
	}
	assert_ok(volume_check(s->volume, NULL, NULL, NULL, &result));
	assert_int_equal(result.problems + result.store.unreachable_blocks, 0);
	return info.used_blocks;
}

static void a_full_disk_gives_all_its_space_back(void **state)
{
	const struct sim_options options = {.blocks_max = 700, .step_blocks = 64};
	CLEANUP(sim_freep) struct sim *sim = sim_new(&options);
	struct store_info before;
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
		assert_int_equal(used_at_rest(&s, before.used_blocks), before.used_blocks);
		assert_ok(volume_listing(s.volume, &got));
		assert_string_equal(got, kept);
		free(got);
	}
	free(kept);
	assert_ok(stick_close(&s));
}

static void a_full_disk_moves_to_a_new_epoch(void **state)
{
	const struct sim_options options = {.blocks_max = 700, .step_blocks = 64};
	CLEANUP(sim_freep) struct sim *sim = sim_new(&options);
	uint64_t used;
	char *kept, *got;
	struct stick s;

	assert_ok(stick_format(sim, 14));
	assert_ok(stick_open(&s, sim, false));
	assert_true(fill_up(&s) > 10);
	assert_ok(volume_sync(s.volume));
	for (uint32_t epoch = 2; epoch < 5; epoch++) {
		struct store_info info;

		assert_ok(volume_listing(s.volume, &kept));
		store_info(s.store, &info);
		used = info.used_blocks;
		assert_ok(stick_rekey(&s));
		assert_ok(stick_end_older(&s));
		assert_int_equal(s.key.oldest, epoch);
		assert_int_equal(used_at_rest(&s, used), used);
		assert_ok(stick_close(&s));
		assert_ok(stick_open(&s, sim, false));
		assert_ok(volume_listing(s.volume, &got));
		assert_string_equal(got, kept);
		free(got);
		free(kept);
		assert_err(write_at(&s, "f1", 0, 400000, 'x'), ERR_NO_SPACE);
	}
	assert_ok(stick_close(&s));
}

/* Space of a file that only its holder knew goes back once he is gone. */
static void a_held_file_without_a_name_ends_with_the_crash(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = base_new(false, 16);
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
	sim_gate_seed(1); /* much noise is written, and the kernel's is slow */
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
		cmocka_unit_test(an_allocation_that_fails_costs_one_operation),
		cmocka_unit_test(a_check_without_memory_says_so_and_finds_no_damage),
		cmocka_unit_test(a_full_disk_gives_all_its_space_back),
		cmocka_unit_test(a_full_disk_moves_to_a_new_epoch),
		cmocka_unit_test(a_held_file_without_a_name_ends_with_the_crash),
	};

#if HAS_OWN_MALLOC
	/* Volumes are opened thousands of times: keep their buffers. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 256 << 20);
	secret_malloc = dlsym(RTLD_NEXT, "sodium_malloc");
	if (!secret_malloc)
		return 1;
	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free) != 1)
		return 1;
#endif
	return cmocka_run_group_tests(tests, setup, teardown);
}

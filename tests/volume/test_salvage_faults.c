/* A salvage while memory runs out, reads fail and the place it writes to refuses: a clear error or
 * a loss that is told, never a wrong file and never a crash. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/volume/outcome.h"
#undef XATTR_NAME_MAX /* the system's headers have it too */
#include <openssl/crypto.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_OWN_MALLOC 0 /* the sanitizer has its own */
#else
#define HAS_OWN_MALLOC 1
#endif
static uint64_t allocations, failing_allocation; /* its number; 0: none */

#if HAS_OWN_MALLOC
static bool allocation_fails(void)
{
	if (++allocations != failing_allocation)
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
	return allocation_fails() ? NULL : __libc_malloc(len);
}
void *calloc(size_t count, size_t len)
{
	return allocation_fails() ? NULL : __libc_calloc(count, len);
}
void *realloc(void *old, size_t len)
{
	return allocation_fails() ? NULL : __libc_realloc(old, len);
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

/* ---- a sink that keeps nothing, and may refuse ---- */

struct counter {
	uint64_t calls, failing; /* the number of the one that fails; 0: none */
	enum err with;
	uint64_t files, flaws, refused;
	bool begun;
};

static enum err call(void *ctx)
{
	struct counter *c = ctx;

	return ++c->calls == c->failing ? c->with : OK;
}

static enum err on_folder(void *ctx, const char *path)
{
	return call(ctx);
}

static enum err on_begin(void *ctx)
{
	struct counter *c = ctx;

	assert_false(c->begun);
	TRY(call(c));
	c->begun = true;
	return OK;
}

static enum err on_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	assert_true(((struct counter *)ctx)->begun);
	return call(ctx);
}

static enum err on_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	struct counter *c = ctx;

	assert_true(c->begun);
	TRY(call(c));
	c->begun = false;
	c->files++;
	return OK;
}

static void on_drop(void *ctx)
{
	((struct counter *)ctx)->begun = false;
}

static enum err on_link(void *ctx, const char *old, const char *path)
{
	return call(ctx);
}

static enum err on_symlink(void *ctx, const char *target, const char *path,
			   const struct volume_attr *attr)
{
	return call(ctx);
}

static enum err on_special(void *ctx, const char *path, const struct volume_attr *attr)
{
	return call(ctx);
}

static enum err on_xattr(void *ctx, const char *path, const char *name, const void *value,
			 size_t len)
{
	return call(ctx);
}

static enum err on_folder_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	return call(ctx);
}

static enum err on_flaw(void *ctx, const struct salvage_flaw *flaw)
{
	struct counter *c = ctx;

	/* Of what was not written there is no more to tell than that. */
	c->flaws += flaw->kind != FLAW_UNPROVEN;
	c->refused += flaw->kind == FLAW_NOT_WRITTEN || flaw->kind == FLAW_RENAMED ||
		      flaw->kind == FLAW_ATTRIBUTES;
	return OK;
}

static enum err salvage_into(struct fixture *f, struct disk *disk, struct counter *counter)
{
	CLEANUP(salvage_closep) struct salvage *s = NULL;
	const struct salvage_sink sink = {
		.folder = on_folder,
		.begin = on_begin,
		.data = on_data,
		.end = on_end,
		.drop = on_drop,
		.link = on_link,
		.symlink = on_symlink,
		.special = on_special,
		.xattr = on_xattr,
		.folder_end = on_folder_end,
		.flaw = on_flaw,
		.ctx = counter,
	};
	struct salvage_result result;
	char label[65];

	TRY(salvage_open(disk, &f->unlock, NULL, NULL, &s));
	return volume_salvage(s, &sink, label, &result);
}

/* ---- a volume with a bit of everything, its root and a leaf lost ---- */

struct scene {
	struct fixture *f;
	struct sim *image;
};

static void fill(struct fixture *f)
{
	uint64_t folder = make_folder(f, VOLUME_ROOT, "folder"), ino = 0;
	struct volume_attr attr;
	char name[32], value[128] = "value";

	for (unsigned i = 0; i < 120; i++) {
		snprintf(name, sizeof(name), "file-%u", i);
		ino = make_file(f, i % 2 ? folder : VOLUME_ROOT, name);
		write_pattern(f, ino, 0, 400 * i + 1, i);
		if (i % 10 == 0)
			assert_ok(volume_set_xattr(f->v, ino, "user.x", value, i + 1, 0));
	}
	assert_ok(volume_link(f->v, ino, VOLUME_ROOT, "again", &attr));
	assert_ok(volume_symlink(f->v, folder, "link", "file-1", 1, 1, &attr));
	assert_ok(volume_make(f->v, folder, "pipe", S_IFIFO | 0600, 1, 1, &attr));
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct inventory was;

	s->f = fixture_new_sim(VOLUME_RECORD_SHIFT, 1u << 14);
	fill(s->f);
	inventory_take(s->f, &was);
	s->image = sim_copy(s->f->sim);
	sim_flip(s->image, DISK_DATA, was.nodes[0] * DISK_BLOCK, 1);
	sim_flip(s->image, DISK_DATA, was.leaves[was.leaf_count / 2] * DISK_BLOCK, 1);
	inventory_clear(&was);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	sim_free(s->image);
	fixture_free(s->f);
	free(s);
	return 0;
}

static void memory_that_runs_out_is_told(void **state)
{
	struct scene *s = *state;
	struct counter whole = {0};
	struct disk *well = sim_disk(s->image);
	uint64_t n = 0;
	enum err err;

	assert_ok(salvage_into(s->f, well, &whole));
	disk_close(well);
	if (!HAS_OWN_MALLOC)
		skip_because("the sanitizer has its own allocator");
	do {
		struct disk *disk = sim_disk(s->image);
		struct counter counter = {0};

		failing_allocation = allocations + ++n;
		err = salvage_into(s->f, disk, &counter);
		if (allocations < failing_allocation)
			n = 0; /* it needs no more than that */
		failing_allocation = 0;
		/* Sorting can do without; then nothing else may differ. */
		if (n > 0 && err != ERR_NOMEM &&
		    (err != OK || counter.files != whole.files || counter.flaws != whole.flaws))
			fail_msg("allocation %u: %s", (unsigned)n, err_name(err));
		assert_false(counter.begun);
		disk_close(disk);
	} while (n > 0);
	assert_ok(err);
}

/* Each read of a whole volume fails once: all comes out, or what does not is told. */
static void a_read_that_fails_costs_what_it_read(void **state)
{
	struct scene *s = *state;
	struct sim *image = sim_copy(s->f->sim);
	struct disk *disk = sim_disk(image);
	struct counter whole = {0};
	uint64_t count;

	assert_ok(salvage_into(s->f, disk, &whole));
	assert_int_equal(whole.flaws, 0);
	count = sim_count(image, SIM_READ);
	for (uint64_t i = 0; i < count; i += 1 + i / 40) {
		struct counter counter = {0};

		sim_fail(image, SIM_READ, sim_count(image, SIM_READ) + i, ERR_IO, false);
		assert_ok(salvage_into(s->f, disk, &counter));
		if (counter.files != whole.files && counter.flaws == 0)
			fail_msg("read %u of %u: %u files, not %u", (unsigned)i, (unsigned)count,
				 (unsigned)counter.files, (unsigned)whole.files);
		assert_false(counter.begun);
		sim_heal(image);
	}
	disk_close(disk);
	sim_free(image);
}

static void a_medium_pulled_at_any_read_ends_it(void **state)
{
	struct scene *s = *state;
	struct disk *disk = sim_disk(s->image);
	uint64_t reads = sim_count(s->image, SIM_READ), count;
	struct counter whole = {0};

	assert_ok(salvage_into(s->f, disk, &whole));
	count = sim_count(s->image, SIM_READ) - reads;
	for (uint64_t i = 0; i < count; i += 1 + i / 40) {
		struct counter counter = {0};

		sim_fail(s->image, SIM_READ, sim_count(s->image, SIM_READ) + i, ERR_REMOVED, true);
		assert_err(salvage_into(s->f, disk, &counter), ERR_REMOVED);
		assert_false(counter.begun);
		sim_heal(s->image);
	}
	disk_close(disk);
}

/* Some errors are about one file, some about everything. */
static void a_place_that_refuses_is_told(void **state)
{
	static const enum err one[] = {ERR_IO, ERR_TOO_BIG, ERR_PERM, ERR_EXISTS};
	static const enum err all[] = {ERR_NO_SPACE, ERR_INTERRUPTED};
	struct scene *s = *state;
	struct disk *disk = sim_disk(s->image);
	struct counter whole = {0};

	assert_ok(salvage_into(s->f, disk, &whole));
	for (uint64_t i = 1; i <= whole.calls; i += 1 + i / 40) {
		struct counter counter = {.failing = i, .with = one[i % ARRAY_LEN(one)]};

		assert_ok(salvage_into(s->f, disk, &counter));
		/* Where a name is taken, another one of our own choice may do. */
		if (counter.refused <= whole.refused &&
		    (counter.with != ERR_EXISTS || counter.files < whole.files))
			fail_msg("call %u: %s", (unsigned)i, err_name(counter.with));
		assert_false(counter.begun);
		counter = (struct counter){.failing = i, .with = all[i % ARRAY_LEN(all)]};
		assert_err(salvage_into(s->f, disk, &counter), all[i % ARRAY_LEN(all)]);
		assert_false(counter.begun);
	}
	disk_close(disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_that_runs_out_is_told),
		cmocka_unit_test(a_read_that_fails_costs_what_it_read),
		cmocka_unit_test(a_medium_pulled_at_any_read_ends_it),
		cmocka_unit_test(a_place_that_refuses_is_told),
	};

#if HAS_OWN_MALLOC
	assert_int_equal(CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc, crypto_free), 1);
#endif
	return cmocka_run_group_tests(tests, setup, teardown);
}

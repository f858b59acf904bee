#include "tests/volume/bounded.h"
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include "tests/volume/crash.h"

#define SHIFT 14u
#define BIG 40000u /* bytes of "b": three records */

static uint8_t bytes[BIG * 3];

static uint64_t ino_of(struct work *w, const char *name)
{
	return model_lookup(w->model, VOLUME_ROOT, name);
}

static void resize(struct work *w, const char *name, uint64_t size)
{
	struct volume_attr in = { .size = size };

	work_setattr(w, ino_of(w, name), VOLUME_SET_SIZE, &in);
}

/* ---- the operations ---- */

static void make_file(struct work *w)
{
	(void)work_make(w, VOLUME_ROOT, "n", S_IFREG | 0600, NULL);
}
static void make_folder(struct work *w)
{
	(void)work_make(w, VOLUME_ROOT, "f", S_IFDIR | 0700, NULL);
}
static void make_symlink(struct work *w)
{
	(void)work_make(w, VOLUME_ROOT, "t", S_IFLNK | 0777, "where/it/points");
}
static void make_full_file(struct work *w)
{
	uint64_t ino = work_make(w, VOLUME_ROOT, "o", S_IFREG | 0600, NULL);

	if (ino != 0)
		work_write(w, ino, 0, bytes, 20000);
}
static void overwrite_inside(struct work *w)
{
	work_write(w, ino_of(w, "a"), 10, bytes + 77, 20);
}
static void overwrite_record(struct work *w)
{
	work_write(w, ino_of(w, "b"), 14000, bytes + 7, 6000);
}
static void append_beyond_inside(struct work *w)
{
	work_append(w, ino_of(w, "a"), bytes + 3, 5000);
}
static void truncate_into_inside(struct work *w)
{
	resize(w, "b", 100);
}
static void truncate_to_nothing(struct work *w)
{
	resize(w, "b", 0);
}
static void grow_without_content(struct work *w)
{
	resize(w, "b", 100000);
}
static void punch(struct work *w)
{
	work_fallocate(w, ino_of(w, "b"), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 3000, 25000);
}
static void replace(struct work *w)
{
	work_rename(w, VOLUME_ROOT, "a", VOLUME_ROOT, "b", 0);
}
static void exchange_file_and_folder(struct work *w)
{
	work_rename(w, VOLUME_ROOT, "a", VOLUME_ROOT, "d", RENAME_EXCHANGE);
}
static void replace_folder(struct work *w)
{
	work_rename(w, VOLUME_ROOT, "d", VOLUME_ROOT, "e", 0);
}
static void move_into_folder(struct work *w)
{
	uint64_t folder = ino_of(w, "d");

	if (folder != 0)
		work_rename(w, VOLUME_ROOT, "b", folder, "b", 0);
}
static void unlink_one_of_two(struct work *w)
{
	work_unlink(w, VOLUME_ROOT, "l");
}
static void unlink_last(struct work *w)
{
	work_unlink(w, VOLUME_ROOT, "b");
}
static void unlink_while_open(struct work *w)
{
	if (work_hold(w, ino_of(w, "b")))
		work_unlink(w, VOLUME_ROOT, "b");
}
static void link_again(struct work *w)
{
	if (ino_of(w, "a") != 0)
		work_link(w, ino_of(w, "a"), VOLUME_ROOT, "m");
}
static void remove_folder(struct work *w)
{
	work_rmdir(w, VOLUME_ROOT, "e");
}
static void set_long_xattr(struct work *w)
{
	work_set_xattr(w, ino_of(w, "a"), "user.x", bytes + 1, 9000, 0);
}
static void remove_xattr(struct work *w)
{
	work_remove_xattr(w, ino_of(w, "a"), "user.x");
}

static void (*const ops[])(struct work *w) = {
	make_file,	      make_folder,	   make_symlink,      make_full_file,
	overwrite_inside,     overwrite_record,	   append_beyond_inside, truncate_into_inside,
	truncate_to_nothing,  grow_without_content, punch,	      replace,
	exchange_file_and_folder, replace_folder,  move_into_folder,  unlink_one_of_two,
	unlink_last,	      unlink_while_open,   link_again,	      remove_folder,
	set_long_xattr,	      remove_xattr,
};
#define OPS ARRAY_LEN(ops)

/* ---- the tree they start from ---- */

static struct sim *base;
static struct model *base_model;
static const struct work_profile profile = {
	.shift = SHIFT, .disk_blocks = 65536, .ops = 1, .sync_every = 2, .file_max = 100000, .names = 4
};

static void base_make(void)
{
	struct sim_options options = { .blocks_max = profile.disk_blocks, .step_blocks = 256 };
	uint64_t random = 5, folder;
	struct work w;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(sim_random(&random) >> 40);
	base = sim_new(&options);
	work_begin(&w, base, &profile, 1);
	work_write(&w, work_make(&w, VOLUME_ROOT, "a", S_IFREG | 0600, NULL), 0, bytes, 100);
	work_write(&w, work_make(&w, VOLUME_ROOT, "b", S_IFREG | 0600, NULL), 0, bytes, BIG);
	folder = work_make(&w, VOLUME_ROOT, "d", S_IFDIR | 0700, NULL);
	work_write(&w, work_make(&w, folder, "c", S_IFREG | 0600, NULL), 0, bytes, 3000);
	work_link(&w, model_lookup(w.model, folder, "c"), VOLUME_ROOT, "l");
	(void)work_make(&w, VOLUME_ROOT, "e", S_IFDIR | 0700, NULL);
	work_set_xattr(&w, ino_of(&w, "a"), "user.x", bytes, 30, 0);
	work_sync(&w);
	base_model = model_clone(w.model);
	work_end(&w);
}

void bounded_done(void)
{
	sim_free(TAKE(base));
	model_free(TAKE(base_model));
}

/* ---- the sequences ---- */

#define STRIDE 7919u /* prime, and no divisor of any count */

static uint64_t total;

static uint64_t count_to(unsigned length)
{
	uint64_t count = OPS;

	if (length > 1)
		count += OPS * OPS * 2;
	return length > 2 ? count + OPS * OPS * OPS : count;
}

uint64_t bounded_begin(unsigned length)
{
	total = count_to(length);
	return total;
}

static void run(struct work *w, uint64_t which, unsigned length, unsigned syncs)
{
	for (unsigned i = 0; i < length; i++) {
		ops[which % OPS](w);
		which /= OPS;
		if (i + 1 == length || (syncs >> i & 1))
			work_sync(w);
	}
}

void bounded_trial(uint64_t seed, struct sim_tally *tally)
{
	uint64_t n = seed * STRIDE % total, random = seed;
	struct sim *sim;
	struct work w;

	if (!base)
		base_make();
	sim = sim_copy(base);
	work_resume(&w, sim, &profile, seed, base_model);
	if (n < count_to(1))
		run(&w, n, 1, 0);
	else if (n < count_to(2))
		run(&w, (n - count_to(1)) / 2, 2, (unsigned)(n - count_to(1)) % 2);
	else
		run(&w, n - count_to(2), 3, (unsigned)(sim_random(&random) % 4));
	work_compare(&w);
	stick_kill(&w.stick);
	crash_everywhere(&w, tally, 0, random);
	work_end(&w);
	sim_free(sim);
}

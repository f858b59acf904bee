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

static void rekey(struct work *w)
{
	work_rekey(w);
}
static void reseal(struct work *w)
{
	work_reseal(w, 2);
}
static void end_older(struct work *w)
{
	work_end_older(w);
}

static const struct op {
	const char *name;
	void (*run)(struct work *w);
} ops[] = {
	{ "create n", make_file },
	{ "mkdir f", make_folder },
	{ "symlink t", make_symlink },
	{ "create and write o", make_full_file },
	{ "overwrite in a", overwrite_inside },
	{ "overwrite in b", overwrite_record },
	{ "append to a", append_beyond_inside },
	{ "truncate b to 100", truncate_into_inside },
	{ "truncate b to 0", truncate_to_nothing },
	{ "truncate b to 100000", grow_without_content },
	{ "punch a hole in b", punch },
	{ "rename a to b", replace },
	{ "exchange a and d", exchange_file_and_folder },
	{ "rename d to e", replace_folder },
	{ "rename b to d/b", move_into_folder },
	{ "unlink l", unlink_one_of_two },
	{ "unlink b", unlink_last },
	{ "unlink b while it is open", unlink_while_open },
	{ "link a to m", link_again },
	{ "rmdir e", remove_folder },
	{ "set a long xattr of a", set_long_xattr },
	{ "remove the xattr of a", remove_xattr },
	{ "rekey", rekey },
	{ "reseal", reseal },
	{ "reseal all, end older epochs", end_older },
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
#define LENGTH_MAX 3u

/* Operations, and after which of them, beside the last, there is a sync. */
struct sequence {
	unsigned length;
	unsigned ops[LENGTH_MAX];
	unsigned syncs; /* bits */
};

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

static struct sequence sequence_make(uint64_t which, unsigned length, unsigned syncs)
{
	struct sequence q = { .length = length, .syncs = syncs | 1u << (length - 1) };

	for (unsigned i = 0; i < length; i++, which /= OPS)
		q.ops[i] = (unsigned)(which % OPS);
	return q;
}

static struct sequence sequence_of(uint64_t seed)
{
	uint64_t n = seed * STRIDE % total, random = seed;

	if (n < count_to(1))
		return sequence_make(n, 1, 0);
	if (n < count_to(2))
		return sequence_make((n - count_to(1)) / 2, 2, (unsigned)(n - count_to(1)) % 2);
	return sequence_make(n - count_to(2), 3, (unsigned)(sim_random(&random) % 4));
}

static void run(struct work *w, const struct sequence *q)
{
	for (unsigned i = 0; i < q->length; i++) {
		ops[q->ops[i]].run(w);
		if (q->syncs >> i & 1)
			work_sync(w);
	}
}

static void sequence_trial(const struct sequence *q, uint64_t seed, struct sim_tally *tally)
{
	struct sim *sim;
	struct work w;

	if (!base)
		base_make();
	sim = sim_copy(base);
	work_resume(&w, sim, &profile, seed, base_model);
	run(&w, q);
	work_compare(&w);
	work_check_epochs(&w);
	stick_kill(&w.stick);
	crash_at_each_write(&w, tally, seed);
	work_end(&w);
	sim_free(sim);
}

void bounded_trial(uint64_t seed, struct sim_tally *tally)
{
	struct sequence q = sequence_of(seed);

	sequence_trial(&q, seed, tally);
}

/* ---- the shortest one that fails ---- */

#define SHORTEN_SEEDS 6u /* ways of crashing that are tried with each */

/* Those of the operations that `kept` names, with any choice of syncs but the last. */
static struct sequence part_of(const struct sequence *q, unsigned kept, unsigned syncs)
{
	struct sequence part = { 0 };

	for (unsigned i = 0; i < q->length; i++)
		if (kept >> i & 1)
			part.ops[part.length++] = q->ops[i];
	part.syncs = (syncs & ((1u << part.length) - 1)) | 1u << (part.length - 1);
	return part;
}

static void tell(const struct sequence *q)
{
	printf("#   shortest sequence that fails:");
	for (unsigned i = 0; i < q->length; i++)
		printf("%s %s%s", i ? ";" : "", ops[q->ops[i]].name, q->syncs >> i & 1 ? ", sync" : "");
	printf("\n");
}

struct attempt {
	struct sequence q;
	uint64_t seed;
};

static void attempt_run(void *ctx, struct sim_tally *tally)
{
	const struct attempt *a = ctx;

	tally->seed = a->seed;
	sim_gate_seed(a->seed);
	sequence_trial(&a->q, a->seed, tally);
}

static bool fails(const struct sequence *q, uint64_t seed)
{
	char said[1024];

	for (uint64_t i = 0; i < SHORTEN_SEEDS; i++) {
		struct attempt a = { .q = *q, .seed = seed + i * 1000003 };

		if (!sim_gate_try(attempt_run, &a, said, sizeof(said)))
			continue;
		tell(q);
		printf("%s", said);
		return true;
	}
	return false;
}

void bounded_shorten(uint64_t seed)
{
	struct sequence q = sequence_of(seed);

	for (unsigned length = 1; length < q.length; length++)
		for (unsigned kept = 1; kept < 1u << q.length; kept++)
			for (unsigned syncs = 0; syncs < 1u << (length - 1); syncs++) {
				struct sequence part = part_of(&q, kept, syncs);

				if (part.length == length && fails(&part, seed))
					return;
			}
	if (!fails(&q, seed))
		tell(&q);
}

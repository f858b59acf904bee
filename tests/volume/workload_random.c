/* Random operations of a workload. */
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "tests/volume/workload.h"

static uint64_t below(struct work *w, uint64_t n)
{
	return sim_random(&w->random) % n;
}

void work_profile_random(struct work_profile *p, uint64_t *random)
{
	uint64_t r = sim_random(random);
	bool tight = r % 4 == 0;

	*p = (struct work_profile){
		.shift = 14 + (unsigned)(r >> 8) % 4,
		.disk_blocks = tight ? 72 + (r >> 16) % 600 : 65536,
		.ops = 15 + (unsigned)(r >> 32) % 100,
		.sync_every = 1 + (unsigned)(r >> 40) % 20,
		.file_max = (r >> 48) % 3 == 0 ? 300000 : 40000,
		.names = 3 + (unsigned)(r >> 52) % 25,
		.reopens = (r >> 60) % 2,
		.rekeys = (r >> 61) % 2,
	};
}

static const char *pick_name(struct work *w, char out[64])
{
	static const char *const odd[] = { "日本語の名前", "with space", "ファイル.docx",
					   "a name that is somewhat longer than most of the others" };

	if (below(w, 12) == 0)
		snprintf(out, 64, "%s", odd[below(w, ARRAY_LEN(odd))]);
	else
		snprintf(out, 64, "n%u", (unsigned)below(w, w->profile.names));
	return out;
}

static uint64_t pick_folder(struct work *w)
{
	return below(w, 3) == 0 ? w->root : model_pick(w->model, below(w, 1000), S_IFDIR);
}

static uint64_t pick_file(struct work *w)
{
	uint64_t ino = model_pick(w->model, below(w, 1000), S_IFREG);

	if (w->held_count > 0 && below(w, 8) == 0)
		return w->held[below(w, w->held_count)];
	return ino;
}

/* A name that is there, mostly. */
static const char *pick_entry(struct work *w, uint64_t folder, char out[64])
{
	const char *name = model_name(w->model, folder, below(w, 1000));

	if (!name || below(w, 10) == 0)
		return pick_name(w, out);
	snprintf(out, 64, "%s", name);
	return out;
}

static const uint8_t *pick_bytes(struct work *w, size_t len)
{
	static _Thread_local uint8_t buf[WORK_LEN_MAX + 8];
	uint64_t state = sim_random(&w->random);

	for (size_t i = 0; i < len; i += 8) {
		uint64_t r = sim_random(&state);

		memcpy(buf + i, &r, 8);
	}
	return buf;
}

/* Lengths of all orders of magnitude up to `max`. */
static size_t pick_len(struct work *w, size_t max)
{
	size_t top = max >> below(w, 12);

	return below(w, top + 1);
}

static void op_make(struct work *w, uint32_t mode, const char *target)
{
	char name[64];
	uint64_t folder = pick_folder(w);

	(void)work_make(w, folder, pick_name(w, name), mode, target);
}

static void op_make_file(struct work *w)
{
	op_make(w, S_IFREG | 0640, NULL);
}
static void op_make_folder(struct work *w)
{
	op_make(w, S_IFDIR | 0750, NULL);
}
static void op_make_fifo(struct work *w)
{
	op_make(w, below(w, 2) ? S_IFIFO | 0600 : S_IFSOCK | 0600, NULL);
}
static void op_symlink(struct work *w)
{
	char target[VOLUME_SYMLINK_MAX + 1];
	size_t len = 1 + pick_len(w, VOLUME_SYMLINK_MAX - 1);

	memset(target, 'x', len);
	target[len] = '\0';
	op_make(w, S_IFLNK | 0777, target);
}

static void op_link(struct work *w)
{
	uint64_t folder = pick_folder(w), ino = model_pick(w->model, below(w, 1000), 0);
	char name[64];

	work_link(w, ino, folder, pick_name(w, name));
}

static void op_unlink(struct work *w)
{
	uint64_t folder = pick_folder(w);
	char name[64];

	work_unlink(w, folder, pick_entry(w, folder, name));
}

static void op_rmdir(struct work *w)
{
	uint64_t folder = pick_folder(w);
	char name[64];

	work_rmdir(w, folder, pick_entry(w, folder, name));
}

static void rename_with(struct work *w, unsigned flags)
{
	uint64_t from = pick_folder(w), to = below(w, 2) ? from : pick_folder(w);
	char old[64], new[64];

	pick_entry(w, from, old);
	if (below(w, 3) == 0)
		pick_name(w, new);
	else
		pick_entry(w, to, new);
	work_rename(w, from, old, to, new, flags);
}

static void op_rename(struct work *w)
{
	rename_with(w, 0);
}
static void op_rename_noreplace(struct work *w)
{
	rename_with(w, RENAME_NOREPLACE);
}
static void op_rename_exchange(struct work *w)
{
	rename_with(w, RENAME_EXCHANGE);
}

static void write_at(struct work *w, uint64_t ino, uint64_t off, size_t len)
{
	const uint8_t *bytes = pick_bytes(w, len);

	if (ino != 0)
		work_write(w, ino, off, bytes, len);
}

static void op_write_small(struct work *w)
{
	uint64_t ino = pick_file(w);
	size_t len = 1 + below(w, 300);

	write_at(w, ino, below(w, MIN(model_size(w->model, ino) + 1, w->profile.file_max)), len);
}

static void op_write(struct work *w)
{
	uint64_t ino = pick_file(w);
	size_t len = pick_len(w, w->profile.file_max);
	uint64_t room = w->profile.file_max - len + 1, off = pick_len(w, room - 1);

	if (below(w, 4) != 0)
		off = MIN(off, model_size(w->model, ino));
	if (below(w, 3) == 0)
		off &= ~UINT64_C(4095);
	write_at(w, ino, off, len);
}

static void op_append(struct work *w)
{
	uint64_t ino = pick_file(w);
	size_t len = pick_len(w, 9000);
	const uint8_t *bytes = pick_bytes(w, len);

	if (ino != 0 && model_size(w->model, ino) + len <= w->profile.file_max)
		work_append(w, ino, bytes, len);
}

static void op_truncate(struct work *w)
{
	struct volume_attr in = { 0 };
	uint64_t ino = pick_file(w);
	unsigned how = (unsigned)below(w, 4);

	if (ino == 0)
		return;
	if (how == 1)
		in.size = pick_len(w, w->profile.file_max);
	else if (how > 1)
		in.size = below(w, model_size(w->model, ino) + 1);
	work_setattr(w, ino, VOLUME_SET_SIZE, &in);
}

static void fallocate_with(struct work *w, int mode)
{
	uint64_t ino = pick_file(w);
	uint64_t off = pick_len(w, w->profile.file_max - 1);
	uint64_t len = 1 + pick_len(w, w->profile.file_max - off - 1);

	if (ino != 0)
		work_fallocate(w, ino, mode, off, len);
}

static void op_punch(struct work *w)
{
	fallocate_with(w, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
}
static void op_zero(struct work *w)
{
	fallocate_with(w, FALLOC_FL_ZERO_RANGE | (below(w, 2) ? FALLOC_FL_KEEP_SIZE : 0));
}
static void op_fallocate(struct work *w)
{
	fallocate_with(w, below(w, 2) ? FALLOC_FL_KEEP_SIZE : 0);
}

static void op_setattr(struct work *w)
{
	struct volume_attr in = { 0 };
	uint64_t ino = model_pick(w->model, below(w, 1000), 0);
	unsigned mask = 1 + (unsigned)below(w, 127);

	mask &= ~(unsigned)VOLUME_SET_SIZE;
	in.mode = (uint32_t)below(w, 07777);
	in.uid = (uint32_t)below(w, 100000);
	in.gid = (uint32_t)below(w, 100000);
	in.atime.tv_sec = in.mtime.tv_sec = in.ctime.tv_sec = (time_t)below(w, 1u << 31);
	in.mtime.tv_nsec = (long)below(w, 1000000000);
	work_setattr(w, ino, mask, &in);
}

static void set_xattr(struct work *w, size_t len)
{
	uint64_t ino = model_pick(w->model, below(w, 1000), 0);
	const uint8_t *bytes = pick_bytes(w, len);
	int flags = below(w, 4) ? 0 : below(w, 2) ? XATTR_CREATE : XATTR_REPLACE;
	char name[32];

	snprintf(name, sizeof(name), "%s.x%u", below(w, 3) ? "user" : "security",
		 (unsigned)below(w, 4));
	work_set_xattr(w, ino, name, bytes, len, flags);
}

static void op_xattr(struct work *w)
{
	set_xattr(w, pick_len(w, 300));
}
static void op_xattr_long(struct work *w)
{
	set_xattr(w, 1800 + pick_len(w, w->profile.disk_blocks < WORK_TIGHT ? 9000 : 40000));
}
static void op_xattr_remove(struct work *w)
{
	uint64_t ino = model_pick(w->model, below(w, 1000), 0);
	char name[32];

	snprintf(name, sizeof(name), "user.x%u", (unsigned)below(w, 4));
	work_remove_xattr(w, ino, name);
}

/* What the program keeps is there once, so not for several hands. */
static void op_note(struct work *w)
{
	size_t len = below(w, 8) ? 1 + pick_len(w, w->profile.file_max) : 0;

	if (!w->shared)
		work_note(w, pick_bytes(w, len), len);
}
static void op_log(struct work *w)
{
	char line[512];
	size_t len = 1 + pick_len(w, sizeof(line) - 1);

	for (size_t i = 0; i < len; i++)
		line[i] = (char)('a' + below(w, 26));
	if (!w->shared)
		work_log(w, line, len);
}

/* A file that is open when its last name goes. */
static void op_unlink_held(struct work *w)
{
	uint64_t folder = pick_folder(w);
	char name[64];

	pick_entry(w, folder, name);
	if (work_hold(w, model_lookup(w->model, folder, name)))
		work_unlink(w, folder, name);
}

static void op_release(struct work *w)
{
	if (w->held_count > 0)
		work_release(w, (unsigned)below(w, w->held_count));
}

/* Saving as editors do: a new file, written, synced, renamed over the old one. */
static void op_save(struct work *w)
{
	uint64_t folder = pick_folder(w), ino;
	char name[64];

	pick_entry(w, folder, name);
	(void)work_make(w, folder, ".tmp", S_IFREG | 0600, NULL);
	ino = model_lookup(w->model, folder, ".tmp");
	if (ino == 0)
		return;
	write_at(w, ino, 0, 1 + pick_len(w, w->profile.file_max / 4));
	work_sync(w);
	work_rename(w, folder, ".tmp", folder, name, 0);
}

static void op_read(struct work *w)
{
	uint64_t ino = pick_file(w), off = below(w, model_size(w->model, ino) + 2);
	size_t len = pick_len(w, WORK_LEN_MAX - 1) + 1;

	if (model_type(w->model, ino) == S_IFREG)
		work_read(w, ino, off, len);
}

/* ---- epochs ---- */

static void op_rekey(struct work *w)
{
	work_rekey(w);
}
static void op_reseal(struct work *w)
{
	work_reseal(w, 1 + (unsigned)below(w, 6));
}
static void op_end_older(struct work *w)
{
	work_end_older(w);
}
static void op_purge(struct work *w)
{
	work_purge(w);
}

static const struct op {
	void (*run)(struct work *w);
	unsigned weight;
} ops[] = {
	{ op_make_file, 10 },
	{ op_make_folder, 4 },
	{ op_make_fifo, 1 },
	{ op_symlink, 2 },
	{ op_link, 3 },
	{ op_unlink, 8 },
	{ op_rmdir, 2 },
	{ op_rename, 6 },
	{ op_rename_noreplace, 2 },
	{ op_rename_exchange, 3 },
	{ op_write_small, 8 },
	{ op_write, 8 },
	{ op_append, 5 },
	{ op_truncate, 4 },
	{ op_punch, 2 },
	{ op_zero, 2 },
	{ op_fallocate, 1 },
	{ op_setattr, 3 },
	{ op_xattr, 3 },
	{ op_xattr_long, 2 },
	{ op_xattr_remove, 2 },
	{ op_unlink_held, 3 },
	{ op_release, 2 },
	{ op_save, 2 },
	{ op_read, 3 },
	{ op_note, 2 },
	{ op_log, 2 },
};
/* Now and then, where the profile has them. */
static const struct op epoch_ops[] = {
	{ op_rekey, 3 },
	{ op_reseal, 8 },
	{ op_end_older, 3 },
	{ op_purge, 1 },
};

static void run_one_of(struct work *w, const struct op *list, unsigned count)
{
	unsigned total = 0, n;

	for (unsigned i = 0; i < count; i++)
		total += list[i].weight;
	n = (unsigned)below(w, total);
	while (n >= list->weight)
		n -= list++->weight;
	list->run(w);
}

void work_step(struct work *w)
{
	if (below(w, w->profile.sync_every) == 0)
		work_sync(w);
	else if (w->profile.reopens && below(w, 20) == 0)
		work_reopen(w, below(w, 2));
	else if (w->profile.rekeys && below(w, 16) == 0)
		run_one_of(w, epoch_ops, ARRAY_LEN(epoch_ops));
	else
		run_one_of(w, ops, ARRAY_LEN(ops));
}

#include "tests/volume/workload.h"
#include <linux/falloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "base/clock.h"
#include "tests/volume/listing.h"

#define BUF_MAX (512u * 1024)

static struct timespec time_now;

static struct timespec now_source(void)
{
	return time_now;
}

static uint64_t below(struct work *w, uint64_t n)
{
	return sim_random(&w->random) % n;
}

static void tick(struct work *w)
{
	w->now.tv_nsec += 1000003;
	if (w->now.tv_nsec >= 1000000000) {
		w->now.tv_nsec -= 1000000000;
		w->now.tv_sec++;
	}
	time_now = w->now;
}

static void say(struct work *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct work *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->last, sizeof(w->last), format, args);
	va_end(args);
	if (getenv("SIM_TALK"))
		fprintf(stderr, "%llu: %s\n", (unsigned long long)w->ops_done, w->last);
}

/* ---- marks ---- */

static struct mark *mark_add(struct work *w, const struct model *model, size_t start)
{
	struct mark *m;

	if (w->mark_count == w->mark_cap) {
		w->mark_cap = w->mark_cap ? w->mark_cap * 2 : 32;
		w->marks = realloc(w->marks, w->mark_cap * sizeof(*w->marks));
		if (!w->marks)
			abort();
	}
	m = &w->marks[w->mark_count++];
	memset(m, 0, sizeof(*m));
	m->first_gen = w->mark_count > 1 ? m[-1].last_gen + 1 : stick_generation(&w->stick);
	m->last_gen = stick_generation(&w->stick);
	m->start = start;
	m->acked = sim_trace_len(w->sim);
	m->model[0] = model_clone(model);
	m->listing[0] = model_listing(model);
	return m;
}

static void marks_clear(struct work *w)
{
	for (size_t i = 0; i < w->mark_count; i++) {
		for (unsigned n = 0; n < 2; n++) {
			free(w->marks[i].listing[n]);
			model_free(w->marks[i].model[n]);
		}
	}
	w->mark_count = 0;
}

static struct mark *mark_last(struct work *w)
{
	return &w->marks[w->mark_count - 1];
}

const struct mark *work_mark_of(const struct work *w, uint64_t generation)
{
	for (size_t i = w->mark_count; i-- > 0;)
		if (w->marks[i].first_gen <= generation && generation <= w->marks[i].last_gen)
			return &w->marks[i];
	return NULL;
}

/* ---- comparing ---- */

static void must_equal(struct work *w, const char *want)
{
	char diff[2048], *got;

	sim_must(volume_listing(w->stick.volume, &got));
	listing_diff(want, got, diff, sizeof(diff));
	if (strcmp(want, got) != 0)
		sim_gate_fail("after %s\n#   %s", w->last, diff);
	free(got);
}

void work_compare(struct work *w)
{
	char *want = model_listing(w->model);
	struct volume_totals totals;

	must_equal(w, want);
	free(want);
	volume_totals(w->stick.volume, &totals);
	if (totals.files + 1 != model_count(w->model))
		sim_gate_fail("after %s: %llu files are counted, %zu are there", w->last,
			      (unsigned long long)totals.files, model_count(w->model) - 1);
}

static void hurt(void *ctx, const char *path, enum err what, const char *why)
{
	struct work *w = ctx;

	sim_gate_fail("volume_check after %s: %s: %s: %s", w->last, path, err_name(what), why);
}

void work_check(struct work *w)
{
	struct volume_check_result r = { 0 };

	sim_must(volume_check(w->stick.volume, hurt, NULL, w, &r));
	if (r.problems || r.store.bad_nodes || r.store.bad_records ||
	    r.store.unreachable_blocks || r.store.doubly_used_blocks)
		sim_gate_fail("volume_check after %s: %llu problems, nodes %llu, records %llu, "
			      "unreachable %llu, doubly used %llu",
			      w->last, (unsigned long long)r.problems,
			      (unsigned long long)r.store.bad_nodes,
			      (unsigned long long)r.store.bad_records,
			      (unsigned long long)r.store.unreachable_blocks,
			      (unsigned long long)r.store.doubly_used_blocks);
}

/* ---- one operation on both ---- */

/* What stands before an operation that may commit for want of space. */
struct before {
	struct model *model;
	uint64_t generation;
	size_t start;
};

static bool is_tight(const struct work *w)
{
	return w->profile.disk_blocks < 4096;
}

static void op_begin(struct work *w, struct before *b)
{
	tick(w);
	b->model = is_tight(w) ? model_clone(w->model) : NULL;
	b->generation = stick_generation(&w->stick);
	b->start = sim_trace_len(w->sim);
}

/* `want` is the model's answer, or the volume's own when the model was not asked. */
static void op_end(struct work *w, struct before *b, enum err got, enum err want)
{
	if (got != want)
		sim_gate_fail("%s: %s (%s), not %s", w->last, err_name(got), err_detail(),
			      err_name(want));
	w->ops_done++;
	if (stick_generation(&w->stick) != b->generation) {
		struct mark *m;

		if (!b->model)
			sim_gate_fail("%s: a commit nobody asked for", w->last);
		m = mark_add(w, b->model, b->start);
		m->model[1] = model_clone(w->model);
		m->listing[1] = model_listing(w->model);
	}
	model_free(b->model);
}

/* Does it to the volume, then to the model unless there was no space. */
#define BOTH(w, volume_op, model_op)                                                               \
	do {                                                                                       \
		struct before before_;                                                             \
		enum err got_, want_ = ERR_NO_SPACE;                                               \
                                                                                                   \
		op_begin(w, &before_);                                                             \
		got_ = volume_op;                                                                  \
		if (got_ == ERR_NO_SPACE)                                                          \
			(w)->no_space++;                                                           \
		else                                                                               \
			want_ = model_op;                                                          \
		op_end(w, &before_, got_, want_);                                                  \
	} while (0)

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
	return below(w, 3) == 0 ? VOLUME_ROOT : model_pick(w->model, below(w, 1000), S_IFDIR);
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
	static uint8_t buf[BUF_MAX + 8];
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
	uint64_t folder = pick_folder(w);
	struct volume_attr attr = { 0 };
	char name[64];

	pick_name(w, name);
	say(w, "make %llu/%s mode %o", (unsigned long long)folder, name, mode);
	if (target)
		BOTH(w, volume_symlink(w->stick.volume, folder, name, target, 1, 2, &attr),
		     model_make(w->model, folder, name, mode, target, 1, 2, attr.ino, w->now));
	else
		BOTH(w, volume_make(w->stick.volume, folder, name, mode, 1, 2, &attr),
		     model_make(w->model, folder, name, mode, NULL, 1, 2, attr.ino, w->now));
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
	struct volume_attr attr;
	char name[64];

	pick_name(w, name);
	say(w, "link %llu to %llu/%s", (unsigned long long)ino, (unsigned long long)folder, name);
	BOTH(w, volume_link(w->stick.volume, ino, folder, name, &attr),
	     model_link(w->model, ino, folder, name, w->now));
}

static void op_unlink(struct work *w)
{
	uint64_t folder = pick_folder(w);
	char name[64];

	pick_entry(w, folder, name);
	say(w, "unlink %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_unlink(w->stick.volume, folder, name, NULL),
	     model_remove(w->model, folder, name, false, w->now));
}

static void op_rmdir(struct work *w)
{
	uint64_t folder = pick_folder(w);
	char name[64];

	pick_entry(w, folder, name);
	say(w, "rmdir %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_rmdir(w->stick.volume, folder, name, NULL),
	     model_remove(w->model, folder, name, true, w->now));
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
	say(w, "rename %llu/%s to %llu/%s flags %u", (unsigned long long)from, old,
	    (unsigned long long)to, new, flags);
	BOTH(w, volume_rename(w->stick.volume, from, old, to, new, flags),
	     model_rename(w->model, from, old, to, new, flags, w->now));
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

	if (ino == 0)
		return;
	say(w, "write %llu at %llu, %zu bytes", (unsigned long long)ino, (unsigned long long)off,
	    len);
	BOTH(w, volume_write(w->stick.volume, ino, off, bytes, len),
	     model_write(w->model, ino, off, bytes, len, w->now));
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

	if (ino == 0 || model_size(w->model, ino) + len > w->profile.file_max)
		return;
	say(w, "append %zu bytes to %llu", len, (unsigned long long)ino);
	BOTH(w, volume_append(w->stick.volume, ino, bytes, len),
	     model_write(w->model, ino, model_size(w->model, ino), bytes, len, w->now));
}

static void op_truncate(struct work *w)
{
	struct volume_attr in = { 0 };
	uint64_t ino = pick_file(w);
	unsigned how = (unsigned)below(w, 4);

	if (ino == 0)
		return;
	in.size = how == 0 ? 0 :
		  how == 1 ? pick_len(w, w->profile.file_max) :
			     below(w, model_size(w->model, ino) + 1);
	say(w, "truncate %llu to %llu", (unsigned long long)ino, (unsigned long long)in.size);
	BOTH(w, volume_setattr(w->stick.volume, ino, VOLUME_SET_SIZE, &in, NULL),
	     model_setattr(w->model, ino, VOLUME_SET_SIZE, &in, w->now));
}

static void fallocate_with(struct work *w, int mode)
{
	uint64_t ino = pick_file(w);
	uint64_t off = pick_len(w, w->profile.file_max - 1);
	uint64_t len = 1 + pick_len(w, w->profile.file_max - off - 1);

	if (ino == 0)
		return;
	say(w, "fallocate %llu mode %d at %llu, %llu bytes", (unsigned long long)ino, mode,
	    (unsigned long long)off, (unsigned long long)len);
	BOTH(w, volume_fallocate(w->stick.volume, ino, mode, off, len),
	     model_fallocate(w->model, ino, mode, off, len, w->now));
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
	say(w, "setattr %llu mask %u", (unsigned long long)ino, mask);
	BOTH(w, volume_setattr(w->stick.volume, ino, mask, &in, NULL),
	     model_setattr(w->model, ino, mask, &in, w->now));
}

static void set_xattr(struct work *w, size_t len)
{
	uint64_t ino = model_pick(w->model, below(w, 1000), 0);
	const uint8_t *bytes = pick_bytes(w, len);
	int flags = below(w, 4) ? 0 : below(w, 2) ? XATTR_CREATE : XATTR_REPLACE;
	char name[32];

	snprintf(name, sizeof(name), "%s.x%u", below(w, 3) ? "user" : "security",
		 (unsigned)below(w, 4));
	say(w, "set xattr %s of %llu, %zu bytes", name, (unsigned long long)ino, len);
	BOTH(w, volume_set_xattr(w->stick.volume, ino, name, bytes, len, flags),
	     model_set_xattr(w->model, ino, name, bytes, len, flags, w->now));
}

static void op_xattr(struct work *w)
{
	set_xattr(w, pick_len(w, 300));
}
static void op_xattr_long(struct work *w)
{
	set_xattr(w, 1800 + pick_len(w, is_tight(w) ? 9000 : 40000));
}
static void op_xattr_remove(struct work *w)
{
	uint64_t ino = model_pick(w->model, below(w, 1000), 0);
	char name[32];

	snprintf(name, sizeof(name), "user.x%u", (unsigned)below(w, 4));
	say(w, "remove xattr %s of %llu", name, (unsigned long long)ino);
	BOTH(w, volume_remove_xattr(w->stick.volume, ino, name),
	     model_remove_xattr(w->model, ino, name, w->now));
}

/* A file that is open when its last name goes. */
static void op_unlink_held(struct work *w)
{
	uint64_t folder = pick_folder(w), ino;
	char name[64];

	pick_entry(w, folder, name);
	ino = model_lookup(w->model, folder, name);
	if (ino == 0 || w->held_count == ARRAY_LEN(w->held))
		return;
	say(w, "hold %llu and unlink %llu/%s", (unsigned long long)ino, (unsigned long long)folder,
	    name);
	sim_must(volume_hold(w->stick.volume, ino));
	model_hold(w->model, ino);
	w->held[w->held_count++] = ino;
	BOTH(w, volume_unlink(w->stick.volume, folder, name, NULL),
	     model_remove(w->model, folder, name, false, w->now));
}

static void release_at(struct work *w, unsigned i)
{
	struct before b;

	op_begin(w, &b);
	say(w, "release %llu", (unsigned long long)w->held[i]);
	volume_release(w->stick.volume, w->held[i], 1);
	model_release(w->model, w->held[i]);
	w->held[i] = w->held[--w->held_count];
	op_end(w, &b, OK, OK);
}

static void op_release(struct work *w)
{
	if (w->held_count > 0)
		release_at(w, (unsigned)below(w, w->held_count));
}

/* Saving as editors do: a new file, written, synced, renamed over the old one. */
static void op_save(struct work *w)
{
	uint64_t folder = pick_folder(w), ino;
	struct volume_attr attr = { 0 };
	char name[64];

	pick_entry(w, folder, name);
	say(w, "save %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_make(w->stick.volume, folder, ".tmp", S_IFREG | 0600, 1, 2, &attr),
	     model_make(w->model, folder, ".tmp", S_IFREG | 0600, NULL, 1, 2, attr.ino, w->now));
	ino = model_lookup(w->model, folder, ".tmp");
	if (ino == 0)
		return;
	write_at(w, ino, 0, 1 + pick_len(w, w->profile.file_max / 4));
	work_sync(w);
	say(w, "save: rename over %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_rename(w->stick.volume, folder, ".tmp", folder, name, 0),
	     model_rename(w->model, folder, ".tmp", folder, name, 0, w->now));
}

static void op_read(struct work *w)
{
	static uint8_t got[BUF_MAX];
	uint64_t ino = pick_file(w), size = model_size(w->model, ino), off = below(w, size + 2);
	size_t len = pick_len(w, BUF_MAX - 1) + 1, want = off < size ? MIN(len, size - off) : 0;

	if (model_type(w->model, ino) != S_IFREG)
		return;
	say(w, "read %llu at %llu, %zu bytes", (unsigned long long)ino, (unsigned long long)off, len);
	sim_must(volume_read(w->stick.volume, ino, off, got, len, &len));
	if (len != want || (len > 0 && memcmp(got, model_data(w->model, ino) + off, len) != 0))
		sim_gate_fail("%s: got something else", w->last);
}

static const struct op {
	const char *name;
	void (*run)(struct work *w);
	unsigned weight;
} ops[] = {
	{ "make a file", op_make_file, 10 },
	{ "make a folder", op_make_folder, 4 },
	{ "make a fifo", op_make_fifo, 1 },
	{ "symlink", op_symlink, 2 },
	{ "link", op_link, 3 },
	{ "unlink", op_unlink, 8 },
	{ "rmdir", op_rmdir, 2 },
	{ "rename", op_rename, 6 },
	{ "rename without replacing", op_rename_noreplace, 2 },
	{ "rename exchange", op_rename_exchange, 3 },
	{ "write a little", op_write_small, 8 },
	{ "write", op_write, 8 },
	{ "append", op_append, 5 },
	{ "truncate", op_truncate, 4 },
	{ "punch", op_punch, 2 },
	{ "zero", op_zero, 2 },
	{ "fallocate", op_fallocate, 1 },
	{ "setattr", op_setattr, 3 },
	{ "set xattr", op_xattr, 3 },
	{ "set a long xattr", op_xattr_long, 2 },
	{ "remove xattr", op_xattr_remove, 2 },
	{ "unlink while open", op_unlink_held, 3 },
	{ "release", op_release, 2 },
	{ "save", op_save, 2 },
	{ "read", op_read, 3 },
};

unsigned work_op_count(void)
{
	return ARRAY_LEN(ops);
}

const char *work_op_name(unsigned n)
{
	return ops[n].name;
}

void work_op(struct work *w, unsigned n)
{
	ops[n].run(w);
}

/* ---- commits ---- */

void work_sync(struct work *w)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);

	tick(w);
	say(w, "sync");
	sim_must(volume_sync(w->stick.volume));
	w->ops_done++;
	if (stick_generation(&w->stick) != generation) {
		mark_add(w, w->model, start);
	} else {
		char *now = model_listing(w->model);
		const struct mark *m = mark_last(w);

		if (strcmp(now, m->listing[0]) != 0 &&
		    !(m->listing[1] && strcmp(now, m->listing[1]) == 0))
			sim_gate_fail("a sync with changes made no commit");
		free(now);
	}
}


void work_reopen(struct work *w, bool kill)
{
	size_t start = sim_trace_len(w->sim);
	struct mark *last;

	tick(w);
	say(w, kill ? "kill" : "close");
	if (kill) {
		struct model *model;

		stick_kill(&w->stick);
		sim_must(stick_open(&w->stick, w->sim, false));
		last = mark_last(w);
		if (w->stick.report.generation < last->first_gen ||
		    w->stick.report.generation > last->last_gen || w->stick.report.steps_back)
			sim_gate_fail("after a kill: generation %llu, not %llu",
				      (unsigned long long)w->stick.report.generation,
				      (unsigned long long)last->last_gen);
		if (last->listing[1]) { /* which of the two it was shows now */
			char *got;

			sim_must(volume_listing(w->stick.volume, &got));
			model = model_clone(last->model[strcmp(got, last->listing[0]) != 0]);
			free(got);
		} else {
			model = model_clone(last->model[0]);
		}
		model_free(w->model);
		w->model = model;
		w->held_count = 0;
		if (stick_generation(&w->stick) != w->stick.report.generation)
			mark_add(w, w->model, start);
		work_compare(w);
		return;
	}
	while (w->held_count > 0)
		model_release(w->model, w->held[--w->held_count]);
	sim_must(stick_close(&w->stick));
	last = mark_last(w);
	sim_must(stick_open(&w->stick, w->sim, false));
	if (!w->stick.report.was_clean)
		sim_gate_fail("a clean end is not seen as one");
	mark_add(w, w->model, start);
	last = mark_last(w);
	last->first_gen = last[-1].last_gen + 1;
	last->last_gen = w->stick.report.generation;
	if (stick_generation(&w->stick) != w->stick.report.generation)
		mark_add(w, w->model, start);
}

/* ---- the whole ---- */

void work_profile_random(struct work_profile *p, uint64_t *random)
{
	uint64_t r = sim_random(random);
	bool tight = r % 4 == 0;

	*p = (struct work_profile){
		.shift = 14 + (unsigned)(r >> 8) % 4,
		.disk_blocks = tight ? 100 + (r >> 16) % 400 : 65536,
		.ops = 15 + (unsigned)(r >> 32) % 100,
		.sync_every = 1 + (unsigned)(r >> 40) % 20,
		.file_max = (r >> 48) % 3 == 0 ? 300000 : 40000,
		.names = 3 + (unsigned)(r >> 52) % 25,
		.reopens = (r >> 60) % 2,
	};
}

void work_trace(struct work *w)
{
	marks_clear(w);
	sim_trace_begin(w->sim);
	mark_add(w, w->model, 0);
}

void work_begin(struct work *w, struct sim *sim, const struct work_profile *profile, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->profile = *profile;
	w->sim = sim;
	w->random = seed;
	w->now = (struct timespec){ 1700000000, 0 };
	clock_override(now_source);
	tick(w);
	sim_must(stick_format(sim, profile->shift));
	w->model = model_new(1000, 100, w->now);
	say(w, "open");
	sim_must(stick_open(&w->stick, sim, false));
	mark_add(w, w->model, 0);
}

void work_resume(struct work *w, struct sim *sim, const struct work_profile *profile, uint64_t seed,
		 const struct model *model)
{
	memset(w, 0, sizeof(*w));
	w->profile = *profile;
	w->sim = sim;
	w->random = seed;
	w->now = (struct timespec){ 1800000000, 0 };
	clock_override(now_source);
	tick(w);
	say(w, "resume");
	w->model = model_clone(model);
	sim_trace_begin(sim);
	sim_must(stick_open(&w->stick, sim, false));
	mark_add(w, w->model, 0);
	w->marks[0].first_gen = w->marks[0].last_gen = w->stick.report.generation;
	w->marks[0].acked = 0;
	if (stick_generation(&w->stick) != w->stick.report.generation)
		mark_add(w, w->model, 0);
}

void work_step(struct work *w)
{
	unsigned total = 0, n;

	if (below(w, w->profile.sync_every) == 0) {
		work_sync(w);
		return;
	}
	if (w->profile.reopens && below(w, 20) == 0) {
		work_reopen(w, below(w, 2));
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++)
		total += ops[i].weight;
	n = (unsigned)below(w, total);
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
		if (n < ops[i].weight) {
			ops[i].run(w);
			return;
		}
		n -= ops[i].weight;
	}
}

void work_end(struct work *w)
{
	if (w->stick.volume)
		stick_kill(&w->stick);
	marks_clear(w);
	free(w->marks);
	model_free(w->model);
	clock_override(NULL);
	memset(w, 0, sizeof(*w));
}

#include "tests/volume/workload.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "tests/volume/listing.h"

#define BUF_MAX WORK_LEN_MAX

static struct timespec time_now;

static struct timespec now_source(void)
{
	return time_now;
}

static void tick(struct work *w)
{
	if (w->shared)
		return;
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
	/* It commits what a thread of the volume finished meanwhile. */
	mark_last(w)->last_gen = MAX(mark_last(w)->last_gen, stick_generation(&w->stick));
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

void work_check_epochs(struct work *w)
{
	for (unsigned i = 0; i < w->vow_count; i++) {
		const struct vow *vow = &w->vows[i];

		if (stick_records_before(&w->stick, vow->epoch, vow->generation) > 0 ||
		    stick_records_before(&w->stick, vow->oldest, 0) > 0)
			sim_gate_fail("after %s: records of epochs that are over, %u to %u", w->last,
				      vow->oldest, vow->epoch);
		if (vow->epoch > 1 && stick_newest_birth(w->sim, vow->epoch - 1) > vow->generation)
			sim_gate_fail("after %s: nodes since epoch %u that older keys open", w->last,
				      vow->epoch);
	}
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
	return w->profile.disk_blocks < WORK_TIGHT;
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
	if (w->shared) {
		w->noted(w, b->start, false);
	} else if (stick_generation(&w->stick) != b->generation) {
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

static uint64_t made(enum err err, const struct volume_attr *attr)
{
	return err == OK ? attr->ino : 0;
}

uint64_t work_make(struct work *w, uint64_t folder, const char *name, uint32_t mode,
		   const char *target)
{
	struct volume_attr attr = { 0 };
	enum err err;

	say(w, "make %llu/%s mode %o", (unsigned long long)folder, name, mode);
	if (target)
		BOTH(w, err = volume_symlink(w->stick.volume, folder, name, target, 1, 2, &attr),
		     model_make(w->model, folder, name, mode, target, 1, 2, attr.ino, w->now));
	else
		BOTH(w, err = volume_make(w->stick.volume, folder, name, mode, 1, 2, &attr),
		     model_make(w->model, folder, name, mode, NULL, 1, 2, attr.ino, w->now));
	return made(err, &attr);
}

void work_link(struct work *w, uint64_t ino, uint64_t folder, const char *name)
{
	struct volume_attr attr;

	say(w, "link %llu to %llu/%s", (unsigned long long)ino, (unsigned long long)folder, name);
	BOTH(w, volume_link(w->stick.volume, ino, folder, name, &attr),
	     model_link(w->model, ino, folder, name, w->now));
}

void work_unlink(struct work *w, uint64_t folder, const char *name)
{
	say(w, "unlink %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_unlink(w->stick.volume, folder, name, NULL),
	     model_remove(w->model, folder, name, false, w->now));
}

void work_rmdir(struct work *w, uint64_t folder, const char *name)
{
	say(w, "rmdir %llu/%s", (unsigned long long)folder, name);
	BOTH(w, volume_rmdir(w->stick.volume, folder, name, NULL),
	     model_remove(w->model, folder, name, true, w->now));
}

void work_rename(struct work *w, uint64_t from, const char *old, uint64_t to, const char *new,
		 unsigned flags)
{
	say(w, "rename %llu/%s to %llu/%s flags %u", (unsigned long long)from, old,
	    (unsigned long long)to, new, flags);
	BOTH(w, volume_rename(w->stick.volume, from, old, to, new, flags),
	     model_rename(w->model, from, old, to, new, flags, w->now));
}

void work_write(struct work *w, uint64_t ino, uint64_t off, const void *bytes, size_t len)
{
	say(w, "write %llu at %llu, %zu bytes", (unsigned long long)ino, (unsigned long long)off,
	    len);
	BOTH(w, volume_write(w->stick.volume, ino, off, bytes, len),
	     model_write(w->model, ino, off, bytes, len, w->now));
}

void work_append(struct work *w, uint64_t ino, const void *bytes, size_t len)
{
	say(w, "append %zu bytes to %llu", len, (unsigned long long)ino);
	BOTH(w, volume_append(w->stick.volume, ino, bytes, len),
	     model_write(w->model, ino, model_size(w->model, ino), bytes, len, w->now));
}

void work_setattr(struct work *w, uint64_t ino, unsigned mask, const struct volume_attr *in)
{
	say(w, "setattr %llu mask %u size %llu", (unsigned long long)ino, mask,
	    (unsigned long long)in->size);
	BOTH(w, volume_setattr(w->stick.volume, ino, mask, in, NULL),
	     model_setattr(w->model, ino, mask, in, w->now));
}

void work_fallocate(struct work *w, uint64_t ino, int mode, uint64_t off, uint64_t len)
{
	say(w, "fallocate %llu mode %d at %llu, %llu bytes", (unsigned long long)ino, mode,
	    (unsigned long long)off, (unsigned long long)len);
	BOTH(w, volume_fallocate(w->stick.volume, ino, mode, off, len),
	     model_fallocate(w->model, ino, mode, off, len, w->now));
}

void work_set_xattr(struct work *w, uint64_t ino, const char *name, const void *bytes, size_t len,
		    int flags)
{
	say(w, "set xattr %s of %llu, %zu bytes", name, (unsigned long long)ino, len);
	BOTH(w, volume_set_xattr(w->stick.volume, ino, name, bytes, len, flags),
	     model_set_xattr(w->model, ino, name, bytes, len, flags, w->now));
}

void work_remove_xattr(struct work *w, uint64_t ino, const char *name)
{
	say(w, "remove xattr %s of %llu", name, (unsigned long long)ino);
	BOTH(w, volume_remove_xattr(w->stick.volume, ino, name),
	     model_remove_xattr(w->model, ino, name, w->now));
}

void work_note(struct work *w, const void *bytes, size_t len)
{
	say(w, "note of %zu bytes", len);
	BOTH(w, volume_note_put(w->stick.volume, NOTE_REGISTER, bytes, len),
	     model_note(w->model, bytes, len));
}

void work_log(struct work *w, const char *line, size_t len)
{
	say(w, "line of %zu bytes", len);
	BOTH(w, volume_log_append(w->stick.volume, line, len), model_log(w->model, line, len));
}

bool work_hold(struct work *w, uint64_t ino)
{
	if (ino == 0 || w->held_count == ARRAY_LEN(w->held))
		return false;
	say(w, "hold %llu", (unsigned long long)ino);
	sim_must(volume_hold(w->stick.volume, ino));
	model_hold(w->model, ino);
	w->held[w->held_count++] = ino;
	return true;
}

void work_release(struct work *w, unsigned i)
{
	struct before b;

	op_begin(w, &b);
	say(w, "release %llu", (unsigned long long)w->held[i]);
	volume_release(w->stick.volume, w->held[i], 1);
	model_release(w->model, w->held[i]);
	w->held[i] = w->held[--w->held_count];
	op_end(w, &b, OK, OK);
}

void work_read(struct work *w, uint64_t ino, uint64_t off, size_t len)
{
	static _Thread_local uint8_t got[BUF_MAX];
	uint64_t size = model_size(w->model, ino);
	size_t want = off < size ? MIN(len, size - off) : 0;

	say(w, "read %llu at %llu, %zu bytes", (unsigned long long)ino, (unsigned long long)off, len);
	sim_must(volume_read(w->stick.volume, ino, off, got, len, &len));
	if (len != want || (len > 0 && memcmp(got, model_data(w->model, ino) + off, len) != 0))
		sim_gate_fail("%s: got something else", w->last);
}

/* ---- commits ---- */

void work_sync(struct work *w)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);

	tick(w);
	say(w, "sync");
	sim_must(volume_sync(w->stick.volume)); /* never for lack of space */
	w->ops_done++;
	if (w->shared) {
		w->noted(w, start, true);
	} else if (stick_generation(&w->stick) != generation) {
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


/* ---- epochs ---- */

static void vow_add(struct work *w)
{
	const struct stick *s = &w->stick;

	if (w->vow_count < WORK_VOWS_MAX)
		w->vows[w->vow_count++] = (struct vow){ .acked = sim_trace_len(w->sim),
							.epoch = s->key.epoch,
							.oldest = s->key.oldest,
							.generation = w->epoch_after };
}

const struct vow *work_vow_at(const struct work *w, size_t at)
{
	for (unsigned i = w->vow_count; i-- > 0;)
		if (w->vows[i].acked <= at)
			return &w->vows[i];
	return NULL;
}

/* Such work commits, the same content under other keys. */
static void note_same(struct work *w, uint64_t generation, size_t start)
{
	w->ops_done++;
	if (stick_generation(&w->stick) != generation)
		mark_add(w, w->model, start);
}

static bool lacks_space(struct work *w, enum err err)
{
	if (!is_tight(w) || (err != ERR_NO_SPACE && err != ERR_DAMAGED))
		return false;
	w->no_space++;
	return true;
}

void work_rekey(struct work *w)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);

	tick(w);
	say(w, "rekey from epoch %u, oldest %u", w->stick.key.epoch, w->stick.key.oldest);
	if (w->stick.key.epoch - w->stick.key.oldest == STORE_OLDER_MAX ||
	    w->vow_count == WORK_VOWS_MAX)
		return;
	sim_must(stick_rekey(&w->stick));
	w->reseal = (struct store_reseal){ 0 };
	w->epoch_after = MAX(w->stick.epoch_after, w->stale);
	note_same(w, generation, start);
	vow_add(w);
}

void work_reseal(struct work *w, unsigned steps)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);
	bool more = true;
	enum err err;

	tick(w);
	say(w, "reseal %u steps", steps);
	err = stick_reseal(&w->stick, steps, 1 + w->random % 64, &w->reseal, &more);
	if (!lacks_space(w, err))
		sim_must(err);
	if (!more)
		w->reseal = (struct store_reseal){ 0 };
	note_same(w, generation, start);
}

void work_end_older(struct work *w)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);
	enum err err;

	tick(w);
	say(w, "end epochs %u to %u", w->stick.key.oldest, w->stick.key.epoch);
	err = stick_end_older(&w->stick);
	note_same(w, generation, start);
	if (lacks_space(w, err))
		return;
	sim_must(err);
	if (w->vow_count < WORK_VOWS_MAX)
		vow_add(w);
}

void work_purge(struct work *w)
{
	uint64_t generation = stick_generation(&w->stick);
	size_t start = sim_trace_len(w->sim);

	tick(w);
	say(w, "purge");
	sim_must(stick_purge(&w->stick));
	note_same(w, generation, start);
}

/* After a kill the volume is as it was committed last; if that was one of two states, it shows now. */
static struct model *last_committed(struct work *w)
{
	const struct mark *last = mark_last(w);
	uint64_t got = w->stick.report.generation;
	struct model *model;
	char *listing;

	if (got < last->first_gen || got > last->last_gen || w->stick.report.steps_back)
		sim_gate_fail("after a kill: generation %llu, not %llu", (unsigned long long)got,
			      (unsigned long long)last->last_gen);
	if (!last->listing[1])
		return model_clone(last->model[0]);
	sim_must(volume_listing(w->stick.volume, &listing));
	model = model_clone(last->model[strcmp(listing, last->listing[0]) != 0]);
	free(listing);
	return model;
}

/* Opening removes what a crash has left, which is a commit. */
static void note_opened(struct work *w, size_t start)
{
	if (stick_generation(&w->stick) != w->stick.report.generation)
		mark_add(w, w->model, start);
}

static void reopen_killed(struct work *w, size_t start)
{
	struct model *model;

	stick_kill(&w->stick);
	sim_must(stick_open(&w->stick, w->sim, false));
	model = last_committed(w);
	model_free(w->model);
	w->model = model;
	w->held_count = 0;
	note_opened(w, start);
	work_compare(w);
}

static void reopen_closed(struct work *w, size_t start)
{
	struct mark *m;

	while (w->held_count > 0)
		model_release(w->model, w->held[--w->held_count]);
	sim_must(stick_close(&w->stick));
	sim_must(stick_open(&w->stick, w->sim, false));
	if (!w->stick.report.was_clean)
		sim_gate_fail("a clean end is not seen as one");
	m = mark_add(w, w->model, start);
	m->first_gen = m[-1].last_gen + 1;
	m->last_gen = w->stick.report.generation;
	note_opened(w, start);
}

void work_reopen(struct work *w, bool kill)
{
	size_t start = sim_trace_len(w->sim);

	tick(w);
	say(w, kill ? "kill" : "close");
	if (kill)
		reopen_killed(w, start);
	else
		reopen_closed(w, start);
}

/* ---- the whole ---- */

void work_trace(struct work *w)
{
	marks_clear(w);
	sim_trace_begin(w->sim);
	mark_add(w, w->model, 0);
	w->vow_count = 0;
	vow_add(w);
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
	w->root = VOLUME_ROOT;
	w->model = model_new(VOLUME_ROOT, 1000, 100, w->now);
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
	w->root = VOLUME_ROOT;
	w->model = model_clone(model);
	sim_trace_begin(sim);
	sim_must(stick_open(&w->stick, sim, false));
	mark_add(w, w->model, 0);
	w->marks[0].first_gen = w->marks[0].last_gen = w->stick.report.generation;
	w->marks[0].acked = 0;
	note_opened(w, 0);
	w->stale = stick_newest_birth(sim, w->stick.key.epoch);
	w->epoch_after = MAX(stick_generation(&w->stick), w->stale);
	vow_add(w);
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

#include "tests/volume/crash.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/volume/listing.h"

#define RESUME_EVERY 50u /* crashes after which work goes on, is checked and crashed again */

const char *const crash_kinds[] = {
	[CRASH_NONE] = "nothing unflushed arrived",
	[CRASH_PREFIX] = "all of it arrived",
	[CRASH_SUBSET] = "some pages arrived",
	[CRASH_TORN] = "some sectors arrived",
	[CRASH_LIE_1] = "the last flush was a lie",
	[CRASH_LIE_2] = "the last two flushes were lies",
	[CRASH_LIE_MORE] = "three or four were lies",
	[CRASH_SLOT] = "the newest superblock is gone",
	[CRASH_AFTER_CRASH] = "second crash of the same disk",
	[CRASH_STEPPED_BACK] = "opened an older state",
	[CRASH_RESUMED] = "worked on, compared and checked",
	[CRASH_FULL_DISK] = "on a disk that had been full",
	[CRASH_READ_ONLY] = "opened read-only",
	[CRASH_NEW_EPOCH] = "in an epoch after the first",
	[CRASH_BETWEEN_EPOCHS] = "between two epochs or KEY files",
	[CRASH_OLD_KEYS] = "older keys alone open nothing",
	[CRASH_OLD_BLOCKS] = "nor any block written since",
	[CRASH_KINDS] = NULL,
};

/* The last mark that was acknowledged by trace position `at`; the first one at least. */
static size_t acked_by(const struct work *w, size_t at)
{
	size_t i = w->mark_count - 1;

	while (i > 0 && w->marks[i].acked > at)
		i--;
	return i;
}

static size_t begun_by(const struct work *w, size_t at)
{
	size_t i = w->mark_count - 1;

	while (i > 0 && w->marks[i].start >= at)
		i--;
	return i;
}

/* Of the two states that one mark may stand for, the one that was found; NULL: neither. */
static const struct model *mark_model(const struct mark *m, const char *got)
{
	for (unsigned i = 0; i < 2; i++)
		if (m->listing[i] && strcmp(m->listing[i], got) == 0)
			return m->model[i];
	return NULL;
}

/* The state that was found must be one of those that may be. */
static const struct model *judge(const struct work *w, const struct sim_cursor *c,
				 const struct sim_crash *how, const struct stick *s)
{
	size_t honest = sim_cursor_honest(c, how->lies), lo = acked_by(w, honest);
	size_t hi = begun_by(w, sim_cursor_at(c));
	const struct mark *m = work_mark_of(w, s->report.generation);
	const struct model *model;
	char diff[2048], *got;

	if (how->drop_newest_slot && lo > 0)
		lo--;
	if (!m || m < &w->marks[lo] || m > &w->marks[hi])
		sim_gate_fail("opened generation %llu, %u steps back, not within %llu to %llu",
			      (unsigned long long)s->report.generation, s->report.steps_back,
			      (unsigned long long)w->marks[lo].first_gen,
			      (unsigned long long)w->marks[hi].last_gen);
	sim_must(volume_listing(s->volume, &got));
	model = mark_model(m, got);
	listing_diff(m->listing[0], got, diff, sizeof(diff));
	if (!model)
		sim_gate_fail("generation %llu is not what was committed\n#   %s",
			      (unsigned long long)s->report.generation, diff);
	free(got);
	return model;
}

/* ---- epochs ---- */

#define TRY_KEYS_EVERY 3u
#define TRY_BLOCKS_EVERY 48u

static struct stick_key key_before(const struct stick *s)
{
	struct stick_key key = s->key;

	key.epoch--;
	key.oldest = key.epoch > STORE_OLDER_MAX ? key.epoch - STORE_OLDER_MAX : 1;
	return key;
}

/* Who has only the keys of before. */
static void judge_older_keys(const struct stick *s, struct sim_tally *t)
{
	struct stick_key key = key_before(s);

	if (stick_try(s->sim, &key) != ERR_FORGED)
		sim_gate_fail("the key of epoch %u opens a state in epoch %u", key.epoch,
			      s->key.epoch);
	err_clear();
	t->kinds[CRASH_OLD_KEYS]++;
}

static void judge_older_blocks(const struct stick *s, const struct vow *vow, struct sim_tally *t)
{
	uint64_t birth = stick_newest_birth(s->sim, vow->epoch - 1);

	if (birth > vow->generation)
		sim_gate_fail("keys from before epoch %u, begun after generation %llu, open what was "
			      "born in %llu",
			      vow->epoch, (unsigned long long)vow->generation,
			      (unsigned long long)birth);
	t->kinds[CRASH_OLD_BLOCKS]++;
}

/* A KEY file that is on the medium but not in force opens nothing by itself, when it is the newer one:
 * the old one does until the new one is settled. */
static void judge_other_key(const struct stick *s)
{
	struct stick_key keys[2];

	if (stick_keys(s->sim, keys) < 2 || keys[0].epoch <= s->key.epoch)
		return;
	if (stick_try(s->sim, &keys[0]) != ERR_FORGED)
		sim_gate_fail("the key of epoch %u opens a state in epoch %u", keys[0].epoch,
			      s->key.epoch);
	err_clear();
}

/* What an opened image owes to what was promised by then. */
static void judge_epochs(const struct work *w, const struct sim_cursor *c,
			 const struct sim_crash *how, const struct stick *s, bool read_only,
			 struct sim_tally *t)
{
	const struct vow *vow = work_vow_at(w, sim_cursor_honest(c, how->lies));
	bool between = s->report.unsettled || !s->keys_agree;

	if (vow && (s->key.epoch < vow->epoch || s->key.oldest < vow->oldest))
		sim_gate_fail("epochs %u to %u, but %u to %u were promised", s->key.oldest,
			      s->key.epoch, vow->oldest, vow->epoch);
	if (s->report.damaged)
		sim_gate_fail("damaged");
	t->kinds[CRASH_BETWEEN_EPOCHS] += between;
	judge_other_key(s);
	if (s->key.epoch == 1)
		return;
	t->kinds[CRASH_NEW_EPOCH]++;
	if ((!read_only || (vow && vow->epoch == s->key.epoch)) && how->seed / 5 % TRY_KEYS_EVERY == 0)
		judge_older_keys(s, t);
	if (vow && vow->epoch > 1 && how->seed / 17 % TRY_BLOCKS_EVERY == 0)
		judge_older_blocks(s, vow, t);
}

static enum crash_kind kind_of(const struct sim_crash *how)
{
	if (how->drop_newest_slot)
		return CRASH_SLOT;
	if (how->lies > 0)
		return how->lies == 1 ? CRASH_LIE_1 : how->lies == 2 ? CRASH_LIE_2 : CRASH_LIE_MORE;
	return CRASH_NONE + how->mode;
}

/* Work goes on after a crash: as if nothing had been, and through crashes again. */
static void resume(const struct work *before, struct sim *image, const struct model *model,
		   struct sim_tally *t, uint64_t random)
{
	struct work_profile profile = before->profile;
	struct work w;

	profile.ops = 4 + (unsigned)(random % 16);
	work_resume(&w, image, &profile, random, model);
	for (unsigned i = 0; i < profile.ops; i++)
		work_step(&w);
	work_sync(&w);
	work_compare(&w);
	work_check(&w);
	work_check_epochs(&w);
	t->kinds[CRASH_RESUMED]++;
	stick_kill(&w.stick);
	crash_everywhere(&w, t, 1, random);
	work_end(&w);
}

static void crash_once(const struct work *w, const struct sim_cursor *c,
		       const struct sim_crash *how, struct sim_tally *t, unsigned depth)
{
	struct sim *image = sim_cursor_crash(c, how);
	bool goes_on = depth == 0 && t->crashes % RESUME_EVERY == 0;
	bool read_only = !goes_on && how->seed % 4 != 0;
	CLEANUP(model_freep) struct model *found = NULL;
	const struct model *model;
	struct stick s;

	snprintf(t->where, sizeof(t->where),
		 "%s at %zu of %zu, mode %u, lies %u, slot %s, depth %u, shift %u, blocks %llu",
		 read_only ? "read-only" : "opened", sim_cursor_at(c), sim_trace_len(w->sim), how->mode,
		 how->lies, how->drop_newest_slot ? "gone" : "there", depth, w->profile.shift,
		 (unsigned long long)w->profile.disk_blocks);
	sim_must(stick_open(&s, image, read_only));
	model = judge(w, c, how, &s);
	judge_epochs(w, c, how, &s, read_only, t);
	t->crashes++;
	t->kinds[kind_of(how)]++;
	t->kinds[CRASH_AFTER_CRASH] += depth;
	t->kinds[CRASH_STEPPED_BACK] += s.report.steps_back > 0;
	t->kinds[CRASH_FULL_DISK] += w->no_space > 0;
	t->kinds[CRASH_READ_ONLY] += read_only;
	stick_kill(&s);
	if (goes_on)
		resume(w, image, model, t, how->seed);
	sim_free(image);
}

static unsigned pick_lies(const struct work *w, uint64_t r)
{
	/* The hard rule keeps two generations whole; only with room to spare, and within one session,
	 * are they more. A KEY file is replaced after two flushes of slots that name the new one. */
	bool roomy = w->profile.disk_blocks > 4096 && !w->profile.reopens && !w->profile.rekeys;

	return 1 + (unsigned)(r % (roomy ? 4 : 2));
}

static void crash_here(const struct work *w, const struct sim_cursor *c, struct sim_tally *t,
		       unsigned depth, uint64_t *random)
{
	uint64_t r = sim_random(random);
	struct sim_crash how = { .seed = sim_random(random) };

	if (sim_cursor_at_flush(c) || r % 16 == 0)
		crash_once(w, c, &how, t, depth);
	for (how.mode = SIM_PREFIX; how.mode < SIM_MODES; how.mode++) {
		how.seed = sim_random(random);
		crash_once(w, c, &how, t, depth);
	}
	how = (struct sim_crash){ .mode = (r >> 8) % SIM_MODES,
				  .lies = pick_lies(w, r >> 16),
				  .seed = sim_random(random) };
	crash_once(w, c, &how, t, depth);
	if (sim_cursor_has_slot(c) && (r >> 32) % 3 == 0) {
		how = (struct sim_crash){ .mode = (r >> 40) % SIM_MODES,
					  .drop_newest_slot = true,
					  .seed = sim_random(random) };
		crash_once(w, c, &how, t, depth);
	}
}

void crash_at_each_write(const struct work *w, struct sim_tally *t, uint64_t random)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = sim_cursor_new(w->sim);

	do {
		uint64_t r = sim_random(&random);
		struct sim_crash how = { .mode = r % SIM_MODES, .seed = sim_random(&random) };

		if (sim_cursor_at_flush(c) && (r >> 8) % 4 == 0)
			crash_here(w, c, t, 0, &random);
		else
			crash_once(w, c, &how, t, 0);
	} while (sim_cursor_step(c));
}

void crash_everywhere(const struct work *w, struct sim_tally *t, unsigned depth, uint64_t random)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = sim_cursor_new(w->sim);
	unsigned every = depth == 0 ? 3 : 12;

	do {
		if (sim_cursor_at_flush(c) ? depth == 0 || sim_random(&random) % 4 == 0 :
					     sim_random(&random) % every == 0)
			crash_here(w, c, t, depth, &random);
	} while (sim_cursor_step(c));
}

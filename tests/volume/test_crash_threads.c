/* Many hands in one volume, each in a folder of its own with a model of its own. After a crash each
 * folder is as it was after one of its hand's operations, none older than what that hand had synced,
 * and all of them are as they were at one moment: what was over before something else began is there
 * if that is. In every other trial a keeper makes new epochs and re-seals meanwhile. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/check.h"
#include "tests/volume/crash.h"
#include "tests/volume/listing.h"

#define HANDS 3u
#define QUICK_CRASHES 5000u
#define CHECK_EVERY 20u /* crashes after which the volume is checked */

/* A folder as it was after an operation. */
struct moment {
	char *listing;
	size_t start;		/* trace position when the operation began */
	uint64_t begun, ended; /* by a clock that all hands share */
};

/* All that went before moment `count` of a hand is durable at this trace position. */
struct ack {
	size_t at, count;
};

struct hand {
	struct work work; /* first member */
	pthread_t thread;
	struct moment *moments;
	struct ack *acks;
	size_t moment_count, ack_count, room;
	uint64_t begun;
};

enum kind { KIND_CRASHES, KIND_CHECKED, KIND_BETWEEN, KIND_REKEYED, KINDS };
static const char *const kinds[] = {
	[KIND_CRASHES] = "with three hands in the volume",
	[KIND_CHECKED] = "checked",
	[KIND_BETWEEN] = "found newer than what was synced",
	[KIND_REKEYED] = "in an epoch after the first",
	[KINDS] = NULL,
};

static atomic_uint_fast64_t ticket;

/* ---- what a hand remembers ---- */

static void moment_add(struct hand *h, size_t start)
{
	if (h->moment_count == h->room)
		abort();
	h->moments[h->moment_count++] = (struct moment){ .listing = model_listing(h->work.model),
							 .start = start,
							 .begun = h->begun,
							 .ended = ticket++ };
	h->begun = ticket++;
}

static void noted(struct work *w, size_t start, bool synced)
{
	struct hand *h = (struct hand *)w;

	if (synced)
		h->acks[h->ack_count++] =
			(struct ack){ sim_trace_len(w->sim), h->moment_count };
	else
		moment_add(h, start);
	h->begun = ticket++;
}

static void *hand_run(void *arg)
{
	struct hand *h = arg;

	for (unsigned i = 0; i < h->work.profile.ops; i++)
		work_step(&h->work);
	return NULL;
}

static void hand_begin(struct hand *h, const struct stick *stick, unsigned n,
		       const struct work_profile *profile, struct timespec now, uint64_t random)
{
	struct volume_attr attr;
	char name[16];

	snprintf(name, sizeof(name), "hand%u", n);
	sim_must(volume_make(stick->volume, VOLUME_ROOT, name, S_IFDIR | 0700, 1, 2, &attr));
	h->work = (struct work){ .profile = *profile,
				 .sim = stick->sim,
				 .stick = *stick,
				 .model = model_new(attr.ino, 1, 2, now),
				 .random = random,
				 .now = now,
				 .root = attr.ino,
				 .shared = true,
				 .noted = noted };
	h->room = profile->ops * 4 + 8; /* some steps are several operations */
	h->moments = calloc(h->room, sizeof(*h->moments));
	h->acks = calloc(h->room, sizeof(*h->acks));
	if (!h->moments || !h->acks)
		abort();
}

static void hand_end(struct hand *h)
{
	for (size_t i = 0; i < h->moment_count; i++)
		free(h->moments[i].listing);
	free(h->moments);
	free(h->acks);
	model_free(h->work.model);
}

/* ---- the keeper ---- */

#define KEEPER_ROUNDS 3u

struct keeper {
	struct stick *stick;
	pthread_t thread;
	struct vow vows[KEEPER_ROUNDS * 2];
	unsigned vow_count;
	uint64_t random;
};

static void vow_add(struct keeper *k)
{
	k->vows[k->vow_count++] = (struct vow){ .acked = sim_trace_len(k->stick->sim),
						.epoch = k->stick->key.epoch,
						.oldest = k->stick->key.oldest,
						.generation = k->stick->epoch_after };
}

static void *keeper_run(void *arg)
{
	struct keeper *k = arg;

	for (unsigned i = 0; i < KEEPER_ROUNDS; i++) {
		struct store_reseal at = { 0 };
		uint64_t r = sim_random(&k->random);
		bool more;

		sim_must(stick_rekey(k->stick));
		vow_add(k);
		sim_must(stick_reseal(k->stick, (unsigned)(r % 12), 1 + (r >> 8) % 40, &at, &more));
		if ((r >> 16) % 2)
			continue;
		sim_must(stick_end_older(k->stick));
		vow_add(k);
	}
	return NULL;
}

static void keeper_judge(struct keeper *k)
{
	for (unsigned i = 0; i < k->vow_count; i++) {
		const struct vow *vow = &k->vows[i];

		if (stick_records_before(k->stick, vow->epoch, vow->generation) > 0 ||
		    stick_records_before(k->stick, vow->oldest, 0) > 0)
			sim_gate_fail("records of epochs that are over, %u to %u", vow->oldest,
				      vow->epoch);
		if (stick_newest_birth(k->stick->sim, vow->epoch - 1) > vow->generation)
			sim_gate_fail("nodes since epoch %u that older keys open", vow->epoch);
	}
}

/* ---- after a crash ---- */

/* The moments that a folder may be at: the first and the last that look like what was found. */
struct found {
	size_t first, last;
};

static size_t acked(const struct hand *h, size_t honest)
{
	size_t count = 1;

	for (size_t i = 0; i < h->ack_count && h->acks[i].at <= honest; i++)
		count = h->acks[i].count;
	return count - 1;
}

static size_t begun(const struct hand *h, size_t at)
{
	size_t i = h->moment_count - 1;

	while (i > 0 && h->moments[i].start >= at)
		i--;
	return i;
}

static struct found judge_hand(const struct hand *h, struct stick *s, size_t at, size_t honest)
{
	size_t lo = acked(h, honest), hi = MAX(begun(h, at), lo), i;
	struct found f = { .first = SIZE_MAX };
	char diff[2048], *got;

	sim_must(volume_listing_of(s->volume, h->work.root, &got));
	for (i = lo; i <= hi; i++) {
		if (strcmp(h->moments[i].listing, got) != 0)
			continue;
		f.first = MIN(f.first, i);
		f.last = i;
	}
	listing_diff(h->moments[lo].listing, got, diff, sizeof(diff));
	if (f.first == SIZE_MAX)
		sim_gate_fail("folder %llu is at none of its moments %zu to %zu\n#   %s",
			      (unsigned long long)h->work.root, lo, hi, diff);
	free(got);
	/* Operations that changed nothing may count as there even before they began. */
	while (f.last + 1 < h->moment_count &&
	       strcmp(h->moments[f.last + 1].listing, h->moments[f.last].listing) == 0)
		f.last++;
	return f;
}

/* What is missing in one folder was not over when what is there in another began. */
static void judge_together(const struct hand *hands, const struct found *found)
{
	for (unsigned a = 0; a < HANDS; a++) {
		size_t missing = found[a].last + 1;

		if (missing >= hands[a].moment_count)
			continue;
		for (unsigned b = 0; b < HANDS; b++)
			if (hands[a].moments[missing].ended <
			    hands[b].moments[found[b].first].begun)
				sim_gate_fail("folder %u lacks what was over before what folder %u "
					      "has began",
					      a, b);
	}
}

static void judge_epochs(const struct keeper *k, const struct stick *s, size_t honest)
{
	for (unsigned i = 0; i < k->vow_count; i++)
		if (k->vows[i].acked <= honest && (s->key.epoch < k->vows[i].epoch ||
						   s->key.oldest < k->vows[i].oldest))
			sim_gate_fail("epochs %u to %u, but %u to %u were promised", s->key.oldest,
				      s->key.epoch, k->vows[i].oldest, k->vows[i].epoch);
}

static void hurt(void *ctx, const char *path, enum err what, const char *why)
{
	sim_gate_fail("volume_check: %s: %s: %s", path, err_name(what), why);
}

static void check_whole(struct stick *s)
{
	struct volume_check_result r = { 0 };

	sim_must(volume_check(s->volume, hurt, NULL, NULL, &r));
	if (r.problems || r.store.unreachable_blocks || r.store.doubly_used_blocks)
		sim_gate_fail("volume_check: %llu problems, %llu unreachable, %llu doubly used",
			      (unsigned long long)r.problems,
			      (unsigned long long)r.store.unreachable_blocks,
			      (unsigned long long)r.store.doubly_used_blocks);
}

static void crash_once(const struct hand *hands, const struct keeper *keeper,
		       const struct sim_cursor *c, const struct sim_crash *how, struct sim_tally *t)
{
	CLEANUP(sim_freep) struct sim *image = sim_cursor_crash(c, how);
	size_t honest = sim_cursor_honest(c, how->lies);
	bool check = t->crashes % CHECK_EVERY == 0;
	struct found found[HANDS];
	struct stick s;

	snprintf(t->where, sizeof(t->where), "at %zu, mode %u, lies %u", sim_cursor_at(c), how->mode,
		 how->lies);
	sim_must(stick_open(&s, image, !check));
	for (unsigned i = 0; i < HANDS; i++) {
		found[i] = judge_hand(&hands[i], &s, sim_cursor_at(c), honest);
		t->kinds[KIND_BETWEEN] += found[i].first > acked(&hands[i], honest);
	}
	judge_together(hands, found);
	judge_epochs(keeper, &s, honest);
	t->kinds[KIND_REKEYED] += s.key.epoch > 1;
	if (check)
		check_whole(&s);
	stick_kill(&s);
	t->crashes++;
	t->kinds[KIND_CRASHES]++;
	t->kinds[KIND_CHECKED] += check;
}

static void crash_everywhere_in(const struct hand *hands, const struct keeper *keeper,
				struct sim *sim, struct sim_tally *t, uint64_t random)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = sim_cursor_new(sim);

	do {
		uint64_t r = sim_random(&random);
		struct sim_crash how = { .mode = r % SIM_MODES,
					 .lies = (r >> 8) % 3,
					 .seed = sim_random(&random) };

		if (sim_cursor_at_flush(c) || (r >> 16) % 4 == 0)
			crash_once(hands, keeper, c, &how, t);
	} while (sim_cursor_step(c));
}

/* ---- a trial ---- */

static void all_run(struct hand *hands, struct keeper *keeper)
{
	if (keeper->stick && pthread_create(&keeper->thread, NULL, keeper_run, keeper) != 0)
		abort();
	for (unsigned i = 0; i < HANDS; i++)
		if (pthread_create(&hands[i].thread, NULL, hand_run, &hands[i]) != 0)
			abort();
	for (unsigned i = 0; i < HANDS; i++)
		pthread_join(hands[i].thread, NULL);
	if (keeper->stick)
		pthread_join(keeper->thread, NULL);
}

static void trial(uint64_t seed, struct sim_tally *t)
{
	const struct sim_options options = { .blocks_max = 65536, .step_blocks = 256 };
	CLEANUP(sim_freep) struct sim *sim = sim_new(&options);
	struct hand hands[HANDS] = { 0 };
	struct keeper keeper = { .random = seed };
	uint64_t random = seed;
	struct work_profile profile;
	struct work whole;

	work_profile_random(&profile, &random);
	profile.disk_blocks = options.blocks_max;
	profile.reopens = profile.rekeys = false;
	work_begin(&whole, sim, &profile, random);
	for (unsigned i = 0; i < HANDS; i++)
		hand_begin(&hands[i], &whole.stick, i, &profile, whole.now, sim_random(&random));
	sim_must(volume_sync(whole.stick.volume));
	sim_trace_begin(sim);
	for (unsigned i = 0; i < HANDS; i++)
		moment_add(&hands[i], 0);
	if (seed % 2)
		keeper.stick = &whole.stick;
	all_run(hands, &keeper);
	keeper_judge(&keeper);
	stick_kill(&whole.stick);
	crash_everywhere_in(hands, &keeper, sim, t, random);
	for (unsigned i = 0; i < HANDS; i++)
		hand_end(&hands[i]);
	work_end(&whole);
}

static void crashes_among_many_hands_leave_one_moment(void **state)
{
	const struct sim_gate gate = { .crashes = QUICK_CRASHES,
				       .kinds = kinds,
				       .trial = trial,
				       .percent = 10 };
	struct sim_tally tally;

	assert_true(sim_gate_run(&gate, &tally));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crashes_among_many_hands_leave_one_moment),
	};
	int failed;

	stick_init();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	stick_done();
	return failed;
}

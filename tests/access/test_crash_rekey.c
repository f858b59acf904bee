/* A new key is cut short at every moment, in every way a medium can: while it comes into force, while
 * everything is sealed anew, while the old one ends, and while the next session ends what was cut
 * short. Who stays always gets in and finds every file whole, under one key; who was let out is out
 * from the moment on that the command has returned. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "access/internal.h"
#include "base/text.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/access/sim_load.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"
#include "tests/store/sim_gate.h"

#define FILES 8u
#define QUICK_CRASHES 700u

enum kind { KIND_BEFORE, KIND_BETWEEN, KIND_RESEALING, KIND_LIES, KIND_TWICE, KIND_ENDED, KINDS };
static const char *const kinds[] = {
	[KIND_BEFORE] = "the old key was in force",
	[KIND_BETWEEN] = "the new one was, the command had not returned",
	[KIND_RESEALING] = "cut short while sealing anew or later",
	[KIND_LIES] = "on a disk that lied",
	[KIND_TWICE] = "cut short once more while that was settled",
	[KIND_ENDED] = "sealed anew to the end afterwards",
	[KINDS] = NULL,
};

/* Made once; each process works on copies of the homes. */
static struct {
	char dir[64];
	struct person a, b;
	struct sim *sim; /* the vault of a, which b may open too */
	char volume_id[33];
} base;
static struct person a, b;

/* Records are told by other tests; flushing the log would cost most of the time here. */
static enum err keep_quiet(void *ctx, const struct audit_event *event)
{
	return OK;
}
static const struct recorder quiet = { .record = keep_quiet };

/* ---- the vault ---- */

static size_t fill(unsigned n, uint8_t out[65536])
{
	size_t len = n % 2 ? n * 100 : 6000 * n + 1;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((i * 2654435761u + n * 40503u) >> 16);
	return len;
}

static void put_files(struct volume *v)
{
	static uint8_t data[65536];

	for (unsigned n = 0; n < FILES; n++) {
		char name[2] = { (char)('a' + n), 0 };
		struct volume_attr attr;

		assert_ok(volume_make(v, VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr));
		assert_ok(volume_write(v, attr.ino, 0, data, fill(n, data)));
	}
}

static int setup(void **state)
{
	struct vault_new what = { .dir = base.dir, .label = "CRASH", .separated = true };
	struct device d = { 0 };
	struct vault_facts facts;
	char ticket[96], *path;
	struct vault *v;

	assert_ok(crypto_init());
	strcpy(base.dir, "/tmp/vault-recut-XXXXXX");
	assert_non_null(mkdtemp(base.dir));
	person_make(&base.a, base.dir, "a");
	person_make(&base.b, base.dir, "b");
	assert_ok(vault_create(&base.a.actor, &what, &path));
	snprintf(ticket, sizeof(ticket), "%s/ticket", base.dir);
	assert_ok(vault_grant(&base.a.actor, path, &base.b.info.recipient, ticket));
	assert_ok(vault_enrol(&base.b.actor, ticket, &d));
	assert_ok(vault_open(&base.a.actor, path, false, NULL, &v, &facts));
	put_files(vault_volume(v));
	text_hex(facts.volume_id, STORE_ID_LEN, base.volume_id);
	assert_ok(vault_close(v));
	base.sim = sim_load(path);
	free(path);
	return 0;
}

static int teardown(void **state)
{
	sim_free(base.sim);
	person_clear(&base.a);
	person_clear(&base.b);
	shell("rm -rf '%s'%s", base.dir, "");
	return 0;
}

/* What a host has seen is told by other tests; here it would call each crash a rollback. */
static void forget_seen(void)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/seen/%s.json", a.dir, base.volume_id);
	(void)!unlink(path);
}

static void prepare_process(void)
{
	static pid_t prepared;
	char dir[96];

	if (prepared == getpid())
		return;
	prepared = getpid();
	snprintf(dir, sizeof(dir), "%s/%d", base.dir, (int)prepared);
	shell("mkdir '%s'%s", dir, "");
	person_copy(&a, &base.a, dir);
	person_copy(&b, &base.b, dir);
	a.actor.recorder = b.actor.recorder = &quiet;
	shell("cd '%s' && rm -rf seen/* log/volumes%s", a.dir, "");
	shell("cd '%s' && rm -rf seen/* log/volumes%s", b.dir, "");
}

/* ---- looking at what is left ---- */

static enum err unlock(struct sim *sim, const struct person *p, bool read_only, struct vault *ret)
{
	*ret = (struct vault){ .disk = sim_disk(sim) };
	return vault_unlock_disk(&p->actor, "sim", read_only, ret);
}

static bool gets_in(struct sim *sim, const struct person *p)
{
	struct vault v;
	enum err err = unlock(sim, p, true, &v);

	vault_clear(&v);
	return err == OK;
}

static void must_hold_all_files(struct vault *v)
{
	static uint8_t want[65536], got[65536];

	sim_must(volume_open(v->store, &v->volume));
	for (unsigned n = 0; n < FILES; n++) {
		char name[2] = { (char)('a' + n), 0 };
		size_t len, want_len = fill(n, want);
		struct volume_attr attr;

		sim_must(volume_lookup(v->volume, VOLUME_ROOT, name, &attr));
		sim_must(volume_read(v->volume, attr.ino, 0, got, sizeof(got), &len));
		if (len != want_len || memcmp(got, want, len) != 0)
			sim_gate_fail("file %s is not as it was", name);
	}
}

/* Who stays gets in and finds everything. The epoch in force. */
static uint32_t must_be_whole(struct sim *sim)
{
	struct vault v;
	uint32_t epoch;

	sim_must(unlock(sim, &a, true, &v));
	must_hold_all_files(&v);
	epoch = v.key.epoch;
	vault_clear(&v);
	return epoch;
}

static void settle(struct sim *sim)
{
	struct vault v;

	sim_must(unlock(sim, &a, false, &v));
	sim_must(vault_settle(&v));
	vault_clear(&v);
}

/* After the next session for writing there is one key, and one KEY file. */
static void must_settle(struct sim *sim, uint32_t epoch, uint32_t old)
{
	settle(sim);
	for (uint64_t page = 0; page < DISK_FIXED_LEN / SIM_PAGE; page++)
		if (memcmp(sim_page(sim, DISK_KEY0, page), sim_page(sim, DISK_KEY1, page),
			   SIM_PAGE) != 0)
			sim_gate_fail("the KEY files differ at page %u", (unsigned)page);
	if (must_be_whole(sim) != epoch)
		sim_gate_fail("epoch %u was in force and is not any more", epoch);
	if (gets_in(sim, &b) != (epoch == old))
		sim_gate_fail("epoch %u is in force, and who was let out is %s", epoch,
			      epoch == old ? "out" : "in");
}

static void must_settle_when_cut_short(struct sim *image, uint32_t epoch, uint32_t old, uint64_t *rng)
{
	CLEANUP(sim_freep) struct sim *again = NULL;
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = NULL;
	CLEANUP(sim_freep) struct sim *copy = sim_copy(image);
	struct sim_crash how = { .mode = (enum sim_mode)(sim_random(rng) % SIM_MODES),
				 .seed = sim_random(rng) };
	size_t at;

	sim_trace_begin(copy);
	settle(copy);
	at = sim_random(rng) % (sim_trace_len(copy) + 1);
	c = sim_cursor_new(copy);
	while (at-- > 0 && sim_cursor_step(c))
		;
	again = sim_cursor_crash(c, &how);
	if (must_be_whole(again) != epoch)
		sim_gate_fail("settling was cut short, and epoch %u is lost", epoch);
	must_settle(again, epoch, old);
}

static void must_end(struct sim *image)
{
	struct vault_rekey how = { .wait = true };
	struct vault v;

	sim_must(unlock(image, &a, false, &v));
	sim_must(vault_settle(&v));
	sim_must(vault_reseal(&v, &how));
	vault_clear(&v);
	forget_seen();
	must_be_whole(image);
	sim_must(unlock(image, &a, true, &v));
	if (v.key.older.count > 0)
		sim_gate_fail("an old key is still there at the end");
	vault_clear(&v);
}

/* ---- a trial ---- */

struct course {
	struct sim *sim;
	unsigned steps; /* of sealing anew, before it stops */
	size_t returned; /* trace position when the new key was in force and said so */
};

static void note(void *ctx, uint64_t done, uint64_t total)
{
	struct course *c = ctx;

	if (c->returned == 0)
		c->returned = sim_trace_len(c->sim);
}

static bool stop(void *ctx)
{
	struct course *c = ctx;

	return c->steps-- == 0;
}

static void rekey(struct sim *sim, bool let_out, struct course *course)
{
	struct vault_rekey how = { .without = &b.info.recipient,
				   .without_count = let_out ? 1 : 0,
				   .wait = true,
				   .progress = note,
				   .stop = stop,
				   .ctx = course };
	struct vault_rekeyed got;
	struct vault v;
	enum err err;

	sim_must(unlock(sim, &a, false, &v));
	err = vault_change_key(&v, &how, &got);
	if (err != OK && err != ERR_INTERRUPTED)
		sim_gate_fail("a new key: %s (%s)", err_name(err), err_detail());
	vault_clear(&v);
	forget_seen();
}

static void judge(const struct course *course, const struct sim_cursor *c,
		  const struct sim_crash *how, uint32_t old, struct sim_tally *tally)
{
	CLEANUP(sim_freep) struct sim *image = sim_cursor_crash(c, how);
	bool returned = sim_cursor_at(c) >= course->returned;
	uint64_t rng = how->seed;
	uint32_t epoch = must_be_whole(image);

	if (how->lies == 0 && returned && epoch == old)
		sim_gate_fail("the new key was in force and is not any more");
	if (how->lies == 0 && returned && gets_in(image, &b))
		sim_gate_fail("who was let out is in");
	if (epoch == old && !gets_in(image, &b))
		sim_gate_fail("the old key is in force and its people are out");
	tally->kinds[how->lies		? KIND_LIES
		     : epoch == old	? KIND_BEFORE
		     : !returned	? KIND_BETWEEN
					: KIND_RESEALING]++;
	if (sim_random(&rng) % 8 == 0) {
		must_settle_when_cut_short(image, epoch, old, &rng);
		tally->kinds[KIND_TWICE]++;
	}
	must_settle(image, epoch, old);
	if (sim_random(&rng) % 8 == 0) {
		must_end(image);
		tally->kinds[KIND_ENDED]++;
	}
}

/* At each event once; the ways take turns from event to event and from trial to trial. */
static void trial(uint64_t seed, struct sim_tally *tally)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.sim);
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = NULL;
	struct course course = { .sim = sim }, before = { .sim = sim };
	uint64_t rng = seed;
	uint32_t old;
	bool more = true;

	prepare_process();
	sim_gate_seed(seed);
	forget_seen();
	before.steps = (unsigned)(sim_random(&rng) % 4);
	if (sim_random(&rng) % 3 == 0)
		rekey(sim, false, &before);
	old = must_be_whole(sim);
	course.steps = sim_random(&rng) % 3 == 0 ? (unsigned)(sim_random(&rng) % 4) : UINT32_MAX;
	sim_trace_begin(sim);
	rekey(sim, true, &course);
	c = sim_cursor_new(sim);
	for (uint64_t at = 0; more; at++, more = sim_cursor_step(c)) {
		struct sim_crash how = { .mode = (enum sim_mode)((seed + at) % SIM_MODES),
					 .seed = sim_random(&rng) };

		if (sim_random(&rng) % 2 == 0)
			how.lies = 1 + (unsigned)(sim_random(&rng) % SIM_LIES_MAX);
		snprintf(tally->where, sizeof(tally->where),
			 "event %zu of %zu, mode %d, %u lies, crash seed %llu", sim_cursor_at(c),
			 sim_trace_len(sim), (int)how.mode, how.lies, (unsigned long long)how.seed);
		judge(&course, c, &how, old, tally);
		tally->crashes++;
	}
}

static void a_new_key_cut_short_at_any_moment_is_all_or_nothing(void **state)
{
	const struct sim_gate gate = { .crashes = QUICK_CRASHES,
				       .kinds = kinds,
				       .trial = trial,
				       .percent = 3 };
	struct sim_tally tally;

	assert_true(sim_gate_run(&gate, &tally));
	for (unsigned i = 0; i < KINDS; i++)
		if (tally.crashes >= QUICK_CRASHES)
			assert_true(tally.kinds[i] > 0);
}

/* ---- a medium that fails ---- */

static enum err try_rekey(struct sim *sim)
{
	struct vault_rekey how = { .without = &b.info.recipient, .without_count = 1, .wait = true };
	struct vault_rekeyed got;
	struct vault v;
	enum err err = unlock(sim, &a, false, &v);

	if (err == OK)
		err = vault_change_key(&v, &how, &got);
	vault_clear(&v);
	forget_seen();
	return err;
}

/* Each call fails, for good or once; in the ordinary run every seventh. Nobody who stays is locked out,
 * and a success that was told is one. */
static void a_new_key_on_a_failing_medium_is_all_or_nothing(void **state)
{
	const uint64_t step = sim_gate_is_long() ? 1 : 7;

	prepare_process();
	for (unsigned op = SIM_READ; op <= SIM_FLUSH; op++) {
		for (uint64_t nth = op;; nth += step) {
			struct sim *sim = sim_copy(base.sim);
			enum err err;
			bool failed;

			sim_fail(sim, (enum sim_op)op, nth, ERR_IO, nth % 2 == 0);
			err = try_rekey(sim);
			failed = sim_has_failed(sim);
			sim_heal(sim);
			if (err == OK && gets_in(sim, &b))
				fail_msg("call %u of kind %u: told as done, and it is not",
					 (unsigned)nth, op);
			must_settle(sim, must_be_whole(sim), 1);
			must_end(sim);
			sim_free(sim);
			if (!failed) {
				assert_int_equal(err, OK);
				break;
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_key_cut_short_at_any_moment_is_all_or_nothing),
		cmocka_unit_test(a_new_key_on_a_failing_medium_is_all_or_nothing),
	};

	return cmocka_run_group_tests_name("a new key cut short", tests, setup, teardown);
}

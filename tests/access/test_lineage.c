/* Old images, clones and forks are noticed, and what pulled sticks and lying disks leave is no alarm.
 * Histories of one vault on three hosts are made at random: sessions that end well or are cut short,
 * new people, new keys, looking without writing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "access/lineage.h"
#include "base/text.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/access/sim_load.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"

#define HOSTS 3u
#define HISTORIES 60u /* times HISTORIES_TIMES of the environment */
#define STEPS 14u

static struct {
	char dir[64];
	struct person who[HOSTS];
	struct sim *fresh; /* a vault that all of them may open */
	char volume_hex[33];
} base;

static enum err keep_quiet(void *ctx, const struct audit_event *event)
{
	return OK;
}
static const struct recorder quiet = { .record = keep_quiet };

/* ---- the vault ---- */

static void let_in(const char *path, struct person *p)
{
	struct device d = { 0 };
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", base.dir);
	assert_ok(vault_grant(&base.who[0].actor, path, &p->info.recipient, ticket));
	assert_ok(vault_enrol(&p->actor, ticket, &d));
}

static int setup(void **state)
{
	struct vault_new what = { .dir = base.dir, .label = "LINE", .separated = true };
	struct vault_facts facts;
	struct vault *v;
	char *path;

	assert_ok(crypto_init());
	strcpy(base.dir, "/tmp/vault-lineage-XXXXXX");
	assert_non_null(mkdtemp(base.dir));
	for (unsigned i = 0; i < HOSTS; i++) {
		char name[2] = { (char)('a' + i), 0 };

		person_make(&base.who[i], base.dir, name);
	}
	assert_ok(vault_create(&base.who[0].actor, &what, &path));
	for (unsigned i = 1; i < HOSTS; i++)
		let_in(path, &base.who[i]);
	assert_ok(vault_open(&base.who[0].actor, path, true, NULL, &v, &facts));
	text_hex(facts.volume_id, STORE_ID_LEN, base.volume_hex);
	assert_ok(vault_close(v));
	base.fresh = sim_load(path);
	for (unsigned i = 0; i < HOSTS; i++)
		base.who[i].actor.recorder = &quiet;
	free(path);
	return 0;
}

static int teardown(void **state)
{
	sim_free(base.fresh);
	for (unsigned i = 0; i < HOSTS; i++)
		person_clear(&base.who[i]);
	shell("rm -rf '%s'%s", base.dir, "");
	return 0;
}

static void forget(const struct person *p)
{
	shell("cd '%s' && rm -rf seen/* log/volumes%s", p->dir, "");
}

static void forget_all(void)
{
	for (unsigned i = 0; i < HOSTS; i++)
		forget(&base.who[i]);
}

/* ---- sessions ---- */

/* Whose word on the vault the others have too, as if it stood in the register. */
static const struct person *reporter;

static void take_report(struct vault *v)
{
	uint8_t id[STORE_ID_LEN];
	struct seen seen;

	if (!reporter || !base.volume_hex[0])
		return;
	assert_ok(text_unhex(base.volume_hex, id, sizeof(id)));
	if (seen_load(reporter->home, id, &seen) != OK)
		return;
	v->has_medium = v->medium.has_session = true;
	v->medium.epoch = seen.epoch;
	v->medium.generation = seen.generation;
	v->medium.clean = seen.clean;
	memcpy(v->medium.super_sha256, seen.super_sha256, SHA256_LEN);
	memcpy(v->medium.session_id, seen.session_id, STORE_ID_LEN);
}

static enum err open_on(struct sim *sim, const struct person *p, bool read_only, struct vault *ret)
{
	*ret = (struct vault){ .disk = sim_disk(sim) };
	take_report(ret);
	TRY(vault_unlock_disk(&p->actor, "sim", read_only, ret));
	TRY(vault_settle(ret));
	TRY(volume_open(ret->store, &ret->volume));
	return vault_remember_opening(ret);
}

static void put_file(struct vault *v, uint64_t number, size_t len)
{
	static uint8_t bytes[30000];
	struct volume_attr attr;
	char name[24];
	enum err err;

	snprintf(name, sizeof(name), "f%llu", (unsigned long long)number % 20);
	err = volume_make(v->volume, VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr);
	if (err == ERR_EXISTS)
		err = volume_lookup(v->volume, VOLUME_ROOT, name, &attr);
	assert_ok(err);
	assert_ok(volume_write(v->volume, attr.ino, 0, bytes, len));
}

static void close_well(struct vault *v)
{
	vault_line_close(v);
	assert_ok(volume_close(TAKE(v->volume)));
	assert_ok(vault_remember(v, true));
	vault_clear(v);
}

static void use(struct sim *sim, const struct person *p, unsigned syncs)
{
	struct vault v;

	assert_ok(open_on(sim, p, false, &v));
	for (unsigned i = 0; i < syncs; i++) {
		put_file(&v, i, 100);
		assert_ok(volume_sync(v.volume));
	}
	close_well(&v);
}

static enum err look(struct sim *sim, const struct person *p, bool read_only, bool *ret_forked)
{
	struct vault v;
	enum err err = open_on(sim, p, read_only, &v);

	*ret_forked = v.facts.forked;
	if (err == OK)
		assert_ok(vault_remember(&v, true)); /* as closing does */
	vault_clear(&v);
	return err;
}

static void must_follow(struct sim *sim, const struct person *p)
{
	bool forked;

	assert_ok(look(sim, p, true, &forked));
	assert_false(forked);
	assert_ok(look(sim, p, false, &forked));
}

static void must_be_refused(struct sim *sim, const struct person *p, enum err want)
{
	bool forked;

	assert_err(look(sim, p, false, &forked), want);
	if (want == ERR_FORK) {
		assert_ok(look(sim, p, true, &forked));
		assert_true(forked);
		assert_err(look(sim, p, false, &forked), want); /* it was not remembered */
	} else {
		assert_err(look(sim, p, true, &forked), want);
	}
}

static const struct person *host(unsigned i)
{
	return &base.who[i];
}

/* ---- stories ---- */

static void an_old_image_that_was_written_on_until_it_overtook_is_a_fork(void **state)
{
	CLEANUP(sim_freep) struct sim *old = NULL, *sim = sim_copy(base.fresh);

	forget_all();
	use(sim, host(0), 2);
	old = sim_copy(sim);
	use(sim, host(0), 3);
	use(old, host(1), 1);
	must_be_refused(old, host(0), ERR_ROLLBACK);
	for (unsigned i = 0; i < 5; i++)
		use(old, host(1), 3);
	must_be_refused(old, host(0), ERR_FORK);
	must_follow(sim, host(0));
}

static void a_clone_used_on_two_hosts_is_noticed_by_both(void **state)
{
	CLEANUP(sim_freep) struct sim *clone = NULL, *sim = sim_copy(base.fresh);

	forget_all();
	use(sim, host(0), 1);
	use(sim, host(1), 1);
	clone = sim_copy(sim);
	for (unsigned i = 0; i < 4; i++) {
		use(sim, host(0), 1);
		use(clone, host(1), 1 + i % 2);
	}
	must_be_refused(clone, host(0), ERR_FORK);
	must_be_refused(sim, host(1), ERR_ROLLBACK);
	use(sim, host(2), 1); /* who saw neither goes on with what there is */
	must_be_refused(clone, host(2), ERR_ROLLBACK);
	use(sim, host(2), 20);
	must_be_refused(sim, host(1), ERR_FORK);
	must_follow(sim, host(0));
	must_follow(clone, host(1));
}

static void copy_area(struct sim *from, struct sim *to, enum disk_area area)
{
	for (uint64_t page = 0; page < DISK_FIXED_LEN / SIM_PAGE; page++)
		sim_poke(to, area, page * SIM_PAGE, sim_page(from, area, page), SIM_PAGE);
}

/* Newer slots put beside an old image make it look like damage; it is no less old for that. */
static void an_old_image_with_newer_slots_beside_it_is_refused(void **state)
{
	CLEANUP(sim_freep) struct sim *old = NULL, *sim = sim_copy(base.fresh);

	forget_all();
	use(sim, host(0), 2);
	old = sim_copy(sim);
	use(sim, host(0), 3);
	use(sim, host(0), 3);
	for (unsigned head = 0; head < 2; head++) {
		CLEANUP(sim_freep) struct sim *mixed = sim_copy(old);
		bool forked;

		/* One HEAD file, of which the states are not whole on the old image. */
		copy_area(sim, mixed, head ? DISK_HEAD1 : DISK_HEAD0);
		assert_err(look(mixed, host(0), false, &forked), ERR_ROLLBACK);
		assert_err(look(mixed, host(0), true, &forked), ERR_ROLLBACK);
	}
	must_follow(sim, host(0));
}

static void what_somebody_else_did_in_between_follows(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh);
	bool forked;

	forget_all();
	use(sim, host(0), 2);
	for (unsigned i = 0; i < 4; i++)
		use(sim, host(1), i);
	assert_ok(look(sim, host(2), true, &forked));
	use(sim, host(1), 3);
	must_follow(sim, host(0));
	must_follow(sim, host(2));
}

/* A copy that was made in the middle of a session, and looked at: no line names that state. */
static void a_state_in_the_middle_of_a_session_is_in_the_past_of_its_end(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh), *middle = NULL;
	struct vault v;
	bool forked;

	forget_all();
	use(sim, host(0), 1);
	assert_ok(open_on(sim, host(0), false, &v));
	put_file(&v, 1, 100);
	assert_ok(volume_sync(v.volume));
	middle = sim_copy(sim);
	put_file(&v, 2, 100);
	assert_ok(volume_sync(v.volume));
	close_well(&v);
	assert_ok(look(middle, host(1), true, &forked));
	assert_ok(look(middle, host(2), true, &forked));
	must_follow(sim, host(1));
	use(sim, host(0), 2);
	must_follow(sim, host(2));
	must_be_refused(middle, host(2), ERR_ROLLBACK);
}

/* Looking at what a pulled stick holds does not make its end a good one. */
static void who_only_looked_may_see_the_tail_go(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh), *before = NULL;
	struct vault v;
	bool forked;

	forget_all();
	use(sim, host(0), 1);
	assert_ok(open_on(sim, host(1), false, &v));
	put_file(&v, 1, 100);
	assert_ok(volume_sync(v.volume));
	before = sim_copy(sim);
	put_file(&v, 2, 100);
	assert_ok(volume_sync(v.volume));
	volume_freeze(v.volume, ERR_REMOVED);
	vault_clear(&v);
	assert_ok(look(sim, host(0), true, &forked));
	must_follow(before, host(0));
	use(before, host(2), 2);
	must_follow(before, host(0));
}

/* A stick that lied: what was ejected well is there by its slots alone. Whoever meets it next passes over
 * it and says so; the host that ejected it is told of damage, not of a fork, then and later. */
static void states_that_are_not_whole_are_damage_on_every_host(void **state)
{
	struct sim_crash how = { .mode = SIM_NONE, .heads_arrived = true };
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh);
	unsigned met = 0;

	for (how.lies = 1; how.lies <= 4; how.lies++) {
		CLEANUP(sim_cursor_freep) struct sim_cursor *c = NULL;
		CLEANUP(sim_freep) struct sim *image = NULL, *other = NULL;
		CLEANUP(sim_freep) struct sim *now = sim_copy(sim);
		struct vault v;

		forget_all();
		sim_trace_begin(now);
		use(now, host(0), 1);
		c = sim_cursor_new(now);
		while (sim_cursor_step(c))
			;
		image = sim_cursor_crash(c, &how);
		other = sim_copy(image);
		assert_ok(open_on(other, host(1), true, &v)); /* for reading */
		met += v.facts.store.passed_count > 0;
		vault_clear(&v);
		forget(host(1));
		use(other, host(1), 3);
		must_follow(other, host(0));
		use(other, host(2), 1);
		must_follow(other, host(0));
		must_follow(other, host(1));
	}
	assert_true(met > 0);
}

/* The second slot of a clean end is torn, and another host goes on from the first. */
static void half_a_clean_end_is_enough(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh);
	uint8_t noise[512] = { 1 };
	struct seen seen;
	struct vault v;
	unsigned slot;

	forget_all();
	use(sim, host(0), 2);
	assert_ok(open_on(sim, host(0), true, &v));
	assert_ok(seen_load(host(0)->home, v.facts.volume_id, &seen));
	vault_clear(&v);
	slot = (unsigned)(seen.generation / 2 % 16);
	sim_poke(sim, seen.generation % 2 ? DISK_HEAD1 : DISK_HEAD0, slot * 4096 + 1024, noise,
		 sizeof(noise));
	must_follow(sim, host(0));
	use(sim, host(1), 1);
	must_follow(sim, host(0));
}

static void every_kind_of_session_leaves_its_line(void **state)
{
	struct vault_rekey without_waiting = { 0 }, waiting = { .wait = true };
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh);
	struct vault_rekeyed got;
	struct vault v;

	forget_all();
	use(sim, host(0), 1);
	assert_ok(look(sim, host(2), true, &(bool){ false }));
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(open_on(sim, host(1), true, &v));
		vault_clear(&v);
		v = (struct vault){ .disk = sim_disk(sim) };
		assert_ok(vault_unlock_disk(&host(1)->actor, "sim", false, &v));
		assert_ok(vault_change_key(&v, i ? &waiting : &without_waiting, &got));
		vault_clear(&v);
		must_follow(sim, host(i));
	}
	use(sim, host(1), 1);
	v = (struct vault){ .disk = sim_disk(sim) };
	assert_ok(vault_unlock_disk(&host(1)->actor, "sim", false, &v));
	assert_ok(vault_settle(&v));
	assert_ok(vault_add_recipient(&v, &host(0)->info.recipient));
	assert_ok(vault_remember(&v, true));
	vault_clear(&v);
	use(sim, host(1), 1);
	must_follow(sim, host(2));
	must_follow(sim, host(0));
}

/* ---- what the log must be ---- */

static void change_log(struct sim *sim, bool cut)
{
	struct store_key key = { .kind = 8 };
	struct vault v = { .disk = sim_disk(sim) };
	uint64_t count;

	assert_ok(vault_unlock_disk(&host(1)->actor, "sim", false, &v));
	assert_ok(vault_line_open(&v));
	assert_ok(journal_count(v.store, &count));
	assert_ok(store_write_begin(v.store, (unsigned)count, true));
	for (key.offset = cut ? 0 : count - 4; key.offset < count; key.offset++) {
		if (cut)
			assert_ok(store_delete(v.store, &key));
		else if (key.offset < count - 1)
			assert_ok(store_put(v.store, &key, "{\"event\":\"other\"}", 17));
	}
	store_write_end(v.store);
	assert_ok(vault_commit(&v, true));
	vault_clear(&v);
}

static void a_log_that_was_rewritten_or_cut_is_no_proof(void **state)
{
	for (unsigned cut = 0; cut < 2; cut++) {
		CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh);

		forget_all();
		use(sim, host(0), 1);
		use(sim, host(0), 1);
		forget(host(1));
		change_log(sim, cut);
		must_be_refused(sim, host(0), ERR_FORK);
	}
}

static void remember_no_log(const struct person *p)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "sed -i 's/\"log\": [0-9]*,/\"log\": 0,/' '%s'/seen/*.json", p->dir);
	assert_int_equal(system(command), 0);
}

/* A host that saw a vault before there were such logs compares numbers. */
static void what_was_seen_without_a_log_is_compared_by_number(void **state)
{
	CLEANUP(sim_freep) struct sim *sim = sim_copy(base.fresh), *old = NULL;

	forget_all();
	use(sim, host(0), 1);
	old = sim_copy(sim);
	use(sim, host(0), 2);
	remember_no_log(host(0));
	must_be_refused(old, host(0), ERR_ROLLBACK);
	for (unsigned i = 0; i < 4; i++)
		use(old, host(1), 3);
	must_follow(old, host(0)); /* it cannot be known */
	must_be_refused(sim, host(0), ERR_ROLLBACK); /* but from now on it is */
}

static void a_line_that_no_session_wrote_is_passed_over(void **state)
{
	static const char *const lines[] = {
		"", "{", "[]", "{}", "{\"event\":\"unlock\"}", "{\"event\":1,\"session\":\"00\"}",
		"{\"event\":\"unlock\",\"session\":\"00112233445566778899aabbccddeeff\","
		"\"generation\":-4}",
		"{\"event\":\"unlock\",\"session\":\"00112233445566778899aabbccddeeff\","
		"\"generation\":4,\"superblock\":\"00\"}",
		"{\"event\":\"an event with a name that is too long\","
		"\"session\":\"00112233445566778899aabbccddeeff\"}",
	};
	static const char newer[] = "{\"event\":\"lock\",\"session\":"
				    "\"00112233445566778899aabbccddeeff\",\"new\":[{}]}";
	struct session_line line;

	for (unsigned i = 0; i < ARRAY_LEN(lines); i++)
		assert_err(session_line_parse(lines[i], strlen(lines[i]), &line), ERR_BAD_FORMAT);
	assert_ok(session_line_parse(newer, strlen(newer), &line));
	assert_false(line.has_head);
}

/* ---- random histories ---- */

#define SIMS_MAX 64u
struct history {
	struct sim *sim;
	struct sim *sims[SIMS_MAX]; /* each may stand on those before it */
	unsigned sim_count;
	uint64_t random;
	unsigned sessions[2]; /* that ended well, that were cut short */
	unsigned looks, keys;
};

static uint64_t below(struct history *h, uint64_t n)
{
	return sim_random(&h->random) % n;
}

static void must(struct history *h, unsigned who, enum err err, const char *what)
{
	if (err != OK)
		fail_msg("%s on host %u: %s (%s), of a history without forks", what, who,
			 err_name(err), err_detail());
}

static void go_on_with(struct history *h, struct sim *sim)
{
	assert_true(h->sim_count < SIMS_MAX);
	h->sim = h->sims[h->sim_count++] = sim;
}

static void history_clear(struct history *h)
{
	while (h->sim_count > 0)
		sim_free(h->sims[--h->sim_count]);
}

/* The medium is pulled at some moment of the trace, from `least` on. */
static void pull(struct history *h, size_t least, unsigned lies_max)
{
	CLEANUP(sim_cursor_freep) struct sim_cursor *c = sim_cursor_new(h->sim);
	struct sim_crash how = { .mode = (enum sim_mode)below(h, SIM_MODES),
				 .lies = (unsigned)below(h, lies_max + 1),
				 .seed = sim_random(&h->random) };
	size_t at = least + (size_t)below(h, sim_trace_len(h->sim) + 1 - least);

	while (at-- > 0 && sim_cursor_step(c))
		;
	go_on_with(h, sim_cursor_crash(c, &how));
}

static void random_session(struct history *h, unsigned who, bool cut_short)
{
	unsigned syncs = (unsigned)below(h, 6);
	struct vault v;
	size_t opened;

	sim_trace_begin(h->sim);
	must(h, who, open_on(h->sim, host(who), false, &v), "opening");
	opened = sim_trace_len(h->sim); /* it is remembered */
	for (unsigned i = 0; i < syncs; i++) {
		if (below(h, 4))
			put_file(&v, below(h, 100), (size_t)below(h, 30000));
		assert_ok(volume_sync(v.volume));
	}
	h->sessions[cut_short]++;
	if (!cut_short) {
		close_well(&v);
		return;
	}
	volume_freeze(v.volume, ERR_REMOVED);
	vault_clear(&v);
	pull(h, opened, 2);
}

static void random_look(struct history *h, unsigned who)
{
	bool forked = false;

	must(h, who, look(h->sim, host(who), true, &forked), "looking");
	if (forked)
		fail_msg("host %u sees a fork where there is none", who);
	h->looks++;
}

static void random_key(struct history *h, unsigned who)
{
	struct vault_rekey how = { .wait = below(h, 2) };
	struct vault v = { .disk = sim_disk(h->sim) };
	struct vault_rekeyed got;
	bool grant = below(h, 2);

	sim_trace_begin(h->sim);
	must(h, who, vault_unlock_disk(&host(who)->actor, "sim", false, &v), "a new key");
	if (grant) {
		assert_ok(vault_settle(&v));
		assert_ok(vault_add_recipient(&v, &host(0)->info.recipient));
	} else if (v.key.older.count < 6) {
		assert_ok(vault_change_key(&v, &how, &got));
	}
	h->keys++;
	if (below(h, 2)) {
		if (!grant)
			forget(host(who)); /* what it saw ended well, and is cut short now */
		vault_clear(&v);
		pull(h, 0, 0);
		return;
	}
	assert_ok(vault_remember(&v, true));
	vault_clear(&v);
}

static void random_step(struct history *h)
{
	unsigned who = (unsigned)below(h, HOSTS);

	reporter = below(h, 2) ? host((unsigned)below(h, HOSTS)) : NULL;

	switch (below(h, 10)) {
	case 0:
	case 1:
		random_look(h, who);
		break;
	case 2:
		random_key(h, who);
		break;
	case 3:
	case 4:
	case 5:
		random_session(h, who, true);
		break;
	default:
		random_session(h, who, false);
	}
}

static unsigned times(void)
{
	const char *text = getenv("HISTORIES_TIMES");

	return text ? (unsigned)strtoul(text, NULL, 10) : 1;
}

static uint64_t first_seed(void)
{
	const char *text = getenv("SEED");

	return text ? strtoull(text, NULL, 10) : 1;
}

static void no_history_without_a_fork_gives_an_alarm(void **state)
{
	struct history all = { 0 };

	for (unsigned n = 0; n < HISTORIES * times(); n++) {
		struct history h = { .random = first_seed() + n };

		forget_all();
		go_on_with(&h, sim_copy(base.fresh));
		for (unsigned i = 0; i < STEPS; i++)
			random_step(&h);
		for (unsigned i = 0; i < HOSTS; i++)
			random_look(&h, i);
		reporter = NULL;
		all.sessions[0] += h.sessions[0];
		all.sessions[1] += h.sessions[1];
		all.looks += h.looks;
		all.keys += h.keys;
		history_clear(&h);
	}
	print_message("# %u sessions ended well, %u were cut short, %u looked on, %u new keys\n",
		      all.sessions[0], all.sessions[1], all.looks, all.keys);
}

/* A copy is made, the vault goes on and a host sees that; then the copy goes on beside it. The host
 * refuses to write to the copy, whatever its number. */
static void every_fork_in_random_histories_is_noticed(void **state)
{
	unsigned forks = 0, rollbacks = 0;

	for (unsigned n = 0; n < HISTORIES * times(); n++) {
		struct history h = { .random = 7000000 + first_seed() + n }, copy;
		unsigned steps, victim;
		bool forked;
		enum err err;

		forget_all();
		go_on_with(&h, sim_copy(base.fresh));
		for (steps = (unsigned)below(&h, 4); steps > 0; steps--)
			random_step(&h);
		copy = (struct history){ .random = h.random + 1 };
		go_on_with(&copy, sim_copy(h.sim));
		for (steps = (unsigned)below(&h, 4); steps > 0; steps--)
			random_step(&h);
		victim = (unsigned)below(&h, HOSTS);
		random_session(&h, victim, false);
		reporter = NULL;
		/* The copy goes on with hosts that know nothing of it: those that do would refuse. */
		for (unsigned i = 0; i < HOSTS; i++)
			if (i != victim)
				forget(host(i));
		for (steps = (unsigned)below(&h, 12); steps > 0; steps--)
			random_session(&copy, (victim + 1) % HOSTS, below(&copy, 3) == 0);
		err = look(copy.sim, host(victim), false, &forked);
		if (err == ERR_FORK)
			forks++;
		else if (err == ERR_ROLLBACK)
			rollbacks++;
		else
			fail_msg("history %u: %s, and not noticed", n, err_name(err));
		history_clear(&copy);
		history_clear(&h);
	}
	print_message("# %u forks, %u older images\n", forks, rollbacks);
	assert_true(forks > 5 && rollbacks > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_image_that_was_written_on_until_it_overtook_is_a_fork),
		cmocka_unit_test(a_clone_used_on_two_hosts_is_noticed_by_both),
		cmocka_unit_test(an_old_image_with_newer_slots_beside_it_is_refused),
		cmocka_unit_test(what_somebody_else_did_in_between_follows),
		cmocka_unit_test(a_state_in_the_middle_of_a_session_is_in_the_past_of_its_end),
		cmocka_unit_test(who_only_looked_may_see_the_tail_go),
		cmocka_unit_test(states_that_are_not_whole_are_damage_on_every_host),
		cmocka_unit_test(half_a_clean_end_is_enough),
		cmocka_unit_test(every_kind_of_session_leaves_its_line),
		cmocka_unit_test(a_log_that_was_rewritten_or_cut_is_no_proof),
		cmocka_unit_test(what_was_seen_without_a_log_is_compared_by_number),
		cmocka_unit_test(a_line_that_no_session_wrote_is_passed_over),
		cmocka_unit_test(no_history_without_a_fork_gives_an_alarm),
		cmocka_unit_test(every_fork_in_random_histories_is_noticed),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

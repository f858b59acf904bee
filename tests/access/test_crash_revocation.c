/* A revocation is cut short at every step: in the officer's register, among the device secrets, in
 * the log, and on the medium while it gets its new key. Who was revoked is never back in, who stays
 * is never locked out, and the next opening ends what was begun. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "access/enforce.h"
#include "access/revoke.h"
#include "base/text.h"
#include "store/folder_disk.h"
#include "tests/access/books.h"
#include "tests/check.h"
#include "tests/access/sim_load.h"
#include "tests/store/sim_disk.h"
#include "tests/store/sim_gate.h"

#define CUT 77 /* exit status of a process that was cut short */

/* ---- a process that ends at its nth change of a file ---- */

static uint64_t steps, cut_at; /* 0: never */

/* Half of what was to be written gets there. */
static void step(int fd, const void *data, size_t len)
{
	ssize_t (*real)(int, const void *, size_t);

	if (++steps != cut_at)
		return;
	*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (len > 1)
		(void)!real(fd, data, len / 2);
	_exit(CUT);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t len)
{
	step(fd, data, len);
	return REAL(write)(fd, data, len);
}

/* At its place; the test need not tear it there. */
ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	step(fd, data, 0);
	return ((__typeof__(&pwrite))dlsym(RTLD_NEXT, "pwrite64"))(fd, data, len, off);
}

int fsync(int fd)
{
	step(fd, NULL, 0);
	return REAL(fsync)(fd);
}

int fdatasync(int fd)
{
	step(fd, NULL, 0);
	return REAL(fdatasync)(fd);
}

int rename(const char *from, const char *to)
{
	step(-1, NULL, 0);
	return REAL(rename)(from, to);
}

int unlink(const char *path)
{
	step(-1, NULL, 0);
	return REAL(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
	step(-1, NULL, 0);
	return REAL(unlinkat)(dir, path, flags);
}

/* ---- a society, made once ---- */

static struct {
	char dir[64];
	struct person o, a, b;
	char *path;
	struct sim *sim; /* the same vault in memory */
	uint8_t volume_id[VOLUME_ID_LEN];
	struct age_recipient on_paper;
} base;

static enum err keep_quiet(void *ctx, const struct audit_event *event)
{
	return OK;
}
static const struct recorder quiet = { .record = keep_quiet };

static void enrol(struct person *who)
{
	struct device d = {0};
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", base.dir);
	assert_ok(vault_grant(&base.o.actor, base.path, &who->info.recipient, ticket));
	assert_ok(vault_enrol(&who->actor, ticket, &d));
}

static void put_file(struct vault *v, const char *name)
{
	static const uint8_t data[40000] = {1, 2, 3};
	struct volume_attr attr;

	assert_ok(volume_make(v->volume, VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_write(v->volume, attr.ino, 0, data, sizeof(data)));
}

static void make_vault(void)
{
	struct vault_new what = {.dir = base.dir, .label = "CRASH", .separated = true};
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_create(&base.o.actor, &what, &base.path));
	enrol(&base.a);
	enrol(&base.b);
	assert_ok(vault_open(&base.o.actor, base.path, false, NULL, &v, &facts));
	put_file(v, "old");
	memcpy(base.volume_id, facts.volume_id, VOLUME_ID_LEN);
	assert_ok(vault_close(v));
}

static void make_society(void)
{
	struct age_identity *sheet;

	books_found(&base.o);
	books_staff(&base.o, &base.a);
	books_staff(&base.o, &base.b);
	books_medium(&base.o, base.path, "U-012");
	books_grant(&base.o, &base.a, "*", NULL);
	books_grant(&base.o, &base.b, "*", NULL);
	assert_ok(age_identity_new_random(&sheet));
	age_identity_recipient(sheet, &base.on_paper);
	books_recovery(&base.o, &base.on_paper);
	age_identity_free(sheet);
}

static int setup(void **state)
{
	assert_ok(crypto_init());
	strcpy(base.dir, "/tmp/vault-undone-XXXXXX");
	assert_non_null(mkdtemp(base.dir));
	person_make(&base.o, base.dir, "o");
	person_make(&base.a, base.dir, "a");
	person_make(&base.b, base.dir, "b");
	make_vault();
	make_society();
	base.sim = sim_load(base.path);
	return 0;
}

static int teardown(void **state)
{
	sim_free(base.sim);
	person_clear(&base.o);
	person_clear(&base.a);
	person_clear(&base.b);
	shell("rm -rf '%s'%s", base.dir, "");
	free(base.path);
	return 0;
}

/* ---- on the officer's host ---- */

/* A copy of the officer's home and of the medium, for one trial. */
struct trial {
	char dir[96], path[128];
	struct person o, b;
};

static void trial_begin(struct trial *t)
{
	snprintf(t->dir, sizeof(t->dir), "%s/trial", base.dir);
	shell("rm -rf '%s' && mkdir '%s'", t->dir, t->dir);
	person_copy(&t->o, &base.o, t->dir);
	person_copy(&t->b, &base.b, t->dir);
	snprintf(t->path, sizeof(t->path), "%s/CRASH.VLT", t->dir);
	shell("cp -r '%s' '%s'", base.path, t->path);
}

static void trial_end(struct trial *t)
{
	person_clear(&t->o);
	person_clear(&t->b);
}

static bool is_revoked(struct person *p, const char *word)
{
	struct revoke_reach reach;
	struct society s = {0};
	bool is;

	assert_ok(society_load(p->home, &s));
	assert_ok(vault_revoke_reach(&s, p->home, word, NULL, &reach));
	is = reach.already;
	revoke_reach_clear(&reach);
	society_clear(&s);
	return is;
}

static enum err opens(struct trial *t, struct person *p, bool read_only, uint32_t *ret_epoch)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err = vault_open(&p->actor, t->path, read_only, NULL, &v, &facts);

	if (err != OK)
		return err;
	*ret_epoch = v->key.epoch;
	assert_ok(vault_close(v));
	return OK;
}

/* Runs `deed` in a process of its own that ends at change number `at`; true when it was cut short.
 */
static bool cut_short(struct trial *t, void (*deed)(struct trial *t), uint64_t at)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		steps = 0;
		cut_at = at;
		deed(t);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != CUT))
		fail_msg("change %u: the process ended with %x", (unsigned)at, (unsigned)status);
	return WEXITSTATUS(status) == CUT;
}

static void revoke_b(struct trial *t)
{
	books_revoke(&t->o, "b");
}

static void revoke_medium(struct trial *t)
{
	books_revoke(&t->o, "CRASH");
}

static void open_it(struct trial *t)
{
	uint32_t epoch;

	(void)!opens(t, &t->o, false, &epoch);
}

static bool has_secret(struct person *p)
{
	CLEANUP(device_clear) struct device d = {0};

	return device_load(p->home, base.volume_id, p->id, &d) == OK;
}

/* The log is whole, but for a line that a crash tore. */
static enum err look_at_line(void *ctx, const char *text, size_t len, enum err fault)
{
	return fault;
}

static void log_must_be_good(struct person *p)
{
	assert_ok(audit_log_read(home_log_path(p->home), NULL, look_at_line, NULL));
}

/* Whoever carries on: b is out as soon as the register says so and the vault was written. */
static void key_must_end(struct trial *t)
{
	uint32_t epoch;

	if (!is_revoked(&t->o, "b")) {
		assert_ok(opens(t, &t->b, true, &epoch));
		assert_ok(opens(t, &t->o, false, &epoch));
		assert_int_equal(epoch, 1);
		books_revoke(&t->o, "b");
	}
	assert_ok(opens(t, &t->o, false, &epoch));
	assert_int_equal(epoch, 2);
	assert_err(opens(t, &t->b, true, &epoch), ERR_NO_KEY_FITS);
	log_must_be_good(&t->o);
}

static void a_key_s_revocation_cut_short_on_the_host_is_all_or_nothing(void **state)
{
	unsigned before = 0, after = 0;
	bool cut = true;

	for (uint64_t at = 1; cut; at++) {
		struct trial t;

		trial_begin(&t);
		cut = cut_short(&t, revoke_b, at);
		*(is_revoked(&t.o, "b") ? &after : &before) += 1;
		key_must_end(&t);
		trial_end(&t);
	}
	assert_true(before > 1);
	assert_true(after > 1);
}

static void medium_must_end(struct trial *t)
{
	uint32_t epoch;

	if (!is_revoked(&t->o, "CRASH")) {
		assert_true(has_secret(&t->o));
		assert_ok(opens(t, &t->o, false, &epoch));
		books_revoke(&t->o, "CRASH");
	}
	assert_err(opens(t, &t->o, false, &epoch), ERR_REVOKED_MEDIUM);
	assert_false(has_secret(&t->o));
	log_must_be_good(&t->o);
	books_burn(&t->o);
	assert_err(opens(t, &t->o, true, &epoch), ERR_NOT_ENROLLED);
}

static void a_medium_s_revocation_cut_short_on_the_host_is_ended_by_the_next_opening(void **state)
{
	unsigned before = 0, between = 0;
	bool cut = true;

	for (uint64_t at = 1; cut; at++) {
		struct trial t;

		trial_begin(&t);
		cut = cut_short(&t, revoke_medium, at);
		if (!is_revoked(&t.o, "CRASH"))
			before++;
		else
			between += has_secret(&t.o);
		medium_must_end(&t);
		trial_end(&t);
	}
	assert_true(before > 1);
	assert_true(between > 1);
}

/* The opening that ends it is cut short too. */
static void the_ending_cut_short_is_ended_by_the_one_after(void **state)
{
	bool cut = true;

	for (uint64_t at = 1; cut; at++) {
		struct trial t;

		trial_begin(&t);
		for (uint64_t first = 1; cut_short(&t, revoke_medium, first); first++)
			if (is_revoked(&t.o, "CRASH"))
				break;
		assert_true(has_secret(&t.o));
		cut = cut_short(&t, open_it, at);
		medium_must_end(&t);
		trial_end(&t);
	}
}

/* With everything an opening does: the register in the vault, the escrow, the log, what was seen.
 * In the ordinary run at every third change. */
static void the_opening_that_gives_the_new_key_is_cut_short_at_every_change(void **state)
{
	const uint64_t stride = sim_gate_is_long() ? 1 : 3;
	unsigned cuts = 0;
	bool cut = true;

	for (uint64_t at = 1; cut; at += stride, cuts += cut) {
		struct trial t;

		trial_begin(&t);
		books_revoke(&t.o, "b");
		cut = cut_short(&t, open_it, at);
		key_must_end(&t);
		trial_end(&t);
	}
	assert_true(cuts > 20);
}

/* ---- on the medium ---- */

static void forget_seen(struct person *p)
{
	char hex[2 * VOLUME_ID_LEN + 1], path[160];

	text_hex(base.volume_id, VOLUME_ID_LEN, hex);
	snprintf(path, sizeof(path), "%s/%s.json", home_seen_dir(p->home), hex);
	(void)!unlink(path);
}

static enum err unlock(struct sim *sim, struct person *p, bool read_only, struct vault *ret)
{
	*ret = (struct vault){.disk = sim_disk(sim)};
	forget_seen(p);
	TRY(enforce_before(&p->actor, ret));
	return enforce_unlocked(ret, vault_unlock_disk(&p->actor, "sim", read_only, ret));
}

/* What an opening for writing does, up to the content. */
static enum err write_to(struct sim *sim, struct person *p, size_t *ret_returned)
{
	struct vault v;
	enum err err = unlock(sim, p, false, &v);

	if (err == OK)
		err = vault_settle(&v);
	if (err == OK)
		err = enforce_keys(&v);
	if (ret_returned)
		*ret_returned = sim_trace_len(sim);
	vault_clear(&v);
	return err;
}

/* The epoch in force for who reads; 0: they do not get in. */
static uint32_t reads(struct sim *sim, struct person *p)
{
	struct volume_attr attr;
	uint32_t epoch = 0;
	struct vault v;

	if (unlock(sim, p, true, &v) == OK) {
		assert_ok(volume_open(v.store, &v.volume));
		assert_ok(volume_lookup(v.volume, VOLUME_ROOT, "old", &attr));
		epoch = v.key.epoch;
	}
	vault_clear(&v);
	return epoch;
}

static void must_end(struct sim *image)
{
	bool with_paper = false;
	struct vault v;

	assert_ok(write_to(image, &base.a, NULL));
	assert_int_equal(reads(image, &base.a), 2);
	assert_int_equal(reads(image, &base.b), 0);
	assert_ok(unlock(image, &base.o, true, &v));
	for (size_t i = 0; i < v.key.recipient_count; i++)
		with_paper =
			with_paper || age_recipient_equal(&v.key.recipients[i], &base.on_paper);
	assert_true(with_paper);
	assert_int_equal(v.key.recipient_count, 3);
	vault_clear(&v);
}

static void judge(const struct sim_cursor *c, const struct sim_crash *how, size_t returned)
{
	struct sim *image = sim_cursor_crash(c, how);
	uint32_t epoch = reads(image, &base.a), revoked = reads(image, &base.b);
	bool over = sim_cursor_at(c) >= returned && how->lies == 0;

	if (epoch != 1 && epoch != 2)
		fail_msg("event %zu: who stays is locked out", sim_cursor_at(c));
	if (reads(image, &base.o) != epoch)
		fail_msg("event %zu: two people find two states", sim_cursor_at(c));
	if (revoked > 1 || (over && revoked > 0))
		fail_msg("event %zu: who was revoked is back in", sim_cursor_at(c));
	if (over && epoch == 1)
		fail_msg("event %zu: the new key is gone", sim_cursor_at(c));
	must_end(image);
	sim_free(image);
}

static void the_new_key_cut_short_on_the_medium_is_ended_by_the_next_opening(void **state)
{
	struct sim *sim = sim_copy(base.sim);
	struct sim_cursor *c;
	uint64_t rng = 1, events = 0;
	size_t returned;
	bool more = true;

	base.o.actor.recorder = base.a.actor.recorder = base.b.actor.recorder = &quiet;
	books_burn(&base.b);
	books_revoke(&base.o, "b");
	books_carry(&base.o, &base.a);
	assert_int_equal(reads(sim, &base.b), 1);
	sim_trace_begin(sim);
	assert_ok(write_to(sim, &base.a, &returned));
	c = sim_cursor_new(sim);
	for (; more; more = sim_cursor_step(c), events++) {
		struct sim_crash how = {.mode = (enum sim_mode)(events % SIM_MODES),
					.lies = sim_random(&rng) % 3 == 0,
					.seed = sim_random(&rng)};

		judge(c, &how, returned);
	}
	assert_true(events > 20);
	sim_cursor_free(c);
	sim_free(sim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_s_revocation_cut_short_on_the_host_is_all_or_nothing),
		cmocka_unit_test(
			a_medium_s_revocation_cut_short_on_the_host_is_ended_by_the_next_opening),
		cmocka_unit_test(the_ending_cut_short_is_ended_by_the_one_after),
		cmocka_unit_test(the_opening_that_gives_the_new_key_is_cut_short_at_every_change),
		cmocka_unit_test(the_new_key_cut_short_on_the_medium_is_ended_by_the_next_opening),
	};

	return cmocka_run_group_tests_name("a revocation cut short", tests, setup, teardown);
}

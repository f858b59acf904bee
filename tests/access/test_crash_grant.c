/* A grant is cut short at every moment, in every way a medium can: who could open the vault still can,
 * and once the grant has returned, so can the new person's KEY file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/access/sim_load.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"

struct fixture {
	char dir[64];
	struct person a, b;
	struct sim *sim; /* holds a's vault, which b may not open yet */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = { .dir = f->dir, .label = "CRASH", .separated = true };
	struct device d = { 0 };
	char ticket[96], *path;

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-cut-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	assert_ok(vault_create(&f->a.actor, &what, &path));
	f->sim = sim_load(path);
	/* b has the device secret from the start, so that only the KEY file keeps b out. */
	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->a.actor, path, &f->b.info.recipient, ticket));
	assert_ok(vault_enrol(&f->b.actor, ticket, &d));
	shell("cd '%s' && rm -rf seen/* log/volumes%s", f->a.dir, "");
	free(path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	sim_free(f->sim);
	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f);
	return 0;
}

static enum err try_unlock(struct sim *sim, const struct person *p)
{
	struct vault v = { .disk = sim_disk(sim) };
	enum err err = vault_unlock_disk(&p->actor, "sim", true, &v);

	vault_clear(&v);
	return err;
}

static enum err grant_b(struct fixture *f)
{
	struct vault v = { .disk = sim_disk(f->sim) };
	enum err err = vault_unlock_disk(&f->a.actor, "sim", false, &v);

	if (err == OK)
		err = vault_add_recipient(&v, &f->b.info.recipient);
	vault_clear(&v);
	return err;
}

static void check_image(struct fixture *f, const struct sim_cursor *c, const struct sim_crash *how)
{
	struct sim *image = sim_cursor_crash(c, how);
	enum err err = try_unlock(image, &f->a);

	if (err != OK)
		fail_msg("event %zu, mode %d, lies %u, seed %llu: %s (%s)", sim_cursor_at(c),
			 (int)how->mode, how->lies, (unsigned long long)how->seed, err_name(err),
			 err_detail());
	sim_free(image);
}

static void a_grant_cut_short_at_any_moment_locks_nobody_out(void **state)
{
	struct fixture *f = *state;
	struct sim_cursor *c;
	uint64_t seed = 0;
	bool more = true;

	assert_err(try_unlock(f->sim, &f->b), ERR_NO_KEY_FITS);
	sim_trace_begin(f->sim);
	assert_ok(grant_b(f));
	for (c = sim_cursor_new(f->sim); more; more = sim_cursor_step(c)) {
		for (unsigned mode = 0; mode < SIM_MODES; mode++) {
			for (unsigned lies = 0; lies < 2; lies++) {
				struct sim_crash how = { .mode = (enum sim_mode)mode,
							 .lies = lies, .seed = ++seed };

				check_image(f, c, &how);
			}
		}
	}
	sim_cursor_free(c);
	assert_true(seed > 8 * 20);
	assert_ok(try_unlock(f->sim, &f->b));
}

/* Each single call fails once, for good: what was, or what shall be, stays open. */
static void a_grant_on_a_failing_medium_locks_nobody_out(void **state)
{
	struct fixture *f = *state;
	struct sim *whole = f->sim;

	for (unsigned op = SIM_READ; op <= SIM_FLUSH; op++) {
		for (uint64_t nth = 0;; nth++) {
			bool failed;

			f->sim = sim_copy(whole);
			sim_fail(f->sim, (enum sim_op)op, nth, ERR_IO, true);
			(void)!grant_b(f);
			failed = sim_has_failed(f->sim);
			sim_heal(f->sim);
			if (try_unlock(f->sim, &f->a) != OK)
				fail_msg("call %u of kind %u: %s", (unsigned)nth, op, err_detail());
			sim_free(f->sim);
			if (!failed)
				break;
		}
	}
	f->sim = whole;
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_grant_cut_short_at_any_moment_locks_nobody_out),
		STORY(a_grant_on_a_failing_medium_locks_nobody_out),
	};

	return cmocka_run_group_tests_name("grant cut short", tests, NULL, NULL);
}

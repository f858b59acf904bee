/* One more person for a vault: what a crash may do on the way, and what a ticket must not do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/vault.h"
#include "tests/access/people.h"
#include "tests/check.h"

struct fixture {
	char dir[64], ticket[96];
	struct person a, b;
	char *path; /* of a vault that a made */
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = { .label = "OSAKA-03", .separated = true };

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-grant-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->ticket, sizeof(f->ticket), "%s/ticket", f->dir);
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	what.dir = f->dir;
	assert_ok(vault_create(&f->a.actor, &what, &f->path));
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f->path);
	free(f);
	return 0;
}

static enum err try_open(struct person *p, const char *path)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err = vault_open(&p->actor, path, false, NULL, &v, &facts);

	return err == OK ? vault_close(v) : err;
}

static enum err enrol(struct person *p, const char *ticket)
{
	struct device facts;

	return vault_enrol(&p->actor, ticket, &facts);
}

static void expect_in_log(struct person *p, const char *text)
{
	shell("grep -q '%s' '%s'/log/host.jsonl", text, p->dir);
}

static void grant_b(struct fixture *f)
{
	assert_ok(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, f->ticket));
}

/* Runs `steps` in the folder above, with V for the vault's; hosts forget what they saw. */
static void image(struct fixture *f, const char *steps)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "cd '%s' && V=OSAKA-03.VLT && rm -rf $V [ab]/seen/* [ab]/log/volumes && cp -a before $V && %s",
		 f->dir, steps);
	assert_int_equal(system(command), 0);
}

/* ---- granting ---- */

static void granting_again_only_writes_the_ticket_anew(void **state)
{
	struct fixture *f = *state;

	grant_b(f);
	shell("cp '%s'/KEY0.AGE '%s'/before", f->path, f->dir);
	assert_int_equal(unlink(f->ticket), 0);
	grant_b(f);
	shell("cmp -s '%s'/KEY0.AGE '%s'/before", f->path, f->dir);
	assert_ok(enrol(&f->b, f->ticket));
	assert_ok(enrol(&f->b, f->ticket));
	assert_ok(try_open(&f->b, f->path));
	expect_in_log(&f->a, "\"event\":\"key_add\",\"result\":\"ok\"");
	expect_in_log(&f->b, "\"event\":\"enrol\",\"result\":\"ok\"");
}

static void who_is_no_recipient_grants_nothing(void **state)
{
	struct fixture *f = *state;
	struct age_recipient *to = &f->b.info.recipient;

	assert_err(vault_grant(&f->b.actor, f->path, to, f->ticket), ERR_NO_KEY_FITS);
	assert_int_equal(access(f->ticket, F_OK), -1);
	expect_in_log(&f->b, "\"event\":\"key_add\",\"result\":\"refused\"");
	assert_err(try_open(&f->b, f->path), ERR_NO_KEY_FITS);
}

static void a_grant_without_a_log_is_none(void **state)
{
	struct fixture *f = *state;

	shell("cp -a '%s' '%s'/before", f->path, f->dir);
	shell("mv '%s'/log '%s'/gone", f->a.dir, f->a.dir);
	assert_err(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, NULL), ERR_LOG_WRITE);
	shell("diff -r '%s' '%s'/before", f->path, f->dir);
}

static void a_grant_tells_of_an_unclean_end_before_it_hides_it(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;
	struct volume_attr attr;
	struct vault *v;

	assert_ok(vault_open(&f->a.actor, f->path, false, NULL, &v, &facts));
	assert_ok(volume_make(vault_volume(v), VOLUME_ROOT, "x", S_IFREG | 0600, 0, 0, &attr));
	assert_ok(volume_sync(vault_volume(v)));
	shell("cp -a '%s' '%s'/before", f->path, f->dir); /* what a pulled medium would hold */
	assert_ok(vault_close(v));
	image(f, "true");
	grant_b(f);
	expect_in_log(&f->a, "\"event\":\"unclean\"");
	shell("test $(grep -c '\"event\":\"unclean\"' '%s'/log/host.jsonl) = 1%s", f->a.dir, "");
	assert_ok(try_open(&f->a, f->path));
}

/* ---- crashes ---- */

/* Images "before" and "after" of a grant, from which each step between them is put together. */
static void before_and_after(struct fixture *f)
{
	shell("cp -a '%s' '%s'/before", f->path, f->dir);
	grant_b(f);
	assert_ok(enrol(&f->b, f->ticket));
	shell("cp -a '%s' '%s'/after", f->path, f->dir);
}

static void a_crash_after_any_step_of_a_grant_locks_nobody_out(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *steps;
		bool granted;
	} cases[] = {
		{ "head -c 30000 after/KEY1.AGE | dd of=$V/KEY1.AGE conv=notrunc status=none",
		  false },
		{ "cp after/KEY1.AGE $V", false },
		{ "cp after/KEY1.AGE after/*.SEG $V", false },
		{ "cp after/KEY1.AGE after/*.SEG after/HEAD?.BIN $V", true },
		{ "cp after/KEY1.AGE after/*.SEG after/HEAD?.BIN $V && "
		  "head -c 512 after/KEY0.AGE | dd of=$V/KEY0.AGE conv=notrunc status=none",
		  true },
		{ "cp after/* $V", true },
	};

	before_and_after(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum err err;

		image(f, cases[i].steps);
		if (try_open(&f->a, f->path) != OK)
			fail_msg("step %zu: %s", i, err_detail());
		image(f, cases[i].steps);
		err = try_open(&f->b, f->path);
		if ((err == OK) != cases[i].granted)
			fail_msg("step %zu: %s for b", i, err_name(err));
		image(f, cases[i].steps);
		grant_b(f);
		assert_ok(try_open(&f->b, f->path));
		assert_ok(try_open(&f->a, f->path));
	}
}

static void after_a_grant_either_head_file_alone_opens_the_vault(void **state)
{
	struct fixture *f = *state;

	before_and_after(f);
	for (unsigned i = 0; i < 2; i++) {
		char steps[160];

		snprintf(steps, sizeof(steps),
			 "cp after/* $V && head -c 65536 /dev/urandom >$V/HEAD%u.BIN", i);
		image(f, steps);
		assert_ok(try_open(&f->a, f->path));
		image(f, steps);
		assert_ok(try_open(&f->b, f->path));
	}
}

static void the_key_files_of_before_put_back_are_a_rollback(void **state)
{
	struct fixture *f = *state;

	before_and_after(f);
	image(f, "cp after/* $V && cp before/KEY?.AGE $V");
	assert_err(try_open(&f->a, f->path), ERR_ROLLBACK);
}

/* ---- tickets ---- */

/* A ticket of b's own making, for the vault that the real one names. */
static void forge_ticket(struct fixture *f, const struct age_recipient *to)
{
	struct device d = { 0 };

	assert_ok(vault_grant(&f->a.actor, f->path, &f->b.info.recipient, f->ticket));
	assert_ok(ticket_open(f->ticket, f->b.id, &d));
	secret_free(d.secret);
	assert_ok(secret_random(DEVICE_SECRET_LEN, &d.secret));
	assert_ok(ticket_write(f->ticket, &d, to, f->b.id));
	device_clear(&d);
}

static void a_false_ticket_does_not_take_the_true_secret_away(void **state)
{
	struct fixture *f = *state;

	forge_ticket(f, &f->a.info.recipient);
	assert_err(enrol(&f->a, f->ticket), ERR_EXISTS);
	expect_in_log(&f->a, "\"event\":\"enrol\",\"result\":\"refused\"");
	assert_ok(try_open(&f->a, f->path));
}

static void a_false_ticket_that_came_first_gives_way_to_the_true_one(void **state)
{
	struct fixture *f = *state;

	forge_ticket(f, &f->b.info.recipient);
	assert_ok(enrol(&f->b, f->ticket));
	assert_err(try_open(&f->b, f->path), ERR_FORGED);
	grant_b(f);
	assert_ok(enrol(&f->b, f->ticket));
	assert_ok(try_open(&f->b, f->path));
}

static void two_people_of_one_host_have_a_secret_each(void **state)
{
	struct fixture *f = *state;
	struct vault_actor second = f->a.actor;
	struct device facts;
	struct vault_facts seen;
	struct vault *v;

	/* b sits down at a's computer. */
	second.identity = f->b.id;
	second.name = "b";
	grant_b(f);
	assert_err(vault_open(&second, f->path, false, NULL, &v, &seen), ERR_NOT_ENROLLED);
	assert_ok(vault_enrol(&second, f->ticket, &facts));
	assert_ok(vault_open(&second, f->path, false, NULL, &v, &seen));
	assert_ok(vault_close(v));
	assert_ok(try_open(&f->a, f->path));
}

static void without_a_log_nobody_is_enrolled(void **state)
{
	struct fixture *f = *state;

	grant_b(f);
	shell("mv '%s'/log '%s'/gone", f->b.dir, f->b.dir);
	assert_err(enrol(&f->b, f->ticket), ERR_LOG_WRITE);
	shell("mv '%s'/gone '%s'/log", f->b.dir, f->b.dir);
	assert_err(try_open(&f->b, f->path), ERR_NOT_ENROLLED);
}

static void who_could_not_unlock_a_key_is_refused_and_told(void **state)
{
	struct fixture *f = *state;

	f->a.actor.identity = NULL;
	assert_err(try_open(&f->a, f->path), ERR_PASSPHRASE);
	expect_in_log(&f->a, "\"actor\":\"a\",\"event\":\"unlock_fail\",\"result\":\"refused\"");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(granting_again_only_writes_the_ticket_anew),
		STORY(who_is_no_recipient_grants_nothing),
		STORY(a_grant_without_a_log_is_none),
		STORY(a_grant_tells_of_an_unclean_end_before_it_hides_it),
		STORY(a_crash_after_any_step_of_a_grant_locks_nobody_out),
		STORY(after_a_grant_either_head_file_alone_opens_the_vault),
		STORY(the_key_files_of_before_put_back_are_a_rollback),
		STORY(a_false_ticket_does_not_take_the_true_secret_away),
		STORY(a_false_ticket_that_came_first_gives_way_to_the_true_one),
		STORY(two_people_of_one_host_have_a_secret_each),
		STORY(without_a_log_nobody_is_enrolled),
		STORY(who_could_not_unlock_a_key_is_refused_and_told),
	};

	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}

/* Registers exchanged through real folders: in any order, cut short at any step, with whatever lies in
 * the folder. In the end everybody has the same, and what was revoked is gone. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "access/escrow.h"
#include "access/sync.h"
#include "access/sync_folder.h"
#include "base/io.h"
#include "base/text.h"
#include "org/draft.h"
#include "tests/access/books.h"
#include "tests/check.h"

#define CUT 77 /* exit status of a process that was cut short */

/* ---- a process that ends at its nth change of a file ---- */

static unsigned steps, cut_at; /* 0: never */

static void step(void)
{
	if (++steps == cut_at)
		_exit(CUT);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Half of what was to be written gets there. */
ssize_t write(int fd, const void *data, size_t len)
{
	if (steps + 1 == cut_at && len > 1)
		(void)!REAL(write)(fd, data, len / 2);
	step();
	return REAL(write)(fd, data, len);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	__typeof__(&pwrite) real = (__typeof__(&pwrite))dlsym(RTLD_NEXT, "pwrite64");

	if (steps + 1 == cut_at && len > 1)
		(void)!real(fd, data, len / 2, off);
	step();
	return real(fd, data, len, off);
}

int fsync(int fd)
{
	step();
	return REAL(fsync)(fd);
}

int rename(const char *from, const char *to)
{
	step();
	return REAL(rename)(from, to);
}

int unlink(const char *path)
{
	step();
	return REAL(unlink)(path);
}

int unlinkat(int dir, const char *path, int flags)
{
	step();
	return REAL(unlinkat)(dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	step();
	return REAL(mkdir)(path, mode);
}

/* ---- a society of three hosts ---- */

struct fixture {
	char dir[40], share[64], other[64];
	struct person o, a, b;
	char *path; /* a vault that all of them can open */
	uint8_t volume_id[VOLUME_ID_LEN];
};

static enum err sync_result(struct person *p, const char *dir, struct sync_result *ret)
{
	struct sync_ask ask = { .home = p->home, .dir = dir, .recorder = &p->recorder };

	return vault_sync(&ask, ret);
}

static enum err sync_with(struct person *p, const char *dir)
{
	struct sync_result r;
	enum err err = sync_result(p, dir, &r);

	sync_result_clear(&r);
	return err;
}

static enum err take_first(void *ctx, const struct sync_society *s)
{
	memcpy(ctx, s->org, ORG_ID_LEN);
	return OK;
}

static void join(struct person *p, const char *dir)
{
	uint8_t org[ORG_ID_LEN];

	assert_ok(sync_societies(dir, take_first, org));
	assert_ok(sync_join(p->home, dir, org));
	assert_ok(sync_with(p, dir));
}

static void enrol(struct fixture *f, struct person *who)
{
	struct device d = { 0 };
	char ticket[96];

	snprintf(ticket, sizeof(ticket), "%s/ticket", f->dir);
	assert_ok(vault_grant(&f->o.actor, f->path, &who->info.recipient, ticket));
	assert_ok(vault_enrol(&who->actor, ticket, &d));
}

static void make_vault(struct fixture *f)
{
	struct vault_new what = { .dir = f->dir, .label = "OSAKA-03", .separated = true };
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_create(&f->o.actor, &what, &f->path));
	enrol(f, &f->a);
	enrol(f, &f->b);
	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	memcpy(f->volume_id, facts.volume_id, VOLUME_ID_LEN);
	assert_ok(vault_close(v));
	books_medium(&f->o, f->path, "U-012");
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-sync-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->share, sizeof(f->share), "%s/share", f->dir);
	snprintf(f->other, sizeof(f->other), "%s/other", f->dir);
	assert_int_equal(mkdir(f->share, 0777) || mkdir(f->other, 0777), 0);
	person_make(&f->o, f->dir, "o");
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	books_found(&f->o);
	books_staff(&f->o, &f->a);
	books_staff(&f->o, &f->b);
	books_officer(&f->o, &f->a);
	books_grant(&f->o, &f->b, "*", NULL);
	assert_ok(sync_with(&f->o, f->share));
	join(&f->a, f->share);
	join(&f->b, f->share);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->o);
	person_clear(&f->a);
	person_clear(&f->b);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f->path);
	free(f);
	return 0;
}

static void digest_of(struct person *p, uint8_t out[SHA256_LEN])
{
	struct org_register *r;

	assert_ok(register_open(p->home, &r));
	register_digest(r, out);
	register_free(r);
}

static void same_everywhere(struct fixture *f)
{
	uint8_t o[SHA256_LEN], other[SHA256_LEN];
	struct person *const all[] = { &f->a, &f->b };

	digest_of(&f->o, o);
	for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
		digest_of(all[i], other);
		assert_memory_equal(o, other, SHA256_LEN);
	}
}

static size_t count_in(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	while (d && (entry = readdir(d)) != NULL)
		count += entry->d_name[0] != '.';
	if (d)
		closedir(d);
	return count;
}

/* "DIR/portable-vault-register/ORG/PART" of the only society. */
static void part_of(const struct person *p, const char *dir, const char *part, char out[256])
{
	char hex[2 * ORG_ID_LEN + 1];
	struct org_register *r;

	assert_ok(register_open(p->home, &r));
	text_hex(register_org(r), ORG_ID_LEN, hex);
	register_free(r);
	snprintf(out, 256, "%s/" SYNC_FOLDER "/%s/%s", dir, hex, part);
}

/* ---- any order ---- */

static uint64_t random_state;

static unsigned pick(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

static void state_something(struct person *p, unsigned n)
{
	char what[33];

	snprintf(what, sizeof(what), "c%u", n);
	books_grant(p, p, what, NULL);
}

/* In a process of its own, which may end before it is through. */
static int sync_cut(struct person *p, const char *dir, unsigned at)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		steps = 0;
		cut_at = at;
		_exit(sync_with(p, dir) == OK ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void a_random_week(struct fixture *f)
{
	struct person *const all[] = { &f->o, &f->a, &f->b };

	for (unsigned n = 0; n < 12; n++) {
		struct person *p = all[pick(3)];
		const char *dir = pick(3) ? f->share : f->other;

		if (pick(3) == 0 && p != &f->b)
			state_something(p, n);
		if (pick(4) == 0)
			assert_true(sync_cut(p, dir, 1 + pick(30)) != 1);
		else
			assert_ok(sync_with(p, dir));
	}
}

static void hosts_that_synced_in_any_order_hold_the_same_register(void **state)
{
	struct fixture *f = *state;
	struct person *const all[] = { &f->o, &f->a, &f->b };

	for (unsigned seed = 1; seed <= 8; seed++) {
		random_state = seed;
		a_random_week(f);
		for (unsigned round = 0; round < 3; round++)
			for (unsigned i = 0; i < 3; i++)
				assert_ok(sync_with(all[(i + seed) % 3], f->share));
		same_everywhere(f);
	}
}

static void a_sync_with_nothing_new_writes_nothing(void **state)
{
	struct fixture *f = *state;
	struct person *const all[] = { &f->o, &f->a, &f->b };
	char statements[256];
	struct sync_result r;
	size_t count;

	for (unsigned i = 0; i < 9; i++)
		assert_ok(sync_with(all[i % 3], f->share));
	part_of(&f->o, f->share, "statements", statements);
	count = count_in(statements);
	for (unsigned i = 0; i < 9; i++) {
		assert_ok(sync_result(all[i % 3], f->share, &r));
		assert_int_equal(r.came + r.went + r.sealed_came + r.sealed_went, 0);
		assert_false(r.reported);
		sync_result_clear(&r);
	}
	assert_int_equal(count_in(statements), count);
	same_everywhere(f);
}

static void a_host_that_is_not_registered_fetches_and_reports_later(void **state)
{
	struct fixture *f = *state;
	struct sync_result r;
	struct person c;
	uint8_t org[ORG_ID_LEN];

	person_make(&c, f->dir, "c");
	assert_ok(sync_societies(f->share, take_first, org));
	assert_ok(sync_join(c.home, f->share, org));
	assert_err(sync_join(c.home, f->share, org), ERR_EXISTS);
	assert_ok(sync_result(&c, f->share, &r));
	assert_true(r.unregistered && !r.reported && r.came > 0 && r.went == 0);
	sync_result_clear(&r);
	books_staff(&f->o, &c);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_result(&c, f->share, &r));
	assert_true(!r.unregistered && r.reported && r.went == 1);
	sync_result_clear(&r);
	person_clear(&c);
}

/* ---- cut short ---- */

/* That it is gone is in the log, and the officer hears of it. */
static void destruction_is_told(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf pending = { 0 };
	struct society s = { 0 };

	assert_ok(io_read_file(home_log_path(f->a.home), 1u << 20, &text));
	assert_non_null(strstr(text.data, "\"event\":\"erase\""));
	assert_ok(society_load(f->o.home, &s));
	assert_ok(held_pending(s.roster, f->volume_id, NULL, &pending));
	assert_true(pending.len == 0 || !strstr(pending.data, "host-a"));
	society_clear(&s);
}

static void a_sync_that_is_cut_short_at_any_step_is_finished_by_the_next(void **state)
{
	struct fixture *f = *state;
	struct person *const all[] = { &f->o, &f->a, &f->b };
	unsigned at = 0;
	int how;

	make_vault(f);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_with(&f->a, f->share));
	books_revoke(&f->o, "U-012");
	state_something(&f->a, 1);
	assert_ok(sync_with(&f->o, f->share));
	shell("mkdir '%s/keep' && cd '%s' && cp -a o a b share keep", f->dir, f->dir);
	do {
		shell("cd '%s' && rm -rf o a b share && cp -a keep/. .%s", f->dir, "");
		for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
			audit_log_close(all[i]->log);
			assert_ok(vault_host_recorder(all[i]->home, &all[i]->log,
						      &all[i]->recorder));
		}
		how = sync_cut(&f->a, f->share, ++at);
		assert_int_not_equal(how, 1);
		/* Nobody else meets anything of it. */
		assert_ok(sync_with(&f->b, f->share));
		assert_ok(sync_with(&f->a, f->share));
		assert_ok(sync_with(&f->b, f->share));
		assert_ok(sync_with(&f->o, f->share));
		assert_ok(sync_with(&f->a, f->share));
		assert_ok(sync_with(&f->b, f->share));
		same_everywhere(f);
		assert_int_equal(count_in(home_devices_dir(f->a.home)), 0);
		destruction_is_told(f);
	} while (how == CUT && at < 400);
	assert_int_equal(how, 0);
	assert_true(at > 20);
}

/* ---- what was revoked ---- */

static void a_lost_medium_is_destroyed_on_every_host_and_that_is_told(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf pending = { 0 };
	struct society s = { 0 };
	struct sync_result r;

	make_vault(f);
	for (unsigned i = 0; i < 2; i++) {
		assert_ok(sync_with(&f->o, f->share));
		assert_ok(sync_with(&f->a, f->share));
		assert_ok(sync_with(&f->b, f->share));
	}
	books_revoke(&f->o, "U-012");
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_result(&f->a, f->share, &r));
	assert_int_equal(r.destroyed.count, 1);
	assert_string_equal(r.destroyed.numbers, "U-012");
	assert_true(r.reported);
	sync_result_clear(&r);
	assert_int_equal(count_in(home_devices_dir(f->a.home)), 0);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(society_load(f->o.home, &s));
	assert_ok(held_pending(s.roster, f->volume_id, NULL, &pending));
	assert_string_equal(pending.data, "host-b");
	society_clear(&s);
	buf_clear(&pending);
	assert_ok(sync_with(&f->b, f->share));
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(society_load(f->o.home, &s));
	assert_ok(held_pending(s.roster, f->volume_id, NULL, &pending));
	assert_int_equal(pending.len, 0);
	society_clear(&s);
	/* Once is enough. */
	assert_ok(sync_result(&f->a, f->share, &r));
	assert_int_equal(r.destroyed.count, 0);
	sync_result_clear(&r);
}

static void what_is_revoked_is_destroyed_even_where_nothing_can_be_written_down(void **state)
{
	struct fixture *f = *state;
	char statements[128], moved[128];

	make_vault(f);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_with(&f->a, f->share));
	books_revoke(&f->o, "U-012");
	assert_ok(sync_with(&f->o, f->share));
	/* The register's file cannot be appended to. */
	snprintf(statements, sizeof(statements), "%s/statements.txt", home_register_dir(f->a.home));
	snprintf(moved, sizeof(moved), "%s/moved.txt", home_register_dir(f->a.home));
	assert_int_equal(rename(statements, moved), 0);
	assert_int_equal(symlink(moved, statements), 0);
	assert_true(sync_with(&f->a, f->share) != OK);
	assert_int_equal(count_in(home_devices_dir(f->a.home)), 0);
}

/* ---- what lies in the folder ---- */

static void put(const char *dir, const char *name, const char *text, size_t len)
{
	char path[400];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_ok(io_replace_file(path, text, len, 0644));
}

static void expect_fault(struct fixture *f, enum err want, const char *name)
{
	struct sync_result r;
	size_t found = 0;

	assert_err(sync_result(&f->b, f->share, &r), want);
	for (size_t i = 0; i < r.fault_count; i++)
		found += r.faults[i].what == want && strcmp(r.faults[i].name, name) == 0;
	assert_int_equal(found, 1);
	sync_result_clear(&r);
}

/* A statement that b does not have yet, as it lies in the folder. */
static void state_fresh(struct fixture *f, unsigned n, char name[SYNC_NAME], struct buf *text)
{
	struct org_register *r;
	char statements[256];

	state_something(&f->o, n);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(register_open(f->o.home, &r));
	for (size_t i = 0; i < register_count(r); i++) {
		const struct statement *s = register_at(r, i);

		if (s->kind != STATEMENT_GRANT)
			continue;
		sync_print_name(s->id, name);
		buf_clear(text);
		assert_ok(buf_append(text, s->text, s->len));
	}
	register_free(r);
	part_of(&f->o, f->share, "statements", statements);
}

static void a_changed_a_cut_and_a_foreign_file_are_named_and_nothing_else_is_kept_back(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	char statements[256], name[SYNC_NAME], alien[SYNC_NAME];
	uint8_t before[SHA256_LEN], after[SHA256_LEN];

	part_of(&f->o, f->share, "statements", statements);
	state_fresh(f, 1, name, &text);
	text.data[text.len / 2] ^= 1;
	put(statements, name, text.data, text.len);
	digest_of(&f->b, before);
	expect_fault(f, ERR_LOG_TAMPERED, name);
	digest_of(&f->b, after);
	assert_memory_not_equal(before, after, SHA256_LEN); /* the officer's report came */
	text.data[text.len / 2] ^= 1;
	for (size_t len = 0; len < text.len; len += 1 + len / 3) {
		put(statements, name, text.data, len);
		expect_fault(f, ERR_LOG_GAP, name);
	}
	memset(text.data + text.len / 2, 0, text.len - text.len / 2);
	put(statements, name, text.data, text.len);
	expect_fault(f, ERR_LOG_GAP, name);
	memset(alien, 'f', sizeof(alien));
	strcpy(alien + 64, ".txt");
	put(statements, alien, "hello\n", 6);
	/* Who has the true one puts it right. */
	assert_err(sync_with(&f->o, f->share), ERR_LOG_GAP);
	expect_fault(f, ERR_LOG_TAMPERED, alien);
	shell("rm '%s/%s'", statements, alien);
	assert_ok(sync_with(&f->b, f->share));
	assert_ok(sync_with(&f->a, f->share));
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_with(&f->a, f->share));
	assert_ok(sync_with(&f->b, f->share));
	same_everywhere(f);
}

static void what_is_no_file_of_ours_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char statements[256], path[400];

	part_of(&f->o, f->share, "statements", statements);
	put(statements, "README", "hello", 5);
	put(statements, "abc.txt", "hello", 5);
	put(statements, ".vault-1-2.tmp", "half a state", 12);
	snprintf(path, sizeof(path), "%s/.vault-3-4.tmp", statements);
	shell("cp '%s/README' '%s'", statements, path);
	shell("touch -d '3 days ago' '%s'%s", path, "");
	assert_ok(sync_with(&f->b, f->share));
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof(path), "%s/.vault-1-2.tmp", statements);
	assert_int_equal(access(path, F_OK), 0);
}

static void links_pipes_and_folders_are_not_followed(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_clear) struct buf text = { 0 };
	char statements[256], name[SYNC_NAME], path[400];
	struct sync_result r;

	part_of(&f->o, f->share, "statements", statements);
	state_fresh(f, 1, name, &text);
	put(f->dir, "elsewhere", text.data, text.len);
	snprintf(path, sizeof(path), "%s/%s", statements, name);
	assert_int_equal(unlink(path), 0);
	shell("ln -s '%s/elsewhere' '%s'", f->dir, path);
	expect_fault(f, ERR_LOG_TAMPERED, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_fault(f, ERR_LOG_TAMPERED, name);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	expect_fault(f, ERR_LOG_TAMPERED, name);
	/* Nor does the officer write through one. */
	assert_int_equal(rmdir(path), 0);
	shell("ln -s '%s/elsewhere' '%s'", f->dir, path);
	put(f->dir, "elsewhere", "mine", 4);
	assert_err(sync_result(&f->o, f->share, &r), ERR_LOG_TAMPERED);
	sync_result_clear(&r);
	snprintf(path, sizeof(path), "%s/elsewhere", f->dir);
	assert_ok(io_read_file(path, 100, &text));
	assert_string_equal(text.data, "mine");
	assert_ok(sync_with(&f->b, f->share));
}

/* ---- copies for the recovery key ---- */

static void recovery_and_vault(struct fixture *f, struct age_recipient *key)
{
	struct age_identity *id;

	assert_ok(age_identity_new_random(&id));
	age_identity_recipient(id, key);
	age_identity_free(id);
	books_recovery(&f->o, key);
	make_vault(f);
}

static void copies_go_both_ways_and_false_ones_do_not(void **state)
{
	struct fixture *f = *state;
	char escrow[256], here[160], false_name[ESCROW_NAME], path[400];
	struct age_recipient key;
	struct sync_result r;
	DIR *d;
	struct dirent *entry;

	recovery_and_vault(f, &key);
	assert_ok(sync_with(&f->o, f->share));
	part_of(&f->o, f->share, "escrow", escrow);
	assert_int_equal(count_in(escrow), 1);
	d = opendir(escrow);
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.')
			text_copy(false_name, sizeof(false_name), entry->d_name);
	closedir(d);
	/* The name of a file of the host's own: nothing of it leaves. */
	memset(false_name + 83, 'e', 16);
	put(f->dir, "secret", "a secret of this host", 21);
	snprintf(path, sizeof(path), "%s/%s", escrow, false_name);
	shell("ln -s '%s/secret' '%s'", f->dir, path);
	assert_err(sync_result(&f->b, f->share, &r), ERR_INVALID);
	sync_result_clear(&r);
	snprintf(here, sizeof(here), "%s/escrow", home_register_dir(f->b.home));
	assert_int_equal(count_in(here), 1);
	assert_int_equal(unlink(path), 0);
	put(escrow, false_name, "a secret of this host", 21);
	assert_err(sync_with(&f->b, f->share), ERR_BAD_FORMAT);
	assert_int_equal(count_in(here), 1);
	assert_int_equal(unlink(path), 0);
	assert_ok(sync_with(&f->b, f->share));
	books_revoke(&f->o, "U-012");
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(sync_with(&f->b, f->share));
	assert_int_equal(count_in(escrow), 0);
	assert_int_equal(count_in(here), 0);
}

static void a_new_recovery_key_takes_the_place_of_the_old_copies(void **state)
{
	struct fixture *f = *state;
	char escrow[256];
	struct age_recipient key;
	struct age_identity *id;
	struct vault_facts facts;
	struct vault *v;

	recovery_and_vault(f, &key);
	assert_ok(sync_with(&f->o, f->share));
	assert_ok(age_identity_new_random(&id));
	age_identity_recipient(id, &key);
	age_identity_free(id);
	books_recovery(&f->o, &key);
	assert_ok(sync_with(&f->o, f->share));
	part_of(&f->o, f->share, "escrow", escrow);
	assert_int_equal(count_in(escrow), 1);
	assert_ok(vault_open(&f->o.actor, f->path, false, NULL, &v, &facts));
	assert_ok(vault_close(v));
	assert_ok(sync_with(&f->o, f->share));
	assert_int_equal(count_in(escrow), 1);
	assert_ok(sync_with(&f->b, f->share));
	assert_ok(sync_with(&f->o, f->share));
	assert_int_equal(count_in(escrow), 1);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(hosts_that_synced_in_any_order_hold_the_same_register),
		STORY(a_sync_with_nothing_new_writes_nothing),
		STORY(a_host_that_is_not_registered_fetches_and_reports_later),
		STORY(a_sync_that_is_cut_short_at_any_step_is_finished_by_the_next),
		STORY(a_lost_medium_is_destroyed_on_every_host_and_that_is_told),
		STORY(what_is_revoked_is_destroyed_even_where_nothing_can_be_written_down),
		STORY(a_changed_a_cut_and_a_foreign_file_are_named_and_nothing_else_is_kept_back),
		STORY(what_is_no_file_of_ours_is_passed_over),
		STORY(links_pipes_and_folders_are_not_followed),
		STORY(copies_go_both_ways_and_false_ones_do_not),
		STORY(a_new_recovery_key_takes_the_place_of_the_old_copies),
	};

	return cmocka_run_group_tests_name("access/sync", tests, NULL, NULL);
}

/* The register travels in the vault; nothing in a vault makes the register worse or keeps the vault
 * closed. And states that do not follow from what is known: reported by other hosts, adopted by an
 * officer, and refused again wherever nobody adopted them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "base/text.h"
#include "crypto/random.h"
#include "org/draft.h"
#include "tests/access/books.h"
#include "tests/check.h"

/* The officer o, a and b of the staff; c belongs to no society. All four may open o's vault. */
struct fixture {
	char dir[64];
	struct person o, a, b, c;
	char *path;
	uint8_t volume_id[VOLUME_ID_LEN];
};

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
	enrol(f, &f->c);
	assert_ok(vault_open(&f->o.actor, f->path, true, NULL, &v, &facts));
	memcpy(f->volume_id, facts.volume_id, VOLUME_ID_LEN);
	assert_ok(vault_close(v));
}

static void make_society(struct fixture *f)
{
	books_found(&f->o);
	books_staff(&f->o, &f->a);
	books_staff(&f->o, &f->b);
	books_staff(&f->o, &f->c);
	books_grant(&f->o, &f->a, "*", NULL);
	books_grant(&f->o, &f->b, "*", NULL);
	books_medium(&f->o, f->path, "U-012");
	books_carry(&f->o, &f->a);
	books_carry(&f->o, &f->b);
}

static int setup_alone(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-carry-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->o, f->dir, "o");
	person_make(&f->a, f->dir, "a");
	person_make(&f->b, f->dir, "b");
	person_make(&f->c, f->dir, "c");
	make_vault(f);
	*state = f;
	return 0;
}

static int setup(void **state)
{
	setup_alone(state);
	make_society(*state);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->o);
	person_clear(&f->a);
	person_clear(&f->b);
	person_clear(&f->c);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f->path);
	free(f);
	return 0;
}

/* ---- short forms ---- */

static struct vault_facts open_and_close(struct fixture *f, struct person *p, bool read_only)
{
	struct vault_facts facts;
	struct vault *v;

	assert_ok(vault_open(&p->actor, f->path, read_only, NULL, &v, &facts));
	assert_ok(vault_close(v));
	return facts;
}

static struct vault_facts use(struct fixture *f, struct person *p)
{
	return open_and_close(f, p, false);
}

static struct vault_facts look(struct fixture *f, struct person *p)
{
	return open_and_close(f, p, true);
}

static enum err try_open(struct fixture *f, struct person *p, bool read_only)
{
	struct vault_facts facts;
	struct vault *v;
	enum err err = vault_open(&p->actor, f->path, read_only, NULL, &v, &facts);

	if (err == OK)
		assert_ok(vault_close(v));
	return err;
}

static size_t statements(struct person *p)
{
	struct org_register *r;
	size_t count;

	assert_ok(register_open(p->home, &r));
	count = register_count(r);
	register_free(r);
	return count;
}

static void expect_logged(struct person *p, const char *what, bool is_there)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -q '%s' '%s'/log/host.jsonl", what, p->dir);
	assert_int_equal(system(command) == 0, is_there);
}

static void save(struct fixture *f, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s/%s' && cp -a '%s' '%s/%s'", f->dir, name,
		 f->path, f->dir, name);
	assert_int_equal(system(command), 0);
}

static void put_back(struct fixture *f, const char *name)
{
	char command[256];

	snprintf(command, sizeof(command), "rm -rf '%s' && cp -a '%s/%s' '%s'", f->path, f->dir,
		 name, f->path);
	assert_int_equal(system(command), 0);
}

/* ---- notes as nobody of us writes them ---- */

static void unlock(struct fixture *f, struct person *p, struct vault *ret)
{
	*ret = (struct vault){ 0 };
	assert_ok(vault_unlock(&p->actor, f->path, false, ret));
}

static void put_note(struct fixture *f, struct person *by, const void *data, size_t len)
{
	struct vault v;

	unlock(f, by, &v);
	assert_ok(vault_settle(&v));
	assert_ok(note_put(v.store, NOTE_REGISTER, data, len));
	assert_ok(vault_commit(&v, true));
	assert_ok(vault_remember(&v, true));
	vault_clear(&v);
}

static void get_note(struct fixture *f, struct person *by, struct buf *ret)
{
	struct vault v;
	enum err err;

	unlock(f, by, &v);
	err = note_get(v.store, NOTE_REGISTER, ret);
	if (err != ERR_NOT_FOUND)
		assert_ok(err);
	vault_clear(&v);
}

static size_t note_statements(struct fixture *f)
{
	CLEANUP(buf_clear) struct buf note = { 0 };
	struct org_register *r;
	size_t count;

	get_note(f, &f->c, &note);
	if (note.len == 0)
		return 0;
	assert_ok(register_read(note.data, note.len, &r));
	count = register_count(r);
	register_free(r);
	return count;
}

/* ---- the register travels ---- */

static void what_the_officer_wrote_comes_with_the_stick(void **state)
{
	struct fixture *f = *state;

	books_policy(&f->o, "idle-seconds 600");
	assert_int_equal(note_statements(f), 0);
	use(f, &f->o);
	assert_int_equal(note_statements(f), statements(&f->o));
	assert_true(statements(&f->a) < statements(&f->o));
	look(f, &f->a);
	assert_int_equal(statements(&f->a), statements(&f->o));
	expect_logged(&f->a, "\"event\":\"sync\"", true);
	use(f, &f->b);
	assert_int_equal(statements(&f->b), statements(&f->o));
}

static void what_a_host_reported_goes_back_with_it(void **state)
{
	struct fixture *f = *state;
	size_t before;

	use(f, &f->o);
	books_report(&f->a, f->volume_id);
	before = statements(&f->o);
	look(f, &f->a);
	look(f, &f->o);
	assert_int_equal(statements(&f->o), before); /* who only looks writes nothing */
	use(f, &f->a);
	look(f, &f->o);
	assert_int_equal(statements(&f->o), before + 1);
}

static void a_revocation_is_in_force_as_soon_as_the_stick_tells_it(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	assert_ok(try_open(f, &f->a, true));
	books_revoke(&f->o, "a");
	books_carry(&f->o, &f->b);
	books_burn(&f->o);
	/* The stick knows it, and keeps its key yet, since who wrote it there was no host of ours. */
	{
		CLEANUP(buf_clear) struct buf text = { 0 };
		struct org_register *r;

		assert_ok(register_open(f->b.home, &r));
		assert_ok(register_print(r, &text));
		register_free(r);
		put_note(f, &f->c, text.data, text.len);
	}
	assert_err(try_open(f, &f->a, true), ERR_REVOKED_KEY);
	assert_err(try_open(f, &f->a, true), ERR_REVOKED_KEY);
}

static void a_host_without_a_society_joins_none(void **state)
{
	struct fixture *f = *state;
	size_t before;

	use(f, &f->o);
	before = note_statements(f);
	use(f, &f->c);
	assert_int_equal(statements(&f->c), 0);
	assert_int_equal(note_statements(f), before);
}

static void a_vault_on_nobodys_register_gets_none(void **state)
{
	struct fixture *f = *state;
	struct vault_new what = { .dir = f->dir, .label = "PRIVATE", .separated = true };
	char *path;

	assert_ok(vault_create(&f->o.actor, &what, &path));
	free(f->path);
	f->path = path;
	use(f, &f->o);
	{
		CLEANUP(buf_clear) struct buf note = { 0 };

		get_note(f, &f->o, &note);
		assert_int_equal(note.len, 0);
	}
}

static void the_register_of_another_society_is_told_and_left_alone(void **state)
{
	CLEANUP(buf_clear) struct buf before = { 0 }, after = { 0 };
	struct fixture *f = *state;
	struct org_register *r;
	size_t mine = statements(&f->o);

	books_found(&f->c); /* a society of its own */
	assert_ok(register_open(f->c.home, &r));
	assert_ok(register_print(r, &before));
	register_free(r);
	books_burn(&f->c);
	put_note(f, &f->c, before.data, before.len);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(look(f, &f->o).register_in_vault, ERR_SENDER);
		assert_int_equal(use(f, &f->o).register_in_vault, ERR_SENDER);
	}
	expect_logged(&f->o, "\"event\":\"sync\",\"result\":\"refused\",\"reason\":\"SENDER\"", true);
	get_note(f, &f->c, &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
	assert_int_equal(statements(&f->o), mine);
}

static void expect_bad_note(struct fixture *f, const void *data, size_t len, enum err want)
{
	size_t mine = statements(&f->o);

	put_note(f, &f->c, data, len);
	assert_int_equal(look(f, &f->o).register_in_vault, want);
	assert_int_equal(statements(&f->o), mine);
	assert_int_equal(use(f, &f->o).register_in_vault, want);
	assert_int_equal(look(f, &f->o).register_in_vault, OK); /* made good */
	assert_int_equal(note_statements(f), mine);
}

static void a_damaged_or_hostile_note_is_told_and_made_good(void **state)
{
	CLEANUP(buf_clear) struct buf good = { 0 };
	struct fixture *f = *state;
	uint8_t *junk = malloc(NOTE_MAX);
	char *changed;

	use(f, &f->o);
	get_note(f, &f->c, &good);
	expect_bad_note(f, "?", 1, ERR_BAD_FORMAT);
	expect_bad_note(f, good.data, good.len - 30, ERR_BAD_FORMAT);
	memset(junk, '\n', NOTE_MAX);
	expect_bad_note(f, junk, NOTE_MAX, ERR_BAD_FORMAT);
	random_bytes(junk, 100000);
	expect_bad_note(f, junk, 100000, ERR_BAD_FORMAT);
	changed = strstr(good.data, "U-012");
	assert_non_null(changed);
	changed[2] = '9';
	expect_bad_note(f, good.data, good.len, ERR_FORGED);
	expect_logged(&f->o, "\"event\":\"sync\",\"result\":\"failed\",\"reason\":\"FORGED\"", true);
	free(junk);
}

/* Pieces of a note without its beginning: whoever has a key can write that. */
static void a_note_without_its_beginning_keeps_nobody_out(void **state)
{
	struct store_key key = { .kind = 7, .offset = UINT64_C(1) << 32 };
	struct fixture *f = *state;
	uint8_t *long_note = calloc(1, 300000);
	struct vault v;

	put_note(f, &f->c, long_note, 300000);
	unlock(f, &f->c, &v);
	assert_ok(vault_settle(&v));
	assert_ok(store_write_begin(v.store, 1, true));
	assert_ok(store_delete(v.store, &key));
	store_write_end(v.store);
	assert_ok(vault_commit(&v, true));
	assert_ok(vault_remember(&v, true));
	vault_clear(&v);
	assert_int_equal(look(f, &f->o).register_in_vault, ERR_MALFORMED);
	use(f, &f->o);
	assert_int_equal(look(f, &f->o).register_in_vault, OK);
	free(long_note);
}

/* ---- what other hosts reported ---- */

static struct seen seen_by(struct fixture *f, struct person *p)
{
	struct seen seen;

	assert_ok(seen_load(p->home, f->volume_id, &seen));
	return seen;
}

static void report_this(struct fixture *f, struct person *p, const struct seen *seen,
			bool with_session)
{
	char volume[33], super[65], session[33] = "";
	const struct sign_key *key;
	struct draft draft = { 0 };
	struct org_register *r;

	text_hex(f->volume_id, VOLUME_ID_LEN, volume);
	text_hex(seen->super_sha256, SHA256_LEN, super);
	if (with_session)
		text_hex(seen->session_id, sizeof(seen->session_id), session);
	assert_ok(draft_addf(&draft, "state", "%s %u %llu %s 1700000000 %s%s%s", volume, seen->epoch,
			     (unsigned long long)seen->generation, super,
			     seen->clean ? "clean" : "open", with_session ? " " : "", session));
	assert_ok(register_open(p->home, &r));
	assert_ok(home_host_key(p->home, &key));
	assert_ok(register_write(r, STATEMENT_REPORT, draft.fields, draft.count, key, NULL));
	register_free(r);
	draft_clear(&draft);
}

static void report_state(struct fixture *f, struct person *p)
{
	struct seen seen = seen_by(f, p);

	report_this(f, p, &seen, true);
}

static void forget(struct person *p)
{
	shell("cd '%s' && rm -rf seen/* log/volumes%s", p->dir, "");
}

static void what_another_host_reported_is_known_here(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	save(f, "old");
	for (unsigned i = 0; i < 3; i++)
		use(f, &f->a);
	report_state(f, &f->a);
	look(f, &f->o);
	books_carry(&f->a, &f->b);
	save(f, "new");
	put_back(f, "old");
	forget(&f->b);
	assert_err(try_open(f, &f->b, false), ERR_ROLLBACK);
	assert_err(try_open(f, &f->b, true), ERR_ROLLBACK);
	assert_ok(try_open(f, &f->c, false)); /* who was told nothing cannot know */
	put_back(f, "new");
	assert_ok(try_open(f, &f->b, false));
}

/* The number that was reported belongs to another state here. */
static void a_fork_shows_by_a_number_that_was_given_twice(void **state)
{
	struct fixture *f = *state;

	struct seen other;

	use(f, &f->o);
	use(f, &f->c);
	other = seen_by(f, &f->c); /* the next session opens this one, and says so */
	for (unsigned i = 0; i < 3; i++)
		use(f, &f->c);
	other.super_sha256[0] ^= 1;
	report_this(f, &f->a, &other, false);
	books_carry(&f->a, &f->b);
	forget(&f->b);
	assert_err(try_open(f, &f->b, false), ERR_FORK);
	assert_true(look(f, &f->b).forked);
	assert_err(try_open(f, &f->b, false), ERR_FORK);
}

/* What follows from a state that was reported names it in its log, however great its number is. */
static void a_fork_from_what_was_reported_shows_by_its_log(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	save(f, "old");
	use(f, &f->a);
	report_state(f, &f->a);
	books_carry(&f->a, &f->b);
	save(f, "new");
	put_back(f, "old");
	do
		use(f, &f->c);
	while (seen_by(f, &f->c).generation <= seen_by(f, &f->a).generation + 20);
	forget(&f->b);
	assert_err(try_open(f, &f->b, false), ERR_FORK);
	assert_true(look(f, &f->b).forked);
	put_back(f, "new");
	forget(&f->c);
	for (unsigned i = 0; i < 20; i++)
		use(f, &f->c);
	assert_ok(try_open(f, &f->b, false));
}

static void what_follows_from_a_report_is_no_alarm(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	for (unsigned i = 0; i < 6; i++) {
		struct person *p = i % 2 ? &f->a : &f->b;
		struct vault_facts facts;
		struct vault *v;

		assert_ok(vault_open(&p->actor, f->path, false, NULL, &v, &facts));
		assert_ok(vault_close(v));
		report_state(f, p);
		books_carry(p, &f->o);
		books_carry(&f->o, &f->a);
		books_carry(&f->o, &f->b);
		if (i % 3 == 0)
			forget(&f->b);
		assert_false(use(f, &f->b).forked);
		use(f, &f->c);
		assert_false(look(f, &f->o).forked);
	}
}

/* ---- adopting ---- */

static void adopt(struct fixture *f, struct person *p, bool stated)
{
	struct vault_adopted got;

	assert_ok(vault_adopt(&p->actor, f->path, &got));
	assert_string_equal(got.label, "OSAKA-03");
	assert_int_equal(got.stated, stated);
	assert_false(got.pending);
}

static void without_a_society_each_host_adopts_for_itself(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	use(f, &f->c);
	save(f, "old");
	use(f, &f->o);
	use(f, &f->c);
	save(f, "lost");
	put_back(f, "old");
	assert_err(try_open(f, &f->o, false), ERR_ROLLBACK);
	assert_err(try_open(f, &f->c, false), ERR_ROLLBACK);
	adopt(f, &f->o, false);
	assert_ok(try_open(f, &f->o, false));
	assert_err(try_open(f, &f->c, false), ERR_FORK);
	adopt(f, &f->c, false);
	assert_ok(try_open(f, &f->c, false));
	assert_ok(try_open(f, &f->o, false)); /* the second follows from the first */
	save(f, "now");
	put_back(f, "lost");
	assert_err(try_open(f, &f->o, false), ERR_ROLLBACK);
	put_back(f, "old");
	assert_err(try_open(f, &f->c, false), ERR_ROLLBACK);
	put_back(f, "now");
	assert_ok(try_open(f, &f->o, false));
}

static void adopting_names_both_heads_in_both_logs(void **state)
{
	struct fixture *f = *state;
	struct vault v;
	char line[JOURNAL_LINE_MAX + 1], want[64];
	struct seen before;
	uint64_t count;
	size_t len;

	use(f, &f->o);
	save(f, "old");
	use(f, &f->o);
	assert_ok(seen_load(f->o.home, f->volume_id, &before));
	put_back(f, "old");
	adopt(f, &f->o, true);
	snprintf(want, sizeof(want), "\"event\":\"rollback\".*\"generation\":%llu",
		 (unsigned long long)before.generation);
	expect_logged(&f->o, want, true);
	expect_logged(&f->o, "\"event\":\"adopt\",\"result\":\"ok\"", true);
	unlock(f, &f->o, &v);
	assert_ok(journal_count(v.store, &count));
	assert_ok(journal_line(v.store, count - 2, line, &len));
	assert_non_null(strstr(line, "{\"event\":\"adopt\""));
	snprintf(want, sizeof(want), "\"over\":{\"epoch\":1,\"generation\":%llu,",
		 (unsigned long long)before.generation);
	assert_non_null(strstr(line, want));
	assert_ok(journal_line(v.store, count - 1, line, &len));
	assert_non_null(strstr(line, "{\"event\":\"adopted\""));
	assert_true(v.facts.store.generation > before.generation);
	vault_clear(&v);
}

/* The statement comes with the vault itself, or by a sync before it. */
static void other_hosts_accept_it_with_the_officers_word_and_only_then(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;

	for (unsigned i = 0; i < 2; i++) {
		use(f, &f->o);
		use(f, &f->c);
		save(f, "old");
		use(f, &f->a);
		use(f, &f->b);
		use(f, &f->c);
		put_back(f, "old");
		assert_err(try_open(f, &f->a, false), ERR_ROLLBACK);
		adopt(f, &f->o, true);
		if (i == 1) {
			books_carry(&f->o, &f->a);
			books_carry(&f->o, &f->b);
		}
		facts = look(f, &f->a);
		assert_false(facts.forked);
		assert_true(facts.adopted);
		expect_logged(&f->a, "\"event\":\"adopt\",\"result\":\"ok\"", true);
		facts = use(f, &f->a);
		assert_false(facts.adopted);
		facts = use(f, &f->b);
		assert_true(facts.adopted);
		assert_err(try_open(f, &f->c, false), ERR_FORK); /* of no society */
		forget(&f->c);
	}
}

static void an_officers_word_is_good_for_one_vault_once(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	save(f, "old");
	use(f, &f->a);
	use(f, &f->a);
	save(f, "lost");
	put_back(f, "old");
	adopt(f, &f->o, true);
	save(f, "adopted");
	use(f, &f->a); /* accepts it, and goes on from there */
	use(f, &f->a);
	save(f, "now");
	/* The adopted state itself, put back later and used beside what followed from it. */
	put_back(f, "adopted");
	assert_err(try_open(f, &f->a, false), ERR_ROLLBACK);
	do
		use(f, &f->c);
	while (seen_by(f, &f->c).generation <= seen_by(f, &f->a).generation);
	assert_err(try_open(f, &f->a, false), ERR_FORK);
	/* The branch that was given up, used on until it is the newer one. */
	put_back(f, "lost");
	assert_err(try_open(f, &f->a, false), ERR_ROLLBACK);
	forget(&f->c);
	do
		use(f, &f->c);
	while (seen_by(f, &f->c).generation <= seen_by(f, &f->a).generation);
	assert_err(try_open(f, &f->a, false), ERR_FORK);
	/* A backup that nobody adopted. */
	put_back(f, "old");
	assert_err(try_open(f, &f->a, false), ERR_ROLLBACK);
	put_back(f, "now");
	assert_ok(try_open(f, &f->a, false));
	assert_ok(try_open(f, &f->o, false));
}

static void only_an_officer_adopts(void **state)
{
	struct fixture *f = *state;
	struct vault_adopted got;

	use(f, &f->o);
	save(f, "old");
	use(f, &f->a);
	put_back(f, "old");
	assert_err(vault_adopt(&f->a.actor, f->path, &got), ERR_NOT_OFFICER);
	expect_logged(&f->a, "\"event\":\"adopt\",\"result\":\"refused\"", true);
	assert_err(try_open(f, &f->a, false), ERR_ROLLBACK);
	shell("diff -r '%s' '%s/old'", f->path, f->dir);
}

static void a_second_officer_approves_where_two_are_needed(void **state)
{
	struct fixture *f = *state;
	struct vault_adopted got;

	books_officer(&f->o, &f->a);
	books_policy(&f->o, "second-officer on");
	use(f, &f->o);
	look(f, &f->b);
	save(f, "old");
	use(f, &f->b);
	put_back(f, "old");
	assert_ok(vault_adopt(&f->o.actor, f->path, &got));
	assert_true(got.stated && got.pending);
	assert_err(try_open(f, &f->b, false), ERR_FORK);
	look(f, &f->a);
	{
		struct org_register *r;
		struct draft d = { 0 };
		struct sign_key *key;

		assert_ok(register_open(f->a.home, &r));
		for (size_t i = 0; i < register_count(r); i++)
			if (register_at(r, i)->kind == STATEMENT_ADOPT)
				assert_ok(draft_add_hex(&d, "statement", register_at(r, i)->id, 32));
		assert_ok(staff_sign_key(f->a.id, &key));
		assert_ok(register_write(r, STATEMENT_APPROVE, d.fields, d.count, key, NULL));
		sign_key_free(key);
		register_free(r);
		draft_clear(&d);
	}
	books_carry(&f->a, &f->b);
	assert_true(use(f, &f->b).adopted);
}

/* A backup from before a revocation would let in who was let out. */
static void a_backup_from_before_a_revocation_lets_nobody_back_in(void **state)
{
	struct fixture *f = *state;
	struct vault_facts facts;

	use(f, &f->o);
	use(f, &f->a);
	save(f, "old");
	books_revoke(&f->o, "a");
	facts = use(f, &f->o);
	assert_true(facts.new_key);
	use(f, &f->b);
	put_back(f, "old");
	assert_err(try_open(f, &f->b, false), ERR_ROLLBACK);
	adopt(f, &f->o, true);
	books_burn(&f->a);
	forget(&f->a);
	assert_err(try_open(f, &f->a, true), ERR_NO_KEY_FITS);
	assert_true(use(f, &f->b).adopted);
	assert_ok(try_open(f, &f->o, false));
}

static void a_backup_from_before_a_new_key_gets_one_above_it(void **state)
{
	struct vault_rekey how = { 0 };
	struct fixture *f = *state;
	struct vault_rekeyed got;
	struct vault v;

	use(f, &f->o);
	save(f, "old");
	for (unsigned i = 0; i < 3; i++)
		assert_ok(vault_rekey(&f->o.actor, f->path, &how, &got));
	assert_int_equal(got.epoch, 4);
	use(f, &f->b);
	put_back(f, "old");
	adopt(f, &f->o, true);
	assert_true(use(f, &f->b).adopted);
	unlock(f, &f->b, &v);
	assert_int_equal(v.key.epoch, 5);
	vault_clear(&v);
}

/* The medium was written, and the host crashed before it had said so anywhere. */
static void an_adoption_that_was_cut_short_is_done_again(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	use(f, &f->b);
	save(f, "old");
	use(f, &f->b);
	use(f, &f->o);
	shell("cp -a '%s' '%s-before'", f->o.dir, f->o.dir);
	put_back(f, "old");
	adopt(f, &f->o, true);
	shell("rm -r '%s'%s", f->o.dir, "");
	shell("mv '%s-before' '%s'", f->o.dir, f->o.dir);
	audit_log_close(f->o.log);
	assert_ok(vault_host_recorder(f->o.home, &f->o.log, &f->o.recorder));
	adopt(f, &f->o, true);
	assert_true(use(f, &f->b).adopted);
	assert_ok(try_open(f, &f->o, false));
}

static void what_only_others_saw_is_given_up_too(void **state)
{
	struct fixture *f = *state;
	struct vault v;

	use(f, &f->o);
	save(f, "old");
	for (unsigned i = 0; i < 20; i++)
		use(f, &f->a);
	report_state(f, &f->a);
	books_carry(&f->a, &f->o);
	put_back(f, "old");
	assert_err(try_open(f, &f->o, false), ERR_ROLLBACK);
	adopt(f, &f->o, true);
	unlock(f, &f->o, &v);
	assert_true(v.facts.store.generation > 64);
	vault_clear(&v);
	assert_true(use(f, &f->a).adopted);
	forget(&f->b);
	assert_ok(try_open(f, &f->b, false));
}

static void adopting_what_follows_anyway_does_no_harm(void **state)
{
	struct fixture *f = *state;

	use(f, &f->o);
	use(f, &f->a);
	adopt(f, &f->o, true);
	assert_false(use(f, &f->a).adopted);
	assert_ok(try_open(f, &f->o, false));
	forget(&f->o);
	adopt(f, &f->o, true);
	assert_ok(try_open(f, &f->a, false));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, setup_alone, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(what_the_officer_wrote_comes_with_the_stick),
		STORY(what_a_host_reported_goes_back_with_it),
		STORY(a_revocation_is_in_force_as_soon_as_the_stick_tells_it),
		STORY(a_host_without_a_society_joins_none),
		STORY(a_vault_on_nobodys_register_gets_none),
		STORY(the_register_of_another_society_is_told_and_left_alone),
		STORY(a_damaged_or_hostile_note_is_told_and_made_good),
		STORY(a_note_without_its_beginning_keeps_nobody_out),
		STORY(what_another_host_reported_is_known_here),
		STORY(a_fork_shows_by_a_number_that_was_given_twice),
		STORY(a_fork_from_what_was_reported_shows_by_its_log),
		STORY(what_follows_from_a_report_is_no_alarm),
		ALONE(without_a_society_each_host_adopts_for_itself),
		STORY(adopting_names_both_heads_in_both_logs),
		STORY(other_hosts_accept_it_with_the_officers_word_and_only_then),
		STORY(an_officers_word_is_good_for_one_vault_once),
		STORY(only_an_officer_adopts),
		STORY(a_second_officer_approves_where_two_are_needed),
		STORY(a_backup_from_before_a_revocation_lets_nobody_back_in),
		STORY(a_backup_from_before_a_new_key_gets_one_above_it),
		STORY(an_adoption_that_was_cut_short_is_done_again),
		STORY(what_only_others_saw_is_given_up_too),
		STORY(adopting_what_follows_anyway_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

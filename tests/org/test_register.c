/* The register of a home: what one writes another gets, whatever the way, and nothing is lost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "org/register.h"
#include "org/register_set.h"
#include "tests/check.h"
#include "tests/org/sign_text.h"

struct place {
	char dir[64];
	struct home *home;
	struct sign_key *key, *other;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p || crypto_init() != OK)
		return -1;
	strcpy(p->dir, "/tmp/register-XXXXXX");
	if (!mkdtemp(p->dir) || setenv("PVAULT_HOME", p->dir, 1) != 0)
		return -1;
	if (home_open(&p->home) != OK || sign_key_random(&p->key) != OK ||
	    sign_key_random(&p->other) != OK)
		return -1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", p->dir);
	sign_key_free(p->key);
	sign_key_free(p->other);
	home_close(p->home);
	free(p);
	return system(command);
}

static const struct statement *add(struct org_register *r, const struct sign_key *key,
				   const char *value)
{
	struct statement_field f = { "number", value };
	const struct statement *s;

	assert_ok(register_write(r, STATEMENT_SIGHT, &f, 1, key, &s));
	return s;
}

static void found(struct org_register *r, const struct sign_key *key)
{
	struct statement_field f = { "name", "Kita" };

	assert_ok(register_found(r, &f, 1, key));
}

static void assert_same(const struct org_register *a, const struct org_register *b)
{
	uint8_t x[SHA256_LEN], y[SHA256_LEN];

	register_digest(a, x);
	register_digest(b, y);
	assert_int_equal(register_count(a), register_count(b));
	assert_memory_equal(x, y, SHA256_LEN);
}

static void whoever_founds_and_writes_finds_it_again(void **state)
{
	struct place *p = *state;
	struct org_register *r, *again;
	const struct statement *first, *second;

	assert_ok(register_open(p->home, &r));
	assert_true(register_is_empty(r));
	assert_err(register_write(r, STATEMENT_SIGHT, NULL, 0, p->key, NULL), ERR_NOT_FOUND);
	found(r, p->key);
	assert_err(register_found(r, NULL, 0, p->key), ERR_EXISTS);
	first = add(r, p->key, "U-001");
	second = add(r, p->other, "U-002");
	assert_int_equal(first->seq, 2);
	assert_int_equal(first->clock, 2);
	assert_int_equal(second->seq, 1);
	assert_int_equal(second->clock, 3);
	assert_int_equal(second->seen_count, 1);
	assert_memory_equal(second->seen[0], first->id, SHA256_LEN);
	assert_ok(register_open(p->home, &again));
	assert_same(r, again);
	assert_memory_equal(register_org(again), register_at(again, 0)->id, ORG_ID_LEN);
	assert_string_equal(statement_value(register_at(again, 2), "number"), "U-002");
	register_free(again);
	register_free(r);
}

/* ---- the file ---- */

static void file_path(const struct place *p, const char *name, char out[128])
{
	snprintf(out, 128, "%s/register/%s", p->dir, name);
}

static struct buf read_file(const struct place *p, const char *name)
{
	struct buf text = { 0 };
	char path[128];

	file_path(p, name, path);
	assert_ok(io_read_file(path, 1 << 20, &text));
	return text;
}

static void write_file(const struct place *p, const char *name, const void *data, size_t len)
{
	char path[128];

	file_path(p, name, path);
	assert_ok(io_replace_file(path, data, len, 0600));
}

static void looking_makes_no_file(void **state)
{
	struct place *p = *state;
	struct org_register *r, *empty;
	struct stat st;
	char path[128];

	assert_ok(register_open(p->home, &r));
	assert_ok(register_new(&empty));
	assert_ok(register_merge(r, empty, NULL));
	file_path(p, "", path);
	assert_int_equal(stat(path, &st), -1);
	assert_null(register_org(r));
	register_free(empty);
	register_free(r);
}

/* A register of three, and where each ends in the file. */
static struct buf three(struct place *p, size_t ends[3])
{
	struct org_register *r;
	struct buf text;

	assert_ok(register_open(p->home, &r));
	found(r, p->key);
	ends[0] = register_at(r, 0)->len;
	ends[1] = ends[0] + add(r, p->key, "U-001")->len;
	ends[2] = ends[1] + add(r, p->other, "U-002")->len;
	register_free(r);
	text = read_file(p, "statements.txt");
	assert_int_equal(text.len, ends[2]);
	return text;
}

static size_t whole_ones(const size_t ends[3], size_t len)
{
	return (size_t)(len >= ends[0]) + (len >= ends[1]) + (len >= ends[2]);
}

static void a_crash_at_any_byte_keeps_what_was_whole(void **state)
{
	struct place *p = *state;
	size_t ends[3], whole;
	CLEANUP(buf_clear) struct buf text = three(p, ends);
	struct org_register *r, *again;

	for (size_t len = 0; len <= text.len; len++) {
		write_file(p, "statements.txt", text.data, len);
		assert_ok(register_open(p->home, &r));
		whole = whole_ones(ends, len);
		assert_int_equal(register_count(r), whole);
		/* Each write is flushed, which takes its time: not behind every byte. */
		if (len % 40 != 0 && len != ends[0] && len != ends[1]) {
			register_free(r);
			continue;
		}
		if (whole > 0)
			add(r, p->key, "U-003");
		else
			found(r, p->key);
		assert_ok(register_open(p->home, &again));
		assert_int_equal(register_count(again), whole + 1);
		assert_same(r, again);
		register_free(again);
		register_free(r);
	}
}

/* The length had reached the disk, the data had not. */
static void zeroes_that_a_crash_left_are_cut_off(void **state)
{
	struct place *p = *state;
	size_t ends[3];
	CLEANUP(buf_clear) struct buf text = three(p, ends);
	struct org_register *r;

	for (size_t from = ends[1]; from < ends[2]; from += 7) {
		CLEANUP(buf_clear) struct buf torn = { 0 };

		assert_ok(buf_append(&torn, text.data, text.len));
		memset(torn.data + from, 0, torn.len - from);
		write_file(p, "statements.txt", torn.data, torn.len);
		assert_ok(register_open(p->home, &r));
		assert_int_equal(register_count(r), 2);
		add(r, p->other, "U-002");
		register_free(r);
		assert_ok(register_open(p->home, &r));
		assert_int_equal(register_count(r), 3);
		register_free(r);
	}
}

/* Of several pages the last one may arrive and one before it not. */
static void a_hole_that_a_crash_left_ends_the_file(void **state)
{
	struct place *p = *state;
	size_t ends[3];
	CLEANUP(buf_clear) struct buf text = three(p, ends);
	struct org_register *r;

	memset(text.data + ends[0] + 100, 0, 10);
	write_file(p, "statements.txt", text.data, text.len);
	assert_ok(register_open(p->home, &r));
	assert_int_equal(register_count(r), 1);
	assert_ok(register_write(r, STATEMENT_SIGHT, NULL, 0, p->other, NULL));
	register_free(r);
	assert_ok(register_open(p->home, &r));
	assert_int_equal(register_count(r), 2);
	register_free(r);
}

static void a_changed_file_is_told(void **state)
{
	struct place *p = *state;
	size_t ends[3];
	CLEANUP(buf_clear) struct buf text = three(p, ends);
	struct org_register *r;

	/* The last line without its newline is what a crash leaves. */
	for (size_t i = 0; i + 1 < text.len; i += 3) {
		text.data[i] ^= 1;
		write_file(p, "statements.txt", text.data, text.len);
		/* Or it reads as what a crash left, and is left out. */
		if (register_open(p->home, &r) == OK) {
			assert_true(register_count(r) < 3);
			register_free(r);
		}
		text.data[i] ^= 1;
	}
	write_file(p, "statements.txt", text.data + ends[0], text.len - ends[0]);
	assert_err(register_open(p->home, &r), ERR_LOG_TAMPERED);
	text.data[ends[0] + 40] ^= 1;
	write_file(p, "statements.txt", text.data, text.len);
	assert_err(register_open(p->home, &r), ERR_LOG_TAMPERED);
}

static void a_file_that_was_cut_behind_our_back_is_not_written_on(void **state)
{
	struct place *p = *state;
	size_t ends[3];
	CLEANUP(buf_clear) struct buf text = three(p, ends);
	struct org_register *r;

	assert_ok(register_open(p->home, &r));
	write_file(p, "statements.txt", text.data, ends[1]);
	assert_err(register_write(r, STATEMENT_SIGHT, NULL, 0, p->key, NULL), ERR_LOG_TAMPERED);
	register_free(r);
}

/* ---- several processes ---- */

#define WRITERS 3
#define EACH 12

static void write_some(struct place *p, unsigned number)
{
	struct org_register *r;
	char word[16];
	struct sign_key *key;

	snprintf(word, sizeof(word), "writer %u", number);
	key = key_named(word);
	if (register_open(p->home, &r) != OK)
		_exit(1);
	for (unsigned i = 0; i < EACH; i++)
		if (register_write(r, STATEMENT_SIGHT, NULL, 0, key, NULL) != OK)
			_exit(2);
	register_free(r);
	_exit(0);
}

static void processes_that_write_at_once_lose_nothing(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	bool stands[1 + WRITERS * EACH];
	pid_t pids[WRITERS];
	int how;

	assert_ok(register_open(p->home, &r));
	found(r, p->key);
	register_free(r);
	for (unsigned i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] == 0)
			write_some(p, i);
	}
	for (unsigned i = 0; i < WRITERS; i++) {
		assert_int_equal(waitpid(pids[i], &how, 0), pids[i]);
		assert_int_equal(how, 0);
	}
	assert_ok(register_open(p->home, &r));
	assert_int_equal(register_count(r), 1 + WRITERS * EACH);
	assert_ok(register_standing(r, stands));
	for (size_t i = 0; i < register_count(r); i++)
		assert_true(stands[i]);
	register_free(r);
}

static void what_another_process_wrote_is_there_after_the_next_write(void **state)
{
	struct place *p = *state;
	struct org_register *a, *b;
	const struct statement *first, *second;

	assert_ok(register_open(p->home, &a));
	found(a, p->key);
	assert_ok(register_open(p->home, &b));
	first = add(a, p->key, "U-001");
	second = add(b, p->key, "U-002");
	assert_int_equal(second->seq, first->seq + 1);
	assert_memory_equal(second->prev, first->id, SHA256_LEN);
	assert_int_equal(register_count(b), 3);
	add(a, p->other, "U-003");
	assert_int_equal(register_count(a), 4);
	register_free(a);
	register_free(b);
}

static void a_society_is_founded_once(void **state)
{
	struct place *p = *state;
	struct org_register *a, *b;

	assert_ok(register_open(p->home, &a));
	assert_ok(register_open(p->home, &b));
	found(a, p->key);
	assert_err(register_found(b, NULL, 0, p->other), ERR_EXISTS);
	register_free(a);
	register_free(b);
}

/* ---- from elsewhere ---- */

/* A register in memory that has all of `r`. */
static struct org_register *copy_of(const struct org_register *r)
{
	struct org_register *copy;

	assert_ok(register_new(&copy));
	assert_ok(register_merge(copy, r, NULL));
	return copy;
}

static void whoever_joins_gets_everything(void **state)
{
	struct place *p = *state;
	struct org_register *theirs, *mine, *again;
	size_t fresh;

	assert_ok(register_new(&theirs));
	found(theirs, p->key);
	add(theirs, p->key, "U-001");
	assert_ok(register_open(p->home, &mine));
	assert_ok(register_merge(mine, theirs, &fresh));
	assert_int_equal(fresh, 2);
	assert_ok(register_merge(mine, theirs, &fresh));
	assert_int_equal(fresh, 0);
	add(mine, p->other, "U-002");
	assert_ok(register_merge(theirs, mine, &fresh));
	assert_int_equal(fresh, 1);
	assert_same(mine, theirs);
	assert_ok(register_open(p->home, &again));
	assert_same(again, theirs);
	register_free(again);
	register_free(mine);
	register_free(theirs);
}

static void one_statement_at_a_time_in_any_order_is_the_same(void **state)
{
	struct place *p = *state;
	struct org_register *all, *mine;
	bool fresh;

	assert_ok(register_new(&all));
	found(all, p->key);
	for (unsigned i = 0; i < 5; i++)
		add(all, i % 2 ? p->key : p->other, "U-001");
	assert_ok(register_open(p->home, &mine));
	/* Without the founding one there is no society to belong to. */
	assert_err(register_take(mine, register_at(all, 1)->text, register_at(all, 1)->len, NULL),
		   ERR_SENDER);
	assert_ok(register_take(mine, register_at(all, 0)->text, register_at(all, 0)->len, NULL));
	for (size_t i = register_count(all); i-- > 0;) {
		const struct statement *s = register_at(all, i);

		assert_ok(register_take(mine, s->text, s->len, &fresh));
		assert_int_equal(fresh, i > 0);
	}
	assert_same(mine, all);
	register_free(mine);
	assert_ok(register_open(p->home, &mine));
	assert_same(mine, all);
	register_free(mine);
	register_free(all);
}

static void another_society_is_kept_out(void **state)
{
	struct place *p = *state;
	struct org_register *mine, *theirs;
	const struct statement *s;

	assert_ok(register_open(p->home, &mine));
	assert_ok(register_new(&theirs));
	found(mine, p->key);
	found(theirs, p->other);
	s = add(theirs, p->other, "U-001");
	assert_err(register_take(mine, s->text, s->len, NULL), ERR_SENDER);
	s = register_at(theirs, 0);
	assert_err(register_take(mine, s->text, s->len, NULL), ERR_SENDER);
	assert_err(register_merge(mine, theirs, NULL), ERR_SENDER);
	assert_int_equal(register_count(mine), 1);
	register_free(mine);
	register_free(theirs);
}

/* Many enough that the file's beginning is noted as verified; then a byte of it changes. */
static void what_was_verified_once_is_still_missed_when_it_changes(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	CLEANUP(buf_clear) struct buf text = { 0 };
	char path[128], checked[128];

	snprintf(path, sizeof(path), "%s/register/statements.txt", p->dir);
	snprintf(checked, sizeof(checked), "%s/register/checked", p->dir);
	assert_ok(register_open(p->home, &r));
	found(r, p->key);
	for (unsigned i = 0; i < 60; i++)
		add(r, p->key, "U-001");
	register_free(r);
	for (unsigned times = 0; times < 2; times++) {
		assert_ok(register_open(p->home, &r));
		assert_int_equal(register_count(r), 61);
		register_free(r);
	}
	assert_int_equal(access(checked, F_OK), 0);
	assert_ok(io_read_file(path, 1 << 20, &text));
	text.data[text.len / 2] ^= 1;
	assert_ok(io_replace_file(path, text.data, text.len, 0600));
	assert_err(register_open(p->home, &r), ERR_LOG_TAMPERED);
	text.data[text.len / 2] ^= 1;
	assert_ok(io_replace_file(path, text.data, text.len, 0600));
	assert_ok(io_replace_file(checked, "999999999999 zz\n", 16, 0600));
	assert_ok(register_open(p->home, &r));
	assert_int_equal(register_count(r), 61);
	register_free(r);
}

static void a_tampered_statement_is_not_taken(void **state)
{
	struct place *p = *state;
	struct org_register *mine;
	CLEANUP(buf_clear) struct buf text = { 0 };
	enum err err;

	assert_ok(register_open(p->home, &mine));
	found(mine, p->key);
	add(mine, p->key, "U-001");
	assert_ok(buf_append(&text, register_at(mine, 1)->text, register_at(mine, 1)->len));
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 4;
		err = register_take(mine, text.data, text.len, NULL);
		assert_true(err == ERR_BAD_FORMAT || err == ERR_FORGED || err == ERR_NEWER_FORMAT);
		text.data[i] ^= 4;
	}
	assert_int_equal(register_count(mine), 2);
	register_free(mine);
}

static void a_printed_register_reads_back(void **state)
{
	struct place *p = *state;
	struct org_register *r, *again;
	CLEANUP(buf_clear) struct buf text = { 0 };

	assert_ok(register_read("", 0, &again));
	assert_true(register_is_empty(again));
	register_free(again);
	assert_ok(register_new(&r));
	found(r, p->key);
	add(r, p->key, "U-001");
	add(r, p->other, "U-002");
	assert_ok(register_print(r, &text));
	assert_ok(register_read(text.data, text.len, &again));
	assert_same(r, again);
	register_free(again);
	assert_err(register_read(text.data, text.len - 1, &again), ERR_BAD_FORMAT);
	assert_err(register_read(text.data + 1, text.len - 1, &again), ERR_BAD_FORMAT);
	assert_err(register_read(text.data + register_at(r, 0)->len,
				 text.len - register_at(r, 0)->len, &again),
		   ERR_BAD_FORMAT);
	register_free(r);
}

static void a_society_is_compared_in_words(void **state)
{
	uint8_t org[ORG_ID_LEN] = { 0, 1, 2, 3, 4, 255 }, other[ORG_ID_LEN] = { 0, 1, 2, 3, 4, 254 };
	char a[96], b[96];

	register_words(org, a);
	register_words(other, b);
	assert_string_not_equal(a, b);
	assert_int_equal(strlen(a) - strcspn(a, "-") > 10, 1);
}

/* ---- chains ---- */

struct told {
	unsigned count[4];
	const struct statement *last[4];
};

static enum err note(void *ctx, const struct register_finding *f)
{
	struct told *t = ctx;

	t->count[f->fault]++;
	t->last[f->fault] = f->statement;
	return OK;
}

static struct told look(const struct org_register *r)
{
	struct told t = { 0 };

	assert_ok(register_check(r, note, &t));
	return t;
}

static bool stands(const struct org_register *r, const struct statement *s)
{
	bool all[64];

	assert_ok(register_standing(r, all));
	for (size_t i = 0; i < register_count(r); i++)
		if (memcmp(register_at(r, i)->id, s->id, SHA256_LEN) == 0)
			return all[i];
	fail_msg("not there");
	return false;
}

/* A statement as given, signed by `key`, with the clock that its links make unless it has one. */
static const struct statement *put(struct org_register *r, const struct sign_key *key,
				   struct statement draft)
{
	struct statement s = { 0 };
	uint8_t id[SHA256_LEN];

	memcpy(draft.org, register_org(r), ORG_ID_LEN);
	draft.kind = STATEMENT_SIGHT;
	assert_ok(statement_sign(&draft, key, &s));
	memcpy(id, s.id, sizeof(id));
	assert_ok(register_take(r, s.text, s.len, NULL));
	statement_clear(&s);
	return register_find(r, id);
}

/* What stands behind `before` in its chain; `time` makes it differ from another such. */
static const struct statement *put_behind(struct org_register *r, const struct sign_key *key,
					  const struct statement *before, int64_t time)
{
	struct statement draft = { .seq = before->seq + 1, .clock = before->clock + 1,
				   .time = time };

	memcpy(draft.writer, before->writer, WRITER_LEN);
	memcpy(draft.prev, before->id, SHA256_LEN);
	return put(r, key, draft);
}

static void a_copied_home_forks_its_chain_and_begins_another(void **state)
{
	struct place *p = *state;
	struct org_register *mine, *copy;
	const struct statement *a, *b, *next;
	CLEANUP(buf_clear) struct buf writer = { 0 };
	CLEANUP(buf_clear) struct buf before = { 0 };
	CLEANUP(buf_clear) struct buf after = { 0 };
	struct told t;

	assert_ok(register_open(p->home, &mine));
	found(mine, p->key);
	before = read_file(p, "statements.txt");
	writer = read_file(p, "writer");
	add(mine, p->key, "here");
	copy = copy_of(mine);
	register_free(mine);
	write_file(p, "statements.txt", before.data, before.len); /* the old copy put back */
	assert_ok(register_open(p->home, &mine));
	b = add(mine, p->key, "there");
	assert_int_equal(b->seq, 2);
	assert_true(stands(mine, b));
	assert_ok(register_merge(mine, copy, NULL));
	a = register_find(mine, register_at(copy, 1)->id);
	t = look(mine);
	assert_int_equal(t.count[REGISTER_FORK], 1);
	assert_int_equal(t.count[REGISTER_CUT], 0);
	assert_false(stands(mine, a));
	assert_false(stands(mine, b));
	assert_true(stands(mine, register_at(mine, 0)));
	next = add(mine, p->key, "again");
	assert_true(stands(mine, next));
	assert_int_equal(next->seq, 1);
	assert_false(statement_same_chain(next, a));
	after = read_file(p, "writer");
	assert_memory_not_equal(after.data, writer.data, writer.len);
	next = add(mine, p->key, "and on");
	assert_int_equal(next->seq, 2);
	assert_true(stands(mine, next));
	register_free(copy);
	register_free(mine);
}

static void behind_a_fork_nothing_stands(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	const struct statement *first, *a, *b, *behind, *of_other;
	struct told t;

	assert_ok(register_new(&r));
	found(r, p->key);
	first = add(r, p->other, "U-001");
	a = put_behind(r, p->other, first, 1);
	behind = put_behind(r, p->other, a, 2);
	of_other = add(r, p->key, "who saw it");
	assert_true(stands(r, behind));
	b = put_behind(r, p->other, first, 3);
	t = look(r);
	assert_int_equal(t.count[REGISTER_FORK], 1);
	assert_int_equal(t.count[REGISTER_CUT] + t.count[REGISTER_UNSEEN] + t.count[REGISTER_LEAP],
			 0);
	assert_true(t.last[REGISTER_FORK] == (memcmp(a->id, b->id, SHA256_LEN) < 0 ? a : b));
	assert_true(stands(r, first));
	assert_false(stands(r, a));
	assert_false(stands(r, b));
	assert_false(stands(r, behind));
	/* Whoever had seen it did no wrong. */
	assert_true(stands(r, of_other));
	register_free(r);
}

static void what_lacks_its_predecessor_waits_for_it(void **state)
{
	struct place *p = *state;
	struct org_register *all, *r;
	const struct statement *first, *second, *third;
	struct told t;

	assert_ok(register_new(&all));
	found(all, p->key);
	first = add(all, p->key, "U-001");
	r = copy_of(all);
	second = add(all, p->key, "U-002");
	third = add(all, p->key, "U-003");
	assert_ok(register_take(r, third->text, third->len, NULL));
	t = look(r);
	assert_int_equal(t.count[REGISTER_CUT], 1);
	assert_memory_equal(t.last[REGISTER_CUT]->id, third->id, SHA256_LEN);
	assert_true(stands(r, first));
	assert_false(stands(r, third));
	assert_ok(register_take(r, second->text, second->len, NULL));
	t = look(r);
	assert_int_equal(t.count[REGISTER_CUT], 0);
	assert_true(stands(r, third));
	register_free(r);
	register_free(all);
}

static void what_has_seen_something_that_is_lost_waits_for_it(void **state)
{
	struct place *p = *state;
	struct org_register *all, *r;
	const struct statement *lost, *seeing, *next;
	struct told t;

	assert_ok(register_new(&all));
	found(all, p->key);
	r = copy_of(all);
	lost = add(all, p->other, "U-001");
	seeing = add(all, p->key, "U-002");
	assert_ok(register_take(r, seeing->text, seeing->len, NULL));
	t = look(r);
	assert_int_equal(t.count[REGISTER_UNSEEN], 1);
	assert_int_equal(t.count[REGISTER_CUT], 0);
	assert_false(stands(r, seeing));
	/* Life goes on meanwhile. */
	next = add(r, p->key, "U-003");
	assert_true(stands(r, next));
	assert_ok(register_take(r, lost->text, lost->len, NULL));
	assert_true(stands(r, seeing));
	assert_true(stands(r, next));
	register_free(r);
	register_free(all);
}

/* Otherwise one statement could be behind all that will ever be written. */
static void a_clock_that_leaps_ahead_does_not_stand(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	struct statement draft = { .seq = 1, .clock = STATEMENT_NUMBER_MAX, .seen_count = 1 };
	const struct statement *leap, *with_it, *next;
	struct told t;

	assert_ok(register_new(&r));
	found(r, p->key);
	memcpy(draft.seen[0], register_at(r, 0)->id, SHA256_LEN);
	leap = put(r, p->other, draft);
	draft.seen_count = 0;
	draft.clock = 1;
	draft.writer[0] = 1;
	with_it = put(r, p->other, draft);
	t = look(r);
	assert_int_equal(t.count[REGISTER_LEAP], 2);
	assert_false(stands(r, leap));
	assert_false(stands(r, with_it)); /* nothing but the founding one comes from nowhere */
	next = add(r, p->key, "U-001");
	assert_int_equal(next->clock, 2);
	assert_int_equal(next->seen_count, 0);
	assert_true(stands(r, next));
	register_free(r);
}

static void whoever_names_a_leap_does_not_stand_either(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	struct statement draft = { .seq = 1, .clock = 1000, .seen_count = 1 };
	const struct statement *leap, *behind;

	assert_ok(register_new(&r));
	found(r, p->key);
	memcpy(draft.seen[0], register_at(r, 0)->id, SHA256_LEN);
	leap = put(r, p->other, draft);
	memcpy(draft.seen[0], leap->id, SHA256_LEN);
	draft.clock = 1001;
	draft.writer[0] = 1;
	behind = put(r, p->other, draft);
	assert_false(stands(r, behind));
	/* And nothing can be named that has a greater clock. */
	draft.clock = 2;
	draft.writer[0] = 2;
	assert_false(stands(r, put(r, p->other, draft)));
	register_free(r);
}

static void more_ends_than_can_be_named_keep_the_clock_right(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	const struct statement *s;
	char word[16];

	assert_ok(register_new(&r));
	found(r, p->key);
	for (unsigned i = 0; i < STATEMENT_SEEN_MAX + 4; i++) {
		struct org_register *apart = copy_of(r);
		struct sign_key *key;

		while (register_count(apart) > 1) { /* each knows the founding one only */
			register_free(apart);
			assert_ok(register_new(&apart));
			assert_ok(register_take(apart, register_at(r, 0)->text,
						register_at(r, 0)->len, NULL));
		}
		snprintf(word, sizeof(word), "key %u", i);
		key = key_named(word);
		add(apart, key, word);
		if (i == 2)
			add(apart, key, "one more");
		assert_ok(register_merge(r, apart, NULL));
		sign_key_free(key);
		register_free(apart);
	}
	s = add(r, p->key, "U-001");
	assert_int_equal(s->seen_count, STATEMENT_SEEN_MAX);
	assert_int_equal(s->clock, 4);
	assert_true(stands(r, s));
	register_free(r);
}

/* ---- clocks on the wall ---- */

static int64_t wall;

static struct timespec wall_clock(void)
{
	return (struct timespec){ .tv_sec = wall };
}

static void a_clock_that_was_set_back_changes_no_order(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	const struct statement *a, *b, *c;

	clock_override(wall_clock);
	assert_ok(register_new(&r));
	wall = 1800000000;
	found(r, p->key);
	a = add(r, p->key, "new");
	wall = 1000000000;
	b = add(r, p->other, "set back");
	wall = -5;
	c = add(r, p->key, "before the beginning");
	assert_int_equal(a->time, 1800000000);
	assert_int_equal(b->time, 1000000000);
	assert_int_equal(c->time, 0);
	assert_true(a->clock < b->clock && b->clock < c->clock);
	assert_true(register_at(r, 3) == c);
	assert_true(stands(r, c));
	wall = INT64_MAX / 4;
	assert_int_equal(add(r, p->key, "after the end")->time, STATEMENT_TIME_MAX);
	clock_override(NULL);
	register_free(r);
}

/* ---- small files ---- */

static void the_day_of_the_last_exchange_is_kept(void **state)
{
	static const char *const spoilt[] = { "", "\n", "12", "-5\n", "12x\n", "1234567890123456\n" };
	struct place *p = *state;

	assert_int_equal(register_synced(p->home), 0);
	assert_ok(register_note_sync(p->home, 1795306443));
	assert_int_equal(register_synced(p->home), 1795306443);
	for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
		write_file(p, "synced", spoilt[i], strlen(spoilt[i]));
		assert_int_equal(register_synced(p->home), 0);
	}
}

static void a_spoilt_writer_is_replaced(void **state)
{
	struct place *p = *state;
	struct org_register *r;
	const struct statement *s;

	assert_ok(register_open(p->home, &r));
	found(r, p->key);
	write_file(p, "writer", "?", 1);
	s = add(r, p->key, "U-001");
	assert_int_equal(s->seq, 1);
	assert_true(stands(r, s));
	register_free(r);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(whoever_founds_and_writes_finds_it_again),
		STORY(looking_makes_no_file),
		STORY(a_crash_at_any_byte_keeps_what_was_whole),
		STORY(zeroes_that_a_crash_left_are_cut_off),
		STORY(a_hole_that_a_crash_left_ends_the_file),
		STORY(a_changed_file_is_told),
		STORY(a_file_that_was_cut_behind_our_back_is_not_written_on),
		STORY(processes_that_write_at_once_lose_nothing),
		STORY(what_another_process_wrote_is_there_after_the_next_write),
		STORY(a_society_is_founded_once),
		STORY(whoever_joins_gets_everything),
		STORY(one_statement_at_a_time_in_any_order_is_the_same),
		STORY(another_society_is_kept_out),
		STORY(what_was_verified_once_is_still_missed_when_it_changes),
		STORY(a_tampered_statement_is_not_taken),
		STORY(a_printed_register_reads_back),
		STORY(a_society_is_compared_in_words),
		STORY(a_copied_home_forks_its_chain_and_begins_another),
		STORY(behind_a_fork_nothing_stands),
		STORY(what_lacks_its_predecessor_waits_for_it),
		STORY(what_has_seen_something_that_is_lost_waits_for_it),
		STORY(a_clock_that_leaps_ahead_does_not_stand),
		STORY(whoever_names_a_leap_does_not_stand_either),
		STORY(more_ends_than_can_be_named_keep_the_clock_right),
		STORY(a_clock_that_was_set_back_changes_no_order),
		STORY(the_day_of_the_last_exchange_is_kept),
		STORY(a_spoilt_writer_is_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

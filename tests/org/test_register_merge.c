/* Random societies, many thousands of them: officers, staff and hosts that write from several homes and
 * meet now and then; homes that are copied, chains that lose a statement, clocks that leap, texts that
 * are changed on the way, officers who revoke each other. Whatever happens: registers merge as sets do
 * (in any grouping, in any order, any number of times), equal sets say the same, what was changed is
 * taken by nobody, and who was revoked does not come back.
 * HISTORIES: how many; SEED: other ones; KEEP: a folder that gets each register as text, and which of
 * its statements stand and count, for tests/reader/test_register.py. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/text.h"
#include "org/draft.h"
#include "org/register_set.h"
#include "org/roster.h"
#include "org/staff_key.h"
#include "tests/check.h"

#define PEOPLE 5u /* 0 founds it */
#define HOSTS 2u
#define HOMES 4u
#define SIGNERS (PEOPLE + HOSTS)
#define MEDIA 3u

static struct {
	struct age_recipient recipient[PEOPLE];
	struct sign_key *keys[SIGNERS];
} cast;

/* ---- chance ---- */

static uint64_t dice;

static unsigned roll(unsigned sides)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(dice >> 33) % sides;
}

static bool one_in(unsigned n)
{
	return roll(n) == 0;
}

/* ---- what is said ---- */

static enum err add_person(struct draft *d, unsigned who)
{
	static const char *const names[] = { "yamada", "sato", "kato", "Sato" };

	TRY(draft_add_recipient(d, "recipient", &cast.recipient[who]));
	if (!one_in(8))
		TRY(draft_add_hex(d, "key", sign_key_vkey(cast.keys[who]), SIGN_VKEY_LEN));
	return draft_add(d, "name", names[roll(4)]);
}

static enum err add_number(struct draft *d)
{
	return draft_addf(d, "number", "U-%u", roll(MEDIA));
}

static enum err add_volume(struct draft *d)
{
	uint8_t id[VOLUME_ID_LEN];

	memset(id, (int)roll(MEDIA) + 1, sizeof(id));
	return draft_add_hex(d, "volume", id, sizeof(id));
}

static enum err add_medium(struct draft *d)
{
	TRY(add_number(d));
	if (one_in(2))
		TRY(add_volume(d));
	return draft_addf(d, "place", "safe %u", roll(3));
}

static enum err add_some_statement(struct draft *d, const char *name,
				   const struct org_register *r)
{
	const struct statement *s = register_at(r, roll((unsigned)register_count(r)));

	return draft_add_hex(d, name, s->id, SHA256_LEN);
}

static enum err add_revocation(struct draft *d, const struct org_register *r)
{
	char who[AGE_RECIPIENT_TEXT];

	age_recipient_print(&cast.recipient[roll(PEOPLE)], who);
	TRY(draft_add(d, "reason", one_in(2) ? "lost" : "left"));
	if (one_in(3)) {
		TRY(draft_add(d, "what", "medium"));
		return draft_addf(d, "id", "U-%u", roll(MEDIA));
	}
	TRY(draft_add(d, "what", "staff"));
	TRY(draft_add(d, "id", who));
	for (unsigned i = roll(3); i > 0; i--)
		TRY(add_some_statement(d, "upto", r));
	return OK;
}

static enum err add_checkout(struct draft *d)
{
	TRY(draft_addf(d, "checkout", "T-%u", roll(4)));
	TRY(add_number(d));
	TRY(draft_add_recipient(d, "carrier", &cast.recipient[roll(PEOPLE)]));
	return draft_add(d, "until", "2031-01-31");
}

static enum err add_report(struct draft *d)
{
	uint8_t id[VOLUME_ID_LEN], super[SHA256_LEN];
	char hex[2 * VOLUME_ID_LEN + 1], state[2 * SHA256_LEN + 1];

	memset(id, (int)roll(MEDIA) + 1, sizeof(id));
	memset(super, (int)roll(200), sizeof(super));
	text_hex(id, sizeof(id), hex);
	text_hex(super, sizeof(super), state);
	TRY(draft_add_recipient(d, "kept", &cast.recipient[roll(PEOPLE)]));
	TRY(draft_addf(d, one_in(3) ? "gone" : "holds", "%s %s %u", hex, hex, roll(1000)));
	return draft_addf(d, "state", "%s %u %u %s %u clean", hex, 1 + roll(3), roll(50), state,
			  roll(5000));
}

static const enum statement_kind kinds[] = {
	STATEMENT_OFFICER, STATEMENT_OFFICER,  STATEMENT_STAFF,	   STATEMENT_HOST,
	STATEMENT_MEDIUM,  STATEMENT_GRANT,    STATEMENT_GRANT_END, STATEMENT_POLICY,
	STATEMENT_REVOKE,  STATEMENT_REVOKE,   STATEMENT_APPROVE,   STATEMENT_CHECKOUT,
	STATEMENT_CHECKIN, STATEMENT_SIGHT,    STATEMENT_FOUND,	    STATEMENT_ERASE,
	STATEMENT_REPORT,  STATEMENT_RECOVERY, STATEMENT_CATALOG,   STATEMENT_ADOPT,
};

static enum err fill(enum statement_kind kind, const struct org_register *r, struct draft *d)
{
	switch (kind) {
	case STATEMENT_OFFICER:
	case STATEMENT_STAFF:
		return add_person(d, roll(PEOPLE));
	case STATEMENT_HOST:
		return draft_add_hex(d, "key", sign_key_vkey(cast.keys[PEOPLE + roll(HOSTS)]),
				     SIGN_VKEY_LEN);
	case STATEMENT_MEDIUM:
		return add_medium(d);
	case STATEMENT_GRANT:
	case STATEMENT_GRANT_END:
		TRY(draft_add_recipient(d, "recipient", &cast.recipient[roll(PEOPLE)]));
		return draft_add(d, "for", one_in(2) ? "*" : "receipt");
	case STATEMENT_POLICY:
		return draft_add(d, "set", one_in(4) ? "second-officer on" : "unsynced-days 9");
	case STATEMENT_REVOKE:
		return add_revocation(d, r);
	case STATEMENT_APPROVE:
		return add_some_statement(d, "statement", r);
	case STATEMENT_CHECKOUT:
		return add_checkout(d);
	case STATEMENT_CHECKIN:
		TRY(draft_addf(d, "checkout", "T-%u", roll(4)));
		return add_number(d);
	case STATEMENT_REPORT:
		return add_report(d);
	case STATEMENT_RECOVERY:
		return draft_add_recipient(d, "recipient", &cast.recipient[roll(PEOPLE)]);
	case STATEMENT_ADOPT:
		TRY(add_volume(d));
		return draft_addf(d, "generation", "%u", roll(40));
	default:
		return add_number(d);
	}
}

/* ---- the homes ---- */

struct society {
	struct org_register *homes[HOMES];
	struct org_register *all; /* whatever was ever written, by chance in another order */
};

static struct org_register *fresh(void)
{
	struct org_register *r;

	assert_ok(register_new(&r));
	return r;
}

static void clear(struct society *t)
{
	for (unsigned i = 0; i < HOMES; i++)
		register_free(t->homes[i]);
	register_free(t->all);
}

static void merge(struct org_register *into, const struct org_register *from)
{
	assert_ok(register_merge(into, from, NULL));
}

/* Mostly those who may. */
static const struct sign_key *some_key(enum statement_kind kind)
{
	unsigned least = MIN(roll(PEOPLE), roll(PEOPLE));

	if (kind == STATEMENT_REPORT)
		return cast.keys[PEOPLE + roll(HOSTS)];
	return cast.keys[one_in(12) ? roll(SIGNERS) : MIN(least, roll(PEOPLE))];
}

static void write_by(struct org_register *r, enum statement_kind kind, const struct sign_key *key)
{
	struct draft d = { 0 };

	assert_ok(fill(kind, r, &d));
	assert_ok(register_write(r, kind, d.fields, d.count, key, NULL));
	draft_clear(&d);
}

static void write_something(struct org_register *r)
{
	enum statement_kind kind = kinds[roll(ARRAY_LEN(kinds))];

	write_by(r, kind, some_key(kind));
}

/* So that there is somebody to speak, and something to speak of. */
static void settle(struct org_register *r)
{
	static const enum statement_kind first[] = { STATEMENT_OFFICER, STATEMENT_OFFICER,
						     STATEMENT_STAFF,	STATEMENT_HOST,
						     STATEMENT_MEDIUM,	STATEMENT_MEDIUM };

	for (size_t i = 0; i < ARRAY_LEN(first); i++)
		write_by(r, first[i], cast.keys[0]);
}

static void found(struct society *t)
{
	struct draft d = { 0 };

	for (unsigned i = 0; i < HOMES; i++)
		t->homes[i] = fresh();
	t->all = fresh();
	assert_ok(draft_add(&d, "name", "Kita"));
	assert_ok(draft_add_recipient(&d, "recipient", &cast.recipient[0]));
	assert_ok(draft_add(&d, "second-officer", one_in(6) ? "on" : "off"));
	assert_ok(register_found(t->homes[0], d.fields, d.count, cast.keys[0]));
	draft_clear(&d);
	settle(t->homes[0]);
	for (unsigned i = 1; i < HOMES; i++)
		merge(t->homes[i], t->homes[0]);
	merge(t->all, t->homes[0]);
}

/* Two homes with one writer: whatever both add to a chain forks it. */
static void copy_home(struct society *t, unsigned from, unsigned to)
{
	register_free(t->homes[to]);
	t->homes[to] = fresh();
	merge(t->homes[to], t->homes[from]);
	memcpy(t->homes[to]->writer, t->homes[from]->writer, WRITER_LEN);
	t->homes[to]->has_writer = t->homes[from]->has_writer;
}

static void take_founding(struct org_register *into, const struct org_register *from)
{
	size_t i = 0;

	while (register_at(from, i)->kind != STATEMENT_ORG)
		i++;
	assert_ok(register_take(into, register_at(from, i)->text, register_at(from, i)->len, NULL));
}

/* All but one statement, as a folder that lost a file has it. */
static void lose_one(struct society *t, unsigned at)
{
	struct org_register *r = fresh(), *old = t->homes[at];
	size_t lost = roll((unsigned)register_count(old));

	merge(t->all, old);
	take_founding(r, old);
	for (size_t i = 0; i < register_count(old); i++)
		if (i != lost)
			assert_ok(register_add_text(r, register_at(old, i)->text,
						    register_at(old, i)->len, false, NULL));
	memcpy(r->writer, old->writer, WRITER_LEN);
	r->has_writer = old->has_writer;
	register_free(old);
	t->homes[at] = r;
}

/* A chain of a thief's own: behind anything that is here, with any clock. */
static void leap(struct org_register *r)
{
	enum statement_kind kind = kinds[roll(ARRAY_LEN(kinds))];
	const struct statement *behind = register_at(r, roll((unsigned)register_count(r)));
	struct statement draft = { .kind = kind, .seq = 1, .seen_count = 1 }, s = { 0 };
	struct draft d = { 0 };

	assert_ok(fill(kind, r, &d));
	memcpy(draft.org, register_org(r), ORG_ID_LEN);
	draft.writer[0] = (uint8_t)(1 + roll(250));
	draft.clock = one_in(3) ? 1 + roll(60) : behind->clock + 1;
	memcpy(draft.seen[0], behind->id, SHA256_LEN);
	draft.fields = d.fields;
	draft.field_count = d.count;
	assert_ok(statement_sign(&draft, some_key(kind), &s));
	draft_clear(&d);
	assert_ok(register_take(r, s.text, s.len, NULL));
	statement_clear(&s);
}

/* A text that was changed on its way is taken by nobody. */
static void tamper(struct org_register *r)
{
	const struct statement *s = register_at(r, roll((unsigned)register_count(r)));
	size_t before = register_count(r);
	struct buf text = { 0 };
	enum err err;

	assert_ok(buf_append(&text, s->text, s->len));
	text.data[roll((unsigned)text.len)] ^= (char)(1u << roll(8));
	err = register_take(r, text.data, text.len, NULL);
	assert_true(err == ERR_BAD_FORMAT || err == ERR_FORGED || err == ERR_NEWER_FORMAT);
	assert_int_equal(register_count(r), before);
	buf_clear(&text);
}

static void live(struct society *t, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		unsigned here = roll(HOMES), there = roll(HOMES);

		switch (roll(20)) {
		case 0:
			if (here != there)
				copy_home(t, here, there);
			break;
		case 1:
			lose_one(t, here);
			break;
		case 2:
			leap(t->homes[here]);
			break;
		case 3:
			tamper(t->homes[here]);
			break;
		case 4:
		case 5:
			merge(t->homes[here], t->homes[there]);
			break;
		default:
			write_something(t->homes[here]);
		}
		if (one_in(5))
			merge(t->all, t->homes[here]);
	}
	for (unsigned i = HOMES; i-- > 0;)
		merge(t->all, t->homes[i]);
}

/* ---- what must hold ---- */

static void print(const struct org_register *r, struct buf *out)
{
	struct roster *roster;

	assert_ok(roster_make(r, &roster));
	assert_ok(roster_print(roster, out));
	assert_ok(buf_printf(out, "%zu\n", register_count(r)));
	roster_free(roster);
}

static void assert_equal(const struct org_register *a, const struct org_register *b)
{
	uint8_t of_a[SHA256_LEN], of_b[SHA256_LEN];

	register_digest(a, of_a);
	register_digest(b, of_b);
	assert_int_equal(register_count(a), register_count(b));
	assert_memory_equal(of_a, of_b, SHA256_LEN);
}

static void assert_same(const struct org_register *a, const struct org_register *b)
{
	CLEANUP(buf_clear) struct buf x = { 0 };
	CLEANUP(buf_clear) struct buf y = { 0 };

	assert_equal(a, b);
	print(a, &x);
	print(b, &y);
	assert_string_equal(x.data, y.data);
}

static struct org_register *sum(const struct org_register *a, const struct org_register *b)
{
	struct org_register *r = fresh();

	merge(r, a);
	merge(r, b);
	return r;
}

static void merging_is_what_sets_do(const struct society *t)
{
	struct org_register *a = t->homes[0], *b = t->homes[1], *c = t->homes[2];
	struct org_register *ab = sum(a, b), *ba = sum(b, a), *bc = sum(b, c);
	struct org_register *left = sum(ab, c), *right = sum(a, bc), *again = sum(left, left);
	size_t more;

	assert_equal(ab, ba);
	assert_same(left, right);
	assert_equal(left, again);
	assert_ok(register_merge(left, b, &more));
	assert_int_equal(more, 0);
	register_free(ab);
	register_free(ba);
	register_free(bc);
	register_free(left);
	register_free(right);
	register_free(again);
}

/* One by one, in any order, some of them twice. */
static void any_order_of_arrival_says_the_same(const struct society *t)
{
	struct org_register *r = fresh();
	const struct statement *s;
	size_t count = register_count(t->all), *order = calloc(count, sizeof(*order));

	assert_non_null(order);
	take_founding(r, t->all);
	for (size_t i = 0; i < count; i++) {
		size_t j = roll((unsigned)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	for (size_t i = 0; i < count; i++) {
		s = register_at(t->all, order[i]);
		assert_ok(register_add_text(r, s->text, s->len, false, NULL));
		if (one_in(10))
			assert_ok(register_take(r, s->text, s->len, NULL));
	}
	assert_same(r, t->all);
	free(order);
	register_free(r);
}

/* What was said is still counted, unless the officer who said it was cut off meanwhile. */
static bool all_still_counts(const struct roster *old, const struct roster *now)
{
	for (size_t i = 0; i < register_count(old->from); i++)
		if (roster_counts(old, register_at(old->from, i)) &&
		    !roster_counts(now, register_at(old->from, i)))
			return false;
	return true;
}

/* A revocation that counts is in force, whatever else was said. */
static void revocations_are_in_force(const struct roster *r)
{
	for (size_t i = 0; i < register_count(r->from); i++) {
		const struct statement *s = register_at(r->from, i);
		const char *what = statement_value(s, "what"), *id = statement_value(s, "id");
		struct age_recipient who;

		if (s->kind != STATEMENT_REVOKE || !roster_counts(r, s))
			continue;
		if (strcmp(what, "staff") == 0 && age_recipient_parse(id, &who) == OK)
			assert_true(roster_person(r, &who)->revoked.is);
		if (strcmp(what, "medium") == 0)
			assert_true(roster_medium_named(r, id)->revoked.is);
	}
}

static void who_was_revoked_does_not_come_back(const struct roster *old, const struct roster *now)
{
	for (size_t i = 0; i < old->person_count; i++) {
		const struct roster_person *p = &old->people[i], *later;

		if (!p->revoked.is)
			continue;
		assert_true(roster_person(now, &p->recipient)->revoked.is);
		later = p->has_key ? roster_signer(now, p->vkey) : NULL;
		assert_true(!p->has_key || (later && later->revoked.is));
	}
	for (size_t i = 0; i < old->medium_count; i++) {
		const struct roster_medium *m = &old->media[i];

		if (!m->revoked.is)
			continue;
		assert_true(roster_medium_named(now, m->number)->revoked.is);
		assert_true(!m->has_volume || roster_medium(now, m->volume_id)->revoked.is);
	}
}

static unsigned long steady;

static void more_statements_bring_nobody_back(const struct org_register *before,
					      const struct org_register *after)
{
	struct roster *old, *now;

	assert_ok(roster_make(before, &old));
	assert_ok(roster_make(after, &now));
	revocations_are_in_force(old);
	revocations_are_in_force(now);
	if (all_still_counts(old, now)) {
		steady++;
		who_was_revoked_does_not_come_back(old, now);
	}
	roster_free(old);
	roster_free(now);
}

static void keep(const struct org_register *r, uint64_t seed)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf told = { 0 };
	bool *stands = calloc(register_count(r), sizeof(*stands));
	const char *dir = getenv("KEEP");
	struct roster *roster;
	char path[512], hex[2 * SHA256_LEN + 1];

	assert_non_null(stands);
	assert_ok(register_print(r, &text));
	assert_ok(register_standing(r, stands));
	assert_ok(roster_make(r, &roster));
	for (size_t i = 0; i < register_count(r); i++) {
		text_hex(register_at(r, i)->id, SHA256_LEN, hex);
		assert_ok(buf_printf(&told, "%s %d %d\n", hex, (int)stands[i],
				     (int)roster_counts(roster, register_at(r, i))));
	}
	snprintf(path, sizeof(path), "%s/%lu.txt", dir, (unsigned long)seed);
	assert_ok(io_replace_file(path, text.data, text.len, 0600));
	snprintf(path, sizeof(path), "%s/%lu.told", dir, (unsigned long)seed);
	assert_ok(io_replace_file(path, told.data, told.len, 0600));
	roster_free(roster);
	free(stands);
}

static void one_history(uint64_t seed)
{
	struct society t;
	struct org_register *before;

	dice = seed * 2654435761u + 1;
	found(&t);
	live(&t, 4 + roll(22));
	before = sum(t.all, t.all);
	merging_is_what_sets_do(&t);
	any_order_of_arrival_says_the_same(&t);
	live(&t, roll(12));
	more_statements_bring_nobody_back(before, t.all);
	if (getenv("KEEP"))
		keep(t.all, seed);
	register_free(before);
	clear(&t);
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 10) : otherwise;
}

/* The sanitizers look for something else, and take their time. */
#ifdef __SANITIZE_ADDRESS__
#define DEFAULT_HISTORIES 1500
#else
#define DEFAULT_HISTORIES 10000
#endif

static void random_histories_merge_as_sets_do(void **state)
{
	unsigned long seed = from_env("SEED", 1) * 1000000;
	unsigned long count = from_env("HISTORIES", DEFAULT_HISTORIES);

	for (unsigned long i = 0; i < count; i++)
		one_history(seed + i);
	print_message("# %lu histories from seed %lu, %lu of them without hindsight\n", count, seed,
		      steady);
	assert_true(count < 1000 || steady > count / 4);
}

static int setup(void **state)
{
	uint8_t seed[SIGN_SEED_LEN] = { 0 };
	struct age_identity *id;

	if (crypto_init() != OK)
		return -1;
	for (unsigned i = 0; i < SIGNERS; i++) {
		seed[0] = (uint8_t)(i + 1);
		if (sign_key_new(seed, &cast.keys[i]) != OK)
			return -1;
	}
	for (unsigned i = 0; i < PEOPLE; i++) {
		if (age_identity_new_random(&id) != OK)
			return -1;
		age_identity_recipient(id, &cast.recipient[i]);
		age_identity_free(id);
	}
	return 0;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < SIGNERS; i++)
		sign_key_free(cast.keys[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories_merge_as_sets_do),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

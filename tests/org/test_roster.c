/* What the register says: who may say what, up to where, and what becomes of those who were revoked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/draft.h"
#include "org/ledger.h"
#include "org/roster.h"
#include "org/staff_key.h"
#include "tests/check.h"

#define PEOPLE 5u

struct somebody {
	struct age_identity *id;
	struct age_recipient recipient;
	struct sign_key *key;
	struct org_register *books; /* of the computer they sit at */
};

struct society {
	struct somebody who[PEOPLE]; /* 0 founded it */
	struct sign_key *host;
};

static void make_person(struct somebody *w)
{
	assert_ok(age_identity_new_random(&w->id));
	age_identity_recipient(w->id, &w->recipient);
	assert_ok(staff_sign_key(w->id, &w->key));
	assert_ok(register_new(&w->books));
}

static const struct statement *say(struct somebody *w, enum statement_kind kind, struct draft *d)
{
	const struct statement *s = NULL;

	assert_ok(register_write(w->books, kind, d->fields, d->count, w->key, &s));
	draft_clear(d);
	return s;
}

static void found(struct society *t, bool second)
{
	struct somebody *w = &t->who[0];
	struct draft d = { 0 };

	assert_ok(draft_add(&d, "name", "Kita"));
	assert_ok(draft_add(&d, "officer", "founder"));
	assert_ok(draft_add_recipient(&d, "recipient", &w->recipient));
	assert_ok(draft_add(&d, "second-officer", second ? "on" : "off"));
	assert_ok(register_found(w->books, d.fields, d.count, w->key));
	draft_clear(&d);
}

static int setup(void **state)
{
	struct society *t = calloc(1, sizeof(*t));

	if (!t || crypto_init() != OK || sign_key_random(&t->host) != OK)
		return -1;
	for (unsigned i = 0; i < PEOPLE; i++)
		make_person(&t->who[i]);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	struct society *t = *state;

	for (unsigned i = 0; i < PEOPLE; i++) {
		age_identity_free(t->who[i].id);
		sign_key_free(t->who[i].key);
		register_free(t->who[i].books);
	}
	sign_key_free(t->host);
	free(t);
	return 0;
}

/* Everybody gets everything. */
static void sync(struct society *t)
{
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < PEOPLE; i++)
			for (unsigned j = 0; j < PEOPLE; j++)
				assert_ok(register_merge(t->who[i].books, t->who[j].books, NULL));
}

static const struct statement *add_staff(struct somebody *by, enum statement_kind kind,
					 const struct somebody *who, const char *name)
{
	struct draft d = { 0 };

	assert_ok(draft_add_recipient(&d, "recipient", &who->recipient));
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(who->key), SIGN_VKEY_LEN));
	assert_ok(draft_add(&d, "name", name));
	return say(by, kind, &d);
}

/* `upto` NULL: nothing of theirs counts. */
static const struct statement *revoke(struct somebody *by, const struct somebody *who,
				      const struct statement *upto)
{
	char text[AGE_RECIPIENT_TEXT];
	struct draft d = { 0 };

	age_recipient_print(&who->recipient, text);
	assert_ok(draft_add(&d, "what", "staff"));
	assert_ok(draft_add(&d, "id", text));
	assert_ok(draft_add(&d, "reason", "left"));
	if (upto)
		assert_ok(draft_add_hex(&d, "upto", upto->id, SHA256_LEN));
	return say(by, STATEMENT_REVOKE, &d);
}

static const struct statement *medium(struct somebody *by, const char *number, const char *name,
				      const char *value)
{
	struct draft d = { 0 };

	assert_ok(draft_add(&d, "number", number));
	assert_ok(draft_add(&d, name, value));
	return say(by, STATEMENT_MEDIUM, &d);
}

static struct roster *roster_of(const struct somebody *w)
{
	struct roster *r = NULL;

	assert_ok(roster_make(w->books, &r));
	return r;
}

static bool counts(const struct somebody *w, const struct statement *s)
{
	struct roster *r = roster_of(w);
	bool yes = roster_counts(r, s);

	roster_free(r);
	return yes;
}

static bool is_officer(const struct somebody *w, const struct somebody *who)
{
	struct roster *r = roster_of(w);
	const struct roster_person *p = roster_person(r, &who->recipient);
	bool yes = p && p->officer && !p->revoked.is;

	roster_free(r);
	return yes;
}

/* ---- stories ---- */

static void the_founder_is_an_officer_and_nobody_else(void **state)
{
	struct society *t = *state;
	const struct statement *s;

	found(t, false);
	sync(t);
	assert_true(is_officer(&t->who[0], &t->who[0]));
	assert_false(is_officer(&t->who[0], &t->who[1]));
	s = add_staff(&t->who[1], STATEMENT_STAFF, &t->who[2], "sato");
	assert_false(counts(&t->who[1], s));
	s = add_staff(&t->who[0], STATEMENT_STAFF, &t->who[2], "sato");
	assert_true(counts(&t->who[0], s));
}

static void who_was_made_an_officer_may_speak_from_then_on(void **state)
{
	struct society *t = *state;
	const struct statement *early, *late;

	found(t, false);
	sync(t);
	early = medium(&t->who[1], "U-1", "label", "EARLY");
	sync(t);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	late = medium(&t->who[1], "U-2", "label", "LATE");
	assert_false(counts(&t->who[1], early));
	assert_true(counts(&t->who[1], late));
}

static void behind_the_end_of_a_revoked_officer_nothing_counts(void **state)
{
	struct society *t = *state;
	const struct statement *before, *after;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	before = medium(&t->who[1], "U-1", "label", "BEFORE");
	sync(t);
	(void)revoke(&t->who[0], &t->who[1], before);
	/* Who took the key writes on as if nothing had been said. */
	after = medium(&t->who[1], "U-1", "label", "AFTER");
	sync(t);
	assert_true(counts(&t->who[2], before));
	assert_false(counts(&t->who[2], after));
	assert_false(is_officer(&t->who[2], &t->who[1]));
}

static void officers_whom_a_revoked_one_made_afterwards_are_none(void **state)
{
	struct society *t = *state;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	(void)revoke(&t->who[0], &t->who[1], NULL);
	(void)add_staff(&t->who[1], STATEMENT_OFFICER, &t->who[2], "thief");
	sync(t);
	assert_false(is_officer(&t->who[3], &t->who[2]));
	(void)revoke(&t->who[2], &t->who[0], NULL);
	sync(t);
	assert_true(is_officer(&t->who[3], &t->who[0]));
}

static void of_two_who_revoke_each_other_the_senior_stays(void **state)
{
	struct society *t = *state;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	(void)revoke(&t->who[1], &t->who[0], NULL);
	(void)revoke(&t->who[0], &t->who[1], NULL);
	sync(t);
	assert_true(is_officer(&t->who[2], &t->who[0]));
	assert_false(is_officer(&t->who[2], &t->who[1]));
}

static void a_junior_may_revoke_a_senior_whose_key_is_lost(void **state)
{
	struct society *t = *state;
	const struct statement *end, *stolen;

	found(t, false);
	end = add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	(void)revoke(&t->who[1], &t->who[0], end);
	stolen = medium(&t->who[0], "U-1", "label", "STOLEN");
	sync(t);
	assert_false(is_officer(&t->who[2], &t->who[0]));
	assert_true(is_officer(&t->who[2], &t->who[1]));
	assert_false(counts(&t->who[2], stolen));
}

/* A new chain under the key of `by`, as a thief's computer would begin one, behind the founding one. */
static const struct statement *backdate(struct somebody *by, enum statement_kind kind,
					struct draft *d)
{
	struct statement draft = { .kind = kind, .seq = 1, .clock = 2, .seen_count = 1,
				   .fields = d->fields, .field_count = d->count };
	struct statement s = { 0 };
	uint8_t id[SHA256_LEN];

	memcpy(draft.org, register_org(by->books), ORG_ID_LEN);
	memset(draft.writer, 0xee, sizeof(draft.writer));
	memcpy(draft.seen[0], register_at(by->books, 0)->id, SHA256_LEN);
	assert_ok(statement_sign(&draft, by->key, &s));
	memcpy(id, s.id, sizeof(id));
	assert_ok(register_take(by->books, s.text, s.len, NULL));
	statement_clear(&s);
	draft_clear(d);
	return register_find(by->books, id);
}

static void what_does_not_count_makes_nobody_less_of_an_officer(void **state)
{
	struct society *t = *state;
	const struct statement *end;
	struct draft d = { 0 };

	found(t, false);
	end = add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[2], "sato");
	sync(t);
	(void)add_staff(&t->who[2], STATEMENT_OFFICER, &t->who[3], "kato");
	sync(t);
	(void)add_staff(&t->who[3], STATEMENT_OFFICER, &t->who[4], "ito");
	(void)revoke(&t->who[0], &t->who[1], end);
	/* Under yamada's key ito would be of a lower rank, if it counted. */
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[4].recipient));
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(t->who[4].key), SIGN_VKEY_LEN));
	assert_ok(draft_add(&d, "name", "thief's friend"));
	(void)backdate(&t->who[1], STATEMENT_OFFICER, &d);
	sync(t);
	assert_true(is_officer(&t->who[0], &t->who[4]));
	assert_true(counts(&t->who[4], medium(&t->who[4], "U-1", "label", "A")));
}

static void who_was_revoked_does_not_ask_for_a_second_officer_in_hindsight(void **state)
{
	struct society *t = *state;
	const struct statement *s;
	struct draft d = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	sync(t);
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[2].recipient));
	assert_ok(draft_add(&d, "for", "*"));
	s = say(&t->who[0], STATEMENT_GRANT, &d);
	(void)revoke(&t->who[0], &t->who[1], NULL);
	assert_ok(draft_add(&d, "set", "second-officer on"));
	(void)backdate(&t->who[1], STATEMENT_POLICY, &d);
	sync(t);
	assert_true(counts(&t->who[3], s));
}

static void two_do_not_hold_each_other_up(void **state)
{
	struct society *t = *state;
	const struct statement *end;

	found(t, false);
	end = add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[2], "sato");
	sync(t);
	(void)add_staff(&t->who[2], STATEMENT_OFFICER, &t->who[3], "kato");
	sync(t);
	(void)add_staff(&t->who[3], STATEMENT_OFFICER, &t->who[2], "sato");
	sync(t);
	/* The founder's key was lost before sato was made an officer with it. */
	(void)revoke(&t->who[1], &t->who[0], end);
	sync(t);
	assert_true(is_officer(&t->who[4], &t->who[1]));
	assert_false(is_officer(&t->who[4], &t->who[2]));
	assert_false(is_officer(&t->who[4], &t->who[3]));
}

static void a_revocation_counts_on_a_forked_chain(void **state)
{
	struct society *t = *state;
	const struct statement *end, *one, *other;
	struct statement draft, s = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	end = medium(&t->who[0], "U-1", "label", "A");
	one = revoke(&t->who[0], &t->who[1], NULL);
	draft = (struct statement){ .kind = STATEMENT_SIGHT, .seq = one->seq, .clock = one->clock };
	memcpy(draft.org, one->org, ORG_ID_LEN);
	memcpy(draft.writer, one->writer, WRITER_LEN);
	memcpy(draft.prev, end->id, SHA256_LEN);
	assert_ok(statement_sign(&draft, t->who[0].key, &s));
	assert_ok(register_take(t->who[0].books, s.text, s.len, NULL));
	other = register_find(t->who[0].books, s.id);
	statement_clear(&s);
	assert_false(counts(&t->who[0], other));
	assert_true(counts(&t->who[0], one));
}

static void a_second_officer_has_to_approve_where_that_was_founded(void **state)
{
	struct society *t = *state;
	const struct statement *grant, *revocation;
	struct draft d = { 0 };

	found(t, true);
	sync(t);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[2], "sato");
	/* The founder alone makes the second officer, and no third. */
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[3], "kato");
	sync(t);
	assert_true(is_officer(&t->who[2], &t->who[1]));
	assert_false(is_officer(&t->who[2], &t->who[3]));
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[2].recipient));
	assert_ok(draft_add(&d, "for", "*"));
	grant = say(&t->who[0], STATEMENT_GRANT, &d);
	assert_false(counts(&t->who[0], grant));
	revocation = revoke(&t->who[0], &t->who[2], NULL);
	assert_true(counts(&t->who[0], revocation));
}

static void second_officer_turned_on_later_holds_for_what_comes_later(void **state)
{
	struct society *t = *state;
	const struct statement *before, *after, *approval;
	struct draft d = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[2].recipient));
	assert_ok(draft_add(&d, "for", "receipt"));
	before = say(&t->who[0], STATEMENT_GRANT, &d);
	assert_ok(draft_add(&d, "set", "second-officer on"));
	(void)say(&t->who[0], STATEMENT_POLICY, &d);
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[2].recipient));
	assert_ok(draft_add(&d, "for", "checkup"));
	after = say(&t->who[0], STATEMENT_GRANT, &d);
	sync(t);
	assert_true(counts(&t->who[1], before));
	assert_false(counts(&t->who[1], after));
	assert_ok(draft_add_hex(&d, "statement", after->id, SHA256_LEN));
	(void)say(&t->who[0], STATEMENT_APPROVE, &d);
	sync(t);
	assert_false(counts(&t->who[1], after)); /* his own approval is none */
	assert_ok(draft_add_hex(&d, "statement", after->id, SHA256_LEN));
	approval = say(&t->who[1], STATEMENT_APPROVE, &d);
	sync(t);
	assert_true(counts(&t->who[2], approval));
	assert_true(counts(&t->who[2], after));
}

static void a_medium_keeps_what_a_later_statement_does_not_name(void **state)
{
	struct society *t = *state;
	struct roster *r;
	const struct roster_medium *m;

	found(t, false);
	(void)medium(&t->who[0], "U-012", "label", "OSAKA-03");
	(void)medium(&t->who[0], "U-012", "place", "safe 2");
	r = roster_of(&t->who[0]);
	m = roster_medium_named(r, "ｕ-012");
	assert_non_null(m);
	assert_string_equal(m->label, "OSAKA-03");
	assert_string_equal(m->place, "safe 2");
	assert_ptr_equal(roster_medium_named(r, "osaka-03"), m);
	roster_free(r);
}

static const struct statement *checkout(struct somebody *by, const struct somebody *carrier,
					const char *id)
{
	struct draft d = { 0 };

	assert_ok(draft_add(&d, "checkout", id));
	assert_ok(draft_add(&d, "number", "U-012"));
	assert_ok(draft_add_recipient(&d, "carrier", &carrier->recipient));
	assert_ok(draft_add(&d, "until", "2031-01-31"));
	return say(by, STATEMENT_CHECKOUT, &d);
}

static void approve(struct somebody *by, const struct statement *s)
{
	struct draft d = { 0 };

	assert_ok(draft_add_hex(&d, "statement", s->id, SHA256_LEN));
	(void)say(by, STATEMENT_APPROVE, &d);
}

static void nobody_approves_what_he_carries(void **state)
{
	struct society *t = *state;
	const struct statement *s;
	struct roster *r;
	struct lending l;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	(void)medium(&t->who[0], "U-012", "label", "OSAKA-03");
	sync(t);
	s = checkout(&t->who[0], &t->who[0], "T-2026-0001");
	approve(&t->who[0], s);
	r = roster_of(&t->who[0]);
	assert_false(r->checkouts[0].approved);
	assert_int_equal(roster_medium_named(r, "U-012")->state, MEDIUM_REQUESTED);
	roster_free(r);
	sync(t);
	approve(&t->who[1], register_find(t->who[1].books, s->id));
	sync(t);
	r = roster_of(&t->who[0]);
	lending_of(r, roster_open_checkout(r, "U-012"), 1, &l);
	assert_int_equal(l.state, LENDING_OUT);
	assert_string_equal(l.approver->name, "yamada");
	assert_int_equal(roster_medium_named(r, "U-012")->state, MEDIUM_OUT);
	roster_free(r);
}

static void what_was_lost_stays_revoked_when_it_is_found(void **state)
{
	struct society *t = *state;
	struct draft d = { 0 };
	struct roster *r;

	found(t, false);
	(void)medium(&t->who[0], "U-012", "label", "OSAKA-03");
	assert_ok(draft_add(&d, "what", "medium"));
	assert_ok(draft_add(&d, "id", "U-012"));
	assert_ok(draft_add(&d, "reason", "lost"));
	(void)say(&t->who[0], STATEMENT_REVOKE, &d);
	r = roster_of(&t->who[0]);
	assert_int_equal(roster_medium_named(r, "U-012")->state, MEDIUM_LOST);
	roster_free(r);
	assert_ok(draft_add(&d, "number", "U-012"));
	(void)say(&t->who[0], STATEMENT_FOUND, &d);
	(void)medium(&t->who[0], "U-012", "place", "back");
	r = roster_of(&t->who[0]);
	assert_int_equal(roster_medium_named(r, "U-012")->state, MEDIUM_FOUND);
	assert_true(roster_medium_named(r, "U-012")->revoked.is);
	roster_free(r);
}

static void revoke_medium(struct somebody *by, const char *number, const char *volume)
{
	struct draft d = { 0 };

	assert_ok(draft_add(&d, "what", "medium"));
	assert_ok(draft_add(&d, "id", number));
	assert_ok(draft_add(&d, "reason", "lost"));
	assert_ok(draft_add(&d, "volume", volume));
	(void)say(by, STATEMENT_REVOKE, &d);
}

static bool is_revoked_volume(const struct somebody *w, char digit)
{
	uint8_t volume_id[VOLUME_ID_LEN];
	struct roster *r = roster_of(w);
	const struct roster_medium *m;
	bool yes;

	memset(volume_id, digit * 0x11, sizeof(volume_id));
	m = roster_medium(r, volume_id);
	yes = m && m->revoked.is;
	roster_free(r);
	return yes;
}

#define VAULT_1 "11111111111111111111111111111111"
#define VAULT_2 "22222222222222222222222222222222"
#define VAULT_3 "33333333333333333333333333333333"

static void a_lost_vault_does_not_come_back_when_its_number_gets_another(void **state)
{
	struct society *t = *state;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_OFFICER, &t->who[1], "yamada");
	(void)medium(&t->who[0], "U-012", "volume", VAULT_1);
	sync(t);
	/* One enters a new vault under the number, another knows only the one that was lost. */
	(void)medium(&t->who[0], "U-012", "volume", VAULT_2);
	revoke_medium(&t->who[1], "U-012", VAULT_1);
	sync(t);
	(void)medium(&t->who[0], "U-012", "volume", VAULT_3);
	assert_true(is_revoked_volume(&t->who[0], 1));
	assert_true(is_revoked_volume(&t->who[0], 2));
	assert_true(is_revoked_volume(&t->who[0], 3));
	(void)medium(&t->who[0], "U-013", "volume", VAULT_1);
	assert_true(is_revoked_volume(&t->who[0], 1));
}

static void a_key_of_who_was_revoked_is_theirs_for_good(void **state)
{
	struct society *t = *state;
	const struct roster_person *p;
	struct roster *r;
	struct draft d = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	(void)revoke(&t->who[0], &t->who[1], NULL);
	/* Entered once more with another key, and the key under another name. */
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[1].recipient));
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(t->who[2].key), SIGN_VKEY_LEN));
	assert_ok(draft_add(&d, "name", "yamada"));
	(void)say(&t->who[0], STATEMENT_STAFF, &d);
	assert_ok(draft_add_recipient(&d, "recipient", &t->who[3].recipient));
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(t->who[1].key), SIGN_VKEY_LEN));
	assert_ok(draft_add(&d, "name", "aa"));
	(void)say(&t->who[0], STATEMENT_STAFF, &d);
	r = roster_of(&t->who[0]);
	p = roster_signer(r, sign_key_vkey(t->who[1].key));
	assert_true(p && p->revoked.is);
	roster_free(r);
}

static void who_was_revoked_says_nothing_in_hindsight_either(void **state)
{
	struct society *t = *state;
	const struct statement *before, *unknown, *late;
	struct draft d = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	(void)medium(&t->who[0], "U-012", "label", "OSAKA-03");
	sync(t);
	before = checkout(&t->who[1], &t->who[1], "T-2026-0001");
	sync(t);
	unknown = checkout(&t->who[1], &t->who[1], "T-2026-0002");
	(void)revoke(&t->who[0], &t->who[1], NULL);
	sync(t);
	assert_ok(draft_add(&d, "number", "U-012"));
	late = backdate(&t->who[1], STATEMENT_SIGHT, &d);
	assert_true(counts(&t->who[1], before));
	assert_false(counts(&t->who[1], unknown));
	assert_false(counts(&t->who[1], late));
}

static void what_the_staff_saw_registers_no_medium(void **state)
{
	struct society *t = *state;
	struct roster *r;
	struct draft d = { 0 };

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	sync(t);
	assert_ok(draft_add(&d, "number", "U-999"));
	assert_false(counts(&t->who[1], say(&t->who[1], STATEMENT_SIGHT, &d)));
	(void)checkout(&t->who[1], &t->who[1], "T-2026-0001");
	r = roster_of(&t->who[1]);
	assert_int_equal(r->medium_count + r->checkout_count, 0);
	roster_free(r);
}

static void who_was_revoked_takes_nothing_out_afterwards(void **state)
{
	struct society *t = *state;
	const struct statement *s;

	found(t, false);
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	(void)medium(&t->who[0], "U-012", "label", "OSAKA-03");
	sync(t);
	(void)revoke(&t->who[0], &t->who[1], NULL);
	sync(t);
	s = checkout(&t->who[1], &t->who[1], "T-2026-0001");
	assert_false(counts(&t->who[1], s));
	(void)add_staff(&t->who[0], STATEMENT_STAFF, &t->who[1], "yamada");
	sync(t);
	s = checkout(&t->who[1], &t->who[1], "T-2026-0002");
	assert_false(counts(&t->who[1], s));
}

static void a_report_counts_from_its_own_host_only(void **state)
{
	struct society *t = *state;
	char held[33 + 33], id[20] = "h-";
	uint8_t sum[SHA256_LEN];
	const struct statement *s;
	struct draft d = { 0 };
	struct roster *r;

	found(t, false);
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(t->host), SIGN_VKEY_LEN));
	assert_ok(draft_add(&d, "name", "kita-1"));
	(void)say(&t->who[0], STATEMENT_HOST, &d);
	memset(held, 'a', sizeof(held));
	held[32] = ' ';
	held[65] = '\0';
	assert_ok(draft_add(&d, "holds", held));
	s = say(&t->who[0], STATEMENT_REPORT, &d);
	assert_false(counts(&t->who[0], s));
	assert_ok(draft_add(&d, "holds", held));
	assert_ok(register_write(t->who[0].books, STATEMENT_REPORT, d.fields, d.count, t->host, &s));
	draft_clear(&d);
	assert_true(counts(&t->who[0], s));
	sha256(sign_key_vkey(t->host), SIGN_VKEY_LEN, sum);
	text_hex(sum, 8, id + 2);
	r = roster_of(&t->who[0]);
	assert_int_equal(roster_host(r, id)->held_count, 1);
	assert_ptr_equal(roster_host_named(r, "KITA-1"), roster_host(r, id));
	roster_free(r);
}

#define STORY(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest stories[] = {
		STORY(the_founder_is_an_officer_and_nobody_else),
		STORY(who_was_made_an_officer_may_speak_from_then_on),
		STORY(behind_the_end_of_a_revoked_officer_nothing_counts),
		STORY(officers_whom_a_revoked_one_made_afterwards_are_none),
		STORY(of_two_who_revoke_each_other_the_senior_stays),
		STORY(a_junior_may_revoke_a_senior_whose_key_is_lost),
		STORY(what_does_not_count_makes_nobody_less_of_an_officer),
		STORY(who_was_revoked_does_not_ask_for_a_second_officer_in_hindsight),
		STORY(two_do_not_hold_each_other_up),
		STORY(a_revocation_counts_on_a_forked_chain),
		STORY(a_second_officer_has_to_approve_where_that_was_founded),
		STORY(second_officer_turned_on_later_holds_for_what_comes_later),
		STORY(a_medium_keeps_what_a_later_statement_does_not_name),
		STORY(nobody_approves_what_he_carries),
		STORY(what_was_lost_stays_revoked_when_it_is_found),
		STORY(a_lost_vault_does_not_come_back_when_its_number_gets_another),
		STORY(a_key_of_who_was_revoked_is_theirs_for_good),
		STORY(who_was_revoked_says_nothing_in_hindsight_either),
		STORY(what_the_staff_saw_registers_no_medium),
		STORY(who_was_revoked_takes_nothing_out_afterwards),
		STORY(a_report_counts_from_its_own_host_only),
	};

	return cmocka_run_group_tests(stories, NULL, NULL);
}

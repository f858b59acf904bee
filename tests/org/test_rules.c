/* What the register allows: each verdict is a row whose name tells the story. The roster is made by
 * hand; that statements make it so is told by the tests of the roster. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/rules.h"
#include "tests/check.h"

#define NOW 1795392000 /* 2026-11-23 00:00 UTC */
#define DAY 86400

enum { OFFICER, HANAKO, TARO, LEAVER, PEOPLE };
enum { DESK, LAPTOP, HOSTS };

/* A small society: an officer, two of the staff, one who will leave; two hosts, one medium. Hanako
 * may open what holds receipts, and has the medium in her hand. */
struct world {
	struct roster r;
	struct roster_person people[PEOPLE];
	struct roster_host hosts[HOSTS];
	struct roster_held held;
	struct roster_medium medium;
	struct roster_grant grants[2];
	struct roster_checkout checkout;
	struct age_recipient stranger, to[3];
	struct rules_ask ask;
	struct age_recipient key_list[4];
	struct rules_key key;
};

static const uint8_t volume[VOLUME_ID_LEN] = { 7 };
static const uint8_t other_volume[VOLUME_ID_LEN] = { 8 };

static void recipient_of(uint8_t n, struct age_recipient *ret)
{
	memset(ret->pk, 0x40 + n, sizeof(ret->pk));
}

static void person(struct world *w, unsigned i, const char *name)
{
	struct roster_person *p = &w->people[i];

	text_copy(p->name, sizeof(p->name), name);
	recipient_of((uint8_t)i, &p->recipient);
	p->has_key = true;
	memset(p->vkey, 0x20 + (int)i, sizeof(p->vkey));
	text_copy(p->trained, sizeof(p->trained), "2027-03-31");
}

static void host(struct world *w, unsigned i, const char *id, const char *name)
{
	text_copy(w->hosts[i].id, sizeof(w->hosts[i].id), id);
	text_copy(w->hosts[i].name, sizeof(w->hosts[i].name), name);
}

static void medium(struct world *w)
{
	struct roster_medium *m = &w->medium;

	text_copy(m->number, sizeof(m->number), "U-012");
	text_copy(m->label, sizeof(m->label), "OSAKA-03");
	text_copy(m->category, sizeof(m->category), "receipt");
	memcpy(m->volume_id, volume, sizeof(volume));
	m->has_volume = m->separated = true;
	m->state = MEDIUM_OUT;
}

static void papers(struct world *w)
{
	w->grants[0].recipient = w->people[HANAKO].recipient;
	text_copy(w->grants[0].what, sizeof(w->grants[0].what), "receipt");
	w->grants[1].recipient = w->people[LEAVER].recipient;
	text_copy(w->grants[1].what, sizeof(w->grants[1].what), "*");
	text_copy(w->checkout.id, sizeof(w->checkout.id), "T-2026-0031");
	text_copy(w->checkout.number, sizeof(w->checkout.number), "U-012");
	w->checkout.carrier = w->people[HANAKO].recipient;
	w->checkout.approved = true;
	memcpy(w->checkout.approved_by, w->people[OFFICER].vkey, SIGN_VKEY_LEN);
}

static void make(struct world *w)
{
	memset(w, 0, sizeof(*w));
	person(w, OFFICER, "officer");
	person(w, HANAKO, "hanako");
	person(w, TARO, "taro");
	person(w, LEAVER, "leaver");
	w->people[OFFICER].officer = true;
	host(w, DESK, "h-0000000000000001", "desk");
	host(w, LAPTOP, "h-0000000000000002", "laptop");
	medium(w);
	papers(w);
	recipient_of(77, &w->stranger);
	w->r = (struct roster){ .people = w->people, .person_count = PEOPLE, .hosts = w->hosts,
				.host_count = HOSTS, .media = &w->medium, .medium_count = 1,
				.grants = w->grants, .grant_count = 2,
				.checkouts = &w->checkout, .checkout_count = 1 };
	w->ask = (struct rules_ask){ .now = NOW, .synced = NOW - DAY,
				     .who = &w->people[HANAKO].recipient,
				     .host_id = w->hosts[DESK].id, .volume_id = volume,
				     .separated = true };
}

/* ---- what the stories change ---- */

static void nothing(struct world *w)
{
}
static void ask_officer(struct world *w)
{
	w->ask.who = &w->people[OFFICER].recipient;
}
static void ask_taro(struct world *w)
{
	w->ask.who = &w->people[TARO].recipient;
}
static void ask_stranger(struct world *w)
{
	w->ask.who = &w->stranger;
}
static void no_society(struct world *w)
{
	w->r = (struct roster){ 0 };
	w->ask = (struct rules_ask){ .now = NOW, .who = &w->stranger, .host_id = "h-unheard-of",
				     .volume_id = other_volume };
}
static void key_revoked(struct world *w)
{
	w->people[HANAKO].revoked.is = true;
}
static void officer_revoked(struct world *w)
{
	ask_officer(w);
	w->people[OFFICER].revoked.is = true;
}
static void host_revoked(struct world *w)
{
	w->hosts[DESK].revoked = (struct revoked){ true, REVOKE_LOST, NOW - 100 };
}
static void other_host_revoked(struct world *w)
{
	w->hosts[LAPTOP].revoked = (struct revoked){ true, REVOKE_LOST, NOW - 100 };
}
static void medium_revoked(struct world *w)
{
	w->medium.revoked.is = true;
}
static void officer_with_revoked_medium(struct world *w)
{
	ask_officer(w);
	medium_revoked(w);
}
static void all_revoked(struct world *w)
{
	key_revoked(w);
	host_revoked(w);
	medium_revoked(w);
}
static void expired_yesterday(struct world *w)
{
	text_copy(w->grants[0].until, ROSTER_DAY, "2026-11-21");
}
static void expires_today(struct world *w)
{
	char day[32];

	text_time(NOW, day);
	text_copy(w->grants[0].until, ROSTER_DAY, day);
}
static void expired_but_granted_anew(struct world *w)
{
	expired_yesterday(w);
	w->grants[1] = w->grants[0];
	text_copy(w->grants[1].until, ROSTER_DAY, "2027-03-31");
}
static void host_unknown(struct world *w)
{
	w->ask.host_id = "h-00000000000000ff";
}
static void medium_unknown(struct world *w)
{
	w->ask.volume_id = other_volume;
}
static void officer_with_medium_unknown(struct world *w)
{
	ask_officer(w);
	medium_unknown(w);
}
static void granted_the_volume(struct world *w)
{
	ask_taro(w);
	w->grants[0].recipient = w->people[TARO].recipient;
	text_hex(volume, VOLUME_ID_LEN, w->grants[0].what);
}
static void granted_another_volume(struct world *w)
{
	granted_the_volume(w);
	text_hex(other_volume, VOLUME_ID_LEN, w->grants[0].what);
}
static void granted_everything(struct world *w)
{
	ask_taro(w);
	w->grants[1].recipient = w->people[TARO].recipient;
}
static void medium_without_category(struct world *w)
{
	w->medium.category[0] = '\0';
}
static void no_limit_of_days(struct world *w)
{
	w->ask.synced = 0;
}
static void ten_days(struct world *w)
{
	w->r.policy.unsynced_days = 10;
	w->ask.synced = NOW - 10 * DAY;
}
static void eleven_days(struct world *w)
{
	ten_days(w);
	w->ask.synced--;
}
static void clock_set_back(struct world *w)
{
	ten_days(w);
	w->ask.synced = NOW + DAY + 1;
}
static void never_synced(struct world *w)
{
	ten_days(w);
	w->ask.synced = 0;
}
static void training_asked(struct world *w)
{
	w->r.policy.training = true;
}
static void training_lapsed(struct world *w)
{
	training_asked(w);
	text_copy(w->people[HANAKO].trained, ROSTER_DAY, "2026-11-21");
}
static void training_unsaid(struct world *w)
{
	training_asked(w);
	w->people[HANAKO].trained[0] = '\0';
}
static void not_separated(struct world *w)
{
	w->ask.separated = false;
}
static void separation_asked(struct world *w)
{
	not_separated(w);
	w->r.policy.key_separation = true;
}
static void checkout_asked(struct world *w)
{
	w->r.policy.checkout = true;
}
static void never_checked_out(struct world *w)
{
	checkout_asked(w);
	w->r.checkout_count = 0;
}
static void not_approved(struct world *w)
{
	checkout_asked(w);
	w->checkout.approved = false;
}
static void returned(struct world *w)
{
	checkout_asked(w);
	w->checkout.returned = true;
}
static void checked_out_to_taro(struct world *w)
{
	checkout_asked(w);
	w->checkout.carrier = w->people[TARO].recipient;
}
static void officer_without_checkout(struct world *w)
{
	never_checked_out(w);
	ask_officer(w);
}
static void approved_by_herself(struct world *w)
{
	checkout_asked(w);
	memcpy(w->checkout.approved_by, w->people[HANAKO].vkey, SIGN_VKEY_LEN);
}
static void two_people_asked(struct world *w)
{
	approved_by_herself(w);
	w->r.policy.two_person = true;
}
static void to_taro(struct world *w)
{
	w->to[0] = w->people[TARO].recipient;
	granted_everything(w);
	w->ask.who = &w->people[HANAKO].recipient;
}
static void to_taro_without_grant(struct world *w)
{
	w->to[0] = w->people[TARO].recipient;
}
static void to_taro_expired(struct world *w)
{
	to_taro(w);
	text_copy(w->grants[1].until, ROSTER_DAY, "2026-11-21");
}
static void to_stranger(struct world *w)
{
	w->to[0] = w->stranger;
}
static void to_recovery(struct world *w)
{
	to_stranger(w);
	w->r.has_recovery = true;
	w->r.recovery = w->stranger;
}
static void to_leaver_revoked(struct world *w)
{
	w->to[0] = w->people[LEAVER].recipient;
	w->people[LEAVER].revoked.is = true;
}
static void grant_by_taro(struct world *w)
{
	to_taro_without_grant(w);
	ask_taro(w);
}
static void receipts(struct world *w)
{
	w->ask.volume_id = NULL;
	w->ask.category = "receipt";
	w->to[0] = w->people[TARO].recipient;
}
static void checkups(struct world *w)
{
	receipts(w);
	w->ask.category = "checkup";
}
static void no_category(struct world *w)
{
	receipts(w);
	w->ask.category = NULL;
}
static void receipts_expired(struct world *w)
{
	receipts(w);
	expired_yesterday(w);
}
static void receipts_to_stranger(struct world *w)
{
	receipts(w);
	to_stranger(w);
}
static void receipts_to_revoked(struct world *w)
{
	receipts(w);
	to_leaver_revoked(w);
}
static void receipts_by_officer(struct world *w)
{
	receipts(w);
	ask_officer(w);
}
static void receipts_unsynced(struct world *w)
{
	receipts(w);
	eleven_days(w);
}
static void receipts_untrained(struct world *w)
{
	receipts(w);
	training_lapsed(w);
}
static void receipts_not_separated(struct world *w)
{
	receipts(w);
	separation_asked(w);
}
static void receipts_on_unknown_host(struct world *w)
{
	receipts(w);
	host_unknown(w);
}
static void issued_by_leaver(struct world *w)
{
	w->people[LEAVER].revoked.is = true;
}

/* ---- the tables ---- */

enum question { Q_OPEN, Q_TAKE_OUT, Q_CREATE, Q_GRANT, Q_ENROL, Q_PACK, Q_UNPACK, Q_OFFICER, Q_REVOKED };

struct row {
	const char *story;
	enum question question;
	void (*change)(struct world *w);
	enum err want;
};

/* clang-format off */
static const struct row rows[] = {
	{"without a society everybody opens everything",  Q_OPEN,    no_society, OK},
	{"without a society everybody makes vaults",      Q_CREATE,  no_society, OK},
	{"without a society everybody lets others in",    Q_GRANT,   no_society, OK},
	{"without a society everybody takes tickets",     Q_ENROL,   no_society, OK},
	{"without a society everybody packs",             Q_PACK,    no_society, OK},
	{"without a society everybody unpacks",           Q_UNPACK,  no_society, OK},
	{"without a society nobody asks for an officer",  Q_OFFICER, no_society, OK},

	{"who has a grant opens",                         Q_OPEN, nothing, OK},
	{"a revoked key opens nothing",                   Q_OPEN, key_revoked, ERR_REVOKED_KEY},
	{"a revoked officer opens nothing",               Q_OPEN, officer_revoked, ERR_REVOKED_KEY},
	{"nothing opens on a revoked host",               Q_OPEN, host_revoked, ERR_REVOKED_HOST},
	{"another host was revoked",                      Q_OPEN, other_host_revoked, OK},
	{"nobody opens a revoked medium",                 Q_OPEN, medium_revoked, ERR_REVOKED_MEDIUM},
	{"no officer opens a revoked medium",             Q_OPEN, officer_with_revoked_medium, ERR_REVOKED_MEDIUM},
	{"of all that was revoked the key is told",       Q_OPEN, all_revoked, ERR_REVOKED_KEY},
	{"a grant ended yesterday",                       Q_OPEN, expired_yesterday, ERR_GRANT_EXPIRED},
	{"a grant counts on its last day",                Q_OPEN, expires_today, OK},
	{"a grant ended and was given anew",              Q_OPEN, expired_but_granted_anew, OK},
	{"nobody unknown opens",                          Q_OPEN, ask_stranger, ERR_NOT_ON_STAFF},
	{"nothing opens on an unknown host",              Q_OPEN, host_unknown, ERR_HOST_UNKNOWN},
	{"an unknown medium stays closed",                Q_OPEN, medium_unknown, ERR_MEDIUM_UNKNOWN},
	{"an officer opens an unknown medium to enter it", Q_OPEN, officer_with_medium_unknown, OK},
	{"who has no grant opens nothing",                Q_OPEN, ask_taro, ERR_OUT_OF_SCOPE},
	{"an officer needs no grant",                     Q_OPEN, ask_officer, OK},
	{"a grant names the volume",                      Q_OPEN, granted_the_volume, OK},
	{"a grant names another volume",                  Q_OPEN, granted_another_volume, ERR_OUT_OF_SCOPE},
	{"a grant names everything",                      Q_OPEN, granted_everything, OK},
	{"a medium without category needs its own grant", Q_OPEN, medium_without_category, ERR_OUT_OF_SCOPE},
	{"without a limit of days nobody asks for a sync", Q_OPEN, no_limit_of_days, OK},
	{"synced on the last day",                        Q_OPEN, ten_days, OK},
	{"not synced for too long",                       Q_OPEN, eleven_days, ERR_UNSYNCED},
	{"a clock that was set back is no sync",          Q_OPEN, clock_set_back, ERR_UNSYNCED},
	{"never synced",                                  Q_OPEN, never_synced, ERR_UNSYNCED},
	{"trained in time",                               Q_OPEN, training_asked, OK},
	{"the training has lapsed",                       Q_OPEN, training_lapsed, ERR_TRAINING},
	{"nothing is said of a training",                 Q_OPEN, training_unsaid, ERR_TRAINING},
	{"without a device secret, and nobody minds",     Q_OPEN, not_separated, OK},
	{"without a device secret, which is not allowed", Q_OPEN, separation_asked, ERR_SEPARATION},
	{"checked out to her",                            Q_OPEN, checkout_asked, OK},
	{"never checked out",                             Q_OPEN, never_checked_out, ERR_CHECKOUT},
	{"asked for, and not approved",                   Q_OPEN, not_approved, ERR_CHECKOUT},
	{"given back already",                            Q_OPEN, returned, ERR_CHECKOUT},
	{"checked out to somebody else",                  Q_OPEN, checked_out_to_taro, ERR_CHECKOUT},
	{"an officer needs no checkout",                  Q_OPEN, officer_without_checkout, OK},
	{"approved by herself, and nobody minds",         Q_OPEN, approved_by_herself, OK},
	{"approved by herself, where two are asked for",  Q_OPEN, two_people_asked, ERR_SECOND_PERSON},

	{"what is not out yet may be taken out",          Q_TAKE_OUT, never_checked_out, OK},
	{"nobody untrained takes anything out",           Q_TAKE_OUT, training_lapsed, ERR_TRAINING},
	{"nobody takes out what they may not open",       Q_TAKE_OUT, ask_taro, ERR_OUT_OF_SCOPE},

	{"a vault for what one may hold",                 Q_CREATE, receipts, OK},
	{"a vault for what one may not hold",             Q_CREATE, checkups, ERR_OUT_OF_SCOPE},
	{"a vault for nobody knows what",                 Q_CREATE, no_category, ERR_OUT_OF_SCOPE},
	{"an officer makes any vault",                    Q_CREATE, receipts_by_officer, OK},
	{"a vault for a stranger",                        Q_CREATE, receipts_to_stranger, ERR_NOT_ON_STAFF},
	{"a vault for who was revoked",                   Q_CREATE, receipts_to_revoked, ERR_REVOKED_KEY},
	{"a new vault without a device secret",           Q_CREATE, receipts_not_separated, ERR_SEPARATION},
	{"a new vault on an unknown host",                Q_CREATE, receipts_on_unknown_host, ERR_HOST_UNKNOWN},
	{"a new vault by who was revoked",                Q_CREATE, key_revoked, ERR_REVOKED_KEY},
	{"a new vault and the grant ended",               Q_CREATE, receipts_expired, ERR_GRANT_EXPIRED},

	{"who may open it is let in",                     Q_GRANT, to_taro, OK},
	{"who has no grant is not let in",                Q_GRANT, to_taro_without_grant, ERR_OUT_OF_SCOPE},
	{"whose grant ended is not let in",               Q_GRANT, to_taro_expired, ERR_GRANT_EXPIRED},
	{"a stranger is not let in",                      Q_GRANT, to_stranger, ERR_NOT_ON_STAFF},
	{"the recovery key is let in",                    Q_GRANT, to_recovery, OK},
	{"who was revoked is not let in",                 Q_GRANT, to_leaver_revoked, ERR_REVOKED_KEY},
	{"who may not open it lets nobody in",            Q_GRANT, grant_by_taro, ERR_OUT_OF_SCOPE},

	{"a ticket may come before the medium is entered", Q_ENROL, medium_unknown, OK},
	{"a ticket for a revoked medium",                 Q_ENROL, medium_revoked, ERR_REVOKED_MEDIUM},
	{"a ticket from who was revoked",                 Q_ENROL, issued_by_leaver, ERR_REVOKED_KEY},
	{"a ticket on a revoked host",                    Q_ENROL, host_revoked, ERR_REVOKED_HOST},
	{"a ticket for a stranger",                       Q_ENROL, ask_stranger, ERR_NOT_ON_STAFF},

	{"a pack of what one may hold",                   Q_PACK, receipts, OK},
	{"a pack of what one may not hold",               Q_PACK, checkups, ERR_OUT_OF_SCOPE},
	{"a pack of nobody knows what",                   Q_PACK, no_category, ERR_OUT_OF_SCOPE},
	{"a pack when the grant has ended",               Q_PACK, receipts_expired, ERR_GRANT_EXPIRED},
	{"a pack to a stranger",                          Q_PACK, receipts_to_stranger, ERR_NOT_ON_STAFF},
	{"a pack to who was revoked",                     Q_PACK, receipts_to_revoked, ERR_REVOKED_KEY},
	{"an officer packs anything",                     Q_PACK, receipts_by_officer, OK},
	{"a pack from a host that is not in sync",        Q_PACK, receipts_unsynced, ERR_UNSYNCED},
	{"a pack by who is not trained",                  Q_PACK, receipts_untrained, ERR_TRAINING},

	{"a pack of what one may hold is opened",         Q_UNPACK, receipts, OK},
	{"a pack of what one may not hold stays closed",  Q_UNPACK, checkups, ERR_OUT_OF_SCOPE},
	{"a pack that says nothing of its category",      Q_UNPACK, no_category, OK},
	{"who was revoked unpacks nothing",               Q_UNPACK, key_revoked, ERR_REVOKED_KEY},
	{"a stranger unpacks nothing",                    Q_UNPACK, ask_stranger, ERR_NOT_ON_STAFF},
	{"a host that is not in sync unpacks nothing",    Q_UNPACK, receipts_unsynced, ERR_UNSYNCED},

	{"an officer is one",                             Q_OFFICER, ask_officer, OK},
	{"who is on the staff is no officer",             Q_OFFICER, nothing, ERR_NOT_OFFICER},
	{"a stranger is no officer",                      Q_OFFICER, ask_stranger, ERR_NOT_OFFICER},
	{"who was revoked is no officer any more",        Q_OFFICER, officer_revoked, ERR_REVOKED_KEY},

	{"an unknown medium was not revoked",             Q_REVOKED, medium_unknown, OK},
	{"a grant that ended is no revocation",           Q_REVOKED, expired_yesterday, OK},
	{"a stranger was not revoked",                    Q_REVOKED, ask_stranger, OK},
};
/* clang-format on */

static enum err ask(struct world *w, enum question question)
{
	switch (question) {
	case Q_OPEN:
		return rules_open(&w->r, &w->ask);
	case Q_TAKE_OUT:
		return rules_take_out(&w->r, &w->ask);
	case Q_CREATE:
		return rules_create(&w->r, &w->ask, w->to, 1);
	case Q_GRANT:
		return rules_grant(&w->r, &w->ask, &w->to[0]);
	case Q_ENROL:
		return rules_enrol(&w->r, &w->ask, w->people[LEAVER].vkey);
	case Q_PACK:
		return rules_pack(&w->r, &w->ask, w->to, 1);
	case Q_UNPACK:
		return rules_unpack(&w->r, &w->ask);
	case Q_OFFICER:
		return rules_officer(&w->r, &w->ask);
	default:
		return rules_not_revoked(&w->r, &w->ask);
	}
}

static void the_verdict_is_as_told(void **state)
{
	const struct row *row = *state;
	struct world w;

	make(&w);
	row->change(&w);
	assert_err(ask(&w, row->question), row->want);
}

/* ---- a new key ---- */

static void vault_key(struct world *w)
{
	make(w);
	for (unsigned i = 0; i < PEOPLE; i++)
		w->key_list[i] = w->people[i].recipient;
	w->held = (struct roster_held){ .when = NOW - 1000 };
	memcpy(w->held.volume_id, volume, sizeof(volume));
	w->hosts[LAPTOP].held = &w->held;
	w->hosts[LAPTOP].held_count = 1;
	w->key = (struct rules_key){ .volume_id = volume, .recipients = w->key_list,
				     .count = PEOPLE, .signer = w->people[OFFICER].vkey,
				     .began = NOW - 500 };
}

/* "x" for each who is left out, "-" for each who stays. */
static void expect_epoch(struct world *w, enum err want, const char *out)
{
	char got[PEOPLE + 1] = "";
	bool left_out[PEOPLE];
	int64_t after;

	assert_int_equal(rules_new_epoch(&w->r, &w->key, left_out, &after), want);
	for (size_t i = 0; i < w->key.count; i++)
		got[i] = left_out[i] ? 'x' : '-';
	assert_string_equal(got, out);
}

static void while_nobody_is_revoked_the_key_stays(void **state)
{
	struct world w;

	vault_key(&w);
	expect_epoch(&w, OK, "----");
	w.key_list[TARO] = w.stranger;
	w.key.signer = w.stranger.pk;
	expect_epoch(&w, OK, "----");
}

static void without_a_society_the_key_stays(void **state)
{
	struct world w;

	vault_key(&w);
	no_society(&w);
	expect_epoch(&w, OK, "----");
}

static void who_was_revoked_is_left_out(void **state)
{
	bool revoked[PEOPLE];
	struct world w;

	vault_key(&w);
	w.people[LEAVER].revoked.is = true;
	expect_epoch(&w, ERR_REVOKED_KEY, "---x");
	w.people[HANAKO].revoked.is = true;
	expect_epoch(&w, ERR_REVOKED_KEY, "-x-x");
	assert_int_equal(rules_revoked(&w.r, w.key_list, PEOPLE, revoked), 2);
	assert_true(revoked[HANAKO] && revoked[LEAVER] && !revoked[TARO] && !revoked[OFFICER]);
}

/* Somebody who knew what was coming let a second key of theirs in. */
static void who_is_not_on_the_staff_goes_with_who_was_revoked(void **state)
{
	struct world w;

	vault_key(&w);
	w.people[LEAVER].revoked.is = true;
	w.key_list[TARO] = w.stranger;
	expect_epoch(&w, ERR_REVOKED_KEY, "--xx");
	to_recovery(&w);
	expect_epoch(&w, ERR_REVOKED_KEY, "---x");
}

static void who_was_left_out_does_not_come_back_by_a_key_file_of_their_own(void **state)
{
	struct world w;

	vault_key(&w);
	w.people[LEAVER].revoked.is = true;
	w.key.count = LEAVER;
	expect_epoch(&w, OK, "---");
	w.key.signer = w.people[LEAVER].vkey;
	assert_int_equal(w.key.count, LEAVER);
	expect_epoch(&w, ERR_REVOKED_KEY, "---");
	w.key.signer = w.stranger.pk;
	expect_epoch(&w, ERR_REVOKED_KEY, "---");
	w.people[TARO].has_key = false; /* so it may be taro's */
	expect_epoch(&w, OK, "---");
}

static void a_revoked_host_that_held_the_secret_asks_for_a_new_key_once(void **state)
{
	bool left_out[PEOPLE];
	struct world w;
	int64_t after;

	vault_key(&w);
	other_host_revoked(&w);
	assert_int_equal(rules_new_epoch(&w.r, &w.key, left_out, &after), ERR_REVOKED_HOST);
	assert_int_equal(after, NOW - 100);
	w.key.began = after + 1;
	expect_epoch(&w, OK, "----");
	w.key.began = NOW - 500;
	w.key.volume_id = other_volume;
	expect_epoch(&w, OK, "----");
}

static void a_revoked_host_that_never_held_it_changes_nothing(void **state)
{
	struct world w;

	vault_key(&w);
	host_revoked(&w);
	expect_epoch(&w, OK, "----");
}

#define STORIES 7u
int main(void)
{
	struct CMUnitTest tests[ARRAY_LEN(rows) + STORIES] = {
		cmocka_unit_test(while_nobody_is_revoked_the_key_stays),
		cmocka_unit_test(without_a_society_the_key_stays),
		cmocka_unit_test(who_was_revoked_is_left_out),
		cmocka_unit_test(who_is_not_on_the_staff_goes_with_who_was_revoked),
		cmocka_unit_test(who_was_left_out_does_not_come_back_by_a_key_file_of_their_own),
		cmocka_unit_test(a_revoked_host_that_held_the_secret_asks_for_a_new_key_once),
		cmocka_unit_test(a_revoked_host_that_never_held_it_changes_nothing),
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		tests[STORIES + i] = (struct CMUnitTest){
			.name = rows[i].story,
			.test_func = the_verdict_is_as_told,
			.initial_state = (void *)(uintptr_t)&rows[i],
		};
	return cmocka_run_group_tests_name("what the register allows", tests, NULL, NULL);
}

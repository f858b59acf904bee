#include "pack/transfer.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/society.h"

#define SUITE "age-v1"
#define COUNTERPARTIES 64u /* whose fingerprints a record holds at most */

/* ---- records ---- */

struct texts {
	char actor[STAFF_NAME_MAX + STAFF_FPR_LEN + 2];
	char counterparty[STAFF_FPR_LEN * COUNTERPARTIES];
	char id[2 * PACK_ID_LEN + 1], sum[2 * SHA256_LEN + 1];
};

static void fill_actor(const struct pack_actor *actor, const struct society *society,
		       struct texts *t, struct audit_event *e)
{
	struct age_recipient me;
	char fpr[STAFF_FPR_LEN];

	age_identity_recipient(actor->identity, &me);
	staff_fpr(&me, fpr);
	snprintf(t->actor, sizeof(t->actor), "%s/%s", actor->name, fpr);
	e->role = society_role(society, &me);
}

static enum audit_result result_of(enum err why)
{
	switch (why) {
	case OK:
		return AUDIT_OK;
	case ERR_NO_KEY_FITS:
	case ERR_PASSPHRASE:
	case ERR_SENDER:
	case ERR_UNSAFE:
	case ERR_TOO_BIG:
		return AUDIT_REFUSED;
	default:
		return rules_is_verdict(why) ? AUDIT_REFUSED : AUDIT_FAILED;
	}
}

static void fill_manifest(const struct pack_manifest *m, struct texts *t, struct audit_event *e)
{
	text_hex(m->id, PACK_ID_LEN, t->id);
	e->pack_id = t->id;
	e->category = m->category[0] ? m->category : NULL;
	e->purpose = m->purpose[0] ? m->purpose : NULL;
	e->has_persons = m->persons >= 0;
	e->persons = e->has_persons ? (uint64_t)m->persons : 0;
}

static enum err leave(const struct pack_actor *actor, const struct audit_event *e)
{
	return actor->recorder->record(actor->recorder->ctx, e) == OK ? OK : ERR_LOG_WRITE;
}

/* ---- sending ---- */

/* All of them, with commas between. */
static void fill_receivers(const struct pack_manifest *m, struct texts *t, struct audit_event *e)
{
	for (size_t i = 0; i < MIN(m->to_count, COUNTERPARTIES); i++) {
		char *at = t->counterparty + i * STAFF_FPR_LEN;

		if (i > 0)
			at[-1] = ',';
		staff_fpr(&m->to[i], at);
		e->counterparty = t->counterparty;
	}
}

struct sending {
	const struct pack_actor *actor;
	const struct pack_new *what;
	struct society society;
};

static enum err record_sent(const struct sending *s, const struct pack_made *made, enum err how)
{
	const struct pack_manifest *m = s->what->manifest;
	struct texts t = {0};
	struct audit_event e = {.code = AUDIT_PACK,
				.result = result_of(how),
				.reason = how,
				.actor = t.actor,
				.suite = SUITE,
				.has_totals = how == OK,
				.files = made->files,
				.bytes = made->bytes};

	fill_actor(s->actor, &s->society, &t, &e);
	fill_manifest(m, &t, &e);
	fill_receivers(m, &t, &e);
	if (how == OK) {
		text_hex(made->sha256, SHA256_LEN, t.sum);
		e.pack_sha256 = t.sum;
	} else {
		e.pack_id = NULL;
	}
	return leave(s->actor, &e);
}

static enum err record_before_it_appears(void *ctx, const struct pack_made *made)
{
	return record_sent(ctx, made, OK);
}

/* The register's word on it. */
static enum err ask_rules(const struct sending *s)
{
	const struct pack_manifest *m = s->what->manifest;
	struct rules_ask ask;

	society_ask(&s->society, &m->sender_recipient, &ask);
	ask.category = m->category[0] ? m->category : NULL;
	ask.purpose = m->purpose[0] ? m->purpose : NULL;
	TRY(rules_pack(s->society.roster, &ask, m->to, m->to_count));
	/* Keys that the register cannot know are an officer's to decide about. */
	if (m->other_count > 0)
		return rules_officer(s->society.roster, &ask);
	return OK;
}

static enum err send(struct sending *s, struct pack_new *what, struct pack_made *ret)
{
	TRY(society_load(s->actor->home, &s->society));
	TRY(ask_rules(s));
	return pack_make(what, ret);
}

static void sending_clear(struct sending *s)
{
	society_clear(&s->society);
}

enum err pack_send(const struct pack_actor *actor, struct pack_new *what, struct pack_made *ret)
{
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;
	CLEANUP(sending_clear) struct sending sending = {.actor = actor, .what = what};
	char detail[512];
	enum err err;

	TRY(staff_sign_key(actor->identity, &signer));
	what->signer = signer;
	what->complete = record_before_it_appears;
	what->complete_ctx = &sending;
	text_copy(what->manifest->sender, sizeof(what->manifest->sender), actor->name);
	age_identity_recipient(actor->identity, &what->manifest->sender_recipient);
	memset(ret, 0, sizeof(*ret));
	err = send(&sending, what, ret);
	what->signer = NULL;
	if (err == OK || err == ERR_LOG_WRITE)
		return err;
	text_copy(detail, sizeof(detail), err_detail());
	(void)!record_sent(&sending, ret, err);
	return err_at(err, "%s", detail);
}

/* ---- receiving ---- */

void pack_receipt_facts_clear(struct pack_receipt_facts *f)
{
	pack_manifest_clear(&f->unpacked.manifest);
	memset(f, 0, sizeof(*f));
}

void pack_signer_words(const uint8_t vkey[SIGN_VKEY_LEN], char out[96])
{
	struct age_recipient as_if;

	_Static_assert(SIGN_VKEY_LEN == X25519_LEN, "both are 32 bytes");
	memcpy(as_if.pk, vkey, SIGN_VKEY_LEN);
	staff_fpr_words(&as_if, out);
}

struct receiving {
	const struct pack_actor *actor;
	const struct pack_trust *trust;
	struct pack_receipt_facts *facts;
	struct age_recipient me;
	struct society society;
};

static void receiving_clear(struct receiving *r)
{
	society_clear(&r->society);
}

static enum err record_received(const struct receiving *r, enum err how)
{
	const struct unpacked *u = &r->facts->unpacked;
	struct texts t = {0};
	struct audit_event e = {.code = AUDIT_RECEIVE,
				.result = result_of(how),
				.reason = how,
				.actor = t.actor,
				.suite = SUITE,
				.has_totals = how == OK,
				.files = u->files,
				.bytes = u->bytes};

	fill_actor(r->actor, &r->society, &t, &e);
	if (u->is_signed) {
		fill_manifest(&u->manifest, &t, &e);
		staff_fpr(&u->manifest.sender_recipient, t.counterparty);
		e.counterparty = t.counterparty;
	}
	if (how == OK) {
		text_hex(u->sha256, SHA256_LEN, t.sum);
		e.pack_sha256 = t.sum;
	}
	return leave(r->actor, &e);
}

/* From now on the signer is somebody. */
static enum err learn(const struct pack_actor *actor, const struct pack_trust *trust,
		      const struct age_recipient *recipient, const uint8_t vkey[SIGN_VKEY_LEN])
{
	struct person who = {.recipient = *recipient, .has_key = true}, before;
	enum err err;

	if (!trust->as_name)
		return OK;
	text_copy(who.name, sizeof(who.name), trust->as_name);
	memcpy(who.vkey, vkey, SIGN_VKEY_LEN);
	err = people_find(actor->home, who.name, &before);
	if (err == OK && !age_recipient_equal(&before.recipient, &who.recipient))
		return err_at(ERR_EXISTS, "%s", who.name);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	return people_save(actor->home, &who);
}

static bool is_my_own(const struct receiving *r, const struct pack_manifest *m)
{
	struct sign_key *mine = NULL;
	bool same = staff_sign_key(r->actor->identity, &mine) == OK &&
		    memcmp(sign_key_vkey(mine), m->sender_vkey, SIGN_VKEY_LEN) == 0;

	sign_key_free(mine);
	return same;
}

/* On the register, or known to this host by name. */
static enum err find_signer(const struct society *society, struct home *home,
			    const uint8_t vkey[SIGN_VKEY_LEN], struct person *ret)
{
	const struct roster_person *p = roster_signer(society->roster, vkey);

	if (!p)
		return people_find_signer(home, vkey, ret);
	TRY(rules_signer(society->roster, vkey));
	*ret = (struct person){.recipient = p->recipient, .has_key = true};
	text_copy(ret->name, sizeof(ret->name), p->name);
	memcpy(ret->vkey, vkey, SIGN_VKEY_LEN);
	return OK;
}

static enum err judge_signer(struct receiving *r, const struct pack_manifest *m)
{
	struct pack_receipt_facts *f = r->facts;
	enum err err = find_signer(&r->society, r->actor->home, m->sender_vkey, &f->sender);

	pack_signer_words(m->sender_vkey, f->words);
	f->known = err == OK;
	if (err != ERR_NOT_FOUND)
		return err;
	if (is_my_own(r, m)) {
		f->known = true;
		text_copy(f->sender.name, sizeof(f->sender.name), r->actor->name);
		return OK;
	}
	if (r->trust->words && strcmp(r->trust->words, f->words) == 0) {
		f->known = true;
		text_copy(f->sender.name, sizeof(f->sender.name),
			  r->trust->as_name ? r->trust->as_name : m->sender);
		return learn(r->actor, r->trust, &m->sender_recipient, m->sender_vkey);
	}
	return r->trust->anybody ? OK : err_at(ERR_SENDER, "%s", m->sender);
}

/* `m` may be NULL: it is not known yet, or never will be. */
static enum err ask_to_unpack(const struct receiving *r, const struct pack_manifest *m)
{
	struct rules_ask ask;

	society_ask(&r->society, &r->me, &ask);
	ask.category = m && m->category[0] ? m->category : NULL;
	ask.purpose = m && m->purpose[0] ? m->purpose : NULL;
	return rules_unpack(r->society.roster, &ask);
}

static enum err receive(struct receiving *r, struct unpack_how *how)
{
	TRY(society_load(r->actor->home, &r->society));
	TRY(ask_to_unpack(r, NULL));
	return pack_unpack(how, &r->facts->unpacked);
}

static enum err judge(void *ctx, const struct pack_manifest *m)
{
	struct receiving *r = ctx;

	TRY(ask_to_unpack(r, m));
	if (m)
		TRY(judge_signer(r, m));
	else if (!r->trust->anybody)
		return err_at(ERR_SENDER, "it bears no signature");
	return record_received(r, OK);
}

enum err pack_receive(const struct pack_actor *actor, struct unpack_how *how,
		      const struct pack_trust *trust, struct pack_receipt_facts *ret)
{
	CLEANUP(receiving_clear)
	struct receiving r = {.actor = actor, .trust = trust, .facts = ret};
	char detail[512];
	enum err err;

	memset(ret, 0, sizeof(*ret));
	age_identity_recipient(actor->identity, &r.me);
	how->me = &r.me;
	how->me_count = 1;
	how->judge = judge;
	how->judge_ctx = &r;
	err = receive(&r, how);
	how->me = NULL;
	how->me_count = 0;
	if (err == OK || err == ERR_LOG_WRITE)
		return err;
	text_copy(detail, sizeof(detail), err_detail());
	(void)!record_received(&r, err);
	return err_at(err, "%s", detail);
}

/* ---- receipts ---- */

static enum err record_receipt(const struct pack_actor *actor, const struct society *society,
			       const struct pack_receipt *receipt, enum err how)
{
	struct texts t = {0};
	struct audit_event e = {.code = AUDIT_RECEIPT,
				.result = result_of(how),
				.reason = how,
				.actor = t.actor,
				.counterparty = t.counterparty,
				.pack_id = t.id,
				.pack_sha256 = t.sum,
				.has_totals = true,
				.files = receipt->files,
				.bytes = receipt->bytes};

	fill_actor(actor, society, &t, &e);
	staff_fpr(&receipt->recipient, t.counterparty);
	text_hex(receipt->pack_id, PACK_ID_LEN, t.id);
	text_hex(receipt->pack_sha256, SHA256_LEN, t.sum);
	return leave(actor, &e);
}

static enum err know_signer(const struct pack_actor *actor, struct society *society,
			    const struct pack_receipt *receipt, const struct pack_trust *trust,
			    struct person *ret, const char *words)
{
	enum err err;

	TRY(society_load(actor->home, society));
	err = find_signer(society, actor->home, receipt->vkey, ret);
	if (err != ERR_NOT_FOUND)
		return err;
	if (!trust->words || strcmp(trust->words, words) != 0)
		return err_at(ERR_SENDER, "%s", receipt->name);
	text_copy(ret->name, sizeof(ret->name), trust->as_name ? trust->as_name : receipt->name);
	return learn(actor, trust, &receipt->recipient, receipt->vkey);
}

enum err pack_take_receipt(const struct pack_actor *actor, const struct pack_receipt *receipt,
			   const struct pack_trust *trust, struct person *ret_known, char words[96])
{
	CLEANUP(society_clear) struct society society = {0};
	char detail[512];
	enum err err;

	memset(ret_known, 0, sizeof(*ret_known));
	pack_signer_words(receipt->vkey, words);
	err = know_signer(actor, &society, receipt, trust, ret_known, words);
	if (err == OK)
		return record_receipt(actor, &society, receipt, OK);
	text_copy(detail, sizeof(detail), err_detail());
	(void)!record_receipt(actor, &society, receipt, err);
	return err_at(err, "%s", detail);
}

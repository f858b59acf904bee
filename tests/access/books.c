#include "tests/access/books.h"
#include <stdio.h>
#include <string.h>
#include "access/internal.h"
#include "access/revoke.h"
#include "base/text.h"
#include "org/draft.h"
#include "tests/check.h"

static void vkey_of(const struct person *p, uint8_t out[SIGN_VKEY_LEN])
{
	struct sign_key *key;

	assert_ok(staff_sign_key(p->id, &key));
	memcpy(out, sign_key_vkey(key), SIGN_VKEY_LEN);
	sign_key_free(key);
}

static void add_key(struct draft *d, const struct person *p)
{
	uint8_t vkey[SIGN_VKEY_LEN];

	vkey_of(p, vkey);
	assert_ok(draft_add_recipient(d, "recipient", &p->info.recipient));
	assert_ok(draft_add_hex(d, "key", vkey, sizeof(vkey)));
}

static void state(struct person *by, enum statement_kind kind, struct draft *d)
{
	struct org_register *r;
	struct sign_key *key;

	assert_ok(register_open(by->home, &r));
	assert_ok(staff_sign_key(by->id, &key));
	assert_ok(register_write(r, kind, d->fields, d->count, key, NULL));
	sign_key_free(key);
	register_free(r);
	draft_clear(d);
}

static void enter_host(struct person *officer, const struct person *p)
{
	const struct sign_key *key;
	struct draft d = {0};
	const char *id;

	assert_ok(home_host_id(p->home, &id));
	assert_ok(home_host_key(p->home, &key));
	assert_ok(draft_add(&d, "host", id));
	assert_ok(draft_add_hex(&d, "key", sign_key_vkey(key), SIGN_VKEY_LEN));
	assert_ok(draft_addf(&d, "name", "host-%s", p->info.name));
	state(officer, STATEMENT_HOST, &d);
}

void books_found(struct person *officer)
{
	struct org_register *r;
	struct draft d = {0};
	struct sign_key *key;

	assert_ok(draft_add(&d, "name", "Example Health Insurance Society"));
	assert_ok(draft_add(&d, "officer", officer->info.name));
	assert_ok(draft_add_recipient(&d, "recipient", &officer->info.recipient));
	assert_ok(register_open(officer->home, &r));
	assert_ok(staff_sign_key(officer->id, &key));
	assert_ok(register_found(r, d.fields, d.count, key));
	sign_key_free(key);
	register_free(r);
	draft_clear(&d);
	enter_host(officer, officer);
}

void books_staff(struct person *officer, const struct person *who)
{
	struct draft d = {0};

	add_key(&d, who);
	assert_ok(draft_add(&d, "name", who->info.name));
	state(officer, STATEMENT_STAFF, &d);
	enter_host(officer, who);
}

void books_officer(struct person *officer, const struct person *who)
{
	struct draft d = {0};

	add_key(&d, who);
	assert_ok(draft_add(&d, "name", who->info.name));
	state(officer, STATEMENT_OFFICER, &d);
}

void books_grant(struct person *officer, const struct person *who, const char *what,
		 const char *until)
{
	struct draft d = {0};

	assert_ok(draft_add_recipient(&d, "recipient", &who->info.recipient));
	assert_ok(draft_add(&d, "for", what));
	assert_ok(draft_add(&d, "until", until));
	state(officer, STATEMENT_GRANT, &d);
}

void books_medium(struct person *officer, const char *path, const char *number)
{
	struct vault_facts facts;
	struct draft d = {0};
	struct vault *v;

	assert_ok(vault_open(&officer->actor, path, true, NULL, &v, &facts));
	assert_ok(draft_add(&d, "number", number));
	assert_ok(draft_add_hex(&d, "volume", facts.volume_id, VOLUME_ID_LEN));
	assert_ok(draft_add_hex(&d, "device", v->key.device_id, sizeof(v->key.device_id)));
	assert_ok(draft_add(&d, "separated", facts.separated ? "on" : "off"));
	assert_ok(draft_add(&d, "label", facts.label));
	assert_ok(draft_add(&d, "category", "receipt"));
	assert_ok(vault_close(v));
	state(officer, STATEMENT_MEDIUM, &d);
}

void books_policy(struct person *officer, const char *setting)
{
	struct draft d = {0};

	assert_ok(draft_add(&d, "set", setting));
	state(officer, STATEMENT_POLICY, &d);
}

void books_recovery(struct person *officer, const struct age_recipient *who)
{
	struct draft d = {0};

	assert_ok(draft_add_recipient(&d, "recipient", who));
	state(officer, STATEMENT_RECOVERY, &d);
}

void books_revoke(struct person *officer, const char *word)
{
	struct revoke_reach reach;
	struct society s = {0};

	assert_ok(society_load(officer->home, &s));
	assert_ok(vault_revoke_reach(&s, officer->home, word, &officer->info.recipient, &reach));
	assert_ok(vault_revoke(&officer->actor, &s, &reach, REVOKE_LOST));
	revoke_reach_clear(&reach);
	society_clear(&s);
}

void books_carry(struct person *from, struct person *to)
{
	struct org_register *source, *into;

	assert_ok(register_open(from->home, &source));
	assert_ok(register_open(to->home, &into));
	assert_ok(register_merge(into, source, NULL));
	register_free(source);
	register_free(into);
}

void books_report(struct person *p, const uint8_t volume_id[VOLUME_ID_LEN])
{
	char hex[2 * VOLUME_ID_LEN + 1], device[33];
	struct device d = {0};
	const struct sign_key *key;
	struct org_register *r;
	struct draft draft = {0};

	assert_ok(device_load(p->home, volume_id, p->id, &d));
	text_hex(volume_id, VOLUME_ID_LEN, hex);
	text_hex(d.device_id, sizeof(d.device_id), device);
	device_clear(&d);
	assert_ok(draft_add_recipient(&draft, "kept", &p->info.recipient));
	assert_ok(draft_addf(&draft, "holds", "%s %s", hex, device));
	assert_ok(register_open(p->home, &r));
	assert_ok(home_host_key(p->home, &key));
	assert_ok(register_write(r, STATEMENT_REPORT, draft.fields, draft.count, key, NULL));
	register_free(r);
	draft_clear(&draft);
}

void books_burn(struct person *p)
{
	shell("rm -rf '%s'%s", home_register_dir(p->home), "");
}

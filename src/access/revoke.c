#include "access/revoke.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "access/destroy.h"
#include "access/enforce.h"
#include "base/text.h"
#include "org/draft.h"

const char *revoke_what_name(enum revoke_what what)
{
	static const char *const names[] = {"staff", "host", "medium"};

	return names[what];
}

void revoke_reach_clear(struct revoke_reach *r)
{
	free(r->people);
	free(r->vaults);
	free(r->hosts);
	memset(r, 0, sizeof(*r));
}

/* What reaching needs to look at. */
struct search {
	const struct society *society;
	const struct roster *r;
	struct home *home;
	const struct age_recipient *me;
	int64_t now;
	struct revoke_reach *out;
};

/* ---- lists that grow ---- */

static enum err grow(void **list, size_t count, size_t size)
{
	void *more = realloc(*list, (count + 1) * size);

	if (!more)
		return err_at(ERR_NOMEM, "reach");
	memset((char *)more + count * size, 0, size);
	*list = more;
	return OK;
}

static enum err add_person(struct search *s, const struct age_recipient *who)
{
	struct revoke_reach *out = s->out;
	const struct roster_person *p = roster_person(s->r, who);
	struct revoke_person *to;

	TRY(grow((void **)&out->people, out->person_count, sizeof(*out->people)));
	to = &out->people[out->person_count++];
	to->recipient = *who;
	if (p) {
		text_copy(to->name, sizeof(to->name), p->name);
		to->officer = p->officer;
	}
	if (s->me && age_recipient_equal(who, s->me))
		out->own = true;
	return OK;
}

static enum err add_vault(struct search *s, const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct roster_medium *m = roster_medium(s->r, volume_id);
	struct revoke_reach *out = s->out;
	struct revoke_vault *to;
	struct seen seen;

	for (size_t i = 0; i < out->vault_count; i++)
		if (memcmp(out->vaults[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			return OK;
	TRY(grow((void **)&out->vaults, out->vault_count, sizeof(*out->vaults)));
	to = &out->vaults[out->vault_count++];
	memcpy(to->volume_id, volume_id, VOLUME_ID_LEN);
	if (m) {
		text_copy(to->number, sizeof(to->number), m->number);
		text_copy(to->label, sizeof(to->label), m->label);
	} else if (seen_load(s->home, volume_id, &seen) == OK) {
		text_copy(to->label, sizeof(to->label), seen.label);
	}
	return OK;
}

static enum err add_host(struct search *s, const char *id)
{
	const struct roster_host *h = roster_host(s->r, id);
	struct revoke_reach *out = s->out;
	struct revoke_host *to;

	for (size_t i = 0; i < out->host_count; i++)
		if (strcmp(out->hosts[i].id, id) == 0)
			return OK;
	TRY(grow((void **)&out->hosts, out->host_count, sizeof(*out->hosts)));
	to = &out->hosts[out->host_count++];
	text_copy(to->id, sizeof(to->id), id);
	to->here = strcmp(id, s->society->host_id) == 0;
	if (h) {
		text_copy(to->name, sizeof(to->name), h->name);
		to->reported = h->reported;
	}
	return OK;
}

/* ---- what this host keeps ---- */

/* Device secrets are files VOLUME-FINGERPRINT.age. `fpr` NULL: anybody's; `volume` NULL: any. */
static enum err each_device(struct search *s, const char *volume, const char *fpr,
			    enum err (*each)(struct search *s, const uint8_t id[VOLUME_ID_LEN]))
{
	DIR *dir = opendir(home_devices_dir(s->home));
	struct dirent *entry;
	enum err err = OK;

	while (err == OK && dir && (entry = readdir(dir)) != NULL) {
		char hex[2 * VOLUME_ID_LEN + 1] = "";
		uint8_t id[VOLUME_ID_LEN];

		text_copy(hex, sizeof(hex), entry->d_name);
		if (text_unhex(hex, id, sizeof(id)) != OK || strlen(hex) != sizeof(hex) - 1 ||
		    entry->d_name[sizeof(hex) - 1] != '-' || (volume && strcmp(volume, hex) != 0) ||
		    (fpr && strncmp(entry->d_name + sizeof(hex), fpr, STAFF_FPR_LEN - 1) != 0))
			continue;
		err = each(s, id);
	}
	if (dir)
		closedir(dir);
	return err;
}

static enum err this_host(struct search *s, const uint8_t id[VOLUME_ID_LEN])
{
	return add_host(s, s->society->host_id);
}

/* ---- a person's key ---- */

static bool keeps(const struct roster_host *h, const struct age_recipient *who)
{
	for (size_t i = 0; i < h->key_count; i++)
		if (age_recipient_equal(&h->keys[i], who))
			return true;
	return false;
}

static enum err vaults_of_host(struct search *s, const struct roster_host *h)
{
	for (size_t i = 0; i < h->held_count; i++)
		if (!h->held[i].gone)
			TRY(add_vault(s, h->held[i].volume_id));
	return OK;
}

/* What is opened by a grant, from a host that keeps the key, or from here. */
static enum err vaults_of_person(struct search *s, const struct age_recipient *who)
{
	char fpr[STAFF_FPR_LEN];

	for (size_t i = 0; i < s->r->medium_count; i++) {
		const struct roster_medium *m = &s->r->media[i];

		if (m->has_volume && rules_reach(s->r, who, s->now, m->volume_id))
			TRY(add_vault(s, m->volume_id));
	}
	for (size_t i = 0; i < s->r->host_count; i++)
		if (keeps(&s->r->hosts[i], who))
			TRY(vaults_of_host(s, &s->r->hosts[i]));
	staff_fpr(who, fpr);
	return each_device(s, NULL, fpr, add_vault);
}

static enum err reach_key(struct search *s, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(s->r, who);
	struct revoke_reach *out = s->out;

	out->what = REVOKE_KEY;
	age_recipient_print(who, out->id);
	text_copy(out->name, sizeof(out->name), p ? p->name : out->id);
	out->already = p && p->revoked.is;
	TRY(add_person(s, who));
	for (size_t i = 0; i < s->r->host_count; i++)
		if (keeps(&s->r->hosts[i], who))
			TRY(add_host(s, s->r->hosts[i].id));
	return vaults_of_person(s, who);
}

/* ---- a host ---- */

static enum err reach_host(struct search *s, const struct roster_host *h)
{
	struct revoke_reach *out = s->out;

	out->what = REVOKE_HOST;
	text_copy(out->id, sizeof(out->id), h->id);
	text_copy(out->name, sizeof(out->name), h->name[0] ? h->name : h->id);
	out->already = h->revoked.is;
	out->own = strcmp(h->id, s->society->host_id) == 0;
	TRY(vaults_of_host(s, h));
	for (size_t i = 0; i < h->key_count; i++) {
		TRY(add_person(s, &h->keys[i]));
		TRY(vaults_of_person(s, &h->keys[i]));
	}
	return OK;
}

/* ---- a medium ---- */

static enum err hosts_of_volume(struct search *s, const uint8_t volume_id[VOLUME_ID_LEN])
{
	char hex[2 * VOLUME_ID_LEN + 1];

	for (size_t i = 0; i < s->r->host_count; i++) {
		const struct roster_host *h = &s->r->hosts[i];

		for (size_t j = 0; j < h->held_count; j++)
			if (!h->held[j].gone &&
			    memcmp(h->held[j].volume_id, volume_id, VOLUME_ID_LEN) == 0)
				TRY(add_host(s, h->id));
	}
	text_hex(volume_id, VOLUME_ID_LEN, hex);
	return each_device(s, hex, NULL, this_host);
}

static enum err reach_medium(struct search *s, const struct roster_medium *m)
{
	struct revoke_reach *out = s->out;

	out->what = REVOKE_MEDIUM;
	text_copy(out->id, sizeof(out->id), m->number);
	text_copy(out->name, sizeof(out->name), m->label[0] ? m->label : m->number);
	out->already = m->revoked.is;
	out->separated = m->separated;
	out->separation_known = m->separation_known;
	if (!m->has_volume)
		return OK;
	TRY(add_vault(s, m->volume_id));
	return hosts_of_volume(s, m->volume_id);
}

/* ---- all of it ---- */

static bool goes(const struct revoke_reach *out, const struct age_recipient *who)
{
	for (size_t i = 0; i < out->person_count; i++)
		if (age_recipient_equal(&out->people[i].recipient, who))
			return true;
	return false;
}

/* Whether an officer goes, and no other stays. */
static bool takes_last_officer(const struct search *s)
{
	bool one_goes = false;

	for (size_t i = 0; i < s->r->person_count; i++) {
		const struct roster_person *p = &s->r->people[i];

		if (!p->officer || p->revoked.is)
			continue;
		if (!goes(s->out, &p->recipient))
			return false;
		one_goes = true;
	}
	return one_goes;
}

static enum err find(struct search *s, const char *word)
{
	const struct roster_person *p = roster_person_named(s->r, word);
	const struct roster_host *h = roster_host_named(s->r, word);
	const struct roster_medium *m = roster_medium_named(s->r, word);
	struct age_recipient who;

	if ((p != NULL) + (h != NULL) + (m != NULL) > 1)
		return err_at(ERR_INVALID, "%s", word);
	if (m)
		return reach_medium(s, m);
	if (h)
		return reach_host(s, h);
	if (p)
		return reach_key(s, &p->recipient);
	if (age_recipient_parse(word, &who) == OK)
		return reach_key(s, &who);
	return err_at(ERR_NOT_FOUND, "%s", word);
}

enum err vault_revoke_reach(const struct society *society, struct home *h, const char *word,
			    const struct age_recipient *me, struct revoke_reach *ret)
{
	struct revoke_reach out = {0};
	struct rules_ask ask;
	struct search s = {
		.society = society, .r = society->roster, .home = h, .me = me, .out = &out};
	enum err err;

	society_ask(society, me, &ask);
	s.now = ask.now;
	err = find(&s, word);
	if (err != OK) {
		revoke_reach_clear(&out);
		return err;
	}
	out.last_officer = !out.already && takes_last_officer(&s);
	*ret = out;
	return OK;
}

/* ---- making it so ---- */

/* What an officer wrote until now counts; what turns up later under their key does not. */
static enum err draft_upto(const struct org_register *from, const uint8_t vkey[SIGN_VKEY_LEN],
			   struct draft *d)
{
	for (size_t i = 0; i < register_count(from); i++) {
		const struct statement *last = register_at(from, i);
		bool newest = memcmp(last->signer, vkey, SIGN_VKEY_LEN) == 0;

		for (size_t j = 0; newest && j < register_count(from); j++) {
			const struct statement *s = register_at(from, j);

			newest = !statement_same_chain(last, s) || s->seq <= last->seq;
		}
		if (newest)
			TRY(draft_add_hex(d, "upto", last->id, sizeof(last->id)));
	}
	return OK;
}

static enum err fill_draft(const struct society *s, const struct revoke_reach *reach,
			   enum revoke_reason reason, struct draft *d)
{
	TRY(draft_add(d, "what", revoke_what_name(reach->what)));
	TRY(draft_add(d, "id", reach->id));
	TRY(draft_add(d, "reason", revoke_reason_name(reason)));
	for (size_t i = 0; i < reach->person_count; i++) {
		const struct age_recipient *who = &reach->people[i].recipient;
		const struct roster_person *p = roster_person(s->roster, who);

		if (reach->what == REVOKE_HOST)
			TRY(draft_add_recipient(d, "key", who));
		if (p && p->officer && p->has_key)
			TRY(draft_upto(s->from, p->vkey, d));
	}
	return OK;
}

static enum err record(struct vault *v, const struct revoke_reach *reach, enum err how)
{
	static const enum err whats[] = {ERR_REVOKED_KEY, ERR_REVOKED_HOST, ERR_REVOKED_MEDIUM};
	struct audit_event event;
	char fpr[STAFF_FPR_LEN], detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	vault_event(v, AUDIT_KEY_REVOKE, &event);
	event.suite = NULL;
	event.reason = how == OK ? whats[reach->what] : how;
	event.result = record_result(how);
	event.counterparty = reach->what == REVOKE_HOST ? reach->id : NULL;
	if (reach->what == REVOKE_KEY) {
		staff_fpr(&reach->people[0].recipient, fpr);
		event.counterparty = fpr;
	}
	event.medium_id = reach->what == REVOKE_MEDIUM ? reach->id : NULL;
	TRY(leave_record(&v->actor, &event));
	return how == OK ? OK : err_at(how, "%s", detail);
}

static enum err may_revoke(const struct vault_actor *actor, const struct society *s,
			   const struct revoke_reach *reach)
{
	struct age_recipient me;
	struct rules_ask ask;

	if (!society_exists(s))
		return err_at(ERR_NOT_FOUND, "%s", "register");
	age_identity_recipient(actor->identity, &me);
	society_ask(s, &me, &ask);
	TRY(rules_officer(s->roster, &ask));
	return reach->own || reach->last_officer ? err_at(ERR_POLICY, "%s", reach->name) : OK;
}

static enum err state(const struct vault_actor *actor, struct society *s,
		      const struct revoke_reach *reach, enum revoke_reason reason)
{
	CLEANUP(draft_clear) struct draft d = {0};
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;

	TRY(fill_draft(s, reach, reason, &d));
	TRY(staff_sign_key(actor->identity, &key));
	return register_write(s->from, STATEMENT_REVOKE, d.fields, d.count, key, NULL);
}

/* What other media were revoked meanwhile goes with it. */
static enum err destroy_here(const struct vault_actor *actor)
{
	CLEANUP(society_clear) struct society now = {0};
	struct destroyed destroyed;

	TRY(society_load(actor->home, &now));
	return vault_destroy_revoked(actor->home, now.roster, actor->recorder, &destroyed);
}

enum err vault_revoke(const struct vault_actor *actor, struct society *s,
		      const struct revoke_reach *reach, enum revoke_reason reason)
{
	CLEANUP(vault_clear) struct vault v = {0};
	enum err err;

	TRY(enforce_before(actor, &v));
	if (reach->what == REVOKE_MEDIUM && reach->vault_count > 0) {
		text_hex(reach->vaults[0].volume_id, VOLUME_ID_LEN, v.volume_hex);
		text_copy(v.facts.label, sizeof(v.facts.label), reach->vaults[0].label);
	}
	err = may_revoke(actor, s, reach);
	if (err != OK)
		return record(&v, reach, err);
	if (!reach->already) {
		TRY(record(&v, reach, OK));
		TRY(state(actor, s, reach, reason));
	}
	return destroy_here(actor);
}

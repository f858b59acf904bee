#include "org/rules.h"
#include <string.h>
#include "base/text.h"

#define DAY_SECONDS 86400

static bool rules_apply(const struct roster *r)
{
	return r->from ? !register_is_empty(r->from) : r->person_count > 0;
}

static void today(int64_t now, char out[ROSTER_DAY])
{
	char time[32];

	text_time((time_t)now, time);
	text_copy(out, ROSTER_DAY, time);
}

static bool is_over(const char *last_day, int64_t now)
{
	char day[ROSTER_DAY];

	today(now, day);
	return last_day[0] && strcmp(last_day, day) < 0;
}

/* ---- who and what was revoked ---- */

/* The name, else the recipient as people write it. */
static enum err about_person(enum err err, const struct roster *r, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(r, who);
	char text[AGE_RECIPIENT_TEXT];

	age_recipient_print(who, text);
	return err_at(err, "%s", p && p->name[0] ? p->name : text);
}

static enum err about_host(enum err err, const struct roster *r, const char *id)
{
	const struct roster_host *h = roster_host(r, id);

	return err_at(err, "%s", h && h->name[0] ? h->name : id);
}

static enum err about_medium(enum err err, const struct roster *r, const uint8_t *volume_id)
{
	const struct roster_medium *m = roster_medium(r, volume_id);
	char hex[2 * VOLUME_ID_LEN + 1];

	text_hex(volume_id, VOLUME_ID_LEN, hex);
	return err_at(err, "%s", m && m->label[0] ? m->label : m ? m->number : hex);
}

static bool is_revoked(const struct roster *r, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(r, who);

	return p && p->revoked.is;
}

static enum err host_not_revoked(const struct roster *r, const struct rules_ask *ask)
{
	const struct roster_host *h = ask->host_id ? roster_host(r, ask->host_id) : NULL;

	return h && h->revoked.is ? about_host(ERR_REVOKED_HOST, r, ask->host_id) : OK;
}

static enum err medium_not_revoked(const struct roster *r, const struct rules_ask *ask)
{
	const struct roster_medium *m = ask->volume_id ? roster_medium(r, ask->volume_id) : NULL;

	return m && m->revoked.is ? about_medium(ERR_REVOKED_MEDIUM, r, ask->volume_id) : OK;
}

enum err rules_not_revoked(const struct roster *r, const struct rules_ask *ask)
{
	if (!rules_apply(r))
		return OK;
	if (is_revoked(r, ask->who))
		return about_person(ERR_REVOKED_KEY, r, ask->who);
	TRY(host_not_revoked(r, ask));
	return medium_not_revoked(r, ask);
}

enum err rules_signer(const struct roster *r, const uint8_t vkey[SIGN_VKEY_LEN])
{
	const struct roster_person *p = roster_signer(r, vkey);

	return p && p->revoked.is ? err_at(ERR_REVOKED_KEY, "%s", p->name) : OK;
}

/* ---- who may reach what ---- */

static bool is_officer(const struct roster *r, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(r, who);

	return p && p->officer && !p->revoked.is;
}

enum reach { REACH_NONE, REACH_EXPIRED, REACH_NOW };

static bool names(const struct roster_grant *g, const char *what)
{
	return what && what[0] && strcmp(g->what, what) == 0;
}

/* A grant names everything, a volume, or a category. */
static enum reach reach_of(const struct roster *r, const struct age_recipient *who, int64_t now,
			   const char *volume_hex, const char *category)
{
	enum reach best = REACH_NONE;

	if (is_officer(r, who))
		return REACH_NOW;
	for (size_t i = 0; i < r->grant_count; i++) {
		const struct roster_grant *g = &r->grants[i];

		if (!age_recipient_equal(&g->recipient, who) ||
		    !(strcmp(g->what, "*") == 0 || names(g, volume_hex) || names(g, category)))
			continue;
		if (!is_over(g->until, now))
			return REACH_NOW;
		best = REACH_EXPIRED;
	}
	return best;
}

/* What `who` may do with the vault or the category of the question. */
static enum reach reach_asked(const struct roster *r, const struct rules_ask *ask,
			      const struct age_recipient *who)
{
	char hex[2 * VOLUME_ID_LEN + 1] = "";
	const struct roster_medium *m = NULL;

	if (ask->volume_id) {
		text_hex(ask->volume_id, VOLUME_ID_LEN, hex);
		m = roster_medium(r, ask->volume_id);
	}
	return reach_of(r, who, ask->now, hex, m ? m->category : ask->category);
}

bool rules_reach(const struct roster *r, const struct age_recipient *who, int64_t now,
		 const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct rules_ask ask = {.now = now, .volume_id = volume_id};

	return reach_asked(r, &ask, who) == REACH_NOW;
}

static enum err on_staff(const struct roster *r, const struct age_recipient *who)
{
	return roster_person(r, who) ? OK : about_person(ERR_NOT_ON_STAFF, r, who);
}

/* The codes 14 and 19 in their order; `scope` false: whatever it is about. */
static enum err known(const struct roster *r, const struct rules_ask *ask, bool scope)
{
	TRY(rules_not_revoked(r, ask));
	if (scope && reach_asked(r, ask, ask->who) == REACH_EXPIRED)
		return about_person(ERR_GRANT_EXPIRED, r, ask->who);
	TRY(on_staff(r, ask->who));
	if (!ask->host_id || !roster_host(r, ask->host_id))
		return about_host(ERR_HOST_UNKNOWN, r, ask->host_id ? ask->host_id : "");
	return OK;
}

static enum err in_scope(const struct roster *r, const struct rules_ask *ask,
			 const struct age_recipient *who)
{
	switch (reach_asked(r, ask, who)) {
	case REACH_NOW:
		return OK;
	case REACH_EXPIRED:
		return about_person(ERR_GRANT_EXPIRED, r, who);
	default:
		return about_person(ERR_OUT_OF_SCOPE, r, who);
	}
}

static enum err medium_known(const struct roster *r, const struct rules_ask *ask)
{
	if (roster_medium(r, ask->volume_id) || is_officer(r, ask->who))
		return OK;
	return about_medium(ERR_MEDIUM_UNKNOWN, r, ask->volume_id);
}

/* ---- the rules of the society ---- */

static enum err in_sync(const struct roster *r, const struct rules_ask *ask)
{
	int64_t limit = (int64_t)r->policy.unsynced_days * DAY_SECONDS;
	int64_t age = ask->now - ask->synced;

	/* A clock that was set back makes nothing younger. */
	if (limit == 0 || (ask->synced > 0 && age <= limit && age >= -DAY_SECONDS))
		return OK;
	return about_host(ERR_UNSYNCED, r, ask->host_id);
}

static enum err trained(const struct roster *r, const struct rules_ask *ask)
{
	const struct roster_person *p = roster_person(r, ask->who);

	if (!r->policy.training || (p->trained[0] && !is_over(p->trained, ask->now)))
		return OK;
	return about_person(ERR_TRAINING, r, ask->who);
}

static enum err separated(const struct roster *r, const struct rules_ask *ask)
{
	if (!r->policy.key_separation || ask->separated)
		return OK;
	return ask->volume_id ? about_medium(ERR_SEPARATION, r, ask->volume_id)
			      : err_at(ERR_SEPARATION, "%s", "");
}

static enum err checked_out(const struct roster *r, const struct rules_ask *ask)
{
	const struct roster_medium *m = roster_medium(r, ask->volume_id);
	const struct roster_person *p = roster_person(r, ask->who);
	const struct roster_checkout *c;

	if (!r->policy.checkout || is_officer(r, ask->who))
		return OK;
	c = m ? roster_open_checkout(r, m->number) : NULL;
	if (!c || !c->approved || !age_recipient_equal(&c->carrier, ask->who))
		return about_medium(ERR_CHECKOUT, r, ask->volume_id);
	if (r->policy.two_person && p->has_key &&
	    memcmp(c->approved_by, p->vkey, SIGN_VKEY_LEN) == 0)
		return err_at(ERR_SECOND_PERSON, "%s", c->id);
	return OK;
}

/* ---- verdicts ---- */

enum err rules_take_out(const struct roster *r, const struct rules_ask *ask)
{
	if (!rules_apply(r))
		return OK;
	TRY(known(r, ask, true));
	TRY(medium_known(r, ask));
	TRY(in_scope(r, ask, ask->who));
	TRY(in_sync(r, ask));
	TRY(trained(r, ask));
	return separated(r, ask);
}

enum err rules_open(const struct roster *r, const struct rules_ask *ask)
{
	if (!rules_apply(r))
		return OK;
	TRY(rules_take_out(r, ask));
	return checked_out(r, ask);
}

static enum err all_known(const struct roster *r, const struct age_recipient *to, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_revoked(r, &to[i]))
			return about_person(ERR_REVOKED_KEY, r, &to[i]);
	for (size_t i = 0; i < count; i++)
		if (!r->has_recovery || !age_recipient_equal(&to[i], &r->recovery))
			TRY(on_staff(r, &to[i]));
	return OK;
}

enum err rules_create(const struct roster *r, const struct rules_ask *ask,
		      const struct age_recipient *to, size_t to_count)
{
	if (!rules_apply(r))
		return OK;
	TRY(known(r, ask, true));
	TRY(all_known(r, to, to_count));
	TRY(in_scope(r, ask, ask->who));
	TRY(in_sync(r, ask));
	TRY(trained(r, ask));
	return separated(r, ask);
}

enum err rules_grant(const struct roster *r, const struct rules_ask *ask,
		     const struct age_recipient *to)
{
	if (!rules_apply(r))
		return OK;
	TRY(rules_open(r, ask));
	TRY(all_known(r, to, 1));
	if (r->has_recovery && age_recipient_equal(to, &r->recovery))
		return OK;
	return in_scope(r, ask, to);
}

/* The medium may come to the register later than its secret comes here. */
enum err rules_enrol(const struct roster *r, const struct rules_ask *ask,
		     const uint8_t issuer[SIGN_VKEY_LEN])
{
	if (!rules_apply(r))
		return OK;
	TRY(known(r, ask, false));
	return rules_signer(r, issuer);
}

enum err rules_pack(const struct roster *r, const struct rules_ask *ask,
		    const struct age_recipient *to, size_t to_count)
{
	if (!rules_apply(r))
		return OK;
	TRY(known(r, ask, true));
	TRY(all_known(r, to, to_count));
	TRY(in_scope(r, ask, ask->who));
	TRY(in_sync(r, ask));
	return trained(r, ask);
}

enum err rules_unpack(const struct roster *r, const struct rules_ask *ask)
{
	bool scope = ask->category && ask->category[0];

	if (!rules_apply(r))
		return OK;
	TRY(known(r, ask, scope));
	if (scope)
		TRY(in_scope(r, ask, ask->who));
	return in_sync(r, ask);
}

enum err rules_permit(const struct roster *r, const struct age_recipient *who)
{
	return rules_apply(r) ? all_known(r, who, 1) : OK;
}

enum err rules_officer(const struct roster *r, const struct rules_ask *ask)
{
	if (!rules_apply(r))
		return OK;
	TRY(rules_not_revoked(r, ask));
	return is_officer(r, ask->who) ? OK : about_person(ERR_NOT_OFFICER, r, ask->who);
}

bool rules_is_verdict(enum err err)
{
	int code = err_exit_code(err);

	return code == err_exit_code(ERR_REVOKED) || code == err_exit_code(ERR_NOT_ENROLLED) ||
	       code == err_exit_code(ERR_POLICY);
}

/* ---- a new key ---- */

size_t rules_revoked(const struct roster *r, const struct age_recipient *list, size_t count,
		     bool *ret)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		ret[i] = is_revoked(r, &list[i]);
		found += ret[i];
	}
	return found;
}

static bool anybody_revoked(const struct roster *r)
{
	for (size_t i = 0; i < r->person_count; i++)
		if (r->people[i].revoked.is)
			return true;
	return false;
}

/* Whoever is revoked knew the key until then, and could write another KEY file of that epoch to the
 * medium. Only a signature of somebody else shows that they did not. As long as the register does
 * not know how everybody signs, that cannot be asked. */
static bool signer_is_doubtful(const struct roster *r, const uint8_t *signer)
{
	const struct roster_person *p = roster_signer(r, signer);

	if (p)
		return p->revoked.is;
	if (!anybody_revoked(r))
		return false;
	for (size_t i = 0; i < r->person_count; i++)
		if (!r->people[i].has_key && !r->people[i].revoked.is)
			return false;
	return true;
}

/* A sheet of paper that another one replaced; it may be in hands that nobody knows of. */
static bool was_recovery(const struct roster *r, const struct age_recipient *who)
{
	struct age_recipient then;

	if (!r->from || (r->has_recovery && age_recipient_equal(who, &r->recovery)))
		return false;
	for (size_t i = 0; i < register_count(r->from); i++) {
		const struct statement *s = register_at(r->from, i);
		const char *text =
			s->kind == STATEMENT_RECOVERY ? statement_value(s, "recipient") : NULL;

		if (text && roster_counts(r, s) && age_recipient_parse(text, &then) == OK &&
		    age_recipient_equal(who, &then))
			return true;
	}
	return false;
}

static bool leave_out_old_recovery(const struct roster *r, const struct rules_key *key, bool *ret)
{
	bool found = false;

	for (size_t i = 0; i < key->count; i++) {
		if (ret[i] || !was_recovery(r, &key->recipients[i]))
			continue;
		ret[i] = found = true;
	}
	return found;
}

static bool host_held(const struct roster_host *h, const uint8_t *volume_id)
{
	for (size_t i = 0; i < h->held_count; i++)
		if (memcmp(h->held[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			return true;
	return false;
}

static bool host_revoked_since(const struct roster *r, const struct rules_key *key,
			       int64_t *ret_after)
{
	bool found = false;

	for (size_t i = 0; i < r->host_count; i++) {
		const struct roster_host *h = &r->hosts[i];

		if (!h->revoked.is || h->revoked.when < key->began || !host_held(h, key->volume_id))
			continue;
		*ret_after = found ? MAX(*ret_after, h->revoked.when) : h->revoked.when;
		found = true;
	}
	return found;
}

static void leave_out_others(const struct roster *r, const struct rules_key *key, bool *ret)
{
	for (size_t i = 0; i < key->count; i++) {
		const struct age_recipient *who = &key->recipients[i];

		if (!roster_person(r, who) &&
		    !(r->has_recovery && age_recipient_equal(who, &r->recovery)))
			ret[i] = true;
	}
}

enum err rules_new_epoch(const struct roster *r, const struct rules_key *key, bool *ret,
			 int64_t *ret_after)
{
	enum err why = OK;

	*ret_after = 0;
	if (!rules_apply(r)) {
		memset(ret, 0, key->count * sizeof(*ret));
		return OK;
	}
	if (rules_revoked(r, key->recipients, key->count, ret) > 0 ||
	    signer_is_doubtful(r, key->signer))
		why = ERR_REVOKED_KEY;
	if (leave_out_old_recovery(r, key, ret))
		why = ERR_REVOKED_KEY;
	if (host_revoked_since(r, key, ret_after) && why == OK)
		why = ERR_REVOKED_HOST;
	if (why != OK)
		leave_out_others(r, key, ret);
	return why;
}

#include "org/roster.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/roster_internal.h"

static const char *const reasons[] = {
	[REVOKE_LOST] = "lost",
	[REVOKE_LEFT] = "left",
	[REVOKE_BROKEN] = "broken",
	[REVOKE_ERASED] = "erased",
};

const char *revoke_reason_name(enum revoke_reason reason)
{
	return (unsigned)reason < ARRAY_LEN(reasons) ? reasons[reason] : "unknown";
}

enum err revoke_reason_parse(const char *name, enum revoke_reason *ret)
{
	for (unsigned i = 0; i < ARRAY_LEN(reasons); i++) {
		if (strcmp(reasons[i], name) == 0) {
			*ret = (enum revoke_reason)i;
			return OK;
		}
	}
	return err_at(ERR_INVALID, "reason \"%s\"", name);
}

/* ---- fields ---- */

bool field_text(const struct statement *s, const char *name, char *out, size_t cap)
{
	const char *value = statement_value(s, name);

	if (!value || strlen(value) >= cap)
		return false;
	text_copy(out, cap, value);
	return true;
}

bool field_day(const struct statement *s, const char *name, char out[ROSTER_DAY])
{
	const char *value = statement_value(s, name);

	if (!value || strlen(value) != ROSTER_DAY - 1)
		return false;
	for (unsigned i = 0; i < ROSTER_DAY - 1; i++)
		if (i == 4 || i == 7 ? value[i] != '-' : value[i] < '0' || value[i] > '9')
			return false;
	text_copy(out, ROSTER_DAY, value);
	return true;
}

bool field_hex(const struct statement *s, const char *name, void *out, size_t len)
{
	return statement_hex(statement_value(s, name), out, len);
}

bool field_recipient(const struct statement *s, const char *name, struct age_recipient *ret)
{
	const char *value = statement_value(s, name);

	return value && age_recipient_parse(value, ret) == OK;
}

bool value_word(const char *value, unsigned i, char *out, size_t cap)
{
	size_t len;

	for (; i > 0; i--) {
		value += strcspn(value, " ");
		if (*value++ != ' ')
			return false;
	}
	len = strcspn(value, " ");
	if (len == 0 || len >= cap)
		return false;
	memcpy(out, value, len);
	out[len] = '\0';
	return true;
}

bool word_number(const char *word, uint64_t *ret)
{
	if (strlen(word) == 0 || strlen(word) > 18 || strspn(word, "0123456789") != strlen(word))
		return false;
	*ret = strtoull(word, NULL, 10);
	return true;
}

/* ---- entries ---- */

struct roster_person *book_person(struct roster_book *b, const struct age_recipient *who)
{
	struct roster *r = &b->roster;
	struct roster_person *p;

	for (size_t i = 0; i < r->person_count; i++)
		if (age_recipient_equal(&r->people[i].recipient, who))
			return &r->people[i];
	p = list_grow(&r->people, &r->person_count, sizeof(*r->people));
	if (p)
		p->recipient = *who;
	return p;
}

struct roster_host *book_host(struct roster_book *b, const char *id)
{
	struct roster *r = &b->roster;
	struct roster_host *h;

	for (size_t i = 0; i < r->host_count; i++)
		if (strcmp(r->hosts[i].id, id) == 0)
			return &r->hosts[i];
	h = list_grow(&r->hosts, &r->host_count, sizeof(*r->hosts));
	if (h)
		text_copy(h->id, sizeof(h->id), id);
	return h;
}

struct roster_medium *book_find_medium(struct roster_book *b, const char *number)
{
	struct roster *r = &b->roster;

	for (size_t i = 0; i < r->medium_count; i++)
		if (strcmp(r->media[i].number, number) == 0)
			return &r->media[i];
	return NULL;
}

struct roster_medium *book_medium(struct roster_book *b, const char *number)
{
	struct roster *r = &b->roster;
	struct roster_medium *m = book_find_medium(b, number);

	if (m)
		return m;
	m = list_grow(&r->media, &r->medium_count, sizeof(*r->media));
	if (m)
		text_copy(m->number, sizeof(m->number), number);
	return m;
}

struct roster_medium *book_volume(struct roster_book *b, const uint8_t volume_id[VOLUME_ID_LEN])
{
	struct roster *r = &b->roster;

	for (size_t i = 0; i < r->medium_count; i++)
		if (r->media[i].has_volume &&
		    memcmp(r->media[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			return &r->media[i];
	return NULL;
}

/* ---- what the officers say ---- */

static enum err take_person(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct age_recipient who;
	struct roster_person *p;
	char name[sizeof(p->name)];

	*ret_counts = false;
	if (!field_recipient(s, "recipient", &who) || !field_text(s, "name", name, sizeof(name)) ||
	    !name[0])
		return OK;
	p = book_person(b, &who);
	if (!p)
		return err_at(ERR_NOMEM, "roster");
	text_copy(p->name, sizeof(p->name), name);
	p->has_key = field_hex(s, "key", p->vkey, SIGN_VKEY_LEN) || p->has_key;
	if (p->has_key)
		TRY(tie_key(b, p->vkey, &who));
	if (s->kind == STATEMENT_OFFICER)
		p->officer = p->has_key;
	(void)field_text(s, "site", p->site, sizeof(p->site));
	(void)field_day(s, "trained", p->trained);
	*ret_counts = true;
	return OK;
}

/* The founder is on the staff, and an officer. */
static enum err take_founding(struct roster_book *b, const struct statement *s)
{
	struct age_recipient who;
	struct roster_person *p;

	(void)field_text(s, "name", b->roster.name, sizeof(b->roster.name));
	if (!field_recipient(s, "recipient", &who))
		return OK;
	p = book_person(b, &who);
	if (!p)
		return err_at(ERR_NOMEM, "roster");
	(void)field_text(s, "officer", p->name, sizeof(p->name));
	memcpy(p->vkey, s->signer, SIGN_VKEY_LEN);
	p->has_key = p->officer = true;
	TRY(tie_key(b, p->vkey, &who));
	b->roster.policy.second_officer = b->authority.second_from != UINT64_MAX;
	return OK;
}

static enum err take_host(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	uint8_t vkey[SIGN_VKEY_LEN], sum[SHA256_LEN];
	struct roster_host *h;
	char id[sizeof(h->id)];

	*ret_counts = false;
	if (!field_hex(s, "key", vkey, SIGN_VKEY_LEN))
		return OK;
	/* Its id is made of its key, so nobody gets the name of another. */
	sha256(vkey, SIGN_VKEY_LEN, sum);
	memcpy(id, "h-", 2);
	text_hex(sum, 8, id + 2);
	h = book_host(b, id);
	if (!h)
		return err_at(ERR_NOMEM, "roster");
	memcpy(h->vkey, vkey, SIGN_VKEY_LEN);
	(void)field_text(s, "name", h->name, sizeof(h->name));
	(void)field_text(s, "site", h->site, sizeof(h->site));
	*ret_counts = true;
	return OK;
}

/* A number that was revoked keeps the vault it had; another one that is entered under it is revoked
 * with it. */
static enum err take_volume(struct roster_book *b, const struct statement *s,
			    struct roster_medium *m)
{
	uint8_t volume_id[VOLUME_ID_LEN];

	if (field_hex(s, "volume", volume_id, VOLUME_ID_LEN)) {
		TRY(tie_volume(b, volume_id, m->number));
		if (m->has_volume && book_is_revoked(b, s, "medium", m->number))
			return OK;
		memcpy(m->volume_id, volume_id, VOLUME_ID_LEN);
		m->has_volume = true;
	}
	(void)field_hex(s, "device", m->device_id, sizeof(m->device_id));
	return OK;
}

static enum err take_medium(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct roster_medium *m;
	char number[sizeof(m->number)];
	const char *separated = statement_value(s, "separated");

	*ret_counts = false;
	if (!field_text(s, "number", number, sizeof(number)) || !number[0])
		return OK;
	m = book_medium(b, number);
	if (!m)
		return err_at(ERR_NOMEM, "roster");
	if (m->registered == 0)
		m->registered = s->time;
	TRY(take_volume(b, s, m));
	if (separated) {
		m->separated = strcmp(separated, "on") == 0;
		m->separation_known = true;
	}
	(void)field_text(s, "label", m->label, sizeof(m->label));
	(void)field_text(s, "serial", m->serial, sizeof(m->serial));
	(void)field_text(s, "product", m->product, sizeof(m->product));
	(void)field_text(s, "kind-of", m->kind, sizeof(m->kind));
	(void)field_text(s, "type", m->kind, sizeof(m->kind));
	(void)field_text(s, "capacity", m->capacity, sizeof(m->capacity));
	(void)field_text(s, "place", m->place, sizeof(m->place));
	(void)field_text(s, "keeper", m->keeper, sizeof(m->keeper));
	(void)field_text(s, "owner", m->owner, sizeof(m->owner));
	(void)field_text(s, "category", m->category, sizeof(m->category));
	(void)field_text(s, "purpose", m->purpose, sizeof(m->purpose));
	*ret_counts = true;
	return OK;
}

static struct roster_grant *find_grant(struct roster *r, const struct age_recipient *who,
				       const char *what)
{
	for (size_t i = 0; i < r->grant_count; i++)
		if (age_recipient_equal(&r->grants[i].recipient, who) &&
		    strcmp(r->grants[i].what, what) == 0)
			return &r->grants[i];
	return NULL;
}

static enum err take_grant(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct roster *r = &b->roster;
	struct roster_grant *g;
	struct age_recipient who;
	char what[sizeof(g->what)], until[ROSTER_DAY] = "";

	*ret_counts = false;
	if (!field_recipient(s, "recipient", &who) || !field_text(s, "for", what, sizeof(what)) ||
	    !what[0] || (statement_value(s, "until") && !field_day(s, "until", until)))
		return OK;
	*ret_counts = true;
	g = find_grant(r, &who, what);
	if (s->kind == STATEMENT_GRANT_END) {
		if (g)
			*g = r->grants[--r->grant_count];
		return OK;
	}
	if (!g)
		g = list_grow(&r->grants, &r->grant_count, sizeof(*r->grants));
	if (!g)
		return err_at(ERR_NOMEM, "roster");
	g->recipient = who;
	text_copy(g->what, sizeof(g->what), what);
	text_copy(g->until, sizeof(g->until), until);
	return OK;
}

static void set_switch(const char *value, bool *ret)
{
	if (strcmp(value, "on") == 0)
		*ret = true;
	else if (strcmp(value, "off") == 0)
		*ret = false;
}

static void set_rule(struct policy *p, const char *name, const char *value)
{
	uint64_t n;

	if (strcmp(name, "idle") == 0 && word_number(value, &n))
		p->idle_seconds = (int64_t)MIN(n, 86400u * 365u);
	else if (strcmp(name, "unsynced-days") == 0 && word_number(value, &n))
		p->unsynced_days = (unsigned)MIN(n, 100000u);
	else if (strcmp(name, "key-separation") == 0)
		set_switch(value, &p->key_separation);
	else if (strcmp(name, "training") == 0)
		set_switch(value, &p->training);
	else if (strcmp(name, "two-person") == 0)
		set_switch(value, &p->two_person);
	else if (strcmp(name, "checkout") == 0)
		set_switch(value, &p->checkout);
	/* second-officer is the authority's: it is turned on for good. */
}

static void take_policy(struct roster_book *b, const struct statement *s)
{
	char name[33], value[33];
	const char *rule;

	for (size_t i = 0; (rule = statement_value_at(s, "set", i)) != NULL; i++)
		if (value_word(rule, 0, name, sizeof(name)) &&
		    value_word(rule, 1, value, sizeof(value)))
			set_rule(&b->roster.policy, name, value);
}

static void take_recovery(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	const char *threshold = statement_value(s, "threshold");
	const char *shares = statement_value(s, "shares");
	uint64_t k = 0, n = 0;

	*ret_counts = field_recipient(s, "recipient", &b->roster.recovery);
	if (!*ret_counts)
		return;
	b->roster.has_recovery = true;
	if (threshold && shares && word_number(threshold, &k) && word_number(shares, &n) &&
	    k <= n && n <= 255) {
		b->roster.recovery_threshold = (unsigned)k;
		b->roster.recovery_shares = (unsigned)n;
	}
}

static bool take_adopt(struct roster_book *b, const struct statement *s)
{
	uint8_t volume_id[VOLUME_ID_LEN], super[SHA256_LEN];
	const char *epoch = statement_value(s, "epoch");
	const char *generation = statement_value(s, "generation");
	struct roster_medium *m;
	uint64_t e, g;

	if (!field_hex(s, "volume", volume_id, VOLUME_ID_LEN) ||
	    !field_hex(s, "superblock", super, SHA256_LEN) || !epoch || !generation ||
	    !word_number(epoch, &e) || e > UINT32_MAX || !word_number(generation, &g))
		return false;
	m = book_volume(b, volume_id);
	if (!m)
		return false;
	m->adopted = true;
	m->adopted_clock = s->clock;
	m->adopted_epoch = m->epoch = (uint32_t)e;
	m->adopted_generation = m->generation = g;
	memcpy(m->adopted_super, super, SHA256_LEN);
	memcpy(m->super_sha256, super, SHA256_LEN);
	m->clean = m->has_session = false;
	return true;
}

/* ---- reading all of it, in order ---- */

static enum err take_officers(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	*ret_counts = true;
	switch (s->kind) {
	case STATEMENT_ORG:
		return take_founding(b, s);
	case STATEMENT_STAFF:
	case STATEMENT_OFFICER:
		return take_person(b, s, ret_counts);
	case STATEMENT_HOST:
		return take_host(b, s, ret_counts);
	case STATEMENT_MEDIUM:
		return take_medium(b, s, ret_counts);
	case STATEMENT_GRANT:
	case STATEMENT_GRANT_END:
		return take_grant(b, s, ret_counts);
	case STATEMENT_CATALOG:
		b->roster.catalog = s;
		return OK;
	case STATEMENT_POLICY:
		take_policy(b, s);
		return OK;
	case STATEMENT_RECOVERY:
		take_recovery(b, s, ret_counts);
		return OK;
	case STATEMENT_ADOPT:
		*ret_counts = take_adopt(b, s);
		return OK;
	default:
		return OK; /* an incident is told as it stands; revocations come last */
	}
}

static enum err take(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	*ret_counts = false;
	switch (s->kind) {
	case STATEMENT_APPROVE:
	case STATEMENT_CHECKOUT:
	case STATEMENT_CHECKIN:
	case STATEMENT_SIGHT:
	case STATEMENT_FOUND:
	case STATEMENT_ERASE:
		return book_lending(b, s, ret_counts);
	case STATEMENT_REPORT:
		return book_report(b, s, ret_counts);
	default:
		return authority_allows(&b->authority, s) ? take_officers(b, s, ret_counts) : OK;
	}
}

static enum err take_all(struct roster_book *b)
{
	const struct org_register *r = b->roster.from;

	for (size_t i = 0; i < register_count(r); i++) {
		TRY(take(b, register_at(r, i), &b->counts[i]));
		b->roster.void_count += !b->counts[i];
	}
	for (size_t i = 0; i < register_count(r); i++)
		if (b->counts[i] && register_at(r, i)->kind == STATEMENT_REVOKE)
			TRY(book_revoke(b, register_at(r, i)));
	return OK;
}

/* Where there is a device secret, the vault was made with one. */
static void note_separation(struct roster *r)
{
	for (size_t h = 0; h < r->host_count; h++)
		for (size_t n = 0; n < r->hosts[h].held_count; n++)
			for (size_t i = 0; i < r->medium_count; i++) {
				struct roster_medium *m = &r->media[i];

				if (m->has_volume &&
				    memcmp(m->volume_id, r->hosts[h].held[n].volume_id,
					   VOLUME_ID_LEN) == 0)
					m->separated = m->separation_known = true;
			}
}

static int by_recipient(const void *a, const void *b)
{
	return memcmp(((const struct roster_person *)a)->recipient.pk,
		      ((const struct roster_person *)b)->recipient.pk, X25519_LEN);
}

static int by_name(const void *a, const void *b)
{
	int order = strcmp(((const struct roster_person *)a)->name,
			   ((const struct roster_person *)b)->name);

	return order ? order : by_recipient(a, b);
}

static int by_number(const void *a, const void *b)
{
	return strcmp(((const struct roster_medium *)a)->number,
		      ((const struct roster_medium *)b)->number);
}

static int by_host(const void *a, const void *b)
{
	const struct roster_host *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : strcmp(x->id, y->id);
}

static int by_grant(const void *a, const void *b)
{
	const struct roster_grant *x = a, *y = b;
	int order = memcmp(x->recipient.pk, y->recipient.pk, X25519_LEN);

	return order ? order : strcmp(x->what, y->what);
}

/* qsort wants a list even of nothing. */
static void sort(void *list, size_t count, size_t size, int (*order)(const void *, const void *))
{
	if (count > 1)
		qsort(list, count, size, order);
}

static void put_in_order(struct roster *r)
{
	sort(r->people, r->person_count, sizeof(*r->people), by_name);
	sort(r->hosts, r->host_count, sizeof(*r->hosts), by_host);
	sort(r->media, r->medium_count, sizeof(*r->media), by_number);
	sort(r->grants, r->grant_count, sizeof(*r->grants), by_grant);
}

enum err roster_make(const struct org_register *r, struct roster **ret)
{
	struct roster_book *b = calloc(1, sizeof(*b));
	enum err err;

	if (!b)
		return err_at(ERR_NOMEM, "roster");
	b->roster.from = r;
	b->counts = calloc(register_count(r) + 1, sizeof(*b->counts));
	err = b->counts ? authority_make(r, &b->authority) : err_at(ERR_NOMEM, "roster");
	if (err == OK)
		err = pasts_make(b);
	if (err == OK)
		err = take_all(b);
	if (err != OK) {
		roster_free(&b->roster);
		return err;
	}
	note_separation(&b->roster);
	put_in_order(&b->roster);
	*ret = &b->roster;
	return OK;
}

void roster_free(struct roster *roster)
{
	struct roster_book *b = (struct roster_book *)roster;

	if (!b)
		return;
	for (size_t i = 0; i < roster->host_count; i++) {
		free(roster->hosts[i].keys);
		free(roster->hosts[i].held);
	}
	free(roster->people);
	free(roster->hosts);
	free(roster->media);
	free(roster->grants);
	free(roster->checkouts);
	authority_clear(&b->authority);
	ties_clear(b);
	free(b->counts);
	free(b);
}

bool roster_counts(const struct roster *roster, const struct statement *s)
{
	const struct roster_book *b = (const struct roster_book *)roster;

	for (size_t i = 0; i < register_count(roster->from); i++)
		if (memcmp(register_at(roster->from, i)->id, s->id, SHA256_LEN) == 0)
			return b->counts[i];
	return false;
}

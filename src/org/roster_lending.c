/* The lending ledger's part of the roster, hosts' reports, and what was revoked. */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "org/ledger.h"
#include "org/roster_internal.h"

/* ---- who speaks ---- */

/* Somebody who was on the staff with this signing key, as far as the statements before tell. */
static const struct roster_person *speaker(const struct roster_book *b, const struct statement *s)
{
	for (size_t i = 0; i < b->roster.person_count; i++) {
		const struct roster_person *p = &b->roster.people[i];

		if (p->has_key && memcmp(p->vkey, s->signer, SIGN_VKEY_LEN) == 0)
			return p;
	}
	return NULL;
}

bool book_is_revoked(const struct roster_book *b, const struct statement *s, const char *what,
		     const char *id)
{
	const struct statements *taken = &b->authority.taken;

	for (size_t i = 0; i < taken->count; i++) {
		const struct statement *by = taken->list[i];
		const char *said = statement_value(by, "what"), *value = statement_value(by, "id");

		if (by->clock < s->clock && said && value && strcmp(said, what) == 0 &&
		    strcmp(value, id) == 0)
			return true;
	}
	return false;
}

/* Of who was revoked counts what the revocation knew. */
static bool staff_may_say(const struct roster_book *b, const struct statement *s)
{
	if (!authority_stands(&b->authority, s))
		return false;
	return authority_allows(&b->authority, s) || (speaker(b, s) && pasts_allow(b, s));
}

/* ---- taking out and bringing back ---- */

static struct roster_checkout *find_checkout(struct roster *r, const char *id, const char *number)
{
	for (size_t i = r->checkout_count; i-- > 0;)
		if (strcmp(r->checkouts[i].id, id) == 0 &&
		    (!number || strcmp(r->checkouts[i].number, number) == 0))
			return &r->checkouts[i];
	return NULL;
}

static enum err take_checkout(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct roster *r = &b->roster;
	struct roster_checkout c = { .request = s, .requested = s->time };
	struct roster_checkout *more;
	struct roster_medium *m;

	if (!field_text(s, "checkout", c.id, sizeof(c.id)) || !c.id[0] ||
	    !field_text(s, "number", c.number, sizeof(c.number)) || !c.number[0] ||
	    !field_recipient(s, "carrier", &c.carrier) ||
	    !field_text(s, "until", c.until, sizeof(c.until)) ||
	    ledger_time(c.until, &c.until_time) != OK)
		return OK;
	memcpy(c.requested_by, s->signer, SIGN_VKEY_LEN);
	m = book_find_medium(b, c.number);
	if (!m)
		return OK;
	more = list_grow(&r->checkouts, &r->checkout_count, sizeof(*r->checkouts));
	if (!more)
		return err_at(ERR_NOMEM, "roster");
	*more = c;
	if (m->state == MEDIUM_IN)
		m->state = MEDIUM_REQUESTED;
	*ret_counts = true;
	return OK;
}

/* Nobody approves what he carries himself. */
static void take_approval(struct roster_book *b, const struct statement *s)
{
	const struct roster_person *by = speaker(b, s);
	uint8_t id[SHA256_LEN];
	struct roster_medium *m;

	if (!field_hex(s, "statement", id, SHA256_LEN))
		return;
	for (size_t i = 0; i < b->roster.checkout_count; i++) {
		struct roster_checkout *c = &b->roster.checkouts[i];

		if (memcmp(c->request->id, id, SHA256_LEN) != 0 || c->approved || !by ||
		    age_recipient_equal(&by->recipient, &c->carrier))
			continue;
		c->approved = true;
		c->approval = s;
		c->approved_at = s->time;
		memcpy(c->approved_by, s->signer, SIGN_VKEY_LEN);
		m = book_find_medium(b, c->number);
		if (m && m->state == MEDIUM_REQUESTED)
			m->state = MEDIUM_OUT;
	}
}

static void note_place(struct roster_medium *m, const struct statement *s)
{
	(void)field_text(s, "place", m->place, sizeof(m->place));
	m->sighted = MAX(m->sighted, s->time);
}

static enum err take_checkin(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	char id[LEDGER_ID], number[33];
	struct roster_checkout *c;
	struct roster_medium *m;

	if (!field_text(s, "checkout", id, sizeof(id)) ||
	    !field_text(s, "number", number, sizeof(number)))
		return OK;
	c = find_checkout(&b->roster, id, number);
	if (!c || c->returned)
		return OK;
	c->returned = true;
	c->returned_at = s->time;
	c->checkin = s;
	m = book_find_medium(b, number);
	if (!m)
		return OK;
	note_place(m, s);
	if (m->state == MEDIUM_OUT || m->state == MEDIUM_REQUESTED)
		m->state = MEDIUM_IN;
	*ret_counts = true;
	return OK;
}

/* Seen, found again, erased. What was lost is found only once it was told lost: see book_revoke. */
static enum err take_sight(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct roster_medium *m;
	char number[33];

	if (!field_text(s, "number", number, sizeof(number)) || !number[0])
		return OK;
	m = book_find_medium(b, number);
	if (!m)
		return OK;
	note_place(m, s);
	if (s->kind == STATEMENT_ERASE)
		m->state = MEDIUM_ERASED;
	*ret_counts = true;
	return OK;
}

enum err book_lending(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	*ret_counts = false;
	if (s->kind == STATEMENT_APPROVE || s->kind == STATEMENT_ERASE) {
		if (!authority_allows(&b->authority, s))
			return OK;
	} else if (!staff_may_say(b, s)) {
		return OK;
	}
	switch (s->kind) {
	case STATEMENT_CHECKOUT:
		return take_checkout(b, s, ret_counts);
	case STATEMENT_CHECKIN:
		return take_checkin(b, s, ret_counts);
	case STATEMENT_APPROVE:
		take_approval(b, s);
		*ret_counts = true;
		return OK;
	default:
		return take_sight(b, s, ret_counts);
	}
}

/* ---- reports ---- */

static enum err take_keys(struct roster_host *h, const struct statement *s)
{
	const char *value;

	h->key_count = 0;
	for (size_t i = 0; (value = statement_value_at(s, "kept", i)) != NULL; i++) {
		struct age_recipient who, *more;

		if (age_recipient_parse(value, &who) != OK)
			continue;
		more = list_grow(&h->keys, &h->key_count, sizeof(*h->keys));
		if (!more)
			return err_at(ERR_NOMEM, "roster");
		*more = who;
	}
	return OK;
}

static struct roster_held *find_held(struct roster_host *h, const struct roster_held *like)
{
	for (size_t i = 0; i < h->held_count; i++)
		if (memcmp(h->held[i].volume_id, like->volume_id, VOLUME_ID_LEN) == 0 &&
		    memcmp(h->held[i].device_id, like->device_id, sizeof(like->device_id)) == 0)
			return &h->held[i];
	return NULL;
}

/* "VOLUME DEVICE" or "VOLUME DEVICE TIME" */
static bool parse_held(const char *value, struct roster_held *ret)
{
	char word[33];
	uint64_t when;

	*ret = (struct roster_held){ .when = 0 };
	if (!value_word(value, 0, word, sizeof(word)) || !statement_hex(word, ret->volume_id, VOLUME_ID_LEN) ||
	    !value_word(value, 1, word, sizeof(word)) ||
	    !statement_hex(word, ret->device_id, sizeof(ret->device_id)))
		return false;
	if (value_word(value, 2, word, sizeof(word)) && word_number(word, &when))
		ret->when = (int64_t)when;
	return true;
}

/* What is said to be gone stays gone; what is held now is no more what a report before said. */
static enum err take_held(struct roster_host *h, const struct statement *s)
{
	const char *value;
	size_t kept = 0;

	for (size_t i = 0; i < h->held_count; i++)
		if (h->held[i].gone)
			h->held[kept++] = h->held[i];
	h->held_count = kept;
	for (unsigned gone = 0; gone < 2; gone++) {
		for (size_t i = 0; (value = statement_value_at(s, gone ? "gone" : "holds", i)); i++) {
			struct roster_held one, *at;

			if (!parse_held(value, &one))
				continue;
			one.gone = gone;
			at = find_held(h, &one);
			if (!at)
				at = list_grow(&h->held, &h->held_count, sizeof(*h->held));
			if (!at)
				return err_at(ERR_NOMEM, "roster");
			*at = one;
		}
	}
	return OK;
}

/* Reports of older programs lack the session. */
static void take_end(struct roster_medium *m, const char *value)
{
	char word[2 * SHA256_LEN + 1];

	m->clean = value_word(value, 5, word, sizeof(word)) && strcmp(word, "clean") == 0;
	m->has_session = value_word(value, 6, word, sizeof(word)) &&
			 statement_hex(word, m->session_id, sizeof(m->session_id));
}

/* "VOLUME EPOCH GENERATION SUPERBLOCK TIME clean|open SESSION" */
static void take_state(struct roster_book *b, const struct roster_host *h, const char *value)
{
	uint8_t volume_id[VOLUME_ID_LEN], super[SHA256_LEN];
	uint64_t epoch, generation, when;
	bool newest;
	struct roster_medium *m;
	char word[2 * SHA256_LEN + 1];

	if (!value_word(value, 0, word, sizeof(word)) || !statement_hex(word, volume_id, VOLUME_ID_LEN) ||
	    !value_word(value, 1, word, sizeof(word)) || !word_number(word, &epoch) ||
	    epoch > UINT32_MAX || !value_word(value, 2, word, sizeof(word)) ||
	    !word_number(word, &generation) || !value_word(value, 3, word, sizeof(word)) ||
	    !statement_hex(word, super, SHA256_LEN) ||
	    !value_word(value, 4, word, sizeof(word)) || !word_number(word, &when))
		return;
	m = book_volume(b, volume_id);
	if (!m)
		return;
	newest = epoch > m->epoch || (epoch == m->epoch && generation > m->generation);
	if (newest) {
		m->epoch = (uint32_t)epoch;
		m->generation = generation;
		memcpy(m->super_sha256, super, SHA256_LEN);
		take_end(m, value);
	}
	/* Of two within one second the one that left the newer state came later. */
	if ((int64_t)when > m->opened || ((int64_t)when == m->opened && newest)) {
		m->opened = (int64_t)when;
		text_copy(m->opened_host, sizeof(m->opened_host), h->id);
	}
}

enum err book_report(struct roster_book *b, const struct statement *s, bool *ret_counts)
{
	struct roster_host *h = NULL;
	const char *value;

	*ret_counts = false;
	for (size_t i = 0; i < b->roster.host_count; i++)
		if (memcmp(b->roster.hosts[i].vkey, s->signer, SIGN_VKEY_LEN) == 0)
			h = &b->roster.hosts[i];
	if (!h || !authority_stands(&b->authority, s))
		return OK;
	/* That it destroyed something is worth knowing even of a host that was revoked. */
	TRY(take_held(h, s));
	*ret_counts = true;
	if (book_is_revoked(b, s, "host", h->id))
		return OK;
	h->reported = s->time;
	h->register_clock = s->clock;
	(void)field_hex(s, "register", h->register_digest, SHA256_LEN);
	TRY(take_keys(h, s));
	for (size_t i = 0; (value = statement_value_at(s, "state", i)) != NULL; i++)
		take_state(b, h, value);
	return OK;
}

/* ---- revocations ---- */

/* The first one tells since when, the last one why. */
static void set_revoked(struct revoked *r, const struct statement *s)
{
	const char *text = statement_value(s, "reason");
	enum revoke_reason reason = REVOKE_LOST;

	if (text && revoke_reason_parse(text, &reason) != OK)
		reason = REVOKE_LOST;
	*r = (struct revoked){ true, reason, r->is ? r->when : s->time };
}

static enum err revoke_person(struct roster_book *b, const char *recipient,
			      const struct statement *s)
{
	struct age_recipient who;
	struct roster_person *p;

	if (age_recipient_parse(recipient, &who) != OK)
		return OK;
	p = book_person(b, &who);
	if (!p)
		return err_at(ERR_NOMEM, "roster");
	set_revoked(&p->revoked, s);
	return OK;
}

static bool is_found_after(const struct roster_book *b, const char *number,
			   const struct statement *lost)
{
	const struct org_register *r = b->roster.from;

	for (size_t i = 0; i < register_count(r); i++) {
		const struct statement *s = register_at(r, i);
		const char *value = statement_value(s, "number");

		if (s->kind == STATEMENT_FOUND && b->counts[i] && s->clock > lost->clock && value &&
		    strcmp(value, number) == 0)
			return true;
	}
	return false;
}

/* The vault that the officer had in mind, whatever had been entered under the number meanwhile. */
static enum err revoke_volume(struct roster_book *b, struct roster_medium *m,
			      const struct statement *s)
{
	uint8_t volume_id[VOLUME_ID_LEN];

	if (!field_hex(s, "volume", volume_id, VOLUME_ID_LEN))
		return OK;
	if (!m->has_volume)
		memcpy(m->volume_id, volume_id, VOLUME_ID_LEN);
	m->has_volume = true;
	return tie_volume(b, volume_id, m->number);
}

static enum err revoke_medium(struct roster_book *b, const char *number, const struct statement *s)
{
	struct roster_medium *m;

	if (!number[0] || strlen(number) >= sizeof(m->number))
		return OK;
	m = book_medium(b, number);
	if (!m)
		return err_at(ERR_NOMEM, "roster");
	set_revoked(&m->revoked, s);
	TRY(revoke_volume(b, m, s));
	if (m->state == MEDIUM_ERASED)
		return OK;
	switch (m->revoked.reason) {
	case REVOKE_LOST:
		m->state = is_found_after(b, number, s) ? MEDIUM_FOUND : MEDIUM_LOST;
		break;
	case REVOKE_ERASED:
		m->state = MEDIUM_ERASED;
		break;
	default:
		m->state = MEDIUM_RETIRED;
	}
	return OK;
}

enum err book_revoke(struct roster_book *b, const struct statement *s)
{
	const char *what = statement_value(s, "what"), *id = statement_value(s, "id"), *key;
	struct roster_host *h;

	if (!what || !id)
		return OK;
	if (strcmp(what, "staff") == 0)
		TRY(revoke_person(b, id, s));
	if (strcmp(what, "medium") == 0)
		TRY(revoke_medium(b, id, s));
	if (strcmp(what, "host") == 0 && strlen(id) < sizeof(h->id)) {
		h = book_host(b, id);
		if (!h)
			return err_at(ERR_NOMEM, "roster");
		set_revoked(&h->revoked, s);
	}
	for (size_t i = 0; (key = statement_value_at(s, "key", i)) != NULL; i++)
		TRY(revoke_person(b, key, s));
	return OK;
}

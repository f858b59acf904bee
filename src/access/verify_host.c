/* One host's log: by itself, against the register, and against what others witnessed of it. */
#include <stdlib.h>
#include <string.h>
#include "access/verify_internal.h"
#include "base/io.h"
#include "base/text.h"

#define OPEN_MAX 64u /* sessions that are open at once, as far as it is followed */

struct judging {
	struct verify *v;
	struct batch *b;
	struct vlog *log;
	uint32_t place;
	struct chain chain;
	const struct claim *claims;
	size_t claim_count, claim_at;
	struct {
		uint8_t id[SESSION_LEN];
		uint64_t seq;
	} open[OPEN_MAX];
	size_t open_count;
	int64_t *last_seen; /* of v->expected, by place; owned */
	bool rewritten;	    /* told already */
};

static enum err find(struct judging *j, enum verify_what what, const char *other,
		     const struct record *r)
{
	return batch_find(j->b, what, j->log->facts.id, other, r->seq, r->time);
}

/* ---- keys ---- */

static enum err check_host_key(struct judging *j)
{
	const struct roster *roster = j->v->ask->roster;
	const struct roster_host *known = roster ? roster_host(roster, j->log->facts.id) : NULL;
	struct record none = {0};
	char own[20] = "h-";
	uint8_t fpr[KEY_FPR_LEN];

	key_fpr(j->chain.host_vkey, fpr);
	text_hex(fpr, KEY_FPR_LEN, own + 2);
	if (strcmp(own, j->log->facts.id) != 0 ||
	    (known && memcmp(known->vkey, j->chain.host_vkey, SIGN_VKEY_LEN) != 0))
		return find(j, VERIFY_FOREIGN_KEY, own, &none);
	return roster && !known ? find(j, VERIFY_UNREGISTERED, "", &none) : OK;
}

/* ---- sessions ---- */

static bool session_of(const struct record *r, uint8_t id[SESSION_LEN])
{
	char hex[2 * SESSION_LEN + 1];

	return r->session.len == 2 * SESSION_LEN && span_text(r->session, hex, sizeof(hex)) == OK &&
	       text_unhex(hex, id, SESSION_LEN) == OK;
}

static enum err tell_session(struct judging *j, const struct record *r,
			     const uint8_t id[SESSION_LEN], bool opened)
{
	struct batch *b = j->b;
	struct told_session *s;

	if (!opened && b->session_count > 0) {
		s = &b->sessions[b->session_count - 1];
		if (s->host == j->place && memcmp(s->id, id, SESSION_LEN) == 0)
			return OK;
	}
	s = batch_grow(b->sessions, &b->session_count, &b->session_cap, sizeof(*s));
	if (!s)
		return err_at(ERR_NOMEM, "sessions");
	b->sessions = s;
	s += b->session_count - 1;
	memcpy(s->id, id, SESSION_LEN);
	s->host = j->place;
	s->seq = (uint32_t)r->seq;
	s->opened = opened;
	return OK;
}

static void open_session(struct judging *j, const struct record *r, const uint8_t id[SESSION_LEN])
{
	if (j->open_count == OPEN_MAX) {
		memmove(&j->open[0], &j->open[1], sizeof(j->open[0]) * (OPEN_MAX - 1));
		j->open_count--;
	}
	memcpy(j->open[j->open_count].id, id, SESSION_LEN);
	j->open[j->open_count++].seq = r->seq;
}

static bool close_session(struct judging *j, const uint8_t id[SESSION_LEN])
{
	for (size_t i = j->open_count; i-- > 0;) {
		if (memcmp(j->open[i].id, id, SESSION_LEN) != 0)
			continue;
		j->open_count--;
		memmove(&j->open[i], &j->open[i + 1], sizeof(j->open[0]) * (j->open_count - i));
		return true;
	}
	return false;
}

static bool is_ending(const struct record *r)
{
	return span_is(r->event, "lock") || span_is(r->event, "removed") ||
	       span_is(r->event, "unclean");
}

/* Whether it tells that a session wrote. Who only reads has the id of the session before. */
static bool begins_session(const struct record *r)
{
	static const char *const others[] = {"check", "export", "rollback", "unlock_fail"};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (span_is(r->event, others[i]))
			return false;
	return !span_is(r->mode, "ro");
}

/* What another host's session left may be told by whoever opens next; it is not of this log. */
static enum err end_session(struct judging *j, const struct record *r,
			    const uint8_t id[SESSION_LEN])
{
	char label[72] = "";

	if (!close_session(j, id))
		return OK;
	if (span_is(r->event, "lock"))
		return OK;
	if (span_text(r->label.at ? r->label : r->volume_id, label, sizeof(label)) != OK)
		err_clear();
	return find(j, VERIFY_NOT_CLOSED, label, r);
}

/* ---- openings ---- */

static struct expected_volume *expected_of(const struct verify *v, const char *id)
{
	size_t low = 0, high = v->expected_count;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(id, v->expected[mid].id);

		if (order == 0)
			return &v->expected[mid];
		*(order < 0 ? &high : &low) = order < 0 ? mid : mid + 1;
	}
	return NULL;
}

static enum err check_volume(struct judging *j, const struct record *r)
{
	struct expected_volume *e;
	char id[40] = "";
	uint32_t place;

	if (span_text(r->volume_id, id, sizeof(id)) != OK)
		return OK;
	place = verify_place(j->v, LOG_VOLUME, id, strlen(id));
	if (place != UINT32_MAX && (r->lost_generations > 0 || span_is(r->event, "adopt")))
		__atomic_store_n(&j->v->logs[place].stepped_back, true, __ATOMIC_RELAXED);
	e = expected_of(j->v, id);
	if (!e || !span_is(r->event, "unlock"))
		return OK;
	if (r->time > j->last_seen[e - j->v->expected])
		j->last_seen[e - j->v->expected] = r->time;
	return e->revoked && r->time > e->revoked
		       ? find(j, VERIFY_AFTER_REVOCATION, e->medium->number, r)
		       : OK;
}

static enum err check_actor(struct judging *j, const struct record *r)
{
	const struct roster *roster = j->v->ask->roster;
	const struct roster_host *host = roster ? roster_host(roster, j->log->facts.id) : NULL;
	char actor[160];
	const char *fpr;

	if (host && host->revoked.is && r->time > host->revoked.when)
		return find(j, VERIFY_AFTER_REVOCATION, host->name, r);
	if (j->v->revoked_count == 0 || !r->actor.at ||
	    span_text(r->actor, actor, sizeof(actor)) != OK)
		return OK;
	fpr = strrchr(actor, '/');
	for (size_t i = 0; fpr && i < j->v->revoked_count; i++)
		if (strcmp(fpr + 1, j->v->revoked[i].fpr) == 0 && r->time > j->v->revoked[i].when)
			return find(j, VERIFY_AFTER_REVOCATION, actor, r);
	return OK;
}

static enum err check_event(struct judging *j, const struct record *r)
{
	bool opened = span_is(r->event, "unlock") && span_is(r->result, "ok");
	uint8_t id[SESSION_LEN];

	if (span_is(r->event, "clock"))
		return find(j, VERIFY_CLOCK, "", r);
	if (opened || span_is(r->event, "adopt")) {
		TRY(check_volume(j, r));
		TRY(check_actor(j, r));
	}
	if (!r->session.at || !session_of(r, id))
		return OK;
	if (is_ending(r))
		return end_session(j, r, id);
	if (opened) {
		j->b->openings++;
		open_session(j, r, id);
	}
	return begins_session(r) ? tell_session(j, r, id, opened) : OK;
}

/* ---- heads ---- */

static enum err check_claims(struct judging *j, const struct record *r)
{
	uint8_t root[SHA256_LEN];
	bool has_root = false;

	while (j->claim_at < j->claim_count && j->claims[j->claim_at].size == j->chain.tree.size) {
		const struct claim *c = &j->claims[j->claim_at++];

		if (!has_root)
			merkle_root(&j->chain.tree, root);
		has_root = true;
		if (j->chain.broken || j->rewritten || memcmp(root, c->root, SHA256_LEN) == 0)
			continue;
		j->rewritten = true;
		TRY(batch_find(j->b, VERIFY_REWRITTEN, j->log->facts.id, verify_by(j->v, c),
			       c->size, r->time));
	}
	return OK;
}

static enum err check_end(struct judging *j)
{
	const struct claim *c;

	if (j->claim_at == j->claim_count)
		return OK;
	c = &j->claims[j->claim_count - 1];
	j->log->incomplete = true;
	return batch_find(j->b, VERIFY_CUT, j->log->facts.id, verify_by(j->v, c), c->size,
			  j->chain.time);
}

/* ---- all of it ---- */

static enum err told_fault(struct judging *j, enum err fault, const struct record *r)
{
	enum verify_what what = fault == ERR_LOG_GAP ? VERIFY_MISSING_LINES : VERIFY_CHANGED;
	struct verify_finding *last;
	char detail[128];

	if (fault != ERR_LOG_GAP && fault != ERR_LOG_TAMPERED)
		return fault;
	text_copy(detail, sizeof(detail), err_detail());
	j->log->incomplete = j->log->incomplete || what == VERIFY_MISSING_LINES;
	TRY(find(j, what, "", r));
	last = j->b->finding_count ? &j->b->findings[j->b->finding_count - 1] : NULL;
	if (last && last->what == what)
		text_copy(last->detail, sizeof(last->detail), detail);
	return OK;
}

static enum err judge_line(struct judging *j, const char *line, size_t len, bool last, bool whole)
{
	int64_t before = j->chain.time;
	struct record r;
	enum err fault = chain_line(&j->chain, line, len, last, whole, &r);

	if (fault != OK)
		TRY(told_fault(j, fault, &r));
	else if (r.seq > 0 && r.time < before && !span_is(r.event, "clock"))
		TRY(find(j, VERIFY_CLOCK, "", &r));
	if (r.seq == 1)
		TRY(check_host_key(j));
	TRY(check_claims(j, &r));
	return r.seq > 0 ? check_event(j, &r) : OK;
}

static enum err judge(struct judging *j, const struct buf *text)
{
	const char *at = text->data ? text->data : "", *end = at + text->len;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((stop ? stop : end) - at);

		TRY(judge_line(j, at, len, at + len + 1 >= end, stop != NULL));
		at += len + 1;
	}
	return check_end(j);
}

static enum err check_copies(struct judging *j, const struct buf *text)
{
	for (size_t i = 1; i < j->log->copy_count; i++) {
		bool is_beginning;

		TRY(verify_is_beginning(text, j->log->copies[i].path, &is_beginning));
		if (!is_beginning)
			return batch_find(j->b, VERIFY_COPIES_DIFFER, j->log->facts.id, "", 0, 0);
	}
	return OK;
}

static void keep_facts(struct judging *j)
{
	struct verify_log *f = &j->log->facts;

	f->lines = j->chain.tree.size;
	f->periods = j->chain.periods;
	f->witnessed = j->claim_count;
	f->last = j->chain.time;
	pthread_mutex_lock(&j->v->lock);
	for (size_t i = 0; i < j->v->expected_count; i++)
		j->v->expected[i].last = MAX(j->v->expected[i].last, j->last_seen[i]);
	pthread_mutex_unlock(&j->v->lock);
}

static enum err judge_with(struct verify *v, uint32_t log, struct batch *b, enum chain_proof proof,
			   const struct buf *text)
{
	struct judging j = {.v = v, .b = b, .log = &v->logs[log], .place = log};
	enum err err;

	j.last_seen = calloc(v->expected_count + 1, sizeof(*j.last_seen));
	if (!j.last_seen)
		return err_at(ERR_NOMEM, "logs");
	j.claims = verify_claims_of(v, log, &j.claim_count);
	chain_begin(&j.chain, proof, NULL);
	err = judge(&j, text);
	if (err == OK)
		err = check_copies(&j, text);
	if (err == OK)
		keep_facts(&j);
	free(j.last_seen);
	return err;
}

/* The quick way first; where it finds a fault, line by line, which tells whose it is. */
enum err verify_host(struct verify *v, uint32_t log, struct batch *b)
{
	CLEANUP(buf_clear) struct buf text = {0};
	size_t findings = b->finding_count, sessions = b->session_count;
	uint64_t counts[VERIFY_KINDS], openings = b->openings, faults;

	memcpy(counts, b->counts, sizeof(counts));
	TRY(io_read_file(v->logs[log].copies[0].path, VERIFY_LOG_MAX, &text));
	TRY(judge_with(v, log, b, CHAIN_PERIODS, &text));
	faults = b->counts[VERIFY_CHANGED] + b->counts[VERIFY_MISSING_LINES];
	if (faults == counts[VERIFY_CHANGED] + counts[VERIFY_MISSING_LINES])
		return OK;
	b->finding_count = findings;
	b->session_count = sessions;
	b->openings = openings;
	memcpy(b->counts, counts, sizeof(counts));
	return judge_with(v, log, b, CHAIN_EACH, &text);
}

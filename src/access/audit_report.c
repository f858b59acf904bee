#include "access/audit_report.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "org/ledger.h"

struct reading {
	struct report *r;
	struct report_log *log;
	int64_t before; /* time of the record before */
	char day[ROSTER_DAY];
	uint64_t failures; /* refused openings on that day */
	size_t open;	   /* sessions of this log that have no end yet */
};

void report_clear(struct report *r)
{
	free(r->logs);
	free(r->sessions);
	free(r->ends);
	free(r->packs);
	*r = (struct report){0};
}

static const char *field(const json_t *record, const char *name)
{
	const char *value = json_string_value(json_object_get(record, name));

	return value ? value : "";
}

/* What does not fit ends behind a whole character. */
static void copy(char *out, size_t cap, const char *text)
{
	size_t len;

	text_copy(out, cap, text);
	for (len = strlen(out); len && ((unsigned char)text[len] & 0xc0) == 0x80;)
		out[--len] = '\0';
}

static uint64_t number(const json_t *record, const char *name)
{
	json_int_t n = json_integer_value(json_object_get(record, name));

	return n > 0 ? (uint64_t)n : 0;
}

static bool is(const json_t *record, const char *name, const char *value)
{
	return !strcmp(field(record, name), value);
}

static void count(struct reading *g, enum report_count what, uint64_t n)
{
	struct report_tally *t = &g->r->tallies[what];

	if (t->count < REPORT_PLACES) {
		t->places[t->count].seq = n;
		text_copy(t->places[t->count].host, sizeof(t->places->host), g->log->host);
	}
	t->count++;
}

/* Room for one more of `size` bytes; the rows grow by doubling. */
static enum err grow(void **list, size_t n, size_t size)
{
	void *grown;

	if (n & (n - 1))
		return OK;
	grown = realloc(*list, (n ? 2 * n : 1) * size);
	if (!grown)
		return err_at(ERR_NOMEM, "report");
	*list = grown;
	return OK;
}

/* ---- openings and their ends ---- */

static enum err add_session(struct reading *g, const json_t *record, int64_t when)
{
	struct report *r = g->r;
	struct report_session *s;

	if (r->session_count == REPORT_ROWS) {
		r->left_out++;
		return OK;
	}
	TRY(grow((void **)&r->sessions, r->session_count, sizeof(*s)));
	s = &r->sessions[r->session_count++];
	*s = (struct report_session){.from = when, .from_seq = number(record, "seq")};
	text_copy(s->host, sizeof(s->host), g->log->host);
	text_copy(s->session, sizeof(s->session), field(record, "session"));
	text_copy(s->volume, sizeof(s->volume), field(record, "volume_id"));
	copy(s->label, sizeof(s->label), field(record, "label"));
	copy(s->number, sizeof(s->number), field(record, "media_id"));
	copy(s->who, sizeof(s->who), field(record, "actor"));
	g->open++;
	return OK;
}

static void end_with(struct report_session *s, const char *host, int64_t when, uint64_t seq,
		     enum report_ending ending)
{
	s->to = when;
	s->to_seq = seq;
	s->ending = ending;
	text_copy(s->to_host, sizeof(s->to_host), host);
}

/* False when this log has no such opening. Of several ends the first one counts. */
static bool end_session(struct reading *g, const json_t *record, int64_t when,
			enum report_ending ending)
{
	const char *id = field(record, "session");

	for (size_t i = g->r->session_count; *id && g->open && i-- > 0;) {
		struct report_session *s = &g->r->sessions[i];

		if (strcmp(s->session, id) != 0 || strcmp(s->host, g->log->host) != 0)
			continue;
		if (s->ending == REPORT_OPEN) {
			end_with(s, g->log->host, when, number(record, "seq"), ending);
			g->open--;
		}
		return true;
	}
	return false;
}

/* The opening may be in a log that is read later; what was saved is told by the next opening alone.
 */
static enum err keep_end(struct reading *g, const json_t *record, int64_t when)
{
	struct report *r = g->r;
	struct report_end *e;

	if (!*field(record, "session") || r->end_count == REPORT_ROWS)
		return OK;
	TRY(grow((void **)&r->ends, r->end_count, sizeof(*e)));
	e = &r->ends[r->end_count++];
	*e = (struct report_end){.when = when, .seq = number(record, "seq")};
	if (ledger_time(field(record, "saved_until"), &e->saved_until) != OK)
		e->saved_until = 0;
	text_copy(e->session, sizeof(e->session), field(record, "session"));
	text_copy(e->host, sizeof(e->host), g->log->host);
	return OK;
}

static enum err note_session(struct reading *g, const json_t *record, int64_t when, bool inside)
{
	if (!is(record, "result", "ok") && !is(record, "event", "removed") &&
	    !is(record, "event", "unclean"))
		return OK;
	if (is(record, "event", "unlock") && inside)
		return add_session(g, record, when);
	if (is(record, "event", "lock"))
		(void)end_session(g, record, when, REPORT_CLOSED);
	else if (is(record, "event", "removed"))
		(void)end_session(g, record, when, REPORT_REMOVED);
	if (!is(record, "event", "unclean"))
		return OK;
	(void)end_session(g, record, when, REPORT_UNCLEAN);
	return keep_end(g, record, when);
}

/* ---- packs ---- */

static enum err note_pack(struct reading *g, const json_t *record, int64_t when, bool inside)
{
	struct report *r = g->r;
	const char *id = field(record, "pack");

	if (!*id || !is(record, "result", "ok"))
		return OK;
	if (is(record, "event", "receipt")) {
		for (size_t i = 0; i < r->pack_count; i++) {
			if (strcmp(r->packs[i].id, id) != 0)
				continue;
			r->packs[i].receipt_seq = number(record, "seq");
			text_copy(r->packs[i].receipt_host, 20, g->log->host);
		}
	}
	if (!is(record, "event", "pack") || !inside)
		return OK;
	if (r->pack_count == REPORT_ROWS) {
		r->left_out++;
		return OK;
	}
	TRY(grow((void **)&r->packs, r->pack_count, sizeof(*r->packs)));
	r->packs[r->pack_count] = (struct report_pack){.when = when, .seq = number(record, "seq")};
	text_copy(r->packs[r->pack_count].host, 20, g->log->host);
	text_copy(r->packs[r->pack_count].id, 33, id);
	copy(r->packs[r->pack_count++].who, 96, field(record, "actor"));
	return OK;
}

/* ---- what the self-inspection counts ---- */

static void count_refusal(struct reading *g, const json_t *record, uint64_t seq)
{
	char day[ROSTER_DAY];

	if (is(record, "event", "unlock_fail")) {
		text_copy(day, sizeof(day), field(record, "ts"));
		if (strcmp(day, g->day) != 0)
			g->failures = 0;
		text_copy(g->day, sizeof(g->day), day);
		if (++g->failures >= REPORT_FAILURES)
			count(g, REPORT_FAILED_OPEN, seq);
	}
	if (is(record, "result", "ok"))
		return;
	if (is(record, "reason_id", "VLT-030"))
		count(g, REPORT_UNREGISTERED, seq);
	else if (!strncmp(field(record, "reason_id"), "VLT-14", 6) ||
		 is(record, "reason_id", "VLT-012") || is(record, "reason_id", "VLT-019"))
		count(g, REPORT_OUTSIDE, seq);
}

static void count_record(struct reading *g, const json_t *record)
{
	const char *suite = field(record, "suite");
	uint64_t seq = number(record, "seq");

	count_refusal(g, record, seq);
	if (*suite && strcmp(suite, "xaes256gcm-1") != 0 && strcmp(suite, "age-v1") != 0)
		count(g, REPORT_WEAK, seq);
	if (json_is_false(json_object_get(record, "keysep")) && is(record, "event", "unlock"))
		count(g, REPORT_UNSEPARATED, seq);
	if (is(record, "event", "export") &&
	    (number(record, "files") >= REPORT_MASS || number(record, "persons") >= REPORT_MASS))
		count(g, REPORT_MASS_OUT, seq);
	if (is(record, "event", "takeout") && is(record, "result", "ok"))
		count(g, REPORT_TAKEOUTS, seq);
	if (is(record, "event", "incident") && is(record, "result", "ok"))
		count(g, REPORT_INCIDENTS, seq);
}

/* ---- reading ---- */

static enum err note(struct reading *g, const json_t *record)
{
	int64_t when = 0;
	bool inside;

	if (!g->log->host[0])
		text_copy(g->log->host, sizeof(g->log->host), field(record, "host"));
	g->log->last_seq = number(record, "seq");
	if (ledger_time(field(record, "ts"), &when) != OK)
		when = 0;
	inside = when >= g->r->from && (!g->r->to || when < g->r->to);
	if (when < g->before && inside && !is(record, "event", "clock"))
		count(g, REPORT_CLOCK, g->log->last_seq);
	g->before = when;
	if (inside) {
		g->r->records++;
		count_record(g, record);
	}
	TRY(note_session(g, record, when, inside));
	return note_pack(g, record, when, inside);
}

static enum err line(void *ctx, const char *text, size_t len, enum err fault)
{
	struct reading *g = ctx;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	uint8_t leaf[SHA256_LEN];
	enum err err = OK;

	g->log->lines++;
	merkle_leaf(text, len, leaf);
	merkle_add(&g->log->tree, leaf);
	if (fault != OK) {
		g->log->verdict = g->log->verdict == ERR_LOG_TAMPERED ? ERR_LOG_TAMPERED : fault;
		count(g, REPORT_FAULTS, g->log->lines);
	}
	if (json_is_object(record)) {
		err = note(g, record);
	}
	json_decref(record);
	return err;
}

enum err report_read(struct report *r, const char *path)
{
	struct reading g = {.r = r};
	enum err err;

	TRY(grow((void **)&r->logs, r->log_count, sizeof(*r->logs)));
	g.log = &r->logs[r->log_count++];
	*g.log = (struct report_log){0};
	err = audit_log_read(path, NULL, line, &g);
	if (err == ERR_LOG_TAMPERED || err == ERR_LOG_GAP) {
		g.log->verdict = err;
		return OK;
	}
	return err;
}

/* ---- in order ---- */

static int by_volume(const void *a, const void *b)
{
	const struct report_session *x = a, *y = b;
	int order = strcmp(x->volume, y->volume);

	return order ? order : (x->from > y->from) - (x->from < y->from);
}

static int by_time(const void *a, const void *b)
{
	const struct report_session *x = a, *y = b;
	int order = (x->from > y->from) - (x->from < y->from);

	if (!order)
		order = strcmp(x->host, y->host);
	return order ? order : (x->from_seq > y->from_seq) - (x->from_seq < y->from_seq);
}

static int pack_by_time(const void *a, const void *b)
{
	const struct report_pack *x = a, *y = b;

	return (x->when > y->when) - (x->when < y->when);
}

static int by_session(const void *a, const void *b)
{
	return strcmp(((const struct report_end *)a)->session,
		      ((const struct report_end *)b)->session);
}

static int by_session_and_time(const void *a, const void *b)
{
	const struct report_end *x = a, *y = b;
	int order = by_session(a, b);

	return order ? order : (x->when > y->when) - (x->when < y->when);
}

static void take_end(struct report *r, struct report_session *s)
{
	struct report_end want = {0}, *e;

	text_copy(want.session, sizeof(want.session), s->session);
	e = bsearch(&want, r->ends, r->end_count, sizeof(want), by_session);
	if (!e || s->ending == REPORT_CLOSED)
		return;
	while (e > r->ends && by_session(e - 1, &want) == 0)
		e--;
	if (s->ending == REPORT_OPEN)
		end_with(s, e->host, e->when, e->seq, REPORT_UNCLEAN);
	for (; e < r->ends + r->end_count && by_session(e, &want) == 0; e++)
		s->saved_until = MAX(s->saved_until, e->saved_until);
}

static void take_ends(struct report *r)
{
	if (r->end_count > 1)
		qsort(r->ends, r->end_count, sizeof(*r->ends), by_session_and_time);
	for (size_t i = 0; r->end_count && i < r->session_count; i++)
		take_end(r, &r->sessions[i]);
}

void report_arrange(struct report *r)
{
	struct report_session *s = r->sessions;

	take_ends(r);

	if (r->session_count > 1)
		qsort(s, r->session_count, sizeof(*s), by_volume);
	for (size_t i = 1; i < r->session_count; i++)
		if (s[i - 1].ending == REPORT_OPEN && s[i].from > s[i - 1].from &&
		    strcmp(s[i].volume, s[i - 1].volume) == 0)
			s[i - 1].ending = REPORT_UNTOLD;
	if (r->session_count > 1)
		qsort(s, r->session_count, sizeof(*s), by_time);
	if (r->pack_count > 1)
		qsort(r->packs, r->pack_count, sizeof(*r->packs), pack_by_time);
}

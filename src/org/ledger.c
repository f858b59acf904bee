#include "org/ledger.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY 86400

const char *lending_state_name(enum lending_state state)
{
	static const char *const names[] = {
		[LENDING_REQUESTED] = "requested", [LENDING_OUT] = "out",
		[LENDING_OVERDUE] = "overdue",	   [LENDING_RETURNED] = "returned",
		[LENDING_ERASED] = "erased",	   [LENDING_MISSING] = "missing",
	};

	return (unsigned)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

static const struct roster_medium *medium_numbered(const struct roster *r, const char *number)
{
	for (size_t i = 0; i < r->medium_count; i++)
		if (!strcmp(r->media[i].number, number))
			return &r->media[i];
	return NULL;
}

/* Whoever approved it, if that is somebody who may: not the one who carries it or asked for it. */
static const struct roster_person *approver_of(const struct roster *r,
					       const struct roster_checkout *c)
{
	const struct roster_person *who;

	if (!c->approved)
		return NULL;
	who = roster_signer(r, c->approved_by);
	if (!who || age_recipient_equal(&who->recipient, &c->carrier))
		return NULL;
	return who;
}

static enum lending_state state_of(const struct lending *l, int64_t now)
{
	const struct roster_checkout *c = l->checkout;
	const struct roster_medium *m = l->medium;

	if (m && (m->state == MEDIUM_ERASED || m->state == MEDIUM_RETIRED) && c->returned)
		return LENDING_ERASED;
	if (c->returned)
		return LENDING_RETURNED;
	if (m && m->state == MEDIUM_LOST)
		return LENDING_MISSING;
	if (!l->approver)
		return LENDING_REQUESTED;
	return c->until_time && now > c->until_time ? LENDING_OVERDUE : LENDING_OUT;
}

unsigned ledger_days(int64_t then, int64_t now)
{
	return then > 0 && now > then ? (unsigned)((now - then) / DAY) : 0;
}

void lending_of(const struct roster *r, const struct roster_checkout *c, int64_t now,
		struct lending *ret)
{
	int64_t end = c->returned ? c->returned_at : now;

	*ret = (struct lending){.checkout = c};
	ret->medium = medium_numbered(r, c->number);
	ret->carrier = roster_person(r, &c->carrier);
	ret->approver = approver_of(r, c);
	ret->state = state_of(ret, now);
	/* A day that has begun counts. */
	if (ret->approver && c->until_time && end > c->until_time)
		ret->days_overdue = 1 + ledger_days(c->until_time, end);
}

/* The number behind "T-2026-", or 0 when the id is of another kind or year. */
static unsigned number_of(const char *id, const char *prefix)
{
	size_t len = strlen(prefix);

	return !strncmp(id, prefix, len) ? (unsigned)strtoul(id + len, NULL, 10) : 0;
}

/* The id that a statement of this letter's kind carries; NULL. */
static const char *id_of(const struct statement *s, char letter)
{
	if (letter == 'T' && s->kind == STATEMENT_CHECKOUT)
		return statement_value(s, "checkout");
	if (letter == 'I' && s->kind == STATEMENT_INCIDENT)
		return statement_value(s, "incident");
	if (letter == 'E' && s->kind == STATEMENT_ERASE)
		return statement_value(s, "erase");
	return NULL;
}

void ledger_next_id(const struct roster *r, char letter, int64_t now, char out[LEDGER_ID])
{
	char prefix[16];
	unsigned last = 0;
	time_t when = (time_t)now;
	struct tm tm;

	if (!localtime_r(&when, &tm))
		memset(&tm, 0, sizeof(tm));
	snprintf(prefix, sizeof(prefix), "%c-%04d-", letter, (tm.tm_year + 1900) % 10000);
	/* Also what counts for nothing keeps its number. */
	for (size_t i = 0; r->from && i < register_count(r->from); i++) {
		const char *id = id_of(register_at(r->from, i), letter);

		if (id)
			last = MAX(last, number_of(id, prefix));
	}
	snprintf(out, LEDGER_ID, "%s%04u", prefix, (last + 1) % 1000000000u);
}

const struct roster_checkout *ledger_find(const struct roster *r, const char *id)
{
	for (size_t i = 0; i < r->checkout_count; i++)
		if (!strcmp(r->checkouts[i].id, id))
			return &r->checkouts[i];
	return NULL;
}

enum err ledger_time(const char *text, int64_t *ret)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(text, "%Y-%m-%d", &tm), *clock;
	long east = 0;
	bool zoned = false;
	time_t t;

	if (!end || strlen(text) < 10)
		return err_at(ERR_INVALID, "\"%s\" is no day like 2026-12-31", text);
	tm.tm_hour = 23, tm.tm_min = 59, tm.tm_sec = 59;
	if (*end == 'T' || *end == ' ') {
		tm.tm_sec = 0;
		clock = strptime(end + 1, "%H:%M:%S", &tm);
		if (!clock) {
			tm.tm_sec = 0;
			clock = strptime(end + 1, "%H:%M", &tm);
		}
		end = clock;
	}
	if (end && *end) {
		struct tm zone = {0};
		const char *rest = strptime(end, "%z", &zone);

		zoned = rest && !*rest;
		east = zone.tm_gmtoff;
		end = zoned ? rest : NULL;
	}
	t = zoned ? timegm(&tm) - east : mktime(&tm);
	if (!end || t == (time_t)-1)
		return err_at(ERR_INVALID, "\"%s\" is no day like 2026-12-31", text);
	*ret = t;
	return OK;
}

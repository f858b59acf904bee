/* The lending ledger (電子媒体持出管理台帳): every taking out of a medium, from its request to its
 * return, as the register tells it. Pure: a roster and a moment go in.
 *
 * A request counts as approved once an officer who is neither its carrier nor its signer approved
 * it. docs/FORMAT.md, "Register", kinds checkout, approve, checkin. */
#pragma once
#include "org/roster.h"

#define LEDGER_ID 33u

enum lending_state {
	LENDING_REQUESTED, /* 申請中 */
	LENDING_OUT,	   /* 持出中 */
	LENDING_OVERDUE,   /* 延滞 */
	LENDING_RETURNED,  /* 返却済 */
	LENDING_ERASED,	   /* 消去済 */
	LENDING_MISSING,   /* 所在不明 */
};
const char *lending_state_name(enum lending_state state); /* "overdue"; never translated */

/* Everything borrowed from the roster and its register; texts of the request by their field names
 * with statement_value(checkout->request, ...). */
struct lending {
	const struct roster_checkout *checkout;
	const struct roster_medium *medium;   /* NULL: not on the register */
	const struct roster_person *carrier;  /* NULL: not on the staff */
	const struct roster_person *approver; /* NULL: not approved */
	enum lending_state state;
	unsigned days_overdue;
};
void lending_of(const struct roster *r, const struct roster_checkout *c, int64_t now,
		struct lending *ret);

/* The next free number of its kind and year: "T-2026-0031". */
void ledger_next_id(const struct roster *r, char letter, int64_t now, char out[LEDGER_ID]);
/* The request with this number; NULL. */
const struct roster_checkout *ledger_find(const struct roster *r, const char *id);
/* Whole days from `then` to `now`; 0 when `then` is 0 or later. */
unsigned ledger_days(int64_t then, int64_t now);
/* "2026-11-30", "2026-11-30T17:00" or with seconds and offset: a day means its end, here.
 * ERR_INVALID. */
MUST_CHECK enum err ledger_time(const char *text, int64_t *ret);

/* What the logs of some hosts tell of a span of time, for the auditor's report: openings with their
 * ends, packs with their receipts, and what the self-inspection counts. Needs no key. Every log is
 * verified as it is read, and read once; kept are openings and packs, of each at most REPORT_ROWS
 * (what is left out is counted). Nothing in a log is trusted to be short or well-formed. Texts are
 * cut to their fields, never run over; events that this version does not know are passed over. One
 * thread. Form: docs/FORMAT.md, "Host log". */
#pragma once
#include "audit/log.h"

#define REPORT_ROWS 20000u
#define REPORT_MASS 1000u  /* files or persons at once: 大量取出し */
#define REPORT_FAILURES 5u /* refused openings on one host and one day: 開錠失敗の多発 */
#define REPORT_PLACES 4u   /* records that a count names */

enum report_ending {
	REPORT_OPEN,   /* nothing later is known of it */
	REPORT_CLOSED, /* ejected, or locked when idle */
	REPORT_REMOVED,
	REPORT_UNCLEAN,
	REPORT_UNTOLD, /* its log keeps quiet, but the medium was opened again later */
	REPORT_ENDINGS
};
struct report_session {
	char host[20], session[33], volume[33], label[65], number[33], who[96];
	int64_t from, to; /* 0: not known */
	uint64_t from_seq, to_seq;
	char to_host[20]; /* whose record tells the end: that of the next opening, where need be */
	int64_t saved_until; /* the newest state that was kept, where the next opening told it */
	enum report_ending ending;
};
struct report_end { /* unclean, of an opening whose end or log is elsewhere: as the next one told */
	char session[33], host[20];
	int64_t when, saved_until;
	uint64_t seq;
};
struct report_pack {
	char host[20], id[33], who[96];
	int64_t when;
	uint64_t seq, receipt_seq; /* 0: no receipt */
	char receipt_host[20];
};
struct report_place {
	char host[20];
	uint64_t seq;
};
struct report_tally {
	uint64_t count;
	struct report_place places[REPORT_PLACES]; /* the first few */
};
enum report_count {
	REPORT_UNREGISTERED, /* refused by a rule of the society */
	REPORT_OUTSIDE,	     /* refused: no key, no permission, revoked */
	REPORT_WEAK,	     /* a cipher that is not on the list */
	REPORT_UNSEPARATED,
	REPORT_FAILED_OPEN, /* on days with at least REPORT_FAILURES of them */
	REPORT_MASS_OUT,
	REPORT_FAULTS, /* lines that do not verify */
	REPORT_CLOCK,  /* a time before that of the record before it, and nobody said so */
	REPORT_TAKEOUTS,
	REPORT_INCIDENTS,
	REPORT_COUNTS
};
struct report_log {
	char host[20];
	uint64_t lines, last_seq;
	struct merkle tree; /* over its lines */
	enum err verdict;
};
struct report {
	int64_t from, to; /* seconds; from is in, to is out. 0: without an end */
	struct report_log *logs;
	size_t log_count;
	struct report_session *sessions;
	size_t session_count;
	struct report_end *ends;
	size_t end_count;
	struct report_pack *packs;
	size_t pack_count;
	struct report_tally tallies[REPORT_COUNTS];
	uint64_t records, left_out;
};
void report_clear(struct report *r); /* all-zero is welcome */
/* One more log. A fault of the log is in its verdict, no error. ERR_NOMEM, ERR_NOT_FOUND and such.
 */
MUST_CHECK enum err report_read(struct report *r, const char *path);
/* Once all are read: openings and packs in the order of time, endings that nobody told. */
void report_arrange(struct report *r);

/* Recovery sheets: the society's recovery key on paper, whole or in shares of which some suffice.
 *
 * A sheet is five lines of twenty letters, the last four of each a check, so that a typing error is
 * found in the line that has it, and a line of another sheet is no line of this one. Sixteen
 * letters are used, none of which is taken for another one or for a digit; case, blanks and dashes
 * mean nothing. Key and lines are secrets: they stay in guarded memory. docs/FORMAT.md, "Recovery
 * sheet". */
#pragma once
#include "age/identity.h"
#include "crypto/shares.h"

#define PAPER_LINES 5u
#define PAPER_LINE_LEN 26u /* "ACEF HJKL MPRT UWXY - ACEF" */
#define PAPER_SET_LEN 4u
#define PAPER_BYTES 40u

struct paper {
	unsigned needed, total;	    /* any `needed` of the `total` sheets give the key */
	uint8_t set[PAPER_SET_LEN]; /* of which key it is: the beginning of its fingerprint */
	struct share share;	    /* owned; its number is the sheet's */
};
void paper_clear(struct paper *p); /* wipes; all-zero is welcome */

/* list[0..total-1]. ERR_INVALID unless 1 <= needed <= total <= SHARES_MAX. */
MUST_CHECK enum err paper_make(const struct age_identity *key, unsigned needed, unsigned total,
			       struct paper *list);
/* The line with this number (1 to PAPER_LINES); the caller wipes it. No NUL behind it. */
void paper_line(const struct paper *p, unsigned number, char out[PAPER_LINE_LEN]);

/* ---- reading ---- */

/* A sheet that is being typed in. All-zero is the empty one. */
struct paper_entry {
	struct secret *bytes; /* owned, PAPER_BYTES */
	bool have[PAPER_LINES];
};
void paper_entry_clear(struct paper_entry *e);
enum paper_typed {
	PAPER_TYPED,	 /* taken */
	PAPER_NO_LINE,	 /* not twenty letters of those sixteen */
	PAPER_NO_CHECK,	 /* a letter is wrong, or it is a line of another sheet */
	PAPER_NO_NUMBER, /* it begins with a number that is not the one wanted */
};
/* Takes what was typed for line `number`; it may begin with that number. The first one comes first,
 * as the others are checked against it. ERR_NOMEM only. */
MUST_CHECK enum err paper_enter(struct paper_entry *e, unsigned number, const char *text,
				size_t len, enum paper_typed *ret);
/* The first line that is still missing; 0: none is. */
unsigned paper_missing(const struct paper_entry *e);
/* Of an entry that misses nothing. ERR_BAD_FORMAT for a sheet that no version of this program
 * makes. */
MUST_CHECK enum err paper_finish(const struct paper_entry *e, struct paper *ret);
/* The sheet in a text, printed, typed or scanned, among whatever else stands there: a line begins
 * after a line break, or with its number and a colon wherever they stand. ERR_BAD_FORMAT; *ret_line
 * is the line that is missing or wrong (0: all are there). */
MUST_CHECK enum err paper_read(const char *text, size_t len, struct paper *ret, unsigned *ret_line);

/* ---- putting together ---- */

enum paper_verdict {
	PAPER_FITS,
	PAPER_TOO_FEW,
	PAPER_MIXED, /* the last one is of another key, or of another way of sharing it */
	PAPER_TWICE, /* the last one is there already */
	PAPER_WRONG, /* together they do not give the key that they name */
};
/* What the sheets are to each other, the last one having come last. Never PAPER_WRONG. */
enum paper_verdict paper_compare(const struct paper *list, size_t count);
/* The key, with PAPER_FITS. ERR_NOMEM only. */
MUST_CHECK enum err paper_join(const struct paper *list, size_t count, enum paper_verdict *ret,
			       struct age_identity **ret_key);

/* ---- the page ---- */

struct paper_words {
	const char *society; /* its name */
	const char *words;   /* of the society */
	const char *date;    /* 2026-11-22 */
};
/* The whole page as text in Japanese and English. */
MUST_CHECK enum err paper_page(const struct paper *p, const struct paper_words *about,
			       const struct age_recipient *key, struct secret **ret);
/* The same for a browser to print (HTML), with a QR code of the five lines as they would be typed,
 * one behind the other. The code is as secret as they are. paper_read() reads this page too. */
MUST_CHECK enum err paper_page_html(const struct paper *p, const struct paper_words *about,
				    const struct age_recipient *key, struct secret **ret);

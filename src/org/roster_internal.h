/* What the files of the roster share. Private to org. */
#pragma once
#include "org/authority.h"
#include "org/roster.h"

struct roster_book { /* the roster, and what it is made with */
	struct roster roster; /* must stand first: roster_free gets its address */
	struct authority authority;
	bool *counts; /* by place in the register */
};

/* Fields. Out of anything that has not its form comes false, and the target stays. */
bool field_text(const struct statement *s, const char *name, char *out, size_t cap);
bool field_day(const struct statement *s, const char *name, char out[ROSTER_DAY]);
bool field_hex(const struct statement *s, const char *name, void *out, size_t len);
bool field_recipient(const struct statement *s, const char *name, struct age_recipient *ret);
/* The i-th word of a value, split at single spaces. */
bool value_word(const char *value, unsigned i, char *out, size_t cap);
bool word_number(const char *word, uint64_t *ret);

/* Entries, made when they are missing; NULL: out of memory. */
struct roster_person *book_person(struct roster_book *b, const struct age_recipient *who);
struct roster_host *book_host(struct roster_book *b, const char *id);
struct roster_medium *book_medium(struct roster_book *b, const char *number);
struct roster_medium *book_volume(struct roster_book *b, const uint8_t volume_id[VOLUME_ID_LEN]);

/* The ledger's part of it: checkout, approve, checkin, sight, found, erase. */
MUST_CHECK enum err book_lending(struct roster_book *b, const struct statement *s, bool *ret_counts);
/* After all of that: who and what was revoked. */
MUST_CHECK enum err book_revoke(struct roster_book *b, const struct statement *s);
/* A host's report. */
MUST_CHECK enum err book_report(struct roster_book *b, const struct statement *s, bool *ret_counts);

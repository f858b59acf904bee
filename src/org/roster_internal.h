/* What the files of the roster share. Private to org. */
#pragma once
#include "org/authority.h"
#include "org/roster.h"

/* What belonged to whom at any time: who was revoked takes it along, whatever is said later. */
struct volume_tie {
	uint8_t volume_id[VOLUME_ID_LEN];
	char number[33];
};
struct key_tie {
	uint8_t vkey[SIGN_VKEY_LEN];
	struct age_recipient recipient;
};

/* All that the writer of a revocation knew when they wrote it, by slot. */
struct past {
	const struct statement *of;
	bool *known; /* owned */
};

struct roster_book { /* the roster, and what it is made with */
	struct roster roster; /* must stand first: roster_free gets its address */
	struct authority authority;
	bool *counts; /* by place in the register */
	struct volume_tie *volumes;
	size_t volume_count;
	struct key_tie *keys;
	size_t key_count;
	struct past *pasts; /* of revocations that name people */
	size_t past_count;
};

/* Makes room for one more in *list, zero-filled; NULL: out of memory. */
void *list_grow(void *list, size_t *count, size_t size);
MUST_CHECK enum err tie_volume(struct roster_book *b, const uint8_t volume_id[VOLUME_ID_LEN],
			       const char *number);
MUST_CHECK enum err tie_key(struct roster_book *b, const uint8_t vkey[SIGN_VKEY_LEN],
			    const struct age_recipient *who);
MUST_CHECK enum err pasts_make(struct roster_book *b);
void ties_clear(struct roster_book *b);
/* No revocation of whoever signs with this key leaves the statement out: each knew it. */
bool pasts_allow(const struct roster_book *b, const struct statement *s);

/* Fields. Out of anything that has not its form comes false, and the target stays. */
bool field_text(const struct statement *s, const char *name, char *out, size_t cap);
bool field_day(const struct statement *s, const char *name, char out[ROSTER_DAY]);
bool field_hex(const struct statement *s, const char *name, void *out, size_t len);
bool field_recipient(const struct statement *s, const char *name, struct age_recipient *ret);
/* The i-th word of a value, split at single spaces. */
bool value_word(const char *value, unsigned i, char *out, size_t cap);
bool word_number(const char *word, uint64_t *ret);

/* NULL: there is none. */
struct roster_medium *book_find_medium(struct roster_book *b, const char *number);
/* An officer revoked it with a lesser clock. `what`: "host", "medium". */
bool book_is_revoked(const struct roster_book *b, const struct statement *s, const char *what,
		     const char *id);
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

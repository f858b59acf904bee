/* The volume's own log: lines, numbered from 0, that are added and never changed. They are kept as they
 * came, byte for byte: a line is the leaf of a Merkle tree that other logs may witness. No line is in
 * any folder, and none counts as a file. docs/FORMAT.md, "The volume's log".
 *
 * These work on a bare store, before a volume is opened on it; afterwards volume_log_append adds.
 * One thread at a time adds. */
#pragma once
#include "store/store.h"

#define JOURNAL_LINE_MAX 4096u

/* How many lines there are. */
MUST_CHECK enum err journal_count(struct store *s, uint64_t *ret);
/* Adds one: 1 to JOURNAL_LINE_MAX bytes without line feed and zero (else ERR_INVALID). Durable with the
 * next commit. It may take of the space that is kept for deleting: who opens a full medium to make room
 * is recorded too. */
MUST_CHECK enum err journal_append(struct store *s, const char *line, size_t len);
/* Line `number`, terminated; out has JOURNAL_LINE_MAX + 1 bytes. ERR_NOT_FOUND, ERR_MALFORMED. */
MUST_CHECK enum err journal_line(struct store *s, uint64_t number, char *out, size_t *ret_len);
/* Calls `fn` with each line from `from` on, in order, until it gives an error. Holds no lock while it
 * runs. */
MUST_CHECK enum err journal_each(struct store *s, uint64_t from,
				 enum err (*fn)(void *ctx, uint64_t number, const char *line,
						size_t len),
				 void *ctx);

/* The register as this host has it: all statements of one society that it ever got, in a file that
 * only grows (home register/statements.txt). Two registers are merged by taking the union: the order
 * and the way in which statements came mean nothing.
 *
 * A register belongs to the society whose founding statement it holds; statements of others are
 * refused. Without one it is empty and rules nothing. What the statements mean: org/roster.h. One
 * thread at a time; other processes may write at the same time, each waits for the other. */
#pragma once
#include "org/home.h"
#include "org/statement.h"

struct org_register;

/* Loads it; a tail that a crash cut is dropped. ERR_LOG_TAMPERED when a line of it was changed.
 * Makes no file. */
MUST_CHECK enum err register_open(struct home *h, struct org_register **ret);
/* One in memory only, for what a folder or a medium holds. */
MUST_CHECK enum err register_new(struct org_register **ret);
void register_free(struct org_register *r);
DEFINE_FREEP(struct org_register, register_free)

bool register_is_empty(const struct org_register *r);
const uint8_t *register_org(const struct org_register *r); /* ORG_ID_LEN bytes; NULL when empty */
/* The society's id as six words, to compare before joining; out has 96 bytes. */
void register_words(const uint8_t org[ORG_ID_LEN], char out[96]);
size_t register_count(const struct org_register *r);
const struct statement *register_at(const struct org_register *r, size_t i); /* in order of clock, id */
const struct statement *register_find(const struct org_register *r, const uint8_t id[SHA256_LEN]);
/* SHA-256 over the ids in their order: equal for equal registers. */
void register_digest(const struct org_register *r, uint8_t out[SHA256_LEN]);

/* A statement from elsewhere, durably when the register is a host's. *ret_new (may be NULL): it was
 * not there before. An empty register takes a founding statement and nothing else (joining: the
 * caller compared the words). ERR_BAD_FORMAT, ERR_FORGED, ERR_NEWER_FORMAT; ERR_SENDER when it is of
 * another society. */
MUST_CHECK enum err register_take(struct org_register *r, const char *text, size_t len, bool *ret_new);
/* Everything of `from` (same society, or `into` is empty), durably, with one flush. */
MUST_CHECK enum err register_merge(struct org_register *into, const struct org_register *from,
				   size_t *ret_new);
/* A new statement by `key`, at the end of its chain here, durably; in a new chain when that one is
 * forked or lacks something, as what is added to it would count for nothing. *ret (may be NULL) is
 * borrowed until free. ERR_NOT_FOUND: the register is empty; ERR_INVALID, ERR_TOO_BIG: the fields. */
MUST_CHECK enum err register_write(struct org_register *r, enum statement_kind kind,
				   const struct statement_field *fields, size_t count,
				   const struct sign_key *key, const struct statement **ret);
/* The founding one, into an empty register; ERR_EXISTS otherwise. */
MUST_CHECK enum err register_found(struct org_register *r, const struct statement_field *fields,
				   size_t count, const struct sign_key *key);

/* All statements as one text, in order of clock and id, and back into a register in memory. */
MUST_CHECK enum err register_print(const struct org_register *r, struct buf *out);
MUST_CHECK enum err register_read(const char *text, size_t len, struct org_register **ret);

/* Whether each statement stands, ret[i] being for register_at(r, i): its chain is neither forked nor
 * cut at it or before, all it names is here, and its clock is what those make it. Of one that does
 * not stand nothing counts but a revocation. Depends on the set alone. */
MUST_CHECK enum err register_standing(const struct org_register *r, bool *ret);
/* What is wrong with the chains. FORK: two statements have one number; CUT: predecessors of a
 * statement are missing; UNSEEN: a statement names another that is not here; LEAP: its clock is not
 * what those it names make it. */
enum register_fault { REGISTER_FORK, REGISTER_CUT, REGISTER_UNSEEN, REGISTER_LEAP };
struct register_finding {
	enum register_fault fault;
	const struct statement *statement; /* borrowed; of a fork: one of the two */
};
/* Calls `each` for every finding, in an order that depends on the set alone. */
MUST_CHECK enum err register_check(const struct org_register *r,
				   enum err (*each)(void *ctx, const struct register_finding *f),
				   void *ctx);

/* When this host last exchanged registers, seconds since 1970; 0: never. */
int64_t register_synced(struct home *h);
MUST_CHECK enum err register_note_sync(struct home *h, int64_t when);

/* What the files of verify share. Private to access. */
#pragma once
#include <pthread.h>
#include "access/verify.h"
#include "audit/chain.h"
#include "org/staff_key.h"

#define VERIFY_LOG_MAX (1u << 30) /* bytes of one log */
#define SESSION_LEN 16u

/* A head that the log `by` says of `target`. */
struct claim {
	uint32_t target,
		by; /* places in verify.logs; by: CLAIM_KEPT for one that was kept elsewhere */
	uint64_t size;
	uint8_t root[SHA256_LEN];
};
#define CLAIM_KEPT UINT32_MAX

/* A session that a host's log tells of. */
struct told_session {
	uint8_t id[SESSION_LEN];
	uint32_t host, seq;
	bool opened;
};

struct vlog {
	struct verify_log facts;
	const struct log_file *copies; /* borrowed; the longest first */
	size_t copy_count;
	bool incomplete;   /* lines of it are missing: what it does not tell proves nothing */
	bool stepped_back; /* some host told that lines of it were lost */
};

struct revoked_key {
	char fpr[STAFF_FPR_LEN];
	int64_t when;
};

/* One medium of the register, by its volume. */
struct expected_volume {
	char id[2 * VOLUME_ID_LEN + 1];
	int64_t revoked, last; /* 0: not; never */
	const struct roster_medium *medium;
};

/* What one thread found, before it is put together. */
struct batch {
	struct verify_finding *findings;
	size_t finding_count, finding_cap;
	struct claim *claims;
	size_t claim_count, claim_cap;
	struct told_session *sessions;
	size_t session_count, session_cap;
	uint64_t counts[VERIFY_KINDS], openings;
};

struct verify {
	const struct verify_ask *ask;
	struct vlog *logs;
	size_t log_count;
	struct batch all; /* sorted: claims by target and size, sessions by id */
	struct revoked_key *revoked;
	size_t revoked_count;
	struct expected_volume *expected; /* by id */
	size_t expected_count;
	pthread_mutex_t lock;
	enum err (*step)(struct verify *v, uint32_t log, struct batch *b);
	uint32_t next;
	enum err err;
	char detail[512];
};

/* Grows an array by one; gives its new, zeroed place or NULL. */
void *batch_grow(void *items, size_t *count, size_t *cap, size_t size);
MUST_CHECK enum err batch_find(struct batch *b, enum verify_what what, const char *log,
			       const char *other, uint64_t seq, int64_t when);
/* Moves what is in `from` behind what is in `into`; `from` keeps its memory. */
MUST_CHECK enum err batch_join(struct batch *into, const struct batch *from);
void batch_clear(struct batch *b);

/* UINT32_MAX: there is none. */
uint32_t verify_place(const struct verify *v, enum log_kind kind, const char *id, size_t len);
/* The claims about a log: a part of v->all.claims. */
const struct claim *verify_claims_of(const struct verify *v, uint32_t log, size_t *ret_count);
const char *verify_by(const struct verify *v, const struct claim *c);
/* Whether `copy` has only lines that `whole` begins with. */
MUST_CHECK enum err verify_is_beginning(const struct buf *whole, const char *copy, bool *ret);

/* The steps; each is called for every log, on several threads. */
MUST_CHECK enum err verify_gather(struct verify *v, uint32_t log, struct batch *b);
MUST_CHECK enum err verify_host(struct verify *v, uint32_t log, struct batch *b);
MUST_CHECK enum err verify_volume(struct verify *v, uint32_t log, struct batch *b);
/* The heads in a text of checkpoints that was kept. ERR_BAD_FORMAT: it has none. */
MUST_CHECK enum err verify_gather_kept(struct verify *v, const char *text);

/* The host log: append-only JSON Lines, each line naming the hash of the one before and signed by
 * the key of its period; the lines are the leaves of a Merkle tree. Several processes may append at
 * once (a lock on the file orders them). An appended line is on the disk before append returns,
 * which takes one flush; where a period ends, with each mount, three. A torn last line that a crash
 * left is closed off, kept, and told by a `recovered` record; a clock that was set back by a
 * `clock` record. The first period's key is the host key. Keys stand beside the log in
 * `signing.key`. docs/FORMAT.md, "Host log". */
#pragma once
#include "audit/checkpoint.h"
#include "audit/event.h"
#include "crypto/sign.h"

struct audit_log;

/* Opens for appending; makes the file (mode 0600) when absent. `host` is the host's id. Any failure
 * is ERR_LOG_WRITE. `key` is borrowed until close. */
MUST_CHECK enum err audit_log_open(const char *path, const char *host, const struct sign_key *key,
				   struct audit_log **ret);
void audit_log_close(struct audit_log *log);
DEFINE_FREEP(struct audit_log, audit_log_close)
/* Durable on return; ret_seq (may be NULL) is the line's number. An `unlock` that went well begins
 * a new period. Any failure is ERR_LOG_WRITE. */
MUST_CHECK enum err audit_log_append(struct audit_log *log, const struct audit_event *event,
				     uint64_t *ret_seq);
/* The same of several, in one write. */
MUST_CHECK enum err audit_log_append_all(struct audit_log *log, const struct audit_event *events,
					 size_t count, uint64_t *ret_seq);
/* What the log is now, as a note signed by the key in force, for others to keep. Appends to `out`.
 * ERR_NOT_FOUND: it is empty. Other failures are ERR_LOG_WRITE. */
MUST_CHECK enum err audit_log_head(struct audit_log *log, struct buf *out);

/* Reading needs no key. `line` is called for each line in order with its raw text; `fault` is OK,
 * ERR_LOG_TAMPERED or ERR_LOG_GAP for that line. `vkey` NULL takes the key named by the first line.
 * The result is the worst finding; a callback's error ends the reading and comes back. */
MUST_CHECK enum err audit_log_read(const char *path, const uint8_t *vkey,
				   enum err (*line)(void *ctx, const char *text, size_t len,
						    enum err fault),
				   void *ctx);

/* How a use case leaves its record without knowing where it goes: a file here, or a supervisor in
 * another process. */
struct recorder {
	enum err (*record)(void *ctx, const struct audit_event *event);
	void *ctx;
	/* The log's head, as audit_log_head gives it. NULL: there is none to be had. */
	enum err (*head)(void *ctx, struct buf *out);
};

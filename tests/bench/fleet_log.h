/* Logs of hosts and of volumes that are made in memory, a million sessions in minutes: the lines
 * are printed, signed and closed by the functions that the program uses, only that nothing is
 * flushed, and keys come from a seed so that the same logs can be made again. Time is the one that
 * clock_wall() tells. One thread a log. Not for real logs: whoever knows the seed knows the keys.
 */
#pragma once
#include "audit/checkpoint.h"
#include "audit/event.h"

/* Numbers that depend on nothing but the seed (SplitMix64). */
struct dice {
	uint64_t state;
};
uint64_t dice_roll(struct dice *d);
uint64_t dice_below(struct dice *d, uint64_t bound);
void dice_hex(struct dice *d, size_t digits,
	      char *out); /* out has digits + 1 bytes; digits is even */

struct host_log {
	char id[20];
	struct dice keys;
	struct sign_key *key; /* in force; owned */
	struct sign_key
		*closing; /* is to sign what its period was; owned; NULL: nothing to close */
	uint64_t seq;
	int64_t begun; /* of the period */
	uint8_t prev[SHA256_LEN];
	struct merkle tree;
	struct buf text;
	bool omits_checkpoints; /* a forger's: periods are left without their end */
};
/* A host with a key drawn from `dice`; its log is empty. */
MUST_CHECK enum err host_log_begin(struct host_log *h, struct dice *dice);
void host_log_clear(struct host_log *h);
/* As audit_log_append does: an `unlock` that went well begins a new period. */
MUST_CHECK enum err host_log_append(struct host_log *h, const struct audit_event *event);
/* As audit_log_head does. */
MUST_CHECK enum err host_log_head(const struct host_log *h, struct buf *out);
/* What it was at some moment, to go back to. Whoever marks clears or goes back, once. */
struct host_mark {
	uint8_t seed[SIGN_SEED_LEN]; /* of the key in force */
	uint64_t seq;
	int64_t begun;
	uint8_t prev[SHA256_LEN];
	struct merkle tree;
	size_t len;
	struct dice keys;
};
void host_log_mark(const struct host_log *h, struct host_mark *ret); /* not between periods */
MUST_CHECK enum err host_log_go_back(struct host_log *h, const struct host_mark *mark);

struct volume_log {
	char id[33];
	struct merkle tree;
	struct buf text;
};
/* `line` begins with "{" and lacks its end; a head of `host` is put behind it. NULL: none. */
MUST_CHECK enum err volume_log_append(struct volume_log *v, const struct buf *line,
				      const struct host_log *host);
/* The text of its checkpoint. */
MUST_CHECK enum err volume_log_head(const struct volume_log *v, struct buf *out);

/* Judging a host log line by line, with public keys only: that each line follows the one before,
 * that the key of its period signed it, that each period was closed by a checkpoint of the key that
 * ended with it, and that time runs back nowhere unannounced (docs/FORMAT.md, "Verifying"). Reading
 * goes on behind a fault, from what the line says of itself. One thread; nothing to free. */
#pragma once
#include "audit/checkpoint.h"
#include "audit/record.h"

enum chain_proof {
	CHAIN_EACH,    /* every line's signature is looked at: names the line at fault */
	CHAIN_PERIODS, /* closing checkpoints and the last line prove the lines before them: much
			  quicker */
};
struct chain {
	enum chain_proof proof;
	bool has_vkey;
	uint8_t host_vkey[SIGN_VKEY_LEN];	       /* of the first period: the host key */
	uint8_t vkey[SIGN_VKEY_LEN], fpr[KEY_FPR_LEN]; /* in force */
	char host[20];
	uint64_t seq; /* of the record before */
	int64_t time;
	uint8_t sha256[SHA256_LEN];
	struct merkle tree; /* of all lines so far */
	uint64_t periods;   /* that were ended */
	bool unclosed;	    /* the record before ended a period */
	uint8_t closing[SIGN_VKEY_LEN];
	bool broken; /* a line was at fault: the tree is not what the checkpoints behind it are of */
	bool torn; /* what stands before is no record: only a `recovered` one may follow */
};
/* `vkey` NULL takes the key named by the first line. */
void chain_begin(struct chain *c, enum chain_proof proof, const uint8_t *vkey);
/* The next line, without its line feed. `last`: there is none behind it; `whole`: it has its line
 * feed. OK, ERR_LOG_TAMPERED or ERR_LOG_GAP, with a detail; or ERR_NOMEM. ret->seq is 0 for what is
 * no record. */
MUST_CHECK enum err chain_line(struct chain *c, const char *text, size_t len, bool last, bool whole,
			       struct record *ret);

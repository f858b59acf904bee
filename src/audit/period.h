/* The keys of the host log's periods. Each period has a fresh key, in force from the line behind a
 * `rotate` to the next `rotate`, which it signs last; then it is destroyed, and nobody can sign
 * lines of that period any more. The file has two places, so that the next key is on the disk
 * before the log names it. Whoever holds the log's lock may use these; seeds are in guarded memory
 * only while open. docs/FORMAT.md, "Periods". Private to audit. */
#pragma once
#include "audit/record.h"

struct period_keys;
/* Makes the file (mode 0600) when absent. Any fault of its content is two empty places. */
MUST_CHECK enum err period_keys_open(const char *path, struct period_keys **ret);
void period_keys_close(struct period_keys *k);
DEFINE_FREEP(struct period_keys, period_keys_close)
/* Borrowed; NULL: no place has it. */
const struct sign_key *period_keys_find(const struct period_keys *k,
					const uint8_t fpr[KEY_FPR_LEN]);
/* A fresh key, durably, in the place that does not hold `keep` (may be NULL). */
MUST_CHECK enum err period_keys_draw(struct period_keys *k, const struct sign_key *keep,
				     const struct sign_key **ret);
/* Overwrites whatever is not `keep`, as far as the disk writes where it is told to. */
MUST_CHECK enum err period_keys_destroy_others(struct period_keys *k, const struct sign_key *keep);

/* The lines of SHA256SUMS, made by a thread of its own while the files are read by another one.
 *
 * Files come one after the other: summing_file, then all of its bytes through summing_room. Its
 * errors come back from a later call. Used by one thread at a time. Private to pack. */
#pragma once
#include "base/buf.h"

struct summing;
/* `sums`: where the lines are appended; nobody else's until summing_finish or summing_free. */
MUST_CHECK enum err summing_new(struct buf *sums, struct summing **ret);
void summing_free(struct summing *s);
DEFINE_FREEP(struct summing, summing_free)

MUST_CHECK enum err summing_file(struct summing *s, const char *name, uint64_t size);
/* Room for *ret_len bytes of the file, at least one; then how many of these were filled: with it
 * all, in order. What was filled may be read until the next call. */
uint8_t *summing_room(struct summing *s, size_t *ret_len);
MUST_CHECK enum err summing_filled(struct summing *s, size_t len);
/* All lines are there afterwards. More files may follow. */
MUST_CHECK enum err summing_finish(struct summing *s);

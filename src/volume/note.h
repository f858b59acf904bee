/* Notes: what the program itself keeps beside people's files, such as the register that travels with
 * the vault. A note is a number and bytes; it is replaced whole, and a commit has it before or after.
 * It has no name in any folder and counts as no file. docs/FORMAT.md, "Notes".
 *
 * These work on a bare store, before a volume is opened on it; afterwards volume_note_put and
 * volume_note_get are the way. One thread at a time puts. */
#pragma once
#include "base/buf.h"
#include "store/store.h"

#define NOTE_REGISTER 1u /* statements of the society's register, docs/FORMAT.md */
#define NOTE_MAX (16u << 20)

/* Replaces it; the next commit makes that durable. No bytes: there is none any more. ERR_TOO_BIG,
 * ERR_NO_SPACE: it stays as it was. */
MUST_CHECK enum err note_put(struct store *s, uint32_t id, const void *data, size_t len);
/* Appends it to `ret`. ERR_NOT_FOUND, ERR_FORGED, ERR_MALFORMED and what reading gives; then `ret` may
 * hold a part of it. */
MUST_CHECK enum err note_get(struct store *s, uint32_t id, struct buf *ret);

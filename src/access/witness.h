/* The host's log and the volume's log as witnesses of each other. At each opening the volume's log
 * must go on from what this host saw of it; what it is then, and what it is at a clean end, goes
 * into this host's record of the opening and the closing, cosigned. The other way round the
 * volume's log takes the head of this host's log, and carries it to other hosts. This host keeps a
 * copy of the lines it witnessed, log/volumes/VOLUME-ID.jsonl, for whoever audits without a key to
 * the volume. Where lines were lost with a tail, by damage or by an officer's decision, the copy is
 * put aside and begun anew, and the record says so. Private to access. docs/FORMAT.md,
 * "Witnessing". */
#pragma once
#include "access/internal.h"

/* Before the record of the opening. ERR_FORK: the log is not the one that was seen; ERR_ROLLBACK:
 * it is shorter; ERR_MALFORMED: it is no log. Nothing where a fork or a log without form is only
 * read. */
MUST_CHECK enum err witness_opening(struct vault *v);
/* Before the record of the closing, with all lines of this session in the store. That it fails
 * keeps nothing from closing; then there is nothing to be told. */
void witness_closing(struct vault *v);
/* The closing went well: what it told is kept. Durable as far as it goes. */
void witness_closed(struct vault *v);
/* For the event's `witness`: the text of the checkpoint, borrowed; NULL: there is none. */
const char *witness_text(const struct vault *v);
/* Appends `,"head":"..."` to a line of the volume's log; nothing when there is no log to speak of.
 */
MUST_CHECK enum err witness_put_head(const struct vault *v, struct buf *line);

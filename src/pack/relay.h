/* A sink whose work is done by other threads: what is written is copied, and goes to the sinks
 * behind it, in order, while the writer goes on with something else. Each sink has a thread of its
 * own, and gets a piece when the sink before it is done with it. At most RELAY_BYTES are under way;
 * who writes more waits.
 *
 * A piece begins at a multiple of RELAY_ALIGN in memory and is RELAY_PIECE bytes long, except what
 * is left at relay_finish: so pieces can be written to a disk from where they lie.
 *
 * A sink is called by its thread alone, one call at a time, never after relay_finish or relay_free
 * returned. Its error ends the work of all, and comes back, with its detail, from the next call
 * here and from every later one. Used by one thread at a time. Private to pack. */
#pragma once
#include "age/pipe.h"

#define RELAY_ALIGN 4096u
#define RELAY_PIECE (512u << 10)
#define RELAY_BYTES (4u << 20)
#define RELAY_SINKS 2u

struct relay;
MUST_CHECK enum err relay_new(struct age_sink into, struct relay **ret);
/* `count`: from 1 to RELAY_SINKS. */
MUST_CHECK enum err relay_new_chain(const struct age_sink *sinks, size_t count, struct relay **ret);
void relay_free(struct relay *r); /* waits for the threads; what is under way may be dropped */
DEFINE_FREEP(struct relay, relay_free)
struct age_sink relay_sink(struct relay *r);
/* Without copying: room for *ret_len bytes, at least one; then how many of these were filled. */
uint8_t *relay_room(struct relay *r, size_t *ret_len);
MUST_CHECK enum err relay_filled(struct relay *r, size_t len);
/* Everything that was written is with the sinks afterwards. More may be written then. */
MUST_CHECK enum err relay_finish(struct relay *r);

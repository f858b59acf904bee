/* A sink whose work is done by another thread: what is written is copied, and goes to the sink
 * behind it, in order, while the writer goes on with something else. At most RELAY_BYTES are under
 * way; who writes more waits.
 *
 * The sink behind it is called by the relay's thread alone, one call at a time, never after
 * relay_finish or relay_free returned. Its error comes back, with its detail, from the next call
 * here and from every later one. Used by one thread at a time. Private to pack. */
#pragma once
#include "age/pipe.h"

#define RELAY_BYTES (4u << 20)

struct relay;
MUST_CHECK enum err relay_new(struct age_sink into, struct relay **ret);
void relay_free(struct relay *r); /* waits for the thread; what is under way may be dropped */
DEFINE_FREEP(struct relay, relay_free)
struct age_sink relay_sink(struct relay *r);
/* Everything that was written is with the sink afterwards. More may be written then. */
MUST_CHECK enum err relay_finish(struct relay *r);

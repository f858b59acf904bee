/* Where bytes come from and where they go: the two ends that sealing and opening work between.
 *
 * A callback's error ends the work and is returned as it is. Nothing here is shared between
 * threads. */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

struct age_source {
	/* Gives 1 to cap bytes; *ret_len 0 means the end. */
	enum err (*read)(void *ctx, void *out, size_t cap, size_t *ret_len);
	void *ctx;
};

struct age_sink {
	enum err (*write)(void *ctx, const void *data, size_t len); /* takes all of it or fails */
	void *ctx;
};

/* Bytes in memory as a source; the struct is moved forward by reading. */
struct age_memory {
	const uint8_t *at;
	size_t left;
};
struct age_source age_source_memory(struct age_memory *m);
struct age_source age_source_fd(int *fd); /* reads to the end of file */
struct age_sink age_sink_fd(int *fd);
struct age_sink age_sink_buf(struct buf *out); /* appends; not for plaintext that is secret */

/* A source that can be looked into before it is read. Initialise with the source, zero the rest. */
struct age_inflow {
	struct age_source from;
	size_t at, len;
	bool ended;
	uint8_t bytes[4096];
};
/* Makes the next bytes visible at `bytes + at`, at least one unless the source has ended. */
MUST_CHECK enum err age_inflow_fill(struct age_inflow *in);
MUST_CHECK enum err age_inflow_read(struct age_inflow *in, void *out, size_t cap, size_t *ret_len);

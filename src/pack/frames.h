/* zstd frames, compressed on all cores and handed on in order.
 *
 * Bytes go in at one end; every FRAMES_PLAIN of them, or where the caller cuts, make a frame of
 * their own that carries its length, so that a reader can begin at any of them. Frames are
 * independent: what one holds opens without the others, and the bytes do not depend on the number
 * of threads. Level 0 stores without compressing, in frames all the same, so that `zstd -d` reads
 * them. Format: RFC 8878.
 *
 * Memory is below 96 MiB whatever the length, the level and the number of cores: high levels get
 * fewer threads. Used by one thread; the others are its own. One of these calls the sink, one call
 * at a time, never after frames_finish or frames_free returned; an error of the sink ends the work
 * and comes back, with its detail, from the next call here. */
#pragma once
#include "age/pipe.h"

#define FRAMES_PLAIN (2u << 20)
#define FRAMES_LEVEL_MAX 19

struct frame_size {
	uint32_t sealed; /* bytes of the frame */
	uint32_t plain;	 /* bytes in it */
};

struct frames;
/* `threads` 0: as many as there are cores; at most so many, where the level takes much memory. */
MUST_CHECK enum err frames_new(int level, unsigned threads, struct age_sink into,
			       struct frames **ret);
void frames_free(struct frames *f); /* waits for the threads; nothing more is handed on */
DEFINE_FREEP(struct frames, frames_free)

/* After an error every later call gives the same one. */
MUST_CHECK enum err frames_put(struct frames *f, const void *data, size_t len);
/* The next byte begins a frame. */
MUST_CHECK enum err frames_cut(struct frames *f);
/* Everything that was put is with the sink afterwards. To be called once. */
MUST_CHECK enum err frames_finish(struct frames *f);

uint64_t frames_taken(const struct frames *f); /* bytes put so far */
/* All frames in order, once frames_finish returned; borrowed until frames_free. */
const struct frame_size *frames_sizes(const struct frames *f, size_t *ret_count);

/* An age file that is written by pushing: bytes go in piece by piece, the sealed file comes out, in
 * constant memory. The header is written at once. The sink is not flushed or closed. A file that
 * was not finished is no age file to any reader. One thread at a time. */
#pragma once
#include "age/age.h"

struct age_writer;
MUST_CHECK enum err age_writer_new(const struct age_to *to, struct age_sink into,
				   struct age_writer **ret);
MUST_CHECK enum err age_writer_put(struct age_writer *w, const void *data, size_t len);
MUST_CHECK enum err age_writer_finish(struct age_writer *w); /* once, after the last put */
void age_writer_free(struct age_writer *w);
DEFINE_FREEP(struct age_writer, age_writer_free)
struct age_sink age_writer_sink(struct age_writer *w); /* puts what it takes */

/* The key that a sealing was begun with; borrowed. Private to age. */
const struct secret *age_sealing_key(const struct age_sealing *s);

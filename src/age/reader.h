/* An age file that is read by pulling: from front to end, armored or not, or, when it is binary and
 * a plain file, from any place.
 *
 * What is handed out was authenticated chunk by chunk. That the file is whole is known when a read
 * gives 0 bytes, or at once when age_reader_length succeeded: it opens the last chunk as the last
 * one, which age.md asks for before a file is read from its end. Errors as in age.h. One thread at
 * a time. */
#pragma once
#include "age/age.h"

struct age_reader;

/* `fd` is borrowed, at the beginning of the file; its position moves. */
MUST_CHECK enum err age_reader_new(const struct age_who *who, int fd, struct age_reader **ret);
/* The same from any source, from front to end only. */
MUST_CHECK enum err age_reader_from(const struct age_who *who, struct age_source from,
				    struct age_reader **ret);
void age_reader_free(struct age_reader *r);
DEFINE_FREEP(struct age_reader, age_reader_free)

/* 1 to cap bytes; *ret_len 0 when the file ended and is whole. */
MUST_CHECK enum err age_reader_read(struct age_reader *r, void *out, size_t cap, size_t *ret_len);

/* The plaintext's length. ERR_NOT_SUPPORTED for armor and for what is no plain file. */
MUST_CHECK enum err age_reader_length(struct age_reader *r, uint64_t *ret);
/* Exactly `len` bytes from `off` on, after age_reader_length. ERR_RANGE beyond the end. */
MUST_CHECK enum err age_reader_at(struct age_reader *r, uint64_t off, void *out, size_t len);

/* The header of `in`, opened: its file key and its length. Private to age. */
MUST_CHECK enum err age_file_key(const struct age_who *who, struct age_inflow *in,
				 struct secret **ret, size_t *ret_header_len);

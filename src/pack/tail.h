/* The tail of a pack, behind the frames of its tar: padding, the index, the seek table, each a
 * skippable frame (RFC 8878) that tar and zstd pass over.
 *
 * The index lists what is in the pack, so that a pack of any size is listed at once; it says no
 * more than the key that opens the pack does, and extraction does not rely on it. The padding makes
 * the length of the whole one of few (Padmé: at most 12 % more), so that it tells little. The seek
 * table is that of the zstd seekable format. docs/FORMAT.md, "Pack". */
#pragma once
#include <stdbool.h>
#include "age/reader.h"
#include "pack/frames.h"

struct tail_entry {
	const char *name; /* borrowed, UTF-8 or bytes */
	char type;	  /* as in tar: '0' file, '5' folder, '2' link, '1' hard link */
	uint64_t size;
	int64_t mtime;
	uint64_t offset; /* of its header in the tar */
};

/* Collects entries. All-zero is the empty state. */
struct tail_index {
	struct buf text;
	uint64_t count;
};
MUST_CHECK enum err tail_index_add(struct tail_index *t, const struct tail_entry *entry);
void tail_index_clear(struct tail_index *t);

/* Writes the three frames. `sizes` are the frames in front of them. `padded`: whether the length is
 * to be hidden. */
MUST_CHECK enum err tail_write(const struct tail_index *index, const struct frame_size *sizes,
			       size_t count, bool padded, struct age_sink into);
/* The length that `len` bytes are padded to, at least `len`. */
uint64_t tail_padded(uint64_t len);

/* Reads the index of an opened pack and calls `each` for every entry. ERR_NOT_FOUND: there is none
 * (the file was made by other tools); ERR_BAD_FORMAT. */
MUST_CHECK enum err tail_read(struct age_reader *pack,
			      enum err (*each)(void *ctx, const struct tail_entry *entry),
			      void *ctx);

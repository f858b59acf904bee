/* Writing a tar in pax form: names of any length in UTF-8, links, holes, extended attributes. GNU
 * tar and bsdtar read it. One of the two doors to libarchive. Private to pack; one thread at a
 * time. */
#pragma once
#include "age/pipe.h"
#include "pack/walk.h"

struct tar_writer;
MUST_CHECK enum err tar_writer_new(struct age_sink into, struct tar_writer **ret);
void tar_writer_free(struct tar_writer *t);
DEFINE_FREEP(struct tar_writer, tar_writer_free)

/* A whole file from memory, mode 0644. */
MUST_CHECK enum err tar_put_memory(struct tar_writer *t, const char *name, int64_t mtime,
				   const void *data, size_t len);
/* A folder, a link, or a file with several names that came before as `same_as` (else NULL): no
 * content follows. */
MUST_CHECK enum err tar_put_entry(struct tar_writer *t, const struct walk_entry *entry,
				  const char *same_as);
/* Where the content of a file lies on its way: `room` gives a place for *ret_len bytes, at least
 * one, `filled` learns how many of these came. They stay as they are until the next call of it. */
struct tar_room {
	uint8_t *(*room)(void *ctx, size_t *ret_len);
	enum err (*filled)(void *ctx, size_t len);
	void *ctx;
};
/* A regular file that is open at `fd`: what comes into the room are its bytes in order, holes as
 * zeroes. ERR_BUSY when it does not have the size that the entry says. */
MUST_CHECK enum err tar_put_file(struct tar_writer *t, const struct walk_entry *entry, int fd,
				 const struct tar_room *room);
/* The same of what `from` gives, which has no attributes and no holes. */
MUST_CHECK enum err tar_put_stream(struct tar_writer *t, const struct walk_entry *entry,
				   struct age_source from, const struct tar_room *room);
MUST_CHECK enum err tar_finish(struct tar_writer *t);

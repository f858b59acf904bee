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
/* A regular file that is open at `fd`: what `each` gets are its bytes in order, holes as zeroes.
 * ERR_BUSY when it does not have the size that the entry says. */
MUST_CHECK enum err tar_put_file(struct tar_writer *t, const struct walk_entry *entry, int fd,
				 enum err (*each)(void *ctx, const void *data, size_t len),
				 void *ctx);
/* The same of what `from` gives, which has no attributes and no holes. */
MUST_CHECK enum err tar_put_stream(struct tar_writer *t, const struct walk_entry *entry,
				   struct age_source from,
				   enum err (*each)(void *ctx, const void *data, size_t len),
				   void *ctx);
MUST_CHECK enum err tar_finish(struct tar_writer *t);

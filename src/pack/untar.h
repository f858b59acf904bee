/* Reading a tar, pressed with zstd or not, entry by entry. What is in it is anybody's word: nothing
 * here touches a file. The other door to libarchive. Private to pack; one thread at a time. */
#pragma once
#include <time.h>
#include "age/pipe.h"

enum untar_type { UNTAR_FILE, UNTAR_FOLDER, UNTAR_LINK, UNTAR_HARD_LINK, UNTAR_OTHER };

struct untar_entry {
	enum untar_type type;
	const char *name;   /* as it stands there; borrowed until the next entry */
	const char *target; /* of links; else NULL */
	uint64_t size;
	unsigned mode; /* with set-id bits */
	struct timespec mtime;
};

struct untar;
MUST_CHECK enum err untar_new(struct age_source from, struct untar **ret);
void untar_free(struct untar *u);
DEFINE_FREEP(struct untar, untar_free)

/* ERR_NOT_FOUND at the end; ERR_BAD_FORMAT for what is no tar; the source's own errors. */
MUST_CHECK enum err untar_next(struct untar *u, struct untar_entry *ret);
/* The content of the file that came last, in order; gaps are holes. */
MUST_CHECK enum err
untar_data(struct untar *u, enum err (*each)(void *ctx, uint64_t off, const void *data, size_t len),
	   void *ctx);
/* Its attributes that begin with "user." */
MUST_CHECK enum err untar_xattrs(struct untar *u,
				 enum err (*each)(void *ctx, const char *name, const void *value,
						  size_t len),
				 void *ctx);

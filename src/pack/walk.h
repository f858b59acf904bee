/* Walking what is to be packed: every file, folder and link below the sources, folders before what
 * they hold, in the order of their names. Below the sources a name that is no UTF-8 is read as
 * CP932, as the other side would. Symbolic links are not followed; other file systems are
 * entered. Private to pack. */
#pragma once
#include <sys/stat.h>
#include "pack/make.h"

struct walk_entry {
	const char *path; /* on this host, for messages and for who has no `at` */
	const char *name; /* in the pack */
	/* The same place, shorter to get to: a folder that is open, or AT_FDCWD, and the path from
	 * there. */
	int at;
	const char *path_at;
	const struct stat *st;
};

/* ERR_EXISTS for two sources of one name or the name that is ours, ERR_INVALID for a name with
 * `..`. */
MUST_CHECK enum err walk_check_names(const struct pack_source *sources, size_t count);
MUST_CHECK enum err walk_sources(const struct pack_source *sources, size_t count,
				 enum err (*each)(void *ctx, const struct walk_entry *entry),
				 void *ctx);
/* Where a symbolic link leads, as it says; PATH_MAX bytes. */
MUST_CHECK enum err walk_read_link(const struct walk_entry *entry, char *target);

/* Finding things inside a vault by their path. Symbolic links on the way are not followed: they may
 * lead out of the vault. */
#pragma once
#include "volume/volume.h"

/* "/a/./b/../c": each name in turn from the root. ERR_NOT_FOUND and ERR_NOT_DIR carry the path. */
MUST_CHECK enum err inside_find(struct volume *v, const char *path, struct volume_attr *ret);
/* The folder that holds the last name of `path`, and that name. ERR_INVALID for the root itself. */
MUST_CHECK enum err inside_parent(struct volume *v, const char *path, uint64_t *ret_parent,
				  char ret_name[VOLUME_NAME_BYTES + 1]);
/* "." and ".." worked out, doubled and closing slashes gone, beginning with one; malloc'd. */
MUST_CHECK enum err inside_normal(const char *path, char **ret);

typedef enum err (*inside_name_fn)(void *ctx, const char *name, const struct volume_attr *attr);
/* Every entry, with attributes, sorted by name; collected first. */
MUST_CHECK enum err inside_list(struct volume *v, uint64_t ino, inside_name_fn fn, void *ctx);

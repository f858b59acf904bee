/* Names inside a pack, from whoever made it: paths that stay below the folder they are unpacked
 * into. Private to pack. */
#pragma once
#include <stdbool.h>
#include "base/err.h"

#define PACK_COMPONENT_MAX 255u /* bytes, what Linux file systems take */
#define PACK_PATH_MAX 4095u
#define PACK_DEPTH_MAX 512u /* components */

/* The name as it will be used: without `./` in front, doubled and ending slashes; a name that is no
 * UTF-8 is read as CP932. malloc'd; empty for the folder itself. ERR_UNSAFE: absolute, or with
 * `..`; ERR_NAME_TOO_LONG, also for too many folders in each other; ERR_BAD_FORMAT: neither UTF-8
 * nor CP932, or with control characters. */
MUST_CHECK enum err pack_name(const char *raw, char **ret);
/* Whether a symbolic link called `name` with this target stays inside: relative, `..` only in front
 * and no more of them than there are folders above the link. Since folders are never reached
 * through links, that holds for chains of links too. */
bool pack_link_is_inside(const char *name, const char *target);
/* Whether `name` is `path` or lies below it. */
bool pack_name_is_below(const char *name, const char *path);

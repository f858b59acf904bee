/* fusermount3, the helper that may mount and unmount for anybody. Used by root too, so that there
 * is one way only. */
#pragma once
#include <stdbool.h>
#include "base/err.h"

/* ret_fd: the connection to the kernel, the caller's. ERR_FUSE with the helper's words. */
MUST_CHECK enum err helper_mount(const char *path, const char *options, int *ret_fd);
/* ERR_BUSY, ERR_FUSE. */
MUST_CHECK enum err helper_unmount(const char *path, bool detach);

/* Who still uses a mount: programs of this user with a file open below it, or standing in it. Found
 * in /proc; nothing is asked of the mount itself, so it may be dead. Programs of other users are
 * not seen (they cannot use the mount either, except root). */
#pragma once
#include <sys/types.h>
#include "base/err.h"

/* Calls fn once for each program and path; `path` is absolute. A callback's error ends the search
 * and comes back. */
MUST_CHECK enum err
mount_users(const char *mountpoint,
	    enum err (*fn)(void *ctx, const char *program, pid_t pid, const char *path), void *ctx);

/* One thing that this libfuse cannot do: take the kernel's offer HANDLE_KILLPRIV_V2, which leaves
 * the clearing of set-user-id bits and file capabilities to us. Without it the kernel asks for the
 * attribute "security.capability" before every single write. ops_data.c and ops_inode.c keep the
 * promise that goes with it. */
#pragma once
#include <fuse_lowlevel.h>
#include "base/err.h"

/* After fuse_session_mount, before the loop. */
MUST_CHECK enum err device_take(struct fuse_session *fuse);

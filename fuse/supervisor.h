/* The supervisor process of one mount: owns the mount point, the host log and the control socket.
 * It never sees an identity or a vault key, so it may outlive the worker: whatever ends that, the
 * mount point is usable again and the log says how it ended. */
#pragma once
#include "fuse/mount.h"

/* As /proc shows it. It holds the folder below its mount, which is no use of the mount. */
#define SUPERVISOR_NAME VAULT_NAME "-super"

struct supervisor_start {
	const struct mount_request *req;
	const char *medium; /* resolved */
	int command;  /* tells the command that the mount point is ready, and how it all ended */
	int identity; /* the worker's side of its conversation with the command */
};

_Noreturn void supervisor_run(const struct supervisor_start *start);

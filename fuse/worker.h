/* The worker process: opens the vault with the identity that the command hands over, serves it
 * through FUSE, and closes it. It holds every key and every plaintext, talks to nobody but the
 * command (until the mount is usable), the supervisor and the kernel, and ends when one of them
 * says so, when the mount or the medium is gone, or when the supervisor died. */
#pragma once
#include "fuse/mount.h"

struct worker_start {
	const struct mount_request *req;
	const char *medium;	/* resolved */
	const char *mountpoint; /* prepared */
	int command;		/* gets the identity, gives the result */
	int records;		/* questions to the supervisor */
	int control;		/* questions from the supervisor */
};

_Noreturn void worker_run(const struct worker_start *start);

/* The folder that a vault is mounted on. While nothing is mounted there it refuses writing, so that
 * nobody saves a document beside the vault by accident: once mounted, the folder below loses its
 * write permission (through a descriptor that was opened before) and gets it back when it is used
 * the next time. A folder that we made is removed after the mount. Not shared between threads. */
#pragma once
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

struct mountpoint {
	char path[4096]; /* resolved */
	int fd;		 /* of the folder below the mount; -1 for none */
	mode_t mode;	 /* what it had when we came */
	bool created;
};

/* Makes it when absent, clears a dead mount of ours away, and checks that it is an empty folder
 * that this user may mount on. ERR_MOUNTPOINT. */
MUST_CHECK enum err mountpoint_prepare(const char *path, struct mountpoint *ret);
void mountpoint_bar(struct mountpoint *mp); /* the mount is there */
/* The mount is gone, or never came (`mounted` false: everything as it was before). */
void mountpoint_leave(struct mountpoint *mp, bool mounted);

/* ERR_BUSY while a program uses it and not `detach`, which takes it out of the tree at once. OK
 * when nothing of ours is mounted there. */
MUST_CHECK enum err mountpoint_unmount(const char *path, bool detach);
/* A vault is mounted there, alive or dead. */
bool mountpoint_is_mounted(const char *path);

/* A mount that is open on this host, as a file VOLUME-ID.session in the home's run folder, with a
 * control socket VOLUME-ID.sock beside it. Supervisor and worker both hold a shared lock on the
 * file; when it can be had exclusively, both are dead and the session is stale. */
#pragma once
#include "fuse/mount.h"

struct session {
	struct mount_session s;
	bool created; /* the mount point was made for it */
	/* What a closing record repeats from the opening one. */
	char session_id[33], mode[3], suite[32];
	char role[16], medium_id[33]; /* "" without a register */
	int keysep;
};

/* Writes and locks; ret_lock keeps the lock until it is closed. */
MUST_CHECK enum err session_write(struct home *home, const struct session *session, int *ret_lock);
/* The worker's own share of the lock. */
MUST_CHECK enum err session_share(struct home *home, const char *volume_id, int *ret_lock);
/* Tells through that share how much is sealed under the newest key, in percent; -1: all of it. */
void session_tell_resealed(int lock, int percent);
/* Tells through that share why nothing can be saved any more. */
void session_tell_frozen(int lock, enum err why);
MUST_CHECK enum err session_read(int fd, struct session *ret);
void session_remove(struct home *home, const char *volume_id);
/* Frees the mount point of a session whose processes died and records its end. The caller removes
 * the session's file when that is done. */
MUST_CHECK enum err session_bury(const struct recorder *recorder, const struct session *session,
				 enum err reason);
/* "/proc/self/fd/N/VOLUME-ID.sock": short whatever the run folder is called. dir_fd is that folder,
 * and must stay open while the address is used. */
struct sockaddr_un;
MUST_CHECK enum err session_address(struct home *home, const char *volume_id, int *ret_dir_fd,
				    struct sockaddr_un *ret);

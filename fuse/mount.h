/* Mounting: a supervisor process and a worker process (docs/DESIGN.md, "Processes").
 *
 * The supervisor is forked before any secret exists. It owns the mount point, the host log and the
 * control socket, never a vault key. The worker holds keys, FUSE and the disk. The caller (a CLI)
 * hands the unlocked identity to the worker through a socket and waits until the mount is usable.
 */
#pragma once
#include "access/vault.h"

struct mount_request {
	struct home *home;
	const char *medium_path; /* .VLT folder */
	const char *mountpoint;	 /* absolute; made when absent */
	bool read_only;
	bool foreground;
	unsigned idle_seconds; /* 0: never */
	const char *purpose;
	const char *staff_name;
};

struct mount_starter; /* the supervisor waiting for an identity */

/* Forks the supervisor. Call before asking for a passphrase. */
MUST_CHECK enum err mount_start(const struct mount_request *req, struct mount_starter **ret);
/* Hands the identity over and waits: OK when the mount is usable, else why not (with its detail).
 * With `foreground` in the request it then waits until the mount ends and gives how it ended. */
MUST_CHECK enum err mount_finish(struct mount_starter *m, const struct age_identity *identity,
				 struct vault_facts *ret_facts);
void mount_cancel(struct mount_starter *m); /* no identity came; NULL is welcome */

/* ---- sessions that are open on this host ---- */
struct mount_session {
	char volume_id[33], label[65], mountpoint[4096], medium[4096], actor[128];
	int64_t since;
	bool read_only;
	enum err frozen; /* not OK: the medium failed, and nothing was saved since */
	int pid;	 /* supervisor */
	int resealed; /* percent sealed under the newest key; -1: all of it */
};
/* Calls fn for each live session; stale ones (supervisor dead) are cleaned up: detached, logged. */
MUST_CHECK enum err mount_sessions(struct home *home,
				   enum err (*fn)(void *ctx, const struct mount_session *s),
				   void *ctx);
/* Closes one: syncs, unmounts, records. ERR_BUSY when in use and not `force`. `force` detaches.
 * `waiting` (may be NULL) is called once a second while it takes longer. */
MUST_CHECK enum err mount_eject(struct home *home, const struct mount_session *s, bool force,
				void (*waiting)(void *ctx), void *ctx);

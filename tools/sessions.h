/* The vaults that are open on this host, as the words of a command name them. */
#pragma once
#include "fuse/mount.h"
#include "tools/medium.h"

struct sessions {
	struct mount_session *list; /* owned */
	size_t count;
};
void sessions_clear(struct sessions *s);
/* All that are alive; what died was cleaned up on the way. */
MUST_CHECK enum err sessions_read(struct cli *cli, struct sessions *ret);
/* The one at this mount point, with this label or id, or of the medium that `name` finds. NULL. */
const struct mount_session *sessions_find(struct cli *cli, const struct sessions *s,
					  const char *name);
/* The one whose medium is this folder; NULL. */
const struct mount_session *sessions_of_medium(const struct sessions *s, const char *path);
/* Whether it is open at `path`, however that is written. */
bool sessions_is_at(const struct mount_session *m, const char *path);
/* For errors that say "in use": a hint where the medium is open, if it is open here. */
void sessions_hint_busy(struct cli *cli, const char *medium_path);

/* Which vault is meant: MEDIUM, or MEDIUM:/path for a place inside, or the only one plugged in. */
#pragma once
#include "tools/cli.h"

struct medium {
	char *path;			       /* of the .VLT folder, resolved; owned */
	char label[VAULT_LABEL_MAX + 1];       /* as this host knows it; else the folder's name */
	char volume_id[2 * VOLUME_ID_LEN + 1]; /* "" when this host never opened it */
};
void medium_clear(struct medium *m);

/* `name` NULL: the only one plugged in. ERR_MEDIUM_NOT_FOUND (with what is plugged in as a hint),
 * ERR_NOT_A_VAULT, ERR_PERM (with the command that mends it as a hint); ERR_USAGE when several are
 * plugged in and none is named. */
MUST_CHECK enum err medium_find(struct cli *cli, const char *name, struct medium *ret);
/* Calls fn with the path of each .VLT folder that is plugged in or was seen here and is there. */
MUST_CHECK enum err medium_each(struct cli *cli,
				enum err (*fn)(void *ctx, const char *path, const char *label),
				void *ctx);

/* "MEDIUM:/a/b" (or "MEDIUM:" for its root): true, and both halves, malloc'd. What is there as a
 * file under the whole name is no place in a vault. */
MUST_CHECK enum err medium_split(const char *word, bool *ret_inside, char **ret_medium,
				 char **ret_path);

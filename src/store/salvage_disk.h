/* The folder of a vault as what is left of it, for a salvage: files may be missing or short. It is
 * opened for reading only, and nothing in it is ever created, written or touched.
 *
 * A range that is not there gives ERR_TRUNCATED, one that the medium cannot read ERR_IO. DATA
 * reaches to the end of the highest segment that is there, so a missing one moves no address. Who
 * has the vault open for writing keeps it away (ERR_VAULT_BUSY). One thread. docs/FORMAT.md,
 * "Files" and "Salvage". */
#pragma once
#include "store/disk.h"

/* ERR_NOT_A_VAULT when there is not even a KEY file; ERR_MEDIUM_NOT_FOUND when the folder isn't. */
MUST_CHECK enum err salvage_disk_open(const char *path, struct disk **ret);
/* Names each file that is missing or short. */
void salvage_disk_missing(const struct disk *d, void (*fn)(void *ctx, const char *file), void *ctx);

/* The disk that is a folder NAME.VLT of files on any file system: KEYn.AGE, HEADn.BIN, segments
 * S0000000.SEG … of 64 MiB. One process has it open for writing, or any number for reading: a lock on
 * HEAD0.BIN (ERR_VAULT_BUSY otherwise). Nothing is created, renamed or removed except in grow.
 * docs/FORMAT.md, "Files". */
#pragma once
#include "store/disk.h"

#define FOLDER_SEGMENT_BLOCKS 16384u /* 64 MiB */
/* The time that every file of a closed vault has: 1980-01-02, the first day that every file system
 * can tell in every time zone. */
#define FOLDER_FIXED_TIME 315619200

/* Makes the fixed files, filled with noise, in the existing empty folder `path`. */
MUST_CHECK enum err folder_disk_create(const char *path);
/* One more file beside them, durable; ERR_EXISTS. Files get the folder's permissions (without "x"),
 * those that grow makes later too. */
MUST_CHECK enum err folder_disk_add(const char *path, const char *name, const void *data,
				    size_t len);
/* ERR_NOT_A_VAULT when the files are not there or have other lengths; ERR_MEDIUM_NOT_FOUND when the
 * folder isn't. `read_only` opens nothing for writing. A medium that cannot be written gives disk_info.read_only instead of an error. */
MUST_CHECK enum err folder_disk_open(const char *path, bool read_only, struct disk **ret);
/* Resets the segments' times to a constant (told at unmount; they would tell when one wrote). */
void folder_disk_hide_times(struct disk *d);

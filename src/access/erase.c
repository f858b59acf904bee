#include "access/erase.h"
#include <stdlib.h>
#include <string.h>
#include "access/internal.h"
#include "crypto/random.h"
#include "store/folder_disk.h"

static enum err overwrite_area(struct disk *disk, enum disk_area area, uint8_t *noise,
			       uint8_t *back)
{
	random_bytes(noise, DISK_FIXED_LEN);
	TRY(disk_write(disk, area, 0, noise, DISK_FIXED_LEN));
	TRY(disk_flush(disk, area));
	TRY(disk_read(disk, area, 0, back, DISK_FIXED_LEN));
	return memcmp(noise, back, DISK_FIXED_LEN) == 0 ? OK : err_at(ERR_IO, "reading back");
}

enum err vault_overwrite(const char *path)
{
	static const enum disk_area areas[] = {DISK_KEY0, DISK_KEY1, DISK_HEAD0, DISK_HEAD1};
	CLEANUP(mem_freep) uint8_t *noise = malloc(2 * DISK_FIXED_LEN);
	CLEANUP(disk_closep) struct disk *disk = NULL;
	struct disk_info info;

	if (!noise)
		return err_at(ERR_NOMEM, "erasing");
	TRY(folder_disk_open(path, false, &disk));
	TRY(disk_list(disk, &info));
	if (info.read_only)
		return err_at(ERR_READ_ONLY, "%s", path);
	for (unsigned i = 0; i < ARRAY_LEN(areas); i++)
		TRY(overwrite_area(disk, areas[i], noise, noise + DISK_FIXED_LEN));
	return OK;
}

enum err vault_is_shut(const struct vault_actor *actor, const char *path)
{
	CLEANUP(vault_clear) struct vault v = {0};
	enum err err = vault_unlock(actor, path, true, &v);

	if (err == OK)
		return err_at(ERR_EXISTS, "%s", path);
	/* What kept it shut must be its keys, not a medium that went away or memory that ran out.
	 */
	switch (err) {
	case ERR_NO_KEY_FITS:
	case ERR_NOT_ENROLLED:
	case ERR_FORGED:
	case ERR_DAMAGED:
	case ERR_AGE_HEADER:
	case ERR_NO_STATE:
	case ERR_NOT_A_VAULT:
		return OK;
	default:
		return err;
	}
}

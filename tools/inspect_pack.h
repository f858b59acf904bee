/* What is in a pack, without unpacking it. */
#pragma once
#include "tools/cli.h"

/* Asks for the passphrase of the staff key. ERR_NO_KEY_FITS, ERR_AGE_PAYLOAD; a file of other
 * tools, or one in armor, has no index to show: ERR_NOT_SUPPORTED. */
MUST_CHECK enum err inspect_pack(struct cli *cli, const char *path);

/* The data files that the program ships and that an installation may replace. */
#pragma once
#include "base/buf.h"

/* The file that the environment variable `variable` names, else `name` beside the program in a
 * build folder, or where it was installed. ERR_NOT_FOUND, ERR_TOO_BIG. */
MUST_CHECK enum err data_file_read(const char *name, const char *variable, struct buf *ret);

#include "tools/data_file.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/io.h"
#include "tools/locale.h"

#define FILE_MAX (1u << 20)

enum err data_file_read(const char *name, const char *variable, struct buf *ret)
{
	static const char *const places[] = {"%s/%s", "%s/../tools/data/%s",
					     "%s/../share/portable-vault/%s"};
	const char *named = getenv(variable);
	char path[8192];

	if (named && *named)
		return io_read_file(named, FILE_MAX, ret);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		enum err err;

		snprintf(path, sizeof(path), places[i], locale_program_dir(), name);
		err = io_read_file(path, FILE_MAX, ret);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	snprintf(path, sizeof(path), "%s/../portable-vault/%s", LOCALEDIR, name);
	return io_read_file(path, FILE_MAX, ret);
}

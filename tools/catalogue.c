#include "tools/catalogue.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "tools/locale.h"

#define CATALOGUE_MAX (1u << 20)
#define FILE_NAME "catalogue.tsv"

enum err catalogue_read(struct catalogue *ret)
{
	static const char *const places[] = {"%s/" FILE_NAME, "%s/../tools/data/" FILE_NAME,
					     "%s/../share/portable-vault/" FILE_NAME};
	const char *named = getenv("PVAULT_CATALOGUE");
	char path[8192];

	if (named && *named)
		return io_read_file(named, CATALOGUE_MAX, &ret->text);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		enum err err;

		snprintf(path, sizeof(path), places[i], locale_program_dir());
		err = io_read_file(path, CATALOGUE_MAX, &ret->text);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	return io_read_file(LOCALEDIR "/../portable-vault/" FILE_NAME, CATALOGUE_MAX, &ret->text);
}

void catalogue_clear(struct catalogue *c)
{
	buf_clear(&c->text);
}

/* The line of category `id` (of that length), up to its end; NULL. */
static const char *find_line(const struct catalogue *c, const char *id, size_t len)
{
	const char *line = c->text.data;

	while (line && *line) {
		const char *end = strchr(line, '\n');

		if (len && !strncmp(line, id, len) && line[len] == '\t')
			return line;
		line = end ? end + 1 : NULL;
	}
	return NULL;
}

enum err catalogue_check_category(const struct catalogue *c, const char *id)
{
	return find_line(c, id, strlen(id)) ? OK : err_at(ERR_INVALID, "%s", id);
}

static unsigned long count_purposes(const char *line)
{
	size_t len = strcspn(line, "\n");
	unsigned long count = 1;

	for (size_t i = 0; i < len; i++)
		count += line[i] == '|';
	return count;
}

enum err catalogue_check_purpose(const struct catalogue *c, const char *id)
{
	const char *dot = strrchr(id, '.');
	const char *line = dot ? find_line(c, id, (size_t)(dot - id)) : NULL;
	char *end = NULL;
	unsigned long number;

	if (!line)
		return err_at(ERR_INVALID, "%s", id);
	number = strtoul(dot + 1, &end, 10);
	if (end == dot + 1 || *end || number == 0 || number > count_purposes(line))
		return err_at(ERR_INVALID, "%s", id);
	return OK;
}

enum err catalogue_list(const struct catalogue *c, struct buf *ret)
{
	const char *line = c->text.data;

	while (line && *line) {
		const char *end = strchr(line, '\n');
		size_t len = strcspn(line, "\t\n");

		if (len)
			TRY(buf_printf(ret, "%s%.*s", ret->len ? ", " : "", (int)len, line));
		line = end ? end + 1 : NULL;
	}
	return OK;
}

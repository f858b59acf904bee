#include "pack/first_name.h"
#include <stdlib.h>
#include <string.h>

struct first_name {
	dev_t dev;
	ino_t ino;
	char *name;
};

static enum err add(struct first_names *names, const struct walk_entry *entry)
{
	const struct stat *st = entry->st;
	struct first_name first = {st->st_dev, st->st_ino, strdup(entry->name)};

	if (!first.name)
		return err_at(ERR_NOMEM, "%s", entry->path);
	if (names->count == names->cap) {
		size_t cap = names->cap ? names->cap * 2 : 16;
		struct first_name *grown = realloc(names->list, cap * sizeof(*grown));

		if (!grown) {
			free(first.name);
			return err_at(ERR_NOMEM, "%s", entry->path);
		}
		names->list = grown;
		names->cap = cap;
	}
	names->list[names->count++] = first;
	return OK;
}

enum err first_name_find(struct first_names *names, const struct walk_entry *entry,
			 const char **ret)
{
	const struct stat *st = entry->st;

	*ret = NULL;
	if (!S_ISREG(st->st_mode) || st->st_nlink < 2)
		return OK;
	for (size_t i = 0; i < names->count; i++) {
		const struct first_name *first = &names->list[i];

		if (first->ino == st->st_ino && first->dev == st->st_dev) {
			*ret = first->name;
			return OK;
		}
	}
	return add(names, entry);
}

void first_names_clear(struct first_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i].name);
	free(names->list);
	*names = (struct first_names){0};
}

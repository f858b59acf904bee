/* Files with several names: under which of them each went first. All-zero is the valid empty state.
 * Private to pack. */
#pragma once
#include "pack/walk.h"

struct first_names {
	struct first_name *list;
	size_t count, cap;
};

/* *ret: the name (borrowed until first_names_clear) under which the same file came before; NULL
 * when this is its first or only one. */
MUST_CHECK enum err first_name_find(struct first_names *names, const struct walk_entry *entry,
				    const char **ret);
void first_names_clear(struct first_names *names);

/* Any text as a name in a pack and, behind a line feed, as the target of a link by that name. What
 * is taken stays inside. */
#include "tests/fuzz.h"
#include "pack/name.h"

/* Where one gets from the folders of `name` along `target`, counted in folders below the root;
 * negative when it was outside on the way. */
static int walk(const char *name, const char *target)
{
	int depth = 0;

	for (const char *c = name; *c; c++)
		depth += *c == '/';
	while (*target && depth >= 0) {
		size_t len = strcspn(target, "/");

		if (len == 2 && target[0] == '.' && target[1] == '.')
			depth--;
		else if (len > 0 && !(len == 1 && target[0] == '.'))
			depth++;
		target += len + (target[len] == '/');
	}
	return depth;
}

static void check_name(const char *name)
{
	CLEANUP(mem_freep) char *again = NULL;

	MUST(name[0] != '/' && strlen(name) <= PACK_PATH_MAX * 3);
	MUST(walk("", name) >= 0 && !strstr(name, "//"));
	for (const char *part = name; *part;) {
		size_t len = strcspn(part, "/");

		MUST(len > 0 && len <= PACK_COMPONENT_MAX);
		MUST(strncmp(part, "..", len) != 0); /* neither "." nor ".." */
		part += len + (part[len] == '/');
	}
	MUST(pack_name(name, &again) == OK && strcmp(again, name) == 0);
	MUST(pack_name_is_below(name, name) && pack_name_is_below(name, ""));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(mem_freep) char *text = strndup((const char *)data, size);
	CLEANUP(mem_freep) char *name = NULL;
	char *target;

	MUST(text);
	target = strchr(text, '\n');
	if (target)
		*target++ = '\0';
	if (pack_name(text, &name) != OK)
		return 0;
	check_name(name);
	if (target && pack_link_is_inside(name, target))
		MUST(target[0] != '/' && walk(name, target) >= 0);
	return 0;
}

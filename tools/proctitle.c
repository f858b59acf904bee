#include "tools/proctitle.h"
#include <stdlib.h>
#include <string.h>
#include "tools/verbs.h"

enum err proctitle_copy(int argc, char *const *argv, char ***ret)
{
	char **copy = calloc((size_t)argc + 1, sizeof(*copy));

	if (!copy)
		return err_at(ERR_NOMEM, "command line");
	for (int i = 0; i < argc; i++) {
		copy[i] = strdup(argv[i]);
		if (!copy[i]) {
			proctitle_free(copy);
			return err_at(ERR_NOMEM, "command line");
		}
	}
	*ret = copy;
	return OK;
}

void proctitle_free(char **copy)
{
	for (char **at = copy; copy && *at; at++)
		free(*at);
	free(copy);
}

/* The kernel lays the words one behind the other; the verb gets to the front of them. */
void proctitle_hide(int argc, char **argv, const struct verb *verb)
{
	const char *name = verb ? verb->name : "";
	size_t room = 0;

	if (verb && verb->public_words)
		return;
	for (int i = 1; i < argc; i++) {
		size_t len = strlen(argv[i]);

		if (argv[i] == argv[1] + room)
			room += len + 1;
		explicit_bzero(argv[i], len);
	}
	for (size_t i = 0; name[i] && i + 1 < room; i++)
		argv[1][i] = name[i] == ' ' ? '\0' : name[i];
}

#include "tools/place.h"

#include <stdlib.h>
#include <string.h>

#include "tools/medium.h"

void place_clear(struct place *p)
{
	free(p->medium);
	free(p->path);
	*p = (struct place){0};
}

enum err place_parse(const char *word, struct place *ret)
{
	TRY(medium_split(word, &ret->inside, &ret->medium, &ret->path));
	if (ret->inside)
		return OK;
	ret->medium = strdup(word);
	ret->path = strdup("/");
	return ret->medium && ret->path ? OK : ERR_NOMEM;
}

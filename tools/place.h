/* The word MEDIUM[:/path] of ls and cat: a vault, and a place inside it. */
#pragma once
#include "tools/cli.h"

struct place {
	char *medium, *path; /* owned; path is "/" when the word names a medium alone */
	bool inside;	     /* it had a path */
};
void place_clear(struct place *p);
MUST_CHECK enum err place_parse(const char *word, struct place *ret);

/* What to tell a person beside an error: a table by code, in English, to be translated where it is
 * printed. */
#pragma once
#include "base/err.h"

struct advice {
	enum err err;
	const char *safe; /* N_(): what is still safe; NULL when the error leaves no doubt */
	const char *next; /* N_(): what to do now */
};
/* NULL: the message says everything. */
const struct advice *advice_for(enum err err);

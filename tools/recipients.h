/* The people that --to names. */
#pragma once
#include "tools/cli.h"

struct recipients {
	struct age_recipient *list; /* owned */
	size_t count;
};
/* ERR_USAGE for a word that is no recipient. */
MUST_CHECK enum err recipients_read(struct cli *cli, struct recipients *ret);
/* Those that another option names. */
MUST_CHECK enum err recipients_of(struct cli *cli, enum option_id id, struct recipients *ret);
void recipients_clear(struct recipients *r);

/* Unlocking a staff key with what a person types, and choosing a passphrase for a new one. */
#pragma once
#include "tools/cli.h"

/* Asks up to three times at a terminal or through pinentry, once through --passphrase-fd.
 * ERR_PASSPHRASE, ERR_NO_ANSWER, ERR_CANCELLED, ERR_INTERRUPTED. `medium` and `ret_passphrase`
 * (what was typed, folded) may be NULL. */
MUST_CHECK enum err unlock_staff_key(struct cli *cli, const char *name, const char *medium,
				     struct age_identity **ret, struct secret **ret_passphrase);
/* A new passphrase, asked twice; Enter alone makes one up and shows it once. */
MUST_CHECK enum err unlock_ask_new(struct cli *cli, const char *name, struct secret **ret);

/* The catalogue in force: the one an officer applied, or without one the table that came with the
 * program. */
#pragma once
#include "org/catalogue.h"
#include "org/roster.h"
#include "tools/cli.h"

/* Of the register; else $PVAULT_CATALOGUE, or beside the program in a build folder, or where it was
 * installed. ERR_NOT_FOUND. */
MUST_CHECK enum err catalogue_in_force(struct cli *cli, struct catalogue *ret);
/* What a statement of the kind catalog put in force. */
MUST_CHECK enum err catalogue_read(const struct statement *s, struct catalogue *ret);
/* The same for a register that is open already (NULL: none). *ret_own: an officer applied it. */
MUST_CHECK enum err catalogue_of(const struct roster *roster, struct catalogue *ret, bool *ret_own);
/* ERR_USAGE for an id that the catalogue does not have, with those it has as a hint. */
MUST_CHECK enum err catalogue_unknown_id(struct cli *cli, const struct catalogue *c,
					 const char *id);

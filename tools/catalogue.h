/* The catalogue of data categories and purposes: a table that an officer can replace, a category a
 * line: id, flags, name, purposes split by "|". A purpose is called ID.POSITION ("receipt.1"). */
#pragma once
#include "base/buf.h"

struct catalogue {
	struct buf text; /* the file */
};
/* $PVAULT_CATALOGUE, beside the program in a build folder, or where it was installed.
 * ERR_NOT_FOUND. */
MUST_CHECK enum err catalogue_read(struct catalogue *ret);
void catalogue_clear(struct catalogue *c);
/* ERR_INVALID for an id that it does not have. */
MUST_CHECK enum err catalogue_check_category(const struct catalogue *c, const char *id);
MUST_CHECK enum err catalogue_check_purpose(const struct catalogue *c, const char *id);
/* "eligibility, income, …": the ids of all categories. */
MUST_CHECK enum err catalogue_list(const struct catalogue *c, struct buf *ret);

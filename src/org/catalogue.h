/* The catalogue of data categories and purposes of use: a category a line, split by tabs: id,
 * flags, name, purposes split by "|". A purpose is called ID.POSITION ("receipt.1").
 *
 * Ids stand in records for ever, so they never change their meaning: what an officer applies keeps
 * the name of every id and the wording of every position. A purpose that ended leaves its place
 * empty; a category that ended loses its line; new ones are added behind. Empty lines and lines
 * that begin with
 * "#" say nothing. */
#pragma once
#include "base/buf.h"

#define CATALOGUE_MAX 49152u /* bytes: it has to fit into one statement */
#define CATALOGUE_ID_MAX 32u

struct category {
	const char *id, *flags, *name; /* borrowed from the catalogue's text */
	const char **purposes;	       /* owned; "" for one that ended */
	size_t purpose_count;
};
struct catalogue {
	char *text; /* owned */
	struct category *list;
	size_t count;
};
/* ERR_BAD_FORMAT, with the number of the line. All-zero is the empty one. */
MUST_CHECK enum err catalogue_parse(const char *text, size_t len, struct catalogue *ret);
void catalogue_clear(struct catalogue *c);

const struct category *catalogue_find(const struct catalogue *c, const char *id); /* or NULL */
/* ERR_INVALID for an id that it does not have, or whose purpose ended. */
MUST_CHECK enum err catalogue_check_category(const struct catalogue *c, const char *id);
MUST_CHECK enum err catalogue_check_purpose(const struct catalogue *c, const char *id);
/* The line of a category, without its end, as it is stored. */
MUST_CHECK enum err catalogue_line(const struct category *category, struct buf *to);

enum catalogue_change {
	CATEGORY_NEW,
	CATEGORY_ENDED,
	CATEGORY_FLAGS,
	PURPOSE_NEW,
	PURPOSE_ENDED,
	CATEGORY_RENAMED, /* these two would give an id another meaning */
	PURPOSE_REWORDED,
};
/* From one catalogue to the next, in the order of the ids; `index` is the purpose's, from 0;
 * `before` and `after` are NULL where there is none. */
typedef enum err catalogue_fn(void *ctx, enum catalogue_change change, size_t index,
			      const struct category *before, const struct category *after);
MUST_CHECK enum err catalogue_compare(const struct catalogue *before, const struct catalogue *after,
				      catalogue_fn *each, void *ctx);
/* ERR_INVALID, naming the id, when `after` gives an id of `before` another meaning. */
MUST_CHECK enum err catalogue_may_follow(const struct catalogue *before,
					 const struct catalogue *after);

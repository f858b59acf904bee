/* Where salvaged things are put: folders, names, and what has none. Private to the salvage of a
 * volume. */
#pragma once
#include "volume/relics.h"

struct placing {
	struct relics *relics; /* settled; borrowed, as the rest */
	const struct salvage_sink *sink;
	struct salvage_result *result;
	char lost_found[32]; /* "" until it was made */
};

/* Everything from here on may end with an error of the sink that ends all. */
bool placing_ends(enum err err);
MUST_CHECK enum err placing_flaw(struct placing *p, enum salvage_flaw_kind kind, const char *path,
				 enum err why);
/* Makes every folder, those above first. */
MUST_CHECK enum err placing_folders(struct placing *p);
/* Gives every folder its properties, those below first. */
MUST_CHECK enum err placing_folders_end(struct placing *p);
/* A file on its way to its names. */
struct placing_file {
	const struct relic *relic;
	const char *suffix; /* of every name */
	enum err (*put)(void *ctx, const char *path);
	enum err (*tell)(void *ctx, const char *path); /* of flaws, once for each name it got */
	void *ctx;
};
/* Calls `put` with one path after the other until one is taken: the names, then one in lost+found.
 * More names become links to the first. What is odd about the names is told here. */
MUST_CHECK enum err placing_file(struct placing *p, const struct placing_file *file);
/* It was not written at all: told under the name it would have. */
MUST_CHECK enum err placing_file_refused(struct placing *p, const struct relic *relic,
					 enum err why);
/* Tells of the names whose file is lost. */
MUST_CHECK enum err placing_tell_lost(struct placing *p);
void placing_attr(const struct relic *relic, struct volume_attr *ret);

/* Counting what is to be packed, on a thread of its own: the manifest, which comes first, tells how
 * much it is. It can begin while a key is being unlocked.
 *
 * Refuses what the other side would refuse, here, where somebody can do something about it. */
#pragma once
#include "pack/make.h"

struct pack_counted {
	uint64_t entries, files, bytes; /* a file with several names counts once */
};

struct pack_count;
/* Sources that are streams are left out. `sources` are borrowed until pack_count_free. */
MUST_CHECK enum err pack_count_new(const struct pack_source *sources, size_t count,
				   struct pack_count **ret);
/* Gives up what is not counted yet. */
void pack_count_free(struct pack_count *c);
DEFINE_FREEP(struct pack_count, pack_count_free)
/* Waits for the end. Errors are those of pack_make, ERR_TOO_BIG for more entries than are
 * unpacked. */
MUST_CHECK enum err pack_count_wait(struct pack_count *c, struct pack_counted *ret);

struct walk_entry;
/* Adds one more entry to what was counted: a stream. Private to pack. */
MUST_CHECK enum err pack_count_add(const struct walk_entry *entry, struct pack_counted *counted);

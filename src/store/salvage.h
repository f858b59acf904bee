/* Salvage: the items of a damaged store, as far as they can still be authenticated.
 *
 * Starts at the newest superblock slot that opens and is signed. Where there is none, or where a
 * node cannot be read, all of DATA is searched for nodes, which open by themselves, and what is
 * missing is pieced together from them. So everything that comes out was written by somebody who
 * had the keys; how sure it is that it belongs to the last state is told with it.
 *
 * Reads only, and goes on wherever the medium gives an error, except ERR_REMOVED and ERR_NOMEM.
 * One thread. docs/FORMAT.md, "Salvage". */
#pragma once
#include "store/store.h"

enum salvage_trust {
	SALVAGE_PROVEN, /* the last state says so */
	SALVAGE_LIKELY, /* found by searching: the way to it is lost, so newer versions may be lost
			   too */
	SALVAGE_OLDER,	/* of a state before: what the last state had in its place is lost */
};

/* From `from` to before `to` in the order of keys. */
struct salvage_range {
	struct store_key from, to;
};

struct salvage_facts {
	bool has_state;	     /* the newest superblock slot is there: the two below are told by it */
	uint64_t generation; /* else the greatest birth of any node found */
	int64_t time;	     /* when it was committed; 0 when no slot tells */
	bool root_lost;	     /* nothing is PROVEN then */
	bool searched;	     /* all of DATA was read */
	uint64_t nodes_found; /* by searching */
};

typedef void (*salvage_progress_fn)(void *ctx, uint64_t done_bytes, uint64_t total_bytes);

struct salvage;
/* Finds out where everything is. `disk` is borrowed until salvage_close; of `unlock` only volume id
 * and doors are used. `progress` (may be NULL) is called while DATA is searched. ERR_NO_STATE: no
 * node opens with these doors. ERR_NEWER_FORMAT. */
MUST_CHECK enum err salvage_open(struct disk *disk, const struct store_unlock *unlock,
				 salvage_progress_fn progress, void *ctx, struct salvage **ret);
void salvage_close(struct salvage *s); /* NULL is welcome */
DEFINE_FREEP(struct salvage, salvage_close)
void salvage_facts(const struct salvage *s, struct salvage_facts *ret);

/* Calls `fn` for each item in the order of keys; the view is borrowed for the call. May be called
 * several times; a leaf that cannot be read any more becomes a range that is lost. */
typedef enum err (*salvage_item_fn)(void *ctx, const struct store_view *view,
				    enum salvage_trust trust);
MUST_CHECK enum err salvage_walk(struct salvage *s, salvage_item_fn fn, void *ctx);
/* The ranges that the last state had something in that is lost; what the walk gives there is OLDER.
 * In no order; borrowed until the next walk. */
const struct salvage_range *salvage_lost(const struct salvage *s, size_t *ret_count);
/* Reads and opens a record, hash and tag, into `out` of ref->blocks * DISK_BLOCK bytes (at most
 * STORE_RECORD_MAX). ERR_FORGED, ERR_MALFORMED, ERR_IO, ERR_TRUNCATED: it is lost. */
MUST_CHECK enum err salvage_record(const struct salvage *s, const struct store_key *key,
				   const struct ref *ref, void *out);
bool salvage_is_loss(enum err err); /* one of those four */

/* What the files of the store share: the struct itself. Not for other modules. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "store/super.h"
#include "store/tree.h"

#define SCRATCH_LEN STORE_RECORD_MAX
#define SCRATCH_KEEP 12u
#define STAGE_LEN (1024u * 1024)

/* One change of the open transaction and how to take it back. */
struct undo {
	struct store_key key;
	bool existed, has_record;
	struct ref record;
	size_t len;
	uint8_t *value; /* malloc'd; NULL when len is 0 */
};

struct store {
	struct disk *disk; /* borrowed */
	struct sealer *sealer;
	struct alloc *alloc;
	struct tree *tree;
	bool read_only;
	atomic_int frozen; /* enum err: OK or why */

	pthread_rwlock_t lock; /* the tree and the undo log; see store.h */
	struct {
		struct undo *at;
		size_t count, cap;
		struct ref *gone; /* records to free when the transaction ends well */
		size_t gone_count, gone_cap;
		uint64_t reserved;
	} txn;

	/* One commit at a time: */
	struct super super;   /* what the next slot says */
	struct super durable; /* what the last durable slot said; guarded by info_lock */
	uint8_t durable_sha256[SHA256_LEN];
	uint8_t *stage;
	bool sealed; /* sealed and not yet flushed */
	_Atomic uint64_t older_blocks; /* see store_info */
	struct sign_key *session;
	pthread_mutex_t info_lock;

	pthread_mutex_t scratch_lock; /* guards the buffers that records are sealed in */
	uint8_t *scratch[SCRATCH_KEEP];
	unsigned scratch_count;
};

/* Freezes for the first reason given; returns `why`. */
enum err store_fail(struct store *s, enum err why);
MUST_CHECK enum err store_usable(const struct store *s);
/* As store_record_read, and the SHA-256 is checked whatever the epoch. */
MUST_CHECK enum err store_record_verify(struct store *s, const struct store_key *key,
					const struct ref *ref, void *scratch);

/* ---- recover.c ---- */
struct candidate {
	struct super super;
	unsigned slot, door;
};
struct candidates {
	struct candidate at[FORMAT_SLOTS * 2];
	unsigned count;
	uint8_t head[2][DISK_FIXED_LEN];
	bool newer_format;
};
/* Reads both HEAD files and lists the states whose slots open, newest first. */
MUST_CHECK enum err recover_list(struct disk *disk, const struct store_unlock *unlock,
				 struct sealer *const *sealers, struct candidates *ret);
struct recover_found {
	bool damaged; /* something old cannot be read: the map is incomplete */
	uint64_t older_blocks; /* sealed under older epochs than the sealing one */
};
/* Proves `c` whole and fills a fresh block map. ERR_NO_STATE: recent blocks are not whole, an older
 * state may be. `witnessed`: this
 * host saw `c` end cleanly, so a record that does not open is a bad block and not a flush that lied:
 * one file has an error, and going back would take the last changes from all the others. */
MUST_CHECK enum err recover_prove(struct disk *disk, const struct sealer *sealer,
				  const struct super *c, bool witnessed, struct alloc *alloc,
				  struct recover_found *ret);
/* Marks and holds what only the state before reaches, so that it stays whole a while. */
MUST_CHECK enum err recover_hold_previous(struct disk *disk, const struct sealer *sealer,
					  const struct super *previous, struct alloc *alloc);

/* ---- epoch.c ---- */
/* Commits the state as it is so often that whatever is opened from now on is one of these. */
MUST_CHECK enum err epoch_repeat_state(struct store *s);
/* Fills every slot but those of the newest generations with noise. */
MUST_CHECK enum err epoch_noise_slots(struct store *s);

/* The store: an authenticated ordered map on a disk, with transactions and durable commits.
 *
 * Keys are (object, kind, offset), compared in that order. A value is up to STORE_VALUE_MAX bytes;
 * it may carry one record, a sealed run of blocks of up to STORE_RECORD_MAX plaintext bytes, whose
 * blocks live and die with the item. The store knows nothing of files.
 *
 * What always holds: blocks are never overwritten while a state that could still be opened reaches
 * them; every byte read was authenticated; a commit is durable whole or not at all; after any error
 * of a write or a flush the store is frozen (reads go on, changes give ERR_FROZEN).
 *
 * Locking: reads happen between store_read_begin/end (shared), changes between store_write_begin/
 * end (exclusive). Views are borrowed until the lock is let go or the next change. No call that
 * says "takes the lock" may be made while holding it. docs/FORMAT.md, "Tree" and "Commit". */
#pragma once
#include "crypto/sign.h"
#include "store/disk.h"
#include "store/ref.h"

#define STORE_VALUE_MAX 4128u
#define STORE_RECORD_MAX 131072u
#define STORE_USER_LEN 64u /* bytes of the layer above, kept in the superblock */
#define STORE_ID_LEN 16u

struct store;

struct store_key {
	uint64_t object;
	uint64_t offset;
	uint8_t kind;
};
int store_key_compare(const struct store_key *a, const struct store_key *b);

struct store_view {
	struct store_key key;
	const uint8_t *value; /* borrowed; the bytes beside the record, if there is one */
	size_t len;
	bool has_record;
	struct ref record;
};

/* ---- opening ------------------------------------------------------------------------------- */

#define STORE_OLDER_MAX 7u /* older epochs that may still be in use beside the newest */

/* Keys of older epochs, ascending. */
struct store_older {
	unsigned count;
	uint32_t epoch[STORE_OLDER_MAX];
	const struct secret *key[STORE_OLDER_MAX]; /* borrowed, 32 bytes each */
};

/* One way in: the key of an epoch, what it opens beside, and the hash of the KEY file that gave it. */
struct store_door {
	uint32_t epoch;
	const struct secret *epoch_key; /* borrowed, 32 bytes */
	uint8_t keyfile_sha256[SHA256_LEN];
	struct store_older older; /* all below `epoch` */
};

struct store_unlock {
	uint8_t volume_id[STORE_ID_LEN];
	const struct store_door *doors; /* one for each KEY file that opened */
	unsigned door_count;
	const struct sign_key *host_key; /* certifies the session; needed unless read-only */
	uint64_t seen_generation;	 /* newest this host knows of; 0 for none */
	bool read_only;
};

#define STORE_PASSED_MAX 16u /* an opening steps back over 8 states at most */

/* What opening found. Times are seconds since 1970. */
struct store_report {
	bool was_clean;		/* the last session ended with a clean commit */
	bool damaged;		/* some node cannot be read: opened read-only */
	bool unsettled;		/* slots of another epoch are left: store_settle before going on */
	unsigned steps_back;	/* newest states that were not whole */
	bool unbroken;		/* each of these names the one before it, down to the open one */
	unsigned passed_count;	/* slots of these, and what they name as the slot before theirs */
	uint8_t passed_sha256[STORE_PASSED_MAX][SHA256_LEN];
	unsigned door;		/* index of the door that the state names */
	uint64_t generation;	/* the state that is open */
	uint64_t newest_seen;	/* highest generation of any slot that opened */
	int64_t time;		/* when the open state was committed */
	uint8_t session_id[STORE_ID_LEN];    /* of the session that committed it */
	uint8_t host_vkey[SIGN_VKEY_LEN];    /* of the host that committed it */
};

/* Writes the first state, generation 1, of an empty map. `disk` is fresh and stays the caller's.
 * `user` as in store_commit_seal. */
MUST_CHECK enum err store_format(struct disk *disk, const struct store_unlock *unlock,
				 const uint8_t user[STORE_USER_LEN]);
/* Opens the newest state that can be proved whole. `disk` is borrowed until store_close. Errors:
 * ERR_FORGED no slot opens with these doors; ERR_NO_STATE slots open but no state is whole;
 * ERR_NEWER_FORMAT; ERR_ROLLBACK the state names a KEY file that is not among the doors; ERR_IO the
 * medium cannot read what the newest state needs: passing it over would lose it for good, so only a
 * read-only opening goes on with an older one. Writes nothing when read-only. */
MUST_CHECK enum err store_open(struct disk *disk, const struct store_unlock *unlock,
			       struct store **ret, struct store_report *ret_report);
/* Frees; commits nothing. NULL is welcome. */
void store_close(struct store *s);

struct store_info {
	uint64_t total_blocks;	/* that the medium could give, used or not, less the reserve */
	uint64_t used_blocks;	/* reachable from the current state */
	uint64_t free_blocks;	/* total less used, reserved and dirty; held blocks count as free */
	uint64_t generation;	/* last durable */
	uint32_t epoch;		/* that seals */
	uint64_t older_blocks;	/* about how many are sealed under older ones */
	uint8_t volume_id[STORE_ID_LEN];
	uint8_t session_id[STORE_ID_LEN];
	uint8_t super_sha256[SHA256_LEN]; /* of the last durable superblock slot */
	bool read_only;
	enum err frozen; /* OK, or why it is frozen */
};
void store_info(struct store *s, struct store_info *ret); /* takes no lock */

/* ---- reading ------------------------------------------------------------------------------- */

void store_read_begin(struct store *s);
void store_read_end(struct store *s);
/* Exact; the least key not below; the greatest key not above. ERR_NOT_FOUND when there is none.
 * Other errors: a node on the way cannot be read (ERR_FORGED, ERR_MALFORMED, ERR_IO, ERR_NOMEM). */
MUST_CHECK enum err store_find(struct store *s, const struct store_key *key,
			       struct store_view *ret);
MUST_CHECK enum err store_find_ge(struct store *s, const struct store_key *key,
				  struct store_view *ret);
MUST_CHECK enum err store_find_le(struct store *s, const struct store_key *key,
				  struct store_view *ret);
/* Reads and opens a record into `out`, which holds ref->blocks * DISK_BLOCK bytes; the first
 * ref->extra are content, the rest zero. Needs no lock: but if the reference was looked up earlier
 * and the lock let go since, its blocks may have been reused and ERR_FORGED may be a false alarm;
 * look up again and read under the lock before believing it. */
MUST_CHECK enum err store_record_read(struct store *s, const struct store_key *key,
				      const struct ref *ref, void *out);

/* ---- changing ------------------------------------------------------------------------------ */

/* Space is promised before anything changes, so that a commit never lacks it. Takes no lock that a
 * reader holds, may flush (it grows the disk). `freeing`: for work that gives space back; may use
 * the reserve. ERR_NO_SPACE: a commit, or two, may ripen freed blocks; try again after that. */
MUST_CHECK enum err store_reserve(struct store *s, uint64_t blocks, bool freeing);
void store_unreserve(struct store *s, uint64_t blocks);
/* Blocks to reserve for one item that will be put later: the worst case of a path of nodes. */
uint64_t store_item_cost(struct store *s);
static inline uint64_t store_record_blocks(size_t len)
{
	return (len + DISK_BLOCK - 1) / DISK_BLOCK;
}

/* Takes the lock exclusively, having reserved space and memory for `items` puts and deletes (beyond
 * store_reserve, which it does not touch). `freeing` as above. On failure no lock is held. */
MUST_CHECK enum err store_write_begin(struct store *s, unsigned items, bool freeing);
/* The same inside a commit, for changes whose space was reserved before they were made: reserves
 * nothing. Before its store_write_end, store_write_covered must say that what is changed now finds its
 * place; on ERR_NO_SPACE abort. Only while nobody else can reserve. */
MUST_CHECK enum err store_write_begin_promised(struct store *s, unsigned items);
MUST_CHECK enum err store_write_covered(struct store *s);
/* Each change is whole or not at all. Put replaces (a record replaced is freed). */
MUST_CHECK enum err store_put(struct store *s, const struct store_key *key, const void *value,
			      size_t len);
/* Takes over `record`; on failure it stays the caller's (store_record_drop). */
MUST_CHECK enum err store_put_record(struct store *s, const struct store_key *key,
				     const struct ref *record, const void *value, size_t len);
MUST_CHECK enum err store_delete(struct store *s, const struct store_key *key); /* ERR_NOT_FOUND */
void store_write_end(struct store *s);
/* Takes back every change since store_write_begin and lets the lock go. Records that were put are the
 * caller's again (store_record_drop). If going back is impossible (out of memory) the store freezes. */
void store_write_abort(struct store *s);

/* Seals and writes a record for `key`; nothing refers to it yet. Its blocks must have been reserved,
 * and the caller unreserves them afterwards. Takes no lock; many threads at once. */
MUST_CHECK enum err store_record_write(struct store *s, const struct store_key *key,
				       const void *data, size_t len, struct ref *ret);
void store_record_drop(struct store *s, const struct ref *ref); /* one that was never put */

/* ---- committing ---------------------------------------------------------------------------- */

/* A commit has two halves, each by one thread at a time and in turn.
 * Seal: takes the lock; the state as it is becomes the next generation, its nodes are written.
 * Flush: no lock; makes it durable. Changes may go on between and during. `clean`: no session is
 * open after this one. Seal with nothing to do still makes a generation.
 * ERR_NOMEM from seal leaves everything as it was; other errors freeze the store. */
MUST_CHECK enum err store_commit_seal(struct store *s, const uint8_t user[STORE_USER_LEN],
				      bool clean);
MUST_CHECK enum err store_commit_flush(struct store *s);
bool store_is_dirty(struct store *s); /* changes since the last seal; takes no lock */
void store_user(struct store *s, uint8_t ret[STORE_USER_LEN]); /* of the state that was opened */
/* The KEY file that the next commit names. */
void store_set_keyfile(struct store *s, const uint8_t sha256[SHA256_LEN]);
/* No change any more: the medium is gone or the owner says so. */
void store_freeze(struct store *s, enum err why);
/* Gives cached nodes back beyond the limit; takes the lock. Called now and then by long readers. */
void store_trim(struct store *s);

/* ---- epochs -------------------------------------------------------------------------------- */

/* Nothing else uses the store meanwhile but readers; what was changed and is not committed yet goes
 * with the first state of the new epoch. From here on everything is sealed under the epoch of `door`,
 * whose KEY file stands on the disk, flushed, and whose older keys are those the store has now and the
 * one it sealed with. The old epoch opens no slot any more afterwards.
 * A failure leaves the old epoch in force or the new one, and freezes the store.
 * ERR_TOO_MANY_EPOCHS: nothing was done; an older one must be re-sealed first. */
MUST_CHECK enum err store_rekey(struct store *s, const struct store_door *door);
/* Ends what a crash cut short, as store_report.unsettled tells. The same rules, and everything is
 * committed (else ERR_BUSY). */
MUST_CHECK enum err store_settle(struct store *s);
/* The oldest epoch of anything that the last sealed state reaches; the newest when the map is empty. */
uint32_t store_oldest_epoch(struct store *s); /* takes the lock */

/* How far re-sealing is. All zero at the beginning; belongs to one thread. */
struct store_reseal {
	struct store_key next;
	uint64_t done_blocks;
	uint64_t total_blocks; /* about; set by the first step */
	bool skipped; /* something could not be read, or found no place: it stays as it is for now */
	bool pair; /* two threads may seal: nobody else needs the machine */
};
/* Re-seals what a leaf has of older epochs, at most about `blocks` blocks of records, in one transaction
 * (which a commit makes durable). *ret_more: something may be left behind `next`. After the last step
 * commit; when store_oldest_epoch is still older and nothing was skipped, begin anew.
 * Takes the lock for short times; other work goes on. ERR_NO_SPACE as store_reserve: nothing was done,
 * a commit or two may help. */
MUST_CHECK enum err store_reseal_step(struct store *s, uint64_t blocks, struct store_reseal *at,
				      bool *ret_more);
/* Nothing of an older epoch is left (else ERR_BUSY): commits until no state that may be opened needs
 * an older key, and lets the older keys go. Then the KEY file can go without them. The same rules as
 * store_settle. */
MUST_CHECK enum err store_end_older_epochs(struct store *s);

/* Overwrites every free block of DATA with noise; what was deleted is gone from the medium as far as
 * the medium writes where it says. Nothing else uses the store meanwhile. */
MUST_CHECK enum err store_purge(struct store *s,
				void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx);

/* ---- checking ------------------------------------------------------------------------------ */

struct store_check {
	/* Called for each item in key order, after its record (if any) was read and fully verified;
	 * `damage` is OK or why the record cannot be read. May be NULL. */
	enum err (*item)(void *ctx, const struct store_view *view, enum err damage);
	/* A node that cannot be read: everything from `from` on, up to the next item reported. */
	enum err (*lost)(void *ctx, const struct store_key *from, enum err damage);
	void (*progress)(void *ctx, uint64_t done_blocks, uint64_t total_blocks); /* may be NULL */
	void *ctx;
};
struct store_check_result {
	uint64_t nodes, records, blocks;
	uint64_t bad_nodes, bad_records;
	uint64_t unreachable_blocks; /* counted as used, reached by nothing (after a whole walk) */
	uint64_t uncounted_blocks;   /* the other way round */
	uint64_t doubly_used_blocks;
};
/* Reads and verifies every node and record of the current state; changes nothing. The state must
 * not change meanwhile (read-only store, or a caller that keeps writers out). OK even when damage
 * was found: the result tells. */
MUST_CHECK enum err store_check(struct store *s, const struct store_check *check,
				struct store_check_result *ret);

/* What the files of this module share. Nobody else includes it but the module's own tests.
 *
 * State. An inode lives in the table while somebody uses it (refs), the world above remembers it
 * (holds) or it differs from its item (dirty). Attributes and content that changed stay in memory
 * (struct inode, struct chunk) and go to the tree before the next commit; names and extended
 * attributes go to the tree at once. What the tree holds is therefore only whole together with this
 * memory, and only a commit, which first empties it, makes a state that a crash can come back to.
 *
 * Locks, outermost first; whoever holds one takes only later ones:
 *   ops       shared by every operation that changes something, from before its first change to
 *             after its last; exclusive for a commit. So no commit sees half an operation.
 *   names     one change of names at a time; also guards `parent` of folders against change.
 *   inode     one rwlock an inode: its attributes, chunk list and extents. Only a holder of `names`
 *             takes more than one.
 *   table     membership, refs, holds, dirty list.
 *   pool      dirty chunks of all inodes; also `busy` of a chunk (changed under inode and pool).
 *   store     its own lock, then none of ours; but `commit` (a leaf) may be taken under any.
 * A pin (refs) is taken before and dropped after all locks: dropping the last one of an inode
 * without a name removes its content, which takes `ops`.
 *
 * Space. Whatever becomes dirty has reserved before what it will take, so flushing never lacks it:
 * see space.c for how much that is. */
#pragma once
#include <pthread.h>
#include <stdatomic.h>
#include "volume/items.h"
#include "volume/volume.h"

/* Record size of new volumes: 14 (16 KiB) to 17 (128 KiB). Measured in this module, without FUSE
 * (per record size: a 4 KiB random read, a 4 KiB random overwrite, sequential write and read):
 *   16 KiB 8 us, 41 us, 640 and 2400 MB/s;   32 KiB 14 us, 69 us, 770 and 2600 MB/s;
 *   64 KiB 28 us, 121 us, 580 and 1700 MB/s; 128 KiB 45 us, 308 us, 840 and 3000 MB/s.
 * Through FUSE, random reads decide: 23 us at 16 KiB, 27 us at 32 KiB, while streams are bound by the
 * kernel's copies and by the medium. References are 0.8 % of the content then. An overwritten record
 * is written again as a whole: at this size splitting it would save nothing. */
#define VOLUME_RECORD_SHIFT 14u
/* Dirty content that may wait in memory; a writer beyond it seals some itself. */
#define POOL_BYTES_MAX (32u << 20)
/* Dirty inodes and chunks: from here a commit is asked for, at twice this it is waited for. */
#define DIRTY_ITEMS_MAX 4096u
/* Changed items since the last commit, which bounds the changed nodes the store keeps. */
#define TREE_CHANGES_MAX 16384u
/* Items changed under one hold of the store's lock. The store asks for the worst case of each at
 * once, and grows the disk for it, so batches are small. */
#define DELETE_BATCH 32u
/* Items deleted within one operation; longer work is cut, with an ORPHAN item as its memory. */
#define DELETE_STEP 4096u
#define SEALERS 2u
#define CACHE_SLOTS 32u
#define CHUNK_CAP_MIN 512u
#define INODE_BATCH 32u
/* What the store can always place once it was promised, however scattered free space is. */
#define PIECE_LEN 16384u
#define PIECES_MAX (STORE_RECORD_MAX / PIECE_LEN)

struct link {
	struct link *prev, *next;
};

/* The dirty content of one window of one file. Bytes [lo, hi) are data and the rest of the window
 * is zero; `data` covers [0, cap). While it exists it hides the window's extent. */
struct chunk {
	struct link link; /* in pool.ready or pool.rest; first member */
	struct inode *inode;
	uint64_t index; /* file offset / record size */
	uint8_t *data;
	uint32_t cap, lo, hi;
	uint64_t promised;    /* blocks reserved */
	uint64_t node_blocks; /* of these, for the nodes that its items will change */
	uint64_t old_blocks;  /* 512 bytes each: what the tree holds for the window */
	unsigned old_extents;
	bool busy;  /* being sealed: bytes and bounds stay as they are */
	bool ready; /* full and the writer moved on: worth sealing early */
	bool fresh; /* nothing was written to it yet */
};

struct inode {
	/* guarded by the table's lock */
	struct inode *next; /* in the bucket */
	struct link dirty_link;
	uint64_t refs, holds;
	bool dirty;
	bool dead; /* its items are being removed */

	uint64_t ino;
	/* guarded by this lock */
	pthread_rwlock_t lock;
	struct inode_item item;
	uint64_t promised;     /* blocks reserved while dirty */
	bool in_tree;	       /* the tree may hold items of it */
	bool marked;	       /* an ORPHAN item of it is in the tree */
	struct chunk **chunks; /* by index */
	size_t chunk_count, chunk_cap;
};

struct table {
	pthread_mutex_t lock;
	struct inode **buckets;
	size_t bucket_count, count;
	struct link dirty; /* inodes, oldest first */
	atomic_size_t dirty_count;
	uint64_t evictions; /* of inodes: a tree read that began before one may be out of date */
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a chunk left or stopped being busy */
	pthread_cond_t work;	/* for the sealers */
	struct link ready, rest;
	atomic_size_t bytes, count;
	uint8_t *spare[16]; /* buffers of a whole record */
	size_t spare_count;
	pthread_t sealers[SEALERS];
	unsigned sealer_count, sealer_max;
	bool stop;
};

struct cache_slot {
	uint8_t nonce[XAES_NONCE_LEN]; /* names one content for ever, so nothing goes stale */
	uint8_t *data;
	uint32_t len; /* 0: empty */
	uint64_t used_at;
};

struct cache {
	pthread_mutex_t lock;
	struct cache_slot slots[CACHE_SLOTS];
	uint64_t clock;
};

struct commits {
	pthread_mutex_t lock;
	pthread_cond_t done_cond;     /* a commit ended */
	pthread_cond_t wake;	      /* for the committer */
	uint64_t started, done, good; /* numbers of commits; good: the last that succeeded */
	pthread_t runner;	      /* who makes the one that is started and not done */
	enum err err;		      /* of the last that failed */
	bool hurry;		      /* do not wait for the second to pass */
	bool stop, has_thread;
	unsigned unripe; /* commits that could still give freed space back */
	pthread_t thread;
	void (*tell)(void *ctx, enum err err);
	void *tell_ctx;
};

struct volume {
	struct store *store;
	struct meta meta;
	unsigned shift; /* of the record size */
	uint32_t record;
	bool read_only;
	atomic_int frozen;   /* enum err; OK while changes are possible */
	atomic_bool changed; /* something is not yet part of a commit */
	atomic_uint tree_changes;
	uint64_t fund; /* blocks kept for commits; guarded by ops, exclusively */
	pthread_rwlock_t ops;
	pthread_mutex_t names;
	uint64_t next_ino;	    /* guarded by names */
	atomic_uint_fast64_t files; /* with a name, without the root */
	atomic_uint_fast64_t bytes; /* sum of sizes of regular files with a name */
	struct table table;
	struct pool pool;
	struct cache cache;
	struct commits commits;
};

/* ---- volume.c: gates ---- */
MUST_CHECK enum err rwlock_make(pthread_rwlock_t *lock); /* that prefers writers */
/* ERR_READ_ONLY or ERR_FROZEN when changes are not possible. */
MUST_CHECK enum err volume_writable(struct volume *v);
/* To be called before an operation that changes something, with no locks: waits while too much is
 * dirty. `len`: bytes of content to come. */
MUST_CHECK enum err volume_room(struct volume *v, size_t len);
/* store_write_begin that counts the changes towards the next commit. */
MUST_CHECK enum err tree_begin(struct volume *v, unsigned items, bool freeing);

/* volume_format with another record size. */
MUST_CHECK enum err volume_format_sized(struct store *store, const char *label, uint32_t uid,
					uint32_t gid, unsigned record_shift);

/* ---- space.c ---- */
uint64_t inode_node_blocks(const struct inode *inode);
uint64_t chunk_node_blocks(const struct inode *inode, uint64_t index);
/* The caller holds ops exclusively, or is alone. */
void fund_fill(struct volume *v);
void fund_spend(struct volume *v);
/* True when a commit was made that may have given space back: do it again. */
bool volume_space_again(struct volume *v, enum err err, unsigned *tries);

/* ---- inode.c: the table ---- */
MUST_CHECK enum err table_init(struct table *t);
void table_clear(struct table *t);
/* Finds or loads, and takes a reference. ERR_NOT_FOUND also for one whose items are being removed.
 */
MUST_CHECK enum err inode_pin(struct volume *v, uint64_t ino, struct inode **ret);
struct inode *inode_pin_loaded(struct volume *v, uint64_t ino); /* NULL when not in memory */
/* Drops a reference, with no locks; NULL is welcome. Removes an inode that has neither name nor
 * user. */
void inode_unpin(struct volume *v, struct inode *inode);
/* A new one, dirty and with one reference. The caller holds ops and names. */
MUST_CHECK enum err inode_create(struct volume *v, const struct inode_item *item,
				 struct inode **ret);
/* What to call before changing attributes; the caller holds ops and the inode exclusively. */
MUST_CHECK enum err inode_make_dirty(struct volume *v, struct inode *inode, bool freeing);
void inode_clean(struct volume *v, struct inode *inode); /* off the dirty list, space given back */
/* The same, and frees it when nobody uses it; it is not to be touched afterwards. */
void inode_clean_and_evict(struct volume *v, struct inode *inode);
void inode_attr(struct volume *v, const struct inode *inode, struct volume_attr *ret);
/* Of an inode that need not be in memory; takes its lock. */
MUST_CHECK enum err inode_peek(struct volume *v, uint64_t ino, struct volume_attr *ret);
/* The caller holds `names`. */
MUST_CHECK enum err inode_parent(struct volume *v, uint64_t ino, uint64_t *ret);
void inode_set_size(struct volume *v, struct inode *inode, uint64_t size);
void inode_stamp(struct inode *inode, bool content); /* ctime, and mtime when the content changed */
/* At closing nobody remembers anything: unlinked files that were held end. */
void table_drop_holds(struct volume *v);
struct inode *inode_of_dirty_link(struct link *link);
/* Its removal is over: frees it, unless it failed and the inode is still dirty. */
void inode_end_reaped(struct volume *v, struct inode *inode);

/* ---- attr.c ---- */
MUST_CHECK enum err attr_check(unsigned mask, const struct volume_attr *in);
void attr_apply(struct inode *inode, unsigned mask, const struct volume_attr *in);

/* ---- name.c: names in folders ---- */
struct name_place {
	struct store_key key; /* of the entry, or of the place a new one would get */
	uint64_t ino;	      /* 0: there is no such name */
	uint32_t type;	      /* S_IFMT bits */
};
MUST_CHECK enum err name_check(const char *name);
MUST_CHECK enum err name_find(struct volume *v, uint64_t folder, const char *name,
			      struct name_place *ret);
/* Inside a store write. */
MUST_CHECK enum err name_put(struct volume *v, const struct name_place *place, const char *name,
			     uint64_t ino, uint32_t mode);
MUST_CHECK enum err folder_is_empty(struct volume *v, uint64_t ino, bool *ret);

/* A change of names: holds ops and names, and has pinned and locked up to four inodes. */
struct names_change {
	struct volume *v;
	struct inode *pinned[4];
	unsigned count;
	bool open;
};
MUST_CHECK enum err names_begin(struct volume *v, struct names_change *c);
MUST_CHECK enum err names_pin(struct names_change *c, uint64_t ino, struct inode **ret);
/* A folder that still has a name: ERR_NOT_DIR, ERR_NOT_FOUND. */
MUST_CHECK enum err names_pin_folder(struct names_change *c, uint64_t ino, struct inode **ret);
/* A new inode, pinned and locked like the others. */
MUST_CHECK enum err names_create(struct names_change *c, const struct inode_item *item,
				 struct inode **ret);
void names_end(struct names_change *c);
/* The last name is gone: counts, and the end of its life once nobody uses it. */
void inode_lose_name(struct volume *v, struct inode *inode);

/* ---- chunk.c: dirty content ---- */
void pool_init(struct pool *p);
void pool_clear(struct pool *p);
struct chunk *chunk_find(const struct inode *inode, uint64_t index);
size_t chunk_place(const struct inode *inode, uint64_t index); /* first not below */
MUST_CHECK enum err chunk_create(struct volume *v, struct inode *inode, uint64_t index,
				 struct chunk **ret);
/* Reserves and allocates so that bytes up to `hi` of the window can be dirty. */
MUST_CHECK enum err chunk_prepare(struct volume *v, struct chunk *c, uint32_t hi, bool freeing);
void chunk_cover(struct chunk *c, uint32_t from, uint32_t to); /* zeroes what becomes data */
void chunk_zero(struct chunk *c, uint32_t from, uint32_t to);
void chunk_copy_out(const struct chunk *c, uint32_t from, uint32_t len, uint8_t *out);
void chunk_set_ready(struct volume *v, struct chunk *c);
void chunk_set_busy(struct volume *v, struct chunk *c, bool busy);
/* Takes it from its inode and frees it, with its reservation. The inode is held exclusively. */
void chunk_discard(struct volume *v, struct chunk *c);
/* Discards those of windows [from, to). */
void chunks_discard(struct volume *v, struct inode *inode, uint64_t from, uint64_t to);
uint64_t chunk_blocks(const struct chunk *c); /* of 512 bytes, once it is in the tree */
/* Locks the inode exclusively at a moment when no chunk of windows [from, to) is busy. */
void inode_lock_idle(struct volume *v, struct inode *inode, uint64_t from, uint64_t to);

/* ---- flush.c: chunks and inodes to the tree ---- */
/* A whole writeback of the oldest or of a ready chunk, for anybody without locks.
 * ret_done false: there was nothing to take. */
MUST_CHECK enum err pool_flush_one(struct volume *v, bool only_ready, bool *ret_done);
void pool_flush_most(struct volume *v); /* what is there now, as far as it goes */
/* Everything; the caller holds ops exclusively. */
MUST_CHECK enum err volume_flush_all(struct volume *v);
void sealers_kick(struct volume *v); /* the caller holds pool */
void sealers_stop(struct volume *v);

/* ---- extent.c: content in the tree; the caller holds the inode ---- */
struct extent {
	struct store_key key;
	struct ref ref;
	uint32_t begin, end; /* in its window */
};
/* The extents of one window, in order. */
struct window {
	unsigned count;
	struct extent extents[STORE_RECORD_MAX / DISK_BLOCK];
};
MUST_CHECK enum err window_find(struct volume *v, const struct inode *inode, uint64_t index,
				struct window *ret);
/* Bytes [from, from + len) of a window as the tree has them. */
MUST_CHECK enum err window_read(struct volume *v, const struct inode *inode, uint64_t index,
				uint32_t from, uint32_t len, uint8_t *out);
/* Fills a fresh chunk from the tree, unless bytes [from, to) will replace all there is. */
MUST_CHECK enum err window_load(struct volume *v, struct chunk *c, uint32_t from, uint32_t to,
				bool freeing);
/* The dirty chunk of a window, loaded; with `make` false *ret is NULL where there is no content. */
MUST_CHECK enum err chunk_edit(struct volume *v, struct inode *inode, uint64_t index, bool make,
			       bool freeing, struct chunk **ret);
/* Deletes extents whose windows lie in [from, to), last first, at most `limit`. *ret_low:
 * everything from here to `to` is gone, also after an error. */
MUST_CHECK enum err extents_delete(struct volume *v, struct inode *inode, uint64_t from,
				   uint64_t to, unsigned limit, uint64_t *ret_low);
MUST_CHECK enum err inline_read(struct volume *v, const struct inode *inode, uint8_t *out,
				size_t cap, size_t *ret_len);

/* ---- cache.c: records lately read ---- */
void cache_init(struct cache *c);
void cache_clear(struct cache *c);
/* Copies [from, from + len) of the record, reading it when needed. */
MUST_CHECK enum err cache_read(struct volume *v, const struct extent *e, uint32_t from,
			       uint32_t len, uint8_t *out);

/* ---- data.c, trim.c ---- */
MUST_CHECK enum err file_check(const struct inode *inode); /* ERR_IS_DIR, ERR_INVALID: no content */
/* setattr with a size. */
MUST_CHECK enum err file_truncate(struct volume *v, uint64_t ino, unsigned mask,
				  const struct volume_attr *in, struct volume_attr *ret);
/* Removes the memory of an unfinished truncate: before the file may grow again. */
MUST_CHECK enum err file_unmark(struct volume *v, struct inode *inode);

/* ---- orphan.c: ends that take several operations ---- */
MUST_CHECK enum err orphan_put(struct volume *v, uint64_t ino, enum orphan_what what,
			       uint64_t size); /* inside a store write */
/* Removes every item of an inode that nobody can reach any more, with no locks. */
MUST_CHECK enum err orphan_remove(struct volume *v, uint64_t ino);
/* The inode is dead, without chunks, off the dirty list. Frees it. */
void inode_reap(struct volume *v, struct inode *inode);
MUST_CHECK enum err orphans_finish(struct volume *v); /* at opening */

/* ---- sync.c ---- */
void commits_init(struct commits *c);
void commits_clear(struct commits *c);
void commits_note_change(struct volume *v);
void commits_hurry(struct volume *v);
/* A commit even when nothing changed: it ripens freed blocks. */
MUST_CHECK enum err volume_commit_now(struct volume *v);
MUST_CHECK enum err volume_commit(struct volume *v, bool clean);
/* Keeps changes and commits out, with everything committed, until volume_let_go. */
MUST_CHECK enum err volume_hold_still(struct volume *v);
void volume_let_go(struct volume *v);
void committer_stop(struct volume *v);
void volume_note_error(struct volume *v, enum err err);

/* ---- lists ---- */
static inline void link_init(struct link *l)
{
	l->prev = l->next = l;
}
static inline void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}
static inline void link_append(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}
static inline bool list_is_empty(const struct link *list)
{
	return list->next == list;
}

/* The volume: a POSIX file system as items of a store's map.
 *
 * Files are named by inode number; the root is VOLUME_ROOT. Names are bytes, at most
 * VOLUME_NAME_UNITS UTF-16 units (and 765 bytes), never "", ".", "..", never with '/' or NUL, kept
 * exactly. Every operation is whole or not at all, also across a crash. What was changed is durable
 * after volume_sync, or at the latest two seconds after the last change while the committer runs.
 *
 * Threads: every function may be called by many threads at once, except open and close.
 * Space: ERR_NO_SPACE comes at the call, never later. docs/FORMAT.md, "Volume items". */
#pragma once
#include <sys/stat.h>
#include <time.h>
#include "store/store.h"
#include "volume/journal.h"
#include "volume/note.h"

#define VOLUME_ROOT 1u
#define VOLUME_NAME_UNITS 255u
#define VOLUME_NAME_BYTES 765u
#define VOLUME_SYMLINK_MAX 4095u
#define VOLUME_XATTR_MAX 65536u
#define VOLUME_FILE_MAX (UINT64_C(1) << 62)

struct volume;

struct volume_attr {
	uint64_t ino;
	uint64_t size;
	uint64_t blocks; /* of 512 bytes, allocated */
	struct timespec atime, mtime, ctime, btime;
	uint32_t mode; /* type and permissions as in st_mode */
	uint32_t nlink;
	uint32_t uid, gid;
};

enum {
	VOLUME_SET_MODE = 1,
	VOLUME_SET_UID = 2,
	VOLUME_SET_GID = 4,
	VOLUME_SET_SIZE = 8,
	VOLUME_SET_ATIME = 16,
	VOLUME_SET_MTIME = 32,
	VOLUME_SET_CTIME = 64,
};

/* The first content of a fresh store: an empty root folder with mode 0700 and this owner. The store
 * was just formatted and opened; commits. `label` (at most 64 bytes of UTF-8) is kept inside. */
MUST_CHECK enum err volume_format(struct store *store, const char *label, uint32_t uid,
				  uint32_t gid);
/* Borrows `store` until volume_close. On a writable store: removes orphans that a crash left. */
MUST_CHECK enum err volume_open(struct store *store, struct volume **ret);
/* Commits what is left, cleanly when writable and not frozen, and frees in any case. The error tells
 * of data that did not become durable. NULL is welcome. */
MUST_CHECK enum err volume_close(struct volume *v);
/* A thread that commits within a second of the first change since the last commit. `tell` (may be
 * NULL) hears of a commit that failed; it is called from that thread. */
MUST_CHECK enum err volume_start_committer(struct volume *v,
					   void (*tell)(void *ctx, enum err err), void *ctx);

const char *volume_label(const struct volume *v);
struct volume_totals {
	uint64_t files; /* regular files, folders and the rest, without the root */
	uint64_t bytes; /* sum of sizes of regular files */
};
void volume_totals(struct volume *v, struct volume_totals *ret);

/* ---- names ---- */
MUST_CHECK enum err volume_lookup(struct volume *v, uint64_t parent, const char *name,
				  struct volume_attr *ret);
/* mode carries the type: S_IFREG, S_IFIFO, S_IFSOCK or S_IFDIR (others: ERR_PERM). ERR_EXISTS. */
MUST_CHECK enum err volume_make(struct volume *v, uint64_t parent, const char *name, uint32_t mode,
				uint32_t uid, uint32_t gid, struct volume_attr *ret);
MUST_CHECK enum err volume_symlink(struct volume *v, uint64_t parent, const char *name,
				   const char *target, uint32_t uid, uint32_t gid,
				   struct volume_attr *ret);
MUST_CHECK enum err volume_link(struct volume *v, uint64_t ino, uint64_t parent, const char *name,
				struct volume_attr *ret);
/* ret_ino (may be NULL) is the inode that lost the name. An inode with a hold lives on without. */
MUST_CHECK enum err volume_unlink(struct volume *v, uint64_t parent, const char *name,
				  uint64_t *ret_ino);
MUST_CHECK enum err volume_rmdir(struct volume *v, uint64_t parent, const char *name,
				 uint64_t *ret_ino);
/* flags: 0, RENAME_NOREPLACE or RENAME_EXCHANGE as in renameat2(2). */
MUST_CHECK enum err volume_rename(struct volume *v, uint64_t parent, const char *name,
				  uint64_t new_parent, const char *new_name, unsigned flags);
/* `out` gets a NUL-terminated target; cap at least VOLUME_SYMLINK_MAX + 1. */
MUST_CHECK enum err volume_readlink(struct volume *v, uint64_t ino, char *out, size_t cap);
/* One entry; attr is filled only when `with_attr` was asked for. Return false to stop before taking
 * this entry. `cookie` names the place behind the entry; cookies stay good while entries come and go
 * (no entry that stays is missed or seen twice). "." and ".." are not among them. */
typedef bool (*volume_dir_fn)(void *ctx, const char *name, const struct volume_attr *attr,
			      uint64_t cookie);
/* cookie 0 begins. attr->ino and the type bits of attr->mode are always there. */
MUST_CHECK enum err volume_readdir(struct volume *v, uint64_t ino, uint64_t cookie, bool with_attr,
				   volume_dir_fn fn, void *ctx);
MUST_CHECK enum err volume_parent(struct volume *v, uint64_t dir, uint64_t *ret_parent);

/* ---- inodes ---- */
MUST_CHECK enum err volume_getattr(struct volume *v, uint64_t ino, struct volume_attr *ret);
/* Sets what `mask` says from `in`; ctime becomes now unless set. ret may be NULL. */
MUST_CHECK enum err volume_setattr(struct volume *v, uint64_t ino, unsigned mask,
				   const struct volume_attr *in, struct volume_attr *ret);
/* Holds keep an inode alive after its last name is gone (a kernel's lookups, an open file). */
MUST_CHECK enum err volume_hold(struct volume *v, uint64_t ino);
void volume_release(struct volume *v, uint64_t ino, uint64_t count);

/* ---- content ---- */
MUST_CHECK enum err volume_read(struct volume *v, uint64_t ino, uint64_t off, void *buf, size_t len,
				size_t *ret_len); /* short only at the end of the file */
MUST_CHECK enum err volume_write(struct volume *v, uint64_t ino, uint64_t off, const void *buf,
				 size_t len); /* all of it or an error */
/* Appends: the offset is the size at that moment. */
MUST_CHECK enum err volume_append(struct volume *v, uint64_t ino, const void *buf, size_t len);
/* mode: FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE|KEEP_SIZE, FALLOC_FL_ZERO_RANGE[|KEEP_SIZE], 0. */
MUST_CHECK enum err volume_fallocate(struct volume *v, uint64_t ino, int mode, uint64_t off,
				     uint64_t len);
/* whence: SEEK_DATA or SEEK_HOLE. ERR_OFFSET at or past the end. */
MUST_CHECK enum err volume_seek(struct volume *v, uint64_t ino, uint64_t off, int whence,
				uint64_t *ret);

/* ---- xattrs: namespaces user. and security.; others ERR_NOT_SUPPORTED ---- */
/* flags: 0, XATTR_CREATE (ERR_EXISTS), XATTR_REPLACE (ERR_NO_DATA). */
MUST_CHECK enum err volume_set_xattr(struct volume *v, uint64_t ino, const char *name,
				     const void *value, size_t len, int flags);
/* cap 0 asks for the length; ERR_RANGE when it does not fit; ERR_NO_DATA when absent. */
MUST_CHECK enum err volume_get_xattr(struct volume *v, uint64_t ino, const char *name, void *out,
				     size_t cap, size_t *ret_len);
/* NUL-terminated names end to end. */
MUST_CHECK enum err volume_list_xattr(struct volume *v, uint64_t ino, char *out, size_t cap,
				      size_t *ret_len);
MUST_CHECK enum err volume_remove_xattr(struct volume *v, uint64_t ino, const char *name);

/* ---- what the program keeps beside the files (volume/note.h, volume/journal.h) ---- */
MUST_CHECK enum err volume_note_put(struct volume *v, uint32_t id, const void *data, size_t len);
MUST_CHECK enum err volume_note_get(struct volume *v, uint32_t id, struct buf *ret);
MUST_CHECK enum err volume_log_append(struct volume *v, const char *line, size_t len);

/* ---- the whole ---- */
/* Everything changed before the call is durable after it. Calls that overlap share a commit. */
MUST_CHECK enum err volume_sync(struct volume *v);
struct volume_statfs {
	uint64_t total_bytes, free_bytes; /* free: what a write may still count on */
	uint64_t files;
	uint32_t block_size;
};
void volume_statfs(struct volume *v, struct volume_statfs *ret);
/* The medium is gone: no change any more, nothing is written. */
void volume_freeze(struct volume *v, enum err why);

/* ---- re-sealing (store.h, "epochs") ---- */
/* One step of it, while others use the volume. Begins with all zero; *ret_more: go on. After the last
 * step sync, and ask store_oldest_epoch whether that was all. Waits for space as a write does. */
MUST_CHECK enum err volume_reseal_step(struct volume *v, uint64_t blocks, struct store_reseal *at,
				       bool *ret_more);
/* Calls `fn` while everything is committed and nothing changes or commits; reading goes on. */
MUST_CHECK enum err volume_quiet(struct volume *v, enum err (*fn)(void *ctx), void *ctx);

/* ---- checking ---- */
struct volume_check_result {
	struct store_check_result store;
	uint64_t files, problems;
};
/* Verifies every block, and every relation: names to inodes and back, link counts, sizes, extents
 * that overlap, orphans. `hurt` is called with the path of each thing that is damaged (or
 * "inode N" when it has no path) and what is wrong. Reads only. */
MUST_CHECK enum err volume_check(struct volume *v,
				 void (*hurt)(void *ctx, const char *path, enum err what,
					      const char *why),
				 void (*progress)(void *ctx, uint64_t done, uint64_t total),
				 void *ctx, struct volume_check_result *ret);

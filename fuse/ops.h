/* The FUSE operations: each asks the volume once and gives one reply. Private to fuse/.
 *
 * The kernel is the only other user of the volume, so it may keep what it learns: names, attributes
 * and content stay in its caches until it changes them itself. Opening and closing a file or folder
 * needs no round trip; what keeps an unlinked file alive are the holds, one for each lookup that
 * the kernel has not forgotten. Operations run on many threads at once. */
#pragma once
#include <fuse_lowlevel.h>
#include <stdatomic.h>
#include "volume/volume.h"

#define OPS_SCRATCH (1u << 20) /* of each thread; the largest read and write */

struct serving {
	struct volume *volume;
	bool own_ids; /* not root: every file shows the mounting user as its owner */
	uid_t uid;
	gid_t gid;
	_Atomic int64_t used_ms; /* clock_monotonic_ms of the last request that a person caused */
};

extern const struct fuse_lowlevel_ops ops_table;

/* ---- shared by the ops_*.c files ---- */
struct serving *ops_serving(fuse_req_t req); /* and notes that it is used */
void ops_reply(fuse_req_t req, enum err err);
/* This thread's buffer of OPS_SCRATCH bytes, page-aligned; NULL when out of memory. */
void *ops_scratch(void);
void ops_attr(const struct serving *s, const struct volume_attr *attr, struct stat *ret);
void ops_entry(const struct serving *s, const struct volume_attr *attr,
	       struct fuse_entry_param *ret);
/* What a change of content or owner takes from a program file: the set-user-id and set-group-id
 * bits and its capabilities. The kernel leaves that to us (device.h); for root too, since nothing
 * that lies here may run with more rights anyway. */
MUST_CHECK enum err ops_drop_privileges(struct serving *s, fuse_ino_t ino);
extern const double ops_keep; /* seconds that the kernel may keep names and attributes */

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t len,
		 int flags);
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t cap);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t cap);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

void op_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off,
	      struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);

#include "fuse/ops.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

#define BACKGROUND_MAX 64 /* requests in flight that nobody waits for: read-ahead */

const double ops_keep = 86400;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool scratch_ready;

struct serving *ops_serving(fuse_req_t req)
{
	struct serving *s = fuse_req_userdata(req);

	atomic_store_explicit(&s->used_ms, clock_monotonic_ms(), memory_order_relaxed);
	return s;
}

void ops_reply(fuse_req_t req, enum err err)
{
	fuse_reply_err(req, err_errno(err));
}

static void scratch_init(void)
{
	scratch_ready = pthread_key_create(&scratch_key, free) == 0;
}

void *ops_scratch(void)
{
	void *scratch;

	pthread_once(&scratch_once, scratch_init);
	if (!scratch_ready)
		return NULL;
	scratch = pthread_getspecific(scratch_key);
	if (scratch)
		return scratch;
	if (posix_memalign(&scratch, 4096, OPS_SCRATCH) != 0)
		return NULL;
	if (pthread_setspecific(scratch_key, scratch) != 0) {
		free(scratch);
		return NULL;
	}
	return scratch;
}

/* st_blksize is what programs take for their buffers: a round trip carries much. */
void ops_attr(const struct serving *s, const struct volume_attr *attr, struct stat *ret)
{
	*ret = (struct stat){
		.st_ino = attr->ino,
		.st_mode = attr->mode,
		.st_nlink = attr->nlink,
		.st_uid = s->own_ids ? s->uid : attr->uid,
		.st_gid = s->own_ids ? s->gid : attr->gid,
		.st_size = (off_t)attr->size,
		.st_blocks = (blkcnt_t)attr->blocks,
		.st_blksize = 131072,
		.st_atim = attr->atime,
		.st_mtim = attr->mtime,
		.st_ctim = attr->ctime,
	};
}

void ops_entry(const struct serving *s, const struct volume_attr *attr,
	       struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){
		.ino = attr->ino,
		.attr_timeout = ops_keep,
		.entry_timeout = ops_keep,
	};
	ops_attr(s, attr, &ret->attr);
}

enum err ops_drop_privileges(struct serving *s, fuse_ino_t ino)
{
	struct volume_attr attr;
	uint32_t drop;
	enum err err;

	TRY(volume_getattr(s->volume, ino, &attr));
	if (!S_ISREG(attr.mode))
		return OK;
	drop = attr.mode & (S_ISUID | (attr.mode & S_IXGRP ? S_ISGID : 0));
	if (drop != 0) {
		attr.mode &= ~drop;
		TRY(volume_setattr(s->volume, ino, VOLUME_SET_MODE, &attr, NULL));
	}
	if ((attr.mode & 0111) == 0)
		return OK;
	err = volume_remove_xattr(s->volume, ino, "security.capability");
	return err == ERR_NO_DATA ? OK : err;
}

/* Nobody else changes the volume, so cached content need not be dropped when a file is opened
 * again. Splicing costs more than it saves: every byte is sealed or opened in our memory anyway. */
static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	const unsigned wanted = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO |
				FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
				FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_CACHE_SYMLINKS |
				FUSE_CAP_NO_OPEN_SUPPORT | FUSE_CAP_NO_OPENDIR_SUPPORT |
				FUSE_CAP_EXPLICIT_INVAL_DATA;

	conn->want = wanted & conn->capable;
	conn->max_write = OPS_SCRATCH;
	conn->max_background = BACKGROUND_MAX;
	conn->congestion_threshold = BACKGROUND_MAX * 3 / 4;
	conn->time_gran = 1;
}

/* The answer "unknown" teaches the kernel not to ask again: files and folders need no opening here.
 */
static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fuse_reply_err(req, ENOSYS);
}

/* create, flush and copy_file_range are left out: the kernel then makes a file with mknod alone,
 * sends nothing at close and copies by reading and writing. */
const struct fuse_lowlevel_ops ops_table = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.fsync = op_fsync,
	.opendir = op_open,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
};

#include "fuse/ops.h"

void op_read(fuse_req_t req, fuse_ino_t ino, size_t len, off_t off, struct fuse_file_info *fi)
{
	char *out = ops_scratch();
	size_t got = 0;
	enum err err = out ? volume_read(ops_serving(req)->volume, ino, (uint64_t)off, out,
					 MIN(len, OPS_SCRATCH), &got)
			   : ERR_NOMEM;

	if (err == OK)
		fuse_reply_buf(req, out, got);
	else
		ops_reply(req, err);
}

/* O_APPEND needs nothing here: the kernel knows the size and holds the inode's lock. */
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t len, off_t off,
	      struct fuse_file_info *fi)
{
	struct serving *s = ops_serving(req);
	enum err err = ops_drop_privileges(s, ino);

	if (err == OK)
		err = volume_write(s->volume, ino, (uint64_t)off, data, len);
	if (err == OK)
		fuse_reply_write(req, len);
	else
		ops_reply(req, err);
}

/* One commit makes everything durable, so which file was meant does not matter. */
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	ops_reply(req, volume_sync(ops_serving(req)->volume));
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	ops_reply(req, volume_fallocate(ops_serving(req)->volume, ino, mode, (uint64_t)off,
					(uint64_t)len));
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	uint64_t at;
	enum err err = volume_seek(ops_serving(req)->volume, ino, (uint64_t)off, whence, &at);

	if (err == OK)
		fuse_reply_lseek(req, (off_t)at);
	else
		ops_reply(req, err);
}

#include "fuse/ops.h"

/* The kernel owns one more lookup of the inode from here on, unless it no longer waits for it. */
static void reply_entry(fuse_req_t req, struct serving *s, const struct volume_attr *attr)
{
	struct fuse_entry_param entry;
	enum err err = volume_hold(s->volume, attr->ino);

	if (err != OK) {
		ops_reply(req, err);
		return;
	}
	ops_entry(s, attr, &entry);
	if (fuse_reply_entry(req, &entry) != 0)
		volume_release(s->volume, attr->ino, 1);
}

static void reply_made(fuse_req_t req, struct serving *s, enum err err,
		       const struct volume_attr *attr)
{
	if (err == OK)
		reply_entry(req, s, attr);
	else
		ops_reply(req, err);
}

/* That a name does not exist is worth remembering too. */
static void reply_absent(fuse_req_t req)
{
	const struct fuse_entry_param none = {.entry_timeout = ops_keep};

	fuse_reply_entry(req, &none);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct serving *s = ops_serving(req);
	struct volume_attr attr;
	enum err err = volume_lookup(s->volume, parent, name, &attr);

	if (err == ERR_NOT_FOUND)
		reply_absent(req);
	else
		reply_made(req, s, err, &attr);
}

/* Memory pressure causes these, not people: they do not count as use. */
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	struct serving *s = fuse_req_userdata(req);

	volume_release(s->volume, ino, count);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct serving *s = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		volume_release(s->volume, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

/* A folder with the set-group-id bit hands its group, and to folders the bit, to what is made in
 * it. Where everything belongs to the mounting user there is no group to hand on. */
static enum err make(struct serving *s, fuse_req_t req, fuse_ino_t parent, const char *name,
		     uint32_t mode, struct volume_attr *ret)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	uint32_t gid = ctx->gid;
	struct volume_attr dir;

	if (!s->own_ids) {
		TRY(volume_getattr(s->volume, parent, &dir));
		if (dir.mode & S_ISGID) {
			gid = dir.gid;
			mode |= S_ISDIR(mode) ? S_ISGID : 0;
		}
	}
	return volume_make(s->volume, parent, name, mode, ctx->uid, gid, ret);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	struct serving *s = ops_serving(req);
	struct volume_attr attr;

	reply_made(req, s, make(s, req, parent, name, mode, &attr), &attr);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct serving *s = ops_serving(req);
	struct volume_attr attr;

	reply_made(req, s, make(s, req, parent, name, (mode & 07777) | S_IFDIR, &attr), &attr);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct serving *s = ops_serving(req);
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct volume_attr attr;

	reply_made(req, s,
		   volume_symlink(s->volume, parent, name, target, ctx->uid, ctx->gid, &attr),
		   &attr);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct serving *s = ops_serving(req);
	struct volume_attr attr;

	reply_made(req, s, volume_link(s->volume, ino, parent, name, &attr), &attr);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, volume_unlink(ops_serving(req)->volume, parent, name, NULL));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	ops_reply(req, volume_rmdir(ops_serving(req)->volume, parent, name, NULL));
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	ops_reply(req, volume_rename(ops_serving(req)->volume, parent, name, new_parent, new_name,
				     flags));
}

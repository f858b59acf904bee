#include "fuse/ops.h"

#include "base/clock.h"

static void reply_attr(fuse_req_t req, const struct serving *s, enum err err,
		       const struct volume_attr *attr)
{
	struct stat st;

	if (err != OK) {
		ops_reply(req, err);
		return;
	}
	ops_attr(s, attr, &st);
	fuse_reply_attr(req, &st, ops_keep);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct serving *s = ops_serving(req);
	struct volume_attr attr;
	enum err err = volume_getattr(s->volume, ino, &attr);

	reply_attr(req, s, err, &attr);
}

/* Where every file shows the mounting user, giving it to that user is no change, and to nobody else
 * possible. */
static enum err set_owner(const struct serving *s, const struct stat *from, int to_set,
			  unsigned *mask, struct volume_attr *in)
{
	if (s->own_ids) {
		if (to_set & FUSE_SET_ATTR_UID && from->st_uid != s->uid)
			return err_at(ERR_PERM, "owner");
		if (to_set & FUSE_SET_ATTR_GID && from->st_gid != s->gid)
			return err_at(ERR_PERM, "group");
		return OK;
	}
	if (to_set & FUSE_SET_ATTR_UID)
		*mask |= VOLUME_SET_UID;
	if (to_set & FUSE_SET_ATTR_GID)
		*mask |= VOLUME_SET_GID;
	in->uid = from->st_uid;
	in->gid = from->st_gid;
	return OK;
}

/* A change of size is a change of content, so the time of modification follows unless it is given.
 */
static void set_times(const struct stat *from, int to_set, unsigned *mask, struct volume_attr *in)
{
	struct timespec now = clock_wall();

	if (to_set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_ATIME_NOW)) {
		*mask |= VOLUME_SET_ATIME;
		in->atime = to_set & FUSE_SET_ATTR_ATIME_NOW ? now : from->st_atim;
	}
	if (to_set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW | FUSE_SET_ATTR_SIZE)) {
		bool given = to_set & FUSE_SET_ATTR_MTIME && !(to_set & FUSE_SET_ATTR_MTIME_NOW);

		*mask |= VOLUME_SET_MTIME;
		in->mtime = given ? from->st_mtim : now;
	}
	if (to_set & FUSE_SET_ATTR_CTIME) {
		*mask |= VOLUME_SET_CTIME;
		in->ctime = from->st_ctim;
	}
}

static enum err change(struct serving *s, fuse_ino_t ino, const struct stat *from, int to_set,
		       struct volume_attr *ret)
{
	struct volume_attr in = {0};
	unsigned mask = 0;

	if (to_set & (FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID))
		TRY(ops_drop_privileges(s, ino));
	TRY(set_owner(s, from, to_set, &mask, &in));
	set_times(from, to_set, &mask, &in);
	if (to_set & FUSE_SET_ATTR_MODE) {
		mask |= VOLUME_SET_MODE;
		in.mode = from->st_mode;
	}
	if (to_set & FUSE_SET_ATTR_SIZE) {
		mask |= VOLUME_SET_SIZE;
		in.size = (uint64_t)from->st_size;
	}
	if (mask == 0)
		return volume_getattr(s->volume, ino, ret);
	return volume_setattr(s->volume, ino, mask, &in, ret);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct serving *s = ops_serving(req);
	struct volume_attr after;
	enum err err = change(s, ino, attr, to_set, &after);

	reply_attr(req, s, err, &after);
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	char target[VOLUME_SYMLINK_MAX + 1];
	enum err err = volume_readlink(ops_serving(req)->volume, ino, target, sizeof(target));

	if (err == OK)
		fuse_reply_readlink(req, target);
	else
		ops_reply(req, err);
}

/* Desktops ask this all the time: it does not count as use. */
void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct serving *s = fuse_req_userdata(req);
	struct volume_statfs now;
	struct statvfs st = {0};

	volume_statfs(s->volume, &now);
	st.f_bsize = st.f_frsize = now.block_size;
	st.f_blocks = now.total_bytes / now.block_size;
	st.f_bfree = st.f_bavail = now.free_bytes / now.block_size;
	st.f_ffree = st.f_favail = st.f_bfree;
	st.f_files = now.files + st.f_ffree;
	st.f_namemax = VOLUME_NAME_BYTES;
	fuse_reply_statfs(req, &st);
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t len,
		 int flags)
{
	ops_reply(req, volume_set_xattr(ops_serving(req)->volume, ino, name, value, len, flags));
}

/* A buffer of size 0 asks for the length alone. */
static void reply_bytes(fuse_req_t req, enum err err, size_t cap, const char *bytes, size_t len)
{
	if (err != OK)
		ops_reply(req, err);
	else if (cap == 0)
		fuse_reply_xattr(req, len);
	else
		fuse_reply_buf(req, bytes, len);
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t cap)
{
	char *out = ops_scratch();
	size_t len = 0;
	enum err err = out ? volume_get_xattr(ops_serving(req)->volume, ino, name, out,
					      MIN(cap, OPS_SCRATCH), &len)
			   : ERR_NOMEM;

	reply_bytes(req, err, cap, out, len);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t cap)
{
	char *out = ops_scratch();
	size_t len = 0;
	enum err err = out ? volume_list_xattr(ops_serving(req)->volume, ino, out,
					       MIN(cap, OPS_SCRATCH), &len)
			   : ERR_NOMEM;

	reply_bytes(req, err, cap, out, len);
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	ops_reply(req, volume_remove_xattr(ops_serving(req)->volume, ino, name));
}

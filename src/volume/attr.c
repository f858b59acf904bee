/* Attributes asked for and set. */
#include "volume/internal.h"

#include "base/clock.h"

enum err volume_getattr(struct volume *v, uint64_t ino, struct volume_attr *ret)
{
	return inode_peek(v, ino, ret);
}

static bool time_is_set(unsigned mask, unsigned bit, const struct timespec *t)
{
	return !(mask & bit) || (t->tv_nsec >= 0 && t->tv_nsec < 1000000000);
}

enum err attr_check(unsigned mask, const struct volume_attr *in)
{
	if (!time_is_set(mask, VOLUME_SET_ATIME, &in->atime) ||
	    !time_is_set(mask, VOLUME_SET_MTIME, &in->mtime) ||
	    !time_is_set(mask, VOLUME_SET_CTIME, &in->ctime))
		return ERR_INVALID;
	return OK;
}

void attr_apply(struct inode *inode, unsigned mask, const struct volume_attr *in)
{
	struct inode_item *item = &inode->item;

	if (mask & VOLUME_SET_MODE)
		item->mode = (item->mode & S_IFMT) | (in->mode & 07777);
	if (mask & VOLUME_SET_UID)
		item->uid = in->uid;
	if (mask & VOLUME_SET_GID)
		item->gid = in->gid;
	if (mask & VOLUME_SET_ATIME)
		item->atime = in->atime;
	if (mask & VOLUME_SET_MTIME)
		item->mtime = in->mtime;
	item->ctime = mask & VOLUME_SET_CTIME ? in->ctime : clock_wall();
}

static enum err attr_set_once(struct volume *v, uint64_t ino, unsigned mask,
			      const struct volume_attr *in, struct volume_attr *ret)
{
	struct inode *inode;
	enum err err;

	TRY(volume_room(v, 0));
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&v->ops);
	pthread_rwlock_wrlock(&inode->lock);
	err = inode_make_dirty(v, inode, false);
	if (err == OK) {
		attr_apply(inode, mask, in);
		if (ret)
			inode_attr(v, inode, ret);
	}
	pthread_rwlock_unlock(&inode->lock);
	pthread_rwlock_unlock(&v->ops);
	inode_unpin(v, inode);
	return err;
}

enum err volume_setattr(struct volume *v, uint64_t ino, unsigned mask, const struct volume_attr *in,
			struct volume_attr *ret)
{
	unsigned tries = 0;
	enum err err;

	TRY(attr_check(mask, in));
	if (mask & VOLUME_SET_SIZE)
		return file_truncate(v, ino, mask, in, ret);
	do {
		err = attr_set_once(v, ino, mask, in, ret);
	} while (volume_space_again(v, err, &tries));
	return err;
}

/* A new size for a file. */
#include "volume/internal.h"

struct trim {
	struct volume *v;
	struct inode *inode;
	unsigned mask; /* of attributes to set at the end */
	const struct volume_attr *in;
	bool more; /* this step was not the last */
};

static enum err tree_edit_mark(struct volume *v, uint64_t ino, bool add, uint64_t size)
{
	struct store_key key = item_key(0, ITEM_ORPHAN, ino);
	enum err err;

	TRY(tree_begin(v, 1, true));
	err = add ? orphan_put(v, ino, ORPHAN_TRUNCATE, size) : store_delete(v->store, &key);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err file_mark(struct volume *v, struct inode *inode, uint64_t size)
{
	if (inode->marked)
		return OK;
	TRY(tree_edit_mark(v, inode->ino, true, size));
	inode->marked = true;
	return OK;
}

enum err file_unmark(struct volume *v, struct inode *inode)
{
	if (!inode->marked || inode->item.nlink == 0)
		return OK;
	TRY(tree_edit_mark(v, inode->ino, false, 0));
	inode->marked = false;
	return OK;
}

/* Frees what lies behind the new size, from the end, so that the file is whole after each step,
 * only longer than wanted. */
static enum err trim_down(struct trim *t, uint64_t size)
{
	struct volume *v = t->v;
	struct inode *inode = t->inode;
	uint64_t edge = (size + v->record - 1) >> v->shift, low;
	struct chunk *cut = NULL;
	enum err err;

	if (size % v->record != 0 || (size == 0 && inode->item.is_inline))
		TRY(chunk_edit(v, inode, size >> v->shift, false, true, &cut));
	err = extents_delete(v, inode, edge << v->shift, UINT64_MAX, DELETE_STEP, &low);
	chunks_discard(v, inode, MAX(low >> v->shift, cut ? cut->index + 1 : edge), UINT64_MAX);
	if (low > edge << v->shift) {
		if (low < inode->item.size)
			inode_set_size(v, inode, low);
		t->more = err == OK;
		return err != OK ? err : file_mark(v, inode, size);
	}
	if (cut)
		chunk_zero(cut, (uint32_t)(size - (cut->index << v->shift)), v->record);
	return OK;
}

static enum err trim_locked(struct trim *t, struct volume_attr *ret)
{
	uint64_t size = t->in->size;

	t->more = false;
	TRY(file_check(t->inode));
	if (size > VOLUME_FILE_MAX)
		return ERR_TOO_BIG;
	TRY(inode_make_dirty(t->v, t->inode, true));
	if (size < t->inode->item.size)
		TRY(trim_down(t, size));
	inode_stamp(t->inode, true); /* each step: a crash may make it the last */
	if (t->more)
		return OK;
	TRY(file_unmark(t->v, t->inode));
	inode_set_size(t->v, t->inode, size);
	attr_apply(t->inode, t->mask, t->in);
	if (ret)
		inode_attr(t->v, t->inode, ret);
	return OK;
}

static enum err trim_step(struct trim *t, struct volume_attr *ret)
{
	struct volume *v = t->v;
	enum err err;

	TRY(volume_room(v, 0));
	pthread_rwlock_rdlock(&v->ops);
	inode_lock_idle(v, t->inode, 0, UINT64_MAX);
	err = trim_locked(t, ret);
	if (err != OK)
		(void)!file_unmark(v, t->inode); /* else the next change of the file does it */
	pthread_rwlock_unlock(&t->inode->lock);
	pthread_rwlock_unlock(&v->ops);
	return err;
}

enum err file_truncate(struct volume *v, uint64_t ino, unsigned mask, const struct volume_attr *in,
		       struct volume_attr *ret)
{
	struct trim t = {.v = v, .mask = mask, .in = in};
	enum err err;

	TRY(inode_pin(v, ino, &t.inode));
	do {
		unsigned tries = 0;

		do {
			err = trim_step(&t, ret);
		} while (volume_space_again(v, err, &tries));
	} while (err == OK && t.more);
	inode_unpin(v, t.inode);
	return err;
}

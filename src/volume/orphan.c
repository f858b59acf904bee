/* Ends that take several operations: removing an inode's items, and finishing after a crash what
 * ORPHAN items tell of. */
#include "volume/internal.h"

#include <stdlib.h>

enum err orphan_put(struct volume *v, uint64_t ino, enum orphan_what what, uint64_t size)
{
	struct store_key key = item_key(0, ITEM_ORPHAN, ino);
	struct orphan_item item = {.what = what, .size = size};
	uint8_t value[ORPHAN_LEN];

	orphan_encode(&item, value);
	return store_put(v->store, &key, value, sizeof(value));
}

static enum err orphan_drop(struct volume *v, uint64_t ino)
{
	struct store_key key = item_key(0, ITEM_ORPHAN, ino);

	return store_delete(v->store, &key);
}

/* Inside a store write: up to `items` items of the object. */
static enum err object_delete_some(struct volume *v, uint64_t ino, unsigned items, bool *ret_more)
{
	struct store_key key = item_key(ino, 0, 0);
	struct store_view view;

	*ret_more = true;
	for (unsigned i = 0; i < items; i++) {
		enum err err = store_find_ge(v->store, &key, &view);

		if (err != OK && err != ERR_NOT_FOUND)
			return err;
		if (err != OK || view.key.object != ino) {
			*ret_more = false;
			return OK;
		}
		key = view.key;
		TRY(store_delete(v->store, &key));
	}
	return OK;
}

/* One hold of the store's lock; the mark goes together with the last item. */
static enum err object_delete_batch(struct volume *v, uint64_t ino, unsigned items, bool marked,
				    bool *ret_more)
{
	enum err err;

	TRY(tree_begin(v, items + 1, true));
	err = object_delete_some(v, ino, items, ret_more);
	if (err == OK && marked && !*ret_more)
		err = orphan_drop(v, ino);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err orphan_mark(struct volume *v, uint64_t ino)
{
	enum err err;

	TRY(tree_begin(v, 1, true));
	err = orphan_put(v, ino, ORPHAN_DELETE, 0);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

/* One operation's worth; the caller holds ops. What is left afterwards has its mark. `first` is how
 * many items a small inode is expected to have. */
static enum err object_delete_step(struct volume *v, uint64_t ino, unsigned first, bool *marked,
				   bool *ret_more)
{
	unsigned items = first;

	*ret_more = true;
	for (unsigned done = 0; done < DELETE_STEP && *ret_more; done += items) {
		enum err err;

		items = done == 0 ? first : DELETE_BATCH;
		err = object_delete_batch(v, ino, items, *marked, ret_more);
		if (err == ERR_NO_SPACE && items > 4) {
			items = 4;
			err = object_delete_batch(v, ino, items, *marked, ret_more);
		}
		TRY(err);
	}
	if (*ret_more && !*marked) {
		TRY(orphan_mark(v, ino));
		*marked = true;
	}
	return OK;
}

enum err orphan_remove(struct volume *v, uint64_t ino)
{
	unsigned tries = 0;
	bool marked = true;
	bool more = true;
	enum err err;

	do {
		pthread_rwlock_rdlock(&v->ops);
		err = object_delete_step(v, ino, DELETE_BATCH, &marked, &more);
		commits_note_change(v);
		pthread_rwlock_unlock(&v->ops);
	} while ((err == OK && more) || volume_space_again(v, err, &tries));
	return err;
}

static unsigned items_expected(const struct inode *inode)
{
	return (unsigned)MIN(4 + inode->item.blocks / (DISK_BLOCK / 512), DELETE_BATCH);
}

/* The first step. Dirty content goes before, since it knows of extents that are deleted now; the
 * rest of the inode's memory goes with the step, in the same commit. On failure the inode stays
 * dirty, so that the next commit gives it an ORPHAN item and the next opening removes it. */
static enum err inode_reap_first(struct volume *v, struct inode *inode, bool *ret_more)
{
	enum err err = OK;

	*ret_more = false;
	pthread_rwlock_rdlock(&v->ops);
	pthread_rwlock_wrlock(&inode->lock);
	chunks_discard(v, inode, 0, UINT64_MAX);
	pthread_rwlock_unlock(&inode->lock);
	if (inode->in_tree || inode->marked)
		err = object_delete_step(v, inode->ino, items_expected(inode), &inode->marked,
					 ret_more);
	if (err == OK || inode->marked || v->frozen != OK)
		inode_clean(v, inode);
	commits_note_change(v);
	pthread_rwlock_unlock(&v->ops);
	return err;
}

void inode_reap(struct volume *v, struct inode *inode)
{
	unsigned tries = 0;
	bool more;
	enum err err;

	do {
		err = inode_reap_first(v, inode, &more);
	} while (volume_space_again(v, err, &tries));
	if (err == OK && more)
		(void)!orphan_remove(v,
				     inode->ino); /* its mark is there: the next opening goes on */
	inode_end_reaped(v, inode);
}

/* ---- after a crash ---- */

static enum err orphan_next(struct volume *v, uint64_t after, uint64_t *ret_ino,
			    struct orphan_item *ret)
{
	struct store_key key = item_key(0, ITEM_ORPHAN, after + 1);
	struct store_view view;
	enum err err;

	store_read_begin(v->store);
	err = store_find_ge(v->store, &key, &view);
	if (err == OK && !item_is(&view, 0, ITEM_ORPHAN))
		err = ERR_NOT_FOUND;
	if (err == OK)
		err = orphan_decode(&view, ret);
	if (err == OK)
		*ret_ino = view.key.offset;
	store_read_end(v->store);
	return err;
}

/* The mark is known to be there, so the last step of the truncate takes it away. */
static enum err orphan_truncate(struct volume *v, uint64_t ino, uint64_t size)
{
	struct volume_attr in = {.size = size};
	struct inode *inode;
	enum err err = OK;

	TRY(inode_pin(v, ino, &inode));
	in.mtime = inode->item.mtime;
	in.ctime = inode->item.ctime;
	inode->marked = true;
	err = file_truncate(v, ino, VOLUME_SET_SIZE | VOLUME_SET_MTIME | VOLUME_SET_CTIME, &in,
			    NULL);
	inode_unpin(v, inode);
	return err;
}

/* One that cannot be finished (damage, no space) stays for another time; the volume opens. */
enum err orphans_finish(struct volume *v)
{
	struct orphan_item item;
	uint64_t ino = 0;
	enum err err;

	while ((err = orphan_next(v, ino, &ino, &item)) == OK) {
		if (item.what == ORPHAN_DELETE)
			err = orphan_remove(v, ino);
		else
			err = orphan_truncate(v, ino, item.size);
		if (err == ERR_NOMEM)
			return err;
	}
	return err == ERR_NOMEM ? err : OK;
}

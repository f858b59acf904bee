/* Names that go: unlink and rmdir. */
#include "volume/internal.h"

static enum err remove_entry(struct volume *v, const struct store_key *key)
{
	enum err err;

	TRY(tree_begin(v, 1, true));
	err = store_delete(v->store, key);
	if (err != OK) {
		store_write_abort(v->store);
		return err == ERR_NOT_FOUND ? ERR_MALFORMED : err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err remove_may(struct volume *v, const struct inode *inode, bool folder)
{
	bool empty;

	if (!folder)
		return S_ISDIR(inode->item.mode) ? ERR_IS_DIR : OK;
	if (!S_ISDIR(inode->item.mode))
		return ERR_NOT_DIR;
	TRY(folder_is_empty(v, inode->ino, &empty));
	return empty ? OK : ERR_NOT_EMPTY;
}

static enum err remove_in(struct names_change *c, uint64_t parent_ino, const char *name,
			  bool folder, uint64_t *ret_ino)
{
	struct volume *v = c->v;
	struct inode *parent, *inode;
	struct name_place place;

	TRY(names_pin_folder(c, parent_ino, &parent));
	TRY(name_find(v, parent_ino, name, &place));
	if (place.ino == 0)
		return ERR_NOT_FOUND;
	TRY(names_pin(c, place.ino, &inode));
	TRY(remove_may(v, inode, folder));
	TRY(inode_make_dirty(v, parent, true));
	TRY(inode_make_dirty(v, inode, true));
	TRY(remove_entry(v, &place.key));
	inode_lose_name(v, inode);
	parent->item.nlink -= folder ? 1 : 0;
	inode_stamp(parent, true);
	if (ret_ino)
		*ret_ino = inode->ino;
	return OK;
}

static enum err remove_any(struct volume *v, uint64_t parent, const char *name, bool folder,
			   uint64_t *ret_ino)
{
	struct names_change change;
	unsigned tries = 0;
	enum err err;

	TRY(name_check(name));
	do {
		TRY(names_begin(v, &change));
		err = remove_in(&change, parent, name, folder, ret_ino);
		names_end(&change);
	} while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_unlink(struct volume *v, uint64_t parent, const char *name, uint64_t *ret_ino)
{
	return remove_any(v, parent, name, false, ret_ino);
}

enum err volume_rmdir(struct volume *v, uint64_t parent, const char *name, uint64_t *ret_ino)
{
	return remove_any(v, parent, name, true, ret_ino);
}

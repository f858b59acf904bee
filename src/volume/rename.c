/* Moving names: rename, without replacing, and exchange. */
#include "volume/internal.h"

#include <stdio.h>
#include <sys/types.h>

struct rename {
	struct inode *from_dir, *to_dir;
	const char *from_name, *to_name;
	struct name_place from, to;
	struct inode *moved;
	struct inode *other; /* what had the new name; may be NULL */
	bool exchange;
};

/* A folder must not end up below itself: `ino` may not be `folder` or above it. */
static enum err rename_loop_check(struct volume *v, uint64_t folder, uint64_t ino)
{
	while (folder != VOLUME_ROOT) {
		uint64_t parent;

		if (folder == ino)
			return ERR_LOOP;
		TRY(inode_parent(v, folder, &parent));
		folder = parent;
	}
	return ino == VOLUME_ROOT ? ERR_LOOP : OK;
}

static enum err rename_may_move(struct volume *v, const struct rename *r)
{
	if (r->from_dir == r->to_dir)
		return OK;
	if (S_ISDIR(r->moved->item.mode))
		TRY(rename_loop_check(v, r->to_dir->ino, r->moved->ino));
	if (r->exchange && S_ISDIR(r->other->item.mode))
		TRY(rename_loop_check(v, r->from_dir->ino, r->other->ino));
	return OK;
}

static enum err rename_may_replace(struct volume *v, const struct rename *r)
{
	bool empty;

	if (!r->other || r->exchange)
		return OK;
	if (!S_ISDIR(r->other->item.mode))
		return S_ISDIR(r->moved->item.mode) ? ERR_NOT_DIR : OK;
	if (!S_ISDIR(r->moved->item.mode))
		return ERR_IS_DIR;
	TRY(folder_is_empty(v, r->other->ino, &empty));
	return empty ? OK : ERR_NOT_EMPTY;
}

static enum err rename_edit(struct volume *v, const struct rename *r)
{
	TRY(name_put(v, &r->to, r->to_name, r->moved->ino, r->moved->item.mode));
	if (r->exchange)
		return name_put(v, &r->from, r->from_name, r->other->ino, r->other->item.mode);
	return store_delete(v->store, &r->from.key);
}

static enum err rename_put(struct volume *v, const struct rename *r)
{
	enum err err;

	TRY(tree_begin(v, 2, r->other != NULL));
	err = rename_edit(v, r);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static void folder_move(struct inode *folder, struct inode *from, struct inode *to)
{
	if (!S_ISDIR(folder->item.mode) || from == to)
		return;
	from->item.nlink--;
	to->item.nlink++;
	folder->item.parent = to->ino;
}

static void rename_note(struct volume *v, struct rename *r)
{
	folder_move(r->moved, r->from_dir, r->to_dir);
	inode_stamp(r->moved, false);
	if (r->exchange) {
		folder_move(r->other, r->to_dir, r->from_dir);
		inode_stamp(r->other, false);
	} else if (r->other) {
		r->to_dir->item.nlink -= S_ISDIR(r->other->item.mode) ? 1 : 0;
		inode_lose_name(v, r->other);
	}
	inode_stamp(r->from_dir, true);
	inode_stamp(r->to_dir, true);
}

static enum err rename_find(struct volume *v, struct rename *r, unsigned flags)
{
	TRY(name_find(v, r->from_dir->ino, r->from_name, &r->from));
	TRY(name_find(v, r->to_dir->ino, r->to_name, &r->to));
	if (r->from.ino == 0)
		return ERR_NOT_FOUND;
	if (r->to.ino != 0 && (flags & RENAME_NOREPLACE))
		return ERR_EXISTS;
	if (r->to.ino == 0 && (flags & RENAME_EXCHANGE))
		return ERR_NOT_FOUND;
	return OK;
}

/* Renaming is allowed the reserve: moving a new version into place is how space is won back. */
static enum err rename_make_dirty(struct names_change *c)
{
	for (unsigned i = 0; i < c->count; i++)
		TRY(inode_make_dirty(c->v, c->pinned[i], true));
	return OK;
}

static enum err rename_in(struct names_change *c, uint64_t from_dir, uint64_t to_dir,
			  struct rename *r, unsigned flags)
{
	struct volume *v = c->v;

	TRY(names_pin_folder(c, from_dir, &r->from_dir));
	TRY(names_pin_folder(c, to_dir, &r->to_dir));
	TRY(rename_find(v, r, flags));
	if (r->from.ino == r->to.ino)
		return OK; /* two names of one file: both stay, says POSIX */
	TRY(names_pin(c, r->from.ino, &r->moved));
	if (r->to.ino != 0)
		TRY(names_pin(c, r->to.ino, &r->other));
	TRY(rename_may_move(v, r));
	TRY(rename_may_replace(v, r));
	TRY(rename_make_dirty(c));
	TRY(rename_put(v, r));
	rename_note(v, r);
	return OK;
}

enum err volume_rename(struct volume *v, uint64_t parent, const char *name, uint64_t new_parent,
		       const char *new_name, unsigned flags)
{
	struct names_change change;
	unsigned tries = 0;
	enum err err;

	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 ||
	    flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return ERR_INVALID;
	TRY(name_check(name));
	TRY(name_check(new_name));
	do {
		struct rename r = {.from_name = name, .to_name = new_name};

		r.exchange = flags & RENAME_EXCHANGE;
		TRY(names_begin(v, &change));
		err = rename_in(&change, parent, new_parent, &r, flags);
		names_end(&change);
	} while (volume_space_again(v, err, &tries));
	return err;
}

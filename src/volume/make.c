/* New names: files, folders, links. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"

#define LINKS_MAX 65000u

struct make {
	uint64_t parent;
	const char *name;
	const char *target; /* of a symbolic link; else NULL */
	uint32_t mode, uid, gid;
};

static struct inode_item make_item(const struct make *m)
{
	struct timespec now = clock_wall();
	struct inode_item item = {
		.mode = m->mode,
		.nlink = S_ISDIR(m->mode) ? 2 : 1,
		.uid = m->uid,
		.gid = m->gid,
		.parent = S_ISDIR(m->mode) ? m->parent : 0,
		.atime = now,
		.mtime = now,
		.ctime = now,
		.btime = now,
	};

	if (m->target) {
		item.size = strlen(m->target);
		item.blocks = (item.size + 511) / 512;
		item.is_inline = true;
	}
	return item;
}

/* The tree's part: the entry, and a link's target. */
static enum err make_put(struct volume *v, const struct make *m, const struct name_place *place,
			 uint64_t ino)
{
	struct store_key key = item_key(ino, ITEM_INLINE, 0);
	enum err err;

	TRY(tree_begin(v, m->target ? 2 : 1, false));
	err = name_put(v, place, m->name, ino, m->mode);
	if (err == OK && m->target)
		err = store_put(v->store, &key, m->target, strlen(m->target));
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err make_in(struct names_change *c, const struct make *m, struct volume_attr *ret)
{
	struct volume *v = c->v;
	struct inode_item item = make_item(m);
	struct name_place place;
	struct inode *parent, *inode;
	enum err err;

	TRY(names_pin_folder(c, m->parent, &parent));
	TRY(name_find(v, m->parent, m->name, &place));
	if (place.ino != 0)
		return ERR_EXISTS;
	TRY(inode_make_dirty(v, parent, false));
	TRY(names_create(c, &item, &inode));
	err = make_put(v, m, &place, inode->ino);
	if (err != OK) {
		inode->item.nlink = 0; /* never had a name: names_end removes it */
		return err;
	}
	inode->in_tree = m->target != NULL;
	parent->item.nlink += S_ISDIR(m->mode) ? 1 : 0;
	inode_stamp(parent, true);
	v->files++;
	inode_attr(v, inode, ret);
	return OK;
}

static enum err make_any(struct volume *v, const struct make *m, struct volume_attr *ret)
{
	struct names_change change;
	unsigned tries = 0;
	enum err err;

	TRY(name_check(m->name));
	do {
		TRY(names_begin(v, &change));
		err = make_in(&change, m, ret);
		names_end(&change);
	} while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_make(struct volume *v, uint64_t parent, const char *name, uint32_t mode,
		     uint32_t uid, uint32_t gid, struct volume_attr *ret)
{
	struct make m = {.parent = parent, .name = name, .uid = uid, .gid = gid};

	m.mode = mode & (S_IFMT | 07777);
	if (!S_ISREG(mode) && !S_ISDIR(mode) && !S_ISFIFO(mode) && !S_ISSOCK(mode))
		return ERR_PERM;
	return make_any(v, &m, ret);
}

enum err volume_symlink(struct volume *v, uint64_t parent, const char *name, const char *target,
			uint32_t uid, uint32_t gid, struct volume_attr *ret)
{
	struct make m = {.parent = parent, .name = name, .target = target, .uid = uid, .gid = gid};

	m.mode = S_IFLNK | 0777;
	if (strlen(target) > VOLUME_SYMLINK_MAX)
		return ERR_NAME_TOO_LONG;
	if (target[0] == '\0')
		return ERR_INVALID;
	return make_any(v, &m, ret);
}

static enum err link_put(struct volume *v, const struct name_place *place, const char *name,
			 const struct inode *inode)
{
	enum err err;

	TRY(tree_begin(v, 1, false));
	err = name_put(v, place, name, inode->ino, inode->item.mode);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err link_in(struct names_change *c, uint64_t ino, uint64_t parent_ino, const char *name,
			struct volume_attr *ret)
{
	struct volume *v = c->v;
	struct inode *parent, *inode;
	struct name_place place;

	TRY(names_pin_folder(c, parent_ino, &parent));
	TRY(names_pin(c, ino, &inode));
	if (S_ISDIR(inode->item.mode))
		return ERR_PERM;
	if (inode->item.nlink == 0)
		return ERR_NOT_FOUND;
	if (inode->item.nlink >= LINKS_MAX)
		return ERR_TOO_MANY_LINKS;
	TRY(name_find(v, parent_ino, name, &place));
	if (place.ino != 0)
		return ERR_EXISTS;
	TRY(inode_make_dirty(v, parent, false));
	TRY(inode_make_dirty(v, inode, false));
	TRY(link_put(v, &place, name, inode));
	inode->item.nlink++;
	inode_stamp(inode, false);
	inode_stamp(parent, true);
	inode_attr(v, inode, ret);
	return OK;
}

enum err volume_link(struct volume *v, uint64_t ino, uint64_t parent, const char *name,
		     struct volume_attr *ret)
{
	struct names_change change;
	unsigned tries = 0;
	enum err err;

	TRY(name_check(name));
	do {
		TRY(names_begin(v, &change));
		err = link_in(&change, ino, parent, name, ret);
		names_end(&change);
	} while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_readlink(struct volume *v, uint64_t ino, char *out, size_t cap)
{
	struct inode *inode;
	size_t len = 0;
	enum err err;

	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&inode->lock);
	if (!S_ISLNK(inode->item.mode))
		err = ERR_INVALID;
	else if (cap <= inode->item.size)
		err = ERR_RANGE;
	else
		err = inline_read(v, inode, (uint8_t *)out, cap - 1, &len);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
	if (err == OK)
		out[len] = '\0';
	return err;
}

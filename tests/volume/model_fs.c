#include "tests/volume/model_fs.h"
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include "tests/volume/listing.h"

struct model_xattr {
	char *name;
	uint8_t *value;
	size_t len;
};

struct model_name {
	char *name;
	uint64_t ino;
};

struct inode {
	struct volume_attr attr;
	uint64_t parent; /* of a folder */
	uint64_t holds;
	uint8_t *data; /* attr.size bytes of a file, or a link's target */
	size_t cap;
	uint64_t sum; /* of data */
	bool sum_known;
	struct model_xattr *xattrs; /* in order of names */
	size_t xattr_count;
	struct model_name *names; /* of a folder, in order */
	size_t name_count;
};

struct model {
	struct inode **inodes; /* by number */
	uint64_t count;
	uint64_t root;
	uint64_t note_sum, log_sum, log_count; /* what the program keeps beside the files */
	size_t note_len;
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

/* ---- inodes ---- */

static struct inode *get(const struct model *m, uint64_t ino)
{
	return ino < m->count ? m->inodes[ino] : NULL;
}

static struct inode *add(struct model *m, uint64_t ino, uint32_t mode, struct timespec now)
{
	struct inode *n = must(calloc(1, sizeof(*n)));

	if (ino >= m->count) {
		uint64_t count = ino * 2 + 16;

		m->inodes = must(realloc(m->inodes, count * sizeof(*m->inodes)));
		memset(m->inodes + m->count, 0, (count - m->count) * sizeof(*m->inodes));
		m->count = count;
	}
	n->attr.ino = ino;
	n->attr.mode = mode;
	n->attr.nlink = S_ISDIR(mode) ? 2 : 1;
	n->attr.mtime = n->attr.ctime = n->attr.btime = now;
	m->inodes[ino] = n;
	return n;
}

static void inode_drop(struct inode *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->xattr_count; i++) {
		free(n->xattrs[i].name);
		free(n->xattrs[i].value);
	}
	for (size_t i = 0; i < n->name_count; i++)
		free(n->names[i].name);
	free(n->xattrs);
	free(n->names);
	free(n->data);
	free(n);
}

static void end_if_unused(struct model *m, struct inode *n)
{
	if (n->attr.nlink > 0 || n->holds > 0)
		return;
	m->inodes[n->attr.ino] = NULL;
	inode_drop(n);
}

static void *copy_of(const void *data, size_t len)
{
	void *p = must(malloc(len + 1));

	if (len > 0)
		memcpy(p, data, len);
	return p;
}

static struct inode *inode_copy(const struct inode *from)
{
	struct inode *n = copy_of(from, sizeof(*from));

	n->holds = 0;
	n->data = from->data ? copy_of(from->data, from->attr.size) : NULL;
	n->cap = from->attr.size;
	n->xattrs = copy_of(from->xattrs, n->xattr_count * sizeof(*n->xattrs));
	n->names = copy_of(from->names, n->name_count * sizeof(*n->names));
	for (size_t i = 0; i < n->xattr_count; i++) {
		n->xattrs[i].name = must(strdup(n->xattrs[i].name));
		n->xattrs[i].value = copy_of(n->xattrs[i].value, n->xattrs[i].len);
	}
	for (size_t i = 0; i < n->name_count; i++)
		n->names[i].name = must(strdup(n->names[i].name));
	return n;
}

struct model *model_new(uint64_t ino, uint32_t uid, uint32_t gid, struct timespec now)
{
	struct model *m = must(calloc(1, sizeof(*m)));
	struct inode *root = add(m, ino, S_IFDIR | 0700, now);

	root->attr.uid = uid;
	root->attr.gid = gid;
	root->parent = ino;
	m->root = ino;
	return m;
}

struct model *model_clone(const struct model *from)
{
	struct model *m = must(calloc(1, sizeof(*m)));

	*m = *from;
	m->inodes = must(calloc(m->count, sizeof(*m->inodes)));
	for (uint64_t i = 0; i < m->count; i++)
		if (from->inodes[i] && from->inodes[i]->attr.nlink > 0)
			m->inodes[i] = inode_copy(from->inodes[i]);
	return m;
}

void model_free(struct model *m)
{
	if (!m)
		return;
	for (uint64_t i = 0; i < m->count; i++)
		inode_drop(m->inodes[i]);
	free(m->inodes);
	free(m);
}

/* ---- names ---- */

static size_t name_place(const struct inode *folder, const char *name, bool *exact)
{
	size_t i = 0;
	int c = 1;

	while (i < folder->name_count && (c = strcmp(folder->names[i].name, name)) < 0)
		i++;
	*exact = i < folder->name_count && c == 0;
	return i;
}

static uint64_t *name_find(const struct inode *folder, const char *name)
{
	bool exact;
	size_t i = name_place(folder, name, &exact);

	return exact ? &folder->names[i].ino : NULL;
}

static void name_add(struct inode *folder, const char *name, uint64_t ino)
{
	bool exact;
	size_t i = name_place(folder, name, &exact);

	folder->names = must(realloc(folder->names, (folder->name_count + 1) * sizeof(*folder->names)));
	memmove(folder->names + i + 1, folder->names + i,
		(folder->name_count - i) * sizeof(*folder->names));
	folder->names[i] = (struct model_name){ must(strdup(name)), ino };
	folder->name_count++;
}

static void name_drop(struct inode *folder, const char *name)
{
	bool exact;
	size_t i = name_place(folder, name, &exact);

	free(folder->names[i].name);
	folder->name_count--;
	memmove(folder->names + i, folder->names + i + 1,
		(folder->name_count - i) * sizeof(*folder->names));
}

static enum err folder_get(const struct model *m, uint64_t ino, struct inode **ret)
{
	*ret = get(m, ino);
	if (!*ret)
		return ERR_NOT_FOUND;
	if (!S_ISDIR((*ret)->attr.mode))
		return ERR_NOT_DIR;
	return (*ret)->attr.nlink > 0 ? OK : ERR_NOT_FOUND;
}

static void stamp(struct inode *n, bool content, struct timespec now)
{
	n->attr.ctime = now;
	if (content)
		n->attr.mtime = now;
}

enum err model_make(struct model *m, uint64_t parent, const char *name, uint32_t mode,
		    const char *target, uint32_t uid, uint32_t gid, uint64_t ino,
		    struct timespec now)
{
	struct inode *folder, *n;

	TRY(folder_get(m, parent, &folder));
	if (name_find(folder, name))
		return ERR_EXISTS;
	n = add(m, ino, mode, now);
	n->parent = parent;
	n->attr.uid = uid;
	n->attr.gid = gid;
	if (target) {
		n->data = copy_of(target, strlen(target));
		n->attr.size = n->cap = strlen(target);
	}
	name_add(folder, name, ino);
	folder->attr.nlink += S_ISDIR(mode) ? 1 : 0;
	stamp(folder, true, now);
	return OK;
}

enum err model_link(struct model *m, uint64_t ino, uint64_t parent, const char *name,
		    struct timespec now)
{
	struct inode *folder, *n = get(m, ino);

	TRY(folder_get(m, parent, &folder));
	if (!n)
		return ERR_NOT_FOUND;
	if (S_ISDIR(n->attr.mode))
		return ERR_PERM;
	if (n->attr.nlink == 0)
		return ERR_NOT_FOUND;
	if (name_find(folder, name))
		return ERR_EXISTS;
	name_add(folder, name, ino);
	n->attr.nlink++;
	stamp(n, false, now);
	stamp(folder, true, now);
	return OK;
}

static void lose_name(struct model *m, struct inode *n, struct timespec now)
{
	n->attr.nlink -= S_ISDIR(n->attr.mode) ? n->attr.nlink : 1;
	stamp(n, false, now);
	end_if_unused(m, n);
}

enum err model_remove(struct model *m, uint64_t parent, const char *name, bool folder_wanted,
		      struct timespec now)
{
	struct inode *folder, *n;
	uint64_t *ino;

	TRY(folder_get(m, parent, &folder));
	ino = name_find(folder, name);
	if (!ino)
		return ERR_NOT_FOUND;
	n = get(m, *ino);
	if (folder_wanted && !S_ISDIR(n->attr.mode))
		return ERR_NOT_DIR;
	if (!folder_wanted && S_ISDIR(n->attr.mode))
		return ERR_IS_DIR;
	if (folder_wanted && n->name_count > 0)
		return ERR_NOT_EMPTY;
	name_drop(folder, name);
	folder->attr.nlink -= folder_wanted ? 1 : 0;
	stamp(folder, true, now);
	lose_name(m, n, now);
	return OK;
}

/* Whether `ino` is `folder` or above it. */
static bool is_above(const struct model *m, uint64_t ino, uint64_t folder)
{
	while (folder != ino && folder != m->root)
		folder = get(m, folder)->parent;
	return folder == ino;
}

static enum err rename_allowed(const struct model *m, struct inode *from, struct inode *to,
			       const struct inode *moved, const struct inode *other, bool exchange)
{
	if (from != to && S_ISDIR(moved->attr.mode) && is_above(m, moved->attr.ino, to->attr.ino))
		return ERR_LOOP;
	if (exchange && from != to && S_ISDIR(other->attr.mode) &&
	    is_above(m, other->attr.ino, from->attr.ino))
		return ERR_LOOP;
	if (!other || exchange)
		return OK;
	if (!S_ISDIR(other->attr.mode))
		return S_ISDIR(moved->attr.mode) ? ERR_NOT_DIR : OK;
	if (!S_ISDIR(moved->attr.mode))
		return ERR_IS_DIR;
	return other->name_count == 0 ? OK : ERR_NOT_EMPTY;
}

static void move_folder(struct inode *n, struct inode *from, struct inode *to)
{
	if (!S_ISDIR(n->attr.mode))
		return;
	from->attr.nlink--;
	to->attr.nlink++;
	n->parent = to->attr.ino;
}

enum err model_rename(struct model *m, uint64_t parent, const char *name, uint64_t new_parent,
		      const char *new_name, unsigned flags, struct timespec now)
{
	bool exchange = flags & RENAME_EXCHANGE;
	struct inode *from, *to, *moved, *other;
	uint64_t *source, *target;

	TRY(folder_get(m, parent, &from));
	TRY(folder_get(m, new_parent, &to));
	source = name_find(from, name);
	target = name_find(to, new_name);
	if (!source)
		return ERR_NOT_FOUND;
	if (target && (flags & RENAME_NOREPLACE))
		return ERR_EXISTS;
	if (!target && exchange)
		return ERR_NOT_FOUND;
	if (target && *source == *target)
		return OK;
	moved = get(m, *source);
	other = target ? get(m, *target) : NULL;
	TRY(rename_allowed(m, from, to, moved, other, exchange));
	stamp(from, true, now);
	stamp(to, true, now);
	stamp(moved, false, now);
	move_folder(moved, from, to);
	if (exchange) {
		*source = other->attr.ino;
		*target = moved->attr.ino;
		stamp(other, false, now);
		move_folder(other, to, from);
		return OK;
	}
	name_drop(from, name);
	if (other) {
		*name_find(to, new_name) = moved->attr.ino;
		to->attr.nlink -= S_ISDIR(other->attr.mode) ? 1 : 0;
		lose_name(m, other, now);
	} else {
		name_add(to, new_name, moved->attr.ino);
	}
	return OK;
}

/* ---- content and attributes ---- */

static enum err file_get(const struct model *m, uint64_t ino, struct inode **ret)
{
	*ret = get(m, ino);
	if (!*ret)
		return ERR_NOT_FOUND;
	if (S_ISDIR((*ret)->attr.mode))
		return ERR_IS_DIR;
	return S_ISREG((*ret)->attr.mode) ? OK : ERR_INVALID;
}

static void resize(struct inode *n, uint64_t size)
{
	if (size > n->cap) {
		n->cap = size * 2;
		n->data = must(realloc(n->data, n->cap));
	}
	if (size > n->attr.size)
		memset(n->data + n->attr.size, 0, size - n->attr.size);
	n->attr.size = size;
	n->sum_known = false;
}

enum err model_write(struct model *m, uint64_t ino, uint64_t off, const void *buf, size_t len,
		     struct timespec now)
{
	struct inode *n;

	if (len == 0)
		return OK;
	TRY(file_get(m, ino, &n));
	resize(n, MAX(n->attr.size, off + len));
	memcpy(n->data + off, buf, len);
	stamp(n, true, now);
	return OK;
}

enum err model_fallocate(struct model *m, uint64_t ino, int mode, uint64_t off, uint64_t len,
			 struct timespec now)
{
	struct inode *n;
	uint64_t size;

	TRY(file_get(m, ino, &n));
	size = n->attr.size;
	if ((mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) && off < size)
		memset(n->data + off, 0, MIN(len, size - off));
	resize(n, mode & FALLOC_FL_KEEP_SIZE ? size : MAX(size, off + len));
	stamp(n, true, now);
	return OK;
}

enum err model_setattr(struct model *m, uint64_t ino, unsigned mask, const struct volume_attr *in,
		       struct timespec now)
{
	struct inode *n = get(m, ino);

	if (mask & VOLUME_SET_SIZE)
		TRY(file_get(m, ino, &n));
	if (!n)
		return ERR_NOT_FOUND;
	stamp(n, mask & VOLUME_SET_SIZE, now);
	if (mask & VOLUME_SET_SIZE)
		resize(n, in->size);
	if (mask & VOLUME_SET_MODE)
		n->attr.mode = (n->attr.mode & S_IFMT) | (in->mode & 07777);
	if (mask & VOLUME_SET_UID)
		n->attr.uid = in->uid;
	if (mask & VOLUME_SET_GID)
		n->attr.gid = in->gid;
	if (mask & VOLUME_SET_MTIME)
		n->attr.mtime = in->mtime;
	if (mask & VOLUME_SET_CTIME)
		n->attr.ctime = in->ctime;
	return OK;
}

/* ---- extended attributes ---- */

static size_t xattr_place(const struct inode *n, const char *name, bool *exact)
{
	size_t i = 0;

	while (i < n->xattr_count && strcmp(n->xattrs[i].name, name) < 0)
		i++;
	*exact = i < n->xattr_count && strcmp(n->xattrs[i].name, name) == 0;
	return i;
}

enum err model_set_xattr(struct model *m, uint64_t ino, const char *name, const void *value,
			 size_t len, int flags, struct timespec now)
{
	struct inode *n = get(m, ino);
	bool exact;
	size_t i;

	if (!n)
		return ERR_NOT_FOUND;
	i = xattr_place(n, name, &exact);
	if (exact && (flags & XATTR_CREATE))
		return ERR_EXISTS;
	if (!exact && (flags & XATTR_REPLACE))
		return ERR_NO_DATA;
	if (exact) {
		free(n->xattrs[i].value);
	} else {
		n->xattrs = must(realloc(n->xattrs, (n->xattr_count + 1) * sizeof(*n->xattrs)));
		memmove(n->xattrs + i + 1, n->xattrs + i,
			(n->xattr_count++ - i) * sizeof(*n->xattrs));
		n->xattrs[i].name = must(strdup(name));
	}
	n->xattrs[i].value = copy_of(value, len);
	n->xattrs[i].len = len;
	stamp(n, false, now);
	return OK;
}

enum err model_remove_xattr(struct model *m, uint64_t ino, const char *name, struct timespec now)
{
	struct inode *n = get(m, ino);
	bool exact;
	size_t i;

	if (!n)
		return ERR_NOT_FOUND;
	i = xattr_place(n, name, &exact);
	if (!exact)
		return ERR_NO_DATA;
	free(n->xattrs[i].name);
	free(n->xattrs[i].value);
	n->xattr_count--;
	memmove(n->xattrs + i, n->xattrs + i + 1, (n->xattr_count - i) * sizeof(*n->xattrs));
	stamp(n, false, now);
	return OK;
}

void model_hold(struct model *m, uint64_t ino)
{
	get(m, ino)->holds++;
}

void model_release(struct model *m, uint64_t ino)
{
	struct inode *n = get(m, ino);

	n->holds--;
	end_if_unused(m, n);
}

/* ---- looking ---- */

uint64_t model_lookup(const struct model *m, uint64_t parent, const char *name)
{
	struct inode *folder = get(m, parent);
	uint64_t *ino = folder ? name_find(folder, name) : NULL;

	return ino ? *ino : 0;
}

static bool is_wanted(const struct inode *n, uint32_t type)
{
	return n && n->attr.nlink > 0 && (type == 0 || (n->attr.mode & S_IFMT) == type);
}

uint64_t model_pick(const struct model *m, uint64_t n, uint32_t type)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < m->count; i++)
		count += is_wanted(m->inodes[i], type);
	if (count == 0)
		return 0;
	n %= count;
	for (uint64_t i = 0; i < m->count; i++)
		if (is_wanted(m->inodes[i], type) && n-- == 0)
			return i;
	return 0;
}

uint32_t model_type(const struct model *m, uint64_t ino)
{
	struct inode *n = get(m, ino);

	return n ? n->attr.mode & S_IFMT : 0;
}

uint64_t model_size(const struct model *m, uint64_t ino)
{
	struct inode *n = get(m, ino);

	return n ? n->attr.size : 0;
}

size_t model_count(const struct model *m)
{
	size_t count = 0;

	for (uint64_t i = 0; i < m->count; i++)
		count += is_wanted(m->inodes[i], 0);
	return count;
}

const char *model_name(const struct model *m, uint64_t folder, uint64_t n)
{
	struct inode *f = get(m, folder);

	return f && f->name_count > 0 ? f->names[n % f->name_count].name : NULL;
}

const uint8_t *model_data(const struct model *m, uint64_t ino)
{
	return get(m, ino)->data;
}

static void list_one(const struct model *m, struct listing *l, uint64_t ino, char *path, size_t len)
{
	struct inode *n = get(m, ino);

	path[len] = '\0';
	if (!n->sum_known) {
		n->sum = S_ISREG(n->attr.mode) || S_ISLNK(n->attr.mode) ?
				 listing_sum(n->data, n->attr.size) :
				 0;
		n->sum_known = true;
	}
	listing_add(l, path, &n->attr, n->sum);
	for (size_t i = 0; i < n->xattr_count; i++)
		listing_add_xattr(l, n->xattrs[i].name,
				  listing_sum(n->xattrs[i].value, n->xattrs[i].len),
				  n->xattrs[i].len);
	for (size_t i = 0; i < n->name_count; i++) {
		size_t part = strlen(n->names[i].name);

		path[len] = '/';
		memcpy(path + len + 1, n->names[i].name, part);
		list_one(m, l, n->names[i].ino, path, len + 1 + part);
	}
}

char *model_listing(const struct model *m)
{
	struct listing l = { 0 };
	char path[4096];

	list_one(m, &l, m->root, path, 0);
	listing_add_kept(&l, m->note_sum, m->note_len, m->log_sum, m->log_count);
	return l.text;
}

enum err model_note(struct model *m, const void *data, size_t len)
{
	m->note_sum = listing_sum(data, len);
	m->note_len = len;
	return OK;
}

enum err model_log(struct model *m, const char *line, size_t len)
{
	m->log_sum = listing_log_sum(m->log_sum, line, len);
	m->log_count++;
	return OK;
}

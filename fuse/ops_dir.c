/* Reading folders. Positions: 0 begins, 1 is behind ".", 2 behind "..", and the volume's cookies
 * follow, moved up by 2. */
#include "fuse/ops.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_COOKIE 2u
#define REPLY_MAX (OPS_SCRATCH / 2)

struct listing {
	fuse_req_t req;
	struct serving *serving;
	char *out;
	size_t cap, used;
	bool plus;
	/* plus: entries are collected first and held afterwards, since a hold takes locks */
	char *found;
	size_t found_used, found_out; /* bytes; and what they will take in `out` */
};

struct found {
	struct volume_attr attr;
	uint64_t cookie;
	size_t name_len;
	char name[];
};

static bool add_plain(struct listing *l, const char *name, uint64_t ino, uint32_t mode,
		      uint64_t position)
{
	struct stat st = {.st_ino = ino, .st_mode = mode};
	size_t need = fuse_add_direntry(l->req, l->out + l->used, l->cap - l->used, name, &st,
					(off_t)position);

	if (need > l->cap - l->used)
		return false;
	l->used += need;
	return true;
}

static bool add_plus(struct listing *l, const char *name, const struct fuse_entry_param *entry,
		     uint64_t position)
{
	size_t need = fuse_add_direntry_plus(l->req, l->out + l->used, l->cap - l->used, name,
					     entry, (off_t)position);

	if (need > l->cap - l->used)
		return false;
	l->used += need;
	return true;
}

/* The kernel counts no lookup for "." and "..". */
static bool add_dot(struct listing *l, const char *name, uint64_t ino, uint64_t position)
{
	struct fuse_entry_param entry = {.attr = {.st_ino = ino, .st_mode = S_IFDIR}};

	return l->plus ? add_plus(l, name, &entry, position)
		       : add_plain(l, name, ino, S_IFDIR, position);
}

static bool take_plain(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	return add_plain(ctx, name, attr->ino, attr->mode, cookie + FIRST_COOKIE);
}

static bool take_found(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct listing *l = ctx;
	size_t name_len = strlen(name);
	size_t size = (sizeof(struct found) + name_len + 8) & ~(size_t)7;
	size_t need = fuse_add_direntry_plus(l->req, NULL, 0, name, NULL, 0);
	struct found *f = (struct found *)(void *)(l->found + l->found_used);

	if (l->used + l->found_out + need > l->cap || l->found_used + size > REPLY_MAX)
		return false;
	f->attr = *attr;
	f->cookie = cookie;
	f->name_len = name_len;
	memcpy(f->name, name, name_len + 1);
	l->found_used += size;
	l->found_out += need;
	return true;
}

/* What was deleted since it was found is left out (and has no inode from here on). */
static void hold_found(struct listing *l)
{
	for (size_t at = 0; at < l->found_used;) {
		struct found *f = (struct found *)(void *)(l->found + at);
		struct fuse_entry_param entry;

		at += (sizeof(struct found) + f->name_len + 8) & ~(size_t)7;
		if (volume_hold(l->serving->volume, f->attr.ino) != OK) {
			f->attr.ino = 0;
			continue;
		}
		ops_entry(l->serving, &f->attr, &entry);
		if (!add_plus(l, f->name, &entry, f->cookie + FIRST_COOKIE)) {
			volume_release(l->serving->volume, f->attr.ino, 1);
			f->attr.ino = 0;
		}
	}
}

/* A reply that nobody took leaves the kernel without these lookups. */
static void release_found(struct listing *l)
{
	for (size_t at = 0; at < l->found_used;) {
		struct found *f = (struct found *)(void *)(l->found + at);

		at += (sizeof(struct found) + f->name_len + 8) & ~(size_t)7;
		if (f->attr.ino != 0)
			volume_release(l->serving->volume, f->attr.ino, 1);
	}
}

static enum err list_dots(struct listing *l, fuse_ino_t ino, uint64_t *position)
{
	uint64_t parent;

	if (*position >= FIRST_COOKIE)
		return OK;
	TRY(volume_parent(l->serving->volume, ino, &parent));
	if (*position == 0 && add_dot(l, ".", ino, 1))
		*position = 1;
	if (*position == 1 && add_dot(l, "..", parent, 2))
		*position = 2;
	return OK;
}

static enum err list(struct listing *l, fuse_ino_t ino, uint64_t position)
{
	TRY(list_dots(l, ino, &position));
	if (position < FIRST_COOKIE)
		return OK;
	return volume_readdir(l->serving->volume, ino, position - FIRST_COOKIE, l->plus,
			      l->plus ? take_found : take_plain, l);
}

static void reply_listing(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool plus)
{
	char *scratch = ops_scratch();
	struct listing l = {
		.req = req,
		.serving = ops_serving(req),
		.plus = plus,
		.found = scratch,
		.out = scratch + REPLY_MAX,
		.cap = MIN(size, REPLY_MAX),
	};
	enum err err = scratch ? list(&l, ino, (uint64_t)off) : ERR_NOMEM;

	if (err != OK) {
		ops_reply(req, err);
		return;
	}
	hold_found(&l);
	if (fuse_reply_buf(req, l.out, l.used) != 0)
		release_found(&l);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	reply_listing(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	reply_listing(req, ino, size, off, true);
}

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/vault.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"
#include "tools/inside.h"
#include "tools/side.h"

struct vault_side {
	struct side side;
	struct volume *volume;
};

struct side_file {
	struct volume *volume;
	uint64_t ino, parent;
	char *path;
	char name[VOLUME_NAME_BYTES + 1]; /* that it gets in the end */
	char passing[40];		  /* "": open for reading */
};

static struct volume *volume_of(struct side *s)
{
	return ((struct vault_side *)s)->volume;
}

/* Errors of the volume know inodes; people know paths. */
static enum err at_path(enum err err, const char *path)
{
	return err == OK ? OK : err_at(err, "%s", path);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err inside_stat(struct side *s, const char *path, struct side_attr *ret)
{
	struct volume_attr attr;

	TRY(at_path(inside_find(volume_of(s), path, &attr), path));
	*ret = (struct side_attr){
		.mode = attr.mode,
		.size = attr.size,
		.ino = attr.ino,
		.nlink = attr.nlink,
		.atime = attr.atime,
		.mtime = attr.mtime,
	};
	return OK;
}

struct names {
	side_name_fn fn;
	void *ctx;
};

static enum err pass_name(void *ctx, const char *name, const struct volume_attr *attr)
{
	struct names *n = ctx;

	return n->fn(n->ctx, name);
}

static enum err inside_names(struct side *s, const char *path, side_name_fn fn, void *ctx)
{
	struct names n = {fn, ctx};
	struct volume_attr attr;

	TRY(at_path(inside_find(volume_of(s), path, &attr), path));
	return inside_list(volume_of(s), attr.ino, pass_name, &n);
}

static enum err inside_read_link(struct side *s, const char *path, char *out, size_t cap)
{
	struct volume_attr attr;

	TRY(at_path(inside_find(volume_of(s), path, &attr), path));
	return at_path(volume_readlink(volume_of(s), attr.ino, out, cap), path);
}

static enum err inside_xattrs(struct side *s, const char *path, side_xattr_fn fn, void *ctx)
{
	CLEANUP(mem_freep) char *names = NULL;
	CLEANUP(mem_freep) char *value = malloc(VOLUME_XATTR_MAX);
	struct volume *v = volume_of(s);
	struct volume_attr attr;
	size_t len = 0;

	TRY(at_path(inside_find(v, path, &attr), path));
	TRY(at_path(volume_list_xattr(v, attr.ino, NULL, 0, &len), path));
	if (!len)
		return OK;
	names = malloc(len);
	if (!names || !value)
		return ERR_NOMEM;
	TRY(at_path(volume_list_xattr(v, attr.ino, names, len, &len), path));
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		size_t value_len = 0;

		if (strncmp(name, "user.", 5) != 0)
			continue;
		TRY(at_path(
			volume_get_xattr(v, attr.ino, name, value, VOLUME_XATTR_MAX, &value_len),
			path));
		TRY(fn(ctx, name, value, value_len));
	}
	return OK;
}

static void inside_forget(struct side_file *f)
{
	volume_release(f->volume, f->ino, 1);
	free(f->path);
	free(f);
}

/* Holds `ino` for as long as the file is open. */
static enum err file_new(struct volume *v, uint64_t ino, const char *path, struct side_file **ret)
{
	struct side_file *f = calloc(1, sizeof(*f));
	enum err err = OK;

	if (f)
		f->path = strdup(path);
	if (!f || !f->path)
		err = ERR_NOMEM;
	if (err == OK)
		err = at_path(volume_hold(v, ino), path);
	if (err != OK) {
		free(f ? f->path : NULL);
		free(f);
		return err;
	}
	f->volume = v;
	f->ino = ino;
	*ret = f;
	return OK;
}

static enum err inside_open(struct side *s, const char *path, struct side_file **ret)
{
	struct volume_attr attr;

	TRY(at_path(inside_find(volume_of(s), path, &attr), path));
	return file_new(volume_of(s), attr.ino, path, ret);
}

static enum err inside_read(struct side_file *f, uint64_t off, void *buf, size_t len,
			    size_t *ret_len)
{
	return at_path(volume_read(f->volume, f->ino, off, buf, len, ret_len), f->path);
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err inside_make_dir(struct side *s, const char *path)
{
	char name[VOLUME_NAME_BYTES + 1];
	struct volume_attr attr;
	uint64_t parent = 0;

	if (inside_find(volume_of(s), path, &attr) == OK)
		return S_ISDIR(attr.mode) ? OK : err_at(ERR_NOT_DIR, "%s", path);
	TRY(at_path(inside_parent(volume_of(s), path, &parent, name), path));
	return at_path(
		volume_make(volume_of(s), parent, name, S_IFDIR | 0700, getuid(), getgid(), &attr),
		path);
}

static void passing_name(char out[40])
{
	uint8_t noise[6];
	char hex[sizeof(noise) * 2 + 1];

	random_bytes(noise, sizeof(noise));
	text_hex(noise, sizeof(noise), hex);
	snprintf(out, 40, ".vault-%s", hex);
}

/* A name that a folder has is not given to anything else. */
static enum err place(struct side *s, const char *path, uint64_t *ret_parent,
		      char name[VOLUME_NAME_BYTES + 1], char passing[40])
{
	struct volume_attr attr;

	TRY(at_path(inside_parent(volume_of(s), path, ret_parent, name), path));
	if (volume_lookup(volume_of(s), *ret_parent, name, &attr) == OK && S_ISDIR(attr.mode))
		return err_at(ERR_IS_DIR, "%s", path);
	passing_name(passing);
	return OK;
}

/* What cannot even be taken back stays under its passing name, hidden; why is being told already.
 */
static void take_back(struct volume *v, uint64_t parent, const char *passing)
{
	if (volume_unlink(v, parent, passing, NULL) != OK)
		return;
}

static enum err take_name(struct volume *v, uint64_t parent, const char *passing, const char *name,
			  const char *path)
{
	enum err err = volume_rename(v, parent, passing, parent, name, 0);

	if (err != OK)
		take_back(v, parent, passing);
	return at_path(err, path);
}

static enum err inside_symlink(struct side *s, const char *target, const char *path)
{
	char name[VOLUME_NAME_BYTES + 1], passing[40];
	struct volume_attr attr;
	uint64_t parent = 0;

	TRY(place(s, path, &parent, name, passing));
	TRY(at_path(
		volume_symlink(volume_of(s), parent, passing, target, getuid(), getgid(), &attr),
		path));
	return take_name(volume_of(s), parent, passing, name, path);
}

static enum err inside_link(struct side *s, const char *old, const char *path)
{
	char name[VOLUME_NAME_BYTES + 1], passing[40];
	struct volume_attr attr, there;
	uint64_t parent = 0;

	TRY(at_path(inside_find(volume_of(s), old, &attr), old));
	TRY(place(s, path, &parent, name, passing));
	if (volume_lookup(volume_of(s), parent, name, &there) == OK && there.ino == attr.ino)
		return OK;
	TRY(at_path(volume_link(volume_of(s), attr.ino, parent, passing, &attr), path));
	return take_name(volume_of(s), parent, passing, name, path);
}

static enum err inside_fifo(struct side *s, const char *path)
{
	char name[VOLUME_NAME_BYTES + 1], passing[40];
	struct volume_attr attr;
	uint64_t parent = 0;

	TRY(place(s, path, &parent, name, passing));
	TRY(at_path(volume_make(volume_of(s), parent, passing, S_IFIFO | 0600, getuid(), getgid(),
				&attr),
		    path));
	return take_name(volume_of(s), parent, passing, name, path);
}

static enum err inside_create(struct side *s, const char *path, struct side_file **ret)
{
	char name[VOLUME_NAME_BYTES + 1], passing[40];
	struct volume_attr attr;
	struct volume *v = volume_of(s);
	uint64_t parent = 0;
	enum err err;

	TRY(place(s, path, &parent, name, passing));
	TRY(at_path(volume_make(v, parent, passing, S_IFREG | 0600, getuid(), getgid(), &attr),
		    path));
	err = file_new(v, attr.ino, path, ret);
	if (err != OK) {
		take_back(v, parent, passing);
		return err;
	}
	(*ret)->parent = parent;
	snprintf((*ret)->name, sizeof((*ret)->name), "%s", name);
	snprintf((*ret)->passing, sizeof((*ret)->passing), "%s", passing);
	return OK;
}

static enum err inside_write(struct side_file *f, uint64_t off, const void *buf, size_t len)
{
	return at_path(volume_write(f->volume, f->ino, off, buf, len), f->path);
}

static enum err inside_set_xattr(struct side *s, struct side_file *f, const char *path,
				 const char *name, const void *value, size_t len)
{
	struct volume_attr attr;

	if (f)
		return at_path(volume_set_xattr(f->volume, f->ino, name, value, len, 0), f->path);
	TRY(at_path(inside_find(volume_of(s), path, &attr), path));
	return at_path(volume_set_xattr(volume_of(s), attr.ino, name, value, len, 0), path);
}

static enum err set_on(struct volume *v, uint64_t ino, unsigned mask, const struct side_attr *attr)
{
	const struct volume_attr in = {
		.mode = attr->mode & 07777,
		.size = attr->size,
		.atime = attr->atime,
		.mtime = attr->mtime,
	};

	return volume_setattr(v, ino, mask, &in, NULL);
}

static enum err inside_finish(struct side_file *f, const struct side_attr *attr)
{
	const unsigned size_first = VOLUME_SET_SIZE;
	const unsigned rest = VOLUME_SET_MODE | VOLUME_SET_ATIME | VOLUME_SET_MTIME;

	TRY(at_path(set_on(f->volume, f->ino, size_first, attr), f->path));
	TRY(at_path(set_on(f->volume, f->ino, rest, attr), f->path));
	TRY(at_path(volume_rename(f->volume, f->parent, f->passing, f->parent, f->name, 0),
		    f->path));
	inside_forget(f);
	return OK;
}

static void inside_discard(struct side_file *f)
{
	if (f->passing[0])
		take_back(f->volume, f->parent, f->passing);
	inside_forget(f);
}

static enum err inside_set_attr(struct side *s, const char *path, const struct side_attr *attr)
{
	unsigned mask = VOLUME_SET_ATIME | VOLUME_SET_MTIME;
	struct volume_attr found;

	if (!S_ISLNK(attr->mode))
		mask |= VOLUME_SET_MODE;
	TRY(at_path(inside_find(volume_of(s), path, &found), path));
	return at_path(set_on(volume_of(s), found.ino, mask, attr), path);
}

static void inside_close(struct side *s)
{
	free(s);
}

static const struct side_ops vault_ops = {
	.stat = inside_stat,
	.list = inside_names,
	.read_link = inside_read_link,
	.xattrs = inside_xattrs,
	.open = inside_open,
	.read = inside_read,
	.make_dir = inside_make_dir,
	.symlink = inside_symlink,
	.link = inside_link,
	.fifo = inside_fifo,
	.create = inside_create,
	.write = inside_write,
	.set_xattr = inside_set_xattr,
	.finish = inside_finish,
	.discard = inside_discard,
	.set_attr = inside_set_attr,
	.close = inside_close,
};

enum err side_vault_new(struct vault *vault, struct side **ret)
{
	struct vault_side *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->side.ops = &vault_ops;
	s->volume = vault_volume(vault);
	*ret = &s->side;
	return OK;
}

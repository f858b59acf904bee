#include "tools/side.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"

struct side_file {
	int fd;
	char *path, *passing; /* passing NULL: open for reading */
};

/* ---- reading --------------------------------------------------------------------------------- */

static enum err local_stat(struct side *s, const char *path, struct side_attr *ret)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_from_errno("%s", path);
	*ret = (struct side_attr){
		.mode = st.st_mode,
		.size = (uint64_t)st.st_size,
		.dev = st.st_dev,
		.ino = st.st_ino,
		.nlink = st.st_nlink,
		.atime = st.st_atim,
		.mtime = st.st_mtim,
	};
	return OK;
}

static int real_name(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static enum err local_list(struct side *s, const char *path, side_name_fn fn, void *ctx)
{
	struct dirent **entries = NULL;
	int count = scandir(path, &entries, real_name, NULL);
	enum err err = OK;

	if (count < 0)
		return err_from_errno("%s", path);
	for (int i = 0; i < count; i++) {
		if (err == OK)
			err = fn(ctx, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return err;
}

static enum err local_read_link(struct side *s, const char *path, char *out, size_t cap)
{
	ssize_t len = readlink(path, out, cap - 1);

	if (len < 0)
		return err_from_errno("%s", path);
	out[len] = '\0';
	return OK;
}

static enum err one_xattr(const char *path, const char *name, side_xattr_fn fn, void *ctx)
{
	CLEANUP(mem_freep) char *value = NULL;
	ssize_t len = lgetxattr(path, name, NULL, 0);

	if (len < 0)
		return errno == ENODATA ? OK : err_from_errno("%s", path);
	value = malloc((size_t)len + 1);
	if (!value)
		return ERR_NOMEM;
	len = lgetxattr(path, name, value, (size_t)len);
	if (len < 0)
		return errno == ENODATA ? OK : err_from_errno("%s", path);
	return fn(ctx, name, value, (size_t)len);
}

static enum err local_xattrs(struct side *s, const char *path, side_xattr_fn fn, void *ctx)
{
	CLEANUP(mem_freep) char *names = NULL;
	ssize_t len = llistxattr(path, NULL, 0);

	if (len <= 0)
		return len == 0 || errno == ENOTSUP ? OK : err_from_errno("%s", path);
	names = malloc((size_t)len);
	if (!names)
		return ERR_NOMEM;
	len = llistxattr(path, names, (size_t)len);
	if (len < 0)
		return err_from_errno("%s", path);
	for (char *name = names; name < names + len; name += strlen(name) + 1) {
		if (!strncmp(name, "user.", 5))
			TRY(one_xattr(path, name, fn, ctx));
	}
	return OK;
}

static void local_discard(struct side_file *f)
{
	fd_closep(&f->fd);
	if (f->passing)
		unlink(f->passing);
	free(f->passing);
	free(f->path);
	free(f);
}

/* Takes `fd` over also on failure. */
static enum err file_new(int fd, const char *path, struct side_file **ret)
{
	struct side_file *f = calloc(1, sizeof(*f));

	if (f)
		f->path = strdup(path);
	if (!f || !f->path) {
		free(f);
		fd_closep(&fd);
		return ERR_NOMEM;
	}
	f->fd = fd;
	*ret = f;
	return OK;
}

static enum err local_open(struct side *s, const char *path, struct side_file **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_from_errno("%s", path);
	return file_new(fd, path, ret);
}

static enum err local_read(struct side_file *f, uint64_t off, void *buf, size_t len,
			   size_t *ret_len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t got = pread(f->fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_from_errno("%s", f->path);
		if (got == 0)
			break;
		done += (size_t)got;
	}
	*ret_len = done;
	return OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

static enum err local_make_dir(struct side *s, const char *path)
{
	struct stat st;

	if (mkdir(path, 0700) == 0)
		return OK;
	if (errno == EEXIST && lstat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? OK : err_at(ERR_NOT_DIR, "%s", path);
	return err_from_errno("%s", path);
}

/* A name beside `path` that nobody has. */
static enum err passing_name(const char *path, char **ret)
{
	const char *slash = strrchr(path, '/');
	uint8_t noise[6];
	char hex[sizeof(noise) * 2 + 1];

	random_bytes(noise, sizeof(noise));
	text_hex(noise, sizeof(noise), hex);
	if (asprintf(ret, "%.*s.vault-%s", slash ? (int)(slash - path + 1) : 0, path, hex) < 0) {
		*ret = NULL;
		return ERR_NOMEM;
	}
	return OK;
}

static enum err take_name(const char *passing, const char *path)
{
	enum err err = OK;

	if (rename(passing, path) < 0) {
		err = err_from_errno("%s", path);
		unlink(passing);
	}
	return err;
}

static enum err local_symlink(struct side *s, const char *target, const char *path)
{
	CLEANUP(mem_freep) char *passing = NULL;

	TRY(passing_name(path, &passing));
	if (symlink(target, passing) < 0)
		return err_from_errno("%s", path);
	return take_name(passing, path);
}

static enum err local_link(struct side *s, const char *old, const char *path)
{
	CLEANUP(mem_freep) char *passing = NULL;
	enum err err;

	TRY(passing_name(path, &passing));
	if (link(old, passing) < 0)
		return err_from_errno("%s", path);
	err = take_name(passing, path);
	/* rename(2) does nothing when both names are the same file already. */
	unlink(passing);
	return err;
}

static enum err local_fifo(struct side *s, const char *path)
{
	CLEANUP(mem_freep) char *passing = NULL;

	TRY(passing_name(path, &passing));
	if (mkfifo(passing, 0600) < 0)
		return err_from_errno("%s", path);
	return take_name(passing, path);
}

static enum err local_create(struct side *s, const char *path, struct side_file **ret)
{
	CLEANUP(mem_freep) char *passing = NULL;
	struct stat st;
	int fd;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_at(ERR_IS_DIR, "%s", path);
	TRY(passing_name(path, &passing));
	fd = open(passing, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_from_errno("%s", path);
	if (file_new(fd, path, ret) != OK) {
		unlink(passing);
		return ERR_NOMEM;
	}
	(*ret)->passing = TAKE(passing);
	return OK;
}

static enum err local_write(struct side_file *f, uint64_t off, const void *buf, size_t len)
{
	return io_pwrite_full(f->fd, buf, len, (off_t)off);
}

/* A file system without extended attributes takes the file all the same. */
static enum err local_set_xattr(struct side *s, struct side_file *f, const char *path,
				const char *name, const void *value, size_t len)
{
	int done = f ? fsetxattr(f->fd, name, value, len, 0) : lsetxattr(path, name, value, len, 0);

	if (done == 0 || errno == ENOTSUP || errno == EPERM)
		return OK;
	return err_from_errno("%s", f ? f->path : path);
}

/* The set-user-id and set-group-id bits stay behind: the owner is another one here. */
static enum err local_finish(struct side_file *f, const struct side_attr *attr)
{
	const struct timespec times[2] = {attr->atime, attr->mtime};

	if (ftruncate(f->fd, (off_t)attr->size) < 0 || fchmod(f->fd, attr->mode & 01777) < 0 ||
	    futimens(f->fd, times) < 0)
		return err_from_errno("%s", f->path);
	if (rename(f->passing, f->path) < 0)
		return err_from_errno("%s", f->path);
	mem_freep(&f->passing);
	local_discard(f);
	return OK;
}

static enum err local_set_attr(struct side *s, const char *path, const struct side_attr *attr)
{
	const struct timespec times[2] = {attr->atime, attr->mtime};

	if (!S_ISLNK(attr->mode) && chmod(path, attr->mode & 01777) < 0)
		return err_from_errno("%s", path);
	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_from_errno("%s", path);
	return OK;
}

static void local_close(struct side *s)
{
	free(s);
}

static const struct side_ops local_ops = {
	.stat = local_stat,
	.list = local_list,
	.read_link = local_read_link,
	.xattrs = local_xattrs,
	.open = local_open,
	.read = local_read,
	.make_dir = local_make_dir,
	.symlink = local_symlink,
	.link = local_link,
	.fifo = local_fifo,
	.create = local_create,
	.write = local_write,
	.set_xattr = local_set_xattr,
	.finish = local_finish,
	.discard = local_discard,
	.set_attr = local_set_attr,
	.close = local_close,
};

enum err side_local_new(struct side **ret)
{
	struct side *s = calloc(1, sizeof(*s));

	if (!s)
		return ERR_NOMEM;
	s->ops = &local_ops;
	*ret = s;
	return OK;
}

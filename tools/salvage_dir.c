#include "tools/salvage_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"
#include "tools/interrupt.h"

#define MODE_KEPT 01777 /* not set-user-id and set-group-id: the owner is another one here */
#define COPY_CHUNK 65536u

/* ---- where -------------------------------------------------------------------------------------
 */

/* The folder that holds the last name of `path`, opened name by name. */
static enum err open_above(const struct salvage_dir *d, const char *path, int *ret_fd,
			   const char **ret_name)
{
	CLEANUP(fd_closep) int at = dup(d->top);

	if (interrupt_seen())
		return ERR_INTERRUPTED;
	for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
		CLEANUP(mem_freep) char *name = strndup(path, (size_t)(slash - path));
		int next = name ? openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
				: -1;

		if (!name)
			return ERR_NOMEM;
		if (next < 0)
			return err_from_errno("%s", path);
		fd_closep(&at);
		at = next;
	}
	if (at < 0)
		return err_from_errno("%s", path);
	*ret_fd = at;
	at = -1;
	*ret_name = path;
	return OK;
}

static enum err from_errno(const char *path)
{
	return errno == EEXIST ? err_at(ERR_EXISTS, "%s", path) : err_from_errno("%s", path);
}

/* Takes the name only if nobody has it, also on file systems that cannot do both at once. */
static enum err take_name(const struct salvage_dir *d, const char *passing, int above,
			  const char *name)
{
	struct stat st;

	if (renameat2(d->top, passing, above, name, RENAME_NOREPLACE) == 0)
		return OK;
	if (errno != EINVAL && errno != ENOSYS)
		return from_errno(name);
	if (fstatat(above, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_at(ERR_EXISTS, "%s", name);
	return renameat(d->top, passing, above, name) < 0 ? from_errno(name) : OK;
}

static void passing_name(char out[32])
{
	uint8_t noise[6];
	char hex[sizeof(noise) * 2 + 1];

	random_bytes(noise, sizeof(noise));
	text_hex(noise, sizeof(noise), hex);
	snprintf(out, 32, ".vault-%s", hex);
}

/* ---- what --------------------------------------------------------------------------------------
 */

static void give_owner(int above, const char *name, const struct volume_attr *attr)
{
	/* Only root can; a file system without owners refuses even that. */
	if (geteuid() == 0 &&
	    fchownat(above, name, attr->uid, attr->gid, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		errno = 0;
}

static enum err give_attr(int above, const char *name, const struct volume_attr *attr)
{
	const struct timespec times[2] = {attr->atime, attr->mtime};

	give_owner(above, name, attr);
	if (!S_ISLNK(attr->mode) && fchmodat(above, name, attr->mode & MODE_KEPT, 0) < 0)
		return err_from_errno("%s", name);
	if (utimensat(above, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_from_errno("%s", name);
	return OK;
}

static enum err dir_folder(void *ctx, const char *path)
{
	CLEANUP(fd_closep) int above = -1;
	const char *name;

	TRY(open_above(ctx, path, &above, &name));
	return mkdirat(above, name, 0700) < 0 ? from_errno(path) : OK;
}

static enum err dir_begin(void *ctx)
{
	struct salvage_dir *d = ctx;

	if (interrupt_seen())
		return ERR_INTERRUPTED;
	passing_name(d->passing);
	d->file = openat(d->top, d->passing, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return d->file < 0 ? err_from_errno("%s", d->path) : OK;
}

static enum err dir_data(void *ctx, uint64_t off, const void *data, size_t len)
{
	struct salvage_dir *d = ctx;

	if (interrupt_seen())
		return ERR_INTERRUPTED;
	return io_pwrite_full(d->file, data, len, (off_t)off);
}

static void dir_drop(void *ctx)
{
	struct salvage_dir *d = ctx;

	if (d->file >= 0)
		unlinkat(d->top, d->passing, 0);
	fd_closep(&d->file);
}

static enum err dir_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	struct salvage_dir *d = ctx;
	const struct timespec times[2] = {attr->atime, attr->mtime};
	CLEANUP(fd_closep) int above = -1;
	const char *name;

	TRY(open_above(d, path, &above, &name));
	give_owner(d->file, "", attr);
	if (ftruncate(d->file, (off_t)attr->size) < 0 ||
	    fchmod(d->file, attr->mode & MODE_KEPT) < 0 || futimens(d->file, times) < 0)
		return err_from_errno("%s", path);
	TRY(take_name(d, d->passing, above, name));
	fd_closep(&d->file);
	return OK;
}

static enum err dir_symlink(void *ctx, const char *target, const char *path,
			    const struct volume_attr *attr)
{
	CLEANUP(fd_closep) int above = -1;
	const char *name;

	TRY(open_above(ctx, path, &above, &name));
	if (symlinkat(target, above, name) < 0)
		return from_errno(path);
	return give_attr(above, name, attr);
}

static enum err dir_special(void *ctx, const char *path, const struct volume_attr *attr)
{
	CLEANUP(fd_closep) int above = -1;
	const char *name;

	TRY(open_above(ctx, path, &above, &name));
	if (mknodat(above, name, (attr->mode & S_IFMT) | 0600, 0) < 0)
		return from_errno(path);
	return give_attr(above, name, attr);
}

static enum err copy_bytes(int from, int to)
{
	CLEANUP(mem_freep) char *bytes = malloc(COPY_CHUNK);
	size_t got = COPY_CHUNK;

	if (!bytes)
		return ERR_NOMEM;
	while (got == COPY_CHUNK) {
		if (interrupt_seen())
			return ERR_INTERRUPTED;
		TRY(io_read_full(from, bytes, COPY_CHUNK, &got));
		TRY(io_write_full(to, bytes, got));
	}
	return OK;
}

/* Where a file system knows no second name, the content stands there twice. */
static enum err copy_instead(struct salvage_dir *d, int from_dir, const char *from,
			     const char *path)
{
	CLEANUP(fd_closep)
	int in = openat(from_dir, from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct volume_attr attr = {0};
	struct stat st;
	enum err err;

	if (in < 0 || fstat(in, &st) < 0)
		return err_from_errno("%s", path);
	if (!S_ISREG(st.st_mode))
		return err_at(ERR_TOO_MANY_LINKS, "%s", path);
	attr.mode = st.st_mode;
	attr.size = (uint64_t)st.st_size;
	attr.uid = st.st_uid;
	attr.gid = st.st_gid;
	attr.atime = st.st_atim;
	attr.mtime = st.st_mtim;
	TRY(dir_begin(d));
	err = copy_bytes(in, d->file);
	if (err == OK)
		err = dir_end(d, path, &attr);
	if (err != OK)
		dir_drop(d);
	return err;
}

static enum err dir_link(void *ctx, const char *old, const char *path)
{
	CLEANUP(fd_closep) int from = -1;
	CLEANUP(fd_closep) int to = -1;
	const char *old_name, *name;

	TRY(open_above(ctx, old, &from, &old_name));
	TRY(open_above(ctx, path, &to, &name));
	if (linkat(from, old_name, to, name, 0) == 0)
		return OK;
	if (errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP || errno == ENOSYS)
		return copy_instead(ctx, from, old_name, path);
	return from_errno(path);
}

/* A file system without extended attributes takes the file all the same. */
static enum err dir_xattr(void *ctx, const char *path, const char *name, const void *value,
			  size_t len)
{
	struct salvage_dir *d = ctx;
	CLEANUP(fd_closep) int above = -1;
	CLEANUP(fd_closep) int folder = -1;
	const char *last;

	if (path && *path) {
		TRY(open_above(d, path, &above, &last));
		folder = openat(above, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (folder < 0)
			return err_from_errno("%s", path);
	}
	if (fsetxattr(folder >= 0 ? folder
		      : path	  ? d->top
				  : d->file,
		      name, value, len, 0) == 0 ||
	    errno == ENOTSUP || errno == EPERM)
		return OK;
	/* File systems keep a few KiB of attributes, and say this when they are full. */
	if (errno == ENOSPC || errno == E2BIG || errno == ERANGE || errno == EDQUOT)
		return err_at(ERR_TOO_LARGE_VALUE, "%s", name);
	return err_from_errno("%s", path ? path : name);
}

/* The top stays as whoever salvages made it: it is theirs. */
static enum err dir_folder_end(void *ctx, const char *path, const struct volume_attr *attr)
{
	CLEANUP(fd_closep) int above = -1;
	const char *name;

	if (!*path)
		return OK;
	TRY(open_above(ctx, path, &above, &name));
	return give_attr(above, name, attr);
}

void salvage_dir_sink(struct salvage_sink *ret)
{
	*ret = (struct salvage_sink){
		.folder = dir_folder,
		.begin = dir_begin,
		.data = dir_data,
		.end = dir_end,
		.drop = dir_drop,
		.link = dir_link,
		.symlink = dir_symlink,
		.special = dir_special,
		.xattr = dir_xattr,
		.folder_end = dir_folder_end,
	};
}

/* ---- beginning and end -------------------------------------------------------------------------
 */

static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* What comes out is plain, and the medium may be failing: none of it goes there. */
static enum err keep_off_medium(const char *above, const char *medium)
{
	CLEANUP(mem_freep) char *there = realpath(above, NULL);
	struct stat a, b;
	bool stick = is_within(medium, "/media") || is_within(medium, "/run/media");

	if (!there || stat(there, &a) < 0 || stat(medium, &b) < 0)
		return err_from_errno("%s", above);
	if (is_within(there, medium) || (stick && a.st_dev == b.st_dev))
		return err_at(ERR_INVALID, "%s", above);
	return OK;
}

static enum err is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!dir)
		return err_from_errno("%s", path);
	while (err == OK && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = err_at(ERR_NOT_EMPTY, "%s", path);
	closedir(dir);
	return err;
}

static enum err name_parts(const char *path, struct salvage_dir *d, char **ret_above)
{
	size_t len = strlen(path);
	char *slash;

	while (len > 1 && path[len - 1] == '/')
		len--;
	d->path = strndup(path, len);
	if (!d->path || asprintf(&d->report, "%s.salvage.txt", d->path) < 0) {
		d->report = NULL;
		return ERR_NOMEM;
	}
	*ret_above = strdup(d->path);
	if (!*ret_above)
		return ERR_NOMEM;
	slash = strrchr(*ret_above, '/');
	if (!slash)
		(*ret_above)[0] = '.';
	(*ret_above)[slash ? (size_t)(slash - *ret_above) + (slash == *ret_above) : 1] = '\0';
	return OK;
}

static enum err begin(const char *path, const char *medium, struct salvage_dir *d)
{
	CLEANUP(mem_freep) char *above = NULL;

	if (!*path)
		return err_at(ERR_INVALID, "\"\"");
	TRY(name_parts(path, d, &above));
	TRY(keep_off_medium(above, medium));
	d->made = mkdir(d->path, 0700) == 0;
	if (!d->made && errno != EEXIST)
		return err_from_errno("%s", d->path);
	TRY(keep_off_medium(d->path, medium));
	TRY(is_empty(d->path));
	d->top = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->top < 0)
		return err_from_errno("%s", d->path);
	d->report_fd = open(d->report, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return d->report_fd < 0 ? from_errno(d->report) : OK;
}

enum err salvage_dir_open(const char *path, const char *medium, struct salvage_dir *ret)
{
	struct salvage_dir d = {.top = -1, .file = -1, .report_fd = -1};
	enum err err = begin(path, medium, &d);

	if (err != OK) {
		if (d.made)
			rmdir(d.path);
		salvage_dir_clear(&d);
		return err;
	}
	*ret = d;
	return OK;
}

void salvage_dir_undo(struct salvage_dir *d)
{
	dir_drop(d);
	if (is_empty(d->path) != OK)
		return;
	unlink(d->report);
	if (d->made)
		rmdir(d->path);
}

void salvage_dir_clear(struct salvage_dir *d)
{
	dir_drop(d);
	fd_closep(&d->top);
	fd_closep(&d->report_fd);
	free(d->path);
	free(d->report);
}

enum err salvage_dir_report(struct salvage_dir *d, const char *line)
{
	TRY(io_write_full(d->report_fd, line, strlen(line)));
	return io_write_full(d->report_fd, "\n", 1);
}

enum err salvage_dir_sync(struct salvage_dir *d)
{
	if (syncfs(d->top) < 0 || fsync(d->report_fd) < 0)
		return err_from_errno("%s", d->path);
	return OK;
}

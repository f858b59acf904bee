#include "base/io.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_TRIES 1000

enum err io_read_full(int fd, void *buf, size_t len, size_t *ret_len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno("reading");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*ret_len = done;
	return OK;
}

/* A write that takes nothing without an error would keep the loop turning for ever. */
enum err io_write_full(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno("writing");
		if (n == 0)
			return err_at(ERR_IO, "writing: nothing was taken");
		done += (size_t)n;
	}
	return OK;
}

enum err io_pread_full(int fd, void *buf, size_t len, off_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *)buf + done, len - done, off + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno("reading at %lld", (long long)off);
		if (n == 0)
			return err_at(ERR_TRUNCATED, "%zu of %zu bytes at %lld", done, len,
				      (long long)off);
		done += (size_t)n;
	}
	return OK;
}

enum err io_pwrite_full(int fd, const void *buf, size_t len, off_t off)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, (const char *)buf + done, len - done, off + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno("writing at %lld", (long long)off);
		if (n == 0)
			return err_at(ERR_IO, "writing at %lld: nothing was taken", (long long)off);
		done += (size_t)n;
	}
	return OK;
}

/* Opens a regular file. O_NONBLOCK: a pipe of that name is refused instead of waited for. */
static enum err open_regular(const char *path, int flags, int *ret)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);
	struct stat st;

	if (fd < 0)
		return err_from_errno("%s", path);
	if (fstat(fd, &st) != 0)
		return err_from_errno("%s", path);
	if (S_ISDIR(st.st_mode))
		return err_at(ERR_IS_DIR, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_at(ERR_INVALID, "%s: not a regular file", path);
	*ret = fd;
	fd = -1;
	return OK;
}

/* The size that stat tells is not trusted: a file may grow, and those of /proc say 0. */
static enum err read_file(const char *path, int flags, size_t max, struct buf *ret)
{
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(buf_clear) struct buf b = {0};
	char piece[16384];
	ssize_t n;

	TRY(open_regular(path, flags, &fd));
	TRY(buf_append(&b, "", 0));
	for (;;) {
		n = read(fd, piece, sizeof(piece));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_from_errno("%s", path);
		if (n == 0)
			break;
		if ((size_t)n > max - b.len)
			return err_at(ERR_TOO_BIG, "%s: more than %zu bytes", path, max);
		TRY(buf_append(&b, piece, (size_t)n));
	}
	buf_clear(ret);
	*ret = b;
	b = (struct buf){0};
	return OK;
}

enum err io_read_file(const char *path, size_t max, struct buf *ret)
{
	return read_file(path, 0, max, ret);
}

enum err io_read_own_file(const char *path, size_t max, struct buf *ret)
{
	return read_file(path, O_NOFOLLOW, max, ret);
}

/* malloc'd name of the folder that holds `path`; NULL when out of memory. */
static char *dir_of(const char *path)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	return len > 0 ? strndup(path, len) : strdup(".");
}

static int fsync_retry(int fd)
{
	int status;

	do
		status = fsync(fd);
	while (status != 0 && errno == EINTR);
	return status;
}

/* EINVAL: the file system has no way to flush a folder, so there is nothing more we could do. */
enum err io_sync_dir_of(const char *path)
{
	CLEANUP(mem_freep) char *dir = dir_of(path);
	CLEANUP(fd_closep) int fd = -1;

	if (!dir)
		return err_at(ERR_NOMEM, "%s", path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_from_errno("%s", dir);
	if (fsync_retry(fd) != 0 && errno != EINVAL)
		return err_from_errno("%s", dir);
	return OK;
}

/* A new, empty file in `dir`. The name only has to be free; what a crash left behind is stepped
 * over. Made by open instead of mkstemp so that `mode` and the umask have their usual meaning. */
static enum err temp_open(const char *dir, mode_t mode, char **ret_path, int *ret_fd)
{
	static atomic_uint counter;

	for (int i = 0; i < TEMP_TRIES; i++) {
		CLEANUP(mem_freep) char *path = NULL;
		int fd;

		if (asprintf(&path, "%s/.vault-%ld-%u.tmp", dir, (long)getpid(),
			     atomic_fetch_add(&counter, 1)) < 0) {
			path = NULL;
			return err_at(ERR_NOMEM, "%s", dir);
		}
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
		if (fd >= 0) {
			*ret_path = TAKE(path);
			*ret_fd = fd;
			return OK;
		}
		if (errno != EEXIST)
			return err_from_errno("%s", path);
	}
	return err_at(ERR_EXISTS, "%s: no free name for a temporary file", dir);
}

static enum err fill(int fd, const char *path, const void *data, size_t len)
{
	enum err err = io_write_full(fd, data, len);

	if (err != OK)
		return err_at(err, "%s: %s", path, err_detail());
	if (fsync_retry(fd) != 0)
		return err_from_errno("%s", path);
	return OK;
}

/* Writes the content beside `path`, flushed; the caller renames or unlinks it. */
static enum err temp_write(const char *path, const void *data, size_t len, mode_t mode,
			   char **ret_temp)
{
	CLEANUP(mem_freep) char *dir = dir_of(path);
	CLEANUP(mem_freep) char *temp = NULL;
	CLEANUP(fd_closep) int fd = -1;
	enum err err;

	if (!dir)
		return err_at(ERR_NOMEM, "%s", path);
	TRY(temp_open(dir, mode, &temp, &fd));
	err = fill(fd, path, data, len);
	if (err != OK) {
		unlink(temp);
		return err;
	}
	*ret_temp = TAKE(temp);
	return OK;
}

/* Where the file system cannot rename without replacing (exFAT, NFS), an empty file of our own
 * holds the name first, so two of us cannot both win. A crash in between leaves it empty. */
static int rename_behind_placeholder(const char *temp, const char *path)
{
	int saved, fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	close(fd);
	if (rename(temp, path) == 0)
		return 0;
	saved = errno;
	unlink(path);
	errno = saved;
	return -1;
}

static int rename_new(const char *temp, const char *path)
{
	if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	return rename_behind_placeholder(temp, path);
}

static enum err put_file(const char *path, const void *data, size_t len, mode_t mode,
			 int (*place)(const char *temp, const char *path))
{
	CLEANUP(mem_freep) char *temp = NULL;

	TRY(temp_write(path, data, len, mode, &temp));
	if (place(temp, path) != 0) {
		enum err err = err_from_errno("%s", path);

		unlink(temp);
		return err;
	}
	return io_sync_dir_of(path);
}

enum err io_replace_file(const char *path, const void *data, size_t len, mode_t mode)
{
	return put_file(path, data, len, mode, rename);
}

enum err io_create_file(const char *path, const void *data, size_t len, mode_t mode)
{
	return put_file(path, data, len, mode, rename_new);
}

static enum err make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return io_sync_dir_of(path);
	if (errno != EEXIST)
		return err_from_errno("%s", path);
	return OK;
}

enum err io_make_dirs(const char *path, mode_t mode)
{
	CLEANUP(mem_freep) char *part = strdup(path);
	struct stat st;

	if (!part)
		return err_at(ERR_NOMEM, "%s", path);
	for (char *at = part; *at; at++) {
		if (*at != '/' || at == part || at[-1] == '/')
			continue;
		*at = '\0';
		TRY(make_dir(part, mode));
		*at = '/';
	}
	TRY(make_dir(part, mode));
	if (stat(part, &st) != 0)
		return err_from_errno("%s", path);
	return S_ISDIR(st.st_mode) ? OK : err_at(ERR_NOT_DIR, "%s", path);
}

char *io_path_join(const char *dir, const char *name)
{
	size_t len = strlen(dir);
	char *path = NULL;

	if (asprintf(&path, "%s%s%s", dir, len > 0 && dir[len - 1] != '/' ? "/" : "", name) < 0)
		return NULL;
	return path;
}

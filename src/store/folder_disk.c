#include "store/folder_disk.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "base/io.h"
#include "crypto/random.h"
#include "store/block_device.h"

#define SEGMENT_LEN ((uint64_t)FOLDER_SEGMENT_BLOCKS * DISK_BLOCK)
#define STEP_BLOCKS 2048u /* 8 MiB: space is owned in steps of this, ahead of need */
#define SEGMENTS_MAX (1u << 20)
#define SEND_BYTES (4u << 20)
#define SEGMENT_NAME 24 /* "S0000000.SEG" with room for any number */

static const char *const fixed_names[] = {
	[DISK_KEY0] = "KEY0.AGE",
	[DISK_KEY1] = "KEY1.AGE",
	[DISK_HEAD0] = "HEAD0.BIN",
	[DISK_HEAD1] = "HEAD1.BIN",
};
#define FIXED_COUNT ARRAY_LEN(fixed_names)

struct segment {
	int fd;	      /* -1: missing */
	uint64_t len; /* bytes */
	bool dirty;   /* written since its last flush */
	uint64_t unsent; /* bytes written since the kernel was last told to begin writing them out */
};

struct folder_disk {
	struct disk disk;
	char *path;
	int dir;
	int fixed[FIXED_COUNT];
	bool read_only;
	struct block_device device;
	pthread_rwlock_t lock; /* guards the table: grow changes it, all else reads it */
	struct segment *segments;
	size_t count;
	pthread_mutex_t dirty_lock;
};

static struct folder_disk *folder(struct disk *d)
{
	return (struct folder_disk *)d;
}

/* What errno says about the medium: gone, or only failing. */
static enum err disk_errno(const char *what)
{
	switch (errno) {
	case ENODEV:
	case ENXIO:
	case ESTALE:
	case ENOMEDIUM:
	case ESHUTDOWN:
	case ENOTCONN: /* a file system in a process of its own, which died */
	case ECONNABORTED:
		return err_at(ERR_REMOVED, "%s: %s", what, strerror(errno));
	case ENOSPC:
	case EDQUOT:
		return err_at(ERR_NO_SPACE, "%s", what);
	case EROFS:
		return err_at(ERR_READ_ONLY, "%s", what);
	default:
		return err_at(ERR_IO, "%s: %s", what, strerror(errno));
	}
}

/* ---- reading and writing ---- */

static enum err read_at(int fd, const char *what, uint64_t off, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = pread(fd, at, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_errno(what);
		if (n == 0)
			return err_at(ERR_TRUNCATED, "%s", what);
		at += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return OK;
}

static enum err write_at(int fd, const char *what, uint64_t off, const void *buf, size_t len)
{
	const uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = pwrite(fd, at, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return disk_errno(what);
		at += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return OK;
}

/* The part of [off, off + len) that lies in one segment. */
static size_t segment_part(uint64_t off, size_t len, size_t *ret_index, uint64_t *ret_off)
{
	*ret_index = (size_t)(off / SEGMENT_LEN);
	*ret_off = off % SEGMENT_LEN;
	return (size_t)MIN((uint64_t)len, SEGMENT_LEN - *ret_off);
}

static enum err data_read(struct folder_disk *f, uint64_t off, void *buf, size_t len)
{
	uint8_t *at = buf;
	enum err err = OK;

	pthread_rwlock_rdlock(&f->lock);
	while (len > 0 && err == OK) {
		uint64_t in;
		size_t i, part = segment_part(off, len, &i, &in);

		if (i >= f->count || f->segments[i].fd < 0)
			err = err_at(ERR_TRUNCATED, "segment %zu is missing", i);
		else
			err = read_at(f->segments[i].fd, "segment", in, at, part);
		at += part;
		off += part;
		len -= part;
	}
	pthread_rwlock_unlock(&f->lock);
	return err;
}

/* After the write: a flush that takes the mark before the write has happened would leave it unflushed
 * for ever. True when so much gathered that the kernel should begin to write it out. */
static bool mark_dirty(struct folder_disk *f, size_t i, size_t len)
{
	struct segment *s = &f->segments[i];
	bool send;

	pthread_mutex_lock(&f->dirty_lock);
	s->dirty = true;
	s->unsent += len;
	send = s->unsent >= SEND_BYTES;
	if (send)
		s->unsent = 0;
	pthread_mutex_unlock(&f->dirty_lock);
	return send;
}

static enum err data_write(struct folder_disk *f, uint64_t off, const void *buf, size_t len)
{
	const uint8_t *at = buf;
	enum err err = OK;

	pthread_rwlock_rdlock(&f->lock);
	while (len > 0 && err == OK) {
		uint64_t in;
		size_t i, part = segment_part(off, len, &i, &in);
		if (i >= f->count || f->segments[i].fd < 0) {
			err = err_at(ERR_TRUNCATED, "segment %zu is missing", i);
			break;
		}
		err = write_at(f->segments[i].fd, "segment", in, at, part);
		/* So that a slow medium works while more is being sealed, and a flush has little left. */
		if (mark_dirty(f, i, part))
			(void)sync_file_range(f->segments[i].fd, 0, 0, SYNC_FILE_RANGE_WRITE);
		at += part;
		off += part;
		len -= part;
	}
	pthread_rwlock_unlock(&f->lock);
	return err;
}

static enum err folder_read(struct disk *d, enum disk_area area, uint64_t off, void *buf,
			    size_t len)
{
	if (area == DISK_DATA)
		return data_read(folder(d), off, buf, len);
	return read_at(folder(d)->fixed[area], fixed_names[area], off, buf, len);
}

static enum err folder_write(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			     size_t len)
{
	if (folder(d)->read_only)
		return err_at(ERR_READ_ONLY, "%s", folder(d)->path);
	if (area == DISK_DATA)
		return data_write(folder(d), off, buf, len);
	return write_at(folder(d)->fixed[area], fixed_names[area], off, buf, len);
}

static bool take_dirty(struct folder_disk *f, size_t i)
{
	bool dirty;

	pthread_mutex_lock(&f->dirty_lock);
	dirty = f->segments[i].dirty;
	f->segments[i].dirty = false;
	pthread_mutex_unlock(&f->dirty_lock);
	return dirty;
}

static enum err folder_flush(struct disk *d, enum disk_area area)
{
	struct folder_disk *f = folder(d);
	enum err err = OK;

	if (area != DISK_DATA)
		return fdatasync(f->fixed[area]) < 0 ? disk_errno(fixed_names[area]) : OK;
	pthread_rwlock_rdlock(&f->lock);
	for (size_t i = 0; i < f->count && err == OK; i++)
		if (take_dirty(f, i) && fdatasync(f->segments[i].fd) < 0)
			err = disk_errno("segment");
	pthread_rwlock_unlock(&f->lock);
	return err;
}

/* A btrfs writes what is overwritten to a new place, and so runs out of space in the midst of what was
 * allocated long ago. Files that are still empty can be kept out of that; what we lose is its checksum,
 * beside a seal on every block. */
static void write_in_place(int fd)
{
	struct statfs fs;
	int flags = 0;

	if (fstatfs(fd, &fs) != 0 || fs.f_type != BTRFS_SUPER_MAGIC ||
	    ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return;
	flags |= FS_NOCOW_FL;
	(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

/* ---- growing ---- */

static void segment_name(size_t i, char out[SEGMENT_NAME])
{
	snprintf(out, SEGMENT_NAME, "S%07X.SEG", (unsigned)i);
}

/* Space for the file up to `len`: really allocated where the file system can, else promised by it. */
static enum err extend_file(int fd, uint64_t from, uint64_t len)
{
	if (fallocate(fd, 0, (off_t)from, (off_t)(len - from)) == 0)
		return OK;
	if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
		return disk_errno("segment");
	return ftruncate(fd, (off_t)len) < 0 ? disk_errno("segment") : OK;
}

/* Whoever may enter the folder and write there, may read and write its files: a medium that two
 * people carry belongs to neither (DESIGN.md, "Whose files they are"). The process's mask must not
 * narrow that, and a FAT that keeps no permissions may refuse. */
static void share_as_folder(int dir, int fd)
{
	struct stat st;

	if (fstat(dir, &st) == 0)
		(void)fchmod(fd, st.st_mode & 0666);
}

static enum err new_segment(struct folder_disk *f)
{
	struct segment *segments = realloc(f->segments, (f->count + 1) * sizeof(*segments));
	char name[SEGMENT_NAME];
	int fd;

	if (!segments)
		return err_at(ERR_NOMEM, "segment table");
	f->segments = segments;
	segment_name(f->count, name);
	fd = openat(f->dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return disk_errno(name);
	write_in_place(fd);
	share_as_folder(f->dir, fd);
	f->segments[f->count++] = (struct segment){ .fd = fd };
	return OK;
}

/* Brings the last segment to `len`, durable with its folder. */
static enum err grow_last(struct folder_disk *f, uint64_t len)
{
	struct segment *s = &f->segments[f->count - 1];

	if (s->len >= len)
		return OK;
	TRY(extend_file(s->fd, s->len, len));
	if (fsync(s->fd) < 0 || fsync(f->dir) < 0)
		return disk_errno("segment");
	s->len = len;
	return OK;
}

static enum err grow_to(struct folder_disk *f, uint64_t bytes)
{
	for (;;) {
		uint64_t begin = f->count ? (f->count - 1) * SEGMENT_LEN : 0;

		if (f->count > 0)
			TRY(grow_last(f, MIN(SEGMENT_LEN, bytes - MIN(bytes, begin))));
		if (f->count * SEGMENT_LEN >= bytes)
			return OK;
		if (f->count == SEGMENTS_MAX)
			return err_at(ERR_NO_SPACE, "segments");
		TRY(new_segment(f));
	}
}

static enum err folder_grow(struct disk *d, uint64_t blocks)
{
	struct folder_disk *f = folder(d);
	enum err err;

	if (f->read_only)
		return err_at(ERR_READ_ONLY, "%s", f->path);
	pthread_rwlock_wrlock(&f->lock);
	err = grow_to(f, blocks * DISK_BLOCK);
	pthread_rwlock_unlock(&f->lock);
	return err;
}

/* ---- being there ---- */

/* The files that are open must still be the ones at their place: a medium that was pulled, detached
 * or taken away leaves descriptors that seem to work. */
static enum err still_there(struct folder_disk *f)
{
	struct stat open_one, at_path;
	char *path = io_path_join(f->path, fixed_names[DISK_HEAD0]);
	bool there;

	if (!path)
		return err_at(ERR_NOMEM, "path");
	there = block_device_present(&f->device) &&
		fstat(f->fixed[DISK_HEAD0], &open_one) == 0 && stat(path, &at_path) == 0 &&
		open_one.st_nlink > 0 && open_one.st_ino == at_path.st_ino &&
		open_one.st_dev == at_path.st_dev;
	free(path);
	return there ? OK : err_at(ERR_REMOVED, "%s", f->path);
}

static enum err folder_list(struct disk *d, struct disk_info *ret)
{
	struct folder_disk *f = folder(d);
	struct disk_info info = { .step_blocks = STEP_BLOCKS, .read_only = f->read_only };
	struct statvfs vfs;

	TRY(still_there(f));
	if (fstatvfs(f->dir, &vfs) < 0)
		return disk_errno(f->path);
	pthread_rwlock_rdlock(&f->lock);
	if (f->count > 0)
		info.blocks = (f->count - 1) * (uint64_t)FOLDER_SEGMENT_BLOCKS +
			      f->segments[f->count - 1].len / DISK_BLOCK;
	pthread_rwlock_unlock(&f->lock);
	if (!f->read_only)
		info.more_blocks = (uint64_t)vfs.f_bavail * vfs.f_frsize / DISK_BLOCK;
	*ret = info;
	return OK;
}

static void folder_close(struct disk *d)
{
	struct folder_disk *f = folder(d);

	for (size_t i = 0; i < f->count; i++)
		if (f->segments[i].fd >= 0)
			close(f->segments[i].fd);
	for (size_t i = 0; i < FIXED_COUNT; i++)
		if (f->fixed[i] >= 0)
			close(f->fixed[i]);
	if (f->dir >= 0)
		close(f->dir);
	pthread_rwlock_destroy(&f->lock);
	pthread_mutex_destroy(&f->dirty_lock);
	free(f->segments);
	free(f->path);
	free(f);
}

static const struct disk_ops folder_ops = {
	.read = folder_read,
	.write = folder_write,
	.flush = folder_flush,
	.grow = folder_grow,
	.list = folder_list,
	.close = folder_close,
};

/* ---- opening ---- */

static enum err open_missing(const char *path, const char *name)
{
	if (errno == ENOENT)
		return err_at(ERR_NOT_A_VAULT, "%s: no %s", path, name);
	return err_from_errno("%s/%s", path, name);
}

static bool cannot_write(void)
{
	return errno == EROFS || errno == EACCES || errno == EPERM;
}

static enum err open_fixed(struct folder_disk *f)
{
	for (size_t i = 0; i < FIXED_COUNT; i++) {
		struct stat st;
		int fd = -1;

		if (!f->read_only)
			fd = openat(f->dir, fixed_names[i], O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0 && !f->read_only && !cannot_write())
			return open_missing(f->path, fixed_names[i]);
		if (fd < 0) {
			f->read_only = true;
			fd = openat(f->dir, fixed_names[i], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		}
		if (fd < 0)
			return open_missing(f->path, fixed_names[i]);
		f->fixed[i] = fd;
		if (fstat(fd, &st) < 0)
			return err_from_errno("%s/%s", f->path, fixed_names[i]);
		if (!S_ISREG(st.st_mode) || st.st_size != DISK_FIXED_LEN)
			return err_at(ERR_NOT_A_VAULT, "%s: %s has the wrong length", f->path,
				      fixed_names[i]);
	}
	return OK;
}

static enum err lock_medium(struct folder_disk *f)
{
	int how = (f->read_only ? LOCK_SH : LOCK_EX) | LOCK_NB;

	if (flock(f->fixed[DISK_HEAD0], how) == 0)
		return OK;
	if (errno == EWOULDBLOCK)
		return err_at(ERR_VAULT_BUSY, "%s", f->path);
	if (errno == ENOLCK || errno == ENOSYS || errno == EOPNOTSUPP || errno == EINVAL)
		return OK; /* a file system without locks: nobody else can be told */
	return err_from_errno("%s: lock", f->path);
}

/* How many segments there are: up to the last one present, so that a missing one in the middle moves
 * no address. */
static size_t count_segments(struct folder_disk *f)
{
	size_t count = 0, gap = 0;

	for (size_t i = 0; i < SEGMENTS_MAX && gap < 64; i++) {
		struct stat st;
		char name[SEGMENT_NAME];

		segment_name(i, name);
		if (fstatat(f->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode)) {
			count = i + 1;
			gap = 0;
		} else {
			gap++;
		}
	}
	return count;
}

static enum err open_segments(struct folder_disk *f)
{
	size_t count = count_segments(f);

	f->segments = calloc(MAX(count, 1u), sizeof(*f->segments));
	if (!f->segments)
		return err_at(ERR_NOMEM, "segment table");
	for (size_t i = 0; i < count; i++) {
		struct segment *s = &f->segments[f->count++];
		struct stat st;
		char name[SEGMENT_NAME];

		segment_name(i, name);
		s->fd = openat(f->dir, name,
			       (f->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOFOLLOW);
		if (s->fd >= 0 && fstat(s->fd, &st) == 0)
			s->len = MIN((uint64_t)st.st_size, SEGMENT_LEN);
		else if (s->fd < 0 && errno != ENOENT)
			return err_from_errno("%s/%s", f->path, name);
	}
	return OK;
}

/* A terabyte has 16384 segments, each with a descriptor. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static enum err folder_new(const char *path, bool read_only, struct folder_disk **ret)
{
	struct folder_disk *f = calloc(1, sizeof(*f));

	if (!f)
		return err_at(ERR_NOMEM, "disk");
	f->disk.ops = &folder_ops;
	f->read_only = read_only;
	f->dir = -1;
	for (size_t i = 0; i < FIXED_COUNT; i++)
		f->fixed[i] = -1;
	pthread_rwlock_init(&f->lock, NULL);
	pthread_mutex_init(&f->dirty_lock, NULL);
	/* A full path: the process may change its working folder. */
	f->path = realpath(path, NULL);
	if (!f->path) {
		enum err err = errno == ENOENT || errno == ENOTDIR
				       ? err_at(ERR_MEDIUM_NOT_FOUND, "%s", path)
				       : err_from_errno("%s", path);

		folder_close(&f->disk);
		return err;
	}
	*ret = f;
	return OK;
}

enum err folder_disk_open(const char *path, bool read_only, struct disk **ret)
{
	CLEANUP(disk_closep) struct disk *disk = NULL;
	struct folder_disk *f = NULL;

	raise_file_limit();
	TRY(folder_new(path, read_only, &f));
	disk = &f->disk;
	f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0 && errno == ENOTDIR)
		return err_at(ERR_NOT_A_VAULT, "%s", path);
	if (f->dir < 0)
		return err_from_errno("%s", path);
	block_device_find(f->dir, &f->device);
	TRY(open_fixed(f));
	TRY(lock_medium(f));
	TRY(open_segments(f));
	*ret = TAKE(disk);
	return OK;
}

/* Under its own name from the start: a temporary name would not fit 8.3. */
static enum err write_new(int dir, const char *name, const void *data, size_t len)
{
	CLEANUP(fd_closep) int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_from_errno("%s", name);
	write_in_place(fd);
	share_as_folder(dir, fd);
	TRY(io_write_full(fd, data, len));
	if (fsync(fd) != 0 || (fsync(dir) != 0 && errno != EINVAL))
		return err_from_errno("%s", name);
	return OK;
}

enum err folder_disk_add(const char *path, const char *name, const void *data, size_t len)
{
	CLEANUP(fd_closep) int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? err_from_errno("%s", path) : write_new(dir, name, data, len);
}

enum err folder_disk_create(const char *path)
{
	uint8_t noise[DISK_FIXED_LEN];

	for (size_t i = 0; i < FIXED_COUNT; i++) {
		random_bytes(noise, sizeof(noise));
		TRY(folder_disk_add(path, fixed_names[i], noise, sizeof(noise)));
	}
	return OK;
}

void folder_disk_hide_times(struct disk *d)
{
	struct folder_disk *f = folder(d);
	const struct timespec fixed[2] = { { .tv_sec = FOLDER_FIXED_TIME },
					   { .tv_sec = FOLDER_FIXED_TIME } };

	if (f->read_only)
		return;
	for (size_t i = 0; i < f->count; i++)
		if (f->segments[i].fd >= 0)
			(void)futimens(f->segments[i].fd, fixed);
	for (size_t i = 0; i < FIXED_COUNT; i++)
		(void)futimens(f->fixed[i], fixed);
}

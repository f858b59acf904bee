#include "store/salvage_disk.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "store/folder_disk.h"

#define SEGMENT_LEN ((uint64_t)FOLDER_SEGMENT_BLOCKS * DISK_BLOCK)
#define SEGMENTS_MAX (1ul << 20)
#define NAME_LEN 13u /* of 8.3, with its end */

static const char *const fixed_names[] = {
	[DISK_KEY0] = "KEY0.AGE",
	[DISK_KEY1] = "KEY1.AGE",
	[DISK_HEAD0] = "HEAD0.BIN",
	[DISK_HEAD1] = "HEAD1.BIN",
};
#define FIXED_COUNT ARRAY_LEN(fixed_names)

struct part {
	char name[NAME_LEN]; /* as it is spelled on the medium; "": missing */
	uint64_t len;
};

struct salvage_disk {
	struct disk disk;
	int dir;
	int lock; /* HEAD0.BIN, held so that nobody writes; -1: missing */
	struct part fixed[FIXED_COUNT];
	struct part *segments;
	size_t count;
	int fd; /* of the segment that was read last: there may be more than can be open at once */
	size_t fd_segment;
};

static enum err read_error(const char *name)
{
	bool gone = errno == ENODEV || errno == ENXIO || errno == ESTALE || errno == ENOTCONN;

	return err_at(gone ? ERR_REMOVED : ERR_IO, "%s: %s", name, strerror(errno));
}

static enum err read_at(int fd, const char *name, uint64_t off, void *buf, size_t len)
{
	uint8_t *at = buf;

	while (len > 0) {
		ssize_t n = pread(fd, at, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return read_error(name);
		if (n == 0)
			return err_at(ERR_TRUNCATED, "%s", name);
		at += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return OK;
}

static int open_part(const struct salvage_disk *d, const struct part *part)
{
	return openat(d->dir, part->name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static enum err read_fixed(struct salvage_disk *d, enum disk_area area, uint64_t off, void *buf,
			   size_t len)
{
	const struct part *part = &d->fixed[area];
	CLEANUP(fd_closep) int fd = -1;

	if (!part->name[0])
		return err_at(ERR_TRUNCATED, "%s is missing", fixed_names[area]);
	fd = open_part(d, part);
	return fd < 0 ? read_error(part->name) : read_at(fd, part->name, off, buf, len);
}

static enum err need_segment(struct salvage_disk *d, size_t i)
{
	if (i >= d->count || !d->segments[i].name[0])
		return err_at(ERR_TRUNCATED, "segment %zu is missing", i);
	if (d->fd >= 0 && d->fd_segment == i)
		return OK;
	fd_closep(&d->fd);
	d->fd = open_part(d, &d->segments[i]);
	d->fd_segment = i;
	return d->fd < 0 ? read_error(d->segments[i].name) : OK;
}

static enum err read_any(struct disk *disk, enum disk_area area, uint64_t off, void *buf,
			 size_t len)
{
	struct salvage_disk *d = (struct salvage_disk *)disk;
	uint8_t *at = buf;

	if (area != DISK_DATA)
		return read_fixed(d, area, off, buf, len);
	while (len > 0) {
		size_t i = (size_t)(off / SEGMENT_LEN);
		size_t part = (size_t)MIN((uint64_t)len, SEGMENT_LEN - off % SEGMENT_LEN);

		TRY(need_segment(d, i));
		TRY(read_at(d->fd, d->segments[i].name, off % SEGMENT_LEN, at, part));
		at += part;
		off += part;
		len -= part;
	}
	return OK;
}

static enum err refuse_write(struct disk *d, enum disk_area area, uint64_t off, const void *buf,
			     size_t len)
{
	return err_at(ERR_READ_ONLY, "salvage");
}

static enum err refuse_flush(struct disk *d, enum disk_area area)
{
	return err_at(ERR_READ_ONLY, "salvage");
}

static enum err refuse_grow(struct disk *d, uint64_t blocks)
{
	return err_at(ERR_READ_ONLY, "salvage");
}

static enum err list(struct disk *disk, struct disk_info *ret)
{
	const struct salvage_disk *d = (const struct salvage_disk *)disk;
	struct disk_info info = { .read_only = true, .step_blocks = 1 };

	if (d->count > 0)
		info.blocks = (d->count - 1) * (uint64_t)FOLDER_SEGMENT_BLOCKS +
			      d->segments[d->count - 1].len / DISK_BLOCK;
	*ret = info;
	return OK;
}

static void close_all(struct disk *disk)
{
	struct salvage_disk *d = (struct salvage_disk *)disk;

	fd_closep(&d->fd);
	fd_closep(&d->lock);
	fd_closep(&d->dir);
	free(d->segments);
	free(d);
}

static const struct disk_ops salvage_ops = {
	.read = read_any,
	.write = refuse_write,
	.flush = refuse_flush,
	.grow = refuse_grow,
	.list = list,
	.close = close_all,
};

/* ---- opening ---- */

/* "S0000000.SEG" in any case: its number. */
static bool segment_number(const char *name, size_t *ret)
{
	unsigned long number;
	char *end;

	if (strlen(name) != NAME_LEN - 1 || (name[0] != 'S' && name[0] != 's') ||
	    strspn(name + 1, "0123456789abcdefABCDEF") != 7 || strcasecmp(name + 8, ".SEG") != 0)
		return false;
	number = strtoul(name + 1, &end, 16);
	*ret = number;
	return number < SEGMENTS_MAX;
}

static enum err part_of(struct salvage_disk *d, const char *name, struct part **ret)
{
	size_t number;

	*ret = NULL;
	for (size_t i = 0; i < FIXED_COUNT; i++)
		if (strcasecmp(name, fixed_names[i]) == 0)
			*ret = &d->fixed[i];
	if (*ret || !segment_number(name, &number))
		return OK;
	if (number >= d->count) {
		struct part *more = realloc(d->segments, (number + 1) * sizeof(*more));

		if (!more)
			return err_at(ERR_NOMEM, "segment table");
		memset(more + d->count, 0, (number + 1 - d->count) * sizeof(*more));
		d->segments = more;
		d->count = number + 1;
	}
	*ret = &d->segments[number];
	return OK;
}

static enum err note_file(struct salvage_disk *d, const char *name)
{
	struct part *part;
	struct stat st;

	TRY(part_of(d, name, &part));
	if (!part || fstatat(d->dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return OK;
	memcpy(part->name, name, strlen(name) + 1);
	part->len = (uint64_t)st.st_size;
	return OK;
}

static enum err note_files(struct salvage_disk *d, const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!dir)
		return err_from_errno("%s", path);
	while (err == OK && (entry = readdir(dir)))
		err = note_file(d, entry->d_name);
	closedir(dir);
	return err;
}

static enum err lock_medium(struct salvage_disk *d, const char *path)
{
	if (!d->fixed[DISK_HEAD0].name[0])
		return OK;
	d->lock = open_part(d, &d->fixed[DISK_HEAD0]);
	if (d->lock >= 0 && flock(d->lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return err_at(ERR_VAULT_BUSY, "%s", path);
	return OK; /* whatever else keeps it from being locked must not keep it from being read */
}

enum err salvage_disk_open(const char *path, struct disk **ret)
{
	CLEANUP(disk_closep) struct disk *disk = NULL;
	struct salvage_disk *d = calloc(1, sizeof(*d));

	if (!d)
		return err_at(ERR_NOMEM, "disk");
	disk = &d->disk;
	d->disk.ops = &salvage_ops;
	d->lock = d->fd = -1;
	d->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->dir < 0 && (errno == ENOENT || errno == ENOTDIR))
		return err_at(ERR_MEDIUM_NOT_FOUND, "%s", path);
	if (d->dir < 0)
		return err_from_errno("%s", path);
	TRY(note_files(d, path));
	if (!d->fixed[DISK_KEY0].name[0] && !d->fixed[DISK_KEY1].name[0])
		return err_at(ERR_NOT_A_VAULT, "%s: no %s", path, fixed_names[DISK_KEY0]);
	TRY(lock_medium(d, path));
	*ret = TAKE(disk);
	return OK;
}

void salvage_disk_missing(const struct disk *disk, void (*fn)(void *ctx, const char *file),
			  void *ctx)
{
	const struct salvage_disk *d = (const struct salvage_disk *)disk;

	for (size_t i = 0; i < FIXED_COUNT; i++)
		if (!d->fixed[i].name[0] || d->fixed[i].len < DISK_FIXED_LEN)
			fn(ctx, fixed_names[i]);
	for (size_t i = 0; i < d->count; i++) {
		char name[24];

		if (d->segments[i].name[0] &&
		    (i + 1 == d->count || d->segments[i].len >= SEGMENT_LEN))
			continue;
		snprintf(name, sizeof(name), "S%07zX.SEG", i);
		fn(ctx, name);
	}
}

#include "pack/tar.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "base/io.h"

#define PIECE (256u * 1024)

struct tar_writer {
	struct archive *archive;
	struct archive_entry *entry; /* of the header that is being written */
	struct age_sink into;
	locale_t utf8; /* names are bytes; libarchive wants a locale in which they mean something */
	enum err failed; /* of the sink */
	char names[XATTR_LIST_MAX];
	uint8_t value[XATTR_SIZE_MAX];
};

static la_ssize_t give(struct archive *a, void *ctx, const void *data, size_t len)
{
	struct tar_writer *t = ctx;

	if (t->failed != OK)
		return -1;
	t->failed = t->into.write(t->into.ctx, data, len);
	return t->failed == OK ? (la_ssize_t)len : -1;
}

/* The sink's own error outweighs what libarchive makes of it. A warning is about a name that is no
 * UTF-8; it is carried as bytes then. */
static enum err result(struct tar_writer *t, int rc, const char *name)
{
	TRY(t->failed);
	if (rc >= ARCHIVE_WARN)
		return OK;
	if (archive_errno(t->archive) == ENOMEM)
		return err_at(ERR_NOMEM, "%s", name);
	return err_at(ERR_SYSTEM, "%s: %s", name, archive_error_string(t->archive));
}

static enum err begin(struct tar_writer *t)
{
	t->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	t->archive = archive_write_new();
	t->entry = archive_entry_new();
	if (!t->archive || !t->entry || !t->utf8)
		return err_at(ERR_NOMEM, "tar");
	if (archive_write_set_format_pax(t->archive) != ARCHIVE_OK ||
	    archive_write_set_format_option(t->archive, "pax", "xattrheader", "SCHILY") !=
		    ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(t->archive, 0) != ARCHIVE_OK ||
	    archive_write_open(t->archive, t, NULL, give, NULL) != ARCHIVE_OK)
		return err_at(ERR_SYSTEM, "tar: %s", archive_error_string(t->archive));
	return OK;
}

enum err tar_writer_new(struct age_sink into, struct tar_writer **ret)
{
	CLEANUP(tar_writer_freep) struct tar_writer *t = calloc(1, sizeof(*t));

	if (!t)
		return err_at(ERR_NOMEM, "tar");
	t->into = into;
	TRY(begin(t));
	*ret = TAKE(t);
	return OK;
}

void tar_writer_free(struct tar_writer *t)
{
	if (!t)
		return;
	if (t->archive) {
		/* Freeing closes, but nothing more goes to the sink. */
		t->failed = ERR_INTERNAL;
		(void)archive_write_free(t->archive);
	}
	archive_entry_free(t->entry);
	if (t->utf8)
		freelocale(t->utf8);
	free(t);
}

/* ---- headers ---- */

static enum err put_header(struct tar_writer *t, struct archive_entry *e, const char *name)
{
	locale_t before = uselocale(t->utf8);
	int rc = archive_write_header(t->archive, e);

	(void)uselocale(before);
	return result(t, rc, name);
}

/* The one entry is used again for each: getting and clearing a new one takes longer. */
static struct archive_entry *begin_entry(struct tar_writer *t, const struct walk_entry *from)
{
	struct archive_entry *e = archive_entry_clear(t->entry);

	archive_entry_copy_stat(e, from->st);
	archive_entry_set_pathname(e, from->name);
	/* Whoever unpacks is somebody else on another machine. */
	archive_entry_set_uid(e, 0);
	archive_entry_set_gid(e, 0);
	archive_entry_unset_atime(e);
	archive_entry_unset_ctime(e);
	archive_entry_set_perm(e, from->st->st_mode & 0777);
	return e;
}

/* The kernel takes as much memory as it is offered, so it is offered little first. */
static ssize_t list_xattrs(const struct walk_entry *entry, int fd, char *names)
{
	static const size_t rooms[] = {512, XATTR_LIST_MAX};
	ssize_t len = -1;

	for (size_t i = 0; i < ARRAY_LEN(rooms) && (i == 0 || (len < 0 && errno == ERANGE)); i++)
		len = fd >= 0 ? flistxattr(fd, names, rooms[i])
			      : llistxattr(entry->path, names, rooms[i]);
	return len;
}

static ssize_t get_xattr(const struct walk_entry *entry, int fd, const char *name, void *value)
{
	return fd >= 0 ? fgetxattr(fd, name, value, XATTR_SIZE_MAX)
		       : lgetxattr(entry->path, name, value, XATTR_SIZE_MAX);
}

/* Attributes of people; what the system keeps for itself stays on this machine. `fd`: -1 for what
 * is not open. */
static enum err add_xattrs(struct tar_writer *t, struct archive_entry *e,
			   const struct walk_entry *entry, int fd)
{
	char *names = t->names;
	ssize_t len = list_xattrs(entry, fd, names);

	for (char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		ssize_t size;

		if (strncmp(name, "user.", 5) != 0)
			continue;
		size = get_xattr(entry, fd, name, t->value);
		if (size < 0 && errno == ENODATA)
			continue;
		if (size < 0)
			return err_from_errno("%s: %s", entry->path, name);
		archive_entry_xattr_add_entry(e, name, t->value, (size_t)size);
	}
	return OK;
}

enum err tar_put_memory(struct tar_writer *t, const char *name, int64_t mtime, const void *data,
			size_t len)
{
	struct archive_entry *e;
	struct stat st = {.st_mode = S_IFREG | 0644, .st_nlink = 1, .st_size = (off_t)len};
	struct walk_entry from = {.name = name, .st = &st};
	la_ssize_t written;

	st.st_mtime = (time_t)mtime;
	e = begin_entry(t, &from);
	TRY(put_header(t, e, name));
	written = archive_write_data(t->archive, data, len);
	return result(t, written == (la_ssize_t)len ? ARCHIVE_OK : ARCHIVE_FATAL, name);
}

static enum err set_link(struct archive_entry *e, const struct walk_entry *from)
{
	char target[PATH_MAX];

	TRY(walk_read_link(from, target));
	archive_entry_set_symlink(e, target);
	archive_entry_set_size(e, 0);
	return OK;
}

enum err tar_put_entry(struct tar_writer *t, const struct walk_entry *entry, const char *same_as)
{
	struct archive_entry *e = begin_entry(t, entry);

	if (S_ISLNK(entry->st->st_mode))
		TRY(set_link(e, entry));
	else if (!same_as)
		TRY(add_xattrs(t, e, entry, -1));
	if (same_as) {
		archive_entry_set_hardlink(e, same_as);
		archive_entry_set_size(e, 0);
	}
	return put_header(t, e, entry->name);
}

/* ---- content ---- */

/* Tells libarchive where the data are, so that holes stay holes. */
static enum err find_holes(struct archive_entry *e, const struct walk_entry *from, int fd)
{
	off_t size = from->st->st_size, at = 0;

	while (at < size) {
		off_t data = lseek(fd, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			break;
		hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return OK; /* a file system that cannot tell */
		archive_entry_sparse_add_entry(e, data, MIN(hole, size) - data);
		at = hole;
	}
	if (archive_entry_sparse_count(e) == 0)
		archive_entry_sparse_add_entry(e, size, 0);
	return OK;
}

static enum err add_holes(struct archive_entry *e, const struct walk_entry *from, int fd)
{
	/* A file that takes as much space as it is long has none. */
	if ((off_t)from->st->st_blocks * 512 >= from->st->st_size)
		return OK;
	TRY(find_holes(e, from, fd));
	return lseek(fd, 0, SEEK_SET) == 0 ? OK : err_from_errno("%s", from->path);
}

static enum err changed(const struct walk_entry *entry)
{
	return err_at(ERR_BUSY, "%s: it changed while it was read", entry->path);
}

static enum err put_piece(struct tar_writer *t, const struct walk_entry *entry,
			  const struct tar_room *room, const uint8_t *piece, size_t len)
{
	if (archive_write_data(t->archive, piece, len) < 0)
		return result(t, ARCHIVE_FATAL, entry->name);
	return room->filled(room->ctx, len);
}

static enum err put_content(struct tar_writer *t, const struct walk_entry *entry, int fd,
			    const struct tar_room *room)
{
	uint64_t left = (uint64_t)entry->st->st_size;
	uint8_t more;
	size_t len;

	while (left > 0) {
		size_t cap;
		uint8_t *piece = room->room(room->ctx, &cap);

		TRY(io_read_full(fd, piece, (size_t)MIN(left, MIN(cap, PIECE)), &len));
		if (len == 0)
			return changed(entry);
		TRY(put_piece(t, entry, room, piece, len));
		left -= len;
	}
	TRY(io_read_full(fd, &more, 1, &len));
	return len == 0 ? OK : changed(entry);
}

enum err tar_put_file(struct tar_writer *t, const struct walk_entry *entry, int fd,
		      const struct tar_room *room)
{
	struct archive_entry *e = begin_entry(t, entry);

	TRY(add_xattrs(t, e, entry, fd));
	TRY(add_holes(e, entry, fd));
	TRY(put_header(t, e, entry->name));
	return put_content(t, entry, fd, room);
}

/* The source is asked once more at its end, where it tells that it was whole. */
enum err tar_put_stream(struct tar_writer *t, const struct walk_entry *entry,
			struct age_source from, const struct tar_room *room)
{
	struct archive_entry *e;
	uint64_t left = (uint64_t)entry->st->st_size;
	size_t len = 0;

	e = begin_entry(t, entry);
	TRY(put_header(t, e, entry->name));
	do {
		size_t cap;
		uint8_t *piece = room->room(room->ctx, &cap);

		TRY(from.read(from.ctx, piece, MIN(cap, PIECE), &len));
		if (len > left || (len == 0 && left > 0))
			return changed(entry);
		TRY(put_piece(t, entry, room, piece, len));
		left -= len;
	} while (len > 0);
	return OK;
}

enum err tar_finish(struct tar_writer *t)
{
	return result(t, archive_write_close(t->archive), "tar");
}

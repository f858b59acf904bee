#include "pack/untar.h"
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/secret.h"

#define PIECE (256u * 1024)

struct untar {
	struct archive *archive;
	struct archive_entry *entry; /* borrowed from the archive */
	struct age_source from;
	enum err failed; /* of the source */
	uint8_t *piece;
	locale_t utf8;
};

static la_ssize_t take(struct archive *a, void *ctx, const void **ret)
{
	struct untar *u = ctx;
	size_t len = 0;

	u->failed = u->from.read(u->from.ctx, u->piece, PIECE, &len);
	*ret = u->piece;
	if (u->failed == OK)
		return (la_ssize_t)len;
	archive_set_error(a, EIO, "source");
	return -1;
}

/* The source's own error outweighs what libarchive makes of it. */
static enum err result(struct untar *u, int rc)
{
	TRY(u->failed);
	if (rc == ARCHIVE_EOF)
		return ERR_NOT_FOUND;
	if (rc >= ARCHIVE_WARN)
		return OK;
	if (archive_errno(u->archive) == ENOMEM)
		return err_at(ERR_NOMEM, "tar");
	return err_at(ERR_BAD_FORMAT, "tar: %s", archive_error_string(u->archive));
}

static enum err begin(struct untar *u)
{
	locale_t before;
	int rc;

	u->piece = malloc(PIECE);
	u->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	u->archive = archive_read_new();
	if (!u->piece || !u->utf8 || !u->archive)
		return err_at(ERR_NOMEM, "tar");
	if (archive_read_support_filter_none(u->archive) != ARCHIVE_OK ||
	    archive_read_support_filter_zstd(u->archive) != ARCHIVE_OK ||
	    archive_read_support_format_tar(u->archive) != ARCHIVE_OK)
		return err_at(ERR_SYSTEM, "tar: %s", archive_error_string(u->archive));
	before = uselocale(u->utf8);
	rc = archive_read_open(u->archive, u, NULL, take, NULL);
	(void)uselocale(before);
	return result(u, rc);
}

enum err untar_new(struct age_source from, struct untar **ret)
{
	CLEANUP(untar_freep) struct untar *u = calloc(1, sizeof(*u));

	if (!u)
		return err_at(ERR_NOMEM, "tar");
	u->from = from;
	TRY(begin(u));
	*ret = TAKE(u);
	return OK;
}

void untar_free(struct untar *u)
{
	if (!u)
		return;
	if (u->archive)
		(void)archive_read_free(u->archive);
	if (u->utf8)
		freelocale(u->utf8);
	if (u->piece)
		mem_wipe(u->piece, PIECE);
	free(u->piece);
	free(u);
}

static enum untar_type type_of(struct archive_entry *e)
{
	if (archive_entry_hardlink(e))
		return UNTAR_HARD_LINK;
	switch (archive_entry_filetype(e)) {
	case AE_IFREG:
		return UNTAR_FILE;
	case AE_IFDIR:
		return UNTAR_FOLDER;
	case AE_IFLNK:
		return UNTAR_LINK;
	default:
		return UNTAR_OTHER;
	}
}

static enum err describe(struct archive_entry *e, struct untar_entry *ret)
{
	la_int64_t size = archive_entry_size(e);

	*ret = (struct untar_entry){.type = type_of(e), .name = archive_entry_pathname(e)};
	if (!ret->name || size < 0)
		return err_at(ERR_BAD_FORMAT, "tar: an entry without a name");
	ret->size = (uint64_t)size;
	ret->mode = archive_entry_mode(e) & 07777;
	ret->mtime.tv_sec = archive_entry_mtime(e);
	ret->mtime.tv_nsec = archive_entry_mtime_nsec(e);
	if (ret->type == UNTAR_HARD_LINK)
		ret->target = archive_entry_hardlink(e);
	if (ret->type == UNTAR_LINK)
		ret->target = archive_entry_symlink(e);
	if ((ret->type == UNTAR_LINK || ret->type == UNTAR_HARD_LINK) && !ret->target)
		return err_at(ERR_BAD_FORMAT, "tar: a link without a target");
	return OK;
}

enum err untar_next(struct untar *u, struct untar_entry *ret)
{
	locale_t before = uselocale(u->utf8);
	enum err err = result(u, archive_read_next_header(u->archive, &u->entry));

	if (err == OK)
		err = describe(u->entry, ret);
	(void)uselocale(before);
	return err;
}

enum err untar_data(struct untar *u,
		    enum err (*each)(void *ctx, uint64_t off, const void *data, size_t len),
		    void *ctx)
{
	for (;;) {
		const void *data;
		size_t len;
		la_int64_t off;
		int rc = archive_read_data_block(u->archive, &data, &len, &off);

		if (rc == ARCHIVE_EOF && u->failed == OK)
			return OK;
		TRY(result(u, rc));
		if (off < 0)
			return err_at(ERR_BAD_FORMAT, "tar: data before the beginning");
		if (len > 0)
			TRY(each(ctx, (uint64_t)off, data, len));
	}
}

enum err untar_xattrs(struct untar *u,
		      enum err (*each)(void *ctx, const char *name, const void *value, size_t len),
		      void *ctx)
{
	const char *name;
	const void *value;
	size_t len;

	(void)archive_entry_xattr_reset(u->entry);
	while (archive_entry_xattr_next(u->entry, &name, &value, &len) == ARCHIVE_OK)
		if (name && strncmp(name, "user.", 5) == 0)
			TRY(each(ctx, name, value, len));
	return OK;
}

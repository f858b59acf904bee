#include "volume/items.h"

#include <string.h>
#include "crypto/hash.h"
#include "volume/journal.h"
#include "volume/note.h"
#include "volume/volume.h"

#define INODE_FLAG_INLINE 1u
#define NSEC_PER_SEC 1000000000u

uint64_t dirent_bucket(const uint8_t name_key[NAME_KEY_LEN], const char *name, size_t len)
{
	return (siphash24(name_key, name, len) >> 2) & ~(uint64_t)(BUCKET_SIZE - 1);
}

uint64_t xattr_bucket(const uint8_t name_key[NAME_KEY_LEN], const char *name, size_t len)
{
	return siphash24(name_key, name, len) & ~(uint64_t)(BUCKET_SIZE - 1);
}

static enum err malformed(const struct store_view *view, const char *what)
{
	return err_at(ERR_MALFORMED, "%s of inode %llu", what,
		      (unsigned long long)view->key.object);
}

size_t meta_encode(const struct meta *meta, uint8_t out[META_MAX])
{
	struct writer w = writer_make(out, META_MAX);
	size_t label_len = strlen(meta->label);

	write_u32(&w, META_VERSION);
	write_u8(&w, (uint8_t)meta->record_shift);
	write_u8(&w, (uint8_t)label_len);
	write_bytes(&w, meta->name_key, NAME_KEY_LEN);
	write_bytes(&w, meta->label, label_len);
	return META_MAX - w.left;
}

enum err meta_decode(const struct store_view *view, struct meta *ret)
{
	struct reader r = reader_make(view->value, view->len);
	struct meta meta = {0};
	uint32_t version = read_u32(&r);
	size_t label_len;

	if (reader_ok(&r) && version > META_VERSION)
		return err_at(ERR_NEWER_FORMAT, "volume format %u", version);
	meta.record_shift = read_u8(&r);
	label_len = read_u8(&r);
	read_bytes(&r, meta.name_key, NAME_KEY_LEN);
	if (label_len > META_LABEL_MAX)
		return malformed(view, "label");
	read_bytes(&r, meta.label, label_len);
	if (strlen(meta.label) != label_len)
		return malformed(view, "label");
	if (!reader_done(&r) || version == 0 || view->has_record)
		return malformed(view, "volume description");
	if (meta.record_shift < 14 || meta.record_shift > 17)
		return malformed(view, "record size");
	*ret = meta;
	return OK;
}

static void write_time(struct writer *w, struct timespec t)
{
	write_u64(w, (uint64_t)t.tv_sec);
	write_u32(w, (uint32_t)t.tv_nsec);
}

static struct timespec read_time(struct reader *r)
{
	struct timespec t;

	t.tv_sec = (time_t)read_u64(r);
	t.tv_nsec = read_u32(r);
	return t;
}

void inode_item_encode(const struct inode_item *item, uint8_t out[INODE_LEN])
{
	struct writer w = writer_make(out, INODE_LEN);

	write_u32(&w, item->mode);
	write_u32(&w, item->nlink);
	write_u32(&w, item->uid);
	write_u32(&w, item->gid);
	write_u64(&w, item->size);
	write_u64(&w, item->blocks);
	write_u64(&w, item->parent);
	write_u32(&w, item->is_inline ? INODE_FLAG_INLINE : 0);
	write_time(&w, item->atime);
	write_time(&w, item->mtime);
	write_time(&w, item->ctime);
	write_time(&w, item->btime);
	write_zeroes(&w, w.left);
}

static bool time_is_sane(const struct timespec *t)
{
	return t->tv_nsec >= 0 && t->tv_nsec < (long)NSEC_PER_SEC;
}

static bool mode_is_sane(uint32_t mode)
{
	uint32_t type = mode & S_IFMT;

	return (mode & ~(uint32_t)(S_IFMT | 07777)) == 0 &&
	       (type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFIFO ||
		type == S_IFSOCK);
}

static bool inode_is_sane(const struct inode_item *i)
{
	return mode_is_sane(i->mode) && i->size <= VOLUME_FILE_MAX &&
	       S_ISDIR(i->mode) == (i->parent != 0) && time_is_sane(&i->atime) &&
	       time_is_sane(&i->mtime) && time_is_sane(&i->ctime) && time_is_sane(&i->btime);
}

enum err inode_item_decode(const struct store_view *view, struct inode_item *ret)
{
	struct reader r = reader_make(view->value, view->len);
	struct inode_item item = {0};
	uint32_t flags;

	item.mode = read_u32(&r);
	item.nlink = read_u32(&r);
	item.uid = read_u32(&r);
	item.gid = read_u32(&r);
	item.size = read_u64(&r);
	item.blocks = read_u64(&r);
	item.parent = read_u64(&r);
	flags = read_u32(&r);
	item.is_inline = flags & INODE_FLAG_INLINE;
	item.atime = read_time(&r);
	item.mtime = read_time(&r);
	item.ctime = read_time(&r);
	item.btime = read_time(&r);
	read_skip(&r, 20);
	if (!reader_done(&r) || view->has_record || (flags & ~INODE_FLAG_INLINE))
		return malformed(view, "description");
	if (!inode_is_sane(&item))
		return malformed(view, "attributes");
	*ret = item;
	return OK;
}

size_t dirent_encode(uint64_t ino, uint32_t mode, const char *name, size_t len,
		     uint8_t out[STORE_VALUE_MAX])
{
	struct writer w = writer_make(out, STORE_VALUE_MAX);

	write_u64(&w, ino);
	write_u8(&w, (uint8_t)((mode & S_IFMT) >> 12));
	write_bytes(&w, name, len);
	return STORE_VALUE_MAX - w.left;
}

/* Neither could be told from the folder itself and the one above, wherever names become paths. */
static bool name_is_dots(const struct dirent_item *item)
{
	return item->name[0] == '.' &&
	       (item->name_len == 1 || (item->name_len == 2 && item->name[1] == '.'));
}

enum err dirent_decode(const struct store_view *view, struct dirent_item *ret)
{
	struct reader r = reader_make(view->value, view->len);
	struct dirent_item item;

	item.ino = read_u64(&r);
	item.type = read_u8(&r);
	item.name_len = r.left;
	item.name = (const char *)read_span(&r, r.left);
	if (!reader_done(&r) || view->has_record || item.ino == 0 || item.name_len == 0 ||
	    item.name_len > VOLUME_NAME_BYTES || !mode_is_sane((uint32_t)item.type << 12))
		return malformed(view, "entry");
	/* Who lists a folder goes on behind the entry; behind the last place there is a beginning. */
	if (view->key.offset >= DIRENT_PLACES)
		return malformed(view, "place of an entry");
	if (name_is_dots(&item) || memchr(item.name, '/', item.name_len) ||
	    memchr(item.name, '\0', item.name_len))
		return malformed(view, "name in an entry");
	*ret = item;
	return OK;
}

size_t xattr_encode(const char *name, size_t name_len, size_t value_len,
		    uint8_t out[STORE_VALUE_MAX])
{
	struct writer w = writer_make(out, STORE_VALUE_MAX);

	write_u16(&w, (uint16_t)name_len);
	write_u32(&w, (uint32_t)value_len);
	write_bytes(&w, name, name_len);
	return STORE_VALUE_MAX - w.left;
}

enum err xattr_decode(const struct store_view *view, struct xattr_item *ret)
{
	struct reader r = reader_make(view->value, view->len);
	struct xattr_item item = {0};

	item.name_len = read_u16(&r);
	item.value_len = read_u32(&r);
	item.name = (const char *)read_span(&r, item.name_len);
	if (!view->has_record)
		item.value = read_span(&r, item.value_len);
	if (!reader_done(&r) || item.name_len == 0 || item.name_len > XATTR_NAME_MAX ||
	    item.value_len > VOLUME_XATTR_MAX || memchr(item.name, '\0', item.name_len))
		return malformed(view, "extended attribute");
	if (view->has_record && view->record.extra != item.value_len)
		return malformed(view, "extended attribute's length");
	*ret = item;
	return OK;
}

void orphan_encode(const struct orphan_item *item, uint8_t out[ORPHAN_LEN])
{
	struct writer w = writer_make(out, ORPHAN_LEN);

	write_u8(&w, (uint8_t)item->what);
	write_u64(&w, item->size);
}

enum err orphan_decode(const struct store_view *view, struct orphan_item *ret)
{
	struct reader r = reader_make(view->value, view->len);
	uint8_t what = read_u8(&r);
	uint64_t size = read_u64(&r);

	if (!reader_done(&r) || view->has_record || what > ORPHAN_TRUNCATE ||
	    size > VOLUME_FILE_MAX)
		return malformed(view, "unfinished deletion");
	ret->what = what;
	ret->size = size;
	return OK;
}

enum err extent_check(const struct store_view *view, unsigned record_shift)
{
	uint64_t from = view->key.offset;
	uint64_t len = view->record.extra;

	if (!view->has_record || view->len != 0 || len == 0 || from % DISK_BLOCK != 0 ||
	    from >= VOLUME_FILE_MAX || len > (uint64_t)view->record.blocks * DISK_BLOCK ||
	    from >> record_shift != (from + len - 1) >> record_shift)
		return malformed(view, "extent");
	return OK;
}

enum err inline_check(const struct store_view *view, bool is_link)
{
	if (view->key.offset != 0 || view->has_record || view->len == 0 ||
	    view->len > (is_link ? VOLUME_SYMLINK_MAX : INLINE_MAX))
		return malformed(view, "content");
	if (is_link && memchr(view->value, '\0', view->len))
		return malformed(view, "target");
	return OK;
}

enum err note_check(const struct store_view *view)
{
	uint64_t at = view->key.offset & UINT32_MAX;
	uint64_t len = view->record.extra;

	if (!view->has_record || view->len != 0 || len == 0 || view->key.offset >> 32 == 0 ||
	    len > (uint64_t)view->record.blocks * DISK_BLOCK || len > STORE_RECORD_MAX ||
	    at + len > NOTE_MAX)
		return malformed(view, "note");
	return OK;
}

bool log_line_is_sane(const char *line, size_t len)
{
	return len > 0 && len <= JOURNAL_LINE_MAX && !memchr(line, '\n', len) &&
	       !memchr(line, '\0', len);
}

enum err log_check(const struct store_view *view)
{
	if (view->has_record || view->key.offset >= JOURNAL_LINES_MAX ||
	    !log_line_is_sane((const char *)view->value, view->len))
		return malformed(view, "line of the log");
	return OK;
}

/* Items of a volume. Input: kind 1, flags 1 (1 a record, 2 a link), record shift 1, key offset 8,
 * record's blocks 2 and length 4, value. What a decoder takes, its encoder writes again. */
#include "tests/fuzz.h"
#include "volume/items.h"
#include "volume/volume.h"

#define INODE_USED 92u /* behind it are bytes that readers ignore */

static void expect_same(const struct store_view *view, const uint8_t *out, size_t len)
{
	if (len > view->len || memcmp(out, view->value, len) != 0)
		abort();
}

static void try_meta(const struct store_view *view)
{
	uint8_t out[META_MAX];
	struct meta meta;

	if (meta_decode(view, &meta) == OK && meta_encode(&meta, out) == view->len)
		expect_same(view, out, view->len);
	else if (meta_decode(view, &meta) == OK)
		abort();
}

static void try_inode(const struct store_view *view)
{
	uint8_t out[INODE_LEN];
	struct inode_item item;

	if (inode_item_decode(view, &item) != OK)
		return;
	inode_item_encode(&item, out);
	expect_same(view, out, INODE_USED);
}

static void try_dirent(const struct store_view *view)
{
	uint8_t out[STORE_VALUE_MAX];
	struct dirent_item item;

	if (dirent_decode(view, &item) != OK)
		return;
	if (item.name_len == 0 || item.name_len > VOLUME_NAME_BYTES ||
	    memchr(item.name, '/', item.name_len) || (item.name_len == 1 && item.name[0] == '.') ||
	    (item.name_len == 2 && memcmp(item.name, "..", 2) == 0))
		abort();
	expect_same(view, out,
		    dirent_encode(item.ino, (uint32_t)item.type << 12, item.name, item.name_len, out));
}

static void try_xattr(const struct store_view *view)
{
	uint8_t out[STORE_VALUE_MAX];
	struct xattr_item item;
	size_t len;

	if (xattr_decode(view, &item) != OK)
		return;
	len = xattr_encode(item.name, item.name_len, item.value_len, out);
	expect_same(view, out, len);
	if (item.value && item.value + item.value_len != view->value + view->len)
		abort();
	if (!item.value != view->has_record)
		abort();
}

static void try_orphan(const struct store_view *view)
{
	uint8_t out[ORPHAN_LEN];
	struct orphan_item item;

	if (orphan_decode(view, &item) != OK)
		return;
	orphan_encode(&item, out);
	expect_same(view, out, sizeof(out));
}

static void try_content(const struct store_view *view, unsigned shift, bool is_link)
{
	uint64_t begin = view->key.offset, end = begin + view->record.extra;

	if (inline_check(view, is_link) == OK && (view->len == 0 || view->has_record))
		abort();
	if (extent_check(view, shift) == OK &&
	    (end <= begin || begin % DISK_BLOCK != 0 || begin >> shift != (end - 1) >> shift))
		abort();
}

static void try_kind(const struct store_view *view, unsigned shift, bool is_link)
{
	switch (view->key.kind) {
	case ITEM_META:
		try_meta(view);
		break;
	case ITEM_INODE:
		try_inode(view);
		break;
	case ITEM_DIRENT:
		try_dirent(view);
		break;
	case ITEM_XATTR:
		try_xattr(view);
		break;
	case ITEM_ORPHAN:
		try_orphan(view);
		break;
	default:
		try_content(view, shift, is_link);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_make(data, size);
	struct store_view view = { .key = { .object = 7 } };
	unsigned flags, shift;

	view.key.kind = read_u8(&r);
	flags = read_u8(&r);
	shift = 14 + read_u8(&r) % 4;
	view.key.offset = read_u64(&r);
	view.record.blocks = read_u16(&r);
	view.record.extra = read_u32(&r);
	view.has_record = flags & 1;
	if (!reader_ok(&r) || r.left > STORE_VALUE_MAX)
		return 0;
	view.value = r.at;
	view.len = r.left;
	try_kind(&view, shift, flags & 2);
	return 0;
}

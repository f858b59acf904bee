/* clang-format off */
/* The items a volume is made of: their kinds, keys and bytes. docs/FORMAT.md, "Volume items".
 *
 * Integers are little-endian; a name or a label is never terminated and its length is what the
 * value leaves. Object 0 belongs to the volume, every other object is an inode number.
 *
 *   kind      object  offset          value (and record)
 *   0 META    0       0               version u32 = 1, record shift u8, label len u8, name key
 *                                     16, label
 *   1 INODE   ino     0               112 bytes, see below
 *   2 INLINE  ino     0               a file's first bytes (at most 2048), or a link's target
 *   3 EXTENT  ino     file offset     empty; the record holds the content from that offset on
 *   4 DIRENT  folder  bucket | n      ino u64, type u8 (S_IFMT >> 12), name
 *   5 XATTR   ino     bucket | n      name len u16, value len u32, name, value unless in the record
 *   6 ORPHAN  0       ino             what u8 (0 delete, 1 truncate), size u64
 *   7 NOTE    0       id << 32 | at   empty; the record holds the note's bytes from `at` on
 *   8 LOG     0       number          a line
 *
 *   INODE: mode u32, nlink u32, uid u32, gid u32, size u64, blocks u64 (of 512 bytes), parent u64
 *   (folders; else 0), flags u32 (1: INLINE is there), then atime, mtime, ctime, btime, each
 *   seconds i64 and nanoseconds u32, then 20 zero bytes.
 *
 * The superblock's user area: next inode number u64, files u64, bytes u64 (volume_totals), zeroes.
 *
 * A window is a stretch of a file as long as the record size, at a multiple of it. An extent lies
 * within one window and begins at a multiple of 4096; extents do not overlap; where there is none,
 * the file is zero. A window has one extent, or several of at most 16 KiB when free space was too
 * scattered for one. A file with INLINE has no extent in window 0. No content lies behind the size
 * of its file.
 * A bucket is SipHash-2-4 of the name under the volume's name key with the low 8 bits cleared, for
 * names after a shift right by 2 so that a folder position fits in 63 bits. n, 0 to 255, is the
 * first place of the bucket that was free; readers look at the whole bucket. */
/* clang-format on */
#pragma once
#include <stdbool.h>
#include <sys/stat.h>
#include <time.h>
#include "store/store.h"

#define ITEM_META 0u
#define ITEM_INODE 1u
#define ITEM_INLINE 2u
#define ITEM_EXTENT 3u
#define ITEM_DIRENT 4u
#define ITEM_XATTR 5u
#define ITEM_ORPHAN 6u
#define ITEM_NOTE 7u
#define ITEM_LOG 8u

#define META_VERSION 1u
#define META_LABEL_MAX 64u
#define META_MAX (22u + META_LABEL_MAX)
#define NAME_KEY_LEN 16u
#define INODE_LEN 112u
#define INLINE_MAX 2048u
#define DIRENT_HEAD 9u
#define XATTR_HEAD 6u
#define XATTR_NAME_MAX 255u
#define XATTR_INSIDE_MAX 2048u /* longer values go to a record */
#define ORPHAN_LEN 9u
#define BUCKET_SIZE 256u
#define JOURNAL_LINES_MAX (UINT64_C(1) << 48)
#define DIRENT_PLACES (UINT64_C(1) << 62) /* what dirent_bucket can give, and its 256 */

struct meta {
	unsigned record_shift; /* 14 to 17: the record size is 1 << record_shift */
	uint8_t name_key[NAME_KEY_LEN];
	char label[META_LABEL_MAX + 1];
};

struct inode_item {
	uint32_t mode, nlink, uid, gid;
	uint64_t size;
	uint64_t blocks; /* of 512 bytes: records, and INLINE rounded up to 512 */
	uint64_t parent; /* of a folder; 0 otherwise */
	bool is_inline;
	struct timespec atime, mtime, ctime, btime;
};

struct dirent_item {
	uint64_t ino;
	uint8_t type;	  /* S_IFMT >> 12 */
	const char *name; /* borrowed, not terminated */
	size_t name_len;
};

struct xattr_item {
	const char *name; /* borrowed, not terminated */
	size_t name_len;
	size_t value_len;
	const uint8_t *value; /* borrowed; NULL when it is in the record */
};

enum orphan_what { ORPHAN_DELETE, ORPHAN_TRUNCATE };
struct orphan_item {
	enum orphan_what what;
	uint64_t size; /* to truncate to */
};

static inline struct store_key item_key(uint64_t object, uint8_t kind, uint64_t offset)
{
	return (struct store_key){.object = object, .offset = offset, .kind = kind};
}
static inline bool item_is(const struct store_view *view, uint64_t object, uint8_t kind)
{
	return view->key.object == object && view->key.kind == kind;
}
uint64_t dirent_bucket(const uint8_t name_key[NAME_KEY_LEN], const char *name, size_t len);
uint64_t xattr_bucket(const uint8_t name_key[NAME_KEY_LEN], const char *name, size_t len);

/* Encoders return the length; `out` is as large as the MAX of its kind. Decoders give ERR_MALFORMED
 * for anything an encoder would not have written; what they return borrows the view. */
size_t meta_encode(const struct meta *meta, uint8_t out[META_MAX]);
MUST_CHECK enum err meta_decode(const struct store_view *view, struct meta *ret);
void inode_item_encode(const struct inode_item *item, uint8_t out[INODE_LEN]);
MUST_CHECK enum err inode_item_decode(const struct store_view *view, struct inode_item *ret);
size_t dirent_encode(uint64_t ino, uint32_t mode, const char *name, size_t len,
		     uint8_t out[STORE_VALUE_MAX]);
MUST_CHECK enum err dirent_decode(const struct store_view *view, struct dirent_item *ret);
/* The head and the name; the caller appends a value that is kept inside. */
size_t xattr_encode(const char *name, size_t name_len, size_t value_len,
		    uint8_t out[STORE_VALUE_MAX]);
MUST_CHECK enum err xattr_decode(const struct store_view *view, struct xattr_item *ret);
void orphan_encode(const struct orphan_item *item, uint8_t out[ORPHAN_LEN]);
MUST_CHECK enum err orphan_decode(const struct store_view *view, struct orphan_item *ret);
/* Extents and inline content have no bytes of their own to decode, only rules to keep. */
MUST_CHECK enum err extent_check(const struct store_view *view, unsigned record_shift);
MUST_CHECK enum err inline_check(const struct store_view *view, bool is_link);
MUST_CHECK enum err note_check(const struct store_view *view); /* one piece of it */
bool log_line_is_sane(const char *line, size_t len);
MUST_CHECK enum err log_check(const struct store_view *view);

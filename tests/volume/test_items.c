/* The bytes of items: what is written is read back, and nothing else is read. */
#include "tests/check.h"
#include "volume/items.h"
#include "volume/volume.h"

#include <string.h>

static struct store_view view_of(uint8_t kind, const void *value, size_t len)
{
	return (struct store_view){.key = item_key(5, kind, 0), .value = value, .len = len};
}

/* Every shorter value and one longer one must be refused by `decode`. */
#define ASSERT_LENGTH_MATTERS(kind, value, len, shortest, decode, out)                             \
	do {                                                                                       \
		for (size_t cut_ = (shortest); cut_ <= (len) + 1; cut_++) {                        \
			struct store_view view_ = view_of(kind, value, cut_);                      \
			assert_err(decode(&view_, out), cut_ == (len) ? OK : ERR_MALFORMED);       \
		}                                                                                  \
	} while (0)

static struct inode_item some_inode(void)
{
	return (struct inode_item){
		.mode = S_IFDIR | 01755,
		.nlink = 3,
		.uid = 4,
		.gid = 5,
		.size = UINT64_C(1) << 40,
		.blocks = 7,
		.parent = 8,
		.is_inline = true,
		.atime = {-1, 1},
		.mtime = {2, 999999999},
		.ctime = {INT64_MAX, 0},
		.btime = {INT64_MIN, 4},
	};
}

static void an_inode_comes_back_field_by_field(void **state)
{
	struct inode_item in = some_inode(), out;
	uint8_t value[INODE_LEN + 1] = {0};

	inode_item_encode(&in, value);
	ASSERT_LENGTH_MATTERS(ITEM_INODE, value, INODE_LEN, 0, inode_item_decode, &out);
	struct store_view view = view_of(ITEM_INODE, value, INODE_LEN);
	assert_ok(inode_item_decode(&view, &out));
	assert_int_equal(out.mode, in.mode);
	assert_int_equal(out.nlink, in.nlink);
	assert_int_equal(out.uid, in.uid);
	assert_int_equal(out.gid, in.gid);
	assert_int_equal(out.size, in.size);
	assert_int_equal(out.blocks, in.blocks);
	assert_int_equal(out.parent, in.parent);
	assert_true(out.is_inline);
	assert_int_equal(out.atime.tv_sec, -1);
	assert_int_equal(out.mtime.tv_nsec, 999999999);
	assert_true(out.ctime.tv_sec == INT64_MAX);
	assert_true(out.btime.tv_sec == INT64_MIN);
}

static void assert_inode_refused(const struct inode_item *in)
{
	uint8_t value[INODE_LEN];
	struct store_view view = view_of(ITEM_INODE, value, sizeof(value));
	struct inode_item out;

	inode_item_encode(in, value);
	assert_err(inode_item_decode(&view, &out), ERR_MALFORMED);
}

static void impossible_inodes_are_refused(void **state)
{
	struct inode_item in = some_inode();

	in.mode = S_IFCHR | 0600;
	assert_inode_refused(&in);
	in.mode = 0600;
	assert_inode_refused(&in);
	in.mode = S_IFDIR | 0700 | 1u << 20;
	assert_inode_refused(&in);
	in = some_inode();
	in.mode = S_IFREG; /* with a parent */
	assert_inode_refused(&in);
	in = some_inode();
	in.parent = 0;
	assert_inode_refused(&in);
	in = some_inode();
	in.size = VOLUME_FILE_MAX + 1;
	assert_inode_refused(&in);
	in = some_inode();
	in.btime.tv_nsec = 1000000000;
	assert_inode_refused(&in);
}

static void a_description_comes_back_and_newer_ones_are_told(void **state)
{
	struct meta in = {.record_shift = 15, .label = "大阪-03"}, out;
	uint8_t value[META_MAX + 1] = {0};
	size_t len;

	memset(in.name_key, 9, sizeof(in.name_key));
	len = meta_encode(&in, value);
	ASSERT_LENGTH_MATTERS(ITEM_META, value, len, 0, meta_decode, &out);
	struct store_view view = view_of(ITEM_META, value, len);
	assert_ok(meta_decode(&view, &out));
	assert_string_equal(out.label, in.label);
	assert_memory_equal(out.name_key, in.name_key, sizeof(in.name_key));
	value[0] = 2;
	assert_err(meta_decode(&view, &out), ERR_NEWER_FORMAT);
	value[0] = 1;
	value[4] = 13;
	assert_err(meta_decode(&view, &out), ERR_MALFORMED);
	value[4] = 18;
	assert_err(meta_decode(&view, &out), ERR_MALFORMED);
}

static void entries_with_impossible_names_are_refused(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		uint32_t mode;
	} bad[] = {
		{"a/b", 3, S_IFREG}, {"a\0b", 3, S_IFREG}, {"", 0, S_IFREG}, {".", 1, S_IFREG},
		{"..", 2, S_IFREG},  {"a", 1, S_IFCHR},	   {"a", 1, 0},
	};
	uint8_t value[STORE_VALUE_MAX];
	struct dirent_item out;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		size_t len = dirent_encode(1, bad[i].mode, bad[i].name, bad[i].len, value);
		struct store_view view = view_of(ITEM_DIRENT, value, len);

		assert_err(dirent_decode(&view, &out), ERR_MALFORMED);
	}
	struct store_view view = view_of(ITEM_DIRENT, value, 0);
	view.len = dirent_encode(0, S_IFREG, "a", 1, value);
	assert_err(dirent_decode(&view, &out), ERR_MALFORMED);
	view.len = dirent_encode(9, S_IFSOCK, "...", 3, value);
	assert_ok(dirent_decode(&view, &out));
	view.key.offset = DIRENT_PLACES - 1;
	assert_ok(dirent_decode(&view, &out));
	view.key.offset = DIRENT_PLACES; /* where no name hashes to, up to where counting on wraps */
	assert_err(dirent_decode(&view, &out), ERR_MALFORMED);
	view.key.offset = UINT64_MAX;
	assert_err(dirent_decode(&view, &out), ERR_MALFORMED);
	assert_int_equal(out.ino, 9);
	assert_memory_equal(out.name, "...", 3);
}

static void attributes_with_impossible_lengths_are_refused(void **state)
{
	uint8_t value[STORE_VALUE_MAX];
	struct xattr_item out;
	size_t len = xattr_encode("user.a", 6, 3, value);

	memcpy(value + len, "xyzw", 4);
	ASSERT_LENGTH_MATTERS(ITEM_XATTR, value, len + 3, 0, xattr_decode, &out);
	struct store_view view = view_of(ITEM_XATTR, value, len);
	view.has_record = true;
	view.record.extra = 4;
	assert_err(xattr_decode(&view, &out), ERR_MALFORMED);
	view.record.extra = 3;
	assert_ok(xattr_decode(&view, &out));
	assert_null(out.value);
}

static void unfinished_ends_come_back(void **state)
{
	struct orphan_item in = {.what = ORPHAN_TRUNCATE, .size = 77}, out;
	uint8_t value[ORPHAN_LEN + 1] = {0};

	orphan_encode(&in, value);
	ASSERT_LENGTH_MATTERS(ITEM_ORPHAN, value, ORPHAN_LEN, 0, orphan_decode, &out);
	struct store_view view = view_of(ITEM_ORPHAN, value, ORPHAN_LEN);
	assert_ok(orphan_decode(&view, &out));
	assert_int_equal(out.what, ORPHAN_TRUNCATE);
	assert_int_equal(out.size, 77);
	value[0] = 2;
	assert_err(orphan_decode(&view, &out), ERR_MALFORMED);
}

static void extents_stay_within_their_window(void **state)
{
	struct store_view view = view_of(ITEM_EXTENT, NULL, 0);

	assert_err(extent_check(&view, 15), ERR_MALFORMED); /* no record */
	view.has_record = true;
	view.record.blocks = 8;
	view.record.extra = 32768;
	assert_ok(extent_check(&view, 15));
	assert_err(extent_check(&view, 14), ERR_MALFORMED);
	view.key.offset = 4096;
	assert_err(extent_check(&view, 15), ERR_MALFORMED);
	view.record.extra = 28672;
	assert_ok(extent_check(&view, 15));
	view.key.offset = 100;
	assert_err(extent_check(&view, 15), ERR_MALFORMED);
	view.key.offset = VOLUME_FILE_MAX;
	assert_err(extent_check(&view, 15), ERR_MALFORMED);
	view.key.offset = 0;
	view.record.extra = 0;
	assert_err(extent_check(&view, 15), ERR_MALFORMED);
	view.record.extra = 8 * 4096 + 1;
	assert_err(extent_check(&view, 17), ERR_MALFORMED);
}

static void buckets_leave_room_for_positions(void **state)
{
	uint8_t key[NAME_KEY_LEN] = {1};

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t bucket = dirent_bucket(key, (const char *)&i, sizeof(i));

		assert_int_equal(bucket % BUCKET_SIZE, 0);
		assert_true(bucket + BUCKET_SIZE + 3 < INT64_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_inode_comes_back_field_by_field),
		cmocka_unit_test(impossible_inodes_are_refused),
		cmocka_unit_test(a_description_comes_back_and_newer_ones_are_told),
		cmocka_unit_test(entries_with_impossible_names_are_refused),
		cmocka_unit_test(attributes_with_impossible_lengths_are_refused),
		cmocka_unit_test(unfinished_ends_come_back),
		cmocka_unit_test(extents_stay_within_their_window),
		cmocka_unit_test(buckets_leave_room_for_positions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What volume_check finds: each relation broken once, each block damaged once. */
#include "tests/volume/fixture.h"

#include <stdio.h>
#include <string.h>

struct found {
	char path[256], why[128];
	enum err what;
	unsigned count;
};

static void note(void *ctx, const char *path, enum err what, const char *why)
{
	struct found *f = ctx;

	if (f->count++ > 0)
		return;
	snprintf(f->path, sizeof(f->path), "%s", path);
	snprintf(f->why, sizeof(f->why), "%s", why);
	f->what = what;
}

static struct found look(struct fixture *f)
{
	struct volume_check_result result;
	struct found found = {0};

	assert_ok(volume_check(f->v, note, NULL, &found, &result));
	assert_int_equal(result.problems, found.count);
	return found;
}

static void put_item(struct fixture *f, struct store_key key, const void *value, size_t len)
{
	assert_ok(store_write_begin(f->store, 1, false));
	assert_ok(store_put(f->store, &key, value, len));
	store_write_end(f->store);
	commits_note_change(f->v);
}

static void delete_item(struct fixture *f, struct store_key key)
{
	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(store_delete(f->store, &key));
	store_write_end(f->store);
	commits_note_change(f->v);
}

static struct inode_item item_of(struct fixture *f, uint64_t ino)
{
	struct store_key key = item_key(ino, ITEM_INODE, 0);
	struct inode_item item;
	struct store_view view;

	store_read_begin(f->store);
	assert_ok(store_find(f->store, &key, &view));
	assert_ok(inode_item_decode(&view, &item));
	store_read_end(f->store);
	return item;
}

static void put_inode(struct fixture *f, uint64_t ino, const struct inode_item *item)
{
	uint8_t value[INODE_LEN];

	inode_item_encode(item, value);
	put_item(f, item_key(ino, ITEM_INODE, 0), value, sizeof(value));
}

/* /d/file with two records, /d/small with inline content; all in the tree. */
struct tree {
	uint64_t d, file, small;
};

static struct tree make_tree(struct fixture *f)
{
	struct tree t;

	t.d = make_folder(f, VOLUME_ROOT, "d");
	t.file = make_file(f, t.d, "file");
	t.small = make_file(f, t.d, "small");
	write_pattern(f, t.file, 0, 2u << VOLUME_RECORD_SHIFT, 1);
	write_text(f, t.small, 0, "small");
	assert_ok(volume_sync(f->v));
	assert_whole(f);
	return t;
}

static void assert_found(struct fixture *f, const char *path, const char *why)
{
	struct found found = look(f);

	assert_int_equal(found.count, 1);
	assert_string_equal(found.path, path);
	assert_string_equal(found.why, why);
}

static void wrong_link_counts_are_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct inode_item item = item_of(f, t.file);

	item.nlink = 2;
	put_inode(f, t.file, &item);
	assert_found(f, "/d/file", "wrong number of links");
}

static void wrong_folder_counts_are_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct inode_item item = item_of(f, t.d);

	item.nlink = 5;
	put_inode(f, t.d, &item);
	assert_found(f, "/d", "wrong number of folders");
}

static void a_folder_with_another_parent_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct inode_item item = item_of(f, t.d);

	item.parent = 77;
	put_inode(f, t.d, &item);
	assert_found(f, "/d", "folder knows another parent");
}

static void content_behind_the_end_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct inode_item item = item_of(f, t.file);

	item.size -= 1;
	f->v->bytes -= 1;
	put_inode(f, t.file, &item);
	assert_found(f, "/d/file", "content behind the end");
}

static void wrong_blocks_are_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct inode_item item = item_of(f, t.file);

	item.blocks += 8;
	put_inode(f, t.file, &item);
	assert_found(f, "/d/file", "wrong number of blocks");
}

static void missing_small_content_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct found found;

	delete_item(f, item_key(t.small, ITEM_INLINE, 0));
	found = look(f);
	assert_string_equal(found.path, "/d/small");
	assert_string_equal(found.why, "small content is missing");
}

static void a_name_of_nothing_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);

	delete_item(f, item_key(t.small, ITEM_INLINE, 0));
	delete_item(f, item_key(t.small, ITEM_INODE, 0));
	f->v->files--;
	f->v->bytes -= 5;
	assert_found(f, "/d/small", "the file is lost");
}

static void a_file_without_a_name_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct name_place place;
	char path[32];

	assert_ok(name_find(f->v, t.d, "small", &place));
	delete_item(f, place.key);
	snprintf(path, sizeof(path), "inode %u", (unsigned)t.small);
	assert_found(f, path, "has no name");
}

static void a_name_in_the_wrong_place_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	uint8_t value[STORE_VALUE_MAX];
	struct name_place place;
	size_t len = dirent_encode(t.small, S_IFREG, "small", 5, value);

	assert_ok(name_find(f->v, t.d, "small", &place));
	delete_item(f, place.key);
	place.key.offset ^= UINT64_C(1) << 40;
	put_item(f, place.key, value, len);
	assert_found(f, "/d/small", "name in the wrong place");
}

static void a_name_of_another_type_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	uint8_t value[STORE_VALUE_MAX];
	struct name_place place;
	size_t len = dirent_encode(t.small, S_IFIFO, "small", 5, value);

	assert_ok(name_find(f->v, t.d, "small", &place));
	put_item(f, place.key, value, len);
	assert_found(f, "/d/small", "name and file differ in type");
}

static void bad_items_are_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct found found;

	put_item(f, item_key(t.small, ITEM_XATTR, 1), "xx", 2);
	assert_found(f, "/d/small", "bad extended attribute");
	put_item(f, item_key(t.small, 9, 1), "xx", 2);
	put_item(f, item_key(0, 9, 1), "xx", 2);
	put_item(f, item_key(0, ITEM_ORPHAN, 1), "xx", 2);
	put_item(f, item_key(t.small, ITEM_EXTENT, 1), "xx", 2);
	put_item(f, item_key(t.d, ITEM_DIRENT, 1), "xx", 2);
	found = look(f);
	assert_int_equal(found.count, 6);
}

static void wrong_counters_are_found(void **state)
{
	struct fixture *f = *state;

	make_tree(f);
	f->v->files++;
	assert_found(f, "/", "wrong counters");
}

static void a_damaged_record_is_told_with_its_path(void **state)
{
	struct fixture *f = fixture_new_sim(VOLUME_RECORD_SHIFT, 8192);
	struct tree t = make_tree(f);
	struct inode *inode;
	struct found found;
	struct window w;
	uint8_t buf[10];
	size_t got;

	assert_ok(inode_pin(f->v, t.file, &inode));
	assert_ok(window_find(f->v, inode, 1, &w));
	inode_unpin(f->v, inode);
	sim_flip(f->sim, DISK_DATA, w.extents[0].ref.addr * DISK_BLOCK + 77, 1);
	found = look(f);
	assert_int_equal(found.count, 1);
	assert_string_equal(found.path, "/d/file");
	assert_int_equal(found.what, ERR_FORGED);
	assert_err(volume_read(f->v, t.file, w.extents[0].key.offset, buf, 10, &got), ERR_FORGED);
	assert_ok(volume_read(f->v, t.file, 0, buf, 10, &got));
	fixture_free(f);
}

static void checking_makes_pending_changes_durable(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_text(f, ino, 0, "not yet committed");
	assert_whole(f);
	fixture_crash(f);
	assert_text(f, ino, "not yet committed");
}

/* The entry of `name` goes from one folder to another, as far as the tree knows. */
static void move_entry(struct fixture *f, uint64_t from, uint64_t to, const char *name,
		       uint64_t ino, uint32_t mode)
{
	uint64_t bucket = dirent_bucket(f->v->meta.name_key, name, strlen(name));
	uint8_t value[STORE_VALUE_MAX];
	size_t len = dirent_encode(ino, mode, name, strlen(name), value);

	delete_item(f, item_key(from, ITEM_DIRENT, bucket));
	put_item(f, item_key(to, ITEM_DIRENT, bucket), value, len);
}

static void change_links(struct fixture *f, uint64_t ino, int by, uint64_t parent)
{
	struct inode_item item = item_of(f, ino);

	item.nlink += (uint32_t)by;
	if (parent)
		item.parent = parent;
	put_inode(f, ino, &item);
}

static void folders_that_hold_each_other_are_found(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_folder(f, VOLUME_ROOT, "a"), b = make_folder(f, a, "b");
	struct found found;

	assert_ok(volume_sync(f->v));
	move_entry(f, VOLUME_ROOT, b, "a", a, S_IFDIR);
	change_links(f, VOLUME_ROOT, -1, 0);
	change_links(f, b, 1, 0);
	change_links(f, a, 0, b);
	found = look(f);
	assert_int_equal(found.count, 2);
	assert_string_equal(found.path, "/?/a");
	assert_string_equal(found.why, "cannot be reached from the root");
}

static void a_name_in_what_is_no_folder_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);

	move_entry(f, t.d, t.file, "small", t.small, S_IFREG);
	assert_found(f, "/d/file/small", "its folder is none");
}

static void small_content_in_the_wrong_place_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	struct found found;

	delete_item(f, item_key(t.small, ITEM_INLINE, 0));
	put_item(f, item_key(t.small, ITEM_INLINE, 4096), "small", 5);
	found = look(f);
	assert_string_equal(found.path, "/d/small");
	assert_string_equal(found.why, "bad small content");
}

static void an_attribute_in_the_wrong_place_is_found(void **state)
{
	struct fixture *f = *state;
	struct tree t = make_tree(f);
	uint8_t value[STORE_VALUE_MAX];
	size_t len = xattr_encode("user.a", 6, 0, value);

	put_item(f, item_key(t.small, ITEM_XATTR, 4096), value, len);
	assert_found(f, "/d/small", "attribute in the wrong place");
}

static void a_link_of_another_length_is_found(void **state)
{
	struct fixture *f = *state;
	struct volume_attr attr;
	struct inode_item item;

	assert_ok(volume_symlink(f->v, VOLUME_ROOT, "link", "target", 1, 2, &attr));
	assert_ok(volume_sync(f->v));
	item = item_of(f, attr.ino);
	item.size++;
	put_inode(f, attr.ino, &item);
	assert_found(f, "/link", "target of another length");
}

static void a_root_with_a_name_is_found(void **state)
{
	struct fixture *f = *state;
	uint64_t bucket = dirent_bucket(f->v->meta.name_key, "again", 5);
	uint8_t value[STORE_VALUE_MAX];
	size_t len = dirent_encode(VOLUME_ROOT, S_IFDIR, "again", 5, value);

	put_item(f, item_key(VOLUME_ROOT, ITEM_DIRENT, bucket), value, len);
	change_links(f, VOLUME_ROOT, 1, 0);
	assert_found(f, "/", "the root has a name");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(wrong_link_counts_are_found),
		STORY(wrong_folder_counts_are_found),
		STORY(a_folder_with_another_parent_is_found),
		STORY(content_behind_the_end_is_found),
		STORY(wrong_blocks_are_found),
		STORY(missing_small_content_is_found),
		STORY(a_name_of_nothing_is_found),
		STORY(a_file_without_a_name_is_found),
		STORY(a_name_in_the_wrong_place_is_found),
		STORY(a_name_of_another_type_is_found),
		STORY(bad_items_are_found),
		STORY(folders_that_hold_each_other_are_found),
		STORY(a_name_in_what_is_no_folder_is_found),
		STORY(a_link_of_another_length_is_found),
		STORY(a_root_with_a_name_is_found),
		STORY(small_content_in_the_wrong_place_is_found),
		STORY(an_attribute_in_the_wrong_place_is_found),
		STORY(wrong_counters_are_found),
		STORY(a_damaged_record_is_told_with_its_path),
		STORY(checking_makes_pending_changes_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

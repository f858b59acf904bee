/* Names: making, finding, linking, moving and removing them. */
#include "tests/volume/fixture.h"

#include <stdio.h>
#include <string.h>

static void fresh_volume_is_an_empty_folder_with_its_label(void **state)
{
	struct fixture *f = *state;
	struct volume_attr root = attr_of(f, VOLUME_ROOT);
	struct volume_totals totals;
	uint64_t parent;

	assert_string_equal(volume_label(f->v), "TEST-01");
	assert_int_equal(root.mode, S_IFDIR | 0700);
	assert_int_equal(root.nlink, 2);
	assert_int_equal(root.uid, 1000);
	assert_ok(volume_parent(f->v, VOLUME_ROOT, &parent));
	assert_int_equal(parent, VOLUME_ROOT);
	volume_totals(f->v, &totals);
	assert_int_equal(totals.files, 0);
	assert_whole(f);
}

static void names_are_kept_byte_exact_across_reopening(void **state)
{
	static const char *const names[] = {
		"保険証.pdf", "ホ\xe3\x82\x9a", "a\xff\xfe", " ", "...", "A", "a"};
	struct fixture *f = *state;
	uint64_t inos[ARRAY_LEN(names)];

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		inos[i] = make_file(f, VOLUME_ROOT, names[i]);
	fixture_reopen(f);
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_int_equal(lookup(f, VOLUME_ROOT, names[i]), inos[i]);
	assert_int_equal(lookup(f, VOLUME_ROOT, "ポ"), 0);
	assert_whole(f);
}

static void impossible_names_are_refused(void **state)
{
	struct fixture *f = *state;
	struct volume_attr attr;
	char name[VOLUME_NAME_BYTES + 4] = "";

	assert_err(volume_make(f->v, 1, "", S_IFREG, 0, 0, &attr), ERR_INVALID);
	assert_err(volume_make(f->v, 1, ".", S_IFREG, 0, 0, &attr), ERR_INVALID);
	assert_err(volume_make(f->v, 1, "..", S_IFREG, 0, 0, &attr), ERR_INVALID);
	assert_err(volume_make(f->v, 1, "a/b", S_IFREG, 0, 0, &attr), ERR_INVALID);
	for (unsigned i = 0; i < VOLUME_NAME_UNITS; i++)
		strcat(name, "字");
	assert_ok(volume_make(f->v, 1, name, S_IFREG, 0, 0, &attr));
	strcat(name, "x");
	assert_err(volume_make(f->v, 1, name, S_IFREG, 0, 0, &attr), ERR_NAME_TOO_LONG);
	assert_err(volume_lookup(f->v, 1, name, &attr), ERR_NAME_TOO_LONG);
}

static void a_name_is_given_once(void **state)
{
	struct fixture *f = *state;
	struct volume_attr attr;

	make_file(f, VOLUME_ROOT, "a");
	assert_err(volume_make(f->v, 1, "a", S_IFDIR, 0, 0, &attr), ERR_EXISTS);
	assert_err(volume_symlink(f->v, 1, "a", "b", 0, 0, &attr), ERR_EXISTS);
}

static void only_harmless_kinds_are_made(void **state)
{
	struct fixture *f = *state;
	struct volume_attr attr;

	assert_ok(volume_make(f->v, 1, "fifo", S_IFIFO | 0600, 3, 4, &attr));
	assert_int_equal(attr.mode, S_IFIFO | 0600);
	assert_ok(volume_make(f->v, 1, "sock", S_IFSOCK | 0600, 3, 4, &attr));
	assert_err(volume_make(f->v, 1, "dev", S_IFCHR | 0600, 3, 4, &attr), ERR_PERM);
	assert_err(volume_make(f->v, 1, "dev", S_IFBLK | 0600, 3, 4, &attr), ERR_PERM);
	fixture_reopen(f);
	assert_whole(f);
}

static void only_folders_hold_names(void **state)
{
	struct fixture *f = *state;
	uint64_t file = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr attr;

	assert_err(volume_make(f->v, file, "b", S_IFREG, 0, 0, &attr), ERR_NOT_DIR);
	assert_err(volume_make(f->v, 99, "b", S_IFREG, 0, 0, &attr), ERR_NOT_FOUND);
}

static void folders_count_their_folders(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_folder(f, VOLUME_ROOT, "a");
	uint64_t parent;

	make_folder(f, a, "b");
	make_folder(f, a, "c");
	make_file(f, a, "d");
	assert_int_equal(attr_of(f, a).nlink, 4);
	assert_ok(volume_rmdir(f->v, a, "b", NULL));
	assert_int_equal(attr_of(f, a).nlink, 3);
	assert_ok(volume_parent(f->v, a, &parent));
	assert_int_equal(parent, VOLUME_ROOT);
	assert_whole(f);
}

static void links_share_a_file_until_the_last_is_gone(void **state)
{
	struct fixture *f = *state;
	uint64_t folder = make_folder(f, VOLUME_ROOT, "d");
	uint64_t ino = make_file(f, VOLUME_ROOT, "a"), gone;
	struct volume_attr attr;

	write_text(f, ino, 0, "shared");
	assert_ok(volume_link(f->v, ino, folder, "b", &attr));
	assert_int_equal(attr.nlink, 2);
	assert_err(volume_link(f->v, folder, VOLUME_ROOT, "e", &attr), ERR_PERM);
	assert_err(volume_link(f->v, ino, folder, "b", &attr), ERR_EXISTS);
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", &gone));
	assert_int_equal(gone, ino);
	fixture_reopen(f);
	assert_int_equal(lookup(f, folder, "b"), ino);
	assert_text(f, ino, "shared");
	assert_ok(volume_unlink(f->v, folder, "b", NULL));
	assert_err(volume_getattr(f->v, ino, &attr), ERR_NOT_FOUND);
	assert_whole(f);
}

static void an_unlinked_file_lives_while_it_is_held(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr attr;

	write_pattern(f, ino, 0, 200000, 1);
	assert_ok(volume_hold(f->v, ino));
	assert_ok(volume_hold(f->v, ino));
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	assert_ok(volume_sync(f->v));
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 1);
	assert_pattern(f, ino, 0, 200000, 1);
	write_pattern(f, ino, 200000, 10, 1);
	assert_err(volume_link(f->v, ino, VOLUME_ROOT, "again", &attr), ERR_NOT_FOUND);
	assert_whole(f);
	volume_release(f->v, ino, 1);
	assert_int_equal(attr_of(f, ino).nlink, 0);
	volume_release(f->v, ino, 1);
	assert_err(volume_getattr(f->v, ino, &attr), ERR_NOT_FOUND);
	assert_int_equal(tree_items(f, ino, -1), 0);
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
	assert_whole(f);
}

static void an_orphan_that_a_crash_left_is_removed_at_opening(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 5000000, 1);
	assert_ok(volume_set_xattr(f->v, ino, "user.x", "y", 1, 0));
	assert_ok(volume_hold(f->v, ino));
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	assert_ok(volume_sync(f->v));
	fixture_crash(f);
	assert_int_equal(tree_items(f, ino, -1), 0);
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
	assert_whole(f);
}

static void a_held_orphan_ends_at_closing(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	assert_ok(volume_hold(f->v, ino));
	assert_ok(volume_sync(f->v));
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	fixture_reopen_read_only(f);
	assert_int_equal(tree_items(f, ino, -1), 0);
	assert_int_equal(tree_items(f, 0, ITEM_ORPHAN), 0);
}

static void a_file_that_came_and_went_leaves_no_trace(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	write_pattern(f, ino, 0, 10, 1);
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	assert_int_equal(f->v->table.dirty_count, 1); /* the folder */
	assert_int_equal(f->v->pool.count, 0);
	assert_whole(f);
}

static void folders_go_only_when_empty(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_folder(f, VOLUME_ROOT, "a");
	struct volume_attr attr;

	make_file(f, a, "b");
	assert_err(volume_rmdir(f->v, VOLUME_ROOT, "a", NULL), ERR_NOT_EMPTY);
	assert_err(volume_unlink(f->v, VOLUME_ROOT, "a", NULL), ERR_IS_DIR);
	assert_err(volume_rmdir(f->v, a, "b", NULL), ERR_NOT_DIR);
	assert_ok(volume_unlink(f->v, a, "b", NULL));
	assert_ok(volume_hold(f->v, a));
	assert_ok(volume_rmdir(f->v, VOLUME_ROOT, "a", NULL));
	assert_err(volume_make(f->v, a, "c", S_IFREG, 0, 0, &attr), ERR_NOT_FOUND);
	volume_release(f->v, a, 1);
	assert_err(volume_rmdir(f->v, VOLUME_ROOT, "a", NULL), ERR_NOT_FOUND);
	assert_whole(f);
}

struct move {
	const char *from, *to;
	unsigned flags;
	enum err want;
};

/* Paths of one or two parts below the root. */
static uint64_t walk(struct fixture *f, const char *path, const char **ret_name)
{
	const char *slash = strchr(path, '/');
	char folder[16];

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return VOLUME_ROOT;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return lookup(f, VOLUME_ROOT, folder);
}

static enum err move(struct fixture *f, const char *from, const char *to, unsigned flags)
{
	const char *from_name, *to_name;
	uint64_t from_dir = walk(f, from, &from_name), to_dir = walk(f, to, &to_name);

	return volume_rename(f->v, from_dir, from_name, to_dir, to_name, flags);
}

static void moves_that_make_no_sense_are_refused(void **state)
{
	static const struct move moves[] = {
		{"none", "x", 0, ERR_NOT_FOUND},
		{"file", "full", 0, ERR_IS_DIR},
		{"empty", "file", 0, ERR_NOT_DIR},
		{"empty", "full", 0, ERR_NOT_EMPTY},
		{"file", "file2", RENAME_NOREPLACE, ERR_EXISTS},
		{"file", "x", RENAME_EXCHANGE, ERR_NOT_FOUND},
		{"full", "full/in", 0, ERR_LOOP},
		{"full", "full/new", 0, ERR_LOOP},
		{"full/in", "full", 0, ERR_NOT_EMPTY},
		{"full", "full/in", RENAME_EXCHANGE, ERR_LOOP},
		{"full/in", "full", RENAME_EXCHANGE, ERR_LOOP},
		{"file", "x", RENAME_EXCHANGE | RENAME_NOREPLACE, ERR_INVALID},
		{"file", "x", 64, ERR_INVALID},
		{"file", "..", 0, ERR_INVALID},
	};
	struct fixture *f = *state;
	uint64_t full = make_folder(f, VOLUME_ROOT, "full");

	make_folder(f, full, "in");
	make_folder(f, VOLUME_ROOT, "empty");
	make_file(f, VOLUME_ROOT, "file");
	make_file(f, VOLUME_ROOT, "file2");
	for (size_t i = 0; i < ARRAY_LEN(moves); i++)
		assert_err(move(f, moves[i].from, moves[i].to, moves[i].flags), moves[i].want);
	assert_whole(f);
}

static void moving_replaces_and_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_folder(f, VOLUME_ROOT, "a"), b = make_folder(f, VOLUME_ROOT, "b");
	uint64_t sub = make_folder(f, a, "sub"), parent;
	uint64_t new = make_file(f, VOLUME_ROOT, "new"), old = make_file(f, VOLUME_ROOT, "old");
	struct volume_attr attr;

	write_text(f, new, 0, "new");
	write_pattern(f, old, 0, 100000, 1);
	assert_ok(volume_sync(f->v));
	assert_ok(move(f, "new", "old", 0));
	assert_int_equal(lookup(f, VOLUME_ROOT, "old"), new);
	assert_int_equal(lookup(f, VOLUME_ROOT, "new"), 0);
	assert_err(volume_getattr(f->v, old, &attr), ERR_NOT_FOUND);
	make_folder(f, b, "sub");
	assert_ok(move(f, "a/sub", "b/sub", 0));
	assert_int_equal(attr_of(f, a).nlink, 2);
	assert_int_equal(attr_of(f, b).nlink, 3);
	assert_ok(volume_parent(f->v, sub, &parent));
	assert_int_equal(parent, b);
	fixture_reopen(f);
	assert_text(f, lookup(f, VOLUME_ROOT, "old"), "new");
	assert_whole(f);
}

static void exchange_swaps_a_file_and_a_folder(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_folder(f, VOLUME_ROOT, "a"), b = make_folder(f, VOLUME_ROOT, "b");
	uint64_t file = make_file(f, a, "x"), folder = make_folder(f, b, "y"), parent;

	assert_ok(move(f, "a/x", "b/y", RENAME_EXCHANGE));
	assert_int_equal(lookup(f, a, "x"), folder);
	assert_int_equal(lookup(f, b, "y"), file);
	assert_int_equal(attr_of(f, a).nlink, 3);
	assert_int_equal(attr_of(f, b).nlink, 2);
	assert_ok(volume_parent(f->v, folder, &parent));
	assert_int_equal(parent, a);
	fixture_reopen(f);
	assert_whole(f);
}

static void two_names_of_one_file_stay_when_one_moves_over_the_other(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr attr;

	assert_ok(volume_link(f->v, ino, VOLUME_ROOT, "b", &attr));
	assert_ok(move(f, "a", "b", 0));
	assert_ok(move(f, "a", "a", 0));
	assert_int_equal(lookup(f, VOLUME_ROOT, "a"), ino);
	assert_int_equal(lookup(f, VOLUME_ROOT, "b"), ino);
	assert_int_equal(attr_of(f, ino).nlink, 2);
	assert_whole(f);
}

static void symbolic_links_keep_their_target(void **state)
{
	char target[VOLUME_SYMLINK_MAX + 2], have[VOLUME_SYMLINK_MAX + 1];
	struct fixture *f = *state;
	struct volume_attr attr;
	uint64_t file = make_file(f, VOLUME_ROOT, "file");

	memset(target, 't', sizeof(target));
	target[VOLUME_SYMLINK_MAX + 1] = '\0';
	assert_err(volume_symlink(f->v, 1, "l", target, 0, 0, &attr), ERR_NAME_TOO_LONG);
	target[VOLUME_SYMLINK_MAX] = '\0';
	assert_ok(volume_symlink(f->v, 1, "l", target, 5, 6, &attr));
	assert_int_equal(attr.size, VOLUME_SYMLINK_MAX);
	assert_int_equal(attr.mode, S_IFLNK | 0777);
	fixture_reopen(f);
	assert_ok(volume_readlink(f->v, attr.ino, have, sizeof(have)));
	assert_string_equal(have, target);
	assert_err(volume_readlink(f->v, attr.ino, have, 100), ERR_RANGE);
	assert_err(volume_readlink(f->v, file, have, sizeof(have)), ERR_INVALID);
	assert_whole(f);
}

/* Entries that only sit in the bucket: the hash of these names is another one. */
static void crowd_bucket(struct fixture *f, uint64_t bucket, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct store_key key = item_key(VOLUME_ROOT, ITEM_DIRENT, bucket + i);
		uint8_t value[STORE_VALUE_MAX];
		char name[8];
		size_t len;

		snprintf(name, sizeof(name), "c%u", i);
		len = dirent_encode(7, S_IFREG, name, strlen(name), value);
		assert_ok(store_write_begin(f->store, 1, false));
		assert_ok(store_put(f->store, &key, value, len));
		store_write_end(f->store);
	}
}

static void names_of_one_bucket_are_told_apart_until_it_is_full(void **state)
{
	struct fixture *f = *state;
	uint64_t bucket = dirent_bucket(f->v->meta.name_key, "me", 2), ino;
	struct store_key key = item_key(VOLUME_ROOT, ITEM_DIRENT, bucket + 100);
	struct volume_attr attr;

	crowd_bucket(f, bucket, 0, 255);
	ino = make_file(f, VOLUME_ROOT, "me");
	assert_ok(store_write_begin(f->store, 1, true));
	assert_ok(store_delete(f->store, &key)); /* a gap before it changes nothing */
	store_write_end(f->store);
	assert_int_equal(lookup(f, VOLUME_ROOT, "me"), ino);
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "me", NULL));
	crowd_bucket(f, bucket, 100, 101);
	crowd_bucket(f, bucket, 255, 256);
	assert_int_equal(lookup(f, VOLUME_ROOT, "me"), 0);
	assert_err(volume_make(f->v, VOLUME_ROOT, "me", S_IFREG, 0, 0, &attr), ERR_NO_SPACE);
}

static void times_of_folders_follow_their_names(void **state)
{
	struct fixture *f = *state;
	struct volume_attr before, after, in = {.mtime = {.tv_sec = 5}};

	make_file(f, VOLUME_ROOT, "a");
	assert_ok(volume_setattr(f->v, VOLUME_ROOT, VOLUME_SET_MTIME, &in, &before));
	assert_int_equal(before.mtime.tv_sec, 5);
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	after = attr_of(f, VOLUME_ROOT);
	assert_true(after.mtime.tv_sec > 5);
}

static void totals_follow_files_and_sizes(void **state)
{
	struct fixture *f = *state;
	uint64_t a = make_file(f, VOLUME_ROOT, "a"), b = make_file(f, VOLUME_ROOT, "b");
	struct volume_totals totals;

	write_pattern(f, a, 0, 1000, 1);
	write_pattern(f, b, 70000, 10, 1);
	make_folder(f, VOLUME_ROOT, "c");
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	fixture_reopen(f);
	volume_totals(f->v, &totals);
	assert_int_equal(totals.files, 2);
	assert_int_equal(totals.bytes, 70010);
}

static void attributes_are_set_one_by_one(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct volume_attr in = {.mode = S_IFDIR | 04755, .uid = 7, .gid = 8}, out;

	in.atime = (struct timespec){-5, 999999999};
	assert_ok(volume_setattr(f->v, ino, VOLUME_SET_MODE | VOLUME_SET_ATIME, &in, &out));
	assert_int_equal(out.mode, S_IFREG | 04755);
	assert_int_equal(out.uid, 1);
	assert_ok(volume_setattr(f->v, ino, VOLUME_SET_UID | VOLUME_SET_GID, &in, NULL));
	fixture_reopen(f);
	out = attr_of(f, ino);
	assert_int_equal(out.uid, 7);
	assert_int_equal(out.gid, 8);
	assert_int_equal(out.atime.tv_sec, -5);
	assert_int_equal(out.atime.tv_nsec, 999999999);
	in.mtime.tv_nsec = 1000000000;
	assert_err(volume_setattr(f->v, ino, VOLUME_SET_MTIME, &in, NULL), ERR_INVALID);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(fresh_volume_is_an_empty_folder_with_its_label),
		STORY(names_are_kept_byte_exact_across_reopening),
		STORY(impossible_names_are_refused),
		STORY(a_name_is_given_once),
		STORY(only_harmless_kinds_are_made),
		STORY(only_folders_hold_names),
		STORY(folders_count_their_folders),
		STORY(links_share_a_file_until_the_last_is_gone),
		STORY(an_unlinked_file_lives_while_it_is_held),
		STORY(an_orphan_that_a_crash_left_is_removed_at_opening),
		STORY(a_held_orphan_ends_at_closing),
		STORY(a_file_that_came_and_went_leaves_no_trace),
		STORY(folders_go_only_when_empty),
		STORY(moves_that_make_no_sense_are_refused),
		STORY(moving_replaces_and_counts),
		STORY(exchange_swaps_a_file_and_a_folder),
		STORY(two_names_of_one_file_stay_when_one_moves_over_the_other),
		STORY(symbolic_links_keep_their_target),
		STORY(names_of_one_bucket_are_told_apart_until_it_is_full),
		STORY(times_of_folders_follow_their_names),
		STORY(totals_follow_files_and_sizes),
		STORY(attributes_are_set_one_by_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Extended attributes. */
#include "tests/volume/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static void assert_value(struct fixture *f, uint64_t ino, const char *name, const void *want,
			 size_t len)
{
	uint8_t *have = malloc(VOLUME_XATTR_MAX);
	size_t got;

	assert_ok(volume_get_xattr(f->v, ino, name, NULL, 0, &got));
	assert_int_equal(got, len);
	assert_ok(volume_get_xattr(f->v, ino, name, have, VOLUME_XATTR_MAX, &got));
	assert_int_equal(got, len);
	assert_memory_equal(have, want, len);
	free(have);
}

static void values_of_every_length_come_back(void **state)
{
	static const size_t lengths[] = {0, 1, 2048, 2049, 4096, 4097, 65535, 65536};
	static uint8_t value[65536];
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	pattern_fill(value, 0, sizeof(value), 1);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		assert_ok(volume_set_xattr(f->v, ino, "user.v", value, lengths[i], 0));
		assert_value(f, ino, "user.v", value, lengths[i]);
		fixture_reopen(f);
		assert_value(f, ino, "user.v", value, lengths[i]);
	}
	assert_int_equal(tree_items(f, ino, ITEM_XATTR), 1);
	assert_err(volume_set_xattr(f->v, ino, "user.v", value, 65537, 0), ERR_TOO_LARGE_VALUE);
	assert_ok(volume_set_xattr(f->v, ino, "user.v", value, 3, 0));
	assert_whole(f);
}

static void flags_and_absence_are_told_apart(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	size_t len;
	char buf[4];

	assert_err(volume_set_xattr(f->v, ino, "user.a", "1", 1, XATTR_REPLACE), ERR_NO_DATA);
	assert_ok(volume_set_xattr(f->v, ino, "user.a", "1", 1, XATTR_CREATE));
	assert_err(volume_set_xattr(f->v, ino, "user.a", "2", 1, XATTR_CREATE), ERR_EXISTS);
	assert_ok(volume_set_xattr(f->v, ino, "user.a", "234", 3, XATTR_REPLACE));
	assert_value(f, ino, "user.a", "234", 3);
	assert_err(volume_get_xattr(f->v, ino, "user.a", buf, 2, &len), ERR_RANGE);
	assert_err(volume_get_xattr(f->v, ino, "user.b", buf, 4, &len), ERR_NO_DATA);
	assert_ok(volume_remove_xattr(f->v, ino, "user.a"));
	assert_err(volume_remove_xattr(f->v, ino, "user.a"), ERR_NO_DATA);
	assert_whole(f);
}

static void other_namespaces_are_refused(void **state)
{
	static const char *const names[] = {"trusted.x", "system.posix_acl_access", "user.", "x",
					    ""};
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	char name[300] = "user.";

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		assert_err(volume_set_xattr(f->v, ino, names[i], "1", 1, 0), ERR_NOT_SUPPORTED);
	assert_ok(volume_set_xattr(f->v, ino, "security.selinux", "1", 1, 0));
	memset(name + 5, 'n', 251);
	assert_err(volume_set_xattr(f->v, ino, name, "1", 1, 0), ERR_RANGE);
	name[255] = '\0';
	assert_ok(volume_set_xattr(f->v, ino, name, "1", 1, 0));
}

static void names_are_listed_end_to_end(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	char list[64];
	size_t len;

	assert_ok(volume_list_xattr(f->v, ino, list, sizeof(list), &len));
	assert_int_equal(len, 0);
	assert_ok(volume_set_xattr(f->v, ino, "user.a", "1", 1, 0));
	assert_ok(volume_set_xattr(f->v, ino, "user.bc", "", 0, 0));
	assert_ok(volume_list_xattr(f->v, ino, NULL, 0, &len));
	assert_int_equal(len, 15);
	assert_err(volume_list_xattr(f->v, ino, list, 14, &len), ERR_RANGE);
	assert_ok(volume_list_xattr(f->v, ino, list, 15, &len));
	assert_true(strcmp(list, "user.a") == 0 || strcmp(list, "user.bc") == 0);
}

static void attributes_go_with_their_file(void **state)
{
	static uint8_t value[60000];
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");

	assert_ok(volume_set_xattr(f->v, ino, "user.long", value, sizeof(value), 0));
	assert_ok(volume_set_xattr(f->v, ino, "user.short", value, 10, 0));
	assert_ok(volume_sync(f->v));
	assert_ok(volume_unlink(f->v, VOLUME_ROOT, "a", NULL));
	assert_int_equal(tree_items(f, ino, -1), 0);
	assert_whole(f);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(values_of_every_length_come_back), STORY(flags_and_absence_are_told_apart),
		STORY(other_namespaces_are_refused),	 STORY(names_are_listed_end_to_end),
		STORY(attributes_go_with_their_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

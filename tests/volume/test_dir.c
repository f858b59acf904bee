/* Folders listed while they change. */
#include "tests/volume/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 400

struct seen {
	unsigned count[MANY];
	unsigned others, stop_after;
	uint64_t cookie;
	bool with_attr;
};

static bool see(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	struct seen *s = ctx;
	unsigned i;

	if (s->stop_after == 0)
		return false;
	s->stop_after--;
	assert_true(cookie > 2 && cookie < INT64_MAX);
	assert_true(cookie > s->cookie);
	assert_int_not_equal(attr->ino, 0);
	assert_true(S_ISREG(attr->mode));
	if (s->with_attr)
		assert_int_equal(attr->size, 3);
	s->cookie = cookie;
	if (sscanf(name, "f%u", &i) == 1)
		s->count[i]++;
	else
		s->others++;
	return true;
}

static void make_many(struct fixture *f)
{
	char name[16];

	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		write_text(f, make_file(f, VOLUME_ROOT, name), 0, "abc");
	}
}

static void read_some(struct fixture *f, struct seen *s, unsigned count)
{
	s->stop_after = count;
	assert_ok(volume_readdir(f->v, VOLUME_ROOT, s->cookie, s->with_attr, see, s));
}

static void every_entry_is_seen_once(void **state)
{
	struct fixture *f = *state;
	struct seen s = {.with_attr = true};

	make_many(f);
	read_some(f, &s, UINT32_MAX);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(s.count[i], 1);
	memset(&s, 0, sizeof(s));
	fixture_reopen(f);
	read_some(f, &s, UINT32_MAX);
	for (unsigned i = 0; i < MANY; i++)
		assert_int_equal(s.count[i], 1);
}

static void what_stays_is_seen_once_while_others_come_and_go(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};
	uint64_t before = 1;
	char name[16];

	make_many(f);
	for (unsigned i = 0; before != s.cookie; i++) {
		before = s.cookie;
		read_some(f, &s, 7);
		snprintf(name, sizeof(name), "f%u", i * 2 % MANY);
		if (lookup(f, VOLUME_ROOT, name) != 0)
			assert_ok(volume_unlink(f->v, VOLUME_ROOT, name, NULL));
		snprintf(name, sizeof(name), "x%u", i);
		make_file(f, VOLUME_ROOT, name);
	}
	for (unsigned i = 1; i < MANY; i += 2)
		assert_int_equal(s.count[i], 1);
	for (unsigned i = 0; i < MANY; i += 2)
		assert_true(s.count[i] <= 1);
}

static void a_reader_may_stop_at_the_first_entry(void **state)
{
	struct fixture *f = *state;
	struct seen s = {0};

	make_many(f);
	read_some(f, &s, 0);
	assert_int_equal(s.cookie, 0);
	read_some(f, &s, 1);
	assert_int_not_equal(s.cookie, 0);
}

static void only_folders_are_listed(void **state)
{
	struct fixture *f = *state;
	uint64_t ino = make_file(f, VOLUME_ROOT, "a");
	struct seen s = {.stop_after = 9};

	assert_err(volume_readdir(f->v, ino, 0, false, see, &s), ERR_NOT_DIR);
	assert_err(volume_readdir(f->v, 99, 0, false, see, &s), ERR_NOT_FOUND);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(every_entry_is_seen_once),
		STORY(what_stays_is_seen_once_while_others_come_and_go),
		STORY(a_reader_may_stop_at_the_first_entry),
		STORY(only_folders_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The host's folder: where it is, who may look into it, the host key, what was last seen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "org/seen.h"
#include "tests/check.h"
#include "tests/org/host.h"

static const char *const places[] = { "PVAULT_HOME", "HOME", "XDG_DATA_HOME", "XDG_STATE_HOME",
				      "XDG_RUNTIME_DIR" };

static int setup(void **state)
{
	*state = host_new();
	return 0;
}

static int teardown(void **state)
{
	host_free(*state);
	return 0;
}

static void no_places(void)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		assert_int_equal(unsetenv(places[i]), 0);
}

static void one_folder_holds_everything(void **state)
{
	struct host *t = *state;
	struct stat st;
	char path[160];

	snprintf(path, sizeof(path), "%s/host", t->dir);
	assert_int_equal(strncmp(home_keys_dir(t->home), path, strlen(path)), 0);
	assert_int_equal(strncmp(home_devices_dir(t->home), path, strlen(path)), 0);
	assert_int_equal(strncmp(home_seen_dir(t->home), path, strlen(path)), 0);
	assert_int_equal(strncmp(home_run_dir(t->home), path, strlen(path)), 0);
	assert_int_equal(strncmp(home_log_path(t->home), path, strlen(path)), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/host/host.key", t->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static void without_it_the_xdg_folders_do(void **state)
{
	struct home *h = NULL;

	no_places();
	assert_int_equal(setenv("HOME", "/home/someone", 1), 0);
	assert_ok(home_open(&h));
	assert_string_equal(home_keys_dir(h), "/home/someone/.local/share/portable-vault/keys");
	assert_string_equal(home_log_path(h),
			    "/home/someone/.local/state/portable-vault/log/host.jsonl");
	assert_string_equal(home_run_dir(h), "/home/someone/.local/state/portable-vault/run");
	home_close(h);
	assert_int_equal(setenv("XDG_DATA_HOME", "/data", 1), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "relative", 1), 0); /* to be ignored, by XDG */
	assert_ok(home_open(&h));
	assert_string_equal(home_devices_dir(h), "/data/portable-vault/devices");
	assert_string_equal(home_seen_dir(h), "/home/someone/.local/state/portable-vault/seen");
	home_close(h);
	no_places();
	assert_err(home_open(&h), ERR_USAGE);
}

static void a_relative_folder_stays_where_it_was_meant(void **state)
{
	struct host *t = *state;
	struct home *h = NULL;
	char *cwd = getcwd(NULL, 0), path[160], want[200];

	assert_non_null(cwd);
	assert_int_equal(chdir(t->dir), 0);
	assert_int_equal(setenv("PVAULT_HOME", "beside", 1), 0);
	assert_ok(home_open(&h));
	assert_int_equal(chdir(cwd), 0);
	assert_ok(home_prepare(h));
	snprintf(path, sizeof(path), "%s/beside", t->dir);
	snprintf(want, sizeof(want), "%s/keys", path);
	assert_string_equal(home_keys_dir(h), want);
	assert_int_equal(access(want, F_OK), 0);
	home_close(h);
	free(cwd);
}

static void opening_makes_nothing(void **state)
{
	struct host *t = *state;
	struct home *h = NULL;
	const struct sign_key *key;
	char path[160];

	snprintf(path, sizeof(path), "%s/other", t->dir);
	assert_int_equal(setenv("PVAULT_HOME", path, 1), 0);
	assert_ok(home_open(&h));
	assert_err(home_host_key(h, &key), ERR_KEY_NOT_FOUND);
	home_close(h);
	assert_int_equal(access(path, F_OK), -1);
}

static void the_host_key_stays_the_same(void **state)
{
	struct host *t = *state;
	const struct sign_key *key;
	const char *id;
	uint8_t vkey[SIGN_VKEY_LEN];
	char first[32];

	assert_ok(home_host_key(t->home, &key));
	memcpy(vkey, sign_key_vkey(key), sizeof(vkey));
	assert_ok(home_host_id(t->home, &id));
	assert_int_equal(strlen(id), 18);
	assert_memory_equal(id, "h-", 2);
	strcpy(first, id);
	home_forget_host_key(t->home);
	assert_ok(home_host_id(t->home, &id));
	assert_string_equal(id, first);
	host_again(t);
	assert_ok(home_prepare(t->home));
	assert_ok(home_host_key(t->home, &key));
	assert_memory_equal(vkey, sign_key_vkey(key), sizeof(vkey));
	assert_ok(home_host_id(t->home, &id));
	assert_string_equal(id, first);
}

static void a_host_key_file_that_is_none_is_refused(void **state)
{
	struct host *t = *state;
	static const char *const texts[] = { "", "#", "# comment only\n", "# c\nQUJD\n", "not base64\n" };
	const struct sign_key *key;
	char path[160];

	snprintf(path, sizeof(path), "%s/host/host.key", t->dir);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_ok(io_replace_file(path, texts[i], strlen(texts[i]), 0600));
		host_again(t);
		assert_err(home_host_key(t->home, &key), ERR_BAD_FORMAT);
		assert_err(home_prepare(t->home), ERR_BAD_FORMAT);
	}
}

/* ---- seen ---- */

static void what_was_seen_comes_back(void **state)
{
	struct host *t = *state;
	const uint8_t id[VOLUME_ID_LEN] = { 0xab, 1 };
	struct seen in = { .generation = 1234567890123, .epoch = 7, .clean = true,
			   .label = "大阪 \"03\"", .medium = "/media/職員/OSAKA-03.VLT" };
	struct seen out;

	assert_err(seen_load(t->home, id, &out), ERR_NOT_FOUND);
	memset(in.super_sha256, 0x5a, sizeof(in.super_sha256));
	memset(in.session_id, 0xa5, sizeof(in.session_id));
	assert_ok(seen_save(t->home, id, &in));
	assert_ok(seen_load(t->home, id, &out));
	assert_int_equal(out.generation, in.generation);
	assert_int_equal(out.epoch, 7);
	assert_true(out.clean);
	assert_memory_equal(out.super_sha256, in.super_sha256, sizeof(in.super_sha256));
	assert_memory_equal(out.session_id, in.session_id, sizeof(in.session_id));
	assert_string_equal(out.label, in.label);
	assert_string_equal(out.medium, in.medium);
	in.generation++;
	in.clean = false;
	assert_ok(seen_save(t->home, id, &in));
	assert_ok(seen_load(t->home, id, &out));
	assert_int_equal(out.generation, in.generation);
	assert_false(out.clean);
}

static void a_path_that_is_not_utf8_is_only_a_lost_hint(void **state)
{
	struct host *t = *state;
	const uint8_t id[VOLUME_ID_LEN] = { 1 };
	struct seen in = { .generation = 3, .label = "L", .medium = "/media/\xff" }, out;

	assert_ok(seen_save(t->home, id, &in));
	assert_ok(seen_load(t->home, id, &out));
	assert_int_equal(out.generation, 3);
	assert_string_equal(out.medium, "");
}

/* A file that cannot be read must not pass for a first sight: that would forget a rollback. */
#define ZEROES "00000000000000000000000000000000"

static void a_broken_memory_is_not_a_first_sight(void **state)
{
	struct host *t = *state;
	static const char *const texts[] = { "", "{}", "[]", "{\"generation\":\"1\"}",
					     "{\"generation\":1,\"epoch\":1,\"superblock\":\"00\"}",
					     "{\"generation\":-1,\"epoch\":1,\"superblock\":\"" ZEROES ZEROES
					     "\",\"session\":\"" ZEROES "\"}",
					     "{\"generation\":1,\"epoch\":4294967296,\"superblock\":\"" ZEROES
					     ZEROES "\",\"session\":\"" ZEROES "\"}" };
	const uint8_t id[VOLUME_ID_LEN] = { 2 };
	struct seen out;
	char path[256];

	snprintf(path, sizeof(path), "%s/02000000000000000000000000000000.json",
		 home_seen_dir(t->home));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_ok(io_replace_file(path, texts[i], strlen(texts[i]), 0600));
		assert_err(seen_load(t->home, id, &out), ERR_BAD_FORMAT);
	}
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(one_folder_holds_everything),
		STORY(without_it_the_xdg_folders_do),
		STORY(a_relative_folder_stays_where_it_was_meant),
		STORY(opening_makes_nothing),
		STORY(the_host_key_stays_the_same),
		STORY(a_host_key_file_that_is_none_is_refused),
		STORY(what_was_seen_comes_back),
		STORY(a_path_that_is_not_utf8_is_only_a_lost_hint),
		STORY(a_broken_memory_is_not_a_first_sight),
	};

	return cmocka_run_group_tests_name("host's folder", tests, NULL, NULL);
}

#include "tests/check.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"

/* A folder of its own for every test, which is also the current one. */
static int enter_folder(void **state)
{
	const char *top = getenv("TMPDIR");
	char *dir = io_path_join(top ? top : "/tmp", "vault-io-XXXXXX");

	umask(022);
	*state = dir;
	return dir && mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static void remove_all_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		CLEANUP(mem_freep) char *path = io_path_join(dir, e->d_name);

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (e->d_type == DT_DIR)
			remove_all_in(path);
		remove(path);
	}
	if (d)
		closedir(d);
}

static int leave_folder(void **state)
{
	CLEANUP(mem_freep) char *dir = *state;

	remove_all_in(dir);
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static size_t names_in(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t count = 0;

	assert_non_null(d);
	while ((e = readdir(d)))
		count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return count;
}

static void assert_content(const char *path, const char *want)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(io_read_file(path, 1 << 20, &b));
	assert_string_equal(b.data, want);
	assert_int_equal(b.len, strlen(want));
}

static void file_is_read_up_to_its_limit(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(io_replace_file("f", "12345", 5, 0644));
	assert_ok(io_read_file("f", 5, &b));
	assert_string_equal(b.data, "12345");
	assert_err(io_read_file("f", 4, &b), ERR_TOO_BIG);
	assert_err(io_read_file("f", 0, &b), ERR_TOO_BIG);
	assert_string_equal(b.data, "12345"); /* a failure leaves the result alone */
	assert_ok(io_read_file("f", SIZE_MAX, &b));
	assert_int_equal(b.len, 5);
}

static void empty_file_is_an_empty_text(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_ok(io_replace_file("f", NULL, 0, 0644));
	assert_ok(io_read_file("f", 0, &b));
	assert_string_equal(b.data, "");
	assert_int_equal(b.len, 0);
}

static void large_file_is_read_whole(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};
	CLEANUP(mem_freep) char *data = malloc(100000);

	for (size_t i = 0; i < 100000; i++)
		data[i] = (char)(i * 7 + i / 256);
	assert_ok(io_replace_file("f", data, 100000, 0644));
	assert_ok(io_read_file("f", 100000, &b));
	assert_int_equal(b.len, 100000);
	assert_memory_equal(b.data, data, 100000);
}

static void what_is_no_regular_file_is_not_read(void **state)
{
	CLEANUP(buf_clear) struct buf b = {0};

	assert_err(io_read_file("absent", 100, &b), ERR_NOT_FOUND);
	assert_non_null(strstr(err_detail(), "absent"));
	assert_err(io_read_file(".", 100, &b), ERR_IS_DIR);
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_err(io_read_file("pipe", 100, &b), ERR_INVALID); /* and does not wait for a writer */
	assert_err(io_read_file("/dev/zero", 100, &b), ERR_INVALID);
}

static void file_is_replaced_with_nothing_left_beside_it(void **state)
{
	struct stat st;

	assert_ok(io_replace_file("f", "old", 3, 0600));
	assert_ok(io_replace_file("f", "new", 3, 0666));
	assert_content("f", "new");
	assert_int_equal(names_in("."), 1);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644); /* the umask counts, as for open */
}

static void replacing_over_a_folder_fails_and_keeps_it(void **state)
{
	assert_int_equal(mkdir("d", 0755), 0);
	assert_ok(io_replace_file("d/inside", "x", 1, 0644));
	assert_err(io_replace_file("d", "new", 3, 0644), ERR_IS_DIR);
	assert_content("d/inside", "x");
	assert_int_equal(names_in("."), 1);
	assert_err(io_replace_file("none/f", "new", 3, 0644), ERR_NOT_FOUND);
}

/* A limit on file sizes makes the write fail half-way, as a full disk would. */
static void full_disk_keeps_the_old_file_and_leaves_nothing_behind(void **state)
{
	struct rlimit before, small;
	CLEANUP(mem_freep) char *data = calloc(1, 20000);
	enum err replaced, created;

	assert_ok(io_replace_file("f", "old", 3, 0644));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = before;
	small.rlim_cur = 8192;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	replaced = io_replace_file("f", data, 20000, 0644);
	created = io_create_file("g", data, 20000, 0644);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

	assert_int_equal(replaced, ERR_TOO_BIG);
	assert_int_equal(created, ERR_TOO_BIG);
	assert_content("f", "old");
	assert_int_equal(names_in("."), 1);
}

static void leftover_of_a_crash_is_stepped_over(void **state)
{
	char name[64];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), ".vault-%ld-%d.tmp", (long)getpid(), i);
		assert_int_equal(close(open(name, O_WRONLY | O_CREAT, 0600)), 0);
	}
	assert_ok(io_replace_file("f", "new", 3, 0644));
	assert_content("f", "new");
	assert_int_equal(names_in("."), 201);
}

static void create_refuses_what_is_there(void **state)
{
	assert_ok(io_create_file("f", "first", 5, 0644));
	assert_err(io_create_file("f", "second", 6, 0644), ERR_EXISTS);
	assert_content("f", "first");
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_err(io_create_file("link", "x", 1, 0644), ERR_EXISTS);
	assert_int_equal(names_in("."), 2);
}

/* Stands before that of libc, so that a test can play a file system without flags for rename. */
static bool rename_has_no_flags;

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	if (rename_has_no_flags && flags != 0) {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static void create_works_where_rename_has_no_flags(void **state)
{
	rename_has_no_flags = true;
	assert_ok(io_create_file("f", "first", 5, 0640));
	assert_err(io_create_file("f", "second", 6, 0640), ERR_EXISTS);
	rename_has_no_flags = false;
	assert_content("f", "first");
	assert_int_equal(names_in("."), 1);
}

static void folders_are_made_all_the_way(void **state)
{
	struct stat st;

	assert_ok(io_make_dirs("a/b//c/", 0700));
	assert_ok(io_make_dirs("a/b/c", 0700));
	assert_int_equal(stat("a/b/c", &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_ok(io_make_dirs("/", 0700));
	assert_ok(io_make_dirs(".", 0700));
}

static void folder_is_not_made_over_a_file(void **state)
{
	assert_ok(io_create_file("f", "", 0, 0644));
	assert_err(io_make_dirs("f", 0700), ERR_NOT_DIR);
	assert_err(io_make_dirs("f/d", 0700), ERR_NOT_DIR);
	assert_err(io_make_dirs("", 0700), ERR_NOT_FOUND);
}

static void folder_of_a_path_is_flushed_wherever_it_is(void **state)
{
	assert_ok(io_make_dirs("d", 0700));
	assert_ok(io_sync_dir_of("f"));
	assert_ok(io_sync_dir_of("d/f"));
	assert_ok(io_sync_dir_of("d//f//"));
	assert_ok(io_sync_dir_of("/tmp"));
	assert_err(io_sync_dir_of("none/f"), ERR_NOT_FOUND);
}

static void paths_are_joined_with_one_slash(void **state)
{
	static const char *const cases[][3] = {
		{"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"/", "b", "/b"}, {"", "b", "b"}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(mem_freep) char *path = io_path_join(cases[i][0], cases[i][1]);

		assert_string_equal(path, cases[i][2]);
	}
}

static void positioned_read_past_the_end_is_truncated(void **state)
{
	CLEANUP(fd_closep) int fd = open("f", O_RDWR | O_CREAT, 0600);
	char back[8] = {0};

	assert_ok(io_pwrite_full(fd, "abcdef", 6, 4));
	assert_ok(io_pread_full(fd, back, 6, 4));
	assert_string_equal(back, "abcdef");
	assert_ok(io_pread_full(fd, back, 0, 1000));
	assert_err(io_pread_full(fd, back, 7, 4), ERR_TRUNCATED);
}

/* These stand before those of libc too: while `disturbed`, every other call is interrupted and the
 * rest moves three bytes at most. */
static bool disturbed;

static bool interrupted(size_t *len)
{
	static unsigned calls;

	if (!disturbed)
		return false;
	*len = MIN(*len, (size_t)3);
	errno = EINTR;
	return calls++ % 2 == 0;
}

ssize_t read(int fd, void *data, size_t len)
{
	return interrupted(&len) ? -1 : syscall(SYS_read, fd, data, len);
}

ssize_t write(int fd, const void *data, size_t len)
{
	return interrupted(&len) ? -1 : syscall(SYS_write, fd, data, len);
}

ssize_t pread(int fd, void *data, size_t len, off_t off)
{
	return interrupted(&len) ? -1 : syscall(SYS_pread64, fd, data, len, off);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	return interrupted(&len) ? -1 : syscall(SYS_pwrite64, fd, data, len, off);
}

static void read_and_write_everywhere(void)
{
	CLEANUP(fd_closep) int fd = open("g", O_RDWR | O_CREAT, 0600);
	char back[11] = {0};
	size_t len = 0;

	assert_ok(io_write_full(fd, "0123456789", 10));
	assert_ok(io_pwrite_full(fd, "abcdefgh", 8, 1));
	assert_ok(io_pread_full(fd, back, 10, 0));
	assert_string_equal(back, "0abcdefgh9");
	assert_int_equal(lseek(fd, 5, SEEK_SET), 5);
	assert_ok(io_read_full(fd, back, 10, &len));
	assert_int_equal(len, 5);
	assert_memory_equal(back, "efgh9", 5);
	assert_ok(io_replace_file("f", "replaced", 8, 0644));
	assert_content("f", "replaced");
}

static void interrupted_and_short_calls_do_not_show(void **state)
{
	disturbed = true;
	read_and_write_everywhere();
	disturbed = false;
}

static void failed_calls_tell_their_errno(void **state)
{
	char byte = 0;
	size_t len;

	assert_err(io_read_full(-1, &byte, 1, &len), ERR_SYSTEM);
	assert_err(io_write_full(-1, &byte, 1), ERR_SYSTEM);
	assert_err(io_pread_full(-1, &byte, 1, 0), ERR_SYSTEM);
	assert_err(io_pwrite_full(-1, &byte, 1, 0), ERR_SYSTEM);
	assert_non_null(strstr(err_detail(), strerror(EBADF)));
}

#define IO_TEST(f) cmocka_unit_test_setup_teardown(f, enter_folder, leave_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IO_TEST(file_is_read_up_to_its_limit),
		IO_TEST(empty_file_is_an_empty_text),
		IO_TEST(large_file_is_read_whole),
		IO_TEST(what_is_no_regular_file_is_not_read),
		IO_TEST(file_is_replaced_with_nothing_left_beside_it),
		IO_TEST(replacing_over_a_folder_fails_and_keeps_it),
		IO_TEST(full_disk_keeps_the_old_file_and_leaves_nothing_behind),
		IO_TEST(leftover_of_a_crash_is_stepped_over),
		IO_TEST(create_refuses_what_is_there),
		IO_TEST(create_works_where_rename_has_no_flags),
		IO_TEST(folders_are_made_all_the_way),
		IO_TEST(folder_is_not_made_over_a_file),
		IO_TEST(folder_of_a_path_is_flushed_wherever_it_is),
		IO_TEST(paths_are_joined_with_one_slash),
		IO_TEST(positioned_read_past_the_end_is_truncated),
		IO_TEST(interrupted_and_short_calls_do_not_show),
		IO_TEST(failed_calls_tell_their_errno),
	};

	return cmocka_run_group_tests_name("base/io", tests, NULL, NULL);
}

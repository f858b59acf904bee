/* What is left of a vault's folder, read without touching it. */
#include "store/salvage_disk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "crypto/secret.h"
#include "store/folder_disk.h"
#include "tests/check.h"

#define SEGMENT_LEN ((uint64_t)FOLDER_SEGMENT_BLOCKS * DISK_BLOCK)

struct place {
	char dir[64];
};

static const char *file_in(const struct place *p, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", p->dir, name);
	return path;
}

static void make_file(const struct place *p, const char *name, uint64_t len, const char *mark)
{
	int fd = open(file_in(p, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	assert_int_equal(pwrite(fd, mark, strlen(mark), 0), strlen(mark));
	close(fd);
}

/* The fixed files and three segments, the last one short, each marked with its name. */
static int setup(void **state)
{
	static const char *const names[] = { "KEY0.AGE", "KEY1.AGE", "HEAD0.BIN", "HEAD1.BIN" };
	struct place *p = calloc(1, sizeof(*p));

	assert_ok(crypto_init());
	strcpy(p->dir, "/tmp/vault-salvage-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		make_file(p, names[i], DISK_FIXED_LEN, names[i]);
	make_file(p, "S0000000.SEG", SEGMENT_LEN, "first");
	make_file(p, "S0000001.SEG", SEGMENT_LEN, "second");
	make_file(p, "S0000002.SEG", 5 * DISK_BLOCK, "third");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void lose(const struct place *p, const char *name)
{
	assert_int_equal(unlink(file_in(p, name)), 0);
}

static void assert_reads(struct disk *d, enum disk_area area, uint64_t off, const char *mark)
{
	char block[DISK_BLOCK];

	assert_ok(disk_read(d, area, off, block, sizeof(block)));
	assert_memory_equal(block, mark, strlen(mark));
}

static void note(void *ctx, const char *file)
{
	strcat(ctx, file);
	strcat(ctx, " ");
}

static void assert_missing(struct disk *d, const char *want)
{
	char names[256] = "";

	salvage_disk_missing(d, note, names);
	assert_string_equal(names, want);
}

static void whole_folders_read_as_they_are(void **state)
{
	struct disk_info info;
	struct disk *d;

	assert_ok(salvage_disk_open(((struct place *)*state)->dir, &d));
	assert_ok(disk_list(d, &info));
	assert_int_equal(info.blocks, 2 * FOLDER_SEGMENT_BLOCKS + 5);
	assert_true(info.read_only);
	assert_reads(d, DISK_KEY1, 0, "KEY1.AGE");
	assert_reads(d, DISK_DATA, 2 * SEGMENT_LEN, "third");
	assert_reads(d, DISK_DATA, 0, "first");
	assert_missing(d, "");
	disk_close(d);
}

static void a_missing_segment_moves_nothing(void **state)
{
	uint8_t two[2 * DISK_BLOCK];
	struct place *p = *state;
	struct disk_info info;
	struct disk *d;

	lose(p, "S0000001.SEG");
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_ok(disk_list(d, &info));
	assert_int_equal(info.blocks, 2 * FOLDER_SEGMENT_BLOCKS + 5);
	assert_reads(d, DISK_DATA, 2 * SEGMENT_LEN, "third");
	assert_err(disk_read(d, DISK_DATA, SEGMENT_LEN, two, DISK_BLOCK), ERR_TRUNCATED);
	assert_err(disk_read(d, DISK_DATA, SEGMENT_LEN - DISK_BLOCK, two, sizeof(two)),
		   ERR_TRUNCATED);
	assert_missing(d, "S0000001.SEG ");
	disk_close(d);
}

static void short_files_give_what_they_have(void **state)
{
	char block[DISK_BLOCK];
	struct place *p = *state;
	struct disk *d;

	assert_int_equal(truncate(file_in(p, "S0000000.SEG"), 2 * DISK_BLOCK), 0);
	assert_int_equal(truncate(file_in(p, "HEAD0.BIN"), DISK_BLOCK), 0);
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_reads(d, DISK_DATA, 0, "first");
	assert_reads(d, DISK_HEAD0, 0, "HEAD0.BIN");
	assert_err(disk_read(d, DISK_DATA, 2 * DISK_BLOCK, block, sizeof(block)), ERR_TRUNCATED);
	assert_err(disk_read(d, DISK_HEAD0, DISK_BLOCK, block, sizeof(block)), ERR_TRUNCATED);
	assert_missing(d, "HEAD0.BIN S0000000.SEG ");
	disk_close(d);
}

static void one_key_file_is_enough_and_none_is_no_vault(void **state)
{
	char block[DISK_BLOCK];
	struct place *p = *state;
	struct disk *d;

	lose(p, "HEAD0.BIN");
	lose(p, "HEAD1.BIN");
	lose(p, "KEY0.AGE");
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_err(disk_read(d, DISK_HEAD0, 0, block, sizeof(block)), ERR_TRUNCATED);
	assert_err(disk_read(d, DISK_KEY0, 0, block, sizeof(block)), ERR_TRUNCATED);
	assert_reads(d, DISK_KEY1, 0, "KEY1.AGE");
	assert_missing(d, "KEY0.AGE HEAD0.BIN HEAD1.BIN ");
	disk_close(d);
	lose(p, "KEY1.AGE");
	assert_err(salvage_disk_open(p->dir, &d), ERR_NOT_A_VAULT);
	assert_err(salvage_disk_open(file_in(p, "nowhere"), &d), ERR_MEDIUM_NOT_FOUND);
	assert_err(salvage_disk_open(file_in(p, "S0000000.SEG"), &d), ERR_MEDIUM_NOT_FOUND);
}

/* Another computer, or a tool that copies, may have written the names in small letters. */
static void names_in_small_letters_are_the_same_files(void **state)
{
	char from[128];
	struct place *p = *state;
	struct disk *d;

	strcpy(from, file_in(p, "S0000001.SEG"));
	assert_int_equal(rename(from, file_in(p, "s0000001.seg")), 0);
	strcpy(from, file_in(p, "HEAD0.BIN"));
	assert_int_equal(rename(from, file_in(p, "head0.bin")), 0);
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_reads(d, DISK_DATA, SEGMENT_LEN, "second");
	assert_reads(d, DISK_HEAD0, 0, "HEAD0.BIN");
	disk_close(d);
}

static void what_is_no_plain_file_is_missing(void **state)
{
	struct place *p = *state;
	struct disk *d;

	lose(p, "S0000001.SEG");
	lose(p, "HEAD1.BIN");
	assert_int_equal(symlink("/etc/passwd", file_in(p, "S0000001.SEG")), 0);
	assert_int_equal(mkfifo(file_in(p, "HEAD1.BIN"), 0600), 0);
	make_file(p, "S000000Z.SEG", 10, "odd");
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_missing(d, "HEAD1.BIN S0000001.SEG ");
	disk_close(d);
}

static void whoever_writes_keeps_it_away(void **state)
{
	struct place *p = *state;
	struct disk *d, *other;
	int fd = open(file_in(p, "HEAD0.BIN"), O_RDWR);

	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_err(salvage_disk_open(p->dir, &d), ERR_VAULT_BUSY);
	close(fd);
	assert_ok(salvage_disk_open(p->dir, &d));
	assert_ok(salvage_disk_open(p->dir, &other));
	disk_close(other);
	disk_close(d);
}

static void nothing_can_be_written(void **state)
{
	char block[DISK_BLOCK] = "";
	struct disk *d;

	assert_ok(salvage_disk_open(((struct place *)*state)->dir, &d));
	for (enum disk_area area = 0; area < DISK_AREAS; area++) {
		assert_err(disk_write(d, area, 0, block, sizeof(block)), ERR_READ_ONLY);
		assert_err(disk_flush(d, area), ERR_READ_ONLY);
	}
	assert_err(disk_grow(d, 1u << 20), ERR_READ_ONLY);
	disk_close(d);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(whole_folders_read_as_they_are),
		STORY(a_missing_segment_moves_nothing),
		STORY(short_files_give_what_they_have),
		STORY(one_key_file_is_enough_and_none_is_no_vault),
		STORY(names_in_small_letters_are_the_same_files),
		STORY(what_is_no_plain_file_is_missing),
		STORY(whoever_writes_keeps_it_away),
		STORY(nothing_can_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

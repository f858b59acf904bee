/* Every byte of a KEY file flipped in turn: it is refused, always. In the ordinary run every byte of
 * the envelope and each 7th of the noise behind it; all of them when CRASHES is set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cursor.h"
#include "store/folder_disk.h"
#include "tests/access/people.h"
#include "tests/check.h"

struct fixture {
	char dir[64];
	struct person a;
	struct disk *disk;
	struct device device;
	struct secret *epoch_key;
	uint8_t file[DISK_FIXED_LEN];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct vault_new what = { .dir = f->dir, .label = "FLIP", .separated = true };
	struct keyfile k = { 0 };
	char *path;

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-flip-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "a");
	assert_ok(vault_create(&f->a.actor, &what, &path));
	assert_ok(folder_disk_open(path, false, &f->disk));
	assert_ok(keyfile_read(f->disk, DISK_KEY0, f->a.id, &k));
	assert_ok(device_load(f->a.home, k.volume_id, f->a.id, &f->device));
	assert_ok(keyfile_epoch_key(&k, f->device.secret, &f->epoch_key));
	assert_ok(keyfile_prove(f->disk, DISK_KEY0, &k, f->epoch_key));
	assert_ok(disk_read(f->disk, DISK_KEY0, 0, f->file, sizeof(f->file)));
	keyfile_clear(&k);
	free(path);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	secret_free(f->epoch_key);
	device_clear(&f->device);
	disk_close(f->disk);
	person_clear(&f->a);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f);
	return 0;
}

/* Whether the KEY file as it is on the disk would be believed. */
static bool is_believed(struct fixture *f)
{
	struct keyfile k = { 0 };
	enum err err = keyfile_read(f->disk, DISK_KEY0, f->a.id, &k);

	if (err == OK)
		err = keyfile_prove(f->disk, DISK_KEY0, &k, f->epoch_key);
	keyfile_clear(&k);
	return err == OK;
}

static void every_flipped_byte_is_refused(void **state)
{
	struct fixture *f = *state;
	size_t envelope = 12 + load_u32(f->file + 8), step = getenv("CRASHES") ? 1 : 7, flips = 0;

	assert_true(is_believed(f));
	for (size_t at = 0; at < sizeof(f->file); at += at < envelope ? 1 : step) {
		uint8_t byte = f->file[at] ^ (uint8_t)(1u << at % 8);

		assert_ok(disk_write(f->disk, DISK_KEY0, at, &byte, 1));
		if (is_believed(f))
			fail_msg("byte %zu", at);
		assert_ok(disk_write(f->disk, DISK_KEY0, at, &f->file[at], 1));
		flips++;
	}
	assert_true(is_believed(f));
	printf("# %zu bytes flipped\n", flips);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_flipped_byte_is_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

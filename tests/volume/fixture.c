#include "tests/volume/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void remove_dir(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void disk_open(struct fixture *f, bool read_only)
{
	if (!f->sim) {
		assert_ok(folder_disk_open(f->dir, read_only, &f->disk));
		return;
	}
	sim_set_read_only(f->sim, read_only);
	f->disk = sim_disk(f->sim);
}

static struct fixture *fixture_format(struct fixture *f, unsigned record_shift)
{
	uint8_t user[STORE_USER_LEN] = {0};

	assert_ok(secret_random(32, &f->epoch_key));
	assert_ok(sign_key_random(&f->host));
	f->door = (struct store_door){.epoch = 1, .epoch_key = f->epoch_key};
	f->unlock = (struct store_unlock){.doors = &f->door, .door_count = 1, .host_key = f->host};
	random_bytes(f->unlock.volume_id, STORE_ID_LEN);
	disk_open(f, false);
	assert_ok(store_format(f->disk, &f->unlock, user));
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
	assert_ok(volume_format_sized(f->store, "TEST-01", 1000, 1000, record_shift));
	assert_ok(volume_open(f->store, &f->v));
	return f;
}

struct fixture *fixture_new(unsigned record_shift)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-volume-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_ok(folder_disk_create(f->dir));
	return fixture_format(f, record_shift);
}

struct fixture *fixture_new_sim(unsigned record_shift, uint64_t blocks_max)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sim_options options = {.blocks_max = blocks_max};

	assert_ok(crypto_init());
	f->sim = sim_new(&options);
	return fixture_format(f, record_shift);
}

void fixture_free(struct fixture *f)
{
	if (f->v)
		(void)!volume_close(f->v);
	store_close(f->store);
	disk_close(f->disk);
	secret_free(f->epoch_key);
	sign_key_free(f->host);
	if (!f->sim)
		remove_dir(f->dir);
	sim_free(f->sim);
	free(f);
}

int fixture_setup(void **state)
{
	*state = fixture_new(VOLUME_RECORD_SHIFT);
	return 0;
}

int fixture_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

static void open_again(struct fixture *f, bool read_only)
{
	store_close(f->store);
	disk_close(f->disk);
	f->disk = NULL;
	f->unlock.read_only = read_only;
	disk_open(f, read_only);
	assert_ok(store_open(f->disk, &f->unlock, &f->store, &f->report));
	assert_ok(volume_open(f->store, &f->v));
}

void fixture_reopen(struct fixture *f)
{
	assert_ok(volume_close(TAKE(f->v)));
	open_again(f, false);
}

void fixture_reopen_read_only(struct fixture *f)
{
	assert_ok(volume_close(TAKE(f->v)));
	open_again(f, true);
}

void fixture_crash(struct fixture *f)
{
	volume_freeze(f->v, ERR_REMOVED);
	(void)!volume_close(TAKE(f->v));
	open_again(f, false);
}

uint64_t make_file(struct fixture *f, uint64_t parent, const char *name)
{
	struct volume_attr attr;

	assert_ok(volume_make(f->v, parent, name, S_IFREG | 0600, 1, 2, &attr));
	return attr.ino;
}

uint64_t make_folder(struct fixture *f, uint64_t parent, const char *name)
{
	struct volume_attr attr;

	assert_ok(volume_make(f->v, parent, name, S_IFDIR | 0700, 1, 2, &attr));
	return attr.ino;
}

void write_text(struct fixture *f, uint64_t ino, uint64_t off, const char *text)
{
	assert_ok(volume_write(f->v, ino, off, text, strlen(text)));
}

void pattern_fill(uint8_t *out, uint64_t off, size_t len, uint32_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(((off + i) * 2654435761u ^ seed * 40503u) >> 7) | 1;
}

void write_pattern(struct fixture *f, uint64_t ino, uint64_t off, size_t len, uint32_t seed)
{
	uint8_t *buf = malloc(len + 1);

	pattern_fill(buf, off, len, seed);
	assert_ok(volume_write(f->v, ino, off, buf, len));
	free(buf);
}

void assert_pattern(struct fixture *f, uint64_t ino, uint64_t off, size_t len, uint32_t seed)
{
	uint8_t *want = malloc(len + 1), *have = malloc(len + 1);
	size_t got;

	pattern_fill(want, off, len, seed);
	assert_ok(volume_read(f->v, ino, off, have, len, &got));
	assert_int_equal(got, len);
	assert_memory_equal(have, want, len);
	free(want);
	free(have);
}

void assert_zeroes(struct fixture *f, uint64_t ino, uint64_t off, size_t len)
{
	uint8_t *want = calloc(1, len + 1), *have = malloc(len + 1);
	size_t got;

	assert_ok(volume_read(f->v, ino, off, have, len, &got));
	assert_int_equal(got, len);
	assert_memory_equal(have, want, len);
	free(want);
	free(have);
}

void assert_text(struct fixture *f, uint64_t ino, const char *text)
{
	char have[4096];
	size_t got;

	assert_ok(volume_read(f->v, ino, 0, have, sizeof(have) - 1, &got));
	have[got] = '\0';
	assert_string_equal(have, text);
}

void set_size(struct fixture *f, uint64_t ino, uint64_t size)
{
	struct volume_attr in = {.size = size};

	assert_ok(volume_setattr(f->v, ino, VOLUME_SET_SIZE, &in, NULL));
}

struct volume_attr attr_of(struct fixture *f, uint64_t ino)
{
	struct volume_attr attr;

	assert_ok(volume_getattr(f->v, ino, &attr));
	return attr;
}

uint64_t lookup(struct fixture *f, uint64_t parent, const char *name)
{
	struct volume_attr attr;
	enum err err = volume_lookup(f->v, parent, name, &attr);

	if (err == ERR_NOT_FOUND)
		return 0;
	assert_ok(err);
	return attr.ino;
}

static void show_hurt(void *ctx, const char *path, enum err what, const char *why)
{
	print_message("%s: %s: %s\n", path, err_name(what), why);
}

void assert_whole(struct fixture *f)
{
	struct volume_check_result result;

	assert_ok(volume_check(f->v, show_hurt, NULL, NULL, &result));
	assert_int_equal(result.problems, 0);
	assert_int_equal(result.store.bad_nodes, 0);
	assert_int_equal(result.store.bad_records, 0);
	assert_int_equal(result.store.doubly_used_blocks, 0);
	assert_int_equal(result.store.unreachable_blocks, 0);
}

size_t tree_items(struct fixture *f, uint64_t ino, int kind)
{
	struct store_key key = item_key(ino, kind < 0 ? 0 : (uint8_t)kind, 0);
	struct store_view view;
	size_t count = 0;

	store_read_begin(f->store);
	while (store_find_ge(f->store, &key, &view) == OK && view.key.object == ino &&
	       (kind < 0 || view.key.kind == kind)) {
		count++;
		key = view.key;
		key.offset++;
	}
	store_read_end(f->store);
	return count;
}

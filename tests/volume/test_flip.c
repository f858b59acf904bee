/* Every byte of a volume changed in turn: what is read is what was written, or an error; never other
 * data. With CRASHES in the environment really every byte, else a part of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/check.h"
#include "tests/volume/stick.h"

#define STRIDE 13u
#define STRIDE_NOISE 211u /* in slots that hold only noise */
#define SLOT 4096u

static const char *const paths[] = {
	"", "old", "old/first", "old/big", "link", "sparse", "new", "folder", "folder/second",
};

/* What a path gives: everything that is compared, in one buffer. */
struct answer {
	enum err err;
	uint8_t *bytes;
	size_t len;
};

static void put(struct answer *a, const void *data, size_t len)
{
	a->bytes = realloc(a->bytes, a->len + len + 1);
	memcpy(a->bytes + a->len, data, len);
	a->len += len;
}

static enum err walk_to(struct volume *v, const char *path, struct volume_attr *ret)
{
	TRY(volume_getattr(v, VOLUME_ROOT, ret));
	while (*path) {
		char part[64];
		size_t len = strcspn(path, "/");

		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		TRY(volume_lookup(v, ret->ino, part, ret));
		path += len + (path[len] == '/');
	}
	return OK;
}

static bool put_name(void *ctx, const char *name, const struct volume_attr *attr, uint64_t cookie)
{
	put(ctx, name, strlen(name) + 1);
	return true;
}

static enum err put_file(struct volume *v, const struct volume_attr *attr, struct answer *a)
{
	size_t got = 0;
	uint8_t *data;
	enum err err;

	if (attr->size > 1u << 20)
		return ERR_INTERNAL;
	data = malloc(attr->size + 1);
	err = volume_read(v, attr->ino, 0, data, attr->size + 1, &got);
	if (err == OK)
		put(a, data, got);
	free(data);
	return err;
}

static enum err put_content(struct volume *v, const struct volume_attr *attr, struct answer *a)
{
	char target[VOLUME_SYMLINK_MAX + 1];

	if (S_ISDIR(attr->mode))
		return volume_readdir(v, attr->ino, 0, false, put_name, a);
	if (S_ISREG(attr->mode))
		return put_file(v, attr, a);
	TRY(volume_readlink(v, attr->ino, target, sizeof(target)));
	put(a, target, strlen(target));
	return OK;
}

static enum err put_xattr(struct volume *v, uint64_t ino, struct answer *a)
{
	uint8_t value[256];
	size_t len = 0;
	enum err err = volume_get_xattr(v, ino, "user.note", value, sizeof(value), &len);

	if (err == ERR_NO_DATA)
		return OK;
	if (err == OK)
		put(a, value, len);
	return err;
}

static enum err ask_path(struct volume *v, const char *path, struct answer *a)
{
	struct volume_attr attr;

	TRY(walk_to(v, path, &attr));
	put(a, &attr.ino, sizeof(attr.ino));
	put(a, &attr.size, sizeof(attr.size));
	put(a, &attr.mode, sizeof(attr.mode));
	put(a, &attr.nlink, sizeof(attr.nlink));
	put(a, &attr.mtime.tv_sec, sizeof(attr.mtime.tv_sec));
	TRY(put_content(v, &attr, a));
	return put_xattr(v, attr.ino, a);
}

static struct answer ask(struct volume *v, unsigned path)
{
	struct answer a = {0};

	a.err = ask_path(v, paths[path], &a);
	return a;
}

/* ---- the volume ---- */

static uint64_t make(struct stick *s, uint64_t folder, const char *name, uint32_t mode)
{
	struct volume_attr attr;

	assert_ok(volume_make(s->volume, folder, name, mode, 1, 1, &attr));
	return attr.ino;
}

static void write_bytes_of(struct stick *s, uint64_t ino, uint64_t off, size_t len, uint64_t seed)
{
	uint8_t *buf = malloc(len);

	for (size_t i = 0; i < len; i++)
		buf[i] = (uint8_t)sim_random(&seed);
	assert_ok(volume_write(s->volume, ino, off, buf, len));
	free(buf);
}

/* Some of it so old that opening does not prove it, some of it new; some nodes were replaced. */
static struct sim *volume_make_small(void)
{
	struct sim *sim = sim_new(NULL);
	struct volume_attr attr;
	struct stick s;
	uint64_t old, folder;

	assert_ok(stick_format(sim, 14));
	assert_ok(stick_open(&s, sim, false));
	old = make(&s, VOLUME_ROOT, "old", S_IFDIR | 0700);
	write_bytes_of(&s, make(&s, old, "first", S_IFREG | 0600), 0, 1500, 1);
	write_bytes_of(&s, make(&s, old, "big", S_IFREG | 0600), 0, 40000, 2);
	assert_ok(volume_set_xattr(s.volume, old, "user.note", "a note", 6, 0));
	folder = make(&s, VOLUME_ROOT, "folder", S_IFDIR | 0700);
	for (unsigned i = 0; i < 90; i++) { /* more than a node of them */
		char name[40];

		snprintf(name, sizeof(name), "one name of many in this place %u", i);
		make(&s, folder, name, S_IFREG | 0600);
	}
	for (unsigned i = 0; i < 10; i++) {
		write_bytes_of(&s, make(&s, old, (char[]){'o', (char)('0' + i), 0}, S_IFREG | 0600),
			       0, 100, i);
		assert_ok(volume_sync(s.volume));
	}
	assert_ok(volume_symlink(s.volume, VOLUME_ROOT, "link", "old/first", 1, 1, &attr));
	write_bytes_of(&s, make(&s, VOLUME_ROOT, "sparse", S_IFREG | 0600), 50000, 3000, 3);
	write_bytes_of(&s, make(&s, folder, "second", S_IFREG | 0600), 0, 700, 4);
	assert_ok(volume_sync(s.volume));
	write_bytes_of(&s, make(&s, VOLUME_ROOT, "new", S_IFREG | 0600), 0, 9000, 5);
	assert_ok(stick_close(&s));
	return sim;
}

struct tally {
	uint64_t bytes, same, told, errors, refused;
};
static struct sim *sim;
static struct answer golden[ARRAY_LEN(paths)];
static struct tally tally;

static int setup(void **state)
{
	struct stick s;

	stick_init();
	sim = volume_make_small();
	assert_ok(stick_open(&s, sim, true));
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		golden[i] = ask(s.volume, i);
		assert_ok(golden[i].err);
	}
	stick_kill(&s);
	return 0;
}

static int teardown(void **state)
{
	printf("# %llu bytes changed: nothing lost %llu, other state told %llu, errors %llu, "
	       "refused %llu\n",
	       (unsigned long long)tally.bytes, (unsigned long long)tally.same,
	       (unsigned long long)tally.told, (unsigned long long)tally.errors,
	       (unsigned long long)tally.refused);
	for (unsigned i = 0; i < ARRAY_LEN(paths); i++)
		free(golden[i].bytes);
	sim_free(sim);
	stick_done();
	return 0;
}

/* Each path gives what was written or an error that tells of damage. */
static bool judge(struct stick *s, enum disk_area area, uint64_t off)
{
	bool hurt = false;

	for (unsigned i = 0; i < ARRAY_LEN(paths); i++) {
		struct answer a = ask(s->volume, i);

		if (a.err != OK && a.err != ERR_FORGED && a.err != ERR_MALFORMED)
			fail_msg("byte %llu of area %u: \"%s\" gives %s", (unsigned long long)off, area,
				 paths[i], err_name(a.err));
		if (a.err == OK &&
		    (a.len != golden[i].len || memcmp(a.bytes, golden[i].bytes, a.len) != 0))
			fail_msg("byte %llu of area %u: \"%s\" gives other data",
				 (unsigned long long)off, area, paths[i]);
		hurt = hurt || a.err != OK;
		free(a.bytes);
	}
	return hurt;
}

static void try_byte(enum disk_area area, uint64_t off)
{
	uint64_t seed = off * 8 + area;
	uint8_t mask = (uint8_t)(sim_random(&seed) % 255 + 1);
	struct stick s;
	enum err err;

	tally.bytes++;
	sim_flip(sim, area, off, mask);
	err = stick_open(&s, sim, true);
	if (err != OK) {
		tally.refused++;
	} else if (s.report.steps_back > 0) {
		tally.told++;
	} else if (judge(&s, area, off)) {
		tally.errors++;
	} else {
		tally.same++;
	}
	if (err == OK)
		stick_kill(&s);
	sim_flip(sim, area, off, mask);
}

static bool is_every_byte(void)
{
	const char *crashes = getenv("CRASHES");

	return crashes && *crashes;
}

static void changed_superblocks_are_passed_over(void **state)
{
	struct stick s;
	uint64_t newest;

	assert_ok(stick_open(&s, sim, true));
	newest = s.report.newest_seen;
	stick_kill(&s);
	for (uint64_t off = 0; off < 2 * DISK_FIXED_LEN; off++) {
		enum disk_area area = off < DISK_FIXED_LEN ? DISK_HEAD0 : DISK_HEAD1;
		uint64_t at = off % DISK_FIXED_LEN;
		bool in_use = at / SLOT == newest / 2 % 16 || at / SLOT == (newest - 1) / 2 % 16;

		if (in_use || is_every_byte() || at % STRIDE_NOISE == 0)
			try_byte(area, at);
	}
	/* A clean end stands twice, so no byte of HEAD costs anything. */
	assert_int_equal(tally.same, tally.bytes);
}

/* Whether anything reads it: shown by spoiling all of it. */
static bool is_block_in_use(uint64_t block)
{
	const struct tally before = tally;
	uint8_t kept[DISK_BLOCK], spoilt[DISK_BLOCK] = {0};
	bool in_use;

	memcpy(kept, sim_page(sim, DISK_DATA, block), sizeof(kept));
	sim_poke(sim, DISK_DATA, block * DISK_BLOCK, spoilt, sizeof(spoilt));
	try_byte(DISK_DATA, block * DISK_BLOCK);
	in_use = tally.same == before.same;
	sim_poke(sim, DISK_DATA, block * DISK_BLOCK, kept, sizeof(kept));
	tally = before;
	return in_use;
}

static void changed_blocks_give_errors_and_never_other_data(void **state)
{
	unsigned blocks = 0;

	for (uint64_t block = 0; block < sim_blocks(sim); block++) {
		if (!is_block_in_use(block))
			continue;
		blocks++;
		for (uint64_t i = 0; i < DISK_BLOCK; i += is_every_byte() ? 1 : STRIDE)
			try_byte(DISK_DATA, block * DISK_BLOCK + i);
	}
	printf("# %u blocks of %llu in use\n", blocks, (unsigned long long)sim_blocks(sim));
	assert_true(tally.errors > 0 && tally.told > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changed_superblocks_are_passed_over),
		cmocka_unit_test(changed_blocks_give_errors_and_never_other_data),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

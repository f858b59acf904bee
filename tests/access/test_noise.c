/* What a finder sees: one image of the medium tells nothing but its total size. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "tests/access/people.h"
#include "tests/check.h"

struct fixture {
	char dir[64];
	struct person a;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	strcpy(f->dir, "/tmp/vault-noise-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	person_make(&f->a, f->dir, "hanako");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	person_clear(&f->a);
	shell("rm -rf '%s'%s", f->dir, "");
	free(f);
	return 0;
}

static void write_file(struct vault *v, const char *name, const char *text, size_t len)
{
	struct volume_attr attr;
	char *data = malloc(len);

	for (size_t i = 0; i < len; i++)
		data[i] = text[i % strlen(text)];
	assert_ok(volume_make(vault_volume(v), VOLUME_ROOT, name, S_IFREG | 0600, 0, 0, &attr));
	for (size_t at = 0; at < len; at += 65536)
		assert_ok(volume_write(vault_volume(v), attr.ino, at, data + at,
				       MIN(len - at, 65536u)));
	free(data);
}

static void fill_one_big(struct vault *v)
{
	write_file(v, "健診結果_2026上期.csv", "PATIENT-RECORD-0001,", 1 << 20);
}

static void fill_many_small(struct vault *v)
{
	char name[64];

	for (unsigned i = 0; i < 32; i++) {
		snprintf(name, sizeof(name), "receipt-of-somebody-%02u.pdf", i);
		write_file(v, name, "another content entirely ", 32768);
	}
}

static char *make_vault(struct fixture *f, const char *label, void (*fill)(struct vault *))
{
	struct vault_new what = { .dir = f->dir, .label = label, .separated = true };
	struct vault_facts facts;
	struct vault *v;
	char *path;

	assert_ok(vault_create(&f->a.actor, &what, &path));
	assert_ok(vault_open(&f->a.actor, path, false, NULL, &v, &facts));
	fill(v);
	assert_ok(vault_close(v));
	return path;
}

static struct buf read_file(const char *folder, const char *name)
{
	struct buf b = { 0 };
	char *path = io_path_join(folder, name);

	assert_ok(io_read_file(path, 128u << 20, &b));
	free(path);
	return b;
}

static const char *const files[] = { "KEY0.AGE", "KEY1.AGE", "HEAD0.BIN", "HEAD1.BIN",
				     "S0000000.SEG" };

static void expect_absent(const struct buf *b, const char *what, const void *bytes, size_t len)
{
	if (memmem(b->data, b->len, bytes, len))
		fail_msg("%s stands on the medium", what);
}

static void nothing_that_is_inside_stands_on_the_medium(void **state)
{
	struct fixture *f = *state;
	char *path = make_vault(f, "KANAGAWA-SECRET", fill_one_big);
	const char *host;
	const uint64_t size = 1 << 20;

	assert_ok(home_host_id(f->a.home, &host));
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		struct buf b = read_file(path, files[i]);
		char text[AGE_RECIPIENT_TEXT];

		expect_absent(&b, "content", "PATIENT-RECORD", 14);
		expect_absent(&b, "name", "健診", 6);
		expect_absent(&b, "part of a name", "2026上期", 10);
		expect_absent(&b, "label", "KANAGAWA", 8);
		expect_absent(&b, "person", "hanako", 6);
		expect_absent(&b, "host", host, strlen(host));
		expect_absent(&b, "size", &size, sizeof(size));
		expect_absent(&b, "public key", f->a.info.recipient.pk, X25519_LEN);
		age_recipient_print(&f->a.info.recipient, text);
		expect_absent(&b, "public key as text", text + 4, 20);
		buf_clear(&b);
	}
	free(path);
}

/* Whether each 4 KiB block was ever written. */
static char *block_map(const struct buf *b)
{
	size_t blocks = b->len / 4096;
	char *map = malloc(blocks + 1);

	for (size_t i = 0; i < blocks; i++) {
		const char *at = b->data + i * 4096;
		bool zero = at[0] == 0 && memcmp(at, at + 1, 4095) == 0;

		map[i] = zero ? '.' : 'x';
	}
	map[blocks] = '\0';
	return map;
}

/* Bytes of sealed blocks are as even as chance makes them: chi-square over 255 degrees of freedom
 * stays within ten standard deviations of its mean. */
static void expect_noise(const char *name, const struct buf *b, size_t from)
{
	size_t count[256] = { 0 }, n = 0;
	double chi = 0, mean;

	for (size_t at = from; at + 4096 <= b->len; at += 4096) {
		const uint8_t *block = (const uint8_t *)b->data + at;

		if (block[0] == 0 && memcmp(block, block + 1, 4095) == 0)
			continue;
		for (size_t i = 64; i < 4096; i++)
			count[block[i]]++;
		n += 4096 - 64;
	}
	mean = (double)n / 256;
	for (unsigned i = 0; i < 256; i++)
		chi += ((double)count[i] - mean) * ((double)count[i] - mean) / mean;
	if (chi > 255 + 10 * 22.6)
		fail_msg("%s is not noise: %f", name, chi);
}

static void two_vaults_of_equal_blocks_differ_in_noise_only(void **state)
{
	struct fixture *f = *state;
	char *one = make_vault(f, "ONE", fill_one_big);
	char *two = make_vault(f, "ANOTHER-LABEL", fill_many_small);

	shell("test \"$(cd '%s' && stat -c '%%n %%s %%Y' KEY* HEAD* S*)\" = "
	      "\"$(cd '%s' && stat -c '%%n %%s %%Y' KEY* HEAD* S*)\"",
	      one, two);
	shell("cmp '%s/README.TXT' '%s/README.TXT'", one, two);
	for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
		struct buf a = read_file(one, files[i]), b = read_file(two, files[i]);
		char *map_a = block_map(&a), *map_b = block_map(&b);

		assert_string_equal(map_a, map_b);
		if (files[i][0] != 'K') {
			expect_noise(files[i], &a, 0);
			expect_noise(files[i], &b, 0);
		} else {
			/* The envelope's length is that of eight stanzas, whoever they are for. */
			assert_memory_equal(a.data, b.data, 12);
		}
		free(map_a);
		free(map_b);
		buf_clear(&a);
		buf_clear(&b);
	}
	free(one);
	free(two);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(nothing_that_is_inside_stands_on_the_medium),
		STORY(two_vaults_of_equal_blocks_differ_in_noise_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

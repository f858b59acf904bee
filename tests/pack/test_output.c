/* A file that appears when it is whole, however its bytes got to the disk. */
#include "pack/output.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "crypto/random.h"
#include "pack/relay.h"
#include "tests/check.h"

struct fixture {
	char dir[64], path[128];
};

static void begin(struct fixture *f)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/output-XXXXXX");
	assert_ok(crypto_init());
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/out", f->dir);
}

static void end(const struct fixture *f)
{
	assert_int_equal(rmdir(f->dir), 0); /* nothing else is in it */
}

static void put(struct output *o, const uint8_t *bytes, size_t len)
{
	struct age_sink sink = output_sink(o);

	for (size_t at = 0; at < len; at += MIN(len - at, 70001))
		assert_ok(sink.write(sink.ctx, bytes + at, MIN(len - at, 70001)));
}

/* Lengths below, at and above a block of the disk, a piece of the relay and all of its pieces. */
static void what_was_put_is_in_the_file(void **state)
{
	static const size_t lengths[] = {0,
					 1,
					 RELAY_ALIGN - 1,
					 RELAY_ALIGN,
					 RELAY_PIECE,
					 RELAY_PIECE + RELAY_ALIGN,
					 2 * RELAY_BYTES,
					 2 * RELAY_BYTES + RELAY_PIECE + 77};
	size_t most = lengths[ARRAY_LEN(lengths) - 1];
	uint8_t *bytes = malloc(most), want[SHA256_LEN], got[SHA256_LEN];
	struct fixture f;

	begin(&f);
	for (size_t i = 0; i < most; i++)
		bytes[i] = (uint8_t)(i * 31 >> 3);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		CLEANUP(output_freep) struct output *o = NULL;
		CLEANUP(buf_clear) struct buf text = {0};
		uint64_t length;

		assert_ok(output_new(f.path, &o));
		put(o, bytes, lengths[i]);
		assert_ok(output_finish(o, &length, got));
		assert_int_equal(access(f.path, F_OK), -1);
		assert_ok(output_appear(o));
		assert_int_equal(length, lengths[i]);
		sha256(bytes, lengths[i], want);
		assert_memory_equal(got, want, SHA256_LEN);
		assert_ok(io_read_file(f.path, most, &text));
		assert_int_equal(text.len, lengths[i]);
		if (text.len > 0)
			assert_memory_equal(text.data, bytes, text.len);
		assert_int_equal(unlink(f.path), 0);
	}
	free(bytes);
	end(&f);
}

static void what_is_given_up_leaves_nothing(void **state)
{
	static const uint8_t bytes[RELAY_PIECE * 2];
	struct fixture f;
	struct output *o = NULL;

	begin(&f);
	assert_ok(output_new(f.path, &o));
	put(o, bytes, sizeof(bytes));
	output_free(o);
	end(&f);
}

static void it_replaces_nothing_not_even_what_came_meanwhile(void **state)
{
	CLEANUP(output_freep) struct output *o = NULL;
	struct output *none = NULL;
	uint8_t sum[SHA256_LEN];
	uint64_t length;
	struct fixture f;

	begin(&f);
	assert_ok(output_new(f.path, &o));
	assert_ok(output_finish(o, &length, sum));
	assert_ok(io_create_file(f.path, "mine", 4, 0600));
	assert_err(output_appear(o), ERR_EXISTS);
	assert_err(output_new(f.path, &none), ERR_EXISTS);
	output_free(TAKE(o));
	assert_int_equal(unlink(f.path), 0);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_in_the_file),
		cmocka_unit_test(what_is_given_up_leaves_nothing),
		cmocka_unit_test(it_replaces_nothing_not_even_what_came_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

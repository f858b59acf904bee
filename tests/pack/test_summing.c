/* The lines of SHA256SUMS are those of the files, however their bytes came in pieces. */
#include "pack/summing.h"
#include <stdio.h>
#include <string.h>
#include "crypto/random.h"
#include "pack/relay.h"
#include "pack/sums.h"
#include "tests/check.h"

static void put(struct summing *s, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		size_t part;
		uint8_t *room = summing_room(s, &part);

		part = MIN(len, part);
		memcpy(room, bytes, part);
		assert_ok(summing_filled(s, part));
		bytes += part;
		len -= part;
	}
}

/* Small ones, so that heads and names lie across the ends of pieces too, and some that are larger
 * than all that is under way. */
static size_t size_of(unsigned i)
{
	return i % 97 == 5 ? RELAY_BYTES + i : i * 37 % 3000;
}

static void lines_are_those_of_the_files(void **state)
{
	static uint8_t bytes[RELAY_BYTES + 1000];
	CLEANUP(buf_clear) struct buf got = {0};
	CLEANUP(buf_clear) struct buf want = {0};
	CLEANUP(summing_freep) struct summing *s = NULL;
	uint8_t sum[SHA256_LEN];
	char name[64];

	assert_ok(crypto_init());
	random_bytes(bytes, sizeof(bytes));
	assert_ok(summing_new(&got, &s));
	assert_ok(summing_finish(s)); /* no file */
	for (unsigned i = 0; i < 900; i++) {
		size_t size = size_of(i);

		snprintf(name, sizeof(name), "folder\n/%0*u", (int)(i % 40 + 1), i);
		assert_ok(summing_file(s, name, size));
		put(s, bytes, size);
		if (i == 450)
			assert_ok(summing_finish(s));
		sha256(bytes, size, sum);
		assert_ok(sums_add(&want, sum, name));
	}
	assert_ok(summing_finish(s));
	assert_string_equal(got.data, want.data);
}

static void it_can_be_left_within_a_file(void **state)
{
	CLEANUP(buf_clear) struct buf sums = {0};
	struct summing *s = NULL;

	assert_ok(crypto_init());
	assert_ok(summing_new(&sums, &s));
	assert_ok(summing_file(s, "half", 2 * RELAY_PIECE));
	put(s, (const uint8_t[1000]){0}, 1000);
	summing_free(s);
	assert_int_equal(sums.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_those_of_the_files),
		cmocka_unit_test(it_can_be_left_within_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

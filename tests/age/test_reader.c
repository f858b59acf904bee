/* Reading an age file by pulling, from the front and from any place. */
#include "tests/age/fixture.h"

#include <unistd.h>
#include "age/reader.h"
#include "age/stream.h"

/* A file of `len` bytes of the pattern for fixture_identity; armored on wish. The caller closes it. */
static int make_file(size_t len, bool armor, uint8_t *data)
{
	struct age_recipient to = fixture_recipient();
	struct age_to how = { .recipients = &to, .count = 1, .armor = armor };
	struct age_memory from = { data, len };
	char path[] = "/tmp/vault-reader-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	pattern_fill(data, len);
	assert_ok(age_encrypt(&how, age_source_memory(&from), age_sink_fd(&fd)));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static enum err open_file(int fd, struct age_reader **ret)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	const struct age_identity *ids[] = { id };
	struct age_who who = { .identities = ids, .count = 1 };

	return age_reader_new(&who, fd, ret);
}

static enum err read_all(struct age_reader *r, size_t step, struct buf *out)
{
	static uint8_t piece[200000];
	size_t len;

	do {
		TRY(age_reader_read(r, piece, step, &len));
		TRY(buf_append(out, piece, len));
	} while (len > 0);
	return OK;
}

static const size_t sizes[] = { 0, 1, 100, 65535, 65536, 65537, 131072, 131073, 300001 };

static void every_size_comes_back_from_the_front(void **state)
{
	static uint8_t data[300001];

	for (unsigned i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
		CLEANUP(age_reader_freep) struct age_reader *r = NULL;
		CLEANUP(buf_clear) struct buf got = { 0 };
		int fd = make_file(sizes[i / 2], i % 2, data);

		assert_ok(open_file(fd, &r));
		assert_ok(read_all(r, i % 3 ? 70001 : 999, &got));
		assert_int_equal(got.len, sizes[i / 2]);
		if (got.len > 0)
			assert_memory_equal(got.data, data, got.len);
		close(fd);
	}
}

static void any_place_can_be_read(void **state)
{
	static uint8_t data[300001], out[300001];

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(age_reader_freep) struct age_reader *r = NULL;
		int fd = make_file(sizes[i], false, data);
		uint64_t length;

		assert_ok(open_file(fd, &r));
		assert_ok(age_reader_length(r, &length));
		assert_int_equal(length, sizes[i]);
		for (size_t off = 0; off < length; off += length / 7 + 1) {
			size_t len = (size_t)length - off;

			assert_ok(age_reader_at(r, off, out, len));
			assert_memory_equal(out, data + off, len);
			assert_ok(age_reader_at(r, off, out, 1));
			assert_int_equal(out[0], data[off]);
		}
		assert_err(age_reader_at(r, length, out, 1), ERR_RANGE);
		close(fd);
	}
}

static void a_file_that_was_cut_is_refused_wherever_it_is_read(void **state)
{
	static uint8_t data[131073];
	int fd = make_file(sizeof(data), false, data);
	off_t whole = lseek(fd, 0, SEEK_END);
	static const off_t cuts[] = { 1, 16, 17, 18, 65552, 65553, 65569 };

	for (unsigned i = 0; i < ARRAY_LEN(cuts); i++) {
		CLEANUP(age_reader_freep) struct age_reader *r = NULL;
		CLEANUP(age_reader_freep) struct age_reader *again = NULL;
		CLEANUP(buf_clear) struct buf got = { 0 };
		uint64_t length;

		assert_int_equal(ftruncate(fd, whole - cuts[i]), 0);
		lseek(fd, 0, SEEK_SET);
		assert_ok(open_file(fd, &r));
		assert_err(age_reader_length(r, &length), ERR_AGE_PAYLOAD);
		assert_err(age_reader_at(r, 0, data, 1), ERR_AGE_PAYLOAD);
		lseek(fd, 0, SEEK_SET);
		assert_ok(open_file(fd, &again));
		assert_err(read_all(again, 65536, &got), ERR_AGE_PAYLOAD);
	}
	close(fd);
}

static void a_changed_chunk_gives_nothing_of_itself(void **state)
{
	static uint8_t data[200000], out[16];
	CLEANUP(age_reader_freep) struct age_reader *r = NULL;
	int fd = make_file(sizeof(data), false, data);
	off_t whole = lseek(fd, 0, SEEK_END);
	uint64_t length;

	/* A byte of the second chunk. */
	assert_int_equal(pwrite(fd, "x", 1, whole - 100000), 1);
	lseek(fd, 0, SEEK_SET);
	assert_ok(open_file(fd, &r));
	assert_ok(age_reader_length(r, &length));
	assert_ok(age_reader_at(r, 10, out, sizeof(out)));
	assert_err(age_reader_at(r, 100000, out, sizeof(out)), ERR_AGE_PAYLOAD);
	close(fd);
}

static void armor_and_pipes_have_no_middle(void **state)
{
	static uint8_t data[1000];
	CLEANUP(age_reader_freep) struct age_reader *r = NULL;
	int fd = make_file(sizeof(data), true, data);
	uint64_t length;

	assert_ok(open_file(fd, &r));
	assert_err(age_reader_length(r, &length), ERR_NOT_SUPPORTED);
	close(fd);
}

static void a_file_without_a_payload_is_refused(void **state)
{
	static uint8_t data[10];
	int fd = make_file(0, false, data);
	off_t whole = lseek(fd, 0, SEEK_END);
	struct age_reader *r = NULL;

	assert_int_equal(ftruncate(fd, whole - 17), 0); /* into the nonce */
	lseek(fd, 0, SEEK_SET);
	assert_err(open_file(fd, &r), ERR_AGE_PAYLOAD);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_comes_back_from_the_front),
		cmocka_unit_test(any_place_can_be_read),
		cmocka_unit_test(a_file_that_was_cut_is_refused_wherever_it_is_read),
		cmocka_unit_test(a_changed_chunk_gives_nothing_of_itself),
		cmocka_unit_test(armor_and_pipes_have_no_middle),
		cmocka_unit_test(a_file_without_a_payload_is_refused),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

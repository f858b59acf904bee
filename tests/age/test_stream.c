#include "tests/age/fixture.h"

#include "age/stream.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define SEALED (STREAM_CHUNK + AEAD_TAG_LEN)

/* Seals chunk by chunk from the primitives, so that every fault can be made on purpose. */
struct maker {
	struct buf out;
	uint8_t key[32];
	uint8_t number;
};

static void maker_clear(struct maker *m)
{
	buf_clear(&m->out);
}

static struct maker maker_new(void)
{
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	struct maker m = {0};

	assert_ok(buf_append(&m.out, "the nonce of 16.", STREAM_NONCE_LEN));
	hkdf_sha256(secret_data(file_key), 16, m.out.data, 16, "payload", 7, m.key, 32);
	return m;
}

static void maker_chunk(struct maker *m, size_t len, bool last)
{
	uint8_t nonce[12] = {[10] = m->number++, [11] = last}, tag[16];
	uint8_t *data = malloc(len + 1);

	assert_non_null(data);
	pattern_fill(data, len);
	chacha_seal(m->key, nonce, data, len, data, tag);
	assert_ok(buf_append(&m->out, data, len));
	assert_ok(buf_append(&m->out, tag, sizeof(tag)));
	free(data);
}

/* Feeds `step` bytes at a time; what was handed out goes to `got`. */
static enum err open_bytes(const void *data, size_t len, size_t step, struct catcher *got)
{
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	CLEANUP(stream_reader_freep) struct stream_reader *r = NULL;
	const uint8_t *at = data;

	assert_ok(stream_reader_new(file_key, catcher_sink(got), &r));
	for (; len > 0;) {
		size_t part = MIN(step, len);

		TRY(stream_reader_put(r, at, part));
		at += part;
		len -= part;
	}
	return stream_reader_finish(r);
}

static void expect(const struct maker *m, enum err want, size_t handed_out)
{
	struct catcher got = {{0}, 0};

	assert_err(open_bytes(m->out.data, m->out.len, 10000, &got), want);
	assert_int_equal(got.got.len, handed_out);
	buf_clear(&got.got);
}

static void sizes_around_the_chunk_come_back_in_pieces_of_any_size(void **state)
{
	static const size_t sizes[] = {0,     1,     15,     16,     17,    65535,
				       65536, 65537, 131071, 131072, 131073};
	static const size_t steps[] = {1, 4095, 65536, 65552, 65553, 1000000};
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	static uint8_t data[131073];

	pattern_fill(data, sizeof(data));
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
			CLEANUP(stream_writer_freep) struct stream_writer *w = NULL;
			struct catcher sealed = {{0}, 0}, plain = {{0}, 0};
			size_t chunks = sizes[i] ? (sizes[i] + 65535) / 65536 : 1;

			assert_ok(stream_writer_new(file_key, catcher_sink(&sealed), &w));
			for (size_t at = 0; at < sizes[i]; at += steps[k])
				assert_ok(stream_writer_put(w, data + at,
							    MIN(steps[k], sizes[i] - at)));
			assert_ok(stream_writer_finish(w));
			assert_int_equal(sealed.got.len, 16 + sizes[i] + 16 * chunks);
			assert_ok(open_bytes(sealed.got.data, sealed.got.len, steps[k], &plain));
			assert_int_equal(plain.got.len, sizes[i]);
			if (sizes[i] > 0)
				assert_memory_equal(plain.got.data, data, sizes[i]);
			buf_clear(&sealed.got);
			buf_clear(&plain.got);
		}
	}
}

static void a_handmade_payload_opens(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, false);
	maker_chunk(&m, 7, true);
	expect(&m, OK, STREAM_CHUNK + 7);
}

static void an_empty_payload_is_one_empty_last_chunk(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 0, true);
	expect(&m, OK, 0);
}

static void a_last_chunk_may_be_full(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, true);
	expect(&m, OK, STREAM_CHUNK);
}

static void an_empty_last_chunk_behind_others_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, false);
	maker_chunk(&m, 0, true);
	expect(&m, ERR_AGE_PAYLOAD, STREAM_CHUNK);
}

static void a_payload_without_a_last_chunk_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, false);
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void a_short_chunk_that_is_not_marked_last_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 100, false);
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void a_second_last_chunk_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, true);
	maker_chunk(&m, 5, true);
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void bytes_behind_a_short_last_chunk_are_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 100, true);
	assert_ok(buf_puts(&m.out, "x"));
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void bytes_behind_a_full_last_chunk_are_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, true);
	assert_ok(buf_puts(&m.out, "x"));
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void bytes_behind_an_empty_payload_are_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 0, true);
	assert_ok(buf_puts(&m.out, "0123456789abcdef"));
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void a_payload_that_is_not_there_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	expect(&m, ERR_AGE_PAYLOAD, 0);
	for (size_t len = 0; len < 16; len++) {
		m.out.len = len;
		expect(&m, ERR_AGE_PAYLOAD, 0);
	}
}

static void a_chunk_shorter_than_its_tag_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 0, true);
	for (size_t cut = 1; cut <= 16; cut++) {
		m.out.len = 32 - cut;
		expect(&m, ERR_AGE_PAYLOAD, 0);
	}
}

static void chunks_in_another_order_are_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	m.number = 1;
	maker_chunk(&m, STREAM_CHUNK, false);
	m.number = 0;
	maker_chunk(&m, STREAM_CHUNK, false);
	m.number = 2;
	maker_chunk(&m, 9, true);
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void a_dropped_chunk_is_seen(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, false);
	m.number = 2;
	maker_chunk(&m, 9, true);
	expect(&m, ERR_AGE_PAYLOAD, STREAM_CHUNK);
}

static void a_flipped_bit_in_a_later_chunk_lets_only_the_earlier_ones_out(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, STREAM_CHUNK, false);
	maker_chunk(&m, STREAM_CHUNK, false);
	maker_chunk(&m, 9, true);
	m.out.data[16 + SEALED + 60000] ^= 1;
	expect(&m, ERR_AGE_PAYLOAD, STREAM_CHUNK);
}

static void a_flipped_bit_of_the_nonce_is_refused(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();

	maker_chunk(&m, 9, true);
	m.out.data[3] ^= 4;
	expect(&m, ERR_AGE_PAYLOAD, 0);
}

static void every_fault_has_the_same_words(void **state)
{
	CLEANUP(maker_clear) struct maker flipped = maker_new();
	CLEANUP(maker_clear) struct maker cut = maker_new();
	char words[64];

	maker_chunk(&flipped, 9, true);
	flipped.out.data[20] ^= 1;
	expect(&flipped, ERR_AGE_PAYLOAD, 0);
	snprintf(words, sizeof(words), "%s", err_detail());
	expect(&cut, ERR_AGE_PAYLOAD, 0);
	assert_string_equal(err_detail(), words);
}

static void a_reader_that_failed_stays_failed(void **state)
{
	CLEANUP(maker_clear) struct maker m = maker_new();
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	CLEANUP(stream_reader_freep) struct stream_reader *r = NULL;
	struct catcher got = {{0}, 0};

	maker_chunk(&m, STREAM_CHUNK, false);
	m.out.data[100] ^= 1;
	maker_chunk(&m, 9, true);
	assert_ok(stream_reader_new(file_key, catcher_sink(&got), &r));
	assert_err(stream_reader_put(r, m.out.data, m.out.len), ERR_AGE_PAYLOAD);
	assert_err(stream_reader_put(r, "x", 1), ERR_AGE_PAYLOAD);
	assert_err(stream_reader_finish(r), ERR_AGE_PAYLOAD);
	assert_int_equal(got.got.len, 0);
}

static void an_error_of_the_sink_comes_through(void **state)
{
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	CLEANUP(stream_writer_freep) struct stream_writer *w = NULL;
	struct catcher got = {{0}, 1000};
	uint8_t data[1000] = {0};

	assert_ok(stream_writer_new(file_key, catcher_sink(&got), &w));
	assert_ok(stream_writer_put(w, data, sizeof(data)));
	assert_err(stream_writer_finish(w), ERR_NO_SPACE);
	assert_err(stream_writer_finish(w), ERR_NO_SPACE);
	buf_clear(&got.got);
}

static void a_writer_finishes_once(void **state)
{
	CLEANUP(secret_freep) struct secret *file_key = fixture_file_key();
	CLEANUP(stream_writer_freep) struct stream_writer *w = NULL;
	struct catcher got = {{0}, 0};

	assert_ok(stream_writer_new(file_key, catcher_sink(&got), &w));
	assert_ok(stream_writer_finish(w));
	assert_err(stream_writer_finish(w), ERR_INTERNAL);
	assert_err(stream_writer_put(w, "x", 1), ERR_INTERNAL);
	assert_int_equal(got.got.len, 32);
	buf_clear(&got.got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_around_the_chunk_come_back_in_pieces_of_any_size),
		cmocka_unit_test(a_handmade_payload_opens),
		cmocka_unit_test(an_empty_payload_is_one_empty_last_chunk),
		cmocka_unit_test(a_last_chunk_may_be_full),
		cmocka_unit_test(an_empty_last_chunk_behind_others_is_refused),
		cmocka_unit_test(a_payload_without_a_last_chunk_is_refused),
		cmocka_unit_test(a_short_chunk_that_is_not_marked_last_is_refused),
		cmocka_unit_test(a_second_last_chunk_is_refused),
		cmocka_unit_test(bytes_behind_a_short_last_chunk_are_refused),
		cmocka_unit_test(bytes_behind_a_full_last_chunk_are_refused),
		cmocka_unit_test(bytes_behind_an_empty_payload_are_refused),
		cmocka_unit_test(a_payload_that_is_not_there_is_refused),
		cmocka_unit_test(a_chunk_shorter_than_its_tag_is_refused),
		cmocka_unit_test(chunks_in_another_order_are_refused),
		cmocka_unit_test(a_dropped_chunk_is_seen),
		cmocka_unit_test(a_flipped_bit_in_a_later_chunk_lets_only_the_earlier_ones_out),
		cmocka_unit_test(a_flipped_bit_of_the_nonce_is_refused),
		cmocka_unit_test(every_fault_has_the_same_words),
		cmocka_unit_test(a_reader_that_failed_stays_failed),
		cmocka_unit_test(an_error_of_the_sink_comes_through),
		cmocka_unit_test(a_writer_finishes_once),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

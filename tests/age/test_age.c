#include "tests/age/fixture.h"

#include <fcntl.h>
#include <unistd.h>
#include "age/recipient.h"
#include "crypto/random.h"

#define PEOPLE 5

static struct age_identity *people[PEOPLE];
static struct age_recipient recipients[PEOPLE];

static int make_people(void **state)
{
	if (crypto_init() != OK)
		return -1;
	for (size_t i = 0; i < PEOPLE; i++) {
		assert_ok(age_identity_new_random(&people[i]));
		age_identity_recipient(people[i], &recipients[i]);
	}
	return 0;
}

static int drop_people(void **state)
{
	for (size_t i = 0; i < PEOPLE; i++)
		age_identity_free(people[i]);
	return 0;
}

static enum err open_as(size_t person, const struct buf *file, struct secret **ret)
{
	const struct age_identity *ids[] = {people[person]};

	return age_open_buf(ids, 1, file->data, file->len, 1 << 20, ret, NULL);
}

static void everybody_it_is_sealed_to_opens_it(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(age_seal_buf(recipients, 4, 0, "hello", 5, &file));
	for (size_t i = 0; i < PEOPLE; i++) {
		CLEANUP(secret_freep) struct secret *plain = NULL;

		assert_err(open_as(i, &file, &plain), i < 4 ? OK : ERR_NO_KEY_FITS);
		if (i == 4)
			continue;
		assert_int_equal(secret_len(plain), 5);
		assert_memory_equal(secret_data(plain), "hello", 5);
	}
}

static void one_of_many_identities_is_enough(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	const struct age_identity *ids[] = {people[1], people[2], people[0]};

	assert_ok(age_seal_buf(recipients, 1, 0, "hello", 5, &file));
	assert_ok(age_open_buf(ids, 3, file.data, file.len, 5, &plain, NULL));
}

static size_t stanza_count(const struct buf *file)
{
	size_t count = 0;
	const char *at = file->data;

	while ((at = strstr(at, "\n-> X25519 ")) != NULL) {
		count++;
		at++;
	}
	return count;
}

static void dummies_hide_how_many_people_there_are(void **state)
{
	size_t header_len[PEOPLE + 1] = {0};

	for (size_t n = 1; n <= PEOPLE; n++) {
		const struct age_to to = {.recipients = recipients, .count = n, .multiple = 8};
		CLEANUP(age_sealing_freep) struct age_sealing *s = NULL;
		CLEANUP(buf_clear) struct buf file = {0};

		assert_ok(age_seal_begin(&to, &s));
		age_sealing_header(s, &header_len[n]);
		assert_int_equal(header_len[n], header_len[1]);
		assert_ok(age_seal_finish(&s, "hello", 5, &file));
		assert_int_equal(stanza_count(&file), 8);
		for (size_t i = 0; i < PEOPLE; i++) {
			CLEANUP(secret_freep) struct secret *plain = NULL;

			assert_err(open_as(i, &file, &plain), i < n ? OK : ERR_NO_KEY_FITS);
		}
	}
}

static void the_count_is_filled_up_to_the_next_multiple(void **state)
{
	static const size_t cases[][3] = {{1, 0, 1}, {3, 1, 3}, {4, 4, 4}, {5, 4, 8}, {3, 5, 5}};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_clear) struct buf file = {0};

		assert_ok(age_seal_buf(recipients, cases[i][0], cases[i][1], "", 0, &file));
		assert_int_equal(stanza_count(&file), cases[i][2]);
	}
}

/* Where the stanza stands that opens. */
static size_t place_of(const struct buf *file, const struct age_identity *id)
{
	CLEANUP(age_header_clear) struct age_header h = {0};
	size_t len;

	assert_ok(age_header_parse(file->data, file->len, &h, &len));
	for (size_t i = 0; i < h.count; i++) {
		CLEANUP(secret_freep) struct secret *key = NULL;

		if (age_identity_unwrap(id, &h.stanzas[i], &key) == OK)
			return i;
	}
	fail_msg("no stanza opens");
	return 0;
}

static void dummies_do_not_always_stand_behind(void **state)
{
	unsigned seen = 0;

	for (int i = 0; i < 200 && seen != 15; i++) {
		CLEANUP(buf_clear) struct buf file = {0};

		assert_ok(age_seal_buf(recipients, 1, 4, "", 0, &file));
		seen |= 1u << place_of(&file, people[0]);
	}
	assert_int_equal(seen, 15);
}

/* Only half of all 32-byte strings are points of the curve, and anybody can tell which: a dummy of
 * plain noise would show. So its share has to be the public key of some secret. */
static uint8_t drawn[4096];
static size_t drawn_len;

static void noted_random(void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = (uint8_t)(drawn_len * 13 + 5 + i * 7);
	if (drawn_len + len <= sizeof(drawn))
		memcpy(drawn + drawn_len, out, len);
	drawn_len += len;
}

static void a_dummy_has_a_real_public_key(void **state)
{
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	uint8_t share[32], want[32];

	drawn_len = 0;
	random_override(noted_random);
	assert_ok(age_recipient_dummy(&s));
	random_override(NULL);
	assert_ok(age_recipient_check(&s, share));
	x25519_public(drawn, want);
	assert_memory_equal(share, want, 32);
	assert_memory_equal(s.body, drawn + 32, 32);
}

static void two_seals_of_the_same_share_nothing(void **state)
{
	CLEANUP(buf_clear) struct buf a = {0}, b = {0};
	size_t i = 0;

	assert_ok(age_seal_buf(recipients, 1, 0, "hello", 5, &a));
	assert_ok(age_seal_buf(recipients, 1, 0, "hello", 5, &b));
	assert_int_equal(a.len, b.len);
	while (i < a.len && a.data[i] == b.data[i])
		i++;
	assert_true(i < strlen("age-encryption.org/v1\n-> X25519 ") + 8);
	assert_memory_not_equal(a.data + a.len - 16, b.data + b.len - 16, 16);
}

static void the_header_is_final_before_the_payload_is_made(void **state)
{
	const struct age_to to = {.recipients = recipients, .count = 2, .multiple = 8};
	const struct age_identity *ids[] = {people[1]};
	CLEANUP(age_sealing_freep) struct age_sealing *s = NULL;
	CLEANUP(secret_freep) struct secret *plain = NULL;
	CLEANUP(buf_clear) struct buf header = {0}, file = {0};
	const void *bytes;
	size_t len, opened_len;

	assert_ok(age_seal_begin(&to, &s));
	bytes = age_sealing_header(s, &len);
	assert_ok(buf_append(&header, bytes, len));
	assert_ok(buf_puts(&file, "before"));
	assert_ok(age_seal_finish(&s, "hello", 5, &file));
	assert_null(s);
	assert_memory_equal(file.data, "before", 6);
	assert_memory_equal(file.data + 6, header.data, header.len);
	assert_ok(age_open_buf(ids, 1, file.data + 6, file.len - 6, 100, &plain, &opened_len));
	assert_int_equal(opened_len, header.len);
}

static void a_file_is_for_people_or_under_a_passphrase(void **state)
{
	CLEANUP(secret_freep) struct secret *pass = fixture_secret("open sesame");
	const struct age_to nobody = {0};
	const struct age_to both = {.recipients = recipients, .count = 1, .passphrase = pass};
	struct age_sealing *s = NULL;

	assert_err(age_seal_begin(&nobody, &s), ERR_INVALID);
	assert_err(age_seal_begin(&both, &s), ERR_INVALID);
}

static void more_recipients_than_a_header_holds_are_refused(void **state)
{
	const struct age_to to = {.recipients = recipients, .count = SIZE_MAX};
	const struct age_to fill = {.recipients = recipients, .count = 1, .multiple = SIZE_MAX};
	struct age_sealing *s = NULL;

	assert_err(age_seal_begin(&to, &s), ERR_TOO_BIG);
	assert_err(age_seal_begin(&fill, &s), ERR_TOO_BIG);
}

static void a_plaintext_above_the_callers_limit_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	const struct age_identity *ids[] = {people[0]};

	assert_ok(age_seal_buf(recipients, 1, 0, "hello", 5, &file));
	assert_err(age_open_buf(ids, 1, file.data, file.len, 4, &plain, NULL), ERR_TOO_BIG);
	assert_null(plain);
	assert_ok(age_open_buf(ids, 1, file.data, file.len, 5, &plain, NULL));
}

/* Sealed to the first of the people with a checksum; its header's length. */
static size_t seal_summed(struct buf *file)
{
	const struct age_to to = {.recipients = recipients, .count = 1, .checksum = true};
	CLEANUP(age_sealing_freep) struct age_sealing *s = NULL;
	size_t len;

	assert_ok(age_seal_begin(&to, &s));
	age_sealing_header(s, &len);
	assert_ok(age_seal_finish(&s, "hello", 5, file));
	return len;
}

/* Without the checksum a change in one's own stanza looks like a file for somebody else. */
static void a_header_with_a_checksum_tells_damage_from_a_file_for_others(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	size_t len = seal_summed(&file);

	{
		CLEANUP(secret_freep) struct secret *plain = NULL;

		assert_ok(open_as(0, &file, &plain));
		assert_err(open_as(1, &file, &plain), ERR_NO_KEY_FITS);
	}
	for (size_t bit = 0; bit < 8 * len; bit++) {
		CLEANUP(secret_freep) struct secret *plain = NULL;
		enum err err;

		file.data[bit / 8] ^= (char)(1 << bit % 8);
		err = open_as(0, &file, &plain);
		file.data[bit / 8] ^= (char)(1 << bit % 8);
		if (err != ERR_AGE_HEADER && err != ERR_AGE_HEADER_MAC)
			fail_msg("bit %zu: %s", bit, err_name(err));
	}
}

/* Anybody can make a checksum that fits or one that does not: who has a key asks the MAC. */
static void a_checksum_proves_nothing(void **state)
{
	static const char stanza[] = "-> " AGE_SUM_STANZA "\nAAAAAAAAAAAAAAAAAAAAAA\n";
	CLEANUP(mem_freep) char *mine = fixture_x25519();
	CLEANUP(mem_freep) char *both = text_format("%s%s", mine, stanza);
	CLEANUP(mem_freep) char *header = fixture_header(both);
	CLEANUP(mem_freep) char *changed = text_replace(header, "AAAA\n", "AAAQ\n");
	CLEANUP(buf_clear) struct buf file = {0};

	fixture_file(header, "hello", 5, &file);
	assert_ok(fixture_open(file.data, file.len));
	file.len = 0;
	fixture_file(changed, "hello", 5, &file);
	assert_err(fixture_open(file.data, file.len), ERR_AGE_HEADER_MAC);
}

static void an_empty_file_comes_back_empty(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;

	assert_ok(age_seal_buf(recipients, 1, 0, "", 0, &file));
	assert_ok(open_as(0, &file, &plain));
	assert_int_equal(secret_len(plain), 0);
}

static enum err stream_open(const void *data, size_t len)
{
	const struct age_identity *ids[] = {people[0]};
	const struct age_who who = {.identities = ids, .count = 1};
	struct age_memory memory = {data, len};
	struct catcher got = {{0}, 0};
	enum err err = age_decrypt(&who, age_source_memory(&memory), catcher_sink(&got));

	buf_clear(&got.got);
	return err;
}

static void every_cut_of_a_file_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	size_t header_len = 0;

	assert_ok(age_seal_buf(recipients, 1, 2, "hello world", 11, &file));
	header_len = (size_t)(strstr(file.data, "\n--- ") + 49 - file.data);
	for (size_t len = 0; len < file.len; len++) {
		const struct buf cut = {file.data, len, len};
		CLEANUP(secret_freep) struct secret *plain = NULL;
		enum err want = len < header_len ? ERR_AGE_HEADER : ERR_AGE_PAYLOAD;

		assert_err(open_as(0, &cut, &plain), want);
		assert_err(stream_open(file.data, len), want);
	}
	assert_ok(stream_open(file.data, file.len));
}

static void every_flipped_bit_of_a_file_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(age_seal_buf(recipients, 1, 2, "hello world", 11, &file));
	for (size_t i = 0; i < file.len * 8; i++) {
		CLEANUP(secret_freep) struct secret *plain = NULL;
		enum err err;

		file.data[i / 8] ^= (char)(1 << i % 8);
		err = open_as(0, &file, &plain);
		assert_true(err == ERR_AGE_HEADER || err == ERR_AGE_HEADER_MAC ||
			    err == ERR_NO_KEY_FITS || err == ERR_AGE_PAYLOAD);
		file.data[i / 8] ^= (char)(1 << i % 8);
	}
}

static void a_byte_behind_a_file_is_refused(void **state)
{
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;

	assert_ok(age_seal_buf(recipients, 1, 0, "hello", 5, &file));
	assert_ok(buf_puts(&file, "\n"));
	assert_err(open_as(0, &file, &plain), ERR_AGE_PAYLOAD);
}

static void what_is_no_age_file_is_refused_at_once(void **state)
{
	static uint8_t noise[10000];

	pattern_fill(noise, sizeof(noise));
	noise[0] = 'a';
	assert_err(stream_open(noise, sizeof(noise)), ERR_AGE_HEADER);
	assert_err(stream_open("", 0), ERR_AGE_HEADER);
	assert_err(stream_open("age-encryption.org/v1\n", 22), ERR_AGE_HEADER);
}

static enum err broken_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	return err_at(ERR_REMOVED, "source");
}

static void an_error_of_the_source_comes_through(void **state)
{
	const struct age_to to = {.recipients = recipients, .count = 1};
	const struct age_who who = {0};
	const struct age_source broken = {broken_read, NULL};
	struct catcher got = {{0}, 0};

	assert_err(age_encrypt(&to, broken, catcher_sink(&got)), ERR_REMOVED);
	assert_err(age_decrypt(&who, broken, catcher_sink(&got)), ERR_REMOVED);
	buf_clear(&got.got);
}

static void an_error_of_the_sink_comes_through(void **state)
{
	const struct age_to to = {.recipients = recipients, .count = 1};
	const struct age_to armored = {.recipients = recipients, .count = 1, .armor = true};

	for (size_t limit = 1; limit < 200; limit += 20) {
		struct age_memory memory = {(const uint8_t *)"hello", 5};
		struct catcher got = {{0}, limit};

		assert_err(age_encrypt(&to, age_source_memory(&memory), catcher_sink(&got)),
			   ERR_NO_SPACE);
		assert_err(age_encrypt(&armored, age_source_memory(&memory), catcher_sink(&got)),
			   ERR_NO_SPACE);
		buf_clear(&got.got);
	}
}

static void streams_go_through_descriptors(void **state)
{
	const struct age_to to = {.recipients = recipients, .count = 1, .armor = true};
	const struct age_identity *ids[] = {people[0]};
	const struct age_who who = {.identities = ids, .count = 1};
	struct age_memory memory = {(const uint8_t *)"hello", 5};
	struct catcher got = {{0}, 0};
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_ok(age_encrypt(&to, age_source_memory(&memory), age_sink_fd(&ends[1])));
	close(ends[1]);
	assert_ok(age_decrypt(&who, age_source_fd(&ends[0]), catcher_sink(&got)));
	close(ends[0]);
	assert_string_equal(got.got.data, "hello");
	buf_clear(&got.got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everybody_it_is_sealed_to_opens_it),
		cmocka_unit_test(one_of_many_identities_is_enough),
		cmocka_unit_test(dummies_hide_how_many_people_there_are),
		cmocka_unit_test(the_count_is_filled_up_to_the_next_multiple),
		cmocka_unit_test(dummies_do_not_always_stand_behind),
		cmocka_unit_test(a_dummy_has_a_real_public_key),
		cmocka_unit_test(two_seals_of_the_same_share_nothing),
		cmocka_unit_test(the_header_is_final_before_the_payload_is_made),
		cmocka_unit_test(a_file_is_for_people_or_under_a_passphrase),
		cmocka_unit_test(more_recipients_than_a_header_holds_are_refused),
		cmocka_unit_test(a_plaintext_above_the_callers_limit_is_refused),
		cmocka_unit_test(a_header_with_a_checksum_tells_damage_from_a_file_for_others),
		cmocka_unit_test(a_checksum_proves_nothing),
		cmocka_unit_test(an_empty_file_comes_back_empty),
		cmocka_unit_test(every_cut_of_a_file_is_refused),
		cmocka_unit_test(every_flipped_bit_of_a_file_is_refused),
		cmocka_unit_test(a_byte_behind_a_file_is_refused),
		cmocka_unit_test(what_is_no_age_file_is_refused_at_once),
		cmocka_unit_test(an_error_of_the_source_comes_through),
		cmocka_unit_test(an_error_of_the_sink_comes_through),
		cmocka_unit_test(streams_go_through_descriptors),
	};

	return cmocka_run_group_tests(tests, make_people, drop_people);
}

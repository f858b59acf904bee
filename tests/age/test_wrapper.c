/* Recipients and identities of other types, played by callbacks: what sealing and opening make of
 * them. */
#include "tests/age/fixture.h"

/* A recipient that gives `count` stanzas of a type, with labels; its stanza holds the file key as
 * it is, which opens for everybody: this is a test. */
struct toy {
	const char *type;
	size_t count;
	const char *labels[3];
	enum err err;
	unsigned asked;
};

static enum err toy_wrap(void *ctx, const struct secret *file_key, struct age_wrapped *out)
{
	struct toy *toy = ctx;
	size_t labels = 0;

	while (labels < 3 && toy->labels[labels])
		labels++;
	TRY(toy->err);
	for (size_t i = 0; i < toy->count; i++) {
		struct age_stanza s = {0};

		TRY(age_stanza_make(&toy->type, 1, secret_data(file_key), secret_len(file_key),
				    &s));
		TRY(age_wrapped_add(out, &s));
	}
	return age_wrapped_label(out, toy->labels, labels);
}

static enum err toy_unwrap(void *ctx, const struct age_stanza *stanzas, size_t count,
			   struct secret **ret)
{
	struct toy *toy = ctx;

	toy->asked++;
	if (toy->err != OK)
		return err_at(toy->err, "%s", toy->type);
	for (size_t i = 0; i < count; i++) {
		if (age_stanza_is(&stanzas[i], toy->type))
			return secret_copy(stanzas[i].body, stanzas[i].body_len, ret);
	}
	return ERR_NO_KEY_FITS;
}

static struct age_wrapper wrapper_of(struct toy *toy)
{
	return (struct age_wrapper){toy_wrap, toy};
}

static struct age_unwrapper unwrapper_of(struct toy *toy)
{
	return (struct age_unwrapper){toy_unwrap, toy};
}

static enum err seal(const struct age_to *to, struct buf *out)
{
	struct age_memory plain = {(const uint8_t *)"hello", 5};

	return age_encrypt(to, age_source_memory(&plain), age_sink_buf(out));
}

static enum err seal_for(struct toy *a, struct toy *b, bool person)
{
	struct age_wrapper wrappers[] = {wrapper_of(a),
					 b ? wrapper_of(b) : (struct age_wrapper){0}};
	struct age_recipient r = fixture_recipient();
	const struct age_to to = {.recipients = &r,
				  .count = person,
				  .wrappers = wrappers,
				  .wrapper_count = b ? 2 : 1,
				  .multiple = 4};
	CLEANUP(buf_clear) struct buf file = {0};

	return seal(&to, &file);
}

static size_t stanza_count(const struct buf *file)
{
	size_t count = 0;

	for (const char *at = file->data;
	     (at = memmem(at, file->len - (size_t)(at - file->data), "\n-> ", 4)); at++)
		count++;
	return count;
}

static void every_stanza_of_a_wrapper_stands_in_the_header_among_dummies(void **state)
{
	struct toy toy = {.type = "toy", .count = 3};
	struct age_wrapper wrapper = wrapper_of(&toy);
	struct age_unwrapper unwrapper = unwrapper_of(&toy);
	struct age_recipient r[2] = {fixture_recipient(), fixture_recipient()};
	const struct age_to to = {.recipients = r,
				  .count = 2,
				  .wrappers = &wrapper,
				  .wrapper_count = 1,
				  .multiple = 4};
	const struct age_who who = {.unwrappers = &unwrapper, .unwrapper_count = 1};
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	struct age_memory from;

	assert_ok(seal(&to, &file));
	assert_int_equal(stanza_count(&file), 8);
	assert_ok(fixture_open(file.data, file.len));
	from = (struct age_memory){(const uint8_t *)file.data, file.len};
	assert_ok(age_decrypt_small(&who, age_source_memory(&from), 64, &plain));
	assert_memory_equal(secret_data(plain), "hello", 5);
}

static void labels_mix_with_the_same_labels_only(void **state)
{
	struct toy plain = {.type = "a", .count = 1};
	struct toy one = {.type = "b", .count = 1, .labels = {"x"}};
	struct toy two = {.type = "c", .count = 1, .labels = {"x", "y"}};
	struct toy turned = {.type = "d", .count = 1, .labels = {"y", "x", "y"}};

	assert_ok(seal_for(&plain, NULL, true));
	assert_ok(seal_for(&plain, &plain, false));
	assert_ok(seal_for(&one, NULL, false));
	assert_ok(seal_for(&one, &one, false));
	assert_ok(seal_for(&two, &turned, false));
	assert_err(seal_for(&one, NULL, true), ERR_INVALID);
	assert_err(seal_for(&one, &two, false), ERR_INVALID);
	assert_err(seal_for(&one, &plain, false), ERR_INVALID);
	assert_err(seal_for(&plain, &one, false), ERR_INVALID);
}

/* A dummy is an X25519 stanza, which a labelled recipient may be unwilling to stand beside. */
static void there_are_no_dummies_beside_labels(void **state)
{
	struct toy toy = {.type = "toy", .count = 1, .labels = {"alone"}};
	struct age_wrapper wrapper = wrapper_of(&toy);
	const struct age_to to = {.wrappers = &wrapper, .wrapper_count = 1, .multiple = 8};
	CLEANUP(buf_clear) struct buf file = {0};

	assert_ok(seal(&to, &file));
	assert_int_equal(stanza_count(&file), 1);
}

static void a_wrapper_cannot_bring_an_scrypt_or_a_broken_x25519_stanza(void **state)
{
	struct toy scrypt = {.type = "scrypt", .count = 1}, x25519 = {.type = "X25519", .count = 1};

	assert_err(seal_for(&scrypt, NULL, false), ERR_INVALID);
	assert_err(seal_for(&x25519, NULL, true), ERR_INVALID);
}

static void a_wrapper_that_fails_or_gives_nothing_ends_the_sealing(void **state)
{
	struct toy good = {.type = "a", .count = 1}, none = {.type = "b"};
	struct toy bad = {.type = "c", .count = 1, .err = ERR_PLUGIN};

	assert_err(seal_for(&good, &bad, true), ERR_PLUGIN);
	assert_err(seal_for(&none, NULL, true), ERR_INTERNAL);
}

static void a_header_that_could_not_be_read_again_is_not_written(void **state)
{
	struct toy many = {.type = "a", .count = 50000};

	assert_err(seal_for(&many, NULL, true), ERR_TOO_BIG);
}

/* What comes of opening a file for "toy" with these two. */
static enum err open_with(struct toy *a, struct toy *b)
{
	struct toy toy = {.type = "toy", .count = 1};
	struct age_wrapper wrapper = wrapper_of(&toy);
	struct age_unwrapper hands[] = {unwrapper_of(a), unwrapper_of(b)};
	const struct age_to to = {.wrappers = &wrapper, .wrapper_count = 1};
	const struct age_who who = {.unwrappers = hands, .unwrapper_count = 2};
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	struct age_memory from;

	assert_ok(seal(&to, &file));
	from = (struct age_memory){(const uint8_t *)file.data, file.len};
	return age_decrypt_small(&who, age_source_memory(&from), 64, &plain);
}

static void an_identity_that_fails_is_passed_over(void **state)
{
	struct toy fits = {.type = "toy"}, stranger = {.type = "other"};
	struct toy broken = {.type = "broken", .err = ERR_PLUGIN};
	struct toy absent = {.type = "absent", .err = ERR_NOT_FOUND};

	assert_ok(open_with(&broken, &fits));
	assert_ok(open_with(&stranger, &fits));
	assert_ok(open_with(&absent, &fits));
}

static void the_first_failure_is_told_when_nobody_fits(void **state)
{
	struct toy stranger = {.type = "other"};
	struct toy broken = {.type = "broken", .err = ERR_PLUGIN};
	struct toy absent = {.type = "absent", .err = ERR_NOT_FOUND};

	assert_err(open_with(&stranger, &stranger), ERR_NO_KEY_FITS);
	assert_err(open_with(&broken, &stranger), ERR_PLUGIN);
	assert_string_equal(err_detail(), "broken");
	assert_err(open_with(&stranger, &absent), ERR_NOT_FOUND);
	assert_err(open_with(&broken, &absent), ERR_PLUGIN);
	assert_string_equal(err_detail(), "broken");
}

static void who_is_interrupted_or_cancels_is_asked_no_more(void **state)
{
	static const enum err ends[] = {ERR_INTERRUPTED, ERR_CANCELLED, ERR_AGE_HEADER, ERR_NOMEM};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct toy ended = {.type = "a", .err = ends[i]}, fits = {.type = "toy"};

		assert_err(open_with(&ended, &fits), ends[i]);
		assert_int_equal(fits.asked, 0);
	}
}

static void a_token_is_left_in_peace_when_a_plain_key_fits(void **state)
{
	struct toy toy = {.type = "toy", .count = 1};
	struct age_unwrapper unwrapper = unwrapper_of(&toy);
	struct age_recipient r = fixture_recipient();
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	const struct age_identity *ids[] = {id};
	const struct age_to to = {.recipients = &r, .count = 1};
	const struct age_who who = {
		.identities = ids, .count = 1, .unwrappers = &unwrapper, .unwrapper_count = 1};
	CLEANUP(buf_clear) struct buf file = {0};
	CLEANUP(secret_freep) struct secret *plain = NULL;
	struct age_memory from;

	assert_ok(seal(&to, &file));
	from = (struct age_memory){(const uint8_t *)file.data, file.len};
	assert_ok(age_decrypt_small(&who, age_source_memory(&from), 64, &plain));
	assert_int_equal(toy.asked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stanza_of_a_wrapper_stands_in_the_header_among_dummies),
		cmocka_unit_test(labels_mix_with_the_same_labels_only),
		cmocka_unit_test(there_are_no_dummies_beside_labels),
		cmocka_unit_test(a_wrapper_cannot_bring_an_scrypt_or_a_broken_x25519_stanza),
		cmocka_unit_test(a_wrapper_that_fails_or_gives_nothing_ends_the_sealing),
		cmocka_unit_test(a_header_that_could_not_be_read_again_is_not_written),
		cmocka_unit_test(an_identity_that_fails_is_passed_over),
		cmocka_unit_test(the_first_failure_is_told_when_nobody_fits),
		cmocka_unit_test(who_is_interrupted_or_cancels_is_asked_no_more),
		cmocka_unit_test(a_token_is_left_in_peace_when_a_plain_key_fits),
	};

	return cmocka_run_group_tests(tests, start_crypto, NULL);
}

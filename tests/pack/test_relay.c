/* Work behind a thread of its own: everything arrives, in order, and faults come back. */
#include "pack/relay.h"
#include <unistd.h>
#include "tests/check.h"

/* Counts bytes, each of which says its own place. */
struct far_end {
	uint64_t got, fails_at;
	bool wrong;
};

static enum err take(void *ctx, const void *data, size_t len)
{
	struct far_end *e = ctx;
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		e->wrong |= bytes[i] != (uint8_t)((e->got + i) * 31 >> 3);
	__atomic_store_n(&e->got, e->got + len, __ATOMIC_RELAXED); /* take_behind looks at it */
	return e->got <= e->fails_at ? OK : err_at(ERR_NO_SPACE, "byte %llu", 7ULL);
}

static enum err put(struct relay *r, uint64_t at, size_t len)
{
	uint8_t bytes[70000];
	struct age_sink sink = relay_sink(r);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)((at + i) * 31 >> 3);
	return sink.write(sink.ctx, bytes, len);
}

static void everything_arrives_in_order(void **state)
{
	struct far_end end = {.fails_at = UINT64_MAX};
	CLEANUP(relay_freep) struct relay *r = NULL;
	uint64_t at = 0;

	assert_ok(relay_new((struct age_sink){take, &end}, &r));
	assert_ok(relay_finish(r)); /* nothing was written */
	for (size_t len = 0; at < 5 * RELAY_BYTES; len = (len * 7 + 1) % 70000) {
		assert_ok(put(r, at, len));
		at += len;
	}
	assert_ok(relay_finish(r));
	assert_int_equal(end.got, at);
	assert_ok(put(r, at, 5));
	assert_ok(relay_finish(r));
	assert_int_equal(end.got, at + 5);
	assert_false(end.wrong);
}

static void a_fault_comes_back_with_its_words_and_stays(void **state)
{
	struct far_end end = {.fails_at = 3 * RELAY_BYTES};
	CLEANUP(relay_freep) struct relay *r = NULL;
	enum err err = OK;
	uint64_t got;

	assert_ok(relay_new((struct age_sink){take, &end}, &r));
	for (uint64_t at = 0; at < 6 * RELAY_BYTES && err == OK; at += 70000)
		err = put(r, at, 70000);
	assert_err(err, ERR_NO_SPACE);
	assert_string_equal(err_detail(), "byte 7");
	got = end.got;
	assert_err(err_at(ERR_IO, "another matter"), ERR_IO);
	assert_err(relay_finish(r), ERR_NO_SPACE);
	assert_string_equal(err_detail(), "byte 7");
	assert_int_equal(end.got, got); /* nothing goes there any more */
}

static void a_fault_at_the_very_end_is_told_by_finish(void **state)
{
	struct far_end end = {.fails_at = 99};
	CLEANUP(relay_freep) struct relay *r = NULL;

	assert_ok(relay_new((struct age_sink){take, &end}, &r));
	assert_ok(put(r, 0, 100));
	assert_err(relay_finish(r), ERR_NO_SPACE);
}

/* The second sink sees only what the first one is done with. */
struct behind {
	struct far_end end;
	const struct far_end *before;
	uint64_t odd; /* pieces that are not whole or do not lie where a disk could take them */
	bool overtook;
};

static enum err take_behind(void *ctx, const void *data, size_t len)
{
	struct behind *b = ctx;

	b->odd += len != RELAY_PIECE || (uintptr_t)data % RELAY_ALIGN != 0;
	b->overtook |= __atomic_load_n(&b->before->got, __ATOMIC_RELAXED) < b->end.got + len;
	return take(&b->end, data, len);
}

static void a_second_sink_gets_what_the_first_one_had(void **state)
{
	struct far_end first = {.fails_at = UINT64_MAX};
	struct behind second = {.end = {.fails_at = UINT64_MAX}, .before = &first};
	struct age_sink sinks[] = {{take, &first}, {take_behind, &second}};
	CLEANUP(relay_freep) struct relay *r = NULL;
	uint64_t at = 0;

	assert_ok(relay_new_chain(sinks, 2, &r));
	for (; at < 3 * RELAY_BYTES + 5000; at += 10000)
		assert_ok(put(r, at, 10000));
	assert_ok(relay_finish(r));
	assert_int_equal(first.got, at);
	assert_int_equal(second.end.got, at);
	assert_false(first.wrong || second.end.wrong || second.overtook);
	assert_int_equal(second.odd, 1); /* the last one */
}

static void a_fault_of_any_sink_ends_the_work_of_all(void **state)
{
	for (unsigned faulty = 0; faulty < 2; faulty++) {
		struct far_end ends[] = {{.fails_at = UINT64_MAX}, {.fails_at = UINT64_MAX}};
		struct age_sink sinks[] = {{take, &ends[0]}, {take, &ends[1]}};
		CLEANUP(relay_freep) struct relay *r = NULL;
		enum err err = OK;

		ends[faulty].fails_at = RELAY_BYTES;
		assert_ok(relay_new_chain(sinks, 2, &r));
		for (uint64_t at = 0; at < 6 * RELAY_BYTES && err == OK; at += 70000)
			err = put(r, at, 70000);
		assert_err(err, ERR_NO_SPACE);
		assert_string_equal(err_detail(), "byte 7");
		assert_err(relay_finish(r), ERR_NO_SPACE);
	}
}

static void it_can_be_left_in_the_middle(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		struct far_end end = {.fails_at = UINT64_MAX};
		struct relay *r = NULL;

		assert_ok(relay_new((struct age_sink){take, &end}, &r));
		for (uint64_t at = 0; at < i * 70000; at += 70000)
			assert_ok(put(r, at, 70000));
		relay_free(r);
		assert_true(end.got <= i * 70000);
		assert_false(end.wrong);
	}
}

int main(void)
{
	/* A relay that forgets to wake somebody waits for ever; then it fails, and does not hang.
	 */
	(void)alarm(120);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives_in_order),
		cmocka_unit_test(a_fault_comes_back_with_its_words_and_stays),
		cmocka_unit_test(a_fault_at_the_very_end_is_told_by_finish),
		cmocka_unit_test(a_second_sink_gets_what_the_first_one_had),
		cmocka_unit_test(a_fault_of_any_sink_ends_the_work_of_all),
		cmocka_unit_test(it_can_be_left_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

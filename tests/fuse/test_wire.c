/* Messages between the processes of a mount. The sources of fuse/ are no library, so this one is
 * taken in whole. */
#include "tests/check.h"
#include "fuse/wire.c"

#include <unistd.h>

struct pair {
	int ends[2];
	struct message m;
};

static int pair_make(void **state)
{
	struct pair *p = test_calloc(1, sizeof(*p));

	assert_ok(wire_pair(p->ends));
	*state = p;
	return 0;
}

static int pair_free(void **state)
{
	struct pair *p = *state;

	close(p->ends[0]);
	close(p->ends[1]);
	test_free(p);
	return 0;
}

static void message_arrives_whole(void **state)
{
	struct pair *p = *state;
	static uint8_t body[WIRE_MAX];

	memset(body, 0x5a, sizeof(body));
	assert_ok(wire_send(p->ends[0], WIRE_READY, body, sizeof(body)));
	assert_ok(wire_send(p->ends[0], WIRE_IDLE, NULL, 0));
	assert_ok(wire_receive(p->ends[1], &p->m));
	assert_int_equal(p->m.type, WIRE_READY);
	assert_int_equal(p->m.len, sizeof(body));
	assert_memory_equal(p->m.body, body, sizeof(body));
	assert_ok(wire_receive(p->ends[1], &p->m));
	assert_int_equal(p->m.type, WIRE_IDLE);
	assert_int_equal(p->m.len, 0);
}

static void message_too_long_is_refused_at_the_sender(void **state)
{
	struct pair *p = *state;
	static uint8_t body[WIRE_MAX + 1];

	assert_err(wire_send(p->ends[0], WIRE_READY, body, sizeof(body)), ERR_INTERNAL);
}

static void the_death_of_the_other_end_is_told(void **state)
{
	struct pair *p = *state;

	close(p->ends[0]);
	assert_err(wire_receive(p->ends[1], &p->m), ERR_TRUNCATED);
	assert_int_not_equal(wire_send(p->ends[1], WIRE_IDLE, NULL, 0), OK);
	p->ends[0] = dup(p->ends[1]);
}

static void result_carries_code_detail_and_facts(void **state)
{
	struct pair *p = *state;
	uint32_t fact = 7, got = 0;

	assert_ok(wire_send_result(p->ends[0], WIRE_RESULT, OK, &fact, sizeof(fact)));
	assert_ok(wire_receive_result(p->ends[1], WIRE_RESULT, &got, sizeof(got)));
	assert_int_equal(got, 7);

	assert_ok(
		wire_send_result(p->ends[0], WIRE_RESULT, err_at(ERR_BUSY, "場所 %d", 1), NULL, 0));
	(void)err_at(OK, "something else");
	assert_err(wire_receive_result(p->ends[1], WIRE_RESULT, &got, sizeof(got)), ERR_BUSY);
	assert_string_equal(err_detail(), "場所 1");
}

static void result_of_another_kind_or_length_is_refused(void **state)
{
	struct pair *p = *state;
	uint32_t fact = 7;
	uint64_t got;

	assert_ok(wire_send_result(p->ends[0], WIRE_END, OK, NULL, 0));
	assert_err(wire_receive_result(p->ends[1], WIRE_RESULT, NULL, 0), ERR_INTERNAL);
	assert_ok(wire_send_result(p->ends[0], WIRE_RESULT, OK, &fact, sizeof(fact)));
	assert_err(wire_receive_result(p->ends[1], WIRE_RESULT, &got, sizeof(got)), ERR_INTERNAL);
	assert_ok(wire_send(p->ends[0], WIRE_RESULT, "ab", 2));
	assert_err(wire_receive_result(p->ends[1], WIRE_RESULT, NULL, 0), ERR_INTERNAL);
}

static const struct audit_event full = {
	.code = AUDIT_RECOVERED,
	.result = AUDIT_REFUSED,
	.reason = ERR_ROLLBACK,
	.actor = "a/0123456789abcdef",
	.counterparty = "c",
	.volume_id = "v",
	.label = "大阪",
	.medium_serial = "",
	.category = "receipt",
	.purpose = "receipt.1",
	.session_id = "s",
	.mode = "rw",
	.suite = "x",
	.keysep = -1,
	.generation = UINT64_MAX,
	.lost_generations = 2,
	.saved_until = -3,
	.has_totals = true,
	.files = 4,
	.bytes = 5,
	.super_sha256 = "h",
	.role = "officer",
	.approver = "p",
	.medium_id = "U-012",
	.checkout_id = "T-2026-0031",
	.incident_id = "J-2026-0001",
	.manifest = "m",
	.witness = "w",
};

static void assert_same_text(const char *a, const char *b)
{
	if (!a || !b)
		assert_ptr_equal(a, b);
	else
		assert_string_equal(a, b);
}

static void assert_same_event(const struct audit_event *a, const struct audit_event *b)
{
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->reason, b->reason);
	assert_same_text(a->actor, b->actor);
	assert_same_text(a->counterparty, b->counterparty);
	assert_same_text(a->volume_id, b->volume_id);
	assert_same_text(a->label, b->label);
	assert_same_text(a->medium_serial, b->medium_serial);
	assert_same_text(a->category, b->category);
	assert_same_text(a->purpose, b->purpose);
	assert_same_text(a->session_id, b->session_id);
	assert_same_text(a->mode, b->mode);
	assert_same_text(a->suite, b->suite);
	assert_same_text(a->super_sha256, b->super_sha256);
	assert_same_text(a->role, b->role);
	assert_same_text(a->approver, b->approver);
	assert_same_text(a->medium_id, b->medium_id);
	assert_same_text(a->checkout_id, b->checkout_id);
	assert_same_text(a->incident_id, b->incident_id);
	assert_same_text(a->manifest, b->manifest);
	assert_same_text(a->witness, b->witness);
	assert_int_equal(a->keysep, b->keysep);
	assert_true(a->generation == b->generation && a->lost_generations == b->lost_generations);
	assert_true(a->saved_until == b->saved_until && a->has_totals == b->has_totals);
	assert_true(a->files == b->files && a->bytes == b->bytes);
}

static void event_keeps_every_field_and_absent_ones_absent(void **state)
{
	struct pair *p = *state;
	const struct audit_event bare = {.code = AUDIT_LOCK};
	struct audit_event got;

	assert_ok(wire_send_event(p->ends[0], &full));
	assert_ok(wire_receive(p->ends[1], &p->m));
	assert_ok(wire_read_event(&p->m, &got));
	assert_same_event(&got, &full);
	assert_ok(wire_send_event(p->ends[0], &bare));
	assert_ok(wire_receive(p->ends[1], &p->m));
	assert_ok(wire_read_event(&p->m, &got));
	assert_same_event(&got, &bare);
}

static void event_cut_anywhere_is_refused(void **state)
{
	struct pair *p = *state;
	struct audit_event got;
	size_t len;

	assert_ok(wire_send_event(p->ends[0], &full));
	assert_ok(wire_receive(p->ends[1], &p->m));
	len = p->m.len;
	for (p->m.len = 0; p->m.len < len; p->m.len++)
		assert_err(wire_read_event(&p->m, &got), ERR_INTERNAL);
	p->m.len = len;
	p->m.body[0] = AUDIT_CODES;
	assert_err(wire_read_event(&p->m, &got), ERR_INTERNAL);
}

static void text_with_a_nul_inside_is_refused(void **state)
{
	const uint8_t inside[] = {3, 0, 'a', 0, 'b', 0}, open[] = {1, 0, 'a', 'b'};
	struct reader r = reader_make(inside, sizeof(inside));

	assert_null(wire_get_text(&r));
	assert_false(reader_ok(&r));
	r = reader_make(open, sizeof(open));
	assert_null(wire_get_text(&r));
	assert_false(reader_ok(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(message_arrives_whole, pair_make, pair_free),
		cmocka_unit_test_setup_teardown(message_too_long_is_refused_at_the_sender,
						pair_make, pair_free),
		cmocka_unit_test_setup_teardown(the_death_of_the_other_end_is_told, pair_make,
						pair_free),
		cmocka_unit_test_setup_teardown(result_carries_code_detail_and_facts, pair_make,
						pair_free),
		cmocka_unit_test_setup_teardown(result_of_another_kind_or_length_is_refused,
						pair_make, pair_free),
		cmocka_unit_test_setup_teardown(event_keeps_every_field_and_absent_ones_absent,
						pair_make, pair_free),
		cmocka_unit_test_setup_teardown(event_cut_anywhere_is_refused, pair_make,
						pair_free),
		cmocka_unit_test(text_with_a_nul_inside_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

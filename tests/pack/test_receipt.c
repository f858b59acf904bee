/* Receipts: what one host signs another can check, and nothing else. */
#include <stdlib.h>
#include <string.h>
#include "org/staff_key.h"
#include "pack/receipt.h"
#include "tests/check.h"

static struct age_identity *me;
static struct unpacked unpacked;
static struct buf line;

static int setup(void **state)
{
	assert_ok(crypto_init());
	assert_ok(age_identity_new_random(&me));
	unpacked.is_signed = true;
	memset(unpacked.manifest.id, 3, PACK_ID_LEN);
	memset(unpacked.sha256, 4, SHA256_LEN);
	unpacked.files = 12;
	unpacked.bytes = 3456;
	assert_ok(pack_receipt_make(&unpacked, me, "佐藤", &line));
	return 0;
}

static int teardown(void **state)
{
	buf_clear(&line);
	age_identity_free(me);
	return 0;
}

static void a_receipt_says_what_came_and_to_whom(void **state)
{
	struct age_recipient mine;
	struct pack_receipt r;

	age_identity_recipient(me, &mine);
	assert_ok(pack_receipt_read(line.data, line.len, &r));
	assert_memory_equal(r.pack_id, unpacked.manifest.id, PACK_ID_LEN);
	assert_memory_equal(r.pack_sha256, unpacked.sha256, SHA256_LEN);
	assert_int_equal(r.files, 12);
	assert_int_equal(r.bytes, 3456);
	assert_string_equal(r.name, "佐藤");
	assert_true(age_recipient_equal(&r.recipient, &mine));
	assert_true(r.received > 1700000000);
}

static void every_byte_of_it_counts(void **state)
{
	struct pack_receipt r;

	for (size_t i = 0; i + 1 < line.len; i++) {
		enum err err;

		line.data[i] = (char)(line.data[i] ^ 1);
		err = pack_receipt_read(line.data, line.len, &r);
		line.data[i] = (char)(line.data[i] ^ 1);
		if (err != ERR_BAD_FORMAT && err != ERR_FORGED && err != ERR_NEWER_FORMAT)
			fail_msg("byte %zu: %s", i, err_name(err));
	}
	for (size_t len = 0; len + 1 < line.len; len++)
		assert_err(pack_receipt_read(line.data, len, &r), ERR_BAD_FORMAT);
}

static void another_schema_is_newer_or_none(void **state)
{
	static const char newer[] =
		"{\"schema\":\"vault.receipt/2\",\"sig\":\""
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		"AAAAAAAAAAAAAAAAAAAAAA==\"}";
	struct pack_receipt r;

	assert_err(pack_receipt_read(newer, strlen(newer), &r), ERR_NEWER_FORMAT);
	assert_err(pack_receipt_read("{}", 2, &r), ERR_BAD_FORMAT);
}

static void an_unsigned_pack_has_no_receipt(void **state)
{
	struct unpacked foreign = unpacked;
	CLEANUP(buf_clear) struct buf out = {0};

	foreign.is_signed = false;
	assert_err(pack_receipt_make(&foreign, me, "x", &out), ERR_SENDER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receipt_says_what_came_and_to_whom),
		cmocka_unit_test(every_byte_of_it_counts),
		cmocka_unit_test(another_schema_is_newer_or_none),
		cmocka_unit_test(an_unsigned_pack_has_no_receipt),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

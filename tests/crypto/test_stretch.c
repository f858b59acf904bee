#include "tests/crypto/hex.h"

#include "crypto/stretch.h"

static void scrypt_matches_rfc_7914(void **state) /* section 12, the vector with r = 8, p = 1 */
{
	uint8_t out[64];

	assert_ok(scrypt_derive("pleaseletmein", 13, "SodiumChloride", 14, 14, out, sizeof(out)));
	assert_hex(out, sizeof(out),
		   "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
		   "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

static void every_input_of_scrypt_counts(void **state)
{
	uint8_t base[32], out[32];

	assert_ok(scrypt_derive("pass", 4, "salt", 4, 4, base, sizeof(base)));
	assert_ok(scrypt_derive("pasS", 4, "salt", 4, 4, out, sizeof(out)));
	assert_memory_not_equal(out, base, sizeof(out));
	assert_ok(scrypt_derive("pass", 4, "salT", 4, 4, out, sizeof(out)));
	assert_memory_not_equal(out, base, sizeof(out));
	assert_ok(scrypt_derive("pass", 4, "salt", 4, 5, out, sizeof(out)));
	assert_memory_not_equal(out, base, sizeof(out));
	assert_ok(scrypt_derive("pass", 4, "salt", 4, 4, out, sizeof(out)));
	assert_memory_equal(out, base, sizeof(out));
	assert_ok(scrypt_derive("", 0, "", 0, 4, out, sizeof(out)));
}

static void impossible_work_is_refused(void **state)
{
	uint8_t out[32] = {0xaa};

	assert_err(scrypt_derive("p", 1, "s", 1, 0, out, sizeof(out)), ERR_INVALID);
	assert_err(scrypt_derive("p", 1, "s", 1, 32, out, sizeof(out)), ERR_INVALID);
	assert_err(scrypt_derive("p", 1, "s", 1, 64, out, sizeof(out)), ERR_INVALID);
	assert_int_equal(out[0], 0xaa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scrypt_matches_rfc_7914),
		cmocka_unit_test(every_input_of_scrypt_counts),
		cmocka_unit_test(impossible_work_is_refused),
	};

	return cmocka_run_group_tests_name("crypto/stretch", tests, start_crypto, NULL);
}

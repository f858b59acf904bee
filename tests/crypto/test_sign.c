#include "tests/crypto/hex.h"

#include "crypto/sign.h"

static const struct {
	const char *seed, *vkey, *msg, *sig;
} cases[] = {
	/* RFC 8032, 7.1, tests 1 to 3 */
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	 "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	 "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	 "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static void ed25519_matches_rfc_8032(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(sign_key_freep) struct sign_key *k = NULL;
		HEX(seed, cases[i].seed);
		HEX(msg, cases[i].msg);
		uint8_t sig[SIGN_LEN];

		assert_ok(sign_key_new(seed.data, &k));
		assert_hex(sign_key_vkey(k), SIGN_VKEY_LEN, cases[i].vkey);
		assert_hex(sign_key_seed(k), SIGN_SEED_LEN, cases[i].seed);
		sign_make(k, msg.data, msg.len, sig);
		assert_hex(sig, sizeof(sig), cases[i].sig);
		assert_true(sign_verify(sign_key_vkey(k), msg.data, msg.len, sig));
	}
}

static void flipped_bit_of_anything_does_not_verify(void **state)
{
	CLEANUP(sign_key_freep) struct sign_key *k = NULL;
	struct {
		uint8_t vkey[SIGN_VKEY_LEN], msg[3], sig[SIGN_LEN];
	} s = {{0}, "abc", {0}};

	assert_ok(sign_key_random(&k));
	memcpy(s.vkey, sign_key_vkey(k), SIGN_VKEY_LEN);
	sign_make(k, s.msg, sizeof(s.msg), s.sig);
	for (size_t bit = 0; bit < 8 * sizeof(s); bit++) {
		((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_false(sign_verify(s.vkey, s.msg, sizeof(s.msg), s.sig));
		((uint8_t *)&s)[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_true(sign_verify(s.vkey, s.msg, sizeof(s.msg), s.sig));
	assert_false(sign_verify(s.vkey, s.msg, 2, s.sig));
}

static void empty_message_is_signed_too(void **state)
{
	CLEANUP(sign_key_freep) struct sign_key *k = NULL;
	uint8_t sig[SIGN_LEN];

	assert_ok(sign_key_random(&k));
	sign_make(k, NULL, 0, sig);
	assert_true(sign_verify(sign_key_vkey(k), NULL, 0, sig));
}

static void random_keys_differ(void **state)
{
	CLEANUP(sign_key_freep) struct sign_key *a = NULL;
	CLEANUP(sign_key_freep) struct sign_key *b = NULL;

	assert_ok(sign_key_random(&a));
	assert_ok(sign_key_random(&b));
	assert_memory_not_equal(sign_key_seed(a), sign_key_seed(b), SIGN_SEED_LEN);
	assert_memory_not_equal(sign_key_vkey(a), sign_key_vkey(b), SIGN_VKEY_LEN);
	sign_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_matches_rfc_8032),
		cmocka_unit_test(flipped_bit_of_anything_does_not_verify),
		cmocka_unit_test(empty_message_is_signed_too),
		cmocka_unit_test(random_keys_differ),
	};

	return cmocka_run_group_tests_name("crypto/sign", tests, start_crypto, NULL);
}

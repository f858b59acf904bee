#include "tests/crypto/hex.h"

#include "crypto/dh.h"
#include "crypto/sign.h"

static void x25519_matches_rfc_7748(void **state) /* section 5.2, both vectors */
{
	static const char *const cases[][3] = {
		{"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
		 "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
		 "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
		{"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
		 "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
		 "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		HEX(secret, cases[i][0]);
		HEX(peer, cases[i][1]);
		uint8_t out[X25519_LEN];

		assert_ok(x25519_shared(secret.data, peer.data, out));
		assert_hex(out, sizeof(out), cases[i][2]);
	}
}

static void alice_and_bob_of_rfc_7748_agree(void **state) /* section 6.1 */
{
	HEX(a, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
	HEX(b, "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
	uint8_t a_public[X25519_LEN], b_public[X25519_LEN], ab[X25519_LEN], ba[X25519_LEN];

	x25519_public(b.data, b_public);
	assert_hex(b_public, sizeof(b_public),
		   "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
	x25519_public(a.data, a_public);
	assert_hex(a_public, sizeof(a_public),
		   "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_ok(x25519_shared(a.data, b_public, ab));
	assert_ok(x25519_shared(b.data, a_public, ba));
	assert_hex(ab, sizeof(ab),
		   "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
	assert_memory_equal(ab, ba, X25519_LEN);
}

static void point_of_low_order_is_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	};
	uint8_t secret[X25519_LEN] = {1}, out[X25519_LEN], before[X25519_LEN];

	memset(out, 0xaa, sizeof(out));
	memcpy(before, out, sizeof(out));
	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		HEX(point, points[i]);

		assert_err(x25519_shared(secret, point.data, out), ERR_INVALID);
		assert_memory_equal(out, before, sizeof(out));
	}
}

/* The value is libsodium's own example; the pair fits also when it is made from the seed. */
static void ed25519_pair_becomes_an_x25519_pair(void **state)
{
	HEX(seed, "421151a459faeade3d247115f94aedae42318124095afabe4d1451a559faedee");
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;
	uint8_t secret[X25519_LEN], pk[X25519_LEN], from_vkey[X25519_LEN];

	assert_ok(sign_key_new(seed.data, &key));
	x25519_from_ed25519_seed(seed.data, secret);
	x25519_public(secret, pk);
	assert_ok(x25519_from_ed25519(sign_key_vkey(key), from_vkey));
	assert_memory_equal(pk, from_vkey, X25519_LEN);
	assert_hex(secret, sizeof(secret),
		   "8052030376d47112be7f73ed7a019293dd12ad910b654455798b4667d73de166");
	assert_hex(pk, sizeof(pk),
		   "f1814f0e8ff1043d8a44d25babff3cedcae6c22c3edaa48f857ae70de2baae50");
}

static void ed25519_point_of_low_order_is_refused(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	};
	uint8_t out[X25519_LEN];

	for (size_t i = 0; i < ARRAY_LEN(points); i++) {
		HEX(point, points[i]);

		assert_err(x25519_from_ed25519(point.data, out), ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(x25519_matches_rfc_7748),
		cmocka_unit_test(alice_and_bob_of_rfc_7748_agree),
		cmocka_unit_test(point_of_low_order_is_refused),
		cmocka_unit_test(ed25519_pair_becomes_an_x25519_pair),
		cmocka_unit_test(ed25519_point_of_low_order_is_refused),
	};

	return cmocka_run_group_tests_name("crypto/dh", tests, start_crypto, NULL);
}

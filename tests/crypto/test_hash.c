#include "tests/crypto/hex.h"

#include <pthread.h>

#include "crypto/hash.h"
#include "crypto/labels.h"

static void sha256_matches_fips_180(void **state)
{
	static const struct {
		const char *text;
		const char *digest;
	} cases[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
	};
	uint8_t out[SHA256_LEN];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sha256(cases[i].text, strlen(cases[i].text), out);
		assert_hex(out, sizeof(out), cases[i].digest);
	}
	sha256(NULL, 0, out);
	assert_hex(out, sizeof(out), cases[0].digest);
}

static void stream_of_a_million_letters_matches_fips_180(void **state)
{
	CLEANUP(sha256_stream_freep) struct sha256_stream *s = NULL;
	uint8_t out[SHA256_LEN];
	char piece[1000];

	memset(piece, 'a', sizeof(piece));
	assert_ok(sha256_stream_new(&s));
	for (int i = 0; i < 1000; i++)
		sha256_stream_add(s, piece, sizeof(piece));
	sha256_stream_get(s, out);
	assert_hex(out, sizeof(out),
		   "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void stream_goes_on_after_a_look_at_it(void **state)
{
	CLEANUP(sha256_stream_freep) struct sha256_stream *s = NULL;
	uint8_t out[SHA256_LEN], want[SHA256_LEN];

	assert_ok(sha256_stream_new(&s));
	sha256_stream_get(s, out);
	sha256(NULL, 0, want);
	assert_memory_equal(out, want, sizeof(out));
	sha256_stream_add(s, "ab", 2);
	sha256_stream_get(s, out);
	sha256_stream_add(s, NULL, 0);
	sha256("overwrites this thread's context", 32, want);
	sha256_stream_add(s, "c", 1);
	for (int twice = 0; twice < 2; twice++) {
		sha256_stream_get(s, out);
		sha256("abc", 3, want);
		assert_memory_equal(out, want, sizeof(out));
	}
}

static void hmac_matches_rfc_4231(void **state)
{
	static const struct {
		const char *key;
		const char *data;
		const char *mac;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
		 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
		{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
		 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "dddddddddddddddddddddddddddddddddddddddddddddddddd"
		 "dddddddddddddddddddddddddddddddddddddddddddddddddd",
		 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
		{"0102030405060708090a0b0c0d0e0f10111213141516171819",
		 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
		 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
		 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	};
	uint8_t out[SHA256_LEN];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		HEX(key, cases[i].key);
		HEX(data, cases[i].data);

		hmac_sha256(key.data, key.len, data.data, data.len, out);
		assert_hex(out, sizeof(out), cases[i].mac);
	}
}

static void hmac_with_a_key_longer_than_a_block_matches_rfc_4231(void **state)
{
	static const char six[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char seven[] =
		"This is a test using a larger than block-size key and a larger "
		"than block-size data. The key needs to be hashed before being "
		"used by the HMAC algorithm.";
	uint8_t key[131], out[SHA256_LEN];

	memset(key, 0xaa, sizeof(key));
	hmac_sha256(key, sizeof(key), six, sizeof(six) - 1, out);
	assert_hex(out, sizeof(out),
		   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	hmac_sha256(key, sizeof(key), seven, sizeof(seven) - 1, out);
	assert_hex(out, sizeof(out),
		   "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void hmac_of_two_pieces_is_that_of_the_whole(void **state)
{
	static const char text[] = "one text cut at every place";
	uint8_t whole[SHA256_LEN], parts[SHA256_LEN];
	size_t len = sizeof(text) - 1;

	hmac_sha256("key", 3, text, len, whole);
	for (size_t cut = 0; cut <= len; cut++) {
		hmac_sha256_2("key", 3, text, cut, text + cut, len - cut, parts);
		assert_memory_equal(parts, whole, sizeof(whole));
	}
}

static void hmac_of_nothing_under_no_key_is_defined(void **state)
{
	uint8_t out[SHA256_LEN];

	hmac_sha256(NULL, 0, NULL, 0, out);
	assert_hex(out, sizeof(out),
		   "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

struct hkdf_case {
	const char *ikm, *salt, *info, *prk, *okm;
};

static const struct hkdf_case hkdf_cases[] = {
	/* RFC 5869, A.1 to A.3 */
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	 "f0f1f2f3f4f5f6f7f8f9", "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
	 "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"},
	{"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	 "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
	 "404142434445464748494a4b4c4d4e4f",
	 "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
	 "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
	 "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	 "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
	 "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
	 "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	 "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
	 "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
	 "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
	 "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	 "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
	 "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"},
};

static void hkdf_matches_rfc_5869(void **state)
{
	for (size_t i = 0; i < ARRAY_LEN(hkdf_cases); i++) {
		HEX(ikm, hkdf_cases[i].ikm);
		HEX(salt, hkdf_cases[i].salt);
		HEX(info, hkdf_cases[i].info);
		HEX(prk, hkdf_cases[i].prk);
		HEX(okm, hkdf_cases[i].okm);
		uint8_t out[82];

		hkdf_sha256(ikm.data, ikm.len, salt.data, salt.len, info.data, info.len, out,
			    okm.len);
		assert_hex(out, okm.len, hkdf_cases[i].okm);
		hkdf_sha256_expand(prk.data, info.data, info.len, out, okm.len);
		assert_hex(out, okm.len, hkdf_cases[i].okm);
	}
}

static void hkdf_of_any_length_is_a_prefix_of_the_longest(void **state)
{
	uint8_t longest[255 * SHA256_LEN], out[100];

	hkdf_sha256("secret", 6, NULL, 0, "use", 3, longest, sizeof(longest));
	for (size_t len = 0; len < sizeof(out); len++) {
		memset(out, 0xaa, sizeof(out));
		hkdf_sha256("secret", 6, NULL, 0, "use", 3, out, len);
		assert_int_equal(memcmp(out, longest, len), 0);
		assert_int_equal(out[len], 0xaa);
	}
}

static void siphash_matches_its_paper(void **state) /* Aumasson and Bernstein, appendix A */
{
	uint8_t key[16], data[15];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		data[i] = i;
	assert_true(siphash24(key, data, sizeof(data)) == 0xa129ca6149be45e5);
	assert_true(siphash24(key, NULL, 0) == 0x726fdb47dd0e0e31);
}

/* Keys stay apart only while their labels do. */
static void labels_are_all_different_and_none_begins_another(void **state)
{
	static const char *const labels[] = {
		LABEL_EPOCH,	  LABEL_SUPER,	     LABEL_COMMIT,     LABEL_NODE,
		LABEL_DATA,	  LABEL_KEYFILE,     LABEL_STAFF_SIGN, LABEL_SIG_KEYFILE,
		LABEL_SIG_TICKET, LABEL_SIG_SESSION, LABEL_SIG_SUPER,  LABEL_SIG_RECORD,
		LABEL_OLDER_KEYS, LABEL_SIG_RECEIPT, LABEL_SIG_REGISTER, LABEL_SIG_CONTENTS,
	};

	for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
		for (size_t j = 0; j < ARRAY_LEN(labels); j++) {
			if (i != j && strncmp(labels[i], labels[j], strlen(labels[i])) == 0)
				fail_msg("%s begins %s", labels[i], labels[j]);
		}
	}
}

static void *hash_in_another_thread(void *arg)
{
	uint8_t *out = arg;

	for (int i = 0; i < 100; i++)
		hmac_sha256("key", 3, "text", 4, out);
	return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
	uint8_t theirs[SHA256_LEN] = {0}, ours[SHA256_LEN];
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, hash_in_another_thread, theirs), 0);
	hash_in_another_thread(ours);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_memory_equal(ours, theirs, sizeof(ours));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_matches_fips_180),
		cmocka_unit_test(stream_of_a_million_letters_matches_fips_180),
		cmocka_unit_test(stream_goes_on_after_a_look_at_it),
		cmocka_unit_test(hmac_matches_rfc_4231),
		cmocka_unit_test(hmac_with_a_key_longer_than_a_block_matches_rfc_4231),
		cmocka_unit_test(hmac_of_two_pieces_is_that_of_the_whole),
		cmocka_unit_test(hmac_of_nothing_under_no_key_is_defined),
		cmocka_unit_test(hkdf_matches_rfc_5869),
		cmocka_unit_test(hkdf_of_any_length_is_a_prefix_of_the_longest),
		cmocka_unit_test(siphash_matches_its_paper),
		cmocka_unit_test(labels_are_all_different_and_none_begins_another),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};

	return cmocka_run_group_tests_name("crypto/hash", tests, start_crypto, NULL);
}

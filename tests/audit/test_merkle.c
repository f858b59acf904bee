/* The tree: the roots that RFC 6962's own test data has, and checkpoints as others write them. */
#include "audit/checkpoint.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "tests/check.h"

/* The leaves and roots of the reference implementation of Certificate Transparency. */
static const struct {
	const char *leaf, *root;
} vectors[] = {
	{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
	{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
	{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
	{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
	{"3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
	{"40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
	{"5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
	{"606162636465666768696a6b6c6d6e6f",
	 "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"},
};

static void expect_root(const struct merkle *tree, const char *hex)
{
	uint8_t root[SHA256_LEN], want[SHA256_LEN];

	assert_ok(text_unhex(hex, want, sizeof(want)));
	merkle_root(tree, root);
	assert_memory_equal(root, want, SHA256_LEN);
}

static void roots_are_those_of_the_reference(void **state)
{
	struct merkle tree = {0};

	expect_root(&tree, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		uint8_t leaf[SHA256_LEN], data[16];
		size_t len = strlen(vectors[i].leaf) / 2;

		assert_ok(text_unhex(vectors[i].leaf, data, len));
		merkle_leaf(data, len, leaf);
		merkle_add(&tree, leaf);
		expect_root(&tree, vectors[i].root);
	}
}

/* By the definition, top down, for each size. */
static void definition(const uint8_t (*leaves)[SHA256_LEN], size_t count, uint8_t out[SHA256_LEN])
{
	uint8_t left[SHA256_LEN], right[SHA256_LEN];
	size_t split = 1;

	if (count == 1) {
		memcpy(out, leaves[0], SHA256_LEN);
		return;
	}
	while (2 * split < count)
		split *= 2;
	definition(leaves, split, left);
	definition(leaves + split, count - split, right);
	merkle_node(left, right, out);
}

static void every_size_is_what_the_definition_says(void **state)
{
	static uint8_t leaves[300][SHA256_LEN];
	uint8_t root[SHA256_LEN], want[SHA256_LEN];
	struct merkle tree = {0};

	for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
		merkle_leaf(&i, sizeof(i), leaves[i]);
		merkle_add(&tree, leaves[i]);
		merkle_root(&tree, root);
		definition((const uint8_t(*)[SHA256_LEN])leaves, i + 1, want);
		assert_memory_equal(root, want, SHA256_LEN);
	}
}

static void a_checkpoint_comes_back_as_it_went_out(void **state)
{
	CLEANUP(buf_clear) struct buf text = {0};
	struct checkpoint c, back;
	struct merkle tree = {0};
	uint8_t leaf[SHA256_LEN];

	merkle_leaf("x", 1, leaf);
	merkle_add(&tree, leaf);
	checkpoint_make(&c, ORIGIN_HOST, "h-0123456789abcdef", &tree);
	assert_ok(checkpoint_print(&c, &text));
	assert_ok(checkpoint_parse(text.data, text.len, &back));
	assert_string_equal(back.origin, "portable-vault/host/h-0123456789abcdef");
	assert_int_equal(back.size, 1);
	assert_memory_equal(back.root, c.root, SHA256_LEN);
	for (size_t len = 0; len < text.len; len++)
		assert_err(checkpoint_parse(text.data, len, &back), ERR_BAD_FORMAT);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	static const char *const bad[] = {
		"",
		"\n1\n" ROOT,
		"a b\n1\n" ROOT,
		"a+b\n1\n" ROOT,
		"a\n01\n" ROOT,
		"a\n-1\n" ROOT,
		"a\n1 \n" ROOT,
		"a\n1234567890123456789\n" ROOT,
		"a\n1\nAAAA\n",
		"a\n1\n" ROOT "more\n",
	};
	struct checkpoint c;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_err(checkpoint_parse(bad[i], strlen(bad[i]), &c), ERR_BAD_FORMAT);
	assert_ok(checkpoint_parse("a\n0\n" ROOT, strlen("a\n0\n" ROOT), &c));
	assert_ok(checkpoint_parse("a\n1\n" ROOT "\nsignatures",
				   strlen("a\n1\n" ROOT "\nsignatures"), &c));
#undef ROOT
}

/* Each byte of a signed note that is changed makes it none, be it text, name, key id or signature.
 */
static void every_changed_byte_of_a_note_is_noticed(void **state)
{
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;
	CLEANUP(buf_clear) struct buf own = {0}, others = {0};
	struct checkpoint c;
	struct merkle tree = {0};
	int64_t when;

	assert_ok(sign_key_random(&key));
	checkpoint_make(&c, ORIGIN_VOLUME, "0123456789abcdef0123456789abcdef", &tree);
	assert_ok(note_sign(&c, c.origin, key, &own));
	assert_ok(note_cosign(&c, "witness.example", key, 1790000000, &others));
	assert_true(note_verify(own.data, own.len, c.origin, sign_key_vkey(key)));
	assert_false(note_verify(others.data, others.len, "witness.example", sign_key_vkey(key)));
	assert_true(note_verify_cosigned(others.data, others.len, "witness.example",
					 sign_key_vkey(key), &when));
	assert_int_equal(when, 1790000000);
	assert_false(note_verify_cosigned(own.data, own.len, c.origin, sign_key_vkey(key), &when));
	for (size_t i = 0; i < own.len; i++) {
		own.data[i] ^= 0x10;
		assert_false(note_verify(own.data, own.len, c.origin, sign_key_vkey(key)));
		own.data[i] ^= 0x10;
	}
	for (size_t i = 0; i < others.len; i++) {
		others.data[i] ^= 0x01;
		assert_false(note_verify_cosigned(others.data, others.len, "witness.example",
						  sign_key_vkey(key), &when));
		others.data[i] ^= 0x01;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_those_of_the_reference),
		cmocka_unit_test(every_size_is_what_the_definition_says),
		cmocka_unit_test(a_checkpoint_comes_back_as_it_went_out),
		cmocka_unit_test(what_is_no_checkpoint_is_refused),
		cmocka_unit_test(every_changed_byte_of_a_note_is_noticed),
	};

	if (crypto_init() != OK)
		return 1;
	return cmocka_run_group_tests_name("trees and checkpoints", tests, NULL, NULL);
}

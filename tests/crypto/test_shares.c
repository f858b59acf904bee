/* Shamir's sharing: every way of choosing k shares, and the ways in which it must not work. The
 * vectors were worked out apart from this code, with tables of logarithms (Python). */
#include "tests/crypto/hex.h"

#include "crypto/random.h"
#include "crypto/shares.h"

#define N_MAX 6u

static struct secret *a_secret(void)
{
	struct secret *s = NULL;

	assert_ok(secret_random(SHARE_LEN, &s));
	return s;
}

static void clear_all(struct share *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		share_clear(&list[i]);
}

/* The shares whose bits are set, in order; they are borrowed. */
static unsigned choose(const struct share *list, unsigned n, unsigned bits, struct share *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++)
		if (bits & 1u << i)
			out[count++] = list[i];
	return count;
}

static void try_subsets(const struct secret *whole, const struct share *list, unsigned k, unsigned n)
{
	struct share some[N_MAX];

	for (unsigned bits = 1; bits < 1u << n; bits++) {
		struct secret *back = NULL;
		unsigned count = choose(list, n, bits, some);

		assert_ok(shares_join(some, count, &back));
		/* More than are needed lie on the same polynomial. */
		assert_int_equal(secret_equal(back, whole), count >= k);
		secret_free(back);
	}
}

static void any_k_of_n_give_the_secret_and_fewer_do_not(void **state)
{
	for (unsigned n = 1; n <= N_MAX; n++)
		for (unsigned k = 1; k <= n; k++) {
			struct secret *whole = a_secret();
			struct share list[N_MAX];

			assert_ok(shares_split(whole, k, n, list));
			try_subsets(whole, list, k, n);
			clear_all(list, n);
			secret_free(whole);
		}
}

static void order_does_not_matter(void **state)
{
	struct secret *whole = a_secret(), *back = NULL;
	struct share list[5], some[3];

	assert_ok(shares_split(whole, 3, 5, list));
	some[0] = list[4];
	some[1] = list[0];
	some[2] = list[2];
	assert_ok(shares_join(some, 3, &back));
	assert_true(secret_equal(back, whole));
	secret_free(back);
	clear_all(list, 5);
	secret_free(whole);
}

static void the_largest_sets_work(void **state)
{
	struct secret *whole = a_secret(), *back = NULL;
	struct share list[SHARES_MAX];

	assert_ok(shares_split(whole, SHARES_MAX, SHARES_MAX, list));
	assert_int_equal(list[SHARES_MAX - 1].number, 255);
	assert_ok(shares_join(list, SHARES_MAX, &back));
	assert_true(secret_equal(back, whole));
	secret_free(back);
	assert_ok(shares_join(list, SHARES_MAX - 1, &back));
	assert_false(secret_equal(back, whole));
	secret_free(back);
	clear_all(list, SHARES_MAX);
	secret_free(whole);
}

static void one_of_one_is_the_secret_itself(void **state)
{
	struct secret *whole = a_secret();
	struct share list[3];

	assert_ok(shares_split(whole, 1, 3, list));
	for (unsigned i = 0; i < 3; i++)
		assert_true(secret_equal(list[i].data, whole));
	clear_all(list, 3);
	secret_free(whole);
}

static void a_wrong_or_mixed_share_gives_something_else(void **state)
{
	struct secret *whole = a_secret(), *back = NULL;
	struct share list[3], other[3], some[2];

	assert_ok(shares_split(whole, 2, 3, list));
	assert_ok(shares_split(whole, 2, 3, other));
	some[0] = list[0];
	some[1] = other[1];
	assert_ok(shares_join(some, 2, &back));
	assert_false(secret_equal(back, whole));
	secret_free(back);
	some[1] = list[1];
	for (unsigned at = 0; at < SHARE_LEN; at++) {
		secret_edit(list[1].data)[at] ^= 1;
		assert_ok(shares_join(some, 2, &back));
		assert_false(secret_equal(back, whole));
		secret_free(back);
		secret_edit(list[1].data)[at] ^= 1;
	}
	some[1].number = 3;
	assert_ok(shares_join(some, 2, &back));
	assert_false(secret_equal(back, whole));
	secret_free(back);
	clear_all(list, 3);
	clear_all(other, 3);
	secret_free(whole);
}

static void impossible_sets_are_refused(void **state)
{
	struct secret *whole = a_secret(), *back = NULL, *brief = NULL;
	struct share list[3], some[2];

	assert_err(shares_split(whole, 0, 3, list), ERR_INVALID);
	assert_err(shares_split(whole, 4, 3, list), ERR_INVALID);
	assert_err(shares_split(whole, 1, SHARES_MAX + 1, list), ERR_INVALID);
	assert_ok(secret_new(SHARE_LEN - 1, &brief));
	assert_err(shares_split(brief, 1, 1, list), ERR_INVALID);
	assert_ok(shares_split(whole, 2, 3, list));
	some[0] = list[1];
	some[1] = list[1];
	assert_err(shares_join(some, 2, &back), ERR_INVALID);
	some[1] = (struct share){ .number = 0, .data = list[0].data };
	assert_err(shares_join(some, 2, &back), ERR_INVALID);
	assert_err(shares_join(some, 0, &back), ERR_INVALID);
	some[1] = (struct share){ .number = 3, .data = brief };
	assert_err(shares_join(some, 2, &back), ERR_INVALID);
	assert_null(back);
	clear_all(list, 3);
	secret_free(brief);
	secret_free(whole);
}

/* ---- vectors ---- */

static uint8_t next_byte;

static void counting(void *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		((uint8_t *)out)[i] = next_byte++;
}

/* With the coefficients 00 01 02 ... (first those of x, then those of x^2), the secret e0 e1 ... ff. */
static void splitting_gives_the_shares_of_the_vectors(void **state)
{
	static const char *const want[] = {
		"c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
		"d0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
		"60676e697c7b7275585f565144434a4d"
		"10171e190c0b0205282f262134333a3d",
		"40474e495c5b5255787f767164636a6d"
		"30373e392c2b2225080f060114131a1d",
		"d6c3fce98297a8bd7e6b54412a3f0015"
		"9d88b7a2c9dce3f635201f0a61744b5e",
		"f6e3dcc9a2b7889d5e4b74610a1f2035"
		"bda89782e9fcc3d615003f2a41546b7e",
	};
	uint8_t plain[SHARE_LEN];
	struct secret *whole = NULL;
	struct share list[5];

	for (unsigned i = 0; i < SHARE_LEN; i++)
		plain[i] = (uint8_t)(0xe0 + i);
	assert_ok(secret_copy(plain, sizeof(plain), &whole));
	next_byte = 0;
	random_override(counting);
	assert_ok(shares_split(whole, 3, 5, list));
	random_override(NULL);
	for (unsigned i = 0; i < ARRAY_LEN(want); i++)
		assert_hex(secret_data(list[i].data), SHARE_LEN, want[i]);
	clear_all(list, 5);
	secret_free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_k_of_n_give_the_secret_and_fewer_do_not),
		cmocka_unit_test(order_does_not_matter),
		cmocka_unit_test(the_largest_sets_work),
		cmocka_unit_test(one_of_one_is_the_secret_itself),
		cmocka_unit_test(a_wrong_or_mixed_share_gives_something_else),
		cmocka_unit_test(impossible_sets_are_refused),
		cmocka_unit_test(splitting_gives_the_shares_of_the_vectors),
	};

	return cmocka_run_group_tests_name("crypto/shares", tests, start_crypto, NULL);
}

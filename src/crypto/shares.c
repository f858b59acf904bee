#include "crypto/shares.h"
#include <stdbool.h>
#include <string.h>
#include "base/macros.h"
#include "crypto/random.h"

void share_clear(struct share *s)
{
	secret_free(s->data);
	memset(s, 0, sizeof(*s));
}

/* ---- GF(256), without a table or a branch that a value decides ---- */

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (unsigned bit = 0; bit < 8; bit++) {
		product ^= (uint8_t)(-(b & 1u) & a);
		a = (uint8_t)((unsigned)(a << 1) ^ (-(unsigned)(a >> 7) & 0x1bu));
		b >>= 1;
	}
	return product;
}

/* a^254, which is 1/a, and 0 for 0. */
static uint8_t inverse(uint8_t a)
{
	uint8_t square = a, result = 1;

	for (unsigned i = 0; i < 7; i++) {
		square = times(square, square);
		result = times(result, square);
	}
	return result;
}

/* ---- splitting ---- */

/* The polynomial's value at x; `more` are its coefficients but the first, SHARE_LEN bytes each. */
static uint8_t value_at(uint8_t first, const uint8_t *more, unsigned k, uint8_t x)
{
	uint8_t value = 0;

	for (unsigned i = k - 1; i-- > 0;)
		value = times(value, x) ^ more[i * SHARE_LEN];
	return times(value, x) ^ first;
}

static enum err make_share(const struct secret *whole, const struct secret *more, unsigned k,
			   struct share *ret)
{
	TRY(secret_new(SHARE_LEN, &ret->data));
	for (unsigned i = 0; i < SHARE_LEN; i++)
		secret_edit(ret->data)[i] = value_at(secret_data(whole)[i], secret_data(more) + i, k,
						     ret->number);
	return OK;
}

enum err shares_split(const struct secret *whole, unsigned k, unsigned n, struct share *list)
{
	CLEANUP(secret_freep) struct secret *more = NULL;
	enum err err = OK;

	if (secret_len(whole) != SHARE_LEN || k < 1 || k > n || n > SHARES_MAX)
		return err_at(ERR_INVALID, "%u of %u shares", k, n);
	TRY(secret_random((size_t)(k - 1) * SHARE_LEN, &more));
	memset(list, 0, n * sizeof(*list));
	for (unsigned i = 0; i < n && err == OK; i++) {
		list[i].number = (uint8_t)(i + 1);
		err = make_share(whole, more, k, &list[i]);
	}
	for (unsigned i = 0; i < n && err != OK; i++)
		share_clear(&list[i]);
	return err;
}

/* ---- joining ---- */

static bool numbers_fit(const struct share *list, unsigned k)
{
	bool taken[SHARES_MAX + 1] = { true };

	if (k < 1 || k > SHARES_MAX)
		return false;
	for (unsigned i = 0; i < k; i++) {
		if (taken[list[i].number] || secret_len(list[i].data) != SHARE_LEN)
			return false;
		taken[list[i].number] = true;
	}
	return true;
}

/* What the i-th share weighs at 0: the product of x_j / (x_j - x_i) over all others. */
static uint8_t weight(const struct share *list, unsigned k, unsigned i)
{
	uint8_t result = 1;

	for (unsigned j = 0; j < k; j++) {
		if (j == i)
			continue;
		result = times(result, list[j].number);
		result = times(result, inverse(list[j].number ^ list[i].number));
	}
	return result;
}

enum err shares_join(const struct share *list, unsigned k, struct secret **ret)
{
	struct secret *whole = NULL;

	if (!numbers_fit(list, k))
		return err_at(ERR_INVALID, "numbers of %u shares", k);
	TRY(secret_new(SHARE_LEN, &whole));
	for (unsigned i = 0; i < k; i++) {
		uint8_t w = weight(list, k, i);

		for (unsigned at = 0; at < SHARE_LEN; at++)
			secret_edit(whole)[at] ^= times(w, secret_data(list[i].data)[at]);
	}
	*ret = whole;
	return OK;
}

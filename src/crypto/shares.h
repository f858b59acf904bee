/* Shamir's sharing of a 32-byte secret: any k of n shares give it back, fewer tell nothing about it.
 *
 * Each byte is shared on its own by a polynomial of degree k-1 over GF(256) with the modulus
 * x^8+x^4+x^3+x+1, whose value at 0 is the byte and whose value at a share's number is the share's.
 * Arithmetic takes the same time whatever the values are. Nothing here tells a wrong share from a
 * right one: whoever joins them must know what to expect. docs/FORMAT.md, "Recovery sheet". */
#pragma once
#include "crypto/secret.h"

#define SHARE_LEN 32u
#define SHARES_MAX 255u

struct share {
	uint8_t number; /* 1 and up: the place at which the polynomials are taken */
	struct secret *data; /* SHARE_LEN bytes; owned by whoever has the struct */
};
void share_clear(struct share *s); /* wipes; all-zero is welcome */

/* list[0..n-1] become the shares 1..n. ERR_INVALID unless 1 <= k <= n <= SHARES_MAX. On failure
 * nothing is left in `list`. */
MUST_CHECK enum err shares_split(const struct secret *whole, unsigned k, unsigned n,
				 struct share *list);
/* From exactly the k shares that are needed. ERR_INVALID for a number 0, or one that comes twice. */
MUST_CHECK enum err shares_join(const struct share *list, unsigned k, struct secret **ret);

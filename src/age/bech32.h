/* Bech32 (BIP 173, without its length limit), as age writes recipients and identities.
 *
 * The human-readable part is given in the case the text must have as a whole: "age" asks for lower
 * case, "AGE-SECRET-KEY-" for upper case. Text of the other case, of mixed case, with a wrong
 * checksum or with padding bits that are not zero is refused, so every value has one spelling.
 * Nothing is allocated, nothing of the data stays behind: fit for secrets. */
#pragma once
#include <stdbool.h>
#include "base/err.h"

#define BECH32_CHECKSUM_LEN 6u
/* Length of the text without NUL. */
#define BECH32_LEN(hrp_len, data_len)                                                              \
	((hrp_len) + 1u + ((data_len)*8u + 4u) / 5u + BECH32_CHECKSUM_LEN)

/* Writes BECH32_LEN characters and a NUL to `out`. */
void bech32_encode(const char *hrp, const void *data, size_t len, char *out);
/* ERR_BAD_FORMAT for anything but exactly `len` bytes under `hrp`; `out` is wiped then. */
MUST_CHECK enum err bech32_decode(const char *text, size_t text_len, const char *hrp, void *out,
				  size_t len);
/* Checks a text whose human-readable part and length are not known beforehand; *ret_hrp_len is the
 * length of that part, which ends at the last 1. ERR_BAD_FORMAT. */
MUST_CHECK enum err bech32_check(const char *text, size_t len, bool upper, size_t *ret_hrp_len);

/* scrypt (RFC 7914) with r = 8, p = 1, as age uses it: 2^log_n rounds, 1 KiB << log_n of memory. */
#pragma once
#include "crypto/secret.h"

MUST_CHECK enum err scrypt_derive(const void *pass, size_t pass_len, const void *salt,
				  size_t salt_len, unsigned log_n, uint8_t *out, size_t out_len);

#include "crypto/stretch.h"

#include <sodium.h>

#define SCRYPT_R 8
#define SCRYPT_P 1
#define LOG_N_MAX 31 /* 2 TiB; a sensible limit is the caller's, who knows where log_n is from */

/* libsodium does not wipe its work memory; it unmaps it, and the kernel clears a page before
 * anybody sees it again. */
enum err scrypt_derive(const void *pass, size_t pass_len, const void *salt, size_t salt_len,
		       unsigned log_n, uint8_t *out, size_t out_len)
{
	if (log_n < 1 || log_n > LOG_N_MAX)
		return err_at(ERR_INVALID, "scrypt with 2^%u rounds", log_n);
	if (crypto_pwhash_scryptsalsa208sha256_ll(pass, pass_len, salt, salt_len,
						  (uint64_t)1 << log_n, SCRYPT_R, SCRYPT_P, out,
						  out_len) != 0)
		return err_errno_at(ERR_NOMEM, "scrypt with 2^%u rounds", log_n);
	return OK;
}

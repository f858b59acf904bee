#include "age/passphrase.h"

#include <stdio.h>
#include <string.h>
#include "age/wrap.h"
#include "base/text.h"
#include "crypto/random.h"
#include "crypto/stretch.h"

#define LABEL "age-encryption.org/v1/scrypt"
#define SALT_LEN 16u
#define LOG_N_WRITE_MAX 30u

struct salt { /* as scrypt takes it: label, then the random part */
	char label[sizeof(LABEL) - 1];
	uint8_t random[SALT_LEN];
};

_Static_assert(sizeof(struct salt) == sizeof(LABEL) - 1 + SALT_LEN, "a salt has no holes");

static enum err derive(const struct secret *passphrase, const uint8_t random[SALT_LEN],
		       unsigned log_n, struct wrap_key *ret)
{
	struct salt salt;

	memcpy(salt.label, LABEL, sizeof(salt.label));
	memcpy(salt.random, random, sizeof(salt.random));
	return scrypt_derive(secret_data(passphrase), secret_len(passphrase), &salt, sizeof(salt),
			     log_n, ret->bytes, sizeof(ret->bytes));
}

enum err age_passphrase_wrap(const struct secret *passphrase, unsigned log_n,
			     const struct secret *file_key, struct age_stanza *ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key key;
	uint8_t random[SALT_LEN], body[WRAP_BODY_LEN];
	char salt[32], work[16];
	const char *args[] = {SCRYPT_STANZA, salt, work};

	if (log_n < 1 || log_n > LOG_N_WRITE_MAX)
		return err_at(ERR_INVALID, "work factor %u", log_n);
	random_bytes(random, sizeof(random));
	TRY(derive(passphrase, random, log_n, &key));
	TRY(wrap_seal(&key, file_key, body));
	text_base64(random, sizeof(random), false, salt);
	snprintf(work, sizeof(work), "%u", log_n);
	return age_stanza_make(args, ARRAY_LEN(args), body, sizeof(body), ret);
}

/* One to three digits without a leading zero: what is longer is above every limit anyway. */
static bool work_factor_parse(const char *text, unsigned *ret)
{
	unsigned value = 0;

	if (*text == '0' || strlen(text) < 1 || strlen(text) > 3)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (unsigned)(*text - '0');
	}
	*ret = value;
	return true;
}

static enum err stanza_read(const struct age_stanza *s, unsigned max_log_n,
			    uint8_t random[SALT_LEN], unsigned *ret_log_n)
{
	size_t len;

	if (s->argc != 3)
		return err_at(ERR_AGE_HEADER, "scrypt stanza with %zu arguments", s->argc);
	if (text_unbase64(age_stanza_arg(s, 1), strlen(age_stanza_arg(s, 1)), false, random,
			  SALT_LEN, &len) != OK ||
	    len != SALT_LEN)
		return err_at(ERR_AGE_HEADER, "scrypt stanza without a salt of 16 bytes");
	if (!work_factor_parse(age_stanza_arg(s, 2), ret_log_n))
		return err_at(ERR_AGE_HEADER, "scrypt stanza without a work factor");
	if (s->body_len != WRAP_BODY_LEN)
		return err_at(ERR_AGE_HEADER, "scrypt stanza with a body of %zu bytes",
			      s->body_len);
	if (*ret_log_n > max_log_n)
		return err_at(ERR_AGE_HEADER, "work factor %u, at most %u is tried", *ret_log_n,
			      max_log_n);
	return OK;
}

enum err age_passphrase_check(const struct age_stanza *s, unsigned max_log_n)
{
	uint8_t random[SALT_LEN];
	unsigned log_n;

	return stanza_read(s, max_log_n, random, &log_n);
}

enum err age_passphrase_unwrap(const struct secret *passphrase, unsigned max_log_n,
			       const struct age_stanza *s, struct secret **ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key key;
	uint8_t random[SALT_LEN];
	unsigned log_n;
	enum err err;

	TRY(stanza_read(s, max_log_n, random, &log_n));
	TRY(derive(passphrase, random, log_n, &key));
	err = wrap_open(&key, s->body, ret);
	return err == ERR_FORGED ? err_at(ERR_PASSPHRASE, "age file") : err;
}

/* A staff key: an age identity in an age file sealed with a passphrase, so that `age -d` opens it.
 * From the same secret, under a label of its own, comes the Ed25519 key that signs as this person.
 * docs/FORMAT.md, "Staff key". */
#pragma once
#include <stdbool.h>
#include "age/identity.h"
#include "age/recipient.h"
#include "crypto/sign.h"
#include "org/home.h"

#define STAFF_NAME_MAX 64u
#define STAFF_FPR_LEN 17u /* 16 hex digits of SHA-256(recipient) and NUL */
#define STAFF_SCRYPT_LOG_N 16u

struct staff_key_info {
	char name[STAFF_NAME_MAX + 1];
	struct age_recipient recipient; /* kept in clear beside the sealed file, so it can be shown */
	char fpr[STAFF_FPR_LEN];
	bool has_key; /* the signing key stands beside it too; else the next unlocking puts it there */
	uint8_t vkey[SIGN_VKEY_LEN];
};

/* ERR_EXISTS when the name is taken; ERR_INVALID for a name that is no plain file name. */
MUST_CHECK enum err staff_key_create(struct home *h, const char *name,
				     const struct secret *passphrase, unsigned log_n,
				     struct staff_key_info *ret);
/* name NULL: the only key there, or the default one (the first made). ERR_KEY_NOT_FOUND. */
MUST_CHECK enum err staff_key_info(struct home *h, const char *name, struct staff_key_info *ret);
/* ERR_PASSPHRASE when it is wrong. */
MUST_CHECK enum err staff_key_unlock(struct home *h, const char *name,
				     const struct secret *passphrase, struct age_identity **ret);
MUST_CHECK enum err staff_key_passwd(struct home *h, const char *name, const struct secret *old,
				     const struct secret *fresh, unsigned log_n);
MUST_CHECK enum err staff_sign_key(const struct age_identity *id, struct sign_key **ret);
void staff_fpr(const struct age_recipient *r, char out[STAFF_FPR_LEN]);
/* The fingerprint as six words from a fixed list, for comparing by telephone; out has 96 bytes. */
void staff_fpr_words(const struct age_recipient *r, char out[96]);

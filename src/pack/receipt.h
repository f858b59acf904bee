/* A receipt (受領書): the signed word of whoever unpacked a pack that it came whole. One line of
 * JSON, with the signature of the receiver's signing key at its end. docs/FORMAT.md, "Receipt". */
#pragma once
#include "age/identity.h"
#include "pack/unpack.h"

#define RECEIPT_MAX 8192u

struct pack_receipt {
	uint8_t pack_id[PACK_ID_LEN];
	uint8_t pack_sha256[SHA256_LEN];
	int64_t received; /* seconds since 1970 */
	uint64_t files, bytes;
	char name[PACK_NAME_MAX + 1]; /* of the receiver, as they say */
	struct age_recipient recipient;
	uint8_t vkey[SIGN_VKEY_LEN];
};

/* For a signed pack that was unpacked. Appends the line with its end. */
MUST_CHECK enum err pack_receipt_make(const struct unpacked *unpacked,
				      const struct age_identity *receiver, const char *name,
				      struct buf *out);
/* Form and signature; who signed is another question. ERR_BAD_FORMAT, ERR_NEWER_FORMAT, ERR_FORGED.
 */
MUST_CHECK enum err pack_receipt_read(const char *text, size_t len, struct pack_receipt *ret);

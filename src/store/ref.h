/* The one pointer type: where a sealed block is, how it was sealed, and what it must hash to.
 * 96 bytes encoded. docs/FORMAT.md, "Pointer". */
#pragma once
#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"

#define REF_LEN 96u

struct ref {
	uint64_t addr;   /* first block in DATA, 48 bits */
	uint16_t blocks; /* of 4 KiB; 0 only in the null reference */
	uint64_t birth;  /* generation that wrote it */
	uint32_t epoch;  /* key epoch it is sealed under */
	uint32_t extra;  /* node: least epoch below it; record: plaintext bytes */
	uint8_t nonce[XAES_NONCE_LEN];
	uint8_t tag[AEAD_TAG_LEN];
	uint8_t sha256[SHA256_LEN]; /* of the ciphertext */
};

void ref_encode(const struct ref *ref, uint8_t out[REF_LEN]);
void ref_decode(const uint8_t in[REF_LEN], struct ref *ret);
static inline bool ref_is_null(const struct ref *ref)
{
	return ref->blocks == 0;
}

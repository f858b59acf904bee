/* A file key under a wrap key: the body of both native stanza types. For this module only. */
#pragma once
#include "age/header.h"
#include "crypto/aead.h"

#define WRAP_BODY_LEN (AGE_FILE_KEY_LEN + AEAD_TAG_LEN)

/* A wrap key lives on the stack for one call: CLEANUP(wrap_key_wipe). */
struct wrap_key {
	uint8_t bytes[AEAD_KEY_LEN];
};
void wrap_key_wipe(struct wrap_key *k);
/* ERR_INVALID when the file key has not AGE_FILE_KEY_LEN bytes. */
MUST_CHECK enum err wrap_seal(const struct wrap_key *k, const struct secret *file_key,
			      uint8_t body[WRAP_BODY_LEN]);
/* ERR_FORGED when the body was wrapped under another key. */
MUST_CHECK enum err wrap_open(const struct wrap_key *k, const uint8_t body[WRAP_BODY_LEN],
			      struct secret **ret);

/* Signatures in the form of minisign: a text of four lines that `minisign -V` accepts.
 *
 * The "Ed" kind signs the message itself (no prehash), so only messages that fit into memory. The
 * trusted comment is signed too. Keys are Ed25519; the key id is the first 8 bytes of the SHA-256
 * of the public key, since it only helps a reader to find the key. Format: jedisct1/minisign,
 * "Signature format". */
#pragma once
#include "base/buf.h"
#include "crypto/sign.h"

#define MINISIG_COMMENT_MAX 1024u
#define MINISIG_MAX 4096u	/* bytes of a signature text */
#define MINISIG_PUBLIC_TEXT 57u /* base64 of a public key, and NUL */

/* Appends the signature text. `trusted` is one line without control characters. */
MUST_CHECK enum err minisig_make(const struct sign_key *key, const void *message, size_t len,
				 const char *trusted, struct buf *out);
/* ERR_SENDER unless `text` is a signature of the message by `vkey`, under whatever key id.
 * ret_trusted: the trusted comment, MINISIG_COMMENT_MAX + 1 bytes. */
MUST_CHECK enum err minisig_verify(const uint8_t vkey[SIGN_VKEY_LEN], const void *message,
				   size_t len, const char *text, size_t text_len,
				   char *ret_trusted);
/* The public key as minisign's -P takes it. */
void minisig_public(const uint8_t vkey[SIGN_VKEY_LEN], char out[MINISIG_PUBLIC_TEXT]);
MUST_CHECK enum err minisig_public_parse(const char *text, uint8_t ret_vkey[SIGN_VKEY_LEN]);

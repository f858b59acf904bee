/* An ssh-ed25519 public key as a recipient, as age's own program takes it: the line that stands in
 * id_ed25519.pub or authorized_keys. Not secret. A plain value.
 *
 * The stanza is "ssh-ed25519 TAG SHARE". TAG is the start of the SHA-256 of the key, so unlike an
 * X25519 stanza it tells who knows the key that the file is for it. Private keys:
 * age/ssh_identity.h.
 */
#pragma once
#include "age/wrapper.h"
#include "crypto/dh.h"

#define AGE_SSH_WIRE_LEN 51u			    /* RFC 8709, 4: two strings with lengths */
#define AGE_SSH_TEXT (sizeof("ssh-ed25519 ") + 68u) /* with NUL */

struct age_ssh_recipient {
	uint8_t wire[AGE_SSH_WIRE_LEN]; /* what the base64 of the line stands for */
	uint8_t pk[X25519_LEN];
};

/* One line: type, base64, and perhaps a comment, with spaces or tabs between; a line end may
 * follow. ERR_NOT_SUPPORTED for ssh keys of another type (ssh-rsa, ecdsa, those in a token),
 * ERR_BAD_FORMAT for anything else, also for options in front of the key. */
MUST_CHECK enum err age_ssh_recipient_parse(const char *line, size_t len,
					    struct age_ssh_recipient *ret);
/* The recipient of the Ed25519 key. ERR_INVALID when it is no good point. */
MUST_CHECK enum err age_ssh_recipient_make(const uint8_t vkey[ED25519_LEN],
					   struct age_ssh_recipient *ret);
/* Type and base64, without a comment. */
void age_ssh_recipient_print(const struct age_ssh_recipient *r, char out[AGE_SSH_TEXT]);
/* Whether a line looks like an ssh public key of whatever type, and not like age's. */
bool age_ssh_likely(const char *line, size_t len);

MUST_CHECK enum err age_ssh_recipient_wrap(const struct age_ssh_recipient *r,
					   const struct secret *file_key, struct age_stanza *ret);
/* `r` is borrowed as long as the wrapper is used. */
struct age_wrapper age_ssh_wrapper(const struct age_ssh_recipient *r);

/* What both ends of a stanza compute; for this module only. `shared` is the X25519 result of the
 * share and the recipient's key. */
struct wrap_key;
MUST_CHECK enum err age_ssh_wrap_key(const struct age_ssh_recipient *r,
				     const uint8_t share[X25519_LEN],
				     const uint8_t shared[X25519_LEN], struct wrap_key *ret);
#define SSH_STANZA "ssh-ed25519"
#define SSH_TAG_TEXT 8u /* base64 of 4 bytes, with NUL and a byte to spare */
void age_ssh_tag(const struct age_ssh_recipient *r, char out[SSH_TAG_TEXT]);

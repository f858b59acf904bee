/* An ssh-ed25519 private key as an identity: what ssh-keygen writes to id_ed25519 (OpenSSH's
 * PROTOCOL.key, version 1), without a passphrase; keys under one are ERR_NOT_SUPPORTED. In guarded
 * memory. Never changes after birth, so threads may share one. */
#pragma once
#include "age/ssh.h"

#define AGE_SSH_FILE_MAX 16384u /* of the text; one key and its comment need under 600 bytes */

struct age_ssh_identity;

/* The whole text of the file. ERR_BAD_FORMAT, ERR_NOT_SUPPORTED (a passphrase, another type). */
MUST_CHECK enum err age_ssh_identity_parse(const char *text, size_t len,
					   struct age_ssh_identity **ret);
void age_ssh_identity_free(struct age_ssh_identity *id); /* wipes; NULL is welcome */
DEFINE_FREEP(struct age_ssh_identity, age_ssh_identity_free)
bool age_ssh_identity_likely(const char *text, size_t len); /* begins like such a file */

const struct age_ssh_recipient *age_ssh_identity_recipient(const struct age_ssh_identity *id);
/* ERR_NO_KEY_FITS when the stanza is of another type or for another key, ERR_AGE_HEADER when it has
 * a wrong form. */
MUST_CHECK enum err age_ssh_identity_unwrap(const struct age_ssh_identity *id,
					    const struct age_stanza *s, struct secret **ret);
/* `id` is borrowed as long as the unwrapper is used. */
struct age_unwrapper age_ssh_unwrapper(const struct age_ssh_identity *id);

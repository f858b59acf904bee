/* What the tests of age share: one known person, one known file key, and files put together by hand
 * so that a fault sits exactly where a test wants it, under a MAC that is right. */
#pragma once
#include "tests/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "age/age.h"
#include "age/header.h"

int start_crypto(void **state); /* group setup */

struct age_identity *fixture_identity(void);	 /* owned by the caller */
struct age_identity *fixture_stranger(void);	 /* owned by the caller; another person */
struct age_recipient fixture_recipient(void);	 /* of fixture_identity */
struct secret *fixture_file_key(void);		 /* owned by the caller */
struct secret *fixture_secret(const char *text); /* owned by the caller */

/* Texts are malloc'd, to be freed by the caller (CLEANUP(mem_freep)). */
char *fixture_x25519(void); /* a stanza for fixture_identity */
char *fixture_scrypt(const char *pass, unsigned log_n);
char *fixture_header(const char *stanzas); /* version line and right MAC around it */
char *text_format(const char *format, ...) PRINTF_LIKE(1, 2);
/* `text` with the first `what` replaced by `with`; fails the test when it is not there. */
char *text_replace(const char *text, const char *what, const char *with);

/* The header followed by the sealed payload. */
void fixture_file(const char *header, const void *payload, size_t len, struct buf *out);
/* Opens as fixture_identity; a plaintext is thrown away. */
enum err fixture_open(const void *data, size_t len);

/* A sink that counts and keeps; it refuses everything behind `limit` bytes with ERR_NO_SPACE. */
struct catcher {
	struct buf got;
	size_t limit;
};
struct age_sink catcher_sink(struct catcher *c);
/* Bytes that are easy to check: position dependent, the same in every run. */
void pattern_fill(void *out, size_t len);

/* The header of an age file: version line, stanzas, MAC line. All-zero is the valid empty state.
 *
 * A header that was parsed is canonical: printing it again gives the bytes that were read. Its
 * native stanzas (X25519, scrypt) have the form that age.md asks for, whether or not anybody here
 * could open them; stanzas of unknown types are kept and mean nothing. Nothing in it is
 * authenticated before age_header_check_mac. Bytes: age.md, "Header". */
#pragma once
#include "age/stanza.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

#define AGE_FILE_KEY_LEN 16u
#define AGE_HEADER_MAX (1u << 20) /* ours; the text has no limit, our memory has */
/* A stanza of ours, the last one: the first AGE_SUM_LEN bytes of SHA-256 over all bytes before it.
 * Without a key, so it proves nothing; it tells a header that suffered on its way from one that was
 * whole and for other people. Readers that do not know it pass over it. FORMAT.md, "Pack". */
#define AGE_SUM_STANZA "vault-sum"
#define AGE_SUM_LEN 16u

struct age_header {
	struct age_stanza *stanzas; /* owned */
	size_t count;
	size_t last; /* where in the text the last stanza begins */
	uint8_t mac[SHA256_LEN];
};

/* Appends the header over `stanzas`, with the MAC under the file key. */
MUST_CHECK enum err age_header_print(const struct age_stanza *stanzas, size_t count,
				     const struct secret *file_key, struct buf *out);
/* The same with a sum stanza behind them. */
MUST_CHECK enum err age_header_print_summed(const struct age_stanza *stanzas, size_t count,
					    const struct secret *file_key, struct buf *out);
/* Reads the header at the start of `text`; *ret_len is its length. ERR_AGE_HEADER. */
MUST_CHECK enum err age_header_parse(const char *text, size_t len, struct age_header *ret,
				     size_t *ret_len);
void age_header_clear(struct age_header *h);
/* Whether there is a sum stanza and it does not fit the text it was parsed from. */
bool age_header_is_damaged(const struct age_header *h, const char *text);
/* `text` are the header's own bytes, as age_header_parse measured them. ERR_AGE_HEADER_MAC. */
MUST_CHECK enum err age_header_check_mac(const struct age_header *h, const char *text, size_t len,
					 const struct secret *file_key);

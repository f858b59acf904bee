/* Whole age files: sealing to people or under a passphrase, and opening. age.md is the rule.
 *
 * Opening gives: ERR_AGE_HEADER for a header that is none, ERR_NO_KEY_FITS when nobody here is a
 * recipient, ERR_PASSPHRASE for a wrong passphrase, ERR_AGE_HEADER_MAC for a header that was
 * changed (in one with a checksum, also when nobody here is a recipient any more),
 * ERR_AGE_PAYLOAD for any fault behind the header. Whatever a sink got before an error
 * must be thrown away by whoever owns it. No state is shared: threads may work on different files.
 */
#pragma once
#include "age/identity.h"
#include "age/passphrase.h"
#include "age/pipe.h"
#include "age/wrapper.h"

/* For whom a file is sealed: either recipients or a passphrase, never both. Everything borrowed. */
struct age_to {
	const struct age_recipient *recipients;
	size_t count;
	/* Recipients of other types, beside or instead of those (age/ssh.h, age/plugin.h). Those
	 * that bear labels mix only with others of the same labels: ERR_INVALID otherwise. */
	const struct age_wrapper *wrappers;
	size_t wrapper_count;
	/* Dummy stanzas fill the count up to a multiple of this, in random order, so that nobody
	 * learns how many people there are; 0 and 1 add none, and beside labels there are none. */
	size_t multiple;
	const struct secret *passphrase; /* NULL: recipients */
	unsigned log_n;			 /* work factor of the passphrase; 0: AGE_SCRYPT_LOG_N */
	/* A sum stanza (age/header.h) ends the header. Not beside a passphrase, whose stanza has to
	 * be alone. */
	bool checksum;
	bool armor; /* streaming only */
};

/* Who opens. Everything borrowed. */
struct age_who {
	const struct age_identity *const *identities;
	size_t count;
	/* Identities of other types, tried in this order when none of those fits. One that fails is
	 * passed over; its error is told when nobody else opens the file. */
	const struct age_unwrapper *unwrappers;
	size_t unwrapper_count;
	/* Asked once, and only for a well-formed file that is sealed under a passphrase; NULL: such
	 * a file is ERR_NO_KEY_FITS. *ret goes to the caller. */
	enum err (*ask)(void *ctx, struct secret **ret);
	void *ask_ctx;
	unsigned max_log_n; /* 0: AGE_SCRYPT_MAX_LOG_N */
};

/* Streaming, in constant memory. The sink is not flushed or closed. */
MUST_CHECK enum err age_encrypt(const struct age_to *to, struct age_source from,
				struct age_sink into);
/* Binary or armored, as the file is. */
MUST_CHECK enum err age_decrypt(const struct age_who *who, struct age_source from,
				struct age_sink into);

/* A small file, binary or armored, into guarded memory. ERR_TOO_BIG when the plaintext has more
 * than `max` bytes, which are allocated at once. */
MUST_CHECK enum err age_decrypt_small(const struct age_who *who, struct age_source from, size_t max,
				      struct secret **ret);

/* Sealing in two steps, for a payload that has to vouch for the header in front of it: the header
 * is there, and final, before the payload is made. */
struct age_sealing;
MUST_CHECK enum err age_seal_begin(const struct age_to *to, struct age_sealing **ret);
const void *age_sealing_header(const struct age_sealing *s, size_t *ret_len); /* borrowed */
/* Appends header and payload to `out` and uses *s up, on failure too: a file key seals once. */
MUST_CHECK enum err age_seal_finish(struct age_sealing **s, const void *payload, size_t len,
				    struct buf *out);
void age_sealing_free(struct age_sealing *s);
DEFINE_FREEP(struct age_sealing, age_sealing_free)

/* Small files in memory, binary. age_seal_buf appends to `out`. */
MUST_CHECK enum err age_seal_buf(const struct age_recipient *recipients, size_t count,
				 size_t multiple, const void *data, size_t len, struct buf *out);
/* ERR_TOO_BIG when the plaintext has more than `max` bytes. The header's bytes are the first
 * *ret_header_len of `data` (NULL: not wanted). */
MUST_CHECK enum err age_open_buf(const struct age_identity *const *identities, size_t count,
				 const void *data, size_t len, size_t max, struct secret **ret,
				 size_t *ret_header_len);

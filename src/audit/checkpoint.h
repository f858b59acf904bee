/* A checkpoint: what a log was at some moment, as a text that can be signed, kept on paper, and
 * compared (C2SP tlog-checkpoint): origin, size and root of the tree, a line each. It travels as a
 * note (C2SP signed-note): the text, an empty line, and signature lines — NAME BASE64(key id of 4
 * bytes || signature) of a log's own key (type 0x01, over the text) or of a witness (type 0x04,
 * C2SP tlog-cosignature, over the text with the time it was seen). Nothing is checked by parsing
 * but the form; what was signed is said by note_verify. docs/FORMAT.md, "Checkpoints". */
#pragma once
#include "audit/merkle.h"
#include "base/buf.h"
#include "crypto/sign.h"

#define ORIGIN_HOST "portable-vault/host/"  /* and the host's id */
#define ORIGIN_VOLUME "portable-vault/vol/" /* and the volume's id, 32 hex digits */
#define ORIGIN_MAX 64u
#define CHECKPOINT_NOTE_MAX 4096u

struct checkpoint {
	char origin[ORIGIN_MAX];
	uint64_t size;
	uint8_t root[SHA256_LEN];
};

/* `prefix` is one of the two above. */
void checkpoint_make(struct checkpoint *c, const char *prefix, const char *id,
		     const struct merkle *t);
/* Appends the text, with which a note begins. */
MUST_CHECK enum err checkpoint_print(const struct checkpoint *c, struct buf *out);
/* Of a text or of a note that begins with it. ERR_BAD_FORMAT. */
MUST_CHECK enum err checkpoint_parse(const char *text, size_t len, struct checkpoint *ret);

/* A note with one signature of each key given; `name` is who signs: the origin of a log. */
MUST_CHECK enum err note_sign(const struct checkpoint *c, const char *name,
			      const struct sign_key *key, struct buf *out);
MUST_CHECK enum err note_cosign(const struct checkpoint *c, const char *name,
				const struct sign_key *key, int64_t time, struct buf *out);
/* Whether the note has a signature of the log's own kind by that name and key that fits. */
bool note_verify(const char *note, size_t len, const char *name, const uint8_t vkey[SIGN_VKEY_LEN]);
/* The same of a witness's kind; gives the time (seconds since 1970) that was signed. */
bool note_verify_cosigned(const char *note, size_t len, const char *name,
			  const uint8_t vkey[SIGN_VKEY_LEN], int64_t *ret_time);
/* "NAME+8 hex digits+BASE64": a log's key as other programs of this kind take it (C2SP
 * signed-note). */
MUST_CHECK enum err note_vkey_print(const char *name, const uint8_t vkey[SIGN_VKEY_LEN],
				    struct buf *out);
/* The same of a key that cosigns (C2SP tlog-cosignature). */
MUST_CHECK enum err note_vkey_print_witness(const char *name, const uint8_t vkey[SIGN_VKEY_LEN],
					    struct buf *out);

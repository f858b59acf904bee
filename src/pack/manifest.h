/* The manifest of a pack: who sends what to whom, for which purpose. It is the first file of the
 * pack,
 * `.vault-pack/HEAD.json`, and its hash stands in SHA256SUMS, so the sender's signature covers it.
 *
 * The recipients are in it so that a signed pack cannot be sealed anew for somebody else as if it
 * had been meant for them. Texts are UTF-8. docs/FORMAT.md, "Pack". */
#pragma once
#include <stdbool.h>
#include "age/recipient.h"
#include "crypto/sign.h"

#define PACK_DIR ".vault-pack"
#define PACK_MANIFEST PACK_DIR "/HEAD.json"
#define PACK_LINKS PACK_DIR "/LINKS"
#define PACK_SUMS PACK_DIR "/SHA256SUMS"
#define PACK_SIGNATURE PACK_DIR "/SHA256SUMS.minisig"
#define PACK_ID_LEN 16u
#define PACK_NAME_MAX 128u
#define PACK_TEXT_MAX 64u
#define PACK_MANIFEST_MAX (1u << 20)

struct pack_manifest {
	uint8_t id[PACK_ID_LEN]; /* random */
	int64_t created;	 /* seconds since 1970 */
	char sender[PACK_NAME_MAX + 1];
	uint8_t sender_vkey[SIGN_VKEY_LEN];
	struct age_recipient sender_recipient; /* to answer to */
	struct age_recipient *to;	       /* owned */
	size_t to_count;
	char **others; /* owned, with the texts: recipients of ssh and of plugins, as age writes them */
	size_t other_count;
	bool passphrase; /* sealed under one: `to` is empty */
	char category[PACK_TEXT_MAX + 1], purpose[PACK_TEXT_MAX + 1]; /* ids; empty: not said */
	int64_t persons;       /* declared number; -1: not said */
	char expires[11];      /* "2026-12-31"; empty: never */
	uint64_t files, bytes; /* of regular files, as counted before packing */
};
void pack_manifest_clear(struct pack_manifest *m);

/* Appends the JSON text. */
MUST_CHECK enum err pack_manifest_encode(const struct pack_manifest *m, struct buf *out);
/* ERR_BAD_FORMAT; ERR_NEWER_FORMAT for another schema. Fields that are not known are passed over.
 */
MUST_CHECK enum err pack_manifest_decode(const char *text, size_t len, struct pack_manifest *ret);
bool pack_date_is_valid(const char *date); /* "2026-12-31", a day that exists */

/* Unpacking: nothing is released before the last byte was authenticated, every hash fits, and the
 * sender's signature is good.
 *
 * A pack of ours has the manifest first and SHA256SUMS with its signature last; a file that other
 * tools made (tar, zstd, age) has neither, and its sender is unknown. Everything is laid out in a
 * private folder beside its place (pack/stage.h) and moved there at the end. Refused, whoever sent
 * it: names that lead out, links that lead out, devices, pipes, set-id bits, the same name twice,
 * more than the limits. docs/FORMAT.md, "Pack". */
#pragma once
#include "age/age.h"
#include "crypto/hash.h"
#include "pack/manifest.h"

#define UNPACK_ENTRIES_MAX 1000000u

struct unpack_how {
	const struct age_who *who;
	const struct age_recipient *me; /* the recipients that `who` stands for */
	size_t me_count;
	const struct age_recipient *also; /* more of them */
	size_t also_count;
	/* Whether `who` stands for a recipient of another type, as its text is; NULL: for none. */
	bool (*stands_for)(void *ctx, const char *text);
	void *stands_ctx;
	int from;		 /* the pack, open for reading at its beginning; borrowed */
	const char *into;	 /* an existing folder */
	const char *const *only; /* paths in the pack; everything else is verified and not kept */
	size_t only_count;
	bool replace;	    /* what is there under the same name may go */
	uint64_t max_bytes; /* of all files; 0: what the disk has room for */
	/* Asked when everything else is proved. `manifest` NULL: made by other tools, unsigned. OK
	 * lets the files out; ERR_SENDER and others keep them in. */
	enum err (*judge)(void *ctx, const struct pack_manifest *manifest);
	void *judge_ctx;
	enum err (*progress)(void *ctx, uint64_t read); /* bytes of the pack; may be NULL */
	void *ctx;
};

struct unpacked {
	struct pack_manifest manifest; /* pack_manifest_clear; all zero when there is none */
	bool is_signed;
	uint64_t entries, files, bytes; /* in the pack */
	uint64_t kept;			/* entries that were released */
	uint64_t length;		/* of the pack */
	uint8_t sha256[SHA256_LEN];	/* of the pack, all of its bytes */
};

/* ERR_UNSAFE, ERR_TOO_BIG, ERR_FORGED (hashes or counts do not fit), ERR_SENDER (the signature does
 * not fit, or it was signed for other people), ERR_REVOKED (it has expired), ERR_NOT_FOUND (a path
 * of `only` is not in it), ERR_EXISTS, ERR_AGE_PAYLOAD (cut, changed, or no age file),
 * ERR_NO_KEY_FITS and ERR_PASSPHRASE as in age.h, and what `judge` says. `ret` is filled as far as
 * it went. */
MUST_CHECK enum err pack_unpack(const struct unpack_how *how, struct unpacked *ret);

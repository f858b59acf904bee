/* Making a pack: age( zstd frames( pax tar ) ), docs/FORMAT.md, "Pack".
 *
 * The tar holds the manifest, the sources, SHA256SUMS and its signature, in that order. Files are
 * read once; memory does not grow with their size. The output appears under its name only when it
 * is complete and flushed; whatever ends the work before leaves nothing behind. A file that changes
 * while it is read ends the work (ERR_BUSY): a pack is of one moment or none. */
#pragma once
#include "age/age.h"
#include "crypto/hash.h"
#include "pack/manifest.h"

struct pack_source {
	const char *path; /* of the file, folder or link; borrowed */
	const char *name; /* what it is called in the pack; borrowed */
	/* One of the sources may be what `fd` (borrowed) gives up to its end, such as standard
	 * input; `path` is for messages then. */
	bool is_stream;
	int fd;
};

struct pack_count;
struct pack_made;
struct pack_new {
	const struct age_to *to; /* for whom it is sealed; armor as it says */
	struct pack_manifest
		*manifest; /* who, to whom, what for; id, time and counts are filled in */
	const struct sign_key *signer;
	const struct pack_source *sources;
	size_t source_count;
	struct pack_count *count; /* of these sources, where that began before; may be NULL */
	const char *out;	  /* path that does not exist yet */
	int level;		  /* 0: not compressed; 3 is the usual one */
	unsigned threads;	  /* 0: as many as there are cores */
	bool plain_length;	  /* not padded */
	/* After each piece; `total` from the walk before. Not OK ends the work with that error. */
	enum err (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
	/* Asked when the pack is complete and before it appears; may be NULL. */
	enum err (*complete)(void *ctx, const struct pack_made *made);
	void *complete_ctx;
};

struct pack_made {
	uint64_t entries, files, bytes;
	uint64_t length;	    /* of the pack */
	uint8_t sha256[SHA256_LEN]; /* of the pack, all of its bytes */
};

/* ERR_EXISTS: `out`, or two sources of one name; ERR_NOT_SUPPORTED: a source is neither file,
 * folder nor link (pipes, sockets and devices cannot be carried), or a link that leads out of the
 * pack; ERR_BAD_FORMAT, ERR_INVALID: a name that the other side would refuse; others with the path.
 */
MUST_CHECK enum err pack_make(const struct pack_new *what, struct pack_made *ret);

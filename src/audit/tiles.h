/* A log as static files that any reader of tile logs takes (C2SP tlog-tiles): hashes of the tree in
 * tiles of 256, a partial one where the tree ends, and the lines in bundles, each behind its length
 * in 16 bits. Nothing is judged, no key is needed. docs/FORMAT.md, "Export". */
#pragma once
#include "audit/merkle.h"
#include "base/err.h"

#define TILE_WIDTH 256u
#define TILE_PATH_MAX 64u

struct tiles;
/* Of the lines in `text` that a line feed ends; `text` is borrowed until tiles_free. ERR_NOMEM;
 * ERR_TOO_BIG: a line is longer than a bundle can tell. */
MUST_CHECK enum err tiles_new(const char *text, size_t len, struct tiles **ret);
void tiles_free(struct tiles *t); /* NULL is welcome */
DEFINE_FREEP(struct tiles, tiles_free)
uint64_t tiles_size(const struct tiles *t); /* lines */
/* Of the first `size` lines, which must not be more than there are. */
void tiles_root(const struct tiles *t, uint64_t size, uint8_t out[SHA256_LEN]);

struct tile_sink {
	/* `path` like "tile/0/x001/067.p/12"; `data` is good until it returns. */
	enum err (*put)(void *ctx, const char *path, const void *data, size_t len);
	void *ctx;
};
/* All tiles and bundles of the tree over the first `size` lines; of none there are none. */
MUST_CHECK enum err tiles_put(const struct tiles *t, uint64_t size, const struct tile_sink *to);
/* Only the partial ones: what a tree of that size has beyond a larger one. */
MUST_CHECK enum err tiles_put_partial(const struct tiles *t, uint64_t size,
				      const struct tile_sink *to);

#include "audit/tiles.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

#define LEVELS 8u /* 256^8 lines cannot come about */
#define ENTRY_MAX UINT16_MAX
#define NAME_DIGITS 1000u

struct level {
	uint8_t (*hashes)[SHA256_LEN]; /* owned: of all full subtrees of 256^level lines */
	uint64_t count;
};
struct tiles {
	const char *text;
	size_t len;
	size_t *begins; /* owned: of each line, and behind the last one */
	struct level levels[LEVELS];
};

void tiles_free(struct tiles *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < LEVELS; i++)
		free(t->levels[i].hashes);
	free(t->begins);
	free(t);
}

uint64_t tiles_size(const struct tiles *t)
{
	return t->levels[0].count;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

static enum err add_leaves(struct tiles *t, size_t lines)
{
	struct level *l = &t->levels[0];
	size_t at = 0;

	t->begins = calloc(lines + 1, sizeof(*t->begins));
	l->hashes = calloc(lines + 1, SHA256_LEN);
	if (!t->begins || !l->hashes)
		return err_at(ERR_NOMEM, "tiles");
	for (; l->count < lines; l->count++) {
		const char *stop = memchr(t->text + at, '\n', t->len - at);
		size_t line_len = (size_t)(stop - t->text) - at;

		if (line_len > ENTRY_MAX)
			return err_at(ERR_TOO_BIG, "line %" PRIu64, l->count + 1);
		merkle_leaf(t->text + at, line_len, l->hashes[l->count]);
		t->begins[l->count] = at;
		at += line_len + 1;
	}
	t->begins[lines] = at;
	return OK;
}

static enum err add_level(const struct level *below, struct level *ret)
{
	uint64_t count = below->count / TILE_WIDTH;

	ret->hashes = calloc(count + 1, SHA256_LEN);
	if (!ret->hashes)
		return err_at(ERR_NOMEM, "tiles");
	for (; ret->count < count; ret->count++) {
		struct merkle tile = {0};

		for (uint64_t i = 0; i < TILE_WIDTH; i++)
			merkle_add(&tile, below->hashes[ret->count * TILE_WIDTH + i]);
		merkle_root(&tile, ret->hashes[ret->count]);
	}
	return OK;
}

enum err tiles_new(const char *text, size_t len, struct tiles **ret)
{
	CLEANUP(tiles_freep) struct tiles *t = calloc(1, sizeof(*t));

	if (!t)
		return err_at(ERR_NOMEM, "tiles");
	t->text = text;
	t->len = len;
	TRY(add_leaves(t, count_lines(text, len)));
	for (unsigned i = 1; i < LEVELS; i++)
		TRY(add_level(&t->levels[i - 1], &t->levels[i]));
	*ret = TAKE(t);
	return OK;
}

void tiles_root(const struct tiles *t, uint64_t size, uint8_t out[SHA256_LEN])
{
	struct merkle tree = {0};

	for (uint64_t i = 0; i < size; i++)
		merkle_add(&tree, t->levels[0].hashes[i]);
	merkle_root(&tree, out);
}

/* ---- files ---- */

/* 1234067 is "x001/x234/067". A width of 0 is a full one. */
static void print_path(char out[TILE_PATH_MAX], const char *level, uint64_t index, unsigned width)
{
	char number[TILE_PATH_MAX], *at = number + sizeof(number) - 4;

	snprintf(at, 4, "%03u", (unsigned)(index % NAME_DIGITS));
	for (index /= NAME_DIGITS; index > 0; index /= NAME_DIGITS) {
		char part[8];

		snprintf(part, sizeof(part), "x%03u/", (unsigned)(index % NAME_DIGITS));
		at -= 5;
		memcpy(at, part, 5);
	}
	if (width)
		snprintf(out, TILE_PATH_MAX, "tile/%s/%s.p/%u", level, at, width);
	else
		snprintf(out, TILE_PATH_MAX, "tile/%s/%s", level, at);
}

static enum err put_hashes(const struct tiles *t, unsigned level, uint64_t index, unsigned width,
			   const struct tile_sink *to)
{
	char name[8], path[TILE_PATH_MAX];

	snprintf(name, sizeof(name), "%u", level);
	print_path(path, name, index, width);
	return to->put(to->ctx, path, t->levels[level].hashes[index * TILE_WIDTH],
		       (size_t)(width ? width : TILE_WIDTH) * SHA256_LEN);
}

static enum err put_bundle(const struct tiles *t, uint64_t index, unsigned width,
			   const struct tile_sink *to)
{
	CLEANUP(buf_clear) struct buf bundle = {0};
	uint64_t begin = index * TILE_WIDTH, end = begin + (width ? width : TILE_WIDTH);
	char path[TILE_PATH_MAX];

	for (uint64_t i = begin; i < end; i++) {
		size_t len = t->begins[i + 1] - t->begins[i] - 1;
		uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};

		TRY(buf_append(&bundle, prefix, sizeof(prefix)));
		TRY(buf_append(&bundle, t->text + t->begins[i], len));
	}
	print_path(path, "entries", index, width);
	return to->put(to->ctx, path, bundle.data, bundle.len);
}

static enum err put_tile(const struct tiles *t, unsigned level, uint64_t index, unsigned width,
			 const struct tile_sink *to)
{
	TRY(put_hashes(t, level, index, width, to));
	return level == 0 ? put_bundle(t, index, width, to) : OK;
}

enum err tiles_put_partial(const struct tiles *t, uint64_t size, const struct tile_sink *to)
{
	for (unsigned level = 0; level < LEVELS && size > 0; level++, size /= TILE_WIDTH)
		if (size % TILE_WIDTH)
			TRY(put_tile(t, level, size / TILE_WIDTH, (unsigned)(size % TILE_WIDTH),
				     to));
	return OK;
}

enum err tiles_put(const struct tiles *t, uint64_t size, const struct tile_sink *to)
{
	uint64_t hashes = size;

	for (unsigned level = 0; level < LEVELS && hashes > 0; level++, hashes /= TILE_WIDTH)
		for (uint64_t i = 0; i < hashes / TILE_WIDTH; i++)
			TRY(put_tile(t, level, i, 0, to));
	return tiles_put_partial(t, size, to);
}

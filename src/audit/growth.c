#include "audit/growth.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "audit/record.h"
#include "base/cursor.h"
#include "base/io.h"

#define MAGIC 0x31475456u /* "VTG1" */
#define MARK 64u	  /* bytes before the end that tell that it is the same file */
#define CACHE_MAX (4u + 8u + 8u + MARK + MERKLE_PEAKS * SHA256_LEN + SHA256_LEN)
#define PIECE (4u * LINE_MAX_LEN)

void growth_add(struct growth *g, const char *text, size_t len)
{
	const char *at = text, *end = text + len, *stop;
	uint8_t leaf[SHA256_LEN];

	while (at < end && (stop = memchr(at, '\n', (size_t)(end - at)))) {
		merkle_leaf(at, (size_t)(stop - at), leaf);
		merkle_add(&g->tree, leaf);
		at = stop + 1;
	}
	g->end += at - text;
}

/* ---- the help ---- */

static size_t mark_len(off_t end)
{
	return (size_t)MIN(end, (off_t)MARK);
}

static bool same_mark(int fd, off_t end, const uint8_t mark[MARK])
{
	uint8_t here[MARK] = {0};
	size_t len = mark_len(end);

	return io_pread_full(fd, here, len, end - (off_t)len) == OK &&
	       memcmp(here, mark, MARK) == 0;
}

static bool parse(struct reader r, int fd, off_t end, struct growth *ret)
{
	uint8_t mark[MARK];

	if (read_u32(&r) != MAGIC)
		return false;
	ret->tree.size = read_u64(&r);
	ret->end = (off_t)read_u64(&r);
	read_bytes(&r, mark, MARK);
	read_bytes(&r, ret->tree.peak, (size_t)merkle_peaks(ret->tree.size) * SHA256_LEN);
	return reader_done(&r) && ret->end > 0 && ret->end <= end && same_mark(fd, ret->end, mark);
}

static bool load(int fd, const char *cache, off_t end, struct growth *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t sum[SHA256_LEN];
	size_t len;

	if (io_read_own_file(cache, CACHE_MAX, &text) != OK || text.len < SHA256_LEN)
		return false;
	len = text.len - SHA256_LEN;
	sha256(text.data, len, sum);
	return memcmp(sum, text.data + len, SHA256_LEN) == 0 &&
	       parse(reader_make(text.data, len), fd, end, ret);
}

void growth_keep(const struct growth *g, int fd, const char *cache)
{
	uint8_t body[CACHE_MAX], mark[MARK] = {0}, sum[SHA256_LEN];
	struct writer w = writer_make(body, sizeof(body));
	CLEANUP(fd_closep) int out = -1;
	size_t len = mark_len(g->end);

	if (io_pread_full(fd, mark, len, g->end - (off_t)len) != OK) {
		err_clear();
		return;
	}
	write_u32(&w, MAGIC);
	write_u64(&w, g->tree.size);
	write_u64(&w, (uint64_t)g->end);
	write_bytes(&w, mark, MARK);
	write_bytes(&w, g->tree.peak, (size_t)merkle_peaks(g->tree.size) * SHA256_LEN);
	sha256(body, (size_t)(w.at - body), sum);
	write_bytes(&w, sum, SHA256_LEN);
	len = (size_t)(w.at - body);
	out = open(cache, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (!writer_ok(&w) || out < 0 || io_pwrite_full(out, body, len, 0) != OK ||
	    ftruncate(out, (off_t)len) != 0)
		err_clear();
}

/* ---- reading ---- */

/* A line that is longer than a piece is no line of ours; its leaf is taken all the same. */
static enum err read_lines(int fd, off_t end, struct growth *g)
{
	size_t cap = PIECE, len;
	char *piece = malloc(cap), *more;
	enum err err = piece ? OK : err_at(ERR_NOMEM, "log");

	while (err == OK && g->end < end) {
		off_t before = g->end;

		len = (size_t)MIN(end - g->end, (off_t)cap);
		err = io_pread_full(fd, piece, len, g->end);
		if (err != OK)
			break;
		growth_add(g, piece, len);
		if (g->end > before)
			continue;
		if (len < cap)
			break; /* what is left has no line feed */
		more = realloc(piece, 2 * cap);
		if (!more)
			err = err_at(ERR_NOMEM, "log");
		else
			piece = more, cap *= 2;
	}
	free(piece);
	return err;
}

enum err growth_read(int fd, const char *cache, off_t end, struct growth *ret)
{
	struct growth g = {0};

	if (!load(fd, cache, end, &g)) {
		err_clear();
		g = (struct growth){0};
	}
	TRY(read_lines(fd, end, &g));
	*ret = g;
	return OK;
}

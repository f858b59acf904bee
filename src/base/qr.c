#include "base/qr.h"
#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>
#include <string.h>

#define QUIET 4 /* modules around it, as the standard wants */

struct qr {
	QRcode *code;
};

enum err qr_make(const char *text, size_t len, struct qr **ret)
{
	struct qr *q;

	if (len == 0)
		return err_at(ERR_INVALID, "an empty text has no QR code");
	if (len > QR_TEXT_MAX)
		return err_at(ERR_TOO_BIG, "%zu bytes for a QR code", len);
	q = calloc(1, sizeof(*q));
	if (!q)
		return err_at(ERR_NOMEM, "QR code");
	errno = 0;
	q->code = QRcode_encodeData((int)len, (const unsigned char *)text, 0, QR_ECLEVEL_M);
	if (!q->code) {
		free(q);
		return err_at(errno == ENOMEM ? ERR_NOMEM : ERR_INVALID, "QR code");
	}
	*ret = q;
	return OK;
}

void qr_free(struct qr *q)
{
	if (!q)
		return;
	explicit_bzero(q->code->data, (size_t)q->code->width * (size_t)q->code->width);
	QRcode_free(q->code);
	free(q);
}

unsigned qr_size(const struct qr *q)
{
	return (unsigned)q->code->width;
}

bool qr_is_dark(const struct qr *q, unsigned x, unsigned y)
{
	unsigned width = qr_size(q);

	return x < width && y < width && (q->code->data[y * width + x] & 1) != 0;
}

/* The quiet zone is light too. */
static bool is_light(const struct qr *q, int x, int y)
{
	return x < 0 || y < 0 || !qr_is_dark(q, (unsigned)x, (unsigned)y);
}

static enum err put_half_blocks(const struct qr *q, struct buf *out)
{
	static const char *const blocks[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80", "\xe2\x96\x88"};
	int end = q->code->width + QUIET;

	for (int y = -QUIET; y < end; y += 2) {
		for (int x = -QUIET; x < end; x++) {
			unsigned upper = is_light(q, x, y);
			unsigned lower = y + 1 < end && is_light(q, x, y + 1);

			TRY(buf_puts(out, blocks[2 * upper + lower]));
		}
		TRY(buf_puts(out, "\n"));
	}
	return OK;
}

enum err qr_put_text(const struct qr *q, bool utf8, struct buf *out)
{
	int end = q->code->width + QUIET;

	if (utf8)
		return put_half_blocks(q, out);
	for (int y = -QUIET; y < end; y++) {
		for (int x = -QUIET; x < end; x++)
			TRY(buf_puts(out, is_light(q, x, y) ? "##" : "  "));
		TRY(buf_puts(out, "\n"));
	}
	return OK;
}

/* ---- SVG ---- */

static enum err put_escaped(const char *text, struct buf *out)
{
	for (const char *at = text; *at; at++) {
		switch (*at) {
		case '<':
			TRY(buf_puts(out, "&lt;"));
			break;
		case '&':
			TRY(buf_puts(out, "&amp;"));
			break;
		default:
			TRY(buf_append(out, at, 1));
		}
	}
	return OK;
}

/* Each run of dark modules in a row is one stroke of the path. */
static enum err put_row(const struct qr *q, unsigned y, struct buf *out)
{
	unsigned width = qr_size(q), x = 0;

	while (x < width) {
		unsigned run = 0;

		while (qr_is_dark(q, x + run, y))
			run++;
		if (run > 0)
			TRY(buf_printf(out, "M%u %uh%uv1h-%uz", x + QUIET, y + QUIET, run, run));
		x += run + 1;
	}
	return OK;
}

enum err qr_put_svg(const struct qr *q, const char *title, struct buf *out)
{
	unsigned side = qr_size(q) + 2 * QUIET;

	TRY(buf_printf(out,
		       "<svg class=\"qr\" viewBox=\"0 0 %u %u\" "
		       "role=\"img\" shape-rendering=\"crispEdges\"><title>",
		       side, side));
	TRY(put_escaped(title, out));
	TRY(buf_printf(out,
		       "</title><path fill=\"#fff\" d=\"M0 0h%uv%uH0z\"/><path fill=\"#000\" d=\"",
		       side, side));
	for (unsigned y = 0; y < qr_size(q); y++)
		TRY(put_row(q, y, out));
	return buf_puts(out, "\"/></svg>");
}

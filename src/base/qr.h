/* QR codes (ISO/IEC 18004) of short texts, for what people print, keep and scan again. 8-bit data,
 * error correction level M, the smallest version that holds the text. The door to libqrencode. No
 * threads share one. Freeing wipes the modules; copies that the library made while it encoded are
 * freed and not wiped, beyond our reach. */
#pragma once
#include <stdbool.h>
#include "base/buf.h"

#define QR_TEXT_MAX 2331u /* bytes in the largest code of that level */

struct qr;
/* ERR_TOO_BIG: longer than QR_TEXT_MAX; ERR_INVALID: empty; ERR_NOMEM. */
MUST_CHECK enum err qr_make(const char *text, size_t len, struct qr **ret);
void qr_free(struct qr *q);
DEFINE_FREEP(struct qr, qr_free)
unsigned qr_size(const struct qr *q); /* modules on a side, without the quiet zone */
bool qr_is_dark(const struct qr *q, unsigned x, unsigned y);
/* For a terminal, with the quiet zone: two rows a line in half blocks, or `##` a module where the
 * terminal has no UTF-8. Light modules are the drawn ones, as most terminals are dark. */
MUST_CHECK enum err qr_put_text(const struct qr *q, bool utf8, struct buf *out);
/* <svg …>…</svg> to stand in HTML, black on white with the quiet zone, one unit a module. `title`
 * is for readers of screens; it is escaped. */
MUST_CHECK enum err qr_put_svg(const struct qr *q, const char *title, struct buf *out);

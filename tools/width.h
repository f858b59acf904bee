/* Columns of text on a terminal: a kanji takes two, whatever the locale says. What is ambiguous
 * counts one, and our own texts avoid it. */
#pragma once
#include <stddef.h>
#include "base/buf.h"

#define WIDTH_LINE 79u

size_t width_of(const char *text);
/* `text`, then blanks up to `columns`; longer text is kept whole. */
MUST_CHECK enum err width_pad(struct buf *to, const char *text, size_t columns);
/* `text` as lines of at most WIDTH_LINE columns, each but the first indented by `indent`; the first
 * begins at column `at`. Breaks at blanks and between kanji or kana, never before a closing mark.
 * Line ends in `text` stay. A line end closes it. */
MUST_CHECK enum err width_wrap(struct buf *to, const char *text, size_t at, size_t indent);

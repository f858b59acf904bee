/* Text: UTF-8 checks, hex, base64, and RFC 3339 times. Nothing here depends on the locale. */
#pragma once
#include <stdbool.h>
#include <time.h>
#include "base/err.h"

bool text_is_utf8(const char *s, size_t len); /* strict: no surrogates, no overlong forms */
/* UTF-16 units that `s` needs: a byte that is not part of valid UTF-8 counts one unit. */
size_t text_utf16_units(const char *s, size_t len);
/* Copies as much as fits, always NUL-terminated. */
void text_copy(char *out, size_t cap, const char *text);
void text_hex(const void *data, size_t len, char *out); /* lower case; out has 2*len+1 bytes */
/* Exactly len bytes from 2*len hex digits, either case; ERR_BAD_FORMAT otherwise. */
MUST_CHECK enum err text_unhex(const char *hex, void *out, size_t len);

/* How many bytes of `text` are whole lines, with their line feeds; a crash may have left half of one. */
size_t text_whole_lines(const char *text, size_t len);

/* RFC 4648 base64, standard alphabet. Encoded length without NUL: */
size_t text_base64_len(size_t len, bool padded);
void text_base64(const void *data, size_t len, bool padded, char *out); /* NUL-terminated */
/* Strict: canonical bits, padding exactly as `padded` says, nothing else in the text. */
MUST_CHECK enum err text_unbase64(const char *text, size_t text_len, bool padded, void *out,
				  size_t cap, size_t *ret_len);
/* "2026-11-22T09:14:03+09:00" in the local zone; out has 26 bytes at least. */
void text_time(time_t t, char out[32]);
/* Back, in any zone, to seconds since 1970; ERR_BAD_FORMAT for any other text. `text` needs no NUL. */
MUST_CHECK enum err text_untime(const char *text, size_t len, int64_t *ret);

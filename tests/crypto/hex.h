/* Published vectors are written as hex or as text; these helpers bring them to bytes and back. */
#pragma once
#include "tests/check.h"
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "crypto/secret.h"

struct bytes {
	uint8_t *data;
	size_t len;
};

static inline void bytes_clear(struct bytes *b)
{
	free(b->data);
}

static inline struct bytes from_hex(const char *hex)
{
	struct bytes b = {.len = strlen(hex) / 2};

	b.data = malloc(b.len + 1);
	assert_non_null(b.data);
	assert_ok(text_unhex(hex, b.data, b.len));
	return b;
}

/* Freed when the block ends. */
#define HEX(name, hex) CLEANUP(bytes_clear) struct bytes name = from_hex(hex)

static inline void assert_hex(const void *data, size_t len, const char *want)
{
	char *got = malloc(2 * len + 1);

	assert_non_null(got);
	text_hex(data, len, got);
	if (strcmp(got, want) != 0)
		fail_msg("%s, not %s", got, want);
	free(got);
}

static inline int start_crypto(void **state)
{
	return crypto_init() == OK ? 0 : -1;
}

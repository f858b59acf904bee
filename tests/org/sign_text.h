/* Any text under a good signature, so that what is refused is refused for its form. */
#pragma once
#include "base/buf.h"
#include "crypto/sign.h"

/* Appends `body` and the line of its signature. Fails the process when out of memory. */
void sign_text(const struct sign_key *key, const char *body, size_t len, struct buf *out);
/* The same key every time for the same word. To be freed. */
struct sign_key *key_named(const char *word);

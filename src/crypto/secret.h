/* Secret bytes: guarded, locked memory that is wiped when it is freed.
 *
 * A secret's length is fixed at birth. There is no printer. Comparison is constant-time. Memory
 * comes from sodium_malloc (guard pages, kept out of core dumps, locked where the system allows).
 * Not inherited usefully by fork: a child gets a copy that it must free. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct secret;

/* Once a process, before anything else of crypto: sets up the libraries, turns core dumps off. */
MUST_CHECK enum err crypto_init(void);

MUST_CHECK enum err secret_new(size_t len, struct secret **ret); /* zero-filled; len 0 is welcome */
MUST_CHECK enum err secret_copy(const void *data, size_t len, struct secret **ret);
MUST_CHECK enum err secret_random(size_t len, struct secret **ret);
void secret_free(struct secret *s); /* wipes; NULL is welcome */
DEFINE_FREEP(struct secret, secret_free)
size_t secret_len(const struct secret *s);
const uint8_t *secret_data(const struct secret *s); /* borrowed */
uint8_t *secret_edit(struct secret *s);             /* borrowed, writable */
void secret_shrink(struct secret *s, size_t len);   /* forgets (and wipes) the bytes behind len */
bool secret_equal(const struct secret *a, const struct secret *b);

bool mem_equal(const void *a, const void *b, size_t len); /* constant-time */
void mem_wipe(void *p, size_t len);                       /* not optimised away */

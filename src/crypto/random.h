/* Random bytes from the kernel (getrandom). Never fails once crypto_init succeeded: it aborts the
 * process rather than hand out predictable bytes. Nothing is kept across calls, so a process that
 * is cloned or resumed from a snapshot does not repeat itself beyond one call. */
#pragma once
#include <stddef.h>

void random_bytes(void *out, size_t len);
/* Tests only: replaces the source; NULL puts the kernel back. */
void random_override(void (*source)(void *out, size_t len));

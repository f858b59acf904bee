#include "crypto/random.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static void (*override)(void *out, size_t len);

void random_bytes(void *out, size_t len)
{
	uint8_t *p = out;

	if (override) {
		override(out, len);
		return;
	}
	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			perror("the kernel gives no random bytes");
			abort();
		}
		p += n;
		len -= (size_t)n;
	}
}

void random_override(void (*source)(void *out, size_t len))
{
	override = source;
}

/* What a fuzzer includes: the door that libFuzzer and tests/fuzz_main.c call, and the end of a run
 * in which something that must hold did not. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/cursor.h"
#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* How many times fewer mutations the ordinary suite tries than of a cheap fuzzer; 1 unless a fuzzer
 * defines it. */
extern const unsigned fuzz_cost;

#define MUST(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #what,     \
				err_detail());                                                     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Keys live to the end in guarded memory, which the leak checker cannot look through. What a single
 * input leaks it would not show either; the tests of the module do. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}

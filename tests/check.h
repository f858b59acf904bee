/* What every test program includes: cmocka with the headers it wants before it, and two helpers. */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/err.h"

/* The step must succeed; on failure its code and detail are shown. */
#define assert_ok(step)                                                                            \
	do {                                                                                       \
		enum err check_err_ = (step);                                                      \
		if (check_err_ != OK)                                                              \
			fail_msg("%s: %s (%s)", #step, err_name(check_err_), err_detail());        \
	} while (0)
/* The step must fail with exactly this code. */
#define assert_err(step, want)                                                                     \
	do {                                                                                       \
		enum err check_err_ = (step);                                                      \
		if (check_err_ != (want))                                                          \
			fail_msg("%s: %s, not %s (%s)", #step, err_name(check_err_),               \
				 err_name(want), err_detail());                                    \
	} while (0)
/* Leaves the story out and says why. */
#define skip_because(why)                                                                          \
	do {                                                                                       \
		print_message("# skip: %s\n", (why));                                             \
		skip();                                                                            \
	} while (0)

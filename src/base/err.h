/* Errors: what a fallible function returns, and the words that go with it.
 *
 * A function returns OK or one code of err_table.h, nothing else; results go out through the last
 * parameters and are untouched on failure. The code is what programs act on. A detail text (place,
 * object, value at fault; never a key, a passphrase or file content) may be kept beside it, one a
 * thread, replaced by the next err_at(). */
#pragma once
#include <errno.h>
#include "base/macros.h"

#define N_(s) s /* marks a text for translation without translating it here */

enum err {
	OK = 0,
#define ERR(name, number, errno_, exit_, message) ERR_##name = number,
#include "base/err_table.h"
#undef ERR
};

/* Facts of a code, straight from the table. err_message is English and untranslated. */
const char *err_name(enum err err);
const char *err_message(enum err err);
int err_errno(enum err err);     /* positive errno for the kernel; 0 for OK */
int err_exit_code(enum err err); /* docs/CLI.md, exit codes */

/* Returns `err`, keeping a detail text for this thread (cut at 511 bytes). */
enum err err_at(enum err err, const char *format, ...) PRINTF_LIKE(2, 3);
/* Returns `err` with the detail "<what>: <strerror(errno)>"; `what` names the object. */
enum err err_errno_at(enum err err, const char *format, ...) PRINTF_LIKE(2, 3);
/* The code that fits errno best (ENOSPC -> ERR_NO_SPACE, ENOMEM -> ERR_NOMEM, EROFS ...), with a
 * detail as err_errno_at gives it. */
enum err err_from_errno(const char *format, ...) PRINTF_LIKE(1, 2);
/* The detail kept last on this thread; "" when there is none. */
const char *err_detail(void);
void err_clear(void);

/* Leaves the function with the code of a step that failed. */
#define TRY(step)                                                                                  \
	do {                                                                                       \
		enum err try_err_ = (step);                                                        \
		if (try_err_ != OK)                                                                \
			return try_err_;                                                           \
	} while (0)

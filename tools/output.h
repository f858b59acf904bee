/* Where results and talk go: results to stdout, as sentences and data for people or as JSON Lines;
 * talk to stderr. What a terminal would obey (control characters in names) is shown as "?". */
#pragma once
#include <jansson.h>
#include "tools/cli.h"

/* A result in words: stdout, not with --json or -q. The line end is added. */
void out_say(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* Data for people: stdout, not with --json. */
void out_line(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* One JSON line of that type, with --json only. Takes `fields` over (NULL: out of memory). */
MUST_CHECK enum err out_json(const struct cli *cli, const char *type, json_t *fields);
/* What is no result: stderr, not with -q. */
void out_talk(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* What must not stay unsaid: stderr, and a line of type "warning" with --json. */
void out_warn(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* ERR_IO when stdout did not take everything. */
MUST_CHECK enum err out_finish(void);

/* Text that may be no UTF-8 (a file name), as JSON; what is no UTF-8 becomes U+FFFD. */
json_t *out_json_text(const char *text);
/* "214 MB", "1.2 GB", "12 bytes". */
void out_size(uint64_t bytes, char out[32]);
/* Replaces what a terminal would obey, in place. Line ends stay. */
void out_clean(char *text);

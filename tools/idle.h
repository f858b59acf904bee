/* Times without use, as people say them: 90s, 15m, 2h, never (0). */
#pragma once
#include "tools/cli.h"

/* ERR_USAGE; at most 30 days. */
MUST_CHECK enum err idle_parse(const char *text, unsigned *ret_seconds);
void idle_print(unsigned seconds, char out[24]);
/* The time that --idle says, or the one that holds without: 15 minutes, or what the register says.
 * ERR_POLICY when it is longer than the register allows. */
MUST_CHECK enum err idle_choose(struct cli *cli, const char *wanted, unsigned *ret_seconds);

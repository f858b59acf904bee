/* Telling a person what went wrong: what happened, what is still safe, what to do next. */
#pragma once
#include "tools/cli.h"

/* The error, its detail, the hints of this command and those that belong to the code; with --json
 * also a line of type "error". Gives the exit code. OK says nothing and gives 0. */
int report_err(struct cli *cli, enum err err);
/* One thing among many that failed: the first line only. */
void report_part(struct cli *cli, enum err err);

/* The table of exit codes: what each says, for help and the manual. */
struct exit_code {
	int code;
	const char *meaning; /* N_() */
};
extern const struct exit_code exit_codes[];
extern const size_t exit_code_count;

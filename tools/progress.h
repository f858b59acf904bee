/* Progress of work that takes more than a second: one line that rewrites itself on a terminal, now
 * and then a plain line elsewhere, JSON Lines with --json. */
#pragma once
#include "tools/cli.h"

struct progress {
	const struct cli *cli;
	const char *what; /* translated, borrowed: "copying" */
	uint64_t total;	  /* bytes; 0: not known */
	uint64_t done;
	int64_t begun_ms, shown_ms;
	int64_t pause_ms; /* between what is shown */
	bool shown, on_line;
};

void progress_begin(struct progress *p, const struct cli *cli, const char *what, uint64_t total);
void progress_set(struct progress *p, uint64_t done);
void progress_end(struct progress *p); /* leaves the line clean */
/* Before something else is printed: takes the line away. */
void progress_pause(struct progress *p);

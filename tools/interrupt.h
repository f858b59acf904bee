/* Ctrl-C during work that must be put away properly first. */
#pragma once
#include <stdbool.h>

/* From now on SIGINT, SIGTERM and SIGHUP only set a mark; the second one ends the program. */
void interrupt_watch(void);
bool interrupt_seen(void);

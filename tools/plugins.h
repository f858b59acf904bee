/* Where age plugins live, and how they reach the person: one folder that the installation names, or
 * $PVAULT_PLUGINS; never PATH (age/plugin.h says why). */
#pragma once
#include "age/plugin.h"
#include "tools/cli.h"

/* Borrows `cli`. */
void plugins_host(struct cli *cli, struct age_plugin_host *ret);

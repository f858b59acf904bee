/* The parts of docs/CLI.md that are made from tables, as Markdown: verbs, options, exit codes. */
#pragma once
#include "base/buf.h"

MUST_CHECK enum err manual_print(struct buf *to);

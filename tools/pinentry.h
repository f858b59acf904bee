/* Asking through pinentry, the window (or curses page) that GnuPG uses too: a child process that
 * speaks lines of the Assuan protocol. For a desktop without a terminal. */
#pragma once
#include "crypto/secret.h"

/* PVAULT_PINENTRY names another program. `trouble` may be NULL. ERR_NO_ANSWER when there is none,
 * ERR_CANCELLED. */
MUST_CHECK enum err pinentry_ask(const char *question, const char *trouble, struct secret **ret);

/* What others see of the command line: the list of processes shows it to every user, and the system's
 * journal keeps it beside each record that is sent there (its field _CMDLINE). Names of files and people
 * must not get there, so the program works with a copy and overwrites the words; the program's name and
 * the verb stay. One thread, at the start. */
#pragma once
#include "base/err.h"

struct verb;

/* A copy of argv and of all its words, NULL at its end. Freed with proctitle_free(). */
MUST_CHECK enum err proctitle_copy(int argc, char *const *argv, char ***ret);
void proctitle_free(char **copy);
/* Overwrites the words of argv, which are lost. Nothing where the verb's words tell no contents
 * (`public_words`). verb may be NULL. */
void proctitle_hide(int argc, char **argv, const struct verb *verb);

/* The terminal a person sits at, whatever stdin and stdout are. */
#pragma once
#include <stdbool.h>
#include "crypto/secret.h"

bool tty_there(void);
/* One line with the echo off; what was typed before the question is dropped. The line end is not
 * part of it. ERR_NO_ANSWER without a terminal, ERR_CANCELLED at its end, ERR_INTERRUPTED. */
MUST_CHECK enum err tty_ask(const char *question, struct secret **ret);
/* The same with what is typed on the screen: no secret. */
MUST_CHECK enum err tty_ask_shown(const char *question, struct secret **ret);
/* Shows `text`, waits for Enter and takes the text off the screen where that is possible. */
MUST_CHECK enum err tty_show_once(const char *text);

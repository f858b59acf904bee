/* Asking for one line without showing it: from --passphrase-fd, the terminal, or pinentry. */
#pragma once
#include "tools/cli.h"

/* What a person should hear when the answer turns out wrong. Nothing of the answer itself. */
struct prompt_notes {
	bool was_wide;	/* typed with the input method on; folded to what was meant */
	bool all_upper; /* letters, and no small one among them */
	bool not_ascii; /* still not plain letters after folding */
};

enum prompt_source { PROMPT_FD, PROMPT_TERMINAL, PROMPT_PINENTRY, PROMPT_NOBODY };
/* Where the next answer will come from. */
enum prompt_source prompt_source(const struct cli *cli);

/* `question` ends in ": " or the like; `trouble` (may be NULL) says what was wrong last time.
 * ERR_NO_ANSWER when there is nobody to ask, ERR_CANCELLED at the end of the input. */
MUST_CHECK enum err prompt_secret(const struct cli *cli, const char *question, const char *trouble,
				  struct secret **ret, struct prompt_notes *ret_notes);
/* Shows `text` at the terminal, waits for Enter, and takes it off the screen again. */
MUST_CHECK enum err prompt_show_once(const char *text);

/* NFKC: full-width letters become what the keyboard meant. Wipes what it leaves behind.
 * ERR_INVALID for text that is no UTF-8. */
MUST_CHECK enum err prompt_fold(const struct secret *typed, struct secret **ret,
				struct prompt_notes *ret_notes);

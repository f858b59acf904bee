/* The society's recovery key from its sheets of paper: out of files, or typed line by line. */
#pragma once
#include "org/paper.h"
#include "tools/cli.h"

/* From the files that --sheet names, else asked for, as many as are needed. The lines are asked for
 * after any passphrase. ERR_BAD_FORMAT naming the line at fault, ERR_NO_ANSWER when sheets are missing,
 * ERR_NO_KEY_FITS for sheets that do not belong together. */
MUST_CHECK enum err sheets_read(struct cli *cli, struct age_identity **ret);

/* The language of messages. */
#pragma once

/* Chooses from --lang (NULL: not given) and the environment, and finds the catalogue: beside the
 * program in a build folder, below the program's own prefix, or where it was configured to be. */
void locale_setup(const char *lang);
/* The folder of the running program; "" when the system does not tell. */
const char *locale_program_dir(void);

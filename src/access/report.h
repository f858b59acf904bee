/* What a host says of itself in the register: which staff keys and device secrets it keeps, which
 * it destroyed, and what it saw last of each vault. Private to access; docs/FORMAT.md, "Register",
 * kind report. */
#pragma once
#include "org/roster.h"

/* Writes a report when it says something else than the last one. ERR_HOST_UNKNOWN: the host is not
 * on the register; ERR_REVOKED_HOST: it was revoked, and nothing was destroyed since its last word.
 */
MUST_CHECK enum err report_write(struct home *h, struct org_register *r,
				 const struct roster *roster, bool *ret_written);

/* The certificate of an erasure (消去・廃棄証跡): what was destroyed, how, and what may remain. */
#pragma once
#include "tools/lending.h"

struct certificate {
	char id[LEDGER_ID], number[33], label[65], product[ROSTER_TEXT], serial[ROSTER_TEXT];
	char capacity[33], category[33], volume_hex[2 * VOLUME_ID_LEN + 1];
	char device_hex[33]; /* names the device secret without telling it */
	char reason[ROSTER_TEXT], when[32];
	bool separated, overwritten, verified;
	struct buf pending; /* names of computers that have not confirmed */
};
void certificate_begin(const struct officer *o, const struct roster_medium *m, const char *reason,
		       struct certificate *ret);
void certificate_clear(struct certificate *c);
MUST_CHECK enum err certificate_draft(const struct certificate *c, struct draft *draft);
MUST_CHECK enum err certificate_pending(const struct officer *o, const struct roster_medium *m,
					struct certificate *c);
/* In the language that is set, appended. */
MUST_CHECK enum err certificate_print(const struct officer *o, const struct certificate *c,
				      struct buf *out);

/* What the verbs of the lending ledger share. */
#pragma once
#include "org/ledger.h"
#include "tools/officer.h"

/* The register for somebody on the staff who is not revoked; asks for the passphrase. */
MUST_CHECK enum err lending_begin(struct cli *cli, struct officer *ret);
/* The medium of that number, label or serial. ERR_MEDIUM_UNKNOWN. */
MUST_CHECK enum err lending_medium(struct officer *o, const char *name,
				   const struct roster_medium **ret);
/* An event about a medium, with copies of what it needs; `id` of a checkout, or NULL. */
struct lending_event {
	struct audit_event event;
	char volume_hex[2 * VOLUME_ID_LEN + 1], label[65], number[33], serial[ROSTER_TEXT];
	char id[LEDGER_ID];
};
void lending_event(const struct roster_medium *m, const char *id, enum audit_code code,
		   struct lending_event *ret);

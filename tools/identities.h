/* What --identity names: files with keys as age has them, beside the staff key:
 * AGE-SECRET-KEY-1..., AGE-PLUGIN-NAME-1..., or an ssh-ed25519 private key without a passphrase. */
#pragma once
#include "age/plugin.h"
#include "age/ssh_identity.h"
#include "tools/cli.h"

struct identities {
	struct age_identity **own; /* owned, each of them, too */
	size_t own_count;
	struct age_ssh_identity **ssh; /* likewise */
	size_t ssh_count;
	struct age_plugin **plugins; /* likewise */
	size_t plugin_count;
	const struct age_identity **all; /* owned list: the staff key if there is one, then `own` */
	size_t all_count;
	struct age_recipient *recipients; /* owned: of `own` */
	struct age_unwrapper *unwrappers; /* owned */
	size_t unwrapper_count;
};
/* `staff` is borrowed, and may be NULL. ERR_USAGE, ERR_BAD_FORMAT, ERR_NOT_SUPPORTED with the
 * file's name. */
MUST_CHECK enum err identities_read(struct cli *cli, const struct age_plugin_host *host,
				    const struct age_identity *staff, struct identities *ret);
void identities_clear(struct identities *i);
/* Whether the recipient that a manifest names by this text is one of these. Of a plugin only the
 * program is known that both belong to. */
bool identities_stand_for(void *ctx, const char *text);

/* Which vault a medium holds, told from its KEY files and this host's keyring; no content is
 * opened, and nothing is changed. */
#pragma once
#include "access/vault.h"

struct vault_identity {
	uint8_t volume_id[VOLUME_ID_LEN], device_id[16];
	char label[VAULT_LABEL_MAX + 1]; /* as this host knows it; "" when it does not */
	bool separated;
};
/* `path` is a .VLT folder. Errors as for vault_open before the store. The caller leaves the record
 * of what it is for. */
MUST_CHECK enum err vault_identify(const struct vault_actor *actor, const char *path,
				   struct vault_identity *ret);

/* The recovery key at work: the society's last key, put together from paper (org/paper.h), opens the
 * vaults that are sealed to it, with the device secrets that were kept for it (access/escrow.h).
 * docs/FORMAT.md, "Escrow" and "Recovery sheet". */
#pragma once
#include "access/vault.h"
#include "org/roster.h"

struct vault_recovery {
	const struct vault_actor *actor; /* who sits there: acts and signs, on a host of the society */
	const struct age_identity *key;	 /* of the sheets */
	const char *path;		 /* of the .VLT folder */
	const struct age_recipient *to;	 /* gets in; with the actor's own key, also the device secret */
	const char *ticket_path;	 /* the device secret for them; NULL: no ticket */
};
/* Lets one more person in. Shows no content. The record `key_recover` comes before the medium is
 * changed. Whoever has the sheets needs no permission; revocations hold all the same.
 * ERR_NO_KEY_FITS: the vault is not sealed to this key; ERR_NOT_ENROLLED: no device secret of it was
 * kept; ERR_REVOKED_*, ERR_NOT_ON_STAFF; and as vault_grant. */
MUST_CHECK enum err vault_recover(const struct vault_recovery *what, struct vault_facts *ret);

/* Drills: proofs that show nothing, change nothing and leave no record; the caller leaves one. */

/* A device secret of the volume was kept for this key, and opens. ERR_NOT_FOUND, ERR_NO_KEY_FITS,
 * ERR_BAD_FORMAT. */
MUST_CHECK enum err recovery_try_escrow(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
					const struct age_identity *key);
/* The KEY files of the vault at `path` open with the key, and their proof fits the device secret that
 * was kept. Sets *ret_id as far as it is known even then when the rest fails. Errors as vault_recover. */
MUST_CHECK enum err recovery_try_vault(const struct vault_actor *actor, const char *path,
				       const struct age_identity *key,
				       uint8_t ret_id[VOLUME_ID_LEN]);

/* Salvaging a vault that is too damaged to be opened: the keys are asked for as ever, the records
 * are left as ever (unlock, salvage, lock), and the medium is only read. */
#pragma once
#include "access/vault.h"
#include "volume/salvage.h"

struct vault_salvage {
	const struct salvage_sink *sink; /* where the files go; borrowed */
	salvage_progress_fn searching;	 /* while all of the medium is read; may be NULL */
	void (*missing)(void *ctx,
			const char *file); /* a file of the medium that is missing or short */
	void (*found)(void *ctx, const struct salvage_facts *facts); /* before any file comes out */
	void *ctx;						     /* of these three */
};
struct vault_salvaged {
	char label[VAULT_LABEL_MAX +
		   1]; /* as the volume says, else as this host knows it, else "" */
	char volume_id[2 * STORE_ID_LEN + 1];
	bool older_than_seen; /* this host saw a newer state of it */
	struct salvage_facts found;
	struct salvage_result result;
};

/* `path` is a .VLT folder, or what is left of one. ERR_SALVAGE_LOSS: what was told as flaws is
 * lost, hurt or not sure; all else came out. OK: everything did. Other errors as vault_open has
 * them, but never ERR_ROLLBACK, and ERR_NO_STATE only when no block at all opens. *ret tells how
 * far it got. */
MUST_CHECK enum err vault_salvage(const struct vault_actor *actor, const char *path,
				  const char *purpose, const struct vault_salvage *how,
				  struct vault_salvaged *ret);

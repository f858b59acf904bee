/* Copies of device secrets for the recovery key: a ticket each, sealed to it, on the hosts and in
 * the exchange folder, never on the medium. They can be destroyed, and are, with the medium's
 * revocation. Each host that has the secret makes a copy of its own, so that nobody can keep the
 * true ones out by putting a false one in their place. docs/FORMAT.md, "Escrow". */
#pragma once
#include "org/roster.h"

#define ESCROW_NAME 104u /* VOLUME-DEVICE-KEY-HOST.age and NUL */

/* Puts one there unless it is. No society, no recovery key or no device secret: nothing to do. */
MUST_CHECK enum err escrow_keep(struct home *h, const struct roster *roster, const struct device *d,
				const struct age_identity *issuer);
/* Opens every copy of the volume for this key, and gives them to fn until it says OK; it may take the
 * device over, leaving it all-zero. ERR_NOT_FOUND when there is none; else what fn said last, or why
 * the last one did not open: ERR_BAD_FORMAT, ERR_NO_KEY_FITS, ERR_SENDER. */
MUST_CHECK enum err escrow_each(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
				const struct age_identity *recovery,
				enum err (*fn)(void *ctx, struct device *d), void *ctx);
/* Two folders of copies, `here` of this host: both get what the other has, and neither keeps what
 * belongs to a revoked medium, or to an older recovery key than one that the same host made a copy for.
 * What the folder `there` has of this host and is not as here is put right. `fault` hears of everything
 * that is no copy or cannot be copied, and nothing else is kept from being exchanged. */
struct escrow_exchange {
	const char *here, *there;
	const char *host_id;
	const struct roster *roster;
	enum err (*fault)(void *ctx, enum err what, const char *name);
	void *ctx;
	size_t came, went; /* set */
};
MUST_CHECK enum err escrow_exchange(struct escrow_exchange *x);

/* Copies of device secrets for the recovery key: a ticket each, sealed to it, on the hosts and in
 * the exchange folder, never on the medium. They can be destroyed, and are, with the medium's
 * revocation. docs/FORMAT.md, "Escrow". */
#pragma once
#include "org/roster.h"

/* Puts one there unless it is. No society, no recovery key or no device secret: nothing to do. */
MUST_CHECK enum err escrow_keep(struct home *h, const struct roster *roster, const struct device *d,
				const struct age_identity *issuer);
/* Opens the newest of the volume. ERR_NOT_FOUND, ERR_NO_KEY_FITS, and as ticket_open. */
MUST_CHECK enum err escrow_open(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
				const struct age_identity *recovery, struct device *ret);
/* With the folder `base` of the society: both get what the other has, and neither keeps what
 * belongs to a revoked medium. */
MUST_CHECK enum err escrow_exchange(struct home *h, const struct roster *roster, const char *base,
				    size_t *ret_came, size_t *ret_went);

/* Device secrets: the half of a vault's key that lives on enrolled hosts only, never on the medium.
 * Kept as one age file for each staff key of this host that has it; carried to another person as a
 * ticket.
 * docs/FORMAT.md, "Device secret" and "Ticket". */
#pragma once
#include "age/identity.h"
#include "age/recipient.h"
#include "org/home.h"

#define DEVICE_SECRET_LEN 32u
#define VOLUME_ID_LEN 16u

struct device {
	uint8_t volume_id[VOLUME_ID_LEN];
	uint8_t device_id[16]; /* names the secret without telling it */
	char label[65];
	uint8_t issuer_vkey[SIGN_VKEY_LEN]; /* who made the vault or issued the ticket */
	struct secret *secret;		    /* owned, DEVICE_SECRET_LEN bytes */
};
void device_clear(struct device *d); /* wipes; all-zero is welcome */

/* Replaces what these people had for the vault; other people's stay. */
MUST_CHECK enum err device_save(struct home *h, const struct device *d,
				const struct age_recipient *to, size_t to_count);
/* Removes what `who` has for the vault, if anything. */
void device_forget(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
		   const struct age_recipient *who);
/* ERR_NOT_ENROLLED when nobody on this host has one; ERR_NO_KEY_FITS when only others have. */
MUST_CHECK enum err device_load(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
				const struct age_identity *id, struct device *ret);

/* A ticket for `to`, signed by `issuer`. */
MUST_CHECK enum err ticket_write(const char *path, const struct device *d,
				 const struct age_recipient *to, const struct age_identity *issuer);
/* ERR_NO_KEY_FITS when it is for someone else; ERR_BAD_FORMAT, ERR_AGE_PAYLOAD, ERR_SENDER. */
MUST_CHECK enum err ticket_open(const char *path, const struct age_identity *id, struct device *ret);

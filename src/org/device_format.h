/* The bytes of a device secret, as its file and a ticket carry them. Private to org. */
#pragma once
#include "base/cursor.h"
#include "org/device.h"

#define DEVICE_MAGIC "VLTDEV01"
#define DEVICE_LEN (8u + VOLUME_ID_LEN + 16u + SIGN_VKEY_LEN + DEVICE_SECRET_LEN + 65u)
#define TICKET_MAGIC "VLTTKT01"
#define TICKET_LEN (8u + X25519_LEN + SIGN_VKEY_LEN + 8u + DEVICE_LEN + SIGN_LEN)

void device_encode(const struct device *d, struct writer *w);
/* ERR_BAD_FORMAT; bytes behind it are the caller's to judge. *ret is to be cleared. */
MUST_CHECK enum err device_decode(struct reader *r, struct device *ret);
/* The opened payload of a ticket for `me`. ERR_BAD_FORMAT, ERR_SENDER. */
MUST_CHECK enum err ticket_decode(const uint8_t *data, size_t len, const struct age_recipient *me,
				  struct device *ret);

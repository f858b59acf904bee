/* KEYn.AGE: who may open the vault, sealed to them: the epoch share A, the recipients, a signature.
 * Always DISK_FIXED_LEN bytes; dummy stanzas hide how many people there are. The file needs a staff
 * key to open and the device secret to prove. Behind the age file stand the keys of older epochs. docs/FORMAT.md, "KEY file". */
#pragma once
#include "access/older_keys.h"
#include "age/identity.h"
#include "age/recipient.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "store/disk.h"

#define KEYFILE_RECIPIENTS_MAX 200u

struct keyfile {
	uint8_t volume_id[16];
	uint8_t device_id[16];
	uint32_t epoch;
	uint64_t sequence;
	int64_t created;
	bool separated;	      /* false: no device secret, the share alone opens it */
	struct secret *share; /* owned, 32 bytes */
	struct age_recipient *recipients; /* owned */
	size_t recipient_count;
	uint8_t signer_vkey[SIGN_VKEY_LEN];
	struct older_keys older; /* owned; known once the file was proved */
	uint8_t sha256[SHA256_LEN]; /* of the whole file as read or written */
};
void keyfile_clear(struct keyfile *k);
/* A copy with everything that is owned. */
MUST_CHECK enum err keyfile_clone(const struct keyfile *k, struct keyfile *ret);

/* The epoch key from share and device secret (NULL when not separated). */
MUST_CHECK enum err keyfile_epoch_key(const struct keyfile *k, const struct secret *device,
				      struct secret **ret);
/* What a store is opened with; borrows the keys. */
void keyfile_door(const struct keyfile *k, const struct secret *epoch_key, struct store_door *ret);
/* Seals `k` (sha256, signer_vkey are set) and writes it to `area`, flushed. */
MUST_CHECK enum err keyfile_write(struct disk *disk, enum disk_area area, struct keyfile *k,
				  const struct secret *epoch_key, const struct sign_key *signer);
/* The file at `from`, which must still be `k`, with k->older as its older keys, goes to the place `to`,
 * flushed (sha256 is set). Needs nobody's staff key: the age file stays as it is. */
MUST_CHECK enum err keyfile_rewrite_older(struct disk *disk, enum disk_area from, enum disk_area to,
					  struct keyfile *k, const struct secret *epoch_key);
/* Opens the age envelope and checks form and signature; the proof against the device secret comes
 * with keyfile_prove. ERR_NO_KEY_FITS when `id` is no recipient; ERR_FORGED for damage. */
MUST_CHECK enum err keyfile_read(struct disk *disk, enum disk_area area,
				 const struct age_identity *id, struct keyfile *ret);
/* ERR_FORGED when the file was not made by somebody who has share and device secret. Then the older
 * keys are opened: k->older is set. */
MUST_CHECK enum err keyfile_prove(struct disk *disk, enum disk_area area, struct keyfile *k,
				  const struct secret *epoch_key);

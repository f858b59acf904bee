/* The superblock: one state of the volume in a slot of HEAD0 or HEAD1, sealed and signed.
 * Generation g goes to HEAD(g mod 2), slot (g / 2) mod 16. docs/FORMAT.md, "Superblock". */
#pragma once
#include "store/seal.h"

enum super_flag { SUPER_OPEN = 1, SUPER_CLEAN = 2 };

struct super {
	uint64_t generation;
	uint32_t epoch;
	uint32_t flags;
	uint8_t volume_id[STORE_ID_LEN];
	uint8_t session_id[STORE_ID_LEN];
	int64_t time; /* seconds since 1970 */
	uint8_t previous_sha256[SHA256_LEN]; /* of the slot before */
	uint8_t keyfile_sha256[SHA256_LEN];
	struct ref root; /* null: the map is empty */
	uint8_t depth;	 /* levels of the tree; 0 when empty */
	uint64_t used_blocks;
	uint8_t user[STORE_USER_LEN];
	uint8_t host_vkey[SIGN_VKEY_LEN];
	uint8_t session_vkey[SIGN_VKEY_LEN];
	uint8_t session_cert[SIGN_LEN]; /* the host's signature of session id and key */
};

unsigned super_slot(uint64_t generation); /* index 0 to 31: HEAD0's slots, then HEAD1's */
enum disk_area super_area(unsigned slot);
uint64_t super_offset(unsigned slot);

/* The host's word that this session key is its own. */
void super_certify(const struct sign_key *host, const uint8_t volume_id[STORE_ID_LEN],
		   const uint8_t session_id[STORE_ID_LEN], const uint8_t session_vkey[SIGN_VKEY_LEN],
		   uint8_t ret_cert[SIGN_LEN]);
/* Signs with the session key and seals. */
MUST_CHECK enum err super_encode(const struct super *sb, const struct sealer *sealer,
				 const struct sign_key *session, uint8_t out[FORMAT_SLOT_LEN]);
/* ERR_FORGED: not a slot under this sealer, or signatures or volume do not fit. ERR_NEWER_FORMAT. */
MUST_CHECK enum err super_decode(const uint8_t slot[FORMAT_SLOT_LEN], unsigned index,
				 const struct sealer *sealer,
				 const uint8_t volume_id[STORE_ID_LEN], struct super *ret);
/* The slow part of trust, asked once for the state that is opened. */
MUST_CHECK enum err super_verify(const uint8_t slot[FORMAT_SLOT_LEN], unsigned index,
				 const struct sealer *sealer, const struct super *sb);

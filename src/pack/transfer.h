/* Sending and receiving a pack as a deed of a person on a host: with its record, and with the
 * question who sent it. No front end makes or opens a pack past these. The record of sending is
 * written when the pack is complete, that of receiving before anything is released; where it cannot
 * be written, nothing comes into being (ERR_LOG_WRITE). Refusals are recorded too. No file names in
 * any record. */
#pragma once
#include "audit/log.h"
#include "org/people.h"
#include "pack/make.h"
#include "pack/receipt.h"
#include "pack/unpack.h"

struct pack_actor {
	struct home *home;
	const struct age_identity *identity;
	const char *name; /* of the staff key */
	const struct recorder *recorder;
};

/* `what` as for pack_make; the sender's fields of its manifest and the signer are filled in here.
 */
MUST_CHECK enum err pack_send(const struct pack_actor *actor, struct pack_new *what,
			      struct pack_made *ret);

struct pack_receipt_facts {
	struct unpacked unpacked;
	bool known;	      /* the signer is one of those this host knows */
	struct person sender; /* as this host knows them; with `known` */
	char words[96]; /* the signing key's fingerprint, for the telephone; "" when unsigned */
};
void pack_receipt_facts_clear(struct pack_receipt_facts *f);

/* How to treat a sender that is not known. */
struct pack_trust {
	const char *words;   /* fingerprint that was compared with the sender; NULL: none */
	const char *as_name; /* with `words`: the sender is known under this name from now on */
	bool anybody;	     /* whoever sent it, and unsigned files too */
};
/* `how` as for pack_unpack; who, me and judge are filled in here. ERR_SENDER: not known, or
 * unsigned. */
MUST_CHECK enum err pack_receive(const struct pack_actor *actor, struct unpack_how *how,
				 const struct pack_trust *trust, struct pack_receipt_facts *ret);

/* A receipt that came back: recorded, so that the pack counts as arrived. The caller found the pack
 * among the records of this host. `trust` as for pack_receive. ERR_SENDER: its signer is not known.
 */
MUST_CHECK enum err pack_take_receipt(const struct pack_actor *actor,
				      const struct pack_receipt *receipt,
				      const struct pack_trust *trust, struct person *ret_known,
				      char words[96]);

/* Six words for a signing key, as staff_fpr_words has them for a recipient; out has 96 bytes. */
void pack_signer_words(const uint8_t vkey[SIGN_VKEY_LEN], char out[96]);

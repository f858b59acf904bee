/* Exchanging registers without a server: over any folder that several hosts can reach, by union.
 * Both sides have everything afterwards; in which order and how often hosts do it means nothing.
 * Nothing in the folder is trusted: what does not verify is reported and left where it is (or put
 * right, where this host has the true one), and keeps nothing else from being exchanged. Needs no
 * staff key. docs/FORMAT.md, "Exchange folder". */
#pragma once
#include "access/destroy.h"
#include "org/register.h"

/* The societies whose registers are in the folder. ERR_NOT_FOUND: it does not exist. */
struct sync_society {
	uint8_t org[ORG_ID_LEN];
	char name[129];
	char words[96]; /* to compare with the officer's */
};
MUST_CHECK enum err sync_societies(const char *dir,
				   enum err (*each)(void *ctx, const struct sync_society *society),
				   void *ctx);
/* The founding statement of this society goes into the register of this host, which is empty. */
MUST_CHECK enum err sync_join(struct home *h, const char *dir, const uint8_t org[ORG_ID_LEN]);

struct sync_fault {
	enum err
		what; /* ERR_LOG_TAMPERED, ERR_LOG_GAP, ERR_FORK, or why a file could not be used */
	char name[128]; /* of the file, or the first digits of the statement's id */
	char by[65];	/* who wrote the statement, as the register calls them; "" when not known */
};
struct sync_result {
	size_t came, went;		 /* statements */
	size_t sealed_came, sealed_went; /* escrows and lists of contents */
	size_t witnessed;		 /* logs of other hosts that went on as they should */
	bool log_stays;			 /* the folder did not take this host's log */
	bool reported;			 /* this host said something new about itself */
	bool unregistered;		 /* it is not on the register, so it may not */
	bool fresh;			 /* the folder had nothing of the society */
	struct destroyed destroyed;
	struct sync_fault *faults; /* owned */
	size_t fault_count;
};
void sync_result_clear(struct sync_result *r);

struct sync_ask {
	struct home *home;
	const char *dir;
	const char *actor; /* "name/fingerprint" for the record; NULL: nobody's key is here */
	const struct recorder *recorder;
};
/* Exchanges, destroys what was revoked, says what this host holds, and leaves a record. The result
 * is the fault with the highest exit code, everything else being done all the same:
 * ERR_LOG_TAMPERED, ERR_LOG_GAP, ERR_FORK; ERR_PERM, ERR_NO_SPACE when the folder took nothing.
 * Another error stopped it. Once more is welcome, and ends what was cut short. ERR_NOT_FOUND: no
 * register here, or no such folder. */
MUST_CHECK enum err vault_sync(const struct sync_ask *ask, struct sync_result *ret);

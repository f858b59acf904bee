/* A vault: one sealed volume on a medium, opened by a person on a host. This module is the only way
 * from a front end to a volume, and there is none without a record: open, create, grant and close
 * leave theirs through the recorder, and an opening whose record cannot be written is refused
 * (ERR_LOG_WRITE). Refused and failed openings are recorded too. */
#pragma once
#include "access/keyfile.h"
#include "audit/log.h"
#include "org/device.h"
#include "org/seen.h"
#include "org/staff_key.h"
#include "volume/volume.h"

#define VAULT_LABEL_MAX 64u
#define VAULT_SUFFIX ".VLT"
#define VAULT_SUITE "xaes256gcm-1"

struct vault;

/* Who acts, where, and where the record goes. All borrowed. */
struct vault_actor {
	struct home *home;
	const struct age_identity *identity; /* NULL for someone who could not unlock a key */
	const char *name;		     /* of the staff key */
	const struct recorder *recorder;
	const struct device *lent; /* taken instead of this host's keyring; NULL: as usual */
};

struct vault_new {
	const char *dir;   /* existing folder that will hold NAME.VLT */
	const char *label; /* 1 to 64 bytes of UTF-8 */
	const struct age_recipient *to; /* more recipients; the actor is always one */
	size_t to_count;
	bool separated; /* default true: with a device secret */
	const char *category, *purpose;
};
/* ret_path: malloc'd path of the new .VLT folder. ERR_EXISTS, ERR_NO_SPACE, ERR_READ_ONLY … leave
 * nothing behind. */
MUST_CHECK enum err vault_create(const struct vault_actor *actor, const struct vault_new *what,
				 char **ret_path);

/* What opening found, for people and records. */
struct vault_facts {
	uint8_t volume_id[STORE_ID_LEN];
	char label[VAULT_LABEL_MAX + 1];
	char path[4096];
	bool read_only;	 /* asked for, or the medium cannot be written, or damage */
	bool separated;
	bool first_sight; /* this host never saw it */
	bool forked;	  /* read-only, and it does not follow from what this host saw last */
	bool new_key;	  /* somebody was revoked, so this opening gave the vault a new key */
	unsigned left_out; /* with new_key: how many people it leaves out */
	bool adopted;	  /* neither, but an officer accepted it */
	enum err register_in_vault; /* why the register that it carries was not taken; OK also without one */
	bool keys_differ; /* one place does not hold the KEY file in force; who opens for writing mends it */
	char role[16], medium_id[33]; /* for records, of the register; "" when it says nothing */
	struct store_report store;
};

/* `path` is a .VLT folder. Errors, in the order of PRODUCT.md: ERR_MEDIUM_NOT_FOUND, ERR_NOT_A_VAULT,
 * ERR_NO_KEY_FITS, ERR_NOT_ENROLLED, ERR_VAULT_BUSY, ERR_ROLLBACK, ERR_NO_STATE, ERR_NEWER_FORMAT,
 * ERR_LOG_WRITE. */
MUST_CHECK enum err vault_open(const struct vault_actor *actor, const char *path, bool read_only,
			       const char *purpose, struct vault **ret, struct vault_facts *ret_facts);
struct volume *vault_volume(struct vault *v);
struct store *vault_store(struct vault *v);
const struct vault_facts *vault_facts(const struct vault *v);
/* Says that the medium is still there: OK, ERR_REMOVED. Cheap enough for every second. */
MUST_CHECK enum err vault_present(struct vault *v);
/* Commits, closes, leaves the closing record (`lock`; `removed` when the medium is gone; `unclean` when
 * the store froze) and frees in any case. The error tells of data that did not become durable;
 * ERR_FROZEN also when there was none, but the medium failed. */
MUST_CHECK enum err vault_close(struct vault *v);

/* One more person: a new KEY file, a ticket when `ticket_path` isn't NULL. Opens and closes the vault
 * on its own. Already a recipient: OK, and the ticket is written anew. */
MUST_CHECK enum err vault_grant(const struct vault_actor *actor, const char *path,
				const struct age_recipient *to, const char *ticket_path);
/* Takes a ticket's device secret into this host's keyring. */
MUST_CHECK enum err vault_enrol(const struct vault_actor *actor, const char *ticket_path,
				struct device *ret_facts);

/* ---- a new key for a vault (docs/FORMAT.md, "A new epoch") ---- */

struct vault_rekey {
	const struct age_recipient *without; /* borrowed: who is let out; the actor never is */
	size_t without_count;
	int64_t after; /* the new epoch is to count as begun later than this; 0: no matter */
	bool wait; /* until nothing is left that an older key opens */
	uint32_t above; /* the new epoch is greater than this one too; 0: as it comes */
	void (*progress)(void *ctx, uint64_t done_blocks, uint64_t total_blocks); /* may be NULL */
	bool (*stop)(void *ctx); /* asked between steps of the waiting; may be NULL */
	void *ctx;
};
struct vault_rekeyed {
	char label[VAULT_LABEL_MAX + 1];
	uint32_t epoch; /* 0: still the old one is in force */
	size_t recipients;
	uint64_t older_blocks; /* about how many only an older key opens yet */
};
/* From here on everything is sealed under a fresh key, which only those who are left get. Opens and
 * closes the vault on its own. What is older is re-sealed while the vault is mounted, or here.
 * ERR_TOO_MANY_EPOCHS: without `wait`, and 8 keys are in use. ERR_INTERRUPTED: `stop` said so; the new
 * key is in force (if ret->epoch says so), and the rest goes on at the next mount. ERR_DAMAGED: what
 * cannot be read cannot be re-sealed either. *ret tells how far it got, also after an error. */
MUST_CHECK enum err vault_rekey(const struct vault_actor *actor, const char *path,
				const struct vault_rekey *how, struct vault_rekeyed *ret);
/* Whether older keys are still kept, for something that they seal or only to be let go. */
bool vault_has_older_keys(const struct vault *v);
/* Of a vault that is open for writing, while others use its volume: lets the older keys go, once
 * nothing is left that they open (else ERR_BUSY), and leaves the record. By one thread. */
MUST_CHECK enum err vault_end_epochs(struct vault *v);

/* ---- a state that does not follow from what is known (docs/FORMAT.md, "What follows from what") ---- */

struct vault_adopted {
	char label[VAULT_LABEL_MAX + 1];
	uint64_t found; /* generation that is gone on from */
	bool stated;	/* in the register, for the other hosts */
	bool pending;	/* but it counts only once a second officer has approved it */
};
/* Makes the state on the medium the right one, whatever this host and others saw before: a backup that
 * was put back, or one of two copies. In a society by an officer (ERR_NOT_OFFICER). Opens and closes the
 * vault on its own; the caller has asked whoever acts, by name. Other hosts accept it once they have the
 * statement, which the vault itself carries too; without a society each host adopts for itself. */
MUST_CHECK enum err vault_adopt(const struct vault_actor *actor, const char *path,
				struct vault_adopted *ret);

/* Overwrites all free space of the medium, so that what was deleted is not there any more as far as
 * the medium writes where it is told to. Opens and closes the vault on its own. */
MUST_CHECK enum err vault_purge(const struct vault_actor *actor, const char *path,
				void (*progress)(void *ctx, uint64_t done_blocks,
						 uint64_t total_blocks),
				void *ctx, char ret_label[VAULT_LABEL_MAX + 1]);

/* A recorder that appends to this host's own log. */
MUST_CHECK enum err vault_host_recorder(struct home *home, struct audit_log **ret_log,
					struct recorder *ret);

/* Finds the .VLT folder that MEDIUM names: the folder itself, a folder that holds one, or the label
 * of a plugged-in one (below /media/$USER, /run/media/$USER, and where this host last saw it).
 * malloc'd. ERR_MEDIUM_NOT_FOUND, ERR_NOT_A_VAULT. */
MUST_CHECK enum err vault_find(struct home *home, const char *medium, char **ret_path);

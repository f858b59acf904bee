/* What the files of access share. */
#pragma once
#include "access/keyfile_format.h"
#include "access/vault.h"
#include "audit/checkpoint.h"
#include "org/society.h"

/* A vault's store, unlocked; the volume is open only in a vault that was opened for its content. */
struct vault {
	struct vault_actor actor; /* borrowed parts */
	char *actor_name;	  /* "name/fingerprint" */
	char *purpose;
	struct disk *disk;
	bool is_simulated; /* the disk is no folder, and its files have no times */
	struct store *store;
	struct volume *volume;
	struct keyfile key;	     /* in force */
	enum disk_area key_area;     /* where it stands */
	bool keys_agree;	     /* the other place holds a copy of it */
	struct secret *device;	     /* D; NULL when not separated */
	struct secret *epoch_key;
	struct device device_record; /* as the keyring had it */
	struct society society; /* while an opening asks it; empty before and behind */
	struct vault_facts facts;
	bool stepped_back; /* what was seen here last was lost, with a tail or by damage */
	struct {
		bool is_known;	    /* the log could be read and goes on from what was seen */
		bool lost;	    /* but lines of it were lost, as above */
		struct merkle tree; /* over its lines */
		char text[256];	    /* its checkpoint; "" for none */
		struct buf fresh;   /* lines of this session that the copy lacks */
	} witness;		    /* (witness.c) */
	bool adopting; /* whatever state it is: it will be the right one */
	uint8_t opened_sha256[SHA256_LEN]; /* of the slot of the state that was opened */
	uint32_t opened_epoch;
	struct seen_log log; /* the volume's log in that state */
	bool has_line;	     /* this session's first line is in it, or will be with the next commit */
	uint8_t line_sha256[SHA256_LEN];
	struct {
		bool asked, has_society, has_note;
		enum err why;	   /* the note was not taken; OK also when there is none */
		size_t statements; /* in the note */
		size_t news;	   /* that this host did not have */
	} carried;		   /* the register in the vault (carry.c) */
	bool has_medium;
	struct roster_medium medium; /* as the register has it */
	char volume_hex[33], session_hex[33];
};

/* malloc'd "name/fingerprint", or what is known of it. */
char *actor_text(const struct vault_actor *actor);
MUST_CHECK enum err leave_record(const struct vault_actor *actor, const struct audit_event *event);
/* An event with the fields that every record about this vault has. */
void vault_event(const struct vault *v, enum audit_code code, struct audit_event *ret);
enum audit_result record_result(enum err err); /* ok, refused by a rule, or failed */
/* An event without mode, result by `how`; keeps the detail of the error at hand. */
MUST_CHECK enum err record_deed(const struct vault *v, enum audit_code code, enum err how);
MUST_CHECK enum err record_unclean(struct vault *v);
/* That what is opened does not follow from what was seen, if so: read only, or adopted. */
MUST_CHECK enum err record_lineage(struct vault *v);

/* Who acts; the first thing of all. Once more is welcome. */
MUST_CHECK enum err vault_begin(const struct vault_actor *actor, struct vault *v);

/* The KEY files that could be read, and why not. */
struct keyring {
	struct keyfile file[2];
	enum err err[2];
	struct secret *epoch_key[2];
	bool good[2];
};
void keyring_clear(struct keyring *k);
/* Reads the KEY files on v->disk and keeps those that the actor's key opens and that share and device
 * secret vouch for, at least one. Sets v->device, v->device_record, v->volume_hex. */
MUST_CHECK enum err vault_unlock_keys(const struct vault_actor *actor, struct vault *v,
				      struct keyring *ret);
/* Those that are good, in order; gives how many. They borrow from `k`. */
unsigned keyring_doors(const struct keyring *k, struct store_door doors[2]);

/* The register in the vault into this host's, once, and what that says of the medium into v->medium.
 * vault_unlock does it, before anything is compared or asked; whatever is wrong with the note is told
 * and recorded, and no error. A host without a society takes nothing. */
MUST_CHECK enum err carry_in(struct vault *v);
/* Raises *generation to what other hosts reported of the vault. */
MUST_CHECK enum err carry_known(struct vault *v, const uint8_t volume_id[VOLUME_ID_LEN],
				uint64_t *generation);
/* The other way round, when this host has statements that the vault lacks: with the next commit. */
MUST_CHECK enum err carry_out(struct vault *v);
/* ERR_ROLLBACK, ERR_FORK; or OK, and v->facts tells of a fork that is only read. */
MUST_CHECK enum err vault_check_rollback(struct vault *v);

/* vault_open on a disk that is no folder; takes it over. */
MUST_CHECK enum err vault_open_disk(const struct vault_actor *actor, struct disk *disk, bool read_only,
				    struct vault **ret, struct vault_facts *ret_facts);
/* Everything up to the store: files, keys, device secret, state, rollback check. No record. */
MUST_CHECK enum err vault_unlock(const struct vault_actor *actor, const char *path, bool read_only,
				 struct vault *v);
/* The same on a disk that v->disk is already. */
MUST_CHECK enum err vault_unlock_disk(const struct vault_actor *actor, const char *path,
				      bool read_only, struct vault *v);
/* Ends what a crash cut short: a new epoch, a new KEY file; and begins this session's part of the
 * volume's own log. Nothing when read-only. Changes the medium, so the record of what is done with the
 * vault comes before. */
MUST_CHECK enum err vault_settle(struct vault *v);
/* The state as it is, durably. `clean`: no session is open after this. */
MUST_CHECK enum err vault_commit(struct vault *v, bool clean);
/* `next`, which stands in the other place and has the same epoch, comes into force durably; it is taken
 * over. `clean`: no session is open after this. Nothing else changes the store meanwhile. */
MUST_CHECK enum err vault_put_key_in_force(struct vault *v, struct keyfile *next, bool clean);
/* The end of that, where the newest states name `next` already: takes it and its key over (NULL: the key
 * is as before) and copies it to the place of the old one. */
MUST_CHECK enum err vault_take_key(struct vault *v, struct keyfile *next, struct secret **epoch_key);
enum disk_area vault_other_key_area(const struct vault *v);
/* The device secret of a vault that has one, to be handed on; *ret is to be cleared. */
MUST_CHECK enum err vault_device(const struct vault *v, struct device *ret);
/* One more person, durably: KEY file, state, KEY file. */
MUST_CHECK enum err vault_add_recipient(struct vault *v, const struct age_recipient *who);
/* vault_rekey after its first record, on a vault that was unlocked for writing. */
MUST_CHECK enum err vault_change_key(struct vault *v, const struct vault_rekey *how,
				     struct vault_rekeyed *ret);
/* The waiting of vault_rekey: until nothing is left that an older key opens, and those are gone. */
MUST_CHECK enum err vault_reseal(struct vault *v, const struct vault_rekey *how);
/* The session's first line in the volume's own log (lines.c), which goes with its first commit; nothing
 * when it is there already, or read-only. vault_settle puts it. */
MUST_CHECK enum err vault_line_open(struct vault *v);
MUST_CHECK enum err vault_line_create(struct vault *v);
/* Of a session that adopts a state; `over` is what is given up, or NULL. */
MUST_CHECK enum err vault_line_adopt(struct vault *v, const struct seen *over);
/* The state that is durable now, so that later ones are known by their log to follow from it. */
MUST_CHECK enum err vault_line_adopted(struct vault *v);
void vault_line_close(struct vault *v); /* its last one */
/* Commits what was put into the store and is not committed yet. Work that wants a store at rest begins
 * with this. */
MUST_CHECK enum err vault_commit_pending(struct vault *v);
/* Frees what vault_unlock made; commits nothing. All-zero is welcome. */
void vault_clear(struct vault *v);
/* Remembers the state that is durable now. */
MUST_CHECK enum err vault_remember(struct vault *v, bool clean);
/* Remembers the state that was opened; one of this session where that began a new epoch. */
MUST_CHECK enum err vault_remember_opening(struct vault *v);

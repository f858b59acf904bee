/* What the register says today: staff, hosts, media, grants, rules, as a pure function of the set of
 * its statements. Two hosts with the same set have the same roster, however they came by it.
 *
 * Who may say what: officers everything; the staff checkout, checkin, sight, found; a host its own
 * report. A statement that its signer may not make counts for nothing. Later ones (by clock, then
 * id) replace earlier ones about the same thing. Of a chain that is forked or cut only revocations
 * count from there on; they count always, and are never taken back: who or what was revoked gets a
 * new key or a new number. What an officer who was revoked wrote behind the last statement that
 * the revocation names counts for nothing; of anybody else who was revoked counts what the
 * revocation had seen. What was revoked takes along every key and vault that it ever had. When two
 * officers revoke each other, the one who was made officer first stays. Where a second officer is
 * required, statements of the kinds officer, grant, policy, catalog, recovery and adopt count once
 * another officer approved them; only the first one whom the founder makes an officer needs no
 * other.
 * docs/FORMAT.md, "Register". All of it is owned by the roster. */
#pragma once
#include "age/recipient.h"
#include "org/device.h"
#include "org/register.h"

#define ROSTER_TEXT 129u
#define ROSTER_DAY 11u /* "2026-11-22" and NUL */

enum revoke_reason { REVOKE_LOST, REVOKE_LEFT, REVOKE_BROKEN, REVOKE_ERASED };
const char *revoke_reason_name(enum revoke_reason reason); /* "lost" */
MUST_CHECK enum err revoke_reason_parse(const char *name, enum revoke_reason *ret);

struct revoked {
	bool is;
	enum revoke_reason reason;
	int64_t when;
};

struct roster_person {
	char name[65];
	struct age_recipient recipient;
	bool has_key;
	uint8_t vkey[SIGN_VKEY_LEN];
	char site[ROSTER_TEXT];
	char trained[ROSTER_DAY]; /* last day of the training's validity; "" unsaid */
	bool officer;
	struct revoked revoked;
};

struct roster_held { /* a device secret that a host said it has, or destroyed */
	uint8_t volume_id[VOLUME_ID_LEN];
	uint8_t device_id[16];
	bool gone;
	int64_t when;
};

struct roster_host {
	char id[20]; /* "h-" and 16 digits */
	uint8_t vkey[SIGN_VKEY_LEN];
	char name[65], site[ROSTER_TEXT];
	struct revoked revoked;
	int64_t reported; /* time of its last report; 0: never */
	uint8_t register_digest[SHA256_LEN]; /* the register it had then */
	uint64_t register_clock;
	struct age_recipient *keys; /* staff keys that are kept on it, as it said */
	size_t key_count;
	struct roster_held *held;
	size_t held_count;
};

enum medium_state { MEDIUM_IN, MEDIUM_REQUESTED, MEDIUM_OUT, MEDIUM_LOST, MEDIUM_FOUND, MEDIUM_ERASED,
		    MEDIUM_RETIRED };

struct roster_medium {
	char number[33];
	bool has_volume;
	uint8_t volume_id[VOLUME_ID_LEN], device_id[16];
	bool separated;
	bool separation_known; /* said when it was entered, or some host has its device secret */
	char label[65], serial[ROSTER_TEXT], product[ROSTER_TEXT], kind[33], capacity[33];
	char place[ROSTER_TEXT], keeper[65], owner[33], category[33], purpose[33];
	int64_t registered, sighted; /* when it was entered; when somebody saw it last, or it was opened */
	enum medium_state state;
	struct revoked revoked;
	/* The newest state that any host reported. */
	uint32_t epoch;
	uint64_t generation;
	uint8_t super_sha256[SHA256_LEN];
	bool clean, has_session; /* of that state, as reported */
	uint8_t session_id[16];
	int64_t opened;		      /* when, and where: the last opening that was reported */
	char opened_host[20];
	/* A restored backup that an officer accepted. */
	bool adopted;
	uint64_t adopted_clock;
	uint32_t adopted_epoch;
	uint64_t adopted_generation;
	uint8_t adopted_super[SHA256_LEN];
};

struct roster_grant {
	struct age_recipient recipient;
	char what[33];		/* a category, a volume's 32 digits, or "*" */
	char until[ROSTER_DAY]; /* last day; "" without an end */
};

struct roster_checkout {
	char id[33];	 /* T-2026-0031 */
	char number[33]; /* of the medium */
	struct age_recipient carrier;
	uint8_t requested_by[SIGN_VKEY_LEN]; /* who signed the request */
	bool approved, returned;
	uint8_t approved_by[SIGN_VKEY_LEN];
	int64_t requested, approved_at, returned_at;
	char until[32]; /* planned return, as given */
	int64_t until_time;
	const struct statement *request, *approval, *checkin; /* borrowed from the register */
};

struct policy {
	int64_t idle_seconds;	   /* 0: as the host likes */
	bool key_separation;	   /* vaults without a device secret are refused */
	bool training;		   /* no taking out when the training has lapsed */
	unsigned unsynced_days;	   /* 0: no limit */
	bool two_person;	   /* carrier and approver are two people */
	bool checkout;		   /* media are opened only while checked out, or by an officer */
	bool second_officer;
};

struct roster {
	const struct org_register *from; /* borrowed */
	char name[ROSTER_TEXT];	      /* of the society */
	struct roster_person *people;
	size_t person_count;
	struct roster_host *hosts;
	size_t host_count;
	struct roster_medium *media;
	size_t medium_count;
	struct roster_grant *grants;
	size_t grant_count;
	struct roster_checkout *checkouts;
	size_t checkout_count;
	struct policy policy;
	const struct statement *catalog; /* borrowed; NULL: none was applied */
	bool has_recovery;
	struct age_recipient recovery;
	unsigned recovery_threshold, recovery_shares; /* 0, 0: one sheet */
	size_t void_count; /* statements that count for nothing */
};

/* `r` must outlive it. Of an empty register: an empty roster. ERR_NOMEM only. */
MUST_CHECK enum err roster_make(const struct org_register *r, struct roster **ret);
void roster_free(struct roster *roster);
DEFINE_FREEP(struct roster, roster_free)
/* Whether a statement counts. */
bool roster_counts(const struct roster *roster, const struct statement *s);
/* The whole of it as canonical text; what it says depends on the set of statements alone. */
MUST_CHECK enum err roster_print(const struct roster *roster, struct buf *out);

/* Borrowed; NULL when there is none. Names and numbers are compared after NFC and case folding. */
const struct roster_person *roster_person(const struct roster *r, const struct age_recipient *who);
const struct roster_person *roster_person_named(const struct roster *r, const char *name);
const struct roster_person *roster_signer(const struct roster *r, const uint8_t vkey[SIGN_VKEY_LEN]);
const struct roster_host *roster_host(const struct roster *r, const char *id);
const struct roster_host *roster_host_named(const struct roster *r, const char *name_or_id);
const struct roster_medium *roster_medium(const struct roster *r, const uint8_t volume_id[VOLUME_ID_LEN]);
/* By number, label or serial; NULL also when two fit. */
const struct roster_medium *roster_medium_named(const struct roster *r, const char *name);
/* The checkout that is open for the medium: requested and not yet returned. */
const struct roster_checkout *roster_open_checkout(const struct roster *r, const char *number);

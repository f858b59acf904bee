/* What the verbs of the register share: the register and what it says, who asks and whether they
 * are an officer, a statement under their signature with its record, and how it is told. */
#pragma once
#include "org/draft.h"
#include "org/roster.h"
#include "org/rules.h"
#include "tools/cli.h"

struct officer {
	struct cli *cli;
	struct home *home;	    /* borrowed from cli */
	struct org_register *books; /* owned */
	struct roster *roster;	    /* owned; made of books */
	struct sign_key *key;	    /* owned; NULL until signed in */
	struct age_recipient me;    /* once signed in */
	const struct recorder *recorder;
};
void officer_clear(struct officer *o); /* all-zero is welcome */

/* The register as this computer has it, for looking. Asks nothing; makes nothing. */
MUST_CHECK enum err officer_look(struct cli *cli, struct officer *ret);
/* Whether this computer belongs to a society at all. */
bool officer_has_society(const struct officer *o);
/* ERR_NOT_FOUND, with what to do as a hint, when there is none. */
MUST_CHECK enum err officer_need_society(struct officer *o);
/* Asks for the passphrase of the actor's staff key, and has their signing key ready. */
MUST_CHECK enum err officer_sign_in(struct officer *o);
/* Whether the actor is an officer today, as org/rules.h decides. A refusal is recorded as `code`.
 */
MUST_CHECK enum err officer_check(struct officer *o, enum audit_code code);
size_t officer_count(const struct roster *r); /* how many there are today */
bool officer_is_one(const struct officer *o); /* the same without a word */
/* All of these together: for verbs that only an officer may use. */
MUST_CHECK enum err officer_begin(struct cli *cli, enum audit_code code, struct officer *ret);

/* A statement: first its record (actor, role, result are filled in here), then the statement,
 * durably. The roster is made anew, so pointers into the old one are gone. *ret (may be NULL) is
 * borrowed from the register; whether it counts already is roster_counts(). */
MUST_CHECK enum err officer_state(struct officer *o, enum statement_kind kind,
				  const struct draft *draft, const struct audit_event *event,
				  const struct statement **ret);
/* Only the record: of something that was refused, or that needs no statement. `why` may be OK. */
MUST_CHECK enum err officer_record(struct officer *o, const struct audit_event *event,
				   enum err why);
/* Says so when a second officer has to approve the statement first. */
void officer_tell_pending(const struct officer *o, const struct statement *s);

/* ---- words of the verbs ------------------------------------------------------------------------
 */

/* A recipient age1…, or somebody on the register, or somebody this computer knows. ERR_USAGE. */
MUST_CHECK enum err officer_person(struct officer *o, const char *word, struct age_recipient *ret);
/* 64 hex digits. ERR_USAGE naming `what`. */
MUST_CHECK enum err officer_key(const char *hex, const char *what, uint8_t ret[SIGN_VKEY_LEN]);
/* A day like 2026-12-31, or NULL for an option that was not given. ERR_USAGE. */
MUST_CHECK enum err officer_day(const struct cli *cli, enum option_id id, const char *what,
				const char **ret);
/* Text for a field: UTF-8 without control characters, at most `max` bytes. ERR_USAGE. */
MUST_CHECK enum err officer_text(const char *text, const char *what, size_t max);
/* Six words for a signing key. out has 96 bytes. */
void officer_key_words(const uint8_t vkey[SIGN_VKEY_LEN], char out[96]);
/* How a person is called on the register: their name, or the fingerprint of the key. */
void officer_signer_name(const struct officer *o, const uint8_t vkey[SIGN_VKEY_LEN], char out[65]);
/* "permission": what a statement is, translated; and what it is about, in one word of its own. */
const char *officer_kind(enum statement_kind kind);
const char *officer_about(const struct statement *s);
/* "lost" and the others, translated. */
const char *officer_reason(enum revoke_reason reason);
/* "2026-11-22 09:14", or "-" for 0. */
void officer_time(int64_t when, char out[24]);
/* Today as 2026-11-22. */
void officer_today(char out[ROSTER_DAY]);

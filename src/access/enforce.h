/* The register's word on what is done with a vault: who may, whom a vault must not be sealed to any
 * more, and what that asks for at the next writing. Without a society everything goes on as it is.
 *
 * The order at an opening: who was revoked gets no further (enforce_before); the keys are unlocked;
 * what the vault carries of the register is taken in, and all rules are asked (enforce_unlocked);
 * the record is left; the vault gets the keys that the register wants (enforce_keys); then its
 * content is within reach. Private to access. */
#pragma once
#include "access/internal.h"

/* Before anything of the vault is touched: person and host were not revoked. Sets what records say
 * of the register. ERR_REVOKED_KEY, ERR_REVOKED_HOST. */
MUST_CHECK enum err enforce_before(const struct vault_actor *actor, struct vault *v);
/* `how` is what unlocking gave. Failed: the same, or the revocation that explains it better. OK:
 * the verdict of rules_open. */
MUST_CHECK enum err enforce_unlocked(struct vault *v, enum err how);
/* The register is not asked any more: lets it go. What is held open long needs it no more. */
void enforce_done(struct vault *v);
/* All of the above: what every use of a vault begins with. */
MUST_CHECK enum err vault_admit(const struct vault_actor *actor, const char *path, bool read_only,
				struct vault *v);

/* `to` may be let in. */
MUST_CHECK enum err enforce_grant(struct vault *v, const struct age_recipient *to);
MUST_CHECK enum err enforce_enrol(const struct vault_actor *actor, const struct device *d,
				  struct vault *v);
/* The rules for a new vault; *ret_recovery (if *ret_has) is to be sealed to as well. */
MUST_CHECK enum err enforce_create(const struct vault_actor *actor, const struct vault_new *what,
				   struct vault *v, bool *ret_has,
				   struct age_recipient *ret_recovery);

/* Whom a new key of the vault leaves out, beside those that are named already. `list` is malloc'd
 * and holds both; `why` is OK when nobody was revoked. */
struct enforce_leavers {
	struct age_recipient *list;
	size_t count;
	enum err why;
	int64_t after;
};
void enforce_leavers_clear(struct enforce_leavers *l);
MUST_CHECK enum err enforce_leavers(struct vault *v, const struct age_recipient *named,
				    size_t named_count, struct enforce_leavers *ret);
/* Of a vault that is unlocked for writing and whose record was left: a new epoch when somebody was
 * revoked who could open it, with a record of its own; the recovery key as one more recipient.
 * ERR_TOO_MANY_EPOCHS: nothing was changed, and the content must stay closed for writing. */
MUST_CHECK enum err enforce_keys(struct vault *v);
/* Of a vault that is unlocked, also for reading: this host keeps a copy of its device secret for
 * the recovery key, if there is one. */
MUST_CHECK enum err enforce_escrow(struct vault *v);

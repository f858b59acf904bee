/* A society for tests of access: an officer's register, filled by short calls, and handed from host
 * to host. People and hosts are those of tests/access/people.h. */
#pragma once
#include "org/society.h"
#include "tests/access/people.h"

/* From now on `officer` is the society's, and their host on its register. */
void books_found(struct person *officer);
/* The officer enters somebody with their signing key, and the host they sit at. */
void books_staff(struct person *officer, const struct person *who);
void books_officer(struct person *officer, const struct person *who);
void books_grant(struct person *officer, const struct person *who, const char *what,
		 const char *until);
/* The vault at `path`, as `officer` opens it; category "receipt". */
void books_medium(struct person *officer, const char *path, const char *number);
void books_policy(struct person *officer, const char *setting); /* "training on" */
void books_recovery(struct person *officer, const struct age_recipient *who);
/* As `vault revoke` does it, with reason "lost". */
void books_revoke(struct person *officer, const char *word);
/* Everything that `from` knows, `to` knows too. */
void books_carry(struct person *from, struct person *to);
/* What the host reports: the device secrets and staff keys that it keeps. */
void books_report(struct person *p, const uint8_t volume_id[VOLUME_ID_LEN]);
/* Forgets the society: a host whose program was changed. */
void books_burn(struct person *p);

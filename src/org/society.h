/* The society as this host knows it: its register, what that says today, and what every question to
 * the rules needs to know of this host. For the use cases above; the rules are org/rules.h.
 * Borrows nothing but the home while it is loaded. One thread. */
#pragma once
#include "org/rules.h"

struct society {
	struct org_register *from; /* owned */
	struct roster *roster;	   /* owned */
	char host_id[24];	   /* "" before the host has a key */
	int64_t synced;
};
void society_clear(struct society *s); /* all-zero is welcome, and is no society */

/* Without a register here: a society that rules nothing. ERR_LOG_TAMPERED when the register was
 * changed; then nothing may be decided. */
MUST_CHECK enum err society_load(struct home *h, struct society *ret);
bool society_exists(const struct society *s);
/* The question of a person on this host, now; the caller adds what it is about. Borrows. */
void society_ask(const struct society *s, const struct age_recipient *who, struct rules_ask *ret);
/* For records; borrowed, NULL when there is nothing to say. "officer" or "staff"; the number. */
const char *society_role(const struct society *s, const struct age_recipient *who);
const char *society_number(const struct society *s, const uint8_t volume_id[VOLUME_ID_LEN]);

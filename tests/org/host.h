/* A host of its own below a fresh folder, for tests. Passphrases are stretched least. */
#pragma once
#include "org/device.h"
#include "org/staff_key.h"

#define LOG_N 10u

struct host {
	char dir[64]; /* ends with the test; the host's folder is "host" in it */
	struct home *home;
};

struct host *host_new(void); /* prepared */
void host_free(struct host *t);
void host_again(struct host *t); /* as another process would open it */
/* A staff key "NAME" with the passphrase "word". */
struct age_identity *host_staff(struct host *t, const char *name, struct age_recipient *ret);

/* A person on a host of their own, for tests: a fresh home, a staff key, a recorder. */
#pragma once
#include "access/vault.h"

struct person {
	char dir[64];
	struct home *home;
	struct staff_key_info info;
	struct age_identity *id;
	struct audit_log *log;
	struct recorder recorder;
	struct vault_actor actor;
};

/* Below the folder `dir`. */
void person_make(struct person *p, const char *dir, const char *name);
/* The same person on the same host once more, in a folder of its own: for processes side by side. */
void person_copy(struct person *p, const struct person *from, const char *dir);
void person_clear(struct person *p);
/* Runs a shell command made from `format` with two texts; it must succeed. */
void shell(const char *format, const char *a, const char *b);

/* The context of one command: what was asked for, who asks, and the things that are opened on the
 * way. main() makes one and clears it; a verb borrows whatever it takes from here. One thread. */
#pragma once
#include <libintl.h>
#include <stdbool.h>
#include "access/vault.h"
#include "tools/options.h"

#define _(s) gettext(s)

struct verb;

struct cli {
	const struct verb *verb;
	struct arguments arguments;
	bool json, no_input, quiet, verbose;
	int passphrase_fd;   /* -1: ask a person */
	const char *confirm; /* NULL: not given */

	struct home *home;     /* owned; NULL until cli_home */
	struct audit_log *log; /* owned; NULL until cli_recorder */
	struct recorder recorder;
	struct age_identity *identity;			/* owned; NULL until cli_unlock */
	struct staff_key_info staff;			/* filled by cli_staff */
	char actor[STAFF_NAME_MAX + STAFF_FPR_LEN + 2]; /* "name/fingerprint", as records have it */
	bool has_staff;

	struct buf hints; /* lines that go below the error of this command */
};

/* Takes the global options out of the arguments. ERR_USAGE. */
MUST_CHECK enum err cli_setup(struct cli *cli);
void cli_clear(struct cli *cli); /* wipes and frees what is owned */

const char *cli_argument(const struct cli *cli, size_t i); /* NULL behind the last one */
size_t cli_argument_count(const struct cli *cli);
bool cli_has(const struct cli *cli, enum option_id id);
const char *cli_value(const struct cli *cli, enum option_id id); /* the last one given, or NULL */
/* The i-th value of an option that may be repeated; NULL behind the last one. */
const char *cli_value_at(const struct cli *cli, enum option_id id, size_t i);

/* Each is opened once and stays until cli_clear. */
MUST_CHECK enum err cli_home(struct cli *cli, struct home **ret);
MUST_CHECK enum err cli_recorder(struct cli *cli, const struct recorder **ret);
/* The staff key that --key names, or the default one. ERR_KEY_NOT_FOUND. Asks nothing. */
MUST_CHECK enum err cli_staff(struct cli *cli, const struct staff_key_info **ret);
/* Asks for the passphrase of that key; `medium` is named in the question (NULL: none). A wrong
 * passphrase is recorded as a refused opening when a medium is named. */
struct medium;
MUST_CHECK enum err cli_unlock(struct cli *cli, const struct medium *medium);
/* All of the above, as the access module wants it. Valid until cli_clear. */
MUST_CHECK enum err cli_actor(struct cli *cli, const struct medium *medium,
			      struct vault_actor *ret);
/* --confirm=LABEL, when given, must be the label at hand. ERR_CONFIRM. */
MUST_CHECK enum err cli_check_confirm(struct cli *cli, const char *label);

/* For what cannot be taken back: --confirm=LABEL, or the label typed at the terminal (full-width letters
 * count as what they stand for). `what` asks, translated: "Type %s to go on: " is added. ERR_CONFIRM;
 * ERR_NO_ANSWER, with the option as a hint, when there is nobody to ask. */
MUST_CHECK enum err cli_confirm(struct cli *cli, const char *label, const char *what);

/* One more hint below the error, already translated. */
void cli_hint(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/* ERR_USAGE with this detail, already translated. */
enum err cli_usage(const char *format, ...) PRINTF_LIKE(1, 2);

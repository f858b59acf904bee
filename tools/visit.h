/* A visit: opening a vault for the time of one command, without mounting, and leaving its records.
 */
#pragma once
#include "tools/medium.h"

struct visit {
	struct medium medium;
	struct vault_actor actor;
	struct vault_facts facts;
	struct vault *vault; /* NULL: not open */
	char volume_id[2 * STORE_ID_LEN + 1];
};

/* Finds the medium, asks who it is, opens. On failure nothing is left to close. */
MUST_CHECK enum err visit_begin(struct cli *cli, const char *medium, bool read_only,
				struct visit *ret);
/* Records what was done inside, with counts. `why` is OK or why not all of it worked. */
MUST_CHECK enum err visit_record(struct visit *v, enum audit_code code, enum err why,
				 uint64_t files, uint64_t bytes);
/* Closes and frees. Gives `so_far` unless closing is the worse news. */
MUST_CHECK enum err visit_end(struct visit *v, enum err so_far);

/* What opening found that a person should know: an unclean end, states that were lost, damage. */
void visit_tell_facts(struct cli *cli, const struct vault_facts *facts);
/* The finding that counts: the higher exit code. */
enum err worse(enum err a, enum err b);

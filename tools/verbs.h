/* The verbs: a row each, kept beside the code of the verb, from which help, the manual and
 * completion are made. */
#pragma once
#include "tools/cli.h"

/* GROUP_OFFICER has a page of its own, "help officer". */
enum verb_group { GROUP_EVERY_DAY, GROUP_SET_UP, GROUP_LOOK, GROUP_OFFICER, GROUP_AROUND };

struct verb_example {
	const char *command;
	const char *what; /* N_() */
};

struct verb {
	const char *name;  /* "mount", "key new" */
	const char *alias; /* NULL: none */
	enum verb_group group;
	enum err (*run)(struct cli *cli);
	const char *words;   /* what follows the name, as in the manual */
	const char *summary; /* N_(), one line */
	const char *about;   /* N_(), a short paragraph; NULL: none */
	struct verb_example examples[5];
	option_set options; /* OPT_BIT()s beside the global ones */
	size_t min, max;  /* words */
	bool public_words; /* none names a file or a person: lists of processes may show them */
};

extern const struct verb *const verbs[];
extern const size_t verb_count;

extern const struct verb verb_audit_report, verb_audit_verify, verb_audit_checkpoint, verb_audit_list,
	verb_audit_export, verb_key_new, verb_key_show, verb_key_passwd, verb_init, verb_grant,
	verb_enrol, verb_mount, verb_eject, verb_status, verb_ls, verb_cp, verb_cat, verb_check,
	verb_rekey, verb_purge, verb_salvage, verb_pack, verb_unpack, verb_staff_add,
	verb_staff_list, verb_staff_remove, verb_org_init, verb_org_show, verb_org_officer,
	verb_org_approve, verb_host_show, verb_host_add, verb_host_list, verb_media_add,
	verb_media_set, verb_media_list, verb_media_show, verb_grant_list, verb_policy_show,
	verb_policy_set, verb_catalog_show, verb_catalog_apply, verb_catalog_diff,
	verb_catalog_export, verb_receipt_verify, verb_log, verb_inspect, verb_help, verb_version,
	verb_completion, verb_revoke, verb_adopt, verb_sync, verb_checkout, verb_checkout_approve, verb_checkin,
	verb_inventory, verb_sight, verb_found, verb_incident, verb_erase, verb_recovery_print, verb_recovery_restore,
	verb_recovery_drill;

/* The verb named by `first`, or by `first` and `second` together. ret_words: how many words name
 * it. NULL: there is none. */
const struct verb *verb_find(const char *first, const char *second, size_t *ret_words);
bool verb_takes(const struct verb *verb, enum option_id id);
/* Whether verbs of two words begin with this one; lists them, as far as they fit. */
bool verb_begins(const char *word, char out[64]);
/* The verb or topic whose name is nearest to `word`; NULL when none is near. */
const char *verb_near(const char *word);
/* How many single changes lead from a to b; at most 99. */
size_t word_distance(const char *a, const char *b);

#include "tools/verbs.h"

#include <stdio.h>
#include <string.h>

/* clang-format off */
const struct verb *const verbs[] = {
	&verb_mount, &verb_eject, &verb_status, &verb_cp, &verb_ls, &verb_cat, &verb_pack, &verb_unpack,
	&verb_init, &verb_grant, &verb_enrol, &verb_key_new, &verb_key_show, &verb_key_passwd,
	/* the officer's */
	&verb_org_init, &verb_org_show, &verb_org_officer, &verb_org_approve,
	&verb_staff_add, &verb_staff_list, &verb_staff_remove,
	&verb_host_show, &verb_host_add, &verb_host_list,
	&verb_media_add, &verb_media_set, &verb_media_list, &verb_media_show,
	&verb_grant_list,
	&verb_policy_show, &verb_policy_set,
	&verb_catalog_show, &verb_catalog_apply, &verb_catalog_diff, &verb_catalog_export,
	&verb_sync, &verb_checkout, &verb_checkout_approve, &verb_checkin, &verb_inventory,
	&verb_sight, &verb_found, &verb_incident, &verb_erase,
	&verb_revoke, &verb_adopt, &verb_rekey, &verb_purge,
	&verb_recovery_print, &verb_recovery_restore, &verb_recovery_drill,
	&verb_audit_report,
	&verb_audit_verify,
	&verb_audit_checkpoint,
	&verb_audit_list, &verb_audit_export,
	/* looking */
	&verb_check, &verb_salvage, &verb_log, &verb_inspect,
	&verb_receipt_verify, &verb_help, &verb_version, &verb_completion,
};
/* clang-format on */
const size_t verb_count = ARRAY_LEN(verbs);

static bool is_one_word(const struct verb *verb, const char *first)
{
	return !strcmp(verb->name, first) || (verb->alias && !strcmp(verb->alias, first));
}

static bool is_two_words(const struct verb *verb, const char *first, const char *second)
{
	size_t len = strlen(first);

	return second && !strncmp(verb->name, first, len) && verb->name[len] == ' ' &&
	       !strcmp(verb->name + len + 1, second);
}

const struct verb *verb_find(const char *first, const char *second, size_t *ret_words)
{
	/* "grant list" goes before "grant", whose medium might be called so: "./list" is one. */
	for (size_t words = 2; words > 0; words--) {
		for (size_t i = 0; i < verb_count; i++) {
			if (words == 2 ? !is_two_words(verbs[i], first, second)
				       : !is_one_word(verbs[i], first))
				continue;
			*ret_words = words;
			return verbs[i];
		}
	}
	return NULL;
}

bool verb_begins(const char *word, char out[64])
{
	size_t len = strlen(word), used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < verb_count; i++) {
		const char *name = verbs[i]->name;

		if (strncmp(name, word, len) != 0 || name[len] != ' ')
			continue;
		if (used + strlen(name) + 3 > 64)
			break;
		used += (size_t)snprintf(out + used, 64 - used, "%s%s", used ? ", " : "", name);
	}
	return used > 0;
}

bool verb_takes(const struct verb *verb, enum option_id id)
{
	return id < OPT_GLOBAL_END || (verb && (verb->options & OPT_BIT(id)));
}

/* Levenshtein's distance, one row at a time. */
size_t word_distance(const char *a, const char *b)
{
	size_t row[64];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len >= ARRAY_LEN(row) || b_len >= ARRAY_LEN(row))
		return 99;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t change = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
		}
	}
	return row[b_len];
}

const char *verb_near(const char *word)
{
	const char *best = NULL;
	size_t distance = MIN(3, 1 + strlen(word) / 3);

	for (size_t i = 0; i < verb_count; i++) {
		const char *names[] = {verbs[i]->name, verbs[i]->alias};

		for (size_t j = 0; j < ARRAY_LEN(names); j++) {
			if (!names[j] || word_distance(word, names[j]) >= distance)
				continue;
			distance = word_distance(word, names[j]);
			best = names[j];
		}
	}
	return best;
}

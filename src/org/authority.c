#include "org/authority.h"
#include <stdlib.h>
#include <string.h>
#include "age/recipient.h"
#include "base/text.h"

#define RANKS_MAX 64u

/* ---- reading fields ---- */

static bool key_field(const struct statement *s, const char *name, uint8_t ret[SIGN_VKEY_LEN])
{
	const char *value = statement_value(s, name);

	return value && strlen(value) == 2 * SIGN_VKEY_LEN &&
	       text_unhex(value, ret, SIGN_VKEY_LEN) == OK;
}

static bool same_recipient(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool authority_stands(const struct authority *a, const struct statement *s)
{
	size_t slot = register_slot(a->from, s->id);

	return slot != NO_SLOT && a->flags[slot] == 0;
}

/* ---- officers, by rank ---- */

static struct authority_officer *find_officer(const struct authority *a,
					      const uint8_t vkey[SIGN_VKEY_LEN])
{
	for (size_t i = 0; i < a->count; i++)
		if (memcmp(a->officers[i].vkey, vkey, SIGN_VKEY_LEN) == 0)
			return &a->officers[i];
	return NULL;
}

static enum err add_officer(struct authority *a, const uint8_t vkey[SIGN_VKEY_LEN],
			    const struct statement *made_by, unsigned rank)
{
	struct authority_officer *more = realloc(a->officers, (a->count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "officers");
	a->officers = more;
	more[a->count] = (struct authority_officer){ .made_by = made_by, .rank = rank };
	memcpy(more[a->count++].vkey, vkey, SIGN_VKEY_LEN);
	return OK;
}

static int by_rank(const void *left, const void *right)
{
	const struct authority_officer *a = left, *b = right;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	return memcmp(a->made_by->id, b->made_by->id, SHA256_LEN);
}

/* Those whom officers of the rank before made. Whoever is one already keeps the lower rank; of two
 * statements of one rank the one with the lesser id made him. */
static enum err add_rank(struct authority *a, unsigned rank, size_t *ret_new)
{
	size_t before = a->count;

	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *s = register_at(a->from, i);
		const struct authority_officer *maker;
		struct authority_officer *known;
		uint8_t vkey[SIGN_VKEY_LEN];

		if (s->kind != STATEMENT_OFFICER || !authority_stands(a, s) ||
		    !key_field(s, "key", vkey))
			continue;
		maker = find_officer(a, s->signer);
		if (!maker || maker->rank != rank - 1)
			continue;
		known = find_officer(a, vkey);
		if (!known)
			TRY(add_officer(a, vkey, s, rank));
		else if (known->rank == rank &&
			 memcmp(s->id, known->made_by->id, SHA256_LEN) < 0)
			known->made_by = s;
	}
	*ret_new = a->count - before;
	return OK;
}

static enum err find_officers(struct authority *a)
{
	size_t fresh = 1;

	for (size_t i = 0; i < register_count(a->from) && !a->founding; i++)
		if (register_at(a->from, i)->kind == STATEMENT_ORG)
			a->founding = register_at(a->from, i);
	if (!a->founding)
		return OK;
	TRY(add_officer(a, a->founding->signer, a->founding, 0));
	for (unsigned rank = 1; fresh > 0 && rank < RANKS_MAX; rank++)
		TRY(add_rank(a, rank, &fresh));
	qsort(a->officers, a->count, sizeof(*a->officers), by_rank);
	return OK;
}

/* ---- a second officer ---- */

static bool turns_second_on(const struct statement *s)
{
	const char *value;

	if (s->kind == STATEMENT_ORG) {
		value = statement_value(s, "second-officer");
		return value && strcmp(value, "on") == 0;
	}
	for (size_t i = 0; (value = statement_value_at(s, "set", i)) != NULL; i++)
		if (strcmp(value, "second-officer on") == 0)
			return s->kind == STATEMENT_POLICY;
	return false;
}

static void find_second(struct authority *a)
{
	a->second_from = UINT64_MAX;
	for (size_t i = 0; i < register_count(a->from) && a->founding && !a->second; i++) {
		const struct statement *s = register_at(a->from, i);

		if (s->kind == STATEMENT_OFFICER && authority_stands(a, s) &&
		    memcmp(s->signer, a->founding->signer, SIGN_VKEY_LEN) == 0)
			a->second = s;
	}
	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *s = register_at(a->from, i);

		if (!turns_second_on(s) || !authority_stands(a, s) || !find_officer(a, s->signer))
			continue;
		a->second_from = s->kind == STATEMENT_ORG ? 0 : MIN(a->second_from, s->clock);
	}
}

static bool needs_second(const struct authority *a, const struct statement *s)
{
	if (s->clock <= a->second_from || s == a->second)
		return false;
	switch (s->kind) {
	case STATEMENT_OFFICER:
	case STATEMENT_GRANT:
	case STATEMENT_POLICY:
	case STATEMENT_CATALOG:
	case STATEMENT_RECOVERY:
	case STATEMENT_ADOPT:
		return true;
	default:
		return false;
	}
}

/* ---- up to where their word counts ---- */

static bool is_within(const struct authority_officer *o, const struct statement *s)
{
	if (!o->cut)
		return true;
	for (size_t i = 0; i < o->end_count; i++) {
		const struct statement *end = o->ends[i];

		if (statement_same_chain(end, s))
			return s->seq < end->seq ||
			       (s->seq == end->seq && memcmp(s->id, end->id, SHA256_LEN) == 0);
	}
	return false;
}

static bool is_officer_word(const struct authority *a, const struct statement *s, unsigned depth);

/* Another officer said so. */
static bool is_approved(const struct authority *a, const struct statement *s, unsigned depth)
{
	char id[2 * SHA256_LEN + 1];

	text_hex(s->id, SHA256_LEN, id);
	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *by = register_at(a->from, i);
		const char *value;

		if (by->kind != STATEMENT_APPROVE || !authority_stands(a, by) ||
		    memcmp(by->signer, s->signer, SIGN_VKEY_LEN) == 0)
			continue;
		value = statement_value(by, "statement");
		if (value && strcmp(value, id) == 0 && is_officer_word(a, by, depth + 1))
			return true;
	}
	return false;
}

/* Whether the officer was made by somebody whose word counted. Goes up the ranks, so it ends. */
static bool is_valid(const struct authority *a, const struct authority_officer *o, unsigned depth)
{
	if (o->rank == 0)
		return true;
	if (depth > RANKS_MAX || !is_officer_word(a, o->made_by, depth + 1))
		return false;
	return !needs_second(a, o->made_by) || is_approved(a, o->made_by, depth + 1);
}

static bool is_officer_word(const struct authority *a, const struct statement *s, unsigned depth)
{
	const struct authority_officer *o = find_officer(a, s->signer);

	if (!o || depth > RANKS_MAX || !is_within(o, s))
		return false;
	if (o->rank > 0 && s->kind != STATEMENT_REVOKE && s->clock <= o->made_by->clock)
		return false;
	return is_valid(a, o, depth);
}

/* The statement with this id in 64 digits; NULL: it is not here, or that is none. */
static const struct statement *end_of(const struct authority *a, const char *text)
{
	uint8_t id[SHA256_LEN];

	if (strlen(text) != 2 * SHA256_LEN || text_unhex(text, id, SHA256_LEN) != OK)
		return NULL;
	return register_find(a->from, id);
}

/* A chain has one end; of two that are named the first counts. */
static bool is_named(const struct authority_officer *o, const struct statement *end)
{
	for (size_t i = 0; i < o->end_count; i++)
		if (statement_same_chain(o->ends[i], end))
			return true;
	return false;
}

/* The end that the revocation names for the chain of `like`; NULL: it names none that is here. */
static const struct statement *end_named(const struct authority *a, const struct statement *s,
					 const struct statement *like)
{
	const char *text;

	for (size_t i = 0; (text = statement_value_at(s, "upto", i)) != NULL; i++) {
		const struct statement *end = end_of(a, text);

		if (end && statement_same_chain(end, like))
			return end;
	}
	return NULL;
}

/* Of two revocations the lesser end of each chain. */
static void cut_again(const struct authority *a, struct authority_officer *o,
		      const struct statement *s)
{
	for (size_t i = 0; i < o->end_count;) {
		const struct statement *end = end_named(a, s, o->ends[i]);

		if (!end) {
			o->ends[i] = o->ends[--o->end_count];
			continue;
		}
		if (end->seq < o->ends[i]->seq)
			o->ends[i] = end;
		i++;
	}
}

/* What the revocation leaves of them: the chains that it names, up to there. */
static enum err cut_officer(const struct authority *a, struct authority_officer *o,
			    const struct statement *s)
{
	const char *text;

	if (o->cut) {
		cut_again(a, o, s);
		return OK;
	}
	o->cut = true;
	for (size_t i = 0; (text = statement_value_at(s, "upto", i)) != NULL; i++) {
		const struct statement *end = end_of(a, text), **more;

		if (!end || memcmp(end->signer, o->vkey, SIGN_VKEY_LEN) != 0 || is_named(o, end))
			continue;
		more = realloc(o->ends, (o->end_count + 1) * sizeof(*more));
		if (!more)
			return err_at(ERR_NOMEM, "officers");
		o->ends = more;
		more[o->end_count++] = end;
	}
	return OK;
}

/* The recipient that the officer's statements are about. */
static const char *recipient_of(const struct authority_officer *o)
{
	return statement_value(o->made_by, "recipient");
}

static bool revokes(const struct statement *s, const struct authority_officer *o)
{
	const char *what = statement_value(s, "what"), *key;

	if (s->kind != STATEMENT_REVOKE || !what)
		return false;
	if (strcmp(what, "staff") == 0 && same_recipient(statement_value(s, "id"), recipient_of(o)))
		return true;
	/* Keys that were kept on a revoked host. */
	for (size_t i = 0; (key = statement_value_at(s, "key", i)) != NULL; i++)
		if (same_recipient(key, recipient_of(o)))
			return true;
	return false;
}

/* One officer's revocations of others, unless somebody before him cut his own word off before. */
static enum err take_cuts(struct authority *a, size_t by)
{
	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *s = register_at(a->from, i);

		if (s->kind != STATEMENT_REVOKE ||
		    memcmp(s->signer, a->officers[by].vkey, SIGN_VKEY_LEN) != 0 ||
		    !is_officer_word(a, s, 0))
			continue;
		for (size_t n = 0; n < a->count; n++)
			if (revokes(s, &a->officers[n]))
				TRY(cut_officer(a, &a->officers[n], s));
	}
	return OK;
}

enum err authority_make(const struct org_register *r, struct authority *ret)
{
	struct authority a = { .from = r };
	enum err err;

	a.flags = calloc(register_count(r) + 1, 1);
	err = a.flags ? chains_judge(r, a.flags) : err_at(ERR_NOMEM, "register");
	if (err == OK)
		err = find_officers(&a);
	if (err == OK)
		find_second(&a);
	for (size_t i = 0; err == OK && i < a.count; i++)
		err = take_cuts(&a, i);
	if (err != OK) {
		authority_clear(&a);
		return err;
	}
	*ret = a;
	return OK;
}

void authority_clear(struct authority *a)
{
	for (size_t i = 0; i < a->count; i++)
		free(a->officers[i].ends);
	free(a->officers);
	free(a->flags);
	memset(a, 0, sizeof(*a));
}

bool authority_allows(const struct authority *a, const struct statement *s)
{
	if (s->kind == STATEMENT_ORG)
		return s == a->founding;
	if (!is_officer_word(a, s, 0))
		return false;
	if (s->kind == STATEMENT_REVOKE)
		return true;
	return authority_stands(a, s) && (!needs_second(a, s) || is_approved(a, s, 0));
}

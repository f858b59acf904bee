/* Officers are heard one by one, by rank. Whoever is heard first cuts off the others' word; what is
 * cut off was not said, so of two who revoke each other the one of lower rank stays. Afterwards, with
 * all cuts known, it is told who is an officer: whoever was made one by what still counts. */
#include "org/authority.h"
#include <stdlib.h>
#include <string.h>

/* ---- lists ---- */

static enum err add(struct statements *to, const struct statement *s)
{
	const struct statement **more = realloc(to->list, (to->count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "officers");
	to->list = more;
	more[to->count++] = s;
	return OK;
}

static bool has(const struct statements *in, const struct statement *s)
{
	for (size_t i = 0; i < in->count; i++)
		if (in->list[i] == s)
			return true;
	return false;
}

static void forget(struct statements *s)
{
	free(s->list);
	*s = (struct statements){ 0 };
}

/* ---- reading fields ---- */

static bool says(const struct statement *s, const char *name, const char *value)
{
	const char *said;

	for (size_t i = 0; (said = statement_value_at(s, name, i)) != NULL; i++)
		if (strcmp(said, value) == 0)
			return true;
	return false;
}

bool revocation_names(const struct statement *revocation, const char *recipient)
{
	const char *what = statement_value(revocation, "what");
	const char *id = statement_value(revocation, "id");

	return (what && id && strcmp(what, "staff") == 0 && strcmp(id, recipient) == 0) ||
	       says(revocation, "key", recipient);
}

/* ---- up to where somebody's word counts ---- */

bool authority_stands(const struct authority *a, const struct statement *s)
{
	size_t slot = register_slot(a->from, s->id);

	return slot != NO_SLOT && a->flags[slot] == 0;
}

static struct authority_officer *find_officer(const struct authority *a,
					      const uint8_t vkey[SIGN_VKEY_LEN])
{
	for (size_t i = 0; i < a->count; i++)
		if (memcmp(a->officers[i].vkey, vkey, SIGN_VKEY_LEN) == 0)
			return &a->officers[i];
	return NULL;
}

/* Whether the revocation leaves `s`: it names one of its chain that is not before it. */
static bool leaves(const struct authority *a, const struct statement *cut,
		   const struct statement *s)
{
	uint8_t id[SHA256_LEN];
	const char *text;

	for (size_t i = 0; (text = statement_value_at(cut, "upto", i)) != NULL; i++) {
		const struct statement *end =
			statement_hex(text, id, sizeof(id)) ? register_find(a->from, id) : NULL;

		if (end && statement_same_chain(end, s) &&
		    (s->seq < end->seq || (s->seq == end->seq && s == end)))
			return true;
	}
	return false;
}

static bool is_within(const struct authority *a, const struct authority_officer *o,
		      const struct statement *s)
{
	for (size_t i = 0; i < o->cuts.count; i++)
		if (!leaves(a, o->cuts.list[i], s))
			return false;
	return true;
}

/* ---- a second officer ---- */

/* The founder makes the second officer alone: there is nobody yet to approve it. */
static const struct statement *first_fellow(const struct authority *a)
{
	const struct authority_officer *founder = &a->officers[0];

	for (size_t i = 0; i < a->makings.count; i++) {
		const struct statement *s = a->makings.list[i];

		if (memcmp(s->signer, founder->vkey, SIGN_VKEY_LEN) == 0 &&
		    !says(s, "recipient", statement_value(a->founding, "recipient") ?: "") &&
		    is_within(a, founder, s))
			return s;
	}
	return NULL;
}

static bool needs_second(const struct authority *a, const struct statement *s)
{
	if (s->clock <= a->second_from)
		return false;
	switch (s->kind) {
	case STATEMENT_OFFICER:
		return s != first_fellow(a);
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

/* What an officer said as one, approvals aside. */
static bool is_word(const struct authority *a, const struct statement *s, bool valid_only)
{
	const struct authority_officer *o = find_officer(a, s->signer);

	return o && (o->valid || !valid_only) && s->clock > o->since && is_within(a, o, s);
}

static int by_target(const void *a, const void *b)
{
	const struct approval *x = a, *y = b;

	return memcmp(x->of, y->of, SHA256_LEN);
}

/* The place of the first approval of `id`, or of what comes behind it. */
static size_t first_approval(const struct authority *a, const uint8_t id[SHA256_LEN])
{
	size_t low = 0, high = a->approval_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (memcmp(a->approvals[middle].of, id, SHA256_LEN) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_approved(const struct authority *a, const struct statement *s, bool valid_only)
{
	for (size_t i = first_approval(a, s->id); i < a->approval_count; i++) {
		const struct statement *by = a->approvals[i].by;

		if (memcmp(a->approvals[i].of, s->id, SHA256_LEN) != 0)
			return false;
		if (memcmp(by->signer, s->signer, SIGN_VKEY_LEN) != 0 && is_word(a, by, valid_only))
			return true;
	}
	return false;
}

static bool counts(const struct authority *a, const struct statement *s, bool valid_only)
{
	return is_word(a, s, valid_only) && (!needs_second(a, s) || is_approved(a, s, valid_only));
}

/* ---- hearing them ---- */

static bool is_named_officer(const struct authority_officer *o, const struct statement *cut)
{
	for (size_t i = 0; i < o->makings.count; i++) {
		const char *who = statement_value(o->makings.list[i], "recipient");

		if (who && revocation_names(cut, who))
			return true;
	}
	return false;
}

/* Revocations that count already, against somebody of whom more is known now. */
static enum err apply_cuts(struct authority *a, struct authority_officer *o)
{
	for (size_t i = 0; i < a->taken.count; i++)
		if (!has(&o->cuts, a->taken.list[i]) && is_named_officer(o, a->taken.list[i]))
			TRY(add(&o->cuts, a->taken.list[i]));
	return OK;
}

static enum err add_making(struct authority *a, struct authority_officer *o,
			   const struct statement *s)
{
	if (has(&o->makings, s))
		return OK;
	TRY(add(&o->makings, s));
	o->since = MIN(o->since, s->clock);
	return apply_cuts(a, o);
}

static enum err add_officer(struct authority *a, const uint8_t vkey[SIGN_VKEY_LEN], unsigned rank,
			    const struct statement *made_by)
{
	struct authority_officer *more = realloc(a->officers, (a->count + 1) * sizeof(*more));
	struct authority_officer *o;

	if (!more)
		return err_at(ERR_NOMEM, "officers");
	a->officers = more;
	o = &more[a->count++];
	*o = (struct authority_officer){ .rank = rank, .since = UINT64_MAX };
	memcpy(o->vkey, vkey, SIGN_VKEY_LEN);
	return add_making(a, o, made_by);
}

static enum err take_cut(struct authority *a, const struct statement *cut)
{
	TRY(add(&a->taken, cut));
	for (size_t i = 0; i < a->count; i++)
		TRY(apply_cuts(a, &a->officers[i]));
	return OK;
}

/* All that he revokes, until his own word is cut off. A revocation need not stand. */
static enum err hear(struct authority *a, size_t at)
{
	for (size_t i = 0; i < a->revocations.count; i++) {
		const struct statement *s = a->revocations.list[i];
		const struct authority_officer *o = &a->officers[at];

		if (memcmp(s->signer, o->vkey, SIGN_VKEY_LEN) == 0 && is_within(a, o, s))
			TRY(take_cut(a, s));
	}
	return OK;
}

struct candidate {
	const struct statement *made_by; /* NULL: nobody is left */
	uint8_t vkey[SIGN_VKEY_LEN];
	unsigned rank;
};

/* Goes through what makes officers; who is one already may be made one again. */
static enum err find_candidate(struct authority *a, struct candidate *ret)
{
	*ret = (struct candidate){ .made_by = NULL };
	for (size_t i = 0; i < a->makings.count; i++) {
		const struct statement *s = a->makings.list[i];
		struct authority_officer *known;
		uint8_t vkey[SIGN_VKEY_LEN];
		unsigned rank;

		if (!statement_hex(statement_value(s, "key"), vkey, sizeof(vkey)) ||
		    !counts(a, s, false))
			continue;
		rank = find_officer(a, s->signer)->rank + 1;
		known = find_officer(a, vkey);
		if (known) {
			TRY(add_making(a, known, s));
			continue;
		}
		if (ret->made_by && (rank > ret->rank ||
				     (rank == ret->rank &&
				      memcmp(s->id, ret->made_by->id, SHA256_LEN) > 0)))
			continue;
		*ret = (struct candidate){ .made_by = s, .rank = rank };
		memcpy(ret->vkey, vkey, sizeof(vkey));
	}
	return OK;
}

static enum err hear_all(struct authority *a)
{
	struct candidate next;

	TRY(add_officer(a, a->founding->signer, 0, a->founding));
	TRY(hear(a, 0));
	TRY(find_candidate(a, &next));
	while (next.made_by) {
		TRY(add_officer(a, next.vkey, next.rank, next.made_by));
		TRY(hear(a, a->count - 1));
		TRY(find_candidate(a, &next));
	}
	return OK;
}

/* ---- who is one, all cuts being known ---- */

static bool validate(struct authority *a, struct authority_officer *o)
{
	bool changed = false;

	for (size_t i = 0; i < o->makings.count; i++) {
		const struct statement *s = o->makings.list[i];

		if (s != a->founding && !counts(a, s, true))
			continue;
		if (o->valid && o->since <= s->clock)
			continue;
		o->valid = changed = true;
		o->since = MIN(o->since, s->clock);
	}
	return changed;
}

/* From the founder on; it only grows, so it ends. Two cannot hold each other up. */
static void find_valid(struct authority *a)
{
	bool changed = true;

	for (size_t i = 0; i < a->count; i++) {
		a->officers[i].valid = false;
		a->officers[i].since = UINT64_MAX;
	}
	while (changed) {
		changed = false;
		for (size_t i = 0; i < a->count; i++)
			changed |= validate(a, &a->officers[i]);
	}
}

static void forget_officers(struct authority *a)
{
	for (size_t i = 0; i < a->count; i++) {
		forget(&a->officers[i].makings);
		forget(&a->officers[i].cuts);
	}
	free(a->officers);
	a->officers = NULL;
	a->count = 0;
	forget(&a->taken);
}

static enum err find_officers(struct authority *a)
{
	forget_officers(a);
	TRY(hear_all(a));
	find_valid(a);
	return OK;
}

/* The first that asks for a second officer; it holds for what has a greater clock, for good. */
static void find_second(struct authority *a)
{
	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *s = register_at(a->from, i);

		if (s->kind == STATEMENT_POLICY && says(s, "set", "second-officer on") &&
		    authority_stands(a, s) && counts(a, s, true)) {
			a->second_from = s->clock;
			return;
		}
	}
}

/* ---- all of it ---- */

static enum err add_approval(struct authority *a, const struct statement *s)
{
	struct approval one = { .by = s }, *more;

	if (!statement_hex(statement_value(s, "statement"), one.of, sizeof(one.of)))
		return OK;
	more = realloc(a->approvals, (a->approval_count + 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "officers");
	a->approvals = more;
	more[a->approval_count++] = one;
	return OK;
}

static enum err sort_out(struct authority *a)
{
	for (size_t i = 0; i < register_count(a->from); i++) {
		const struct statement *s = register_at(a->from, i);

		if (s->kind == STATEMENT_REVOKE)
			TRY(add(&a->revocations, s));
		if (s->kind == STATEMENT_ORG)
			a->founding = s;
		if (s->kind == STATEMENT_OFFICER && authority_stands(a, s))
			TRY(add(&a->makings, s));
		if (s->kind == STATEMENT_APPROVE && authority_stands(a, s))
			TRY(add_approval(a, s));
	}
	if (a->approval_count > 1)
		qsort(a->approvals, a->approval_count, sizeof(*a->approvals), by_target);
	return OK;
}

/* Whether a second officer is needed is judged first, as if none were. */
static enum err fill(struct authority *a)
{
	TRY(chains_judge(a->from, a->flags));
	TRY(sort_out(a));
	a->second_from = UINT64_MAX;
	if (!a->founding)
		return OK;
	if (says(a->founding, "second-officer", "on")) {
		a->second_from = 0;
		return find_officers(a);
	}
	TRY(find_officers(a));
	find_second(a);
	return a->second_from == UINT64_MAX ? OK : find_officers(a);
}

enum err authority_make(const struct org_register *r, struct authority *ret)
{
	struct authority a = { .from = r, .flags = calloc(register_count(r) + 1, 1) };
	enum err err = a.flags ? fill(&a) : err_at(ERR_NOMEM, "register");

	if (err != OK) {
		authority_clear(&a);
		return err;
	}
	*ret = a;
	return OK;
}

void authority_clear(struct authority *a)
{
	forget_officers(a);
	forget(&a->makings);
	free(a->approvals);
	forget(&a->revocations);
	free(a->flags);
	memset(a, 0, sizeof(*a));
}

bool authority_allows(const struct authority *a, const struct statement *s)
{
	if (s->kind == STATEMENT_ORG)
		return s == a->founding;
	if (s->kind == STATEMENT_REVOKE)
		return has(&a->taken, s);
	return authority_stands(a, s) && counts(a, s, true);
}

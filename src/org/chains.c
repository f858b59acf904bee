/* Which statements stand: whose chain is whole up to them, and whose clock is what the statements
 * they name make it. A clock that could be chosen freely would let anybody place a statement behind
 * all that will ever be written. FORMAT.md, "Chains". */
#include <stdlib.h>
#include <string.h>
#include "org/register_set.h"

static int in_chain_order(const void *a, const void *b)
{
	const struct statement *x = *(struct statement *const *)a;
	const struct statement *y = *(struct statement *const *)b;
	int order = memcmp(x->signer, y->signer, SIGN_VKEY_LEN);

	if (order == 0)
		order = memcmp(x->writer, y->writer, WRITER_LEN);
	if (order == 0 && x->seq != y->seq)
		order = x->seq < y->seq ? -1 : 1;
	return order ? order : memcmp(x->id, y->id, SHA256_LEN);
}

/* How many of the statements from `s` on have its number in its chain. */
static size_t same_number(struct statement *const *s, size_t left)
{
	size_t n = 1;

	while (n < left && s[n]->seq == s[0]->seq && statement_same_chain(s[0], s[n]))
		n++;
	return n;
}

/* Whether `s` follows from `before`, the one that stands in front of it in its chain; NULL: none. */
static bool follows(const struct statement *before, const struct statement *s)
{
	if (!before)
		return s->seq == 1;
	return s->seq == before->seq + 1 && memcmp(s->prev, before->id, SHA256_LEN) == 0;
}

/* The flags of those with one number, of which `before` is the predecessor. */
static uint8_t judge_number(const struct statement *before, uint8_t flags_before,
			    const struct statement *s, size_t n)
{
	uint8_t flags = n > 1 ? STANDING_FORK : 0;

	if (!follows(before, s))
		flags |= STANDING_CUT;
	if (before && flags_before & (STANDING_FORK | STANDING_CUT | STANDING_BEHIND))
		flags |= STANDING_BEHIND;
	return flags;
}

static void judge_chains(const struct org_register *r, struct statement *const *sorted,
			 uint8_t *flags)
{
	const struct statement *before = NULL;
	uint8_t flags_before = 0;

	for (size_t i = 0, n; i < r->count; i += n) {
		if (before && !statement_same_chain(before, sorted[i]))
			before = NULL;
		n = same_number(sorted + i, r->count - i);
		flags_before = judge_number(before, flags_before, sorted[i], n);
		for (size_t j = 0; j < n; j++)
			flags[register_slot(r, sorted[i + j]->id)] = flags_before;
		before = sorted[i];
	}
}

/* ---- clocks ---- */

struct clocks {
	const struct org_register *r;
	const uint8_t *settled; /* by slot */
	uint64_t greatest;
	bool missing, waiting;
};

static void look_at(struct clocks *c, const uint8_t id[SHA256_LEN])
{
	size_t slot = register_slot(c->r, id);

	if (slot == NO_SLOT)
		c->missing = true;
	else if (!c->settled[slot])
		c->waiting = true;
	else
		c->greatest = MAX(c->greatest, c->r->all[slot]->clock);
}

static uint8_t judge_clock(const struct org_register *r, const struct statement *s,
			   const uint8_t *settled)
{
	struct clocks c = { .r = r, .settled = settled };
	bool cut;

	if (s->seq > 1)
		look_at(&c, s->prev);
	cut = c.missing;
	c.missing = false;
	for (size_t i = 0; i < s->seen_count; i++)
		look_at(&c, s->seen[i]);
	if (c.missing || cut)
		return (c.missing ? STANDING_UNSEEN : 0) | (cut ? STANDING_CUT : 0);
	/* One that has a greater clock than this was not looked at yet: then this one leapt. */
	if (c.waiting)
		return STANDING_WAITS;
	if (s->kind == STATEMENT_ORG)
		return 0;
	return c.greatest > 0 && s->clock == c.greatest + 1 ? 0 : STANDING_LEAP;
}

static enum err judge_clocks(const struct org_register *r, uint8_t *flags)
{
	CLEANUP(mem_freep) uint8_t *settled = calloc(1, r->count + 1);

	if (!settled)
		return err_at(ERR_NOMEM, "register");
	for (size_t i = 0; i < r->count; i++) {
		size_t slot = register_slot(r, r->list[i]->id);
		uint8_t found = judge_clock(r, r->list[i], settled);

		settled[slot] = found == 0;
		flags[slot] |= found;
	}
	return OK;
}

enum err chains_judge(const struct org_register *r, uint8_t *flags)
{
	CLEANUP(mem_freep) struct statement **sorted = malloc((r->count + 1) * sizeof(*sorted));

	if (!sorted)
		return err_at(ERR_NOMEM, "register");
	if (r->count > 0)
		memcpy(sorted, r->list, r->count * sizeof(*sorted));
	qsort(sorted, r->count, sizeof(*sorted), in_chain_order);
	judge_chains(r, sorted, flags);
	return judge_clocks(r, flags);
}

enum err register_standing(const struct org_register *r, bool *ret)
{
	CLEANUP(mem_freep) uint8_t *flags = calloc(1, r->count + 1);

	if (!flags)
		return err_at(ERR_NOMEM, "register");
	TRY(chains_judge(r, flags));
	for (size_t i = 0; i < r->count; i++)
		ret[i] = flags[register_slot(r, r->list[i]->id)] == 0;
	return OK;
}

/* ---- what is told ---- */

struct teller {
	enum err (*each)(void *ctx, const struct register_finding *f);
	void *ctx;
};

static enum err tell(const struct teller *t, enum register_fault fault, const struct statement *s)
{
	struct register_finding f = { fault, s };

	return t->each(t->ctx, &f);
}

/* Of those that have one number only the first is told. */
static bool first_of_fork(const struct org_register *r, const struct statement *s)
{
	for (size_t i = 0; i < r->count; i++) {
		const struct statement *other = r->list[i];

		if (other == s)
			return true;
		if (other->seq == s->seq && statement_same_chain(other, s))
			return false;
	}
	return true;
}

static enum err tell_one(const struct org_register *r, const struct statement *s, uint8_t flags,
			 const struct teller *t)
{
	/* What stands behind a fork has two predecessors; that says no more than the fork. */
	if (flags & STANDING_FORK && !(flags & STANDING_BEHIND) && first_of_fork(r, s))
		TRY(tell(t, REGISTER_FORK, s));
	if (flags & STANDING_CUT && !(flags & STANDING_BEHIND))
		TRY(tell(t, REGISTER_CUT, s));
	if (flags & STANDING_UNSEEN)
		TRY(tell(t, REGISTER_UNSEEN, s));
	if (flags & STANDING_LEAP)
		TRY(tell(t, REGISTER_LEAP, s));
	return OK;
}

enum err register_check(const struct org_register *r,
			enum err (*each)(void *ctx, const struct register_finding *f), void *ctx)
{
	CLEANUP(mem_freep) uint8_t *flags = calloc(1, r->count + 1);
	struct teller t = { each, ctx };

	if (!flags)
		return err_at(ERR_NOMEM, "register");
	TRY(chains_judge(r, flags));
	for (size_t i = 0; i < r->count; i++)
		TRY(tell_one(r, r->list[i], flags[register_slot(r, r->list[i]->id)], &t));
	return OK;
}

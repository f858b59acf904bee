/* What one thread found, and how it is put together. */
#include <stdlib.h>
#include <string.h>
#include "access/verify_internal.h"
#include "base/text.h"

void *batch_grow(void *items, size_t *count, size_t *cap, size_t size)
{
	void *more = items;

	if (*count == *cap) {
		size_t larger = *cap ? *cap + *cap / 2 : 64;

		more = realloc(items, larger * size);
		if (!more)
			return NULL;
		*cap = larger;
	}
	memset((char *)more + *count * size, 0, size);
	(*count)++;
	return more;
}

void batch_clear(struct batch *b)
{
	free(b->findings);
	free(b->claims);
	free(b->sessions);
	memset(b, 0, sizeof(*b));
}

enum err batch_find(struct batch *b, enum verify_what what, const char *log, const char *other,
		    uint64_t seq, int64_t when)
{
	struct verify_finding *f;

	if (b->counts[what]++ >= VERIFY_KEPT)
		return OK;
	f = batch_grow(b->findings, &b->finding_count, &b->finding_cap, sizeof(*f));
	if (!f)
		return err_at(ERR_NOMEM, "findings");
	b->findings = f;
	f += b->finding_count - 1;
	f->what = what;
	f->seq = seq;
	f->when = when;
	text_copy(f->log, sizeof(f->log), log);
	text_copy(f->other, sizeof(f->other), other);
	return OK;
}

/* Moves the items of `from` behind those of `into`. */
static enum err join(void **into, size_t *count, size_t *cap, const void *from, size_t from_count,
		     size_t size)
{
	if (from_count == 0)
		return OK;
	if (*count + from_count > *cap) {
		size_t larger = MAX(*count + from_count, *cap + *cap / 2);
		void *more = realloc(*into, larger * size);

		if (!more)
			return err_at(ERR_NOMEM, "logs");
		*into = more;
		*cap = larger;
	}
	memcpy((char *)*into + *count * size, from, from_count * size);
	*count += from_count;
	return OK;
}

enum err batch_join(struct batch *into, const struct batch *from)
{
#define JOIN(items, count, cap)                                                                    \
	TRY(join((void **)&into->items, &into->count, &into->cap, from->items, from->count,        \
		 sizeof(*from->items)))
	JOIN(findings, finding_count, finding_cap);
	JOIN(claims, claim_count, claim_cap);
	JOIN(sessions, session_count, session_cap);
#undef JOIN
	for (unsigned i = 0; i < VERIFY_KINDS; i++)
		into->counts[i] += from->counts[i];
	into->openings += from->openings;
	return OK;
}

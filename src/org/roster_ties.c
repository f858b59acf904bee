/* What belonged to whom at any time, and what was known when somebody was revoked. */
#include <stdlib.h>
#include <string.h>
#include "org/roster_internal.h"

void *list_grow(void *list, size_t *count, size_t size)
{
	void **at = list;
	char *more = realloc(*at, (*count + 1) * size);

	if (!more)
		return NULL;
	*at = more;
	memset(more + *count * size, 0, size);
	return more + (*count)++ * size;
}

enum err tie_volume(struct roster_book *b, const uint8_t volume_id[VOLUME_ID_LEN],
		    const char *number)
{
	struct volume_tie *t;

	for (size_t i = 0; i < b->volume_count; i++)
		if (memcmp(b->volumes[i].volume_id, volume_id, VOLUME_ID_LEN) == 0 &&
		    strcmp(b->volumes[i].number, number) == 0)
			return OK;
	t = list_grow(&b->volumes, &b->volume_count, sizeof(*t));
	if (!t)
		return err_at(ERR_NOMEM, "roster");
	memcpy(t->volume_id, volume_id, VOLUME_ID_LEN);
	memcpy(t->number, number, strlen(number) + 1);
	return OK;
}

enum err tie_key(struct roster_book *b, const uint8_t vkey[SIGN_VKEY_LEN],
		 const struct age_recipient *who)
{
	struct key_tie *t;

	for (size_t i = 0; i < b->key_count; i++)
		if (memcmp(b->keys[i].vkey, vkey, SIGN_VKEY_LEN) == 0 &&
		    age_recipient_equal(&b->keys[i].recipient, who))
			return OK;
	t = list_grow(&b->keys, &b->key_count, sizeof(*t));
	if (!t)
		return err_at(ERR_NOMEM, "roster");
	memcpy(t->vkey, vkey, SIGN_VKEY_LEN);
	t->recipient = *who;
	return OK;
}

void ties_clear(struct roster_book *b)
{
	for (size_t i = 0; i < b->past_count; i++)
		free(b->pasts[i].known);
	free(b->pasts);
	free(b->volumes);
	free(b->keys);
}

/* ---- what was known ---- */

struct walk {
	const struct org_register *r;
	bool *known;
	size_t *todo; /* slots; each comes in once */
	size_t count;
};

static void walk_to(struct walk *w, const uint8_t id[SHA256_LEN])
{
	size_t slot = register_slot(w->r, id);

	if (slot == NO_SLOT || w->known[slot])
		return;
	w->known[slot] = true;
	w->todo[w->count++] = slot;
}

static enum err fill_past(const struct org_register *r, struct past *p)
{
	CLEANUP(mem_freep) size_t *todo = calloc(register_count(r) + 1, sizeof(*todo));
	struct walk w = { .r = r, .todo = todo };

	w.known = p->known = calloc(register_count(r) + 1, sizeof(*p->known));
	if (!todo || !w.known)
		return err_at(ERR_NOMEM, "roster");
	walk_to(&w, p->of->id);
	while (w.count > 0) {
		const struct statement *s = r->all[w.todo[--w.count]];

		if (s->seq > 1)
			walk_to(&w, s->prev);
		for (size_t i = 0; i < s->seen_count; i++)
			walk_to(&w, s->seen[i]);
	}
	return OK;
}

static bool names_people(const struct statement *s)
{
	const char *what = statement_value(s, "what");

	return (what && strcmp(what, "staff") == 0) || statement_value(s, "key");
}

enum err pasts_make(struct roster_book *b)
{
	const struct statements *taken = &b->authority.taken;

	for (size_t i = 0; i < taken->count; i++) {
		struct past *p;

		if (!names_people(taken->list[i]))
			continue;
		p = list_grow(&b->pasts, &b->past_count, sizeof(*p));
		if (!p)
			return err_at(ERR_NOMEM, "roster");
		p->of = taken->list[i];
		TRY(fill_past(b->roster.from, p));
	}
	return OK;
}

static bool names_key(const struct roster_book *b, const struct statement *revocation,
		      const uint8_t vkey[SIGN_VKEY_LEN])
{
	char who[AGE_RECIPIENT_TEXT];

	for (size_t i = 0; i < b->key_count; i++) {
		if (memcmp(b->keys[i].vkey, vkey, SIGN_VKEY_LEN) != 0)
			continue;
		age_recipient_print(&b->keys[i].recipient, who);
		if (revocation_names(revocation, who))
			return true;
	}
	return false;
}

bool pasts_allow(const struct roster_book *b, const struct statement *s)
{
	size_t slot = register_slot(b->roster.from, s->id);

	for (size_t i = 0; i < b->past_count; i++)
		if (!b->pasts[i].known[slot] && names_key(b, b->pasts[i].of, s->signer))
			return false;
	return true;
}

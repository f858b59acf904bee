#include "org/register_set.h"
#include <stdlib.h>
#include <string.h>
#include "base/cursor.h"
#include "crypto/random.h"

/* ---- finding ---- */

static size_t bucket_of(const struct org_register *r, const uint8_t id[SHA256_LEN])
{
	return (size_t)load_u64(id) & (r->table_size - 1);
}

size_t register_slot(const struct org_register *r, const uint8_t id[SHA256_LEN])
{
	if (r->count == 0)
		return NO_SLOT;
	for (size_t at = bucket_of(r, id); r->table[at]; at = (at + 1) & (r->table_size - 1))
		if (memcmp(r->all[r->table[at] - 1]->id, id, SHA256_LEN) == 0)
			return r->table[at] - 1;
	return NO_SLOT;
}

bool register_is_founded(const struct org_register *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->all[i]->kind == STATEMENT_ORG)
			return true;
	return false;
}

/* ---- adding ---- */

static void enter_slot(struct org_register *r, size_t slot)
{
	size_t at = bucket_of(r, r->all[slot]->id);

	while (r->table[at])
		at = (at + 1) & (r->table_size - 1);
	r->table[at] = slot + 1;
}

static enum err grow_list(struct statement ***list, size_t cap)
{
	struct statement **more = realloc(*list, cap * sizeof(struct statement *));

	if (!more)
		return err_at(ERR_NOMEM, "register");
	*list = more;
	return OK;
}

static enum err make_room(struct org_register *r)
{
	size_t cap = r->cap ? 2 * r->cap : 64, *table;

	if (r->count < r->cap)
		return OK;
	table = calloc(2 * cap, sizeof(*table));
	if (!table)
		return err_at(ERR_NOMEM, "register");
	if (grow_list(&r->list, cap) != OK || grow_list(&r->all, cap) != OK) {
		free(table);
		return ERR_NOMEM;
	}
	free(r->table);
	r->table = table;
	r->table_size = 2 * cap;
	r->cap = cap;
	for (size_t slot = 0; slot < r->count; slot++)
		enter_slot(r, slot);
	return OK;
}

static int in_order(const struct statement *a, const struct statement *b)
{
	if (a->clock != b->clock)
		return a->clock < b->clock ? -1 : 1;
	return memcmp(a->id, b->id, SHA256_LEN);
}

/* Mostly it comes last. */
static void enter_list(struct org_register *r, struct statement *s)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (in_order(r->list[middle], s) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	memmove(r->list + low + 1, r->list + low, (r->count - low) * sizeof(struct statement *));
	r->list[low] = s;
}

static enum err add_new(struct org_register *r, struct statement *s)
{
	struct statement *own;

	TRY(make_room(r));
	own = malloc(sizeof(*own));
	if (!own)
		return err_at(ERR_NOMEM, "register");
	*own = *s;
	memset(s, 0, sizeof(*s));
	enter_list(r, own);
	r->all[r->count] = own;
	enter_slot(r, r->count);
	r->count++;
	return OK;
}

enum err register_add(struct org_register *r, struct statement *s, bool *ret_new)
{
	bool fresh = register_slot(r, s->id) == NO_SLOT;
	enum err err = OK;

	if (r->has_org && memcmp(r->org, s->org, ORG_ID_LEN) != 0) {
		err = err_at(ERR_SENDER, "statement of another society");
	} else if (fresh) {
		memcpy(r->org, s->org, ORG_ID_LEN);
		r->has_org = true;
		err = add_new(r, s);
	}
	statement_clear(s);
	if (err == OK && ret_new)
		*ret_new = fresh;
	return err;
}

/* A crash leaves zeroes where data had not arrived; no statement holds one. */
static bool looks_torn(const char *text, size_t len)
{
	size_t whole = statement_split(text, len);

	return whole == 0 || memchr(text, '\0', whole) != NULL;
}

enum err register_add_text(struct org_register *r, const char *text, size_t len, bool verify,
			   size_t *torn)
{
	size_t at = 0;

	while (at < len) {
		struct statement s = { 0 };
		size_t whole = statement_split(text + at, len - at);

		if (torn && looks_torn(text + at, len - at))
			break;
		if (whole == 0)
			return err_at(ERR_BAD_FORMAT, "register: end");
		TRY(verify ? statement_read(text + at, whole, &s)
			   : statement_read_trusted(text + at, whole, &s));
		TRY(register_add(r, &s, NULL));
		at += whole;
	}
	if (torn)
		*torn = at;
	return OK;
}

/* Transactions: a number of changes that readers and commits see as one, and that can be taken back. */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"

uint64_t store_item_cost(struct store *s)
{
	/* A path of nodes, one split at the leaf and one above. */
	return (uint64_t)(tree_depth(s->tree) + 2) * FORMAT_NODE_BLOCKS;
}

enum err store_reserve(struct store *s, uint64_t blocks, bool freeing)
{
	enum err err;

	TRY(store_usable(s));
	err = alloc_reserve(s->alloc, blocks, freeing);
	/* Growing writes: what fails there is a failing medium, a full one apart. */
	if (err != OK && err != ERR_NO_SPACE && err != ERR_NOMEM)
		(void)store_fail(s, err);
	return err;
}

void store_unreserve(struct store *s, uint64_t blocks)
{
	alloc_unreserve(s->alloc, blocks);
}

/* Room for the undo log and for what the changes free. */
static enum err txn_room(struct store *s, unsigned items)
{
	if (s->txn.cap < items) {
		struct undo *at = realloc(s->txn.at, items * sizeof(*at));

		if (!at)
			return err_at(ERR_NOMEM, "transaction");
		s->txn.at = at;
		s->txn.cap = items;
	}
	if (s->txn.gone_cap < items) {
		struct ref *gone = realloc(s->txn.gone, items * sizeof(*gone));

		if (!gone)
			return err_at(ERR_NOMEM, "transaction");
		s->txn.gone = gone;
		s->txn.gone_cap = items;
	}
	/* Twice: a change taken back frees again. One more for each record. */
	return tree_prepare(s->tree, items * 2 + 1);
}

/* Takes the lock; `blocks` were reserved for this transaction and are given back at its end. */
static enum err txn_begin(struct store *s, unsigned items, uint64_t blocks)
{
	enum err err;

	pthread_rwlock_wrlock(&s->lock);
	if (tree_over_limit(s->tree) && atomic_load(&s->frozen) == OK)
		tree_trim(s->tree);
	err = store_usable(s);
	if (err == OK)
		err = txn_room(s, items);
	if (err != OK) {
		pthread_rwlock_unlock(&s->lock);
		alloc_unreserve(s->alloc, blocks);
		return err;
	}
	s->txn.reserved = blocks;
	return OK;
}

enum err store_write_begin(struct store *s, unsigned items, bool freeing)
{
	uint64_t blocks = items * store_item_cost(s);

	TRY(store_reserve(s, blocks, freeing));
	return txn_begin(s, items, blocks);
}

enum err store_write_begin_promised(struct store *s, unsigned items)
{
	TRY(store_usable(s));
	return txn_begin(s, items, 0);
}

enum err store_write_covered(struct store *s)
{
	enum err err = alloc_cover_dirty(s->alloc);

	if (err != OK && err != ERR_NO_SPACE && err != ERR_NOMEM)
		(void)store_fail(s, err);
	return err;
}

static void undo_forget(struct store *s)
{
	for (size_t i = 0; i < s->txn.count; i++) {
		if (s->txn.at[i].value)
			mem_wipe(s->txn.at[i].value, s->txn.at[i].len);
		free(s->txn.at[i].value);
	}
	s->txn.count = 0;
	s->txn.gone_count = 0;
}

static void txn_leave(struct store *s)
{
	uint64_t reserved = s->txn.reserved;

	undo_forget(s);
	s->txn.reserved = 0;
	pthread_rwlock_unlock(&s->lock);
	alloc_unreserve(s->alloc, reserved);
}

/* Keeps what `key` has now, so that a change of it can be taken back. */
static enum err undo_note(struct store *s, const struct store_key *key)
{
	struct undo *u = &s->txn.at[s->txn.count];
	struct store_view view;
	enum err err;

	if (s->txn.count == s->txn.cap)
		return err_at(ERR_INTERNAL, "more changes than were announced");
	memset(u, 0, sizeof(*u));
	u->key = *key;
	err = tree_find(s->tree, key, TREE_EXACT, &view);
	if (err == ERR_NOT_FOUND) {
		s->txn.count++;
		return OK;
	}
	if (err != OK)
		return err;
	u->existed = true;
	u->has_record = view.has_record;
	u->record = view.record;
	u->len = view.len;
	if (view.len > 0) {
		u->value = malloc(view.len);
		if (!u->value)
			return err_at(ERR_NOMEM, "transaction");
		memcpy(u->value, view.value, view.len);
	}
	s->txn.count++;
	return OK;
}

/* Forgets the note of a change that did not happen. */
static void undo_drop_last(struct store *s)
{
	struct undo *u = &s->txn.at[--s->txn.count];

	free(u->value);
	u->value = NULL;
}

static void note_gone(struct store *s, const struct ref *gone)
{
	if (!ref_is_null(gone))
		s->txn.gone[s->txn.gone_count++] = *gone;
}

static enum err put(struct store *s, const struct store_key *key, const struct ref *record,
		    const void *value, size_t len)
{
	struct ref gone;
	enum err err;

	TRY(undo_note(s, key));
	err = tree_put(s->tree, key, record, value, len, &gone);
	if (err != OK) {
		undo_drop_last(s);
		return err;
	}
	note_gone(s, &gone);
	return OK;
}

enum err store_put(struct store *s, const struct store_key *key, const void *value, size_t len)
{
	return put(s, key, NULL, value, len);
}

enum err store_put_record(struct store *s, const struct store_key *key, const struct ref *record,
			  const void *value, size_t len)
{
	return put(s, key, record, value, len);
}

enum err store_delete(struct store *s, const struct store_key *key)
{
	struct ref gone;
	enum err err;

	TRY(undo_note(s, key));
	err = tree_delete(s->tree, key, &gone);
	if (err != OK) {
		undo_drop_last(s);
		return err;
	}
	note_gone(s, &gone);
	return OK;
}

void store_write_end(struct store *s)
{
	for (size_t i = 0; i < s->txn.gone_count; i++)
		tree_release(s->tree, &s->txn.gone[i]);
	txn_leave(s);
}

static enum err undo_one(struct store *s, const struct undo *u)
{
	struct ref gone;

	if (!u->existed)
		return tree_delete(s->tree, &u->key, &gone);
	return tree_put(s->tree, &u->key, u->has_record ? &u->record : NULL, u->value, u->len,
			&gone);
}

void store_write_abort(struct store *s)
{
	for (size_t i = s->txn.count; i-- > 0;) {
		enum err err = undo_one(s, &s->txn.at[i]);

		if (err != OK) {
			(void)store_fail(s, err);
			break;
		}
	}
	txn_leave(s);
}

#include "volume/note.h"
#include <stdlib.h>
#include "crypto/secret.h"
#include "volume/internal.h"

/* Long pieces are few items. Short ones the store can place however scattered free space is. */
static const uint32_t piece_lens[] = { STORE_RECORD_MAX, PIECE_LEN };

struct piece {
	struct store_key key;
	struct ref ref;
};

/* What takes a note's place: records that nothing refers to yet, and the keys it has now. */
struct change {
	struct piece *pieces;
	size_t piece_count;
	uint64_t *old; /* offsets of keys */
	size_t old_count;
};

static void change_clear(struct change *c)
{
	free(c->pieces);
	free(c->old);
}

static struct store_key note_key(uint32_t id, uint64_t at)
{
	return item_key(0, ITEM_NOTE, (uint64_t)id << 32 | at);
}

static bool is_of(const struct store_view *view, uint32_t id)
{
	return item_is(view, 0, ITEM_NOTE) && view->key.offset >> 32 == id;
}

/* ---- reading ---- */

/* Pieces stand side by side from 0 on. Under the store's lock, so that nothing moves meanwhile. */
static enum err read_pieces(struct store *s, uint32_t id, uint8_t *record, struct buf *ret)
{
	struct store_key key = note_key(id, 0);
	struct store_view view;
	uint64_t at = 0;
	enum err err;

	while ((err = store_find_ge(s, &key, &view)) == OK && is_of(&view, id)) {
		TRY(note_check(&view));
		if (view.key.offset != note_key(id, at).offset)
			return err_at(ERR_MALFORMED, "note %u lacks a piece", id);
		TRY(store_record_read(s, &view.key, &view.record, record));
		TRY(buf_append(ret, record, view.record.extra));
		at += view.record.extra;
		key = note_key(id, at);
		if (at >= NOTE_MAX)
			break;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	return at > 0 ? OK : err_at(ERR_NOT_FOUND, "note %u", id);
}

enum err note_get(struct store *s, uint32_t id, struct buf *ret)
{
	uint8_t *record = malloc(STORE_RECORD_MAX);
	enum err err;

	if (!record)
		return err_at(ERR_NOMEM, "note");
	store_read_begin(s);
	err = read_pieces(s, id, record, ret);
	store_read_end(s);
	mem_wipe(record, STORE_RECORD_MAX);
	free(record);
	return err;
}

/* ---- writing ---- */

static enum err list_old(struct store *s, uint32_t id, struct change *c)
{
	struct store_key key = note_key(id, 0);
	struct store_view view;
	size_t cap = 0;
	enum err err;

	while ((err = store_find_ge(s, &key, &view)) == OK && is_of(&view, id)) {
		if (c->old_count == cap) {
			uint64_t *more;

			cap = cap ? 2 * cap : 16;
			more = realloc(c->old, cap * sizeof(*more));
			if (!more)
				return err_at(ERR_NOMEM, "note");
			c->old = more;
		}
		c->old[c->old_count++] = view.key.offset;
		key = view.key;
		key.offset++;
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

static void drop_pieces(struct store *s, struct change *c)
{
	for (size_t i = 0; i < c->piece_count; i++)
		store_record_drop(s, &c->pieces[i].ref);
	c->piece_count = 0;
}

static enum err write_pieces(struct store *s, uint32_t id, const uint8_t *data, size_t len,
			     uint32_t piece_len, struct change *c)
{
	for (size_t at = 0; at < len; at += piece_len) {
		struct piece *p = &c->pieces[c->piece_count];

		p->key = note_key(id, at);
		TRY(store_record_write(s, &p->key, data + at, MIN(len - at, (size_t)piece_len),
				       &p->ref));
		c->piece_count++;
	}
	return OK;
}

/* One transaction: readers see the old note or the new one. */
static enum err put_pieces(struct store *s, const struct change *c)
{
	size_t taken = 0;

	for (size_t i = 0; i < c->old_count; i++) {
		struct store_key key = item_key(0, ITEM_NOTE, c->old[i]);

		while (taken < c->piece_count && c->pieces[taken].key.offset < key.offset)
			taken++;
		if (taken < c->piece_count && c->pieces[taken].key.offset == key.offset)
			continue; /* replaced below */
		TRY(store_delete(s, &key));
	}
	for (size_t i = 0; i < c->piece_count; i++)
		TRY(store_put_record(s, &c->pieces[i].key, &c->pieces[i].ref, NULL, 0));
	return OK;
}

static enum err put_change(struct store *s, const struct change *c)
{
	bool freeing = c->piece_count == 0;
	enum err err;

	TRY(store_write_begin(s, (unsigned)(c->piece_count + c->old_count), freeing));
	err = put_pieces(s, c);
	if (err == OK)
		store_write_end(s);
	else
		store_write_abort(s);
	return err;
}

static enum err put_in_pieces(struct store *s, uint32_t id, const void *data, size_t len,
			      uint32_t piece_len, struct change *c)
{
	size_t count = len / piece_len + 1;
	uint64_t blocks = count * store_record_blocks(piece_len);
	enum err err;

	free(c->pieces);
	c->pieces = calloc(count, sizeof(*c->pieces));
	if (!c->pieces)
		return err_at(ERR_NOMEM, "note");
	TRY(store_reserve(s, len > 0 ? blocks : 0, false));
	err = write_pieces(s, id, data, len, piece_len, c);
	if (err == OK)
		err = put_change(s, c);
	if (err != OK)
		drop_pieces(s, c);
	store_unreserve(s, len > 0 ? blocks : 0);
	return err;
}

enum err note_put(struct store *s, uint32_t id, const void *data, size_t len)
{
	CLEANUP(change_clear) struct change c = { 0 };
	enum err err;

	if (len > NOTE_MAX)
		return err_at(ERR_TOO_BIG, "note of %zu bytes", len);
	store_read_begin(s);
	err = list_old(s, id, &c);
	store_read_end(s);
	TRY(err);
	if (len == 0 && c.old_count == 0)
		return OK;
	err = ERR_NO_SPACE;
	for (unsigned i = 0; i < ARRAY_LEN(piece_lens) && err == ERR_NO_SPACE; i++)
		err = put_in_pieces(s, id, data, len, piece_lens[i], &c);
	return err;
}

/* ---- within a volume ---- */

static enum err put_once(struct volume *v, uint32_t id, const void *data, size_t len)
{
	enum err err;

	TRY(volume_room(v, 0));
	pthread_rwlock_rdlock(&v->ops);
	pthread_mutex_lock(&v->names); /* one puts at a time */
	err = note_put(v->store, id, data, len);
	if (err == OK) {
		v->tree_changes += (unsigned)(len / PIECE_LEN + 1);
		commits_note_change(v);
	}
	pthread_mutex_unlock(&v->names);
	pthread_rwlock_unlock(&v->ops);
	return err;
}

enum err volume_note_put(struct volume *v, uint32_t id, const void *data, size_t len)
{
	unsigned tries = 0;
	enum err err;

	do
		err = put_once(v, id, data, len);
	while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_note_get(struct volume *v, uint32_t id, struct buf *ret)
{
	return note_get(v->store, id, ret);
}

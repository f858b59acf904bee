/* A file's content as the tree has it. */
#include "volume/internal.h"

#include <string.h>

static enum err window_find_locked(struct volume *v, uint64_t ino, uint64_t index,
				   struct window *ret)
{
	struct store_key key = item_key(ino, ITEM_EXTENT, index << v->shift);
	struct store_view view;
	uint32_t end = 0;
	enum err err = OK;

	while (end < v->record && (err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, ino, ITEM_EXTENT) && view.key.offset >> v->shift == index) {
		struct extent *e = &ret->extents[ret->count];

		TRY(extent_check(&view, v->shift));
		e->key = view.key;
		e->ref = view.record;
		e->begin = (uint32_t)(view.key.offset & (v->record - 1));
		e->end = e->begin + view.record.extra;
		if (e->begin < end)
			return err_at(ERR_MALFORMED, "extents of inode %llu overlap",
				      (unsigned long long)ino);
		end = e->end;
		ret->count++;
		key.offset = view.key.offset + 1;
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

enum err window_find(struct volume *v, const struct inode *inode, uint64_t index,
		     struct window *ret)
{
	enum err err;

	ret->count = 0;
	if (inode->item.blocks == 0)
		return OK;
	store_read_begin(v->store);
	err = window_find_locked(v, inode->ino, index, ret);
	store_read_end(v->store);
	return err;
}

/* Re-sealing moves records without the inode's lock, so one that was looked up may be gone by the time
 * it is read, and its blocks hold something else. A record that does not open is believed to be forged
 * only when it still is the one in the tree. True: some were moved, `w` is as they are now. */
static bool window_refresh(struct volume *v, const struct inode *inode, uint64_t index,
			   struct window *w)
{
	struct window now;
	bool moved = false;

	if (window_find(v, inode, index, &now) != OK || now.count != w->count)
		return false;
	for (unsigned i = 0; i < now.count; i++)
		moved = moved || memcmp(now.extents[i].ref.nonce, w->extents[i].ref.nonce,
					XAES_NONCE_LEN) != 0;
	*w = now;
	return moved;
}

enum err inline_read(struct volume *v, const struct inode *inode, uint8_t *out, size_t cap,
		     size_t *ret_len)
{
	struct store_key key = item_key(inode->ino, ITEM_INLINE, 0);
	struct store_view view;
	enum err err;

	store_read_begin(v->store);
	err = store_find(v->store, &key, &view);
	if (err == ERR_NOT_FOUND)
		err = err_at(ERR_MALFORMED, "content of inode %llu is missing",
			     (unsigned long long)inode->ino);
	if (err == OK)
		err = inline_check(&view, S_ISLNK(inode->item.mode));
	if (err == OK && view.len > cap)
		err = ERR_MALFORMED;
	if (err == OK) {
		memcpy(out, view.value, view.len);
		*ret_len = view.len;
	}
	store_read_end(v->store);
	return err;
}

static enum err window_read_inline(struct volume *v, const struct inode *inode, uint32_t from,
				   uint32_t len, uint8_t *out)
{
	uint8_t content[INLINE_MAX];
	size_t have;

	TRY(inline_read(v, inode, content, sizeof(content), &have));
	memset(out, 0, len);
	if (from < have)
		memcpy(out, content + from, MIN(len, have - from));
	return OK;
}

/* A record that is wanted whole goes straight to `out`, if its last block fits there too. */
static enum err extent_read(struct volume *v, const struct extent *e, uint32_t from, uint32_t to,
			    uint32_t room, uint8_t *out)
{
	if (from == e->begin && to == e->end && room >= e->ref.blocks * DISK_BLOCK)
		return store_record_read(v->store, &e->key, &e->ref, out);
	return cache_read(v, e, from - e->begin, to - from, out);
}

static enum err window_read_extents(struct volume *v, const struct window *w, uint32_t from,
				    uint32_t len, uint8_t *out)
{
	uint32_t at = from, to = from + len;

	for (unsigned i = 0; i < w->count && at < to; i++) {
		const struct extent *e = &w->extents[i];
		uint32_t low = MIN(MAX(at, e->begin), to), high = MIN(e->end, to);

		if (high <= low)
			continue;
		memset(out + (at - from), 0, low - at);
		TRY(extent_read(v, e, low, high, to - low, out + (low - from)));
		at = high;
	}
	memset(out + (at - from), 0, to - at);
	return OK;
}

enum err window_read(struct volume *v, const struct inode *inode, uint64_t index, uint32_t from,
		     uint32_t len, uint8_t *out)
{
	struct window w;
	enum err err;

	if (index == 0 && inode->item.is_inline)
		return window_read_inline(v, inode, from, len, out);
	TRY(window_find(v, inode, index, &w));
	do
		err = window_read_extents(v, &w, from, len, out);
	while (err == ERR_FORGED && window_refresh(v, inode, index, &w));
	return err;
}

static enum err window_load_inline(struct volume *v, struct chunk *c, bool freeing)
{
	size_t len;

	TRY(chunk_prepare(v, c, INLINE_MAX, freeing));
	TRY(inline_read(v, c->inode, c->data, INLINE_MAX, &len));
	c->lo = 0;
	c->hi = (uint32_t)len;
	c->old_blocks = (len + 511) / 512;
	return OK;
}

/* Extents side by side, with zeroes between them. The caller holds ops, so there is no commit between
 * finding them and reading them, and none is gone. */
static enum err window_load_extents(struct volume *v, struct chunk *c, const struct window *w,
				    bool freeing)
{
	const struct extent *last = &w->extents[w->count - 1];
	uint32_t at = w->extents[0].begin;

	TRY(chunk_prepare(v, c, last->begin + last->ref.blocks * DISK_BLOCK, freeing));
	for (unsigned i = 0; i < w->count; i++) {
		const struct extent *e = &w->extents[i];

		memset(c->data + at, 0, e->begin - at);
		TRY(store_record_read(v->store, &e->key, &e->ref, c->data + e->begin));
		at = e->end;
	}
	c->lo = w->extents[0].begin;
	c->hi = last->end;
	return OK;
}

enum err window_load(struct volume *v, struct chunk *c, uint32_t from, uint32_t to, bool freeing)
{
	struct window w;

	if (c->index == 0 && c->inode->item.is_inline)
		return window_load_inline(v, c, freeing);
	TRY(window_find(v, c->inode, c->index, &w));
	if (w.count == 0)
		return OK;
	for (unsigned i = 0; i < w.count; i++)
		c->old_blocks += (uint64_t)w.extents[i].ref.blocks * (DISK_BLOCK / 512);
	c->old_extents = w.count;
	if (from <= w.extents[0].begin && w.extents[w.count - 1].end <= to)
		return OK;
	return window_load_extents(v, c, &w, freeing);
}

static enum err window_has_content(struct volume *v, struct inode *inode, uint64_t index, bool *ret)
{
	struct window w;

	*ret = index == 0 && inode->item.is_inline;
	if (*ret)
		return OK;
	TRY(window_find(v, inode, index, &w));
	*ret = w.count > 0;
	return OK;
}

enum err chunk_edit(struct volume *v, struct inode *inode, uint64_t index, bool make, bool freeing,
		    struct chunk **ret)
{
	struct chunk *c = chunk_find(inode, index);
	bool content;
	enum err err;

	*ret = c;
	if (c)
		return OK;
	TRY(window_has_content(v, inode, index, &content));
	if (!content && !make)
		return OK;
	TRY(chunk_create(v, inode, index, &c));
	err = window_load(v, c, 0, 0, freeing);
	if (err == OK)
		err = chunk_prepare(v, c, c->hi, freeing);
	if (err != OK) {
		chunk_discard(v, c);
		return err;
	}
	*ret = c;
	return OK;
}

/* One hold of the store's lock. It ends between windows, so a few more than `items` may go.
 * *ret_low: where the windows still there end, or `from`. */
static enum err extents_delete_batch(struct volume *v, struct inode *inode, uint64_t from,
				     uint64_t to, unsigned items, uint64_t *ret_low,
				     uint64_t *ret_blocks)
{
	struct store_key key = item_key(inode->ino, ITEM_EXTENT, to - 1);
	struct store_view view;

	*ret_blocks = 0;
	for (unsigned i = 0;; i++) {
		enum err err = store_find_le(v->store, &key, &view);

		if (err != OK && err != ERR_NOT_FOUND)
			return err;
		if (err != OK || !item_is(&view, inode->ino, ITEM_EXTENT) ||
		    view.key.offset < from) {
			*ret_low = from;
			return OK;
		}
		if (i >= items && view.key.offset < *ret_low)
			return OK;
		if (i >= items + v->record / PIECE_LEN)
			return err_at(ERR_MALFORMED, "too many extents in inode %llu",
				      (unsigned long long)inode->ino);
		key = view.key;
		*ret_blocks += (uint64_t)view.record.blocks * (DISK_BLOCK / 512);
		TRY(store_delete(v->store, &key));
		*ret_low = key.offset >> v->shift << v->shift;
	}
}

enum err extents_delete(struct volume *v, struct inode *inode, uint64_t from, uint64_t to,
			unsigned limit, uint64_t *ret_low)
{
	*ret_low = to;
	while (*ret_low > from && limit > 0 && inode->item.blocks > 0) {
		uint64_t most = inode->item.blocks / (DISK_BLOCK / 512) + 1;
		unsigned items = (unsigned)MIN(MIN(limit, DELETE_BATCH), most);
		uint64_t low = *ret_low, blocks;
		enum err err;

		TRY(tree_begin(v, items + v->record / PIECE_LEN, true));
		err = extents_delete_batch(v, inode, from, *ret_low, items, &low, &blocks);
		if (err != OK) {
			store_write_abort(v->store);
			return err;
		}
		store_write_end(v->store);
		inode->item.blocks -= MIN(inode->item.blocks, blocks);
		*ret_low = low;
		limit -= items;
	}
	if (inode->item.blocks == 0)
		*ret_low = from;
	return OK;
}

/* A file's content as the tree has it. */
#include "volume/internal.h"

#include <string.h>

enum err extent_find_locked(struct volume *v, uint64_t ino, uint64_t index, struct extent *ret)
{
	struct store_key key = item_key(ino, ITEM_EXTENT, index << v->shift);
	struct store_view view;
	enum err err = store_find_ge(v->store, &key, &view);

	memset(ret, 0, sizeof(*ret));
	if (err == ERR_NOT_FOUND)
		return OK;
	if (err != OK)
		return err;
	if (!item_is(&view, ino, ITEM_EXTENT) || view.key.offset >> v->shift != index)
		return OK;
	TRY(extent_check(&view, v->shift));
	ret->key = view.key;
	ret->ref = view.record;
	return OK;
}

enum err extent_find(struct volume *v, const struct inode *inode, uint64_t index,
		     struct extent *ret)
{
	enum err err;

	memset(ret, 0, sizeof(*ret));
	if (inode->item.blocks == 0)
		return OK;
	store_read_begin(v->store);
	err = extent_find_locked(v, inode->ino, index, ret);
	store_read_end(v->store);
	return err;
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

/* A record that is wanted whole goes straight to `out`, if its last block fits there too.
 *
 * The blocks cannot be reused under our feet although the store's lock was let go: an extent goes
 * away only under the inode's lock, which the caller holds. */
static enum err extent_read(struct volume *v, const struct extent *e, uint32_t from, uint32_t len,
			    uint32_t room, uint8_t *out)
{
	if (from == 0 && len == e->ref.extra && room >= e->ref.blocks * DISK_BLOCK)
		return store_record_read(v->store, &e->key, &e->ref, out);
	return cache_read(v, e, from, len, out);
}

enum err window_read(struct volume *v, const struct inode *inode, uint64_t index, uint32_t from,
		     uint32_t len, uint8_t *out)
{
	uint32_t begin, low, high, to = from + len;
	struct extent e;

	if (index == 0 && inode->item.is_inline)
		return window_read_inline(v, inode, from, len, out);
	TRY(extent_find(v, inode, index, &e));
	if (e.ref.blocks == 0) {
		memset(out, 0, len);
		return OK;
	}
	begin = (uint32_t)(e.key.offset - (index << v->shift));
	low = MIN(MAX(from, begin), to);
	high = MAX(MIN(to, begin + e.ref.extra), low);
	memset(out, 0, low - from);
	if (high > low)
		TRY(extent_read(v, &e, low - begin, high - low, to - low, out + (low - from)));
	memset(out + (high - from), 0, to - high);
	return OK;
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

enum err window_load(struct volume *v, struct chunk *c, uint32_t from, uint32_t to, bool freeing)
{
	uint32_t begin, end;
	struct extent e;

	if (c->index == 0 && c->inode->item.is_inline)
		return window_load_inline(v, c, freeing);
	TRY(extent_find(v, c->inode, c->index, &e));
	if (e.ref.blocks == 0)
		return OK;
	c->old_blocks = (uint64_t)e.ref.blocks * (DISK_BLOCK / 512);
	begin = (uint32_t)(e.key.offset - (c->index << v->shift));
	end = begin + e.ref.extra;
	if (from <= begin && end <= to)
		return OK;
	TRY(chunk_prepare(v, c, begin + e.ref.blocks * DISK_BLOCK, freeing));
	TRY(store_record_read(v->store, &e.key, &e.ref, c->data + begin));
	c->lo = begin;
	c->hi = end;
	return OK;
}

static enum err window_has_content(struct volume *v, struct inode *inode, uint64_t index,
				   bool *ret)
{
	struct extent e;

	*ret = index == 0 && inode->item.is_inline;
	if (*ret)
		return OK;
	TRY(extent_find(v, inode, index, &e));
	*ret = e.ref.blocks > 0;
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

/* One hold of the store's lock. *ret_low: where the extents still there end, or `from`. */
static enum err extents_delete_batch(struct volume *v, struct inode *inode, uint64_t from,
				     uint64_t to, unsigned items, uint64_t *ret_low,
				     uint64_t *ret_blocks)
{
	struct store_key key = item_key(inode->ino, ITEM_EXTENT, to - 1);
	struct store_view view;

	*ret_blocks = 0;
	for (unsigned i = 0; i < items; i++) {
		enum err err = store_find_le(v->store, &key, &view);

		if (err != OK && err != ERR_NOT_FOUND)
			return err;
		if (err != OK || !item_is(&view, inode->ino, ITEM_EXTENT) ||
		    view.key.offset < from) {
			*ret_low = from;
			return OK;
		}
		key = view.key;
		*ret_blocks += (uint64_t)view.record.blocks * (DISK_BLOCK / 512);
		TRY(store_delete(v->store, &key));
		*ret_low = key.offset >> v->shift << v->shift;
	}
	return OK;
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

		TRY(tree_begin(v, items, true));
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

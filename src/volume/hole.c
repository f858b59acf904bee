/* Space in files: fallocate, holes made and holes found. */
#include "volume/internal.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <unistd.h>

/* ---- fallocate ---- */

/* A part of one window that is overwritten with zeroes. */
struct part {
	struct chunk *chunk; /* NULL where there is no content */
	uint32_t from, to;
};

static enum err part_open(struct volume *v, struct inode *inode, uint64_t from, uint64_t to,
			  struct part *ret)
{
	uint64_t begin = from >> v->shift << v->shift;

	*ret = (struct part){.from = (uint32_t)(from - begin), .to = (uint32_t)(to - begin)};
	if (from >= to)
		return OK;
	return chunk_edit(v, inode, from >> v->shift, false, true, &ret->chunk);
}

static void part_zero(struct part *p)
{
	if (p->chunk)
		chunk_zero(p->chunk, p->from, p->to);
}

static enum err zero_windows(struct volume *v, struct inode *inode, uint64_t from, uint64_t to)
{
	uint64_t low;
	enum err err;

	if (from >= to)
		return OK;
	err = extents_delete(v, inode, from << v->shift, to << v->shift, UINT32_MAX, &low);
	chunks_discard(v, inode, low >> v->shift, to);
	return err;
}

/* Whole windows go; the rest is overwritten. Content inside an INLINE item counts as the rest.
 * What is likely to fail comes first. A range of many windows that fails midway has lost some of
 * them; they were to go. */
static enum err zero_range(struct volume *v, struct inode *inode, uint64_t from, uint64_t to)
{
	uint64_t first = (from + v->record - 1) >> v->shift;
	uint64_t end = to >> v->shift;
	struct part head = {0}, tail = {0};

	if (first == 0 && inode->item.is_inline)
		first = 1;
	if (first > end) {
		TRY(part_open(v, inode, from, to, &head));
	} else {
		TRY(part_open(v, inode, from, first << v->shift, &head));
		TRY(part_open(v, inode, end << v->shift, to, &tail));
		TRY(zero_windows(v, inode, first, end));
	}
	part_zero(&head);
	part_zero(&tail);
	return OK;
}

/* Nothing can be set aside for one file, since every write of a sealed block takes a new place.
 * What can be promised is that the space is there now. */
static enum err space_check(struct volume *v, uint64_t len)
{
	uint64_t blocks = len / DISK_BLOCK + 1;

	TRY(store_reserve(v->store, blocks, false));
	store_unreserve(v->store, blocks);
	return OK;
}

static enum err fallocate_locked(struct volume *v, struct inode *inode, int mode, uint64_t off,
				 uint64_t len)
{
	uint64_t end = off + len;
	uint64_t size = inode->item.size;
	bool zero = mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE);

	TRY(file_check(inode));
	TRY(file_unmark(v, inode));
	TRY(inode_make_dirty(v, inode, mode & FALLOC_FL_PUNCH_HOLE));
	if (!zero)
		TRY(space_check(v, len));
	else if (off < size)
		TRY(zero_range(v, inode, off, MIN(end, size)));
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > size)
		inode_set_size(v, inode, end);
	inode_stamp(inode, true);
	return OK;
}

static enum err fallocate_once(struct volume *v, uint64_t ino, int mode, uint64_t off, uint64_t len)
{
	struct inode *inode;
	enum err err;

	TRY(volume_room(v, 0));
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&v->ops);
	inode_lock_idle(v, inode, 0, UINT64_MAX);
	err = fallocate_locked(v, inode, mode, off, len);
	pthread_rwlock_unlock(&inode->lock);
	pthread_rwlock_unlock(&v->ops);
	inode_unpin(v, inode);
	return err;
}

static bool fallocate_mode_is_known(int mode)
{
	return mode == 0 || mode == FALLOC_FL_KEEP_SIZE ||
	       mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE) ||
	       mode == FALLOC_FL_ZERO_RANGE || mode == (FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE);
}

enum err volume_fallocate(struct volume *v, uint64_t ino, int mode, uint64_t off, uint64_t len)
{
	unsigned tries = 0;
	enum err err;

	if (!fallocate_mode_is_known(mode))
		return ERR_NOT_SUPPORTED;
	if (len == 0)
		return ERR_INVALID;
	if (off > VOLUME_FILE_MAX || len > VOLUME_FILE_MAX - off)
		return ERR_TOO_BIG;
	do {
		err = fallocate_once(v, ino, mode, off, len);
	} while (volume_space_again(v, err, &tries));
	return err;
}

/* ---- seek ---- */

struct span {
	uint64_t start, end; /* start UINT64_MAX: there is no more data */
};

static struct span span_none(void)
{
	return (struct span){UINT64_MAX, UINT64_MAX};
}

static struct span chunk_span(const struct volume *v, const struct inode *inode, uint64_t off)
{
	for (size_t i = chunk_place(inode, off >> v->shift); i < inode->chunk_count; i++) {
		const struct chunk *c = inode->chunks[i];
		uint64_t begin = c->index << v->shift;

		if (c->lo < c->hi && begin + c->hi > off)
			return (struct span){begin + c->lo, begin + c->hi};
	}
	return span_none();
}

static enum err extent_span_locked(struct volume *v, const struct inode *inode, uint64_t off,
				   struct span *ret)
{
	struct store_key key = item_key(inode->ino, ITEM_EXTENT, off >> v->shift << v->shift);
	struct store_view view;
	enum err err;

	*ret = span_none();
	while ((err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, inode->ino, ITEM_EXTENT)) {
		TRY(extent_check(&view, v->shift));
		if (view.key.offset + view.record.extra > off &&
		    !chunk_find(inode, view.key.offset >> v->shift)) {
			ret->start = view.key.offset;
			ret->end = view.key.offset + view.record.extra;
			return OK;
		}
		key.offset = view.key.offset + 1;
	}
	return err == ERR_NOT_FOUND ? OK : err;
}

static enum err tree_span(struct volume *v, const struct inode *inode, uint64_t off,
			  struct span *ret)
{
	uint8_t content[INLINE_MAX];
	size_t len;
	enum err err;

	if (inode->item.is_inline && !chunk_find(inode, 0)) {
		TRY(inline_read(v, inode, content, sizeof(content), &len));
		*ret = (struct span){0, len};
		if (off < len)
			return OK;
	}
	store_read_begin(v->store);
	err = extent_span_locked(v, inode, off, ret);
	store_read_end(v->store);
	return err;
}

/* The first stretch of data that ends behind `off`. */
static enum err next_span(struct volume *v, const struct inode *inode, uint64_t off,
			  struct span *ret)
{
	struct span dirty = chunk_span(v, inode, off);

	TRY(tree_span(v, inode, off, ret));
	if (dirty.start < ret->start)
		*ret = dirty;
	return OK;
}

static enum err seek_locked(struct volume *v, const struct inode *inode, uint64_t off, bool hole,
			    uint64_t *ret)
{
	uint64_t size = inode->item.size;
	struct span span;

	TRY(file_check(inode));
	if (off >= size)
		return ERR_OFFSET;
	TRY(next_span(v, inode, off, &span));
	while (hole && span.start <= off && off < size) {
		off = span.end;
		TRY(next_span(v, inode, off, &span));
	}
	if (!hole && span.start >= size)
		return ERR_OFFSET;
	*ret = hole ? MIN(off, size) : MAX(off, span.start);
	return OK;
}

enum err volume_seek(struct volume *v, uint64_t ino, uint64_t off, int whence, uint64_t *ret)
{
	struct inode *inode;
	enum err err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return ERR_INVALID;
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&inode->lock);
	err = seek_locked(v, inode, off, whence == SEEK_HOLE, ret);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
	return err;
}

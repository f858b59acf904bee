/* Content read and written. */
#include "volume/internal.h"

#include <string.h>

/* A write is done in whole pieces of at most this; each is there entirely or not at all. */
#define PIECE_MAX (1u << 20)

enum err file_check(const struct inode *inode)
{
	if (S_ISDIR(inode->item.mode))
		return ERR_IS_DIR;
	return S_ISREG(inode->item.mode) ? OK : ERR_INVALID;
}

static enum err read_locked(struct volume *v, const struct inode *inode, uint64_t off, uint8_t *out,
			    size_t len)
{
	while (len > 0) {
		uint64_t index = off >> v->shift;
		uint32_t from = (uint32_t)(off & (v->record - 1));
		uint32_t part = (uint32_t)MIN(len, v->record - from);
		const struct chunk *c = chunk_find(inode, index);

		if (c)
			chunk_copy_out(c, from, part, out);
		else
			TRY(window_read(v, inode, index, from, part, out));
		off += part;
		out += part;
		len -= part;
	}
	return OK;
}

enum err volume_read(struct volume *v, uint64_t ino, uint64_t off, void *buf, size_t len,
		     size_t *ret_len)
{
	struct inode *inode;
	enum err err;

	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&inode->lock);
	err = file_check(inode);
	if (err == OK && off >= inode->item.size)
		len = 0;
	else
		len = MIN(len, inode->item.size - off);
	if (err == OK)
		err = read_locked(v, inode, off, buf, len);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
	if (err == OK)
		*ret_len = len;
	return err;
}

static enum err write_prepare_window(struct volume *v, struct inode *inode, uint64_t index,
				     uint32_t from, uint32_t to)
{
	struct chunk *c = chunk_find(inode, index);

	if (!c) {
		TRY(chunk_create(v, inode, index, &c));
		TRY(window_load(v, c, from, to, false));
	}
	return chunk_prepare(v, c, to, false);
}

/* A fresh chunk may lack the content that it was to replace: it must not outlive a failure. */
static void write_unprepare(struct volume *v, struct inode *inode, uint64_t from, uint64_t to)
{
	size_t i = chunk_place(inode, to);

	while (i > 0 && inode->chunks[i - 1]->index >= from) {
		struct chunk *c = inode->chunks[--i];

		if (c->fresh)
			chunk_discard(v, c);
	}
}

/* All that can fail comes before the first byte is copied. */
static enum err write_prepare(struct volume *v, struct inode *inode, uint64_t off, size_t len)
{
	uint64_t first = off >> v->shift, last = (off + len - 1) >> v->shift;
	enum err err;

	TRY(inode_make_dirty(v, inode, false));
	for (uint64_t index = first; index <= last; index++) {
		uint64_t begin = index << v->shift;
		uint32_t from = (uint32_t)(MAX(off, begin) - begin);
		uint32_t to = (uint32_t)(MIN(off + len, begin + v->record) - begin);

		err = write_prepare_window(v, inode, index, from, to);
		if (err != OK) {
			write_unprepare(v, inode, first, last + 1);
			return err;
		}
	}
	return OK;
}

static void write_copy(struct volume *v, struct inode *inode, uint64_t off, const uint8_t *data,
		       size_t len)
{
	while (len > 0) {
		uint32_t from = (uint32_t)(off & (v->record - 1));
		uint32_t part = (uint32_t)MIN(len, v->record - from);
		struct chunk *c = chunk_find(inode, off >> v->shift);

		chunk_cover(c, from, from + part);
		memcpy(c->data + from, data, part);
		if (from + part == v->record)
			chunk_set_ready(v, c);
		off += part;
		data += part;
		len -= part;
	}
}

static enum err write_locked(struct volume *v, struct inode *inode, uint64_t off, const void *data,
			     size_t len)
{
	TRY(file_check(inode));
	if (off > VOLUME_FILE_MAX || len > VOLUME_FILE_MAX - off)
		return ERR_TOO_BIG;
	TRY(file_unmark(v, inode));
	TRY(write_prepare(v, inode, off, len));
	write_copy(v, inode, off, data, len);
	if (off + len > inode->item.size)
		inode_set_size(v, inode, off + len);
	inode_stamp(inode, true);
	return OK;
}

/* Where an append goes is known only under the lock, so it waits for every chunk. */
static enum err write_piece(struct volume *v, uint64_t ino, bool append, uint64_t off,
			    const void *data, size_t len)
{
	uint64_t first = append ? 0 : off >> v->shift;
	uint64_t end = append ? UINT64_MAX : ((off + len - 1) >> v->shift) + 1;
	struct inode *inode;
	enum err err;

	TRY(volume_room(v, len));
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&v->ops);
	inode_lock_idle(v, inode, first, end);
	err = write_locked(v, inode, append ? inode->item.size : off, data, len);
	pthread_rwlock_unlock(&inode->lock);
	pthread_rwlock_unlock(&v->ops);
	inode_unpin(v, inode);
	return err;
}

static enum err write_any(struct volume *v, uint64_t ino, bool append, uint64_t off,
			  const uint8_t *data, size_t len)
{
	if (!append && (off > VOLUME_FILE_MAX || len > VOLUME_FILE_MAX - off))
		return ERR_TOO_BIG;
	while (len > 0) {
		size_t part = MIN(len, PIECE_MAX - (append ? 0 : off % v->record));
		unsigned tries = 0;
		enum err err;

		do {
			err = write_piece(v, ino, append, off, data, part);
		} while (volume_space_again(v, err, &tries));
		TRY(err);
		off += part;
		data += part;
		len -= part;
	}
	return OK;
}

enum err volume_write(struct volume *v, uint64_t ino, uint64_t off, const void *buf, size_t len)
{
	return write_any(v, ino, false, off, buf, len);
}

enum err volume_append(struct volume *v, uint64_t ino, const void *buf, size_t len)
{
	return write_any(v, ino, true, 0, buf, len);
}

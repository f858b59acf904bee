/* Folders listed. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>

/* A position is the entry's place plus 3: 0 begins, and 1 and 2 are free for "." and "..". */
#define COOKIE_BASE 3u
#define LIST_BATCH 64u

struct listed {
	uint64_t ino, cookie;
	uint32_t mode;
	char name[VOLUME_NAME_BYTES + 1];
};

static enum err listed_set(struct listed *l, const struct store_view *view)
{
	struct dirent_item entry;

	TRY(dirent_decode(view, &entry));
	l->ino = entry.ino;
	l->mode = (uint32_t)entry.type << 12;
	l->cookie = view->key.offset + COOKIE_BASE;
	memcpy(l->name, entry.name, entry.name_len);
	l->name[entry.name_len] = '\0';
	return OK;
}

/* Copies entries out, so that no lock is held while they are shown. */
static enum err list_batch(struct volume *v, uint64_t ino, uint64_t cookie, struct listed *batch,
			   unsigned *ret_count)
{
	struct store_key key = item_key(ino, ITEM_DIRENT, 0);
	struct store_view view;
	enum err err = OK;

	*ret_count = 0;
	if (cookie >= COOKIE_BASE)
		key.offset = cookie - COOKIE_BASE + 1;
	store_read_begin(v->store);
	while (*ret_count < LIST_BATCH && (err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, ino, ITEM_DIRENT)) {
		err = listed_set(&batch[*ret_count], &view);
		if (err != OK)
			break;
		*ret_count += 1;
		key.offset = view.key.offset + 1;
	}
	store_read_end(v->store);
	return err == ERR_NOT_FOUND ? OK : err;
}

/* False: the reader wants no more. An entry whose inode went away meanwhile is left out. */
static enum err list_show(struct volume *v, const struct listed *l, bool with_attr,
			  volume_dir_fn fn, void *ctx, bool *ret_more)
{
	struct volume_attr attr = {.ino = l->ino, .mode = l->mode};

	if (with_attr) {
		enum err err = inode_peek(v, l->ino, &attr);

		if (err == ERR_NOT_FOUND)
			return OK;
		TRY(err);
	}
	*ret_more = fn(ctx, l->name, &attr, l->cookie);
	return OK;
}

static enum err folder_check(struct volume *v, uint64_t ino)
{
	struct volume_attr attr;

	TRY(inode_peek(v, ino, &attr));
	return S_ISDIR(attr.mode) ? OK : ERR_NOT_DIR;
}

enum err volume_readdir(struct volume *v, uint64_t ino, uint64_t cookie, bool with_attr,
			volume_dir_fn fn, void *ctx)
{
	CLEANUP(mem_freep) struct listed *batch = NULL;
	unsigned count = LIST_BATCH;
	bool more = true;

	TRY(folder_check(v, ino));
	batch = malloc(LIST_BATCH * sizeof(*batch));
	if (!batch)
		return ERR_NOMEM;
	while (more && count == LIST_BATCH) {
		TRY(list_batch(v, ino, cookie, batch, &count));
		for (unsigned i = 0; i < count && more; i++)
			TRY(list_show(v, &batch[i], with_attr, fn, ctx, &more));
		if (count > 0)
			cookie = batch[count - 1].cookie;
	}
	return OK;
}

enum err volume_parent(struct volume *v, uint64_t dir, uint64_t *ret_parent)
{
	enum err err;

	pthread_mutex_lock(&v->names);
	err = inode_parent(v, dir, ret_parent);
	pthread_mutex_unlock(&v->names);
	return err;
}

/* Names in folders: their rules, their places, and changes of several at once. */
#include "volume/internal.h"

#include <string.h>
#include "base/text.h"

enum err name_check(const char *name)
{
	size_t len = strlen(name);

	if (len > VOLUME_NAME_BYTES || text_utf16_units(name, len) > VOLUME_NAME_UNITS)
		return ERR_NAME_TOO_LONG;
	if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strchr(name, '/'))
		return ERR_INVALID;
	return OK;
}

/* Looks at one entry of the bucket: is it the name, or is the place before it free? */
static enum err place_look(const struct store_view *view, const char *name, size_t len,
			   uint64_t *free_place, struct name_place *place)
{
	struct dirent_item entry;

	TRY(dirent_decode(view, &entry));
	if (entry.name_len == len && memcmp(entry.name, name, len) == 0) {
		place->key = view->key;
		place->ino = entry.ino;
		place->type = (uint32_t)entry.type << 12;
	}
	if (*free_place == view->key.offset)
		*free_place += 1;
	return OK;
}

static enum err name_find_locked(struct volume *v, uint64_t folder, const char *name,
				 struct name_place *ret)
{
	size_t len = strlen(name);
	uint64_t bucket = dirent_bucket(v->meta.name_key, name, len);
	uint64_t free_place = bucket;
	struct store_key key = item_key(folder, ITEM_DIRENT, bucket);
	struct name_place place = {0};
	struct store_view view;
	enum err err;

	while ((err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, folder, ITEM_DIRENT) && view.key.offset < bucket + BUCKET_SIZE) {
		TRY(place_look(&view, name, len, &free_place, &place));
		if (place.ino != 0)
			break;
		key.offset = view.key.offset + 1;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (place.ino == 0)
		place.key = item_key(folder, ITEM_DIRENT, free_place);
	*ret = place;
	return OK;
}

enum err name_find(struct volume *v, uint64_t folder, const char *name, struct name_place *ret)
{
	enum err err;

	store_read_begin(v->store);
	err = name_find_locked(v, folder, name, ret);
	store_read_end(v->store);
	return err;
}

enum err name_put(struct volume *v, const struct name_place *place, const char *name, uint64_t ino,
		  uint32_t mode)
{
	size_t len = strlen(name);
	uint8_t value[STORE_VALUE_MAX];

	if (place->key.offset >= dirent_bucket(v->meta.name_key, name, len) + BUCKET_SIZE)
		return err_at(ERR_NO_SPACE, "256 names of one folder share a place");
	return store_put(v->store, &place->key, value, dirent_encode(ino, mode, name, len, value));
}

enum err folder_is_empty(struct volume *v, uint64_t ino, bool *ret)
{
	struct store_key key = item_key(ino, ITEM_DIRENT, 0);
	struct store_view view;
	bool empty = true;
	enum err err;

	store_read_begin(v->store);
	err = store_find_ge(v->store, &key, &view);
	if (err == OK)
		empty = !item_is(&view, ino, ITEM_DIRENT);
	store_read_end(v->store);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	*ret = empty;
	return OK;
}

enum err volume_lookup(struct volume *v, uint64_t parent, const char *name, struct volume_attr *ret)
{
	struct name_place place;

	TRY(name_check(name));
	TRY(name_find(v, parent, name, &place));
	if (place.ino == 0)
		return ERR_NOT_FOUND;
	return inode_peek(v, place.ino, ret);
}

enum err names_begin(struct volume *v, struct names_change *c)
{
	*c = (struct names_change){.v = v};
	TRY(volume_room(v, 0));
	pthread_rwlock_rdlock(&v->ops);
	pthread_mutex_lock(&v->names);
	c->open = true;
	return OK;
}

enum err names_pin(struct names_change *c, uint64_t ino, struct inode **ret)
{
	for (unsigned i = 0; i < c->count; i++) {
		if (c->pinned[i]->ino == ino) {
			*ret = c->pinned[i];
			return OK;
		}
	}
	TRY(inode_pin(c->v, ino, &c->pinned[c->count]));
	*ret = c->pinned[c->count++];
	pthread_rwlock_wrlock(&(*ret)->lock);
	return OK;
}

enum err names_pin_folder(struct names_change *c, uint64_t ino, struct inode **ret)
{
	struct inode *inode;

	TRY(names_pin(c, ino, &inode));
	if (!S_ISDIR(inode->item.mode))
		return ERR_NOT_DIR;
	if (inode->item.nlink == 0)
		return ERR_NOT_FOUND;
	*ret = inode;
	return OK;
}

enum err names_create(struct names_change *c, const struct inode_item *item, struct inode **ret)
{
	TRY(inode_create(c->v, item, &c->pinned[c->count]));
	*ret = c->pinned[c->count++];
	pthread_rwlock_wrlock(&(*ret)->lock);
	return OK;
}

void names_end(struct names_change *c)
{
	if (!c->open)
		return;
	for (unsigned i = 0; i < c->count; i++)
		pthread_rwlock_unlock(&c->pinned[i]->lock);
	pthread_mutex_unlock(&c->v->names);
	pthread_rwlock_unlock(&c->v->ops);
	for (unsigned i = 0; i < c->count; i++)
		inode_unpin(c->v, c->pinned[i]);
	c->open = false;
}

void inode_lose_name(struct volume *v, struct inode *inode)
{
	if (S_ISDIR(inode->item.mode))
		inode->item.nlink = 0;
	else
		inode->item.nlink--;
	inode_stamp(inode, false);
	if (inode->item.nlink > 0)
		return;
	v->files--;
	if (S_ISREG(inode->item.mode))
		v->bytes -= inode->item.size;
}

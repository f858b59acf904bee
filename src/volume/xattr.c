/* Extended attributes: one item each, long values in its record. They go to the tree at once. */
#include "volume/internal.h"

#include <string.h>
#include <sys/xattr.h>

struct xattr_place {
	struct store_key key; /* of the attribute, or of the place a new one would get */
	bool found;
	size_t value_len;
	struct ref ref; /* blocks 0: the value is inside */
};

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0 && text[strlen(prefix)] != '\0';
}

static enum err xattr_name_check(const char *name)
{
	if (!starts_with(name, "user.") && !starts_with(name, "security."))
		return ERR_NOT_SUPPORTED;
	return strlen(name) > XATTR_NAME_MAX ? ERR_RANGE : OK;
}

/* Copies a value that is inside to `out` when there is one and it fits. */
static void xattr_take(const struct store_view *view, const struct xattr_item *item,
		       struct xattr_place *place, void *out, size_t cap)
{
	place->key = view->key;
	place->found = true;
	place->value_len = item->value_len;
	place->ref = view->record;
	if (!view->has_record)
		place->ref.blocks = 0;
	if (item->value && item->value_len > 0 && item->value_len <= cap)
		memcpy(out, item->value, item->value_len);
}

static enum err xattr_find_locked(struct volume *v, uint64_t ino, const char *name,
				  struct xattr_place *ret, void *out, size_t cap)
{
	size_t len = strlen(name);
	uint64_t bucket = xattr_bucket(v->meta.name_key, name, len), free_place = 0;
	struct store_key key = item_key(ino, ITEM_XATTR, bucket);
	struct store_view view;
	struct xattr_item item;
	enum err err;

	while ((err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, ino, ITEM_XATTR) && view.key.offset - bucket < BUCKET_SIZE) {
		TRY(xattr_decode(&view, &item));
		if (item.name_len == len && memcmp(item.name, name, len) == 0) {
			xattr_take(&view, &item, ret, out, cap);
			return OK;
		}
		if (view.key.offset - bucket == free_place)
			free_place++;
		if (view.key.offset == UINT64_MAX)
			break;
		key.offset = view.key.offset + 1;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (free_place == BUCKET_SIZE)
		return err_at(ERR_NO_SPACE, "256 attributes of one file share a place");
	ret->key = item_key(ino, ITEM_XATTR, bucket + free_place);
	return OK;
}

static enum err xattr_find(struct volume *v, uint64_t ino, const char *name,
			   struct xattr_place *ret, void *out, size_t cap)
{
	enum err err;

	memset(ret, 0, sizeof(*ret));
	store_read_begin(v->store);
	err = xattr_find_locked(v, ino, name, ret, out, cap);
	store_read_end(v->store);
	return err;
}

/* ---- get and list ---- */

static enum err xattr_read_record(struct volume *v, const struct xattr_place *place, void *out)
{
	uint8_t value[VOLUME_XATTR_MAX];

	if (place->ref.blocks * DISK_BLOCK > sizeof(value))
		return ERR_MALFORMED;
	TRY(store_record_read(v->store, &place->key, &place->ref, value));
	memcpy(out, value, place->value_len);
	return OK;
}

/* As with extents: re-sealing may have moved it after it was looked up. */
static bool xattr_has_moved(struct volume *v, uint64_t ino, const char *name,
			    const struct xattr_place *was)
{
	struct xattr_place now;

	return xattr_find(v, ino, name, &now, NULL, 0) == OK && now.found && now.ref.blocks > 0 &&
	       memcmp(now.ref.nonce, was->ref.nonce, XAES_NONCE_LEN) != 0;
}

static enum err xattr_get_once(struct volume *v, uint64_t ino, const char *name, void *out,
			       size_t cap, struct xattr_place *place)
{
	TRY(xattr_find(v, ino, name, place, out, cap));
	if (!place->found)
		return ERR_NO_DATA;
	if (cap > 0 && place->value_len > cap)
		return ERR_RANGE;
	if (cap > 0 && place->ref.blocks > 0)
		return xattr_read_record(v, place, out);
	return OK;
}

static enum err xattr_get_locked(struct volume *v, uint64_t ino, const char *name, void *out,
				 size_t cap, size_t *ret_len)
{
	struct xattr_place place;
	enum err err;

	do
		err = xattr_get_once(v, ino, name, out, cap, &place);
	while (err == ERR_FORGED && xattr_has_moved(v, ino, name, &place));
	TRY(err);
	*ret_len = place.value_len;
	return OK;
}

enum err volume_get_xattr(struct volume *v, uint64_t ino, const char *name, void *out, size_t cap,
			  size_t *ret_len)
{
	struct inode *inode;
	enum err err;

	TRY(xattr_name_check(name));
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&inode->lock);
	err = xattr_get_locked(v, ino, name, out, cap, ret_len);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
	return err;
}

static enum err xattr_list_locked(struct volume *v, uint64_t ino, char *out, size_t cap,
				  size_t *ret_len)
{
	struct store_key key = item_key(ino, ITEM_XATTR, 0);
	struct store_view view;
	struct xattr_item item;
	size_t used = 0;
	enum err err;

	while ((err = store_find_ge(v->store, &key, &view)) == OK &&
	       item_is(&view, ino, ITEM_XATTR)) {
		TRY(xattr_decode(&view, &item));
		if (cap > 0 && cap - used < item.name_len + 1)
			return ERR_RANGE;
		if (cap > 0) {
			memcpy(out + used, item.name, item.name_len);
			out[used + item.name_len] = '\0';
		}
		used += item.name_len + 1;
		if (view.key.offset == UINT64_MAX)
			break;
		key.offset = view.key.offset + 1;
	}
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	*ret_len = used;
	return OK;
}

enum err volume_list_xattr(struct volume *v, uint64_t ino, char *out, size_t cap, size_t *ret_len)
{
	struct inode *inode;
	enum err err;

	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&inode->lock);
	store_read_begin(v->store);
	err = xattr_list_locked(v, ino, out, cap, ret_len);
	store_read_end(v->store);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
	return err;
}

/* ---- set and remove ---- */

struct xattr_change {
	const char *name;
	const void *value; /* NULL: remove */
	size_t len;
	int flags;
};

static enum err xattr_put(struct volume *v, const struct xattr_change *x,
			  const struct store_key *key, const struct ref *ref)
{
	uint8_t item[STORE_VALUE_MAX];
	size_t used = xattr_encode(x->name, strlen(x->name), x->len, item);

	if (ref->blocks > 0)
		return store_put_record(v->store, key, ref, item, used);
	if (x->len > 0)
		memcpy(item + used, x->value, x->len);
	return store_put(v->store, key, item, used + x->len);
}

static enum err xattr_edit(struct volume *v, const struct xattr_change *x,
			   const struct store_key *key, const struct ref *ref)
{
	enum err err;

	TRY(tree_begin(v, 1, !x->value));
	err = x->value ? xattr_put(v, x, key, ref) : store_delete(v->store, key);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static enum err xattr_edit_long(struct volume *v, const struct xattr_change *x,
				const struct store_key *key)
{
	uint64_t blocks = store_record_blocks(x->len);
	struct ref ref;
	enum err err;

	TRY(store_reserve(v->store, blocks, false));
	err = store_record_write(v->store, key, x->value, x->len, &ref);
	if (err == OK) {
		err = xattr_edit(v, x, key, &ref);
		if (err != OK)
			store_record_drop(v->store, &ref);
	}
	store_unreserve(v->store, blocks);
	return err;
}

static enum err xattr_change_locked(struct volume *v, struct inode *inode,
				    const struct xattr_change *x)
{
	struct ref inside = {0};
	struct xattr_place place;

	TRY(xattr_find(v, inode->ino, x->name, &place, NULL, 0));
	if (place.found && (x->flags & XATTR_CREATE))
		return ERR_EXISTS;
	if (!place.found && ((x->flags & XATTR_REPLACE) || !x->value))
		return ERR_NO_DATA;
	TRY(inode_make_dirty(v, inode, !x->value));
	if (x->value && x->len > XATTR_INSIDE_MAX)
		TRY(xattr_edit_long(v, x, &place.key));
	else
		TRY(xattr_edit(v, x, &place.key, &inside));
	inode->in_tree = true;
	inode_stamp(inode, false);
	return OK;
}

static enum err xattr_change_once(struct volume *v, uint64_t ino, const struct xattr_change *x)
{
	struct inode *inode;
	enum err err;

	TRY(volume_room(v, 0));
	TRY(inode_pin(v, ino, &inode));
	pthread_rwlock_rdlock(&v->ops);
	pthread_rwlock_wrlock(&inode->lock);
	err = xattr_change_locked(v, inode, x);
	pthread_rwlock_unlock(&inode->lock);
	pthread_rwlock_unlock(&v->ops);
	inode_unpin(v, inode);
	return err;
}

static enum err xattr_change(struct volume *v, uint64_t ino, const struct xattr_change *x)
{
	unsigned tries = 0;
	enum err err;

	TRY(xattr_name_check(x->name));
	do {
		err = xattr_change_once(v, ino, x);
	} while (volume_space_again(v, err, &tries));
	return err;
}

enum err volume_set_xattr(struct volume *v, uint64_t ino, const char *name, const void *value,
			  size_t len, int flags)
{
	struct xattr_change x = {.name = name, .len = len, .flags = flags};

	x.value = value ? value : "";
	if (len > VOLUME_XATTR_MAX)
		return ERR_TOO_LARGE_VALUE;
	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) || flags == (XATTR_CREATE | XATTR_REPLACE))
		return ERR_INVALID;
	return xattr_change(v, ino, &x);
}

enum err volume_remove_xattr(struct volume *v, uint64_t ino, const char *name)
{
	struct xattr_change x = {.name = name};

	return xattr_change(v, ino, &x);
}

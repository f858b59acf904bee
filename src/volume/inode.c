/* The table of inodes in memory: finding, loading, keeping, letting go. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>
#include "base/clock.h"

#define BUCKETS_FIRST 1024u

enum err table_init(struct table *t)
{
	t->buckets = calloc(BUCKETS_FIRST, sizeof(*t->buckets));
	if (!t->buckets)
		return ERR_NOMEM;
	t->bucket_count = BUCKETS_FIRST;
	link_init(&t->dirty);
	pthread_mutex_init(&t->lock, NULL);
	return OK;
}

static void inode_free(struct inode *inode)
{
	if (!inode)
		return;
	pthread_rwlock_destroy(&inode->lock);
	free(inode->chunks);
	free(inode);
}
DEFINE_FREEP(struct inode, inode_free)

void table_clear(struct table *t)
{
	if (!t->buckets)
		return;
	for (size_t i = 0; i < t->bucket_count; i++) {
		while (t->buckets[i]) {
			struct inode *inode = t->buckets[i];

			t->buckets[i] = inode->next;
			inode_free(inode);
		}
	}
	free(t->buckets);
	pthread_mutex_destroy(&t->lock);
}

/* Inode numbers count upwards, so their low bits spread by themselves. */
static struct inode **table_bucket(struct table *t, uint64_t ino)
{
	return &t->buckets[ino & (t->bucket_count - 1)];
}

static struct inode *table_find(struct table *t, uint64_t ino)
{
	struct inode *inode = *table_bucket(t, ino);

	while (inode && inode->ino != ino)
		inode = inode->next;
	return inode;
}

/* A table that cannot grow stays correct, only slower. */
static void table_grow(struct table *t)
{
	struct table wide = *t;

	wide.bucket_count = t->bucket_count * 2;
	wide.buckets = calloc(wide.bucket_count, sizeof(*wide.buckets));
	if (!wide.buckets)
		return;
	for (size_t i = 0; i < t->bucket_count; i++) {
		while (t->buckets[i]) {
			struct inode *inode = t->buckets[i];
			struct inode **bucket = table_bucket(&wide, inode->ino);

			t->buckets[i] = inode->next;
			inode->next = *bucket;
			*bucket = inode;
		}
	}
	free(t->buckets);
	t->buckets = wide.buckets;
	t->bucket_count = wide.bucket_count;
}

static void table_insert(struct table *t, struct inode *inode)
{
	struct inode **bucket;

	if (t->count >= t->bucket_count)
		table_grow(t);
	bucket = table_bucket(t, inode->ino);
	inode->next = *bucket;
	*bucket = inode;
	t->count++;
}

static void table_remove(struct table *t, struct inode *inode)
{
	struct inode **at = table_bucket(t, inode->ino);

	while (*at != inode)
		at = &(*at)->next;
	*at = inode->next;
	t->count--;
	t->evictions++;
}

static enum err inode_new(uint64_t ino, const struct inode_item *item, struct inode **ret)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return ERR_NOMEM;
	if (rwlock_make(&inode->lock) != OK) {
		free(inode);
		return ERR_NOMEM;
	}
	link_init(&inode->dirty_link);
	inode->ino = ino;
	inode->item = *item;
	inode->refs = 1;
	*ret = inode;
	return OK;
}

/* An inode without a name that is not in memory waits for its removal: nobody can reach it. */
static enum err item_load(struct volume *v, uint64_t ino, struct inode_item *ret)
{
	struct store_key key = item_key(ino, ITEM_INODE, 0);
	struct store_view view;
	enum err err;

	if (ino == 0)
		return ERR_NOT_FOUND;
	store_read_begin(v->store);
	err = store_find(v->store, &key, &view);
	if (err == OK)
		err = inode_item_decode(&view, ret);
	store_read_end(v->store);
	if (err == OK && ret->nlink == 0)
		err = ERR_NOT_FOUND;
	return err;
}

/* Takes a reference when it is in memory. *ret_seen tells, for a caller that goes on to read the
 * tree, what `evictions` was: an inode written to the tree and evicted meanwhile changes it. */
static enum err table_pin(struct volume *v, uint64_t ino, struct inode **ret, uint64_t *ret_seen)
{
	struct table *t = &v->table;
	struct inode *inode;
	enum err err = OK;

	pthread_mutex_lock(&t->lock);
	inode = table_find(t, ino);
	*ret_seen = t->evictions;
	if (inode && inode->dead)
		err = ERR_NOT_FOUND;
	else if (inode)
		inode->refs++;
	pthread_mutex_unlock(&t->lock);
	if (err == OK)
		*ret = inode;
	return err;
}

static bool table_add_loaded(struct table *t, struct inode *inode, uint64_t seen)
{
	bool fits;

	pthread_mutex_lock(&t->lock);
	fits = t->evictions == seen && !table_find(t, inode->ino);
	if (fits)
		table_insert(t, inode);
	pthread_mutex_unlock(&t->lock);
	return fits;
}

enum err inode_pin(struct volume *v, uint64_t ino, struct inode **ret)
{
	for (;;) {
		CLEANUP(inode_freep) struct inode *fresh = NULL;
		struct inode *inode = NULL;
		struct inode_item item;
		uint64_t seen;

		TRY(table_pin(v, ino, &inode, &seen));
		if (inode) {
			*ret = inode;
			return OK;
		}
		TRY(item_load(v, ino, &item));
		TRY(inode_new(ino, &item, &fresh));
		fresh->in_tree = true;
		if (table_add_loaded(&v->table, fresh, seen)) {
			*ret = TAKE(fresh);
			return OK;
		}
	}
}

struct inode *inode_pin_loaded(struct volume *v, uint64_t ino)
{
	struct inode *inode = NULL;
	uint64_t seen;

	return table_pin(v, ino, &inode, &seen) == OK ? inode : NULL;
}

/* The caller holds the table. What happens to an inode that nobody uses: stays while dirty, dies
 * when it has no name, else leaves the memory. Returns it when it is the caller's to free or reap.
 */
static struct inode *table_settle(struct table *t, struct inode *inode)
{
	if (inode->refs > 0 || inode->holds > 0 || inode->dead)
		return NULL;
	if (inode->item.nlink == 0) {
		inode->dead = true;
		return inode;
	}
	if (inode->dirty)
		return NULL;
	table_remove(t, inode);
	return inode;
}

static void inode_end(struct volume *v, struct inode *inode)
{
	if (!inode)
		return;
	if (inode->dead)
		inode_reap(v, inode);
	else
		inode_free(inode);
}

void inode_unpin(struct volume *v, struct inode *inode)
{
	struct inode *over;

	if (!inode)
		return;
	pthread_mutex_lock(&v->table.lock);
	inode->refs--;
	over = table_settle(&v->table, inode);
	pthread_mutex_unlock(&v->table.lock);
	inode_end(v, over);
}

enum err volume_hold(struct volume *v, uint64_t ino)
{
	struct inode *inode;

	TRY(inode_pin(v, ino, &inode));
	pthread_mutex_lock(&v->table.lock);
	inode->holds++;
	inode->refs--;
	pthread_mutex_unlock(&v->table.lock);
	return OK;
}

void volume_release(struct volume *v, uint64_t ino, uint64_t count)
{
	struct inode *over = NULL;
	struct inode *inode;

	pthread_mutex_lock(&v->table.lock);
	inode = table_find(&v->table, ino);
	if (inode) {
		inode->holds -= MIN(count, inode->holds);
		over = table_settle(&v->table, inode);
	}
	pthread_mutex_unlock(&v->table.lock);
	inode_end(v, over);
}

void inode_end_reaped(struct volume *v, struct inode *inode)
{
	struct table *t = &v->table;
	bool over;

	pthread_mutex_lock(&t->lock);
	over = !inode->dirty;
	inode->dead = over;
	if (over)
		table_remove(t, inode);
	pthread_mutex_unlock(&t->lock);
	if (over)
		inode_free(inode);
}

/* Letting go changes the bucket, so the search begins again after each. */
static uint64_t table_find_held(struct table *t)
{
	for (size_t i = 0; i < t->bucket_count; i++) {
		for (struct inode *inode = t->buckets[i]; inode; inode = inode->next) {
			if (inode->holds > 0 && inode->item.nlink == 0)
				return inode->ino;
		}
	}
	return 0;
}

void table_drop_holds(struct volume *v)
{
	uint64_t ino;

	while ((ino = table_find_held(&v->table)) != 0)
		volume_release(v, ino, UINT64_MAX);
}

enum err inode_create(struct volume *v, const struct inode_item *item, struct inode **ret)
{
	CLEANUP(inode_freep) struct inode *inode = NULL;

	TRY(inode_new(v->next_ino, item, &inode));
	TRY(inode_make_dirty(v, inode, false));
	v->next_ino++;
	pthread_mutex_lock(&v->table.lock);
	table_insert(&v->table, inode);
	pthread_mutex_unlock(&v->table.lock);
	*ret = TAKE(inode);
	return OK;
}

/* `dirty` is cleared only by a commit, which the caller's hold of `ops` keeps out. */
enum err inode_make_dirty(struct volume *v, struct inode *inode, bool freeing)
{
	uint64_t cost = inode_node_blocks(inode);

	if (inode->dirty)
		return OK;
	TRY(store_reserve(v->store, cost, freeing));
	inode->promised = cost;
	pthread_mutex_lock(&v->table.lock);
	inode->dirty = true;
	link_append(&v->table.dirty, &inode->dirty_link);
	v->table.dirty_count++;
	pthread_mutex_unlock(&v->table.lock);
	commits_note_change(v);
	return OK;
}

/* The caller holds the table. Gives what was promised for it. */
static uint64_t table_undirty(struct table *t, struct inode *inode)
{
	uint64_t promised = inode->promised;

	inode->promised = 0;
	if (inode->dirty) {
		inode->dirty = false;
		link_remove(&inode->dirty_link);
		t->dirty_count--;
	}
	return promised;
}

void inode_clean(struct volume *v, struct inode *inode)
{
	uint64_t promised;

	pthread_mutex_lock(&v->table.lock);
	promised = table_undirty(&v->table, inode);
	pthread_mutex_unlock(&v->table.lock);
	store_unreserve(v->store, promised);
}

/* Once it is clean, whoever drops the last reference frees it: so all of it under one lock. */
void inode_clean_and_evict(struct volume *v, struct inode *inode)
{
	struct table *t = &v->table;
	uint64_t promised;
	bool idle;

	pthread_mutex_lock(&t->lock);
	promised = table_undirty(t, inode);
	idle = inode->refs == 0 && inode->holds == 0 && !inode->dead;
	if (idle)
		table_remove(t, inode);
	pthread_mutex_unlock(&t->lock);
	store_unreserve(v->store, promised);
	if (idle)
		inode_free(inode);
}

struct inode *inode_of_dirty_link(struct link *link)
{
	return (struct inode *)((char *)link - offsetof(struct inode, dirty_link));
}

static void item_attr(uint64_t ino, const struct inode_item *item, struct volume_attr *ret)
{
	*ret = (struct volume_attr){
		.ino = ino,
		.size = item->size,
		.blocks = item->blocks,
		.atime = item->atime,
		.mtime = item->mtime,
		.ctime = item->ctime,
		.btime = item->btime,
		.mode = item->mode,
		.nlink = item->nlink,
		.uid = item->uid,
		.gid = item->gid,
	};
}

/* `blocks` tells what is allocated or will be: programs that copy sparse files trust it at once. */
void inode_attr(struct volume *v, const struct inode *inode, struct volume_attr *ret)
{
	item_attr(inode->ino, &inode->item, ret);
	for (size_t i = 0; i < inode->chunk_count; i++) {
		ret->blocks += chunk_blocks(inode->chunks[i]);
		ret->blocks -= MIN(ret->blocks, inode->chunks[i]->old_blocks);
	}
}

static void attr_of_pinned(struct volume *v, struct inode *inode, struct volume_attr *ret)
{
	pthread_rwlock_rdlock(&inode->lock);
	inode_attr(v, inode, ret);
	pthread_rwlock_unlock(&inode->lock);
	inode_unpin(v, inode);
}

enum err inode_peek(struct volume *v, uint64_t ino, struct volume_attr *ret)
{
	for (;;) {
		struct inode *inode = NULL;
		struct inode_item item;
		uint64_t seen, now;

		TRY(table_pin(v, ino, &inode, &seen));
		if (inode) {
			attr_of_pinned(v, inode, ret);
			return OK;
		}
		TRY(item_load(v, ino, &item));
		TRY(table_pin(v, ino, &inode, &now));
		if (inode) {
			attr_of_pinned(v, inode, ret);
			return OK;
		}
		if (now == seen) {
			item_attr(ino, &item, ret);
			return OK;
		}
	}
}

/* `names` keeps the field as it is, so neither the inode's lock nor a second look is needed. */
enum err inode_parent(struct volume *v, uint64_t ino, uint64_t *ret)
{
	struct inode_item item;
	struct inode *inode;
	uint64_t parent = 0;

	pthread_mutex_lock(&v->table.lock);
	inode = table_find(&v->table, ino);
	if (inode)
		parent = inode->item.parent;
	pthread_mutex_unlock(&v->table.lock);
	if (!inode) {
		TRY(item_load(v, ino, &item));
		parent = item.parent;
	}
	if (parent == 0)
		return ERR_NOT_DIR;
	*ret = parent;
	return OK;
}

void inode_set_size(struct volume *v, struct inode *inode, uint64_t size)
{
	if (S_ISREG(inode->item.mode) && inode->item.nlink > 0)
		v->bytes += size - inode->item.size;
	inode->item.size = size;
}

void inode_stamp(struct inode *inode, bool content)
{
	inode->item.ctime = clock_wall();
	if (content)
		inode->item.mtime = inode->item.ctime;
}

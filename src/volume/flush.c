/* From memory to the tree: chunks by sealers, by writers that wait for room and by commits; inodes
 * by commits only. */
#include "volume/internal.h"

#include <stdlib.h>

static bool chunk_is_inline(const struct chunk *c)
{
	return c->index == 0 && c->hi <= INLINE_MAX;
}

static bool chunk_is_record(const struct chunk *c)
{
	return c->lo < c->hi && !chunk_is_inline(c);
}

/* ---- sealing ---- */

/* A chunk as it was written: one record, or pieces where free space was too scattered for one. */
struct sealed {
	unsigned count;
	uint32_t piece; /* length of each but the last */
	struct ref refs[PIECES_MAX];
};

static struct store_key piece_key(const struct volume *v, const struct chunk *c,
				  const struct sealed *s, unsigned i)
{
	return item_key(c->inode->ino, ITEM_EXTENT,
			(c->index << v->shift) + c->lo + (uint64_t)i * s->piece);
}

static void sealed_drop(struct volume *v, struct sealed *s)
{
	while (s->count > 0)
		store_record_drop(v->store, &s->refs[--s->count]);
}

static enum err chunk_seal_pieces(struct volume *v, const struct chunk *c, uint32_t piece,
				  struct sealed *s)
{
	s->count = 0;
	s->piece = piece;
	for (uint32_t from = c->lo; from < c->hi; from += piece) {
		struct store_key key = piece_key(v, c, s, s->count);
		enum err err = store_record_write(v->store, &key, c->data + from,
						  MIN(piece, c->hi - from), &s->refs[s->count]);

		if (err != OK) {
			sealed_drop(v, s);
			return err;
		}
		s->count++;
	}
	return OK;
}

static enum err chunk_seal(struct volume *v, const struct chunk *c, struct sealed *s)
{
	enum err err;

	s->count = 0;
	if (!chunk_is_record(c))
		return OK;
	err = chunk_seal_pieces(v, c, v->record, s);
	if (err == ERR_NO_SPACE && c->hi - c->lo > PIECE_LEN)
		err = chunk_seal_pieces(v, c, PIECE_LEN, s);
	return err;
}

/* ---- into the tree ---- */

static enum err chunk_delete_old(struct volume *v, const struct chunk *c)
{
	struct store_key key = item_key(c->inode->ino, ITEM_INLINE, 0);
	struct store_view view;

	if (c->index == 0 && c->inode->item.is_inline)
		return store_delete(v->store, &key);
	for (unsigned i = 0; i < c->old_extents; i++) {
		key = item_key(c->inode->ino, ITEM_EXTENT, c->index << v->shift);
		TRY(store_find_ge(v->store, &key, &view));
		if (!item_is(&view, c->inode->ino, ITEM_EXTENT) ||
		    view.key.offset >> v->shift != c->index)
			return err_at(ERR_MALFORMED, "extents of inode %llu",
				      (unsigned long long)c->inode->ino);
		key = view.key;
		TRY(store_delete(v->store, &key));
	}
	return OK;
}

static enum err chunk_edit_tree(struct volume *v, const struct chunk *c, const struct sealed *s)
{
	struct store_key key = item_key(c->inode->ino, ITEM_INLINE, 0);

	TRY(chunk_delete_old(v, c));
	if (c->lo < c->hi && chunk_is_inline(c))
		return store_put(v->store, &key, c->data, c->hi);
	for (unsigned i = 0; i < s->count; i++) {
		key = piece_key(v, c, s, i);
		TRY(store_put_record(v->store, &key, &s->refs[i], NULL, 0));
	}
	return OK;
}

/* In a commit the space was promised before; elsewhere it is asked for. */
static enum err flush_begin(struct volume *v, unsigned items, bool in_commit)
{
	if (!in_commit)
		return tree_begin(v, items, false);
	TRY(store_write_begin_promised(v->store, items));
	v->tree_changes += items;
	return OK;
}

static enum err chunk_put(struct volume *v, const struct chunk *c, const struct sealed *s,
			  bool in_commit)
{
	unsigned items = MAX(c->old_extents, 1) + MAX(s->count, 1);
	enum err err;

	TRY(flush_begin(v, items, in_commit));
	err = chunk_edit_tree(v, c, s);
	if (err == OK && in_commit)
		err = store_write_covered(v->store);
	if (err != OK) {
		store_write_abort(v->store);
		return err == ERR_NOT_FOUND ? ERR_MALFORMED : err;
	}
	store_write_end(v->store);
	return OK;
}

/* It is in the tree now; the chunk is over. */
static void chunk_done(struct volume *v, struct chunk *c)
{
	struct inode *inode = c->inode;

	inode->item.blocks += chunk_blocks(c);
	inode->item.blocks -= MIN(inode->item.blocks, c->old_blocks);
	if (c->index == 0)
		inode->item.is_inline = c->lo < c->hi && chunk_is_inline(c);
	inode->in_tree = true;
	chunk_discard(v, c);
}

/* Sealing goes on without the inode's lock, so that reading and writing elsewhere go on. */
static enum err chunk_flush_shared(struct volume *v, struct inode *inode, uint64_t index)
{
	struct sealed sealed;
	struct chunk *c;
	enum err err;

	pthread_rwlock_wrlock(&inode->lock);
	c = chunk_find(inode, index);
	if (!c || c->busy) {
		pthread_rwlock_unlock(&inode->lock);
		return OK;
	}
	chunk_set_busy(v, c, true);
	pthread_rwlock_unlock(&inode->lock);
	err = chunk_seal(v, c, &sealed);
	pthread_rwlock_wrlock(&inode->lock);
	if (err == OK) {
		err = chunk_put(v, c, &sealed, false);
		if (err != OK)
			sealed_drop(v, &sealed);
	}
	chunk_set_busy(v, c, false);
	if (err == OK)
		chunk_done(v, c);
	pthread_rwlock_unlock(&inode->lock);
	return err;
}

static enum err chunk_flush(struct volume *v, uint64_t ino, uint64_t index)
{
	struct inode *inode = inode_pin_loaded(v, ino);
	enum err err;

	if (!inode)
		return OK;
	pthread_rwlock_rdlock(&v->ops);
	err = chunk_flush_shared(v, inode, index);
	pthread_rwlock_unlock(&v->ops);
	inode_unpin(v, inode);
	return err;
}

/* A chunk in a list belongs to a living inode; once the pool is let go only numbers are safe. */
static bool pool_pick(struct pool *p, bool only_ready, uint64_t *ret_ino, uint64_t *ret_index)
{
	struct chunk *c = NULL;

	pthread_mutex_lock(&p->lock);
	if (!list_is_empty(&p->ready))
		c = (struct chunk *)p->ready.next;
	else if (!only_ready && !list_is_empty(&p->rest))
		c = (struct chunk *)p->rest.next;
	if (c) {
		*ret_ino = c->inode->ino;
		*ret_index = c->index;
		c->ready = false;
		link_remove(&c->link);
		link_append(&p->rest, &c->link);
	}
	pthread_mutex_unlock(&p->lock);
	return c != NULL;
}

enum err pool_flush_one(struct volume *v, bool only_ready, bool *ret_done)
{
	uint64_t ino, index;

	*ret_done = pool_pick(&v->pool, only_ready, &ino, &index);
	return *ret_done ? chunk_flush(v, ino, index) : OK;
}

static void pool_make_all_ready(struct volume *v)
{
	struct pool *p = &v->pool;

	pthread_mutex_lock(&p->lock);
	while (!list_is_empty(&p->rest)) {
		struct chunk *c = (struct chunk *)p->rest.next;

		c->ready = true;
		link_remove(&c->link);
		link_append(&p->ready, &c->link);
	}
	if (p->count > 4)
		sealers_kick(v);
	pthread_mutex_unlock(&p->lock);
}

/* An error ends it: the commit that follows meets it again and reports it. */
void pool_flush_most(struct volume *v)
{
	bool more = true;

	pool_make_all_ready(v);
	while (more && pool_flush_one(v, true, &more) == OK)
		;
}

static void *sealer_run(void *arg)
{
	struct volume *v = arg;
	struct pool *p = &v->pool;

	for (;;) {
		bool done;

		pthread_mutex_lock(&p->lock);
		while (!p->stop && list_is_empty(&p->ready))
			pthread_cond_wait(&p->work, &p->lock);
		if (p->stop) {
			pthread_mutex_unlock(&p->lock);
			return NULL;
		}
		pthread_mutex_unlock(&p->lock);
		/* A chunk that failed is not ready any more, so this does not spin; it stays dirty,
		 * and the next commit meets the error and reports it. */
		(void)!pool_flush_one(v, true, &done);
	}
}

/* Threads begin with the first work for them. Without any, writers and commits do it all. */
void sealers_kick(struct volume *v)
{
	struct pool *p = &v->pool;

	while (!p->stop && p->sealer_count < p->sealer_max) {
		if (pthread_create(&p->sealers[p->sealer_count], NULL, sealer_run, v) != 0) {
			p->sealer_max = p->sealer_count;
			break;
		}
		p->sealer_count++;
	}
	pthread_cond_broadcast(&p->work);
}

void sealers_stop(struct volume *v)
{
	struct pool *p = &v->pool;

	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	while (p->sealer_count > 0)
		pthread_join(p->sealers[--p->sealer_count], NULL);
}

static enum err chunk_flush_alone(struct volume *v, struct chunk *c)
{
	struct sealed sealed;
	enum err err;

	TRY(chunk_seal(v, c, &sealed));
	err = chunk_put(v, c, &sealed, true);
	if (err != OK) {
		sealed_drop(v, &sealed);
		return err;
	}
	chunk_done(v, c);
	return OK;
}

static enum err chunks_flush_alone(struct volume *v)
{
	for (;;) {
		struct pool *p = &v->pool;
		struct chunk *c = NULL;
		struct inode *inode;
		enum err err;

		pthread_mutex_lock(&p->lock);
		if (!list_is_empty(&p->ready))
			c = (struct chunk *)p->ready.next;
		else if (!list_is_empty(&p->rest))
			c = (struct chunk *)p->rest.next;
		pthread_mutex_unlock(&p->lock);
		if (!c)
			return OK;
		inode = c->inode;
		pthread_rwlock_wrlock(&inode->lock);
		err = chunk_flush_alone(v, c);
		pthread_rwlock_unlock(&inode->lock);
		TRY(err);
	}
}

static enum err inode_put(struct volume *v, const struct inode *inode)
{
	struct store_key key = item_key(inode->ino, ITEM_INODE, 0);
	uint8_t value[INODE_LEN];

	inode_item_encode(&inode->item, value);
	TRY(store_put(v->store, &key, value, sizeof(value)));
	if (inode->item.nlink == 0)
		return orphan_put(v, inode->ino, ORPHAN_DELETE, 0);
	return OK;
}

static enum err inodes_put(struct volume *v, struct inode **batch, unsigned count)
{
	unsigned items = count;
	enum err err = OK;

	for (unsigned i = 0; i < count; i++)
		items += batch[i]->item.nlink == 0;
	TRY(flush_begin(v, items, true));
	for (unsigned i = 0; i < count && err == OK; i++)
		err = inode_put(v, batch[i]);
	if (err == OK)
		err = store_write_covered(v->store);
	if (err != OK) {
		store_write_abort(v->store);
		return err;
	}
	store_write_end(v->store);
	return OK;
}

static unsigned inodes_collect(struct volume *v, struct inode **batch)
{
	struct table *t = &v->table;
	unsigned count = 0;

	pthread_mutex_lock(&t->lock);
	for (struct link *l = t->dirty.next; l != &t->dirty && count < INODE_BATCH; l = l->next)
		batch[count++] = inode_of_dirty_link(l);
	pthread_mutex_unlock(&t->lock);
	return count;
}

/* On a tiny disk the worst case of a whole batch may be more than there is; of one it is not. */
static enum err inodes_flush_batch(struct volume *v, struct inode **batch, unsigned count)
{
	enum err err = inodes_put(v, batch, count);

	if (err == ERR_NO_SPACE && count > 1) {
		TRY(inodes_flush_batch(v, batch, count / 2));
		return inodes_flush_batch(v, batch + count / 2, count - count / 2);
	}
	TRY(err);
	for (unsigned i = 0; i < count; i++) {
		batch[i]->in_tree = true;
		batch[i]->marked = batch[i]->marked || batch[i]->item.nlink == 0;
		inode_clean_and_evict(v, batch[i]);
	}
	return OK;
}

enum err volume_flush_all(struct volume *v)
{
	struct inode *batch[INODE_BATCH];
	unsigned count;

	TRY(chunks_flush_alone(v));
	while ((count = inodes_collect(v, batch)) > 0)
		TRY(inodes_flush_batch(v, batch, count));
	return OK;
}

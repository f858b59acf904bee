/* Dirty content in memory: the chunks of an inode and the pool they all count in. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *p)
{
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	pthread_cond_init(&p->work, NULL);
	link_init(&p->ready);
	link_init(&p->rest);
	p->sealer_max = SEALERS;
}

void pool_clear(struct pool *p)
{
	while (p->spare_count > 0)
		free(p->spare[--p->spare_count]);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
}

size_t chunk_place(const struct inode *inode, uint64_t index)
{
	size_t low = 0, high = inode->chunk_count;

	if (high > 0 && inode->chunks[high - 1]->index < index)
		return high; /* files are mostly written forwards */
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (inode->chunks[middle]->index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct chunk *chunk_find(const struct inode *inode, uint64_t index)
{
	size_t i = chunk_place(inode, index);

	return i < inode->chunk_count && inode->chunks[i]->index == index ? inode->chunks[i] : NULL;
}

static enum err chunks_grow(struct inode *inode)
{
	size_t cap = inode->chunk_cap ? inode->chunk_cap * 2 : 2;
	struct chunk **chunks;

	if (inode->chunk_count < inode->chunk_cap)
		return OK;
	chunks = realloc(inode->chunks, cap * sizeof(struct chunk *));
	if (!chunks)
		return ERR_NOMEM;
	inode->chunks = chunks;
	inode->chunk_cap = cap;
	return OK;
}

enum err chunk_create(struct volume *v, struct inode *inode, uint64_t index, struct chunk **ret)
{
	size_t at = chunk_place(inode, index);
	struct chunk *c;

	TRY(chunks_grow(inode));
	c = calloc(1, sizeof(*c));
	if (!c)
		return ERR_NOMEM;
	c->inode = inode;
	c->index = index;
	c->fresh = true;
	c->node_blocks = chunk_node_blocks(inode, index);
	memmove(inode->chunks + at + 1, inode->chunks + at,
		(inode->chunk_count - at) * sizeof(struct chunk *));
	inode->chunks[at] = c;
	inode->chunk_count++;
	pthread_mutex_lock(&v->pool.lock);
	link_append(&v->pool.rest, &c->link);
	v->pool.count++;
	pthread_mutex_unlock(&v->pool.lock);
	*ret = c;
	return OK;
}

static enum err chunk_promise(struct volume *v, struct chunk *c, uint32_t hi, bool freeing)
{
	uint64_t want = store_record_blocks(hi) + c->node_blocks;

	if (want <= c->promised)
		return OK;
	TRY(store_reserve(v->store, want - c->promised, freeing));
	c->promised = want;
	return OK;
}

static uint8_t *spare_take(struct pool *p)
{
	uint8_t *data = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->spare_count > 0)
		data = p->spare[--p->spare_count];
	pthread_mutex_unlock(&p->lock);
	return data;
}

/* Small files keep small buffers; a file that has passed its first window gets whole ones. */
static uint32_t chunk_cap_for(const struct volume *v, const struct chunk *c, uint32_t hi)
{
	uint32_t cap = CHUNK_CAP_MIN;

	if (c->index > 0)
		return v->record;
	while (cap < hi)
		cap *= 2;
	return cap;
}

static enum err chunk_grow(struct volume *v, struct chunk *c, uint32_t hi)
{
	uint32_t cap = chunk_cap_for(v, c, hi);
	uint8_t *data;

	if (hi <= c->cap)
		return OK;
	data = cap == v->record ? spare_take(&v->pool) : NULL;
	if (!data)
		data = malloc(cap);
	if (!data)
		return ERR_NOMEM;
	if (c->hi > 0)
		memcpy(data, c->data, c->hi);
	free(c->data);
	c->data = data;
	v->pool.bytes += cap - c->cap;
	c->cap = cap;
	return OK;
}

enum err chunk_prepare(struct volume *v, struct chunk *c, uint32_t hi, bool freeing)
{
	TRY(chunk_promise(v, c, MAX(hi, c->hi), freeing));
	return chunk_grow(v, c, hi);
}

void chunk_cover(struct chunk *c, uint32_t from, uint32_t to)
{
	uint32_t low = from - from % DISK_BLOCK;

	c->fresh = false;
	if (c->lo == c->hi) {
		c->lo = low;
		c->hi = low;
	}
	if (from < c->lo) {
		memset(c->data + low, 0, from - low);
		if (to < c->lo)
			memset(c->data + to, 0, c->lo - to);
		c->lo = low;
	}
	if (to > c->hi) {
		if (from > c->hi)
			memset(c->data + c->hi, 0, from - c->hi);
		c->hi = to;
	}
}

void chunk_zero(struct chunk *c, uint32_t from, uint32_t to)
{
	from = MAX(from, c->lo);
	to = MIN(to, c->hi);
	c->fresh = false;
	if (from >= to)
		return;
	if (from == c->lo && to == c->hi) {
		c->lo = c->hi = 0;
	} else if (to == c->hi) {
		c->hi = from;
	} else if (from == c->lo) {
		c->lo = to - to % DISK_BLOCK;
		memset(c->data + c->lo, 0, to - c->lo);
	} else {
		memset(c->data + from, 0, to - from);
	}
}

void chunk_copy_out(const struct chunk *c, uint32_t from, uint32_t len, uint8_t *out)
{
	uint32_t to = from + len;
	uint32_t low = MIN(MAX(from, c->lo), to);
	uint32_t high = MAX(MIN(to, c->hi), low);

	memset(out, 0, low - from);
	if (high > low)
		memcpy(out + (low - from), c->data + low, high - low);
	memset(out + (high - from), 0, to - high);
}

void chunk_set_ready(struct volume *v, struct chunk *c)
{
	struct pool *p = &v->pool;

	pthread_mutex_lock(&p->lock);
	if (!c->ready && !c->busy) {
		c->ready = true;
		link_remove(&c->link);
		link_append(&p->ready, &c->link);
		sealers_kick(v);
	}
	pthread_mutex_unlock(&p->lock);
}

/* A busy chunk is in no list, so nobody takes it a second time. */
void chunk_set_busy(struct volume *v, struct chunk *c, bool busy)
{
	struct pool *p = &v->pool;

	pthread_mutex_lock(&p->lock);
	c->busy = busy;
	c->ready = false;
	link_remove(&c->link);
	if (!busy) {
		link_append(&p->rest, &c->link);
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
}

static void chunk_unlist(struct volume *v, struct chunk *c)
{
	struct pool *p = &v->pool;

	pthread_mutex_lock(&p->lock);
	link_remove(&c->link);
	p->count--;
	p->bytes -= c->cap;
	if (c->cap == v->record && p->spare_count < ARRAY_LEN(p->spare))
		p->spare[p->spare_count++] = TAKE(c->data);
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void chunk_discard(struct volume *v, struct chunk *c)
{
	struct inode *inode = c->inode;
	size_t at = chunk_place(inode, c->index);

	inode->chunk_count--;
	memmove(inode->chunks + at, inode->chunks + at + 1,
		(inode->chunk_count - at) * sizeof(struct chunk *));
	chunk_unlist(v, c);
	store_unreserve(v->store, c->promised);
	free(c->data);
	free(c);
}

void chunks_discard(struct volume *v, struct inode *inode, uint64_t from, uint64_t to)
{
	size_t i = chunk_place(inode, to);

	while (i > 0 && inode->chunks[i - 1]->index >= from)
		chunk_discard(v, inode->chunks[--i]);
}

uint64_t chunk_blocks(const struct chunk *c)
{
	if (c->lo == c->hi)
		return 0;
	if (c->index == 0 && c->hi <= INLINE_MAX)
		return (c->hi + 511) / 512;
	return store_record_blocks(c->hi - c->lo) * (DISK_BLOCK / 512);
}

static bool chunks_are_busy(const struct inode *inode, uint64_t from, uint64_t to)
{
	for (size_t i = chunk_place(inode, from); i < inode->chunk_count; i++) {
		if (inode->chunks[i]->index >= to)
			return false;
		if (inode->chunks[i]->busy)
			return true;
	}
	return false;
}

/* The pool's lock is taken before the inode's is let go: no wake-up gets lost. */
void inode_lock_idle(struct volume *v, struct inode *inode, uint64_t from, uint64_t to)
{
	pthread_rwlock_wrlock(&inode->lock);
	while (chunks_are_busy(inode, from, to)) {
		pthread_mutex_lock(&v->pool.lock);
		while (chunks_are_busy(inode, from, to)) {
			pthread_rwlock_unlock(&inode->lock);
			pthread_cond_wait(&v->pool.changed, &v->pool.lock);
			pthread_mutex_unlock(&v->pool.lock);
			pthread_rwlock_wrlock(&inode->lock);
			pthread_mutex_lock(&v->pool.lock);
		}
		pthread_mutex_unlock(&v->pool.lock);
	}
}

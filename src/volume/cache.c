/* Records lately read, so that reading on in small steps does not open the same record again. */
#include "volume/internal.h"

#include <stdlib.h>
#include <string.h>

void cache_init(struct cache *c)
{
	pthread_mutex_init(&c->lock, NULL);
}

void cache_clear(struct cache *c)
{
	for (size_t i = 0; i < CACHE_SLOTS; i++)
		free(c->slots[i].data);
	pthread_mutex_destroy(&c->lock);
}

static bool cache_copy(struct cache *c, const struct ref *ref, uint32_t from, uint32_t len,
		       uint8_t *out)
{
	bool found = false;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < CACHE_SLOTS && !found; i++) {
		struct cache_slot *slot = &c->slots[i];

		found = slot->len > 0 && memcmp(slot->nonce, ref->nonce, XAES_NONCE_LEN) == 0;
		if (!found)
			continue;
		memcpy(out, slot->data + from, len);
		slot->used_at = ++c->clock;
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

static struct cache_slot *cache_oldest(struct cache *c)
{
	struct cache_slot *oldest = &c->slots[0];

	for (size_t i = 1; i < CACHE_SLOTS; i++) {
		if (c->slots[i].used_at < oldest->used_at)
			oldest = &c->slots[i];
	}
	return oldest;
}

/* A buffer to read into: that of the oldest slot, which is empty from now on. */
static uint8_t *cache_take_buffer(struct volume *v)
{
	struct cache_slot *slot;
	uint8_t *data;

	pthread_mutex_lock(&v->cache.lock);
	slot = cache_oldest(&v->cache);
	slot->len = 0;
	data = TAKE(slot->data);
	slot->used_at = ++v->cache.clock; /* the next reader takes another one */
	pthread_mutex_unlock(&v->cache.lock);
	return data ? data : malloc(v->record);
}

static void cache_put(struct cache *c, const struct ref *ref, uint32_t len, uint8_t **data)
{
	struct cache_slot *slot;

	pthread_mutex_lock(&c->lock);
	slot = cache_oldest(c);
	for (size_t i = 0; i < CACHE_SLOTS; i++) {
		if (!c->slots[i].data)
			slot = &c->slots[i];
	}
	free(slot->data);
	slot->data = TAKE(*data);
	slot->len = len;
	memcpy(slot->nonce, ref->nonce, XAES_NONCE_LEN);
	slot->used_at = ++c->clock;
	pthread_mutex_unlock(&c->lock);
}

enum err cache_read(struct volume *v, const struct extent *e, uint32_t from, uint32_t len,
		    uint8_t *out)
{
	CLEANUP(mem_freep) uint8_t *data = NULL;

	if (cache_copy(&v->cache, &e->ref, from, len, out))
		return OK;
	data = cache_take_buffer(v);
	if (!data)
		return ERR_NOMEM;
	TRY(store_record_read(v->store, &e->key, &e->ref, data));
	memcpy(out, data + from, len);
	cache_put(&v->cache, &e->ref, e->ref.extra, &data);
	return OK;
}

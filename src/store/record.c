/* Records: sealed runs of blocks that items carry. */
#include <stdlib.h>
#include <string.h>
#include "store/internal.h"

static enum err record_shape(const struct ref *ref)
{
	if (ref->blocks == 0 || (size_t)ref->blocks * DISK_BLOCK > STORE_RECORD_MAX ||
	    store_record_blocks(ref->extra) != ref->blocks)
		return err_at(ERR_MALFORMED, "record of %u blocks", ref->blocks);
	return OK;
}

static enum err read_record(struct store *s, const struct store_key *key, bool hash,
			    const struct ref *ref, void *out)
{
	TRY(record_shape(ref));
	TRY(disk_read(s->disk, DISK_DATA, ref->addr * DISK_BLOCK, out,
		      (size_t)ref->blocks * DISK_BLOCK));
	return sealer_open(s->sealer, key, hash, ref, out);
}

enum err store_record_read(struct store *s, const struct store_key *key, const struct ref *ref,
			   void *out)
{
	return read_record(s, key, false, ref, out);
}

enum err store_record_verify(struct store *s, const struct store_key *key, const struct ref *ref,
			     void *scratch)
{
	return read_record(s, key, true, ref, scratch);
}

static enum err scratch_get(struct store *s, uint8_t **ret)
{
	uint8_t *buf = NULL;

	pthread_mutex_lock(&s->scratch_lock);
	if (s->scratch_count > 0)
		buf = s->scratch[--s->scratch_count];
	pthread_mutex_unlock(&s->scratch_lock);
	if (!buf)
		buf = malloc(SCRATCH_LEN);
	if (!buf)
		return err_at(ERR_NOMEM, "record buffer");
	*ret = buf;
	return OK;
}

static void scratch_put(struct store *s, uint8_t *buf)
{
	pthread_mutex_lock(&s->scratch_lock);
	if (s->scratch_count < SCRATCH_KEEP)
		s->scratch[s->scratch_count++] = TAKE(buf);
	pthread_mutex_unlock(&s->scratch_lock);
	free(buf);
}

/* Seals straight from the caller's bytes where they fill their blocks, else through a padded copy. */
static enum err seal_into(struct store *s, const struct store_key *key, const void *data,
			  size_t len, uint8_t *buf, struct ref *ref)
{
	size_t all = (size_t)ref->blocks * DISK_BLOCK;
	enum err err;

	if (len == all)
		return sealer_seal(s->sealer, key, data, buf, ref);
	memcpy(buf, data, len);
	memset(buf + len, 0, all - len);
	err = sealer_seal(s->sealer, key, buf, buf, ref);
	if (err != OK)
		mem_wipe(buf, all);
	return err;
}

enum err store_record_write(struct store *s, const struct store_key *key, const void *data,
			    size_t len, struct ref *ret)
{
	struct ref ref = { .blocks = (uint16_t)store_record_blocks(len), .extra = (uint32_t)len };
	uint8_t *buf = NULL;
	enum err err;

	TRY(store_usable(s));
	if (len == 0 || len > STORE_RECORD_MAX)
		return err_at(ERR_INVALID, "record of %zu bytes", len);
	TRY(alloc_take(s->alloc, ref.blocks, &ref.addr));
	/* The generation that is open now, or a later one, will refer to it. */
	ref.birth = tree_open_gen(s->tree);
	err = scratch_get(s, &buf);
	if (err == OK)
		err = seal_into(s, key, data, len, buf, &ref);
	if (err == OK) {
		err = disk_write(s->disk, DISK_DATA, ref.addr * DISK_BLOCK, buf,
				 (size_t)ref.blocks * DISK_BLOCK);
		if (err != OK)
			(void)store_fail(s, err);
	}
	if (buf)
		scratch_put(s, buf);
	if (err != OK) {
		alloc_give(s->alloc, ref.addr, ref.blocks);
		return err;
	}
	*ret = ref;
	return OK;
}

void store_record_drop(struct store *s, const struct ref *ref)
{
	/* Never referred to by any state, so its blocks are free at once. */
	alloc_give(s->alloc, ref->addr, ref->blocks);
}

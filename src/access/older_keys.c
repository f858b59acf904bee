#include "access/older_keys.h"
#include <string.h>
#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/labels.h"
#include "crypto/random.h"

/* Content: count, 0, then for each epoch, 0, key; the rest zeroes. */
#define CONTENT_LEN (OLDER_KEYS_LEN - XAES_NONCE_LEN - AEAD_TAG_LEN)
#define AAD_LEN (STORE_ID_LEN + 4u)

void older_keys_clear(struct older_keys *o)
{
	for (unsigned i = 0; i < o->count; i++)
		secret_free(o->key[i]);
	memset(o, 0, sizeof(*o));
}

enum err older_keys_add(struct older_keys *o, uint32_t epoch, const struct secret *key)
{
	if (o->count == STORE_OLDER_MAX)
		return err_at(ERR_TOO_MANY_EPOCHS, "%u", o->count);
	TRY(secret_copy(secret_data(key), secret_len(key), &o->key[o->count]));
	o->epoch[o->count++] = epoch;
	return OK;
}

void older_keys_door(const struct older_keys *o, struct store_older *ret)
{
	*ret = (struct store_older){ .count = o->count };
	for (unsigned i = 0; i < o->count; i++) {
		ret->epoch[i] = o->epoch[i];
		ret->key[i] = o->key[i];
	}
}

static enum err table_key(const struct secret *epoch_key, struct xaes_key **ret)
{
	uint8_t key[AEAD_KEY_LEN];
	enum err err;

	hkdf_sha256_expand(secret_data(epoch_key), LABEL_OLDER_KEYS, strlen(LABEL_OLDER_KEYS), key,
			   sizeof(key));
	err = xaes_key_new(key, ret);
	mem_wipe(key, sizeof(key));
	return err;
}

static void table_aad(const uint8_t volume_id[STORE_ID_LEN], uint32_t epoch, uint8_t out[AAD_LEN])
{
	memcpy(out, volume_id, STORE_ID_LEN);
	store_u32(out + STORE_ID_LEN, epoch);
}

static void encode(const struct older_keys *o, struct writer *w)
{
	write_u32(w, o->count);
	write_u32(w, 0);
	for (unsigned i = 0; i < o->count; i++) {
		write_u32(w, o->epoch[i]);
		write_u32(w, 0);
		write_bytes(w, secret_data(o->key[i]), AEAD_KEY_LEN);
	}
	write_zeroes(w, w->left);
}

enum err older_keys_seal(const struct older_keys *o, const uint8_t volume_id[STORE_ID_LEN],
			 uint32_t epoch, const struct secret *epoch_key,
			 uint8_t out[OLDER_KEYS_LEN])
{
	CLEANUP(secret_freep) struct secret *content = NULL;
	CLEANUP(xaes_key_freep) struct xaes_key *key = NULL;
	uint8_t aad[AAD_LEN];
	struct writer w;

	TRY(secret_new(CONTENT_LEN, &content));
	TRY(table_key(epoch_key, &key));
	w = writer_make(secret_edit(content), CONTENT_LEN);
	encode(o, &w);
	if (!writer_ok(&w))
		return err_at(ERR_INTERNAL, "older keys");
	table_aad(volume_id, epoch, aad);
	random_bytes(out, XAES_NONCE_LEN);
	return xaes_seal(key, out, aad, sizeof(aad), secret_data(content), CONTENT_LEN,
			 out + XAES_NONCE_LEN, out + XAES_NONCE_LEN + CONTENT_LEN);
}

static enum err decode_one(struct reader *r, uint32_t below, struct older_keys *o)
{
	uint32_t least = o->count ? o->epoch[o->count - 1] + 1 : 1;
	uint32_t epoch = read_u32(r), zero = read_u32(r);
	const uint8_t *key = read_span(r, AEAD_KEY_LEN);

	if (!key || zero != 0 || epoch < least || epoch >= below)
		return ERR_FORGED;
	TRY(secret_copy(key, AEAD_KEY_LEN, &o->key[o->count]));
	o->epoch[o->count++] = epoch;
	return OK;
}

static enum err decode(struct reader *r, uint32_t below, struct older_keys *o)
{
	uint32_t count = read_u32(r), zero = read_u32(r);

	if (zero != 0 || count > STORE_OLDER_MAX)
		return ERR_FORGED;
	for (uint32_t i = 0; i < count; i++)
		TRY(decode_one(r, below, o));
	while (r->left > 0)
		if (read_u8(r) != 0)
			return ERR_FORGED;
	return OK;
}

enum err older_keys_open(const uint8_t in[OLDER_KEYS_LEN], const uint8_t volume_id[STORE_ID_LEN],
			 uint32_t epoch, const struct secret *epoch_key, struct older_keys *ret)
{
	CLEANUP(older_keys_clear) struct older_keys o = { 0 };
	CLEANUP(secret_freep) struct secret *content = NULL;
	CLEANUP(xaes_key_freep) struct xaes_key *key = NULL;
	uint8_t aad[AAD_LEN];
	struct reader r;
	enum err err;

	TRY(secret_new(CONTENT_LEN, &content));
	TRY(table_key(epoch_key, &key));
	table_aad(volume_id, epoch, aad);
	err = xaes_open(key, in, aad, sizeof(aad), in + XAES_NONCE_LEN, CONTENT_LEN,
			in + XAES_NONCE_LEN + CONTENT_LEN, secret_edit(content));
	if (err == OK) {
		r = reader_make(secret_data(content), CONTENT_LEN);
		err = decode(&r, epoch, &o);
	}
	if (err != OK)
		return err_at(err, "KEY file");
	*ret = o;
	memset(&o, 0, sizeof(o));
	return OK;
}

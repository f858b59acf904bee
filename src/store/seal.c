#include "store/seal.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/labels.h"
#include "crypto/random.h"

#define AAD_LEN 64u
#define SLOT_NONCE 8u
#define SLOT_COMMIT (SLOT_NONCE + XAES_NONCE_LEN)
#define SLOT_BODY (SLOT_COMMIT + SHA256_LEN)

struct epoch_keys {
	uint32_t epoch;
	struct xaes_key *node, *data, *super;
	struct secret *commit;
};

struct sealer {
	uint8_t volume_id[STORE_ID_LEN];
	struct epoch_keys epochs[FORMAT_EPOCHS_MAX];
	unsigned count;
};

enum err sealer_new(const uint8_t volume_id[STORE_ID_LEN], struct sealer **ret)
{
	struct sealer *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "sealer");
	memcpy(s->volume_id, volume_id, STORE_ID_LEN);
	*ret = s;
	return OK;
}

static void epoch_keys_clear(struct epoch_keys *k)
{
	xaes_key_free(k->node);
	xaes_key_free(k->data);
	xaes_key_free(k->super);
	secret_free(k->commit);
	memset(k, 0, sizeof(*k));
}

void sealer_free(struct sealer *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->count; i++)
		epoch_keys_clear(&s->epochs[i]);
	free(s);
}

static enum err derive_xaes(const struct secret *epoch_key, const char *label,
			    struct xaes_key **ret)
{
	CLEANUP(secret_freep) struct secret *key = NULL;

	TRY(secret_new(AEAD_KEY_LEN, &key));
	hkdf_sha256_expand(secret_data(epoch_key), label, strlen(label), secret_edit(key),
			   AEAD_KEY_LEN);
	return xaes_key_new(secret_data(key), ret);
}

static enum err derive_all(const struct secret *epoch_key, struct epoch_keys *k)
{
	TRY(derive_xaes(epoch_key, LABEL_NODE, &k->node));
	TRY(derive_xaes(epoch_key, LABEL_DATA, &k->data));
	TRY(derive_xaes(epoch_key, LABEL_SUPER, &k->super));
	TRY(secret_new(SHA256_LEN, &k->commit));
	hkdf_sha256_expand(secret_data(epoch_key), LABEL_COMMIT, strlen(LABEL_COMMIT),
			   secret_edit(k->commit), SHA256_LEN);
	return OK;
}

enum err sealer_add_epoch(struct sealer *s, uint32_t epoch, const struct secret *epoch_key)
{
	struct epoch_keys k = { .epoch = epoch };
	enum err err;

	if (s->count == FORMAT_EPOCHS_MAX)
		return err_at(ERR_MALFORMED, "more than %u epochs", FORMAT_EPOCHS_MAX);
	if (secret_len(epoch_key) != AEAD_KEY_LEN)
		return err_at(ERR_INVALID, "epoch key length");
	err = derive_all(epoch_key, &k);
	if (err != OK) {
		epoch_keys_clear(&k);
		return err;
	}
	s->epochs[s->count++] = k;
	return OK;
}

uint32_t sealer_epoch(const struct sealer *s)
{
	return s->epochs[s->count - 1].epoch;
}

static const struct epoch_keys *find_epoch(const struct sealer *s, uint32_t epoch)
{
	for (unsigned i = s->count; i-- > 0;)
		if (s->epochs[i].epoch == epoch)
			return &s->epochs[i];
	return NULL;
}

/* FORMAT.md, "Additional data". */
static void make_aad(const struct sealer *s, const struct seal_place *place, const struct ref *ref,
		     uint32_t plain_len, uint8_t aad[AAD_LEN])
{
	struct writer w = writer_make(aad, AAD_LEN);

	write_bytes(&w, "VLT1", 4);
	write_u8(&w, (uint8_t)place->kind);
	write_u8(&w, place->level);
	write_u8(&w, place->key.kind);
	write_u8(&w, 0);
	write_bytes(&w, s->volume_id, STORE_ID_LEN);
	write_u32(&w, ref->epoch);
	write_u64(&w, ref->birth);
	write_u64(&w, ref->addr);
	write_u64(&w, place->key.object);
	write_u64(&w, place->key.offset);
	write_u32(&w, plain_len);
}

/* `extra` of a node is its least epoch, a fact for walkers; only a record's is its length. */
static uint32_t plain_len_of(const struct seal_place *place, const struct ref *ref)
{
	return place->kind == FORMAT_RECORD ? ref->extra : FORMAT_NODE_LEN;
}

enum err sealer_seal(const struct sealer *s, const struct seal_place *place, const void *in,
		     void *out, struct ref *ref)
{
	const struct epoch_keys *k = &s->epochs[s->count - 1];
	const struct xaes_key *key = place->kind == FORMAT_NODE ? k->node : k->data;
	size_t len = (size_t)ref->blocks * DISK_BLOCK;
	uint8_t aad[AAD_LEN];

	ref->epoch = k->epoch;
	random_bytes(ref->nonce, sizeof(ref->nonce));
	make_aad(s, place, ref, plain_len_of(place, ref), aad);
	TRY(xaes_seal(key, ref->nonce, aad, sizeof(aad), in, len, out, ref->tag));
	sha256(out, len, ref->sha256);
	return OK;
}

enum err sealer_open(const struct sealer *s, const struct seal_place *place, bool hash,
		     const struct ref *ref, void *data)
{
	const struct epoch_keys *k = find_epoch(s, ref->epoch);
	size_t len = (size_t)ref->blocks * DISK_BLOCK;
	uint8_t aad[AAD_LEN];

	if (!k)
		return err_at(ERR_FORGED, "block %llu", (unsigned long long)ref->addr);
	if (hash || ref->epoch != sealer_epoch(s)) {
		uint8_t sum[SHA256_LEN];

		sha256(data, len, sum);
		if (!mem_equal(sum, ref->sha256, sizeof(sum)))
			return err_at(ERR_FORGED, "block %llu", (unsigned long long)ref->addr);
	}
	make_aad(s, place, ref, plain_len_of(place, ref), aad);
	if (xaes_open(place->kind == FORMAT_NODE ? k->node : k->data, ref->nonce, aad, sizeof(aad),
		      data, len, ref->tag, data) != OK)
		return err_at(ERR_FORGED, "block %llu", (unsigned long long)ref->addr);
	return OK;
}

static void slot_aad(const struct sealer *s, unsigned index, uint8_t aad[AAD_LEN])
{
	struct ref ref = { .addr = index, .epoch = sealer_epoch(s) };
	struct seal_place place = { .kind = FORMAT_SUPER };

	make_aad(s, &place, &ref, SLOT_CONTENT_LEN, aad);
}

/* HMAC over every byte of the slot but the commitment itself. */
static void slot_commitment(const struct epoch_keys *k, const uint8_t *slot,
			    uint8_t out[SHA256_LEN])
{
	hmac_sha256_2(secret_data(k->commit), SHA256_LEN, slot, SLOT_COMMIT, slot + SLOT_BODY,
		      FORMAT_SLOT_LEN - SLOT_BODY, out);
}

enum err sealer_seal_slot(const struct sealer *s, unsigned index,
			  const uint8_t content[SLOT_CONTENT_LEN], uint8_t out[FORMAT_SLOT_LEN])
{
	const struct epoch_keys *k = &s->epochs[s->count - 1];
	uint8_t aad[AAD_LEN];

	memcpy(out, FORMAT_SLOT_MAGIC, 8);
	random_bytes(out + SLOT_NONCE, XAES_NONCE_LEN);
	slot_aad(s, index, aad);
	TRY(xaes_seal(k->super, out + SLOT_NONCE, aad, sizeof(aad), content, SLOT_CONTENT_LEN,
		      out + SLOT_BODY, out + SLOT_BODY + SLOT_CONTENT_LEN));
	slot_commitment(k, out, out + SLOT_COMMIT);
	return OK;
}

enum err sealer_open_slot(const struct sealer *s, unsigned index,
			  const uint8_t slot[FORMAT_SLOT_LEN], uint8_t content[SLOT_CONTENT_LEN])
{
	const struct epoch_keys *k = &s->epochs[s->count - 1];
	uint8_t aad[AAD_LEN], commitment[SHA256_LEN];

	slot_commitment(k, slot, commitment);
	if (!mem_equal(commitment, slot + SLOT_COMMIT, SHA256_LEN))
		return ERR_FORGED;
	slot_aad(s, index, aad);
	return xaes_open(k->super, slot + SLOT_NONCE, aad, sizeof(aad), slot + SLOT_BODY,
			 SLOT_CONTENT_LEN, slot + SLOT_BODY + SLOT_CONTENT_LEN, content);
}

void slot_noise(uint8_t out[FORMAT_SLOT_LEN])
{
	memcpy(out, FORMAT_SLOT_MAGIC, 8);
	random_bytes(out + 8, FORMAT_SLOT_LEN - 8);
}

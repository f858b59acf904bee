#include "store/seal.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "crypto/labels.h"
#include "crypto/random.h"
#include "store/node.h"

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
	/* Shared while a key is in use, exclusive while epochs come and go. */
	pthread_rwlock_t lock;
	uint8_t volume_id[STORE_ID_LEN];
	struct epoch_keys epochs[FORMAT_EPOCHS_MAX];
	unsigned count;
};

enum err sealer_new(const uint8_t volume_id[STORE_ID_LEN], struct sealer **ret)
{
	struct sealer *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "sealer");
	pthread_rwlock_init(&s->lock, NULL);
	memcpy(s->volume_id, volume_id, STORE_ID_LEN);
	*ret = s;
	return OK;
}

/* The lock is no part of what a caller with a const sealer must not change. */
static void use_begin(const struct sealer *s)
{
	pthread_rwlock_rdlock((pthread_rwlock_t *)&s->lock);
}

static void use_end(const struct sealer *s)
{
	pthread_rwlock_unlock((pthread_rwlock_t *)&s->lock);
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
	pthread_rwlock_destroy(&s->lock);
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
		return err_at(ERR_TOO_MANY_EPOCHS, "%u", FORMAT_EPOCHS_MAX);
	if (secret_len(epoch_key) != AEAD_KEY_LEN || epoch == 0 ||
	    (s->count > 0 && s->epochs[s->count - 1].epoch >= epoch))
		return err_at(ERR_INVALID, "key of epoch %u", epoch);
	err = derive_all(epoch_key, &k);
	if (err != OK) {
		epoch_keys_clear(&k);
		return err;
	}
	pthread_rwlock_wrlock(&s->lock);
	s->epochs[s->count++] = k;
	pthread_rwlock_unlock(&s->lock);
	return OK;
}

enum err sealer_add_door(struct sealer *s, const struct store_door *door)
{
	if (door->older.count > STORE_OLDER_MAX)
		return err_at(ERR_INVALID, "%u older epochs", door->older.count);
	for (unsigned i = 0; i < door->older.count; i++)
		TRY(sealer_add_epoch(s, door->older.epoch[i], door->older.key[i]));
	return sealer_add_epoch(s, door->epoch, door->epoch_key);
}

void sealer_drop_older(struct sealer *s)
{
	pthread_rwlock_wrlock(&s->lock);
	for (unsigned i = 0; i + 1 < s->count; i++)
		epoch_keys_clear(&s->epochs[i]);
	if (s->count > 1) {
		s->epochs[0] = s->epochs[s->count - 1];
		memset(&s->epochs[s->count - 1], 0, sizeof(s->epochs[0]));
		s->count = 1;
	}
	pthread_rwlock_unlock(&s->lock);
}

static const struct epoch_keys *newest_epoch(const struct sealer *s)
{
	return &s->epochs[s->count - 1];
}

uint32_t sealer_epoch(const struct sealer *s)
{
	uint32_t epoch;

	use_begin(s);
	epoch = newest_epoch(s)->epoch;
	use_end(s);
	return epoch;
}

unsigned sealer_epochs(const struct sealer *s)
{
	unsigned count;

	use_begin(s);
	count = s->count;
	use_end(s);
	return count;
}

static const struct epoch_keys *find_epoch(const struct sealer *s, uint32_t epoch)
{
	for (unsigned i = s->count; i-- > 0;)
		if (s->epochs[i].epoch == epoch)
			return &s->epochs[i];
	return NULL;
}

/* ---- additional data: FORMAT.md, "Sealed blocks" ---- */

struct aad_fields {
	enum format_kind kind;
	uint32_t epoch, plain_len;
	uint64_t birth, addr;
	struct store_key key;
};

static void make_aad(const struct sealer *s, const struct aad_fields *f, uint8_t aad[AAD_LEN])
{
	struct writer w = writer_make(aad, AAD_LEN);

	write_bytes(&w, "VLT1", 4);
	write_u8(&w, (uint8_t)f->kind);
	write_u8(&w, 0);
	write_u8(&w, f->key.kind);
	write_u8(&w, 0);
	write_bytes(&w, s->volume_id, STORE_ID_LEN);
	write_u32(&w, f->epoch);
	write_u64(&w, f->birth);
	write_u64(&w, f->addr);
	write_u64(&w, f->key.object);
	write_u64(&w, f->key.offset);
	write_u32(&w, f->plain_len);
}

static void record_aad(const struct sealer *s, const struct store_key *key, const struct ref *ref,
		       uint8_t aad[AAD_LEN])
{
	struct aad_fields f = { .kind = FORMAT_RECORD,
				.epoch = ref->epoch,
				.plain_len = ref->extra,
				.birth = ref->birth,
				.addr = ref->addr,
				.key = *key };

	make_aad(s, &f, aad);
}

static void node_aad(const struct sealer *s, uint32_t epoch, uint64_t addr, uint8_t aad[AAD_LEN])
{
	struct aad_fields f = { .kind = FORMAT_NODE,
				.epoch = epoch,
				.plain_len = FORMAT_PAGE_LEN,
				.addr = addr };

	make_aad(s, &f, aad);
}

static enum err no_fit(uint64_t addr)
{
	return err_at(ERR_FORGED, "block %llu", (unsigned long long)addr);
}

static enum err check_hash(const struct ref *ref, const void *data)
{
	uint8_t sum[SHA256_LEN];

	sha256(data, (size_t)ref->blocks * DISK_BLOCK, sum);
	return mem_equal(sum, ref->sha256, sizeof(sum)) ? OK : no_fit(ref->addr);
}

/* ---- records ---- */

static enum err seal_record(const struct sealer *s, const struct store_key *key, const void *in,
			    void *out, struct ref *ref)
{
	const struct epoch_keys *k = newest_epoch(s);
	size_t len = (size_t)ref->blocks * DISK_BLOCK;
	uint8_t aad[AAD_LEN];

	ref->epoch = k->epoch;
	random_bytes(ref->nonce, sizeof(ref->nonce));
	record_aad(s, key, ref, aad);
	TRY(xaes_seal(k->data, ref->nonce, aad, sizeof(aad), in, len, out, ref->tag));
	sha256(out, len, ref->sha256);
	return OK;
}

enum err sealer_seal(const struct sealer *s, const struct store_key *key, const void *in, void *out,
		     struct ref *ref)
{
	enum err err;

	use_begin(s);
	err = seal_record(s, key, in, out, ref);
	use_end(s);
	return err;
}

static enum err open_record(const struct sealer *s, const struct store_key *key, bool hash,
			    const struct ref *ref, void *data)
{
	const struct epoch_keys *k = find_epoch(s, ref->epoch);
	size_t len = (size_t)ref->blocks * DISK_BLOCK;
	uint8_t aad[AAD_LEN];

	if (!k)
		return no_fit(ref->addr);
	if (hash || k != newest_epoch(s))
		TRY(check_hash(ref, data));
	record_aad(s, key, ref, aad);
	if (xaes_open(k->data, ref->nonce, aad, sizeof(aad), data, len, ref->tag, data) != OK)
		return no_fit(ref->addr);
	return OK;
}

enum err sealer_open(const struct sealer *s, const struct store_key *key, bool hash,
		     const struct ref *ref, void *data)
{
	enum err err;

	use_begin(s);
	err = open_record(s, key, hash, ref, data);
	use_end(s);
	return err;
}

/* ---- nodes: nonce, tag, sealed page ---- */

static enum err seal_node(const struct sealer *s, const uint8_t *page, uint8_t *out, struct ref *ref)
{
	const struct epoch_keys *k = newest_epoch(s);
	uint8_t aad[AAD_LEN];

	ref->blocks = FORMAT_NODE_BLOCKS;
	ref->birth = page_birth(page);
	ref->epoch = k->epoch;
	random_bytes(ref->nonce, sizeof(ref->nonce));
	node_aad(s, k->epoch, ref->addr, aad);
	TRY(xaes_seal(k->node, ref->nonce, aad, sizeof(aad), page, FORMAT_PAGE_LEN,
		      out + FORMAT_NODE_HEAD, ref->tag));
	memcpy(out, ref->nonce, XAES_NONCE_LEN);
	memcpy(out + XAES_NONCE_LEN, ref->tag, AEAD_TAG_LEN);
	sha256(out, FORMAT_NODE_LEN, ref->sha256);
	return OK;
}

enum err sealer_seal_node(const struct sealer *s, const uint8_t page[FORMAT_PAGE_LEN],
			  uint8_t out[FORMAT_NODE_LEN], struct ref *ref)
{
	enum err err;

	use_begin(s);
	err = seal_node(s, page, out, ref);
	use_end(s);
	return err;
}

static enum err open_node(const struct sealer *s, const struct ref *ref, const uint8_t *in,
			  uint8_t *page)
{
	const struct epoch_keys *k = find_epoch(s, ref->epoch);
	uint8_t aad[AAD_LEN];

	if (!k || ref->blocks != FORMAT_NODE_BLOCKS)
		return no_fit(ref->addr);
	TRY(check_hash(ref, in));
	node_aad(s, ref->epoch, ref->addr, aad);
	if (xaes_open(k->node, ref->nonce, aad, sizeof(aad), in + FORMAT_NODE_HEAD, FORMAT_PAGE_LEN,
		      ref->tag, page) != OK)
		return no_fit(ref->addr);
	return page_birth(page) == ref->birth ? OK : no_fit(ref->addr);
}

enum err sealer_open_node(const struct sealer *s, const struct ref *ref,
			  const uint8_t in[FORMAT_NODE_LEN], uint8_t page[FORMAT_PAGE_LEN])
{
	enum err err;

	use_begin(s);
	err = open_node(s, ref, in, page);
	use_end(s);
	return err;
}

static enum err find_node(const struct sealer *s, uint64_t addr, const uint8_t *in, uint8_t *page,
			  struct ref *ref)
{
	for (unsigned i = s->count; i-- > 0;) {
		const struct epoch_keys *k = &s->epochs[i];
		uint8_t aad[AAD_LEN];

		node_aad(s, k->epoch, addr, aad);
		if (xaes_open(k->node, in, aad, sizeof(aad), in + FORMAT_NODE_HEAD, FORMAT_PAGE_LEN,
			      in + XAES_NONCE_LEN, page) != OK)
			continue;
		*ref = (struct ref){ .addr = addr,
				     .blocks = FORMAT_NODE_BLOCKS,
				     .birth = page_birth(page),
				     .epoch = k->epoch,
				     .extra = k->epoch };
		memcpy(ref->nonce, in, XAES_NONCE_LEN);
		memcpy(ref->tag, in + XAES_NONCE_LEN, AEAD_TAG_LEN);
		sha256(in, FORMAT_NODE_LEN, ref->sha256);
		return OK;
	}
	return ERR_FORGED;
}

enum err sealer_find_node(const struct sealer *s, uint64_t addr, const uint8_t in[FORMAT_NODE_LEN],
			  uint8_t page[FORMAT_PAGE_LEN], struct ref *ret_ref)
{
	enum err err;

	use_begin(s);
	err = find_node(s, addr, in, page, ret_ref);
	use_end(s);
	return err;
}

/* ---- superblock slots ---- */

static void slot_aad(const struct sealer *s, unsigned index, uint8_t aad[AAD_LEN])
{
	struct aad_fields f = { .kind = FORMAT_SUPER,
				.epoch = newest_epoch(s)->epoch,
				.plain_len = SLOT_CONTENT_LEN,
				.addr = index };

	make_aad(s, &f, aad);
}

/* HMAC over every byte of the slot but the commitment itself. */
static void slot_commitment(const struct epoch_keys *k, const uint8_t *slot,
			    uint8_t out[SHA256_LEN])
{
	hmac_sha256_2(secret_data(k->commit), SHA256_LEN, slot, SLOT_COMMIT, slot + SLOT_BODY,
		      FORMAT_SLOT_LEN - SLOT_BODY, out);
}

static enum err seal_slot(const struct sealer *s, unsigned index, const uint8_t *content,
			  uint8_t *out)
{
	const struct epoch_keys *k = newest_epoch(s);
	uint8_t aad[AAD_LEN];

	memcpy(out, FORMAT_SLOT_MAGIC, 8);
	random_bytes(out + SLOT_NONCE, XAES_NONCE_LEN);
	slot_aad(s, index, aad);
	TRY(xaes_seal(k->super, out + SLOT_NONCE, aad, sizeof(aad), content, SLOT_CONTENT_LEN,
		      out + SLOT_BODY, out + SLOT_BODY + SLOT_CONTENT_LEN));
	slot_commitment(k, out, out + SLOT_COMMIT);
	return OK;
}

enum err sealer_seal_slot(const struct sealer *s, unsigned index,
			  const uint8_t content[SLOT_CONTENT_LEN], uint8_t out[FORMAT_SLOT_LEN])
{
	enum err err;

	use_begin(s);
	err = seal_slot(s, index, content, out);
	use_end(s);
	return err;
}

static enum err open_slot(const struct sealer *s, unsigned index, const uint8_t *slot,
			  uint8_t *content)
{
	const struct epoch_keys *k = newest_epoch(s);
	uint8_t aad[AAD_LEN], commitment[SHA256_LEN];

	slot_commitment(k, slot, commitment);
	if (!mem_equal(commitment, slot + SLOT_COMMIT, SHA256_LEN))
		return ERR_FORGED;
	slot_aad(s, index, aad);
	return xaes_open(k->super, slot + SLOT_NONCE, aad, sizeof(aad), slot + SLOT_BODY,
			 SLOT_CONTENT_LEN, slot + SLOT_BODY + SLOT_CONTENT_LEN, content);
}

enum err sealer_open_slot(const struct sealer *s, unsigned index,
			  const uint8_t slot[FORMAT_SLOT_LEN], uint8_t content[SLOT_CONTENT_LEN])
{
	enum err err;

	use_begin(s);
	err = open_slot(s, index, slot, content);
	use_end(s);
	return err;
}

bool sealer_knows_older_slot(const struct sealer *s, const uint8_t slot[FORMAT_SLOT_LEN])
{
	uint8_t commitment[SHA256_LEN];
	bool known = false;

	use_begin(s);
	for (unsigned i = 0; i + 1 < s->count && !known; i++) {
		slot_commitment(&s->epochs[i], slot, commitment);
		known = mem_equal(commitment, slot + SLOT_COMMIT, SHA256_LEN);
	}
	use_end(s);
	return known;
}

void slot_noise(uint8_t out[FORMAT_SLOT_LEN])
{
	memcpy(out, FORMAT_SLOT_MAGIC, 8);
	random_bytes(out + 8, FORMAT_SLOT_LEN - 8);
}

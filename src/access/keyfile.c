#include "access/keyfile.h"
#include <stdlib.h>
#include <string.h>
#include "access/keyfile_format.h"
#include "age/age.h"
#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "crypto/random.h"

/* File: magic 8, length of the age file 4, age file, noise, older keys 512, HMAC 32. FORMAT.md, "KEY
 * file". */
#define HEAD_LEN 12u
#define MAC_AT (DISK_FIXED_LEN - SHA256_LEN)
#define OLDER_AT (MAC_AT - OLDER_KEYS_LEN)
#define AGE_MAX (OLDER_AT - HEAD_LEN)

void keyfile_clear(struct keyfile *k)
{
	secret_free(k->share);
	free(k->recipients);
	older_keys_clear(&k->older);
	memset(k, 0, sizeof(*k));
}

enum err keyfile_clone(const struct keyfile *k, struct keyfile *ret)
{
	CLEANUP(keyfile_clear) struct keyfile copy = *k;

	copy.share = NULL;
	copy.recipients = NULL;
	copy.older = (struct older_keys){ 0 };
	copy.recipients = calloc(k->recipient_count, sizeof(*copy.recipients));
	if (!copy.recipients)
		return err_at(ERR_NOMEM, "KEY file");
	memcpy(copy.recipients, k->recipients, k->recipient_count * sizeof(*copy.recipients));
	TRY(secret_copy(secret_data(k->share), secret_len(k->share), &copy.share));
	for (unsigned i = 0; i < k->older.count; i++)
		TRY(older_keys_add(&copy.older, k->older.epoch[i], k->older.key[i]));
	*ret = copy;
	memset(&copy, 0, sizeof(copy));
	return OK;
}

enum err keyfile_epoch_key(const struct keyfile *k, const struct secret *device,
			   struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *ikm = NULL;
	CLEANUP(secret_freep) struct secret *key = NULL;
	uint8_t salt[20];

	/* Without separation the second half is zero: the share, 256 random bits that only
	 * recipients can read, is then the whole secret. */
	TRY(secret_new(64, &ikm));
	memcpy(secret_edit(ikm), secret_data(k->share), 32);
	if (device)
		memcpy(secret_edit(ikm) + 32, secret_data(device), 32);
	memcpy(salt, k->volume_id, 16);
	store_u32(salt + 16, k->epoch);
	TRY(secret_new(AEAD_KEY_LEN, &key));
	hkdf_sha256(secret_data(ikm), 64, salt, sizeof(salt), LABEL_EPOCH, strlen(LABEL_EPOCH),
		    secret_edit(key), AEAD_KEY_LEN);
	*ret = TAKE(key);
	return OK;
}

void keyfile_door(const struct keyfile *k, const struct secret *epoch_key, struct store_door *ret)
{
	*ret = (struct store_door){ .epoch = k->epoch, .epoch_key = epoch_key };
	memcpy(ret->keyfile_sha256, k->sha256, SHA256_LEN);
	older_keys_door(&k->older, &ret->older);
}

/* ---- writing ---- */

static void encode_fields(const struct keyfile *k, struct writer *w)
{
	write_bytes(w, KEYFILE_PAYLOAD_MAGIC, 8);
	write_bytes(w, k->volume_id, 16);
	write_bytes(w, k->device_id, 16);
	write_u64(w, k->sequence);
	write_u32(w, k->epoch);
	write_u32(w, k->separated ? KEYFILE_SEPARATED : 0);
	write_u64(w, (uint64_t)k->created);
	write_bytes(w, secret_data(k->share), 32);
	write_bytes(w, k->signer_vkey, SIGN_VKEY_LEN);
	write_u32(w, (uint32_t)k->recipient_count);
	for (size_t i = 0; i < k->recipient_count; i++)
		write_bytes(w, k->recipients[i].pk, X25519_LEN);
	write_zeroes(w, w->left);
}

/* What is signed: label with its NUL, SHA-256 of the age header, the payload's fields. */
static enum err signed_text(const void *header, size_t header_len, const uint8_t *fields,
			    size_t fields_len, struct secret **ret)
{
	uint8_t *at;

	TRY(secret_new(sizeof(LABEL_SIG_KEYFILE) + SHA256_LEN + fields_len, ret));
	at = secret_edit(*ret);
	memcpy(at, LABEL_SIG_KEYFILE, sizeof(LABEL_SIG_KEYFILE));
	sha256(header, header_len, at + sizeof(LABEL_SIG_KEYFILE));
	memcpy(at + sizeof(LABEL_SIG_KEYFILE) + SHA256_LEN, fields, fields_len);
	return OK;
}

static enum err make_payload(const struct keyfile *k, const void *header, size_t header_len,
			     const struct sign_key *signer, struct secret **ret)
{
	size_t fields_len = KEYFILE_FIELDS_LEN(k->recipient_count);
	CLEANUP(secret_freep) struct secret *payload = NULL;
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct writer w;

	TRY(secret_new(fields_len + SIGN_LEN, &payload));
	w = writer_make(secret_edit(payload), fields_len);
	encode_fields(k, &w);
	if (!writer_ok(&w) || w.left != 0)
		return err_at(ERR_INTERNAL, "KEY payload");
	TRY(signed_text(header, header_len, secret_data(payload), fields_len, &text));
	sign_make(signer, secret_data(text), secret_len(text), secret_edit(payload) + fields_len);
	*ret = TAKE(payload);
	return OK;
}

static enum err seal_age(const struct keyfile *k, const struct sign_key *signer, struct buf *out)
{
	CLEANUP(age_sealing_freep) struct age_sealing *sealing = NULL;
	CLEANUP(secret_freep) struct secret *payload = NULL;
	struct age_to to = { .recipients = k->recipients,
			     .count = k->recipient_count,
			     .multiple = KEYFILE_GROUP };
	const void *header;
	size_t header_len;

	TRY(age_seal_begin(&to, &sealing));
	header = age_sealing_header(sealing, &header_len);
	TRY(make_payload(k, header, header_len, signer, &payload));
	return age_seal_finish(&sealing, secret_data(payload), secret_len(payload), out);
}

static void file_mac(const uint8_t *file, const struct secret *epoch_key, uint8_t out[SHA256_LEN])
{
	uint8_t key[SHA256_LEN];

	hkdf_sha256_expand(secret_data(epoch_key), LABEL_KEYFILE, strlen(LABEL_KEYFILE), key,
			   sizeof(key));
	hmac_sha256(key, sizeof(key), file, MAC_AT, out);
	mem_wipe(key, sizeof(key));
}

/* Older keys and HMAC, which stand behind everything else; then the whole goes to its place. */
static enum err finish_file(struct disk *disk, enum disk_area area, struct keyfile *k,
			    const struct secret *epoch_key, uint8_t *file)
{
	TRY(older_keys_seal(&k->older, k->volume_id, k->epoch, epoch_key, file + OLDER_AT));
	file_mac(file, epoch_key, file + MAC_AT);
	sha256(file, DISK_FIXED_LEN, k->sha256);
	TRY(disk_write(disk, area, 0, file, DISK_FIXED_LEN));
	return disk_flush(disk, area);
}

enum err keyfile_write(struct disk *disk, enum disk_area area, struct keyfile *k,
		       const struct secret *epoch_key, const struct sign_key *signer)
{
	CLEANUP(buf_clear) struct buf age = { 0 };
	uint8_t file[DISK_FIXED_LEN];

	if (k->recipient_count == 0 || k->recipient_count > KEYFILE_RECIPIENTS_MAX)
		return err_at(ERR_INVALID, "%zu recipients", k->recipient_count);
	memcpy(k->signer_vkey, sign_key_vkey(signer), SIGN_VKEY_LEN);
	TRY(seal_age(k, signer, &age));
	if (age.len > AGE_MAX)
		return err_at(ERR_TOO_BIG, "KEY file");
	random_bytes(file, sizeof(file));
	memcpy(file, KEYFILE_MAGIC, 8);
	store_u32(file + 8, (uint32_t)age.len);
	memcpy(file + HEAD_LEN, age.data, age.len);
	return finish_file(disk, area, k, epoch_key, file);
}

/* The file as `k` knows it, and vouched for by the epoch key. */
static enum err read_proved(struct disk *disk, enum disk_area area, const struct keyfile *k,
			    const struct secret *epoch_key, uint8_t *file)
{
	uint8_t mac[SHA256_LEN], sum[SHA256_LEN];

	TRY(disk_read(disk, area, 0, file, DISK_FIXED_LEN));
	sha256(file, DISK_FIXED_LEN, sum);
	file_mac(file, epoch_key, mac);
	if (!mem_equal(sum, k->sha256, SHA256_LEN) || !mem_equal(mac, file + MAC_AT, SHA256_LEN))
		return err_at(ERR_FORGED, "KEY file");
	return OK;
}

enum err keyfile_rewrite_older(struct disk *disk, enum disk_area from, enum disk_area to,
			       struct keyfile *k, const struct secret *epoch_key)
{
	uint8_t file[DISK_FIXED_LEN];

	TRY(read_proved(disk, from, k, epoch_key, file));
	return finish_file(disk, to, k, epoch_key, file);
}

enum err keyfile_copy(struct disk *disk, enum disk_area from, enum disk_area to)
{
	uint8_t file[DISK_FIXED_LEN];

	TRY(disk_read(disk, from, 0, file, sizeof(file)));
	TRY(disk_write(disk, to, 0, file, sizeof(file)));
	return disk_flush(disk, to);
}

/* ---- reading ---- */

static enum err decode_recipients(struct reader *r, struct keyfile *k)
{
	uint32_t count = read_u32(r);

	if (!reader_ok(r) || count == 0 || count > KEYFILE_RECIPIENTS_MAX)
		return err_at(ERR_FORGED, "KEY file");
	k->recipients = calloc(count, sizeof(*k->recipients));
	if (!k->recipients)
		return err_at(ERR_NOMEM, "KEY file");
	k->recipient_count = count;
	for (uint32_t i = 0; i < count; i++)
		read_bytes(r, k->recipients[i].pk, X25519_LEN);
	read_skip(r, (KEYFILE_PLACES(count) - count) * X25519_LEN);
	return OK;
}

static enum err decode_fields(struct reader *r, struct keyfile *k)
{
	uint8_t magic[8];
	uint32_t flags;

	TRY(secret_new(32, &k->share));
	read_bytes(r, magic, sizeof(magic));
	read_bytes(r, k->volume_id, 16);
	read_bytes(r, k->device_id, 16);
	k->sequence = read_u64(r);
	k->epoch = read_u32(r);
	flags = read_u32(r);
	k->created = (int64_t)read_u64(r);
	read_bytes(r, secret_edit(k->share), 32);
	read_bytes(r, k->signer_vkey, SIGN_VKEY_LEN);
	if (!reader_ok(r) || memcmp(magic, KEYFILE_PAYLOAD_MAGIC, 8) != 0 || k->epoch == 0)
		return err_at(ERR_FORGED, "KEY file");
	if (flags & ~KEYFILE_SEPARATED)
		return err_at(ERR_NEWER_FORMAT, "KEY file");
	k->separated = flags & KEYFILE_SEPARATED;
	return decode_recipients(r, k);
}

enum err keyfile_decode(const void *header, size_t header_len, const uint8_t *payload, size_t len,
			struct keyfile *ret)
{
	CLEANUP(keyfile_clear) struct keyfile k = { 0 };
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct reader r = reader_make(payload, len);
	uint8_t sig[SIGN_LEN];
	size_t fields_len;

	TRY(decode_fields(&r, &k));
	fields_len = KEYFILE_FIELDS_LEN(k.recipient_count);
	read_bytes(&r, sig, sizeof(sig));
	if (!reader_done(&r))
		return err_at(ERR_FORGED, "KEY file");
	TRY(signed_text(header, header_len, payload, fields_len, &text));
	if (!sign_verify(k.signer_vkey, secret_data(text), secret_len(text), sig))
		return err_at(ERR_FORGED, "KEY file");
	*ret = k;
	memset(&k, 0, sizeof(k));
	return OK;
}

static enum err check_head(const uint8_t *file, size_t *ret_age_len)
{
	if (memcmp(file, KEYFILE_MAGIC, 6) != 0)
		return err_at(ERR_NOT_A_VAULT, "KEY file");
	if (memcmp(file, KEYFILE_MAGIC, 8) != 0)
		return err_at(ERR_NEWER_FORMAT, "KEY file");
	*ret_age_len = load_u32(file + 8);
	return *ret_age_len <= AGE_MAX ? OK : err_at(ERR_FORGED, "KEY file");
}

enum err keyfile_read(struct disk *disk, enum disk_area area, const struct age_identity *id,
		      struct keyfile *ret)
{
	CLEANUP(secret_freep) struct secret *payload = NULL;
	uint8_t file[DISK_FIXED_LEN];
	size_t age_len = 0, header_len = 0;
	enum err err;

	TRY(disk_read(disk, area, 0, file, sizeof(file)));
	TRY(check_head(file, &age_len));
	err = age_open_buf(&id, 1, file + HEAD_LEN, age_len, KEYFILE_PAYLOAD_MAX, &payload,
			   &header_len);
	if (err == ERR_AGE_HEADER || err == ERR_AGE_HEADER_MAC || err == ERR_AGE_PAYLOAD ||
	    err == ERR_TOO_BIG)
		return err_at(ERR_FORGED, "KEY file");
	TRY(err);
	TRY(keyfile_decode(file + HEAD_LEN, header_len, secret_data(payload), secret_len(payload),
			   ret));
	sha256(file, sizeof(file), ret->sha256);
	return OK;
}

enum err keyfile_prove(struct disk *disk, enum disk_area area, struct keyfile *k,
		       const struct secret *epoch_key)
{
	struct older_keys older = { 0 };
	uint8_t file[DISK_FIXED_LEN];

	TRY(read_proved(disk, area, k, epoch_key, file));
	TRY(older_keys_open(file + OLDER_AT, k->volume_id, k->epoch, epoch_key, &older));
	older_keys_clear(&k->older);
	k->older = older;
	return OK;
}

/* The bytes of a KEY file, and who gets what out of it. FORMAT.md, "KEY file". */
#include <stdlib.h>
#include <string.h>
#include "access/keyfile_format.h"
#include "age/age.h"
#include "base/cursor.h"
#include "crypto/aead.h"
#include "tests/check.h"
#include "tests/store/sim_disk.h"

#define OLDER_AT 64992u
#define MAC_AT 65504u

struct fixture {
	struct sim *sim;
	struct disk *disk;
	struct age_identity *id, *stranger;
	struct sign_key *signer;
	struct secret *device, *epoch_key;
	struct keyfile key; /* as written to KEY0 */
	uint8_t file[DISK_FIXED_LEN];
};

static void add_people(struct keyfile *k, size_t count)
{
	k->recipients = realloc(k->recipients, count * sizeof(*k->recipients));
	assert_non_null(k->recipients);
	for (; k->recipient_count < count; k->recipient_count++) {
		struct age_identity *id;

		assert_ok(age_identity_new_random(&id));
		age_identity_recipient(id, &k->recipients[k->recipient_count]);
		age_identity_free(id);
	}
}

static void write_key(struct fixture *f)
{
	assert_ok(keyfile_write(f->disk, DISK_KEY0, &f->key, f->epoch_key, f->signer));
	assert_ok(disk_read(f->disk, DISK_KEY0, 0, f->file, sizeof(f->file)));
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_ok(crypto_init());
	f->sim = sim_new(NULL);
	f->disk = sim_disk(f->sim);
	assert_ok(age_identity_new_random(&f->id));
	assert_ok(age_identity_new_random(&f->stranger));
	assert_ok(sign_key_random(&f->signer));
	assert_ok(secret_random(32, &f->device));
	memset(f->key.volume_id, 0x11, sizeof(f->key.volume_id));
	memset(f->key.device_id, 0x22, sizeof(f->key.device_id));
	f->key.epoch = 0x33;
	f->key.sequence = 0x44;
	f->key.created = 0x55;
	f->key.separated = true;
	assert_ok(secret_random(32, &f->key.share));
	add_people(&f->key, 3);
	age_identity_recipient(f->id, &f->key.recipients[1]);
	assert_ok(keyfile_epoch_key(&f->key, f->device, &f->epoch_key));
	write_key(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	keyfile_clear(&f->key);
	secret_free(f->device);
	secret_free(f->epoch_key);
	sign_key_free(f->signer);
	age_identity_free(f->id);
	age_identity_free(f->stranger);
	disk_close(f->disk);
	sim_free(f->sim);
	free(f);
	return 0;
}

static enum err try_read(struct fixture *f, const struct age_identity *id)
{
	struct keyfile k = { 0 };
	enum err err = keyfile_read(f->disk, DISK_KEY0, id, &k);

	keyfile_clear(&k);
	return err;
}

static void poke(struct fixture *f)
{
	sim_poke(f->sim, DISK_KEY0, 0, f->file, sizeof(f->file));
}

/* The payload and the header's length, taken out of the envelope as `age -d` would. */
static struct secret *payload(struct fixture *f, size_t *ret_header_len)
{
	const struct age_identity *id = f->id;
	struct secret *plain;

	assert_ok(age_open_buf(&id, 1, f->file + 12, load_u32(f->file + 8), KEYFILE_PAYLOAD_MAX,
			       &plain, ret_header_len));
	return plain;
}

/* ---- bytes ---- */

static void every_field_stands_where_the_text_says(void **state)
{
	struct fixture *f = *state;
	size_t header_len;
	struct secret *plain = payload(f, &header_len);
	const uint8_t *p = secret_data(plain);
	uint8_t text[12 + 32 + 388], prk[32], mac[32];

	assert_memory_equal(f->file, "VLTKEY01", 8);
	assert_int_equal(secret_len(plain), 132 + 8 * 32 + 64);
	assert_memory_equal(p, "VLTKEYP1", 8);
	assert_memory_equal(p + 8, f->key.volume_id, 16);
	assert_memory_equal(p + 24, f->key.device_id, 16);
	assert_int_equal(load_u64(p + 40), 0x44);
	assert_int_equal(load_u32(p + 48), 0x33);
	assert_int_equal(load_u32(p + 52), 1);
	assert_int_equal(load_u64(p + 56), 0x55);
	assert_memory_equal(p + 64, secret_data(f->key.share), 32);
	assert_memory_equal(p + 96, sign_key_vkey(f->signer), 32);
	assert_int_equal(load_u32(p + 128), 3);
	assert_memory_equal(p + 132, f->key.recipients, 96);
	for (size_t i = 228; i < 388; i++)
		assert_int_equal(p[i], 0);
	memcpy(text, "vault-key/1", 12);
	sha256(f->file + 12, header_len, text + 12);
	memcpy(text + 44, p, 388);
	assert_true(sign_verify(sign_key_vkey(f->signer), text, sizeof(text), p + 388));
	secret_free(plain);
	hkdf_sha256_expand(secret_data(f->epoch_key), "vault/v1/key-file", 17, prk, 32);
	hmac_sha256(prk, 32, f->file, MAC_AT, mac);
	assert_memory_equal(mac, f->file + MAC_AT, 32);
}

static void the_epoch_key_takes_share_and_device_secret(void **state)
{
	struct fixture *f = *state;
	uint8_t ikm[64], salt[20] = { 0 }, want[32];
	struct secret *alone;

	memcpy(ikm, secret_data(f->key.share), 32);
	memcpy(ikm + 32, secret_data(f->device), 32);
	memset(salt, 0x11, 16);
	salt[16] = 0x33;
	hkdf_sha256(ikm, 64, salt, 20, "vault/v1/epoch", 14, want, 32);
	assert_memory_equal(secret_data(f->epoch_key), want, 32);
	memset(ikm + 32, 0, 32);
	hkdf_sha256(ikm, 64, salt, 20, "vault/v1/epoch", 14, want, 32);
	assert_ok(keyfile_epoch_key(&f->key, NULL, &alone));
	assert_memory_equal(secret_data(alone), want, 32);
	assert_false(secret_equal(alone, f->epoch_key));
	secret_free(alone);
}

static void what_was_written_is_read_and_proved(void **state)
{
	struct fixture *f = *state;
	struct secret *wrong;
	struct keyfile k = { 0 };

	assert_ok(keyfile_read(f->disk, DISK_KEY0, f->id, &k));
	assert_memory_equal(k.volume_id, f->key.volume_id, 16);
	assert_memory_equal(k.device_id, f->key.device_id, 16);
	assert_int_equal(k.epoch, 0x33);
	assert_int_equal(k.sequence, 0x44);
	assert_int_equal(k.created, 0x55);
	assert_true(k.separated);
	assert_true(secret_equal(k.share, f->key.share));
	assert_int_equal(k.recipient_count, 3);
	assert_memory_equal(k.recipients, f->key.recipients, 96);
	assert_memory_equal(k.sha256, f->key.sha256, SHA256_LEN);
	assert_ok(keyfile_prove(f->disk, DISK_KEY0, &k, f->epoch_key));
	assert_ok(secret_random(32, &wrong));
	assert_err(keyfile_prove(f->disk, DISK_KEY0, &k, wrong), ERR_FORGED);
	secret_free(wrong);
	keyfile_clear(&k);
	assert_err(try_read(f, f->stranger), ERR_NO_KEY_FITS);
}

/* ---- keys of older epochs ---- */

static struct xaes_key *table_key(const struct fixture *f)
{
	uint8_t key[32];
	struct xaes_key *ret;

	hkdf_sha256_expand(secret_data(f->epoch_key), "vault/v1/older-keys", 19, key, 32);
	assert_ok(xaes_key_new(key, &ret));
	return ret;
}

static void table_aad(uint32_t epoch, uint8_t out[20])
{
	memset(out, 0x11, 16);
	store_u32(out + 16, epoch);
}

/* The table as it is, or as somebody with the epoch key could have written it. */
static void open_table(const struct fixture *f, uint8_t out[472])
{
	struct xaes_key *key = table_key(f);
	uint8_t aad[20];

	table_aad(0x33, aad);
	assert_ok(xaes_open(key, f->file + OLDER_AT, aad, 20, f->file + OLDER_AT + 24, 472,
			    f->file + OLDER_AT + 24 + 472, out));
	xaes_key_free(key);
}

static void put_table(struct fixture *f, uint32_t epoch, const uint8_t in[472])
{
	struct xaes_key *key = table_key(f);
	uint8_t aad[20], mac_key[32];

	table_aad(epoch, aad);
	assert_ok(xaes_seal(key, f->file + OLDER_AT, aad, 20, in, 472, f->file + OLDER_AT + 24,
			    f->file + OLDER_AT + 24 + 472));
	xaes_key_free(key);
	hkdf_sha256_expand(secret_data(f->epoch_key), "vault/v1/key-file", 17, mac_key, 32);
	hmac_sha256(mac_key, 32, f->file, MAC_AT, f->file + MAC_AT);
	poke(f);
}

static enum err try_prove(struct fixture *f, struct keyfile *k)
{
	enum err err;

	keyfile_clear(k);
	err = keyfile_read(f->disk, DISK_KEY0, f->id, k);
	return err == OK ? keyfile_prove(f->disk, DISK_KEY0, k, f->epoch_key) : err;
}

static void add_older(struct fixture *f, uint32_t epoch)
{
	struct secret *key;

	assert_ok(secret_random(32, &key));
	assert_ok(older_keys_add(&f->key.older, epoch, key));
	secret_free(key);
}

static void older_keys_stand_where_the_text_says(void **state)
{
	struct fixture *f = *state;
	uint8_t table[472], empty[472] = { 0 };

	open_table(f, table);
	assert_memory_equal(table, empty, 472);
	add_older(f, 0x11);
	add_older(f, 0x32);
	write_key(f);
	open_table(f, table);
	assert_int_equal(load_u64(table), 2);
	assert_int_equal(load_u64(table + 8), 0x11);
	assert_memory_equal(table + 16, secret_data(f->key.older.key[0]), 32);
	assert_int_equal(load_u64(table + 48), 0x32);
	assert_memory_equal(table + 56, secret_data(f->key.older.key[1]), 32);
	assert_memory_equal(table + 88, empty, 472 - 88);
}

static void the_new_key_opens_the_older_ones(void **state)
{
	struct fixture *f = *state;
	struct keyfile k = { 0 };
	struct secret *extra;

	for (uint32_t i = 0; i < 7; i++)
		add_older(f, 7 * i + 1);
	write_key(f);
	assert_ok(keyfile_read(f->disk, DISK_KEY0, f->id, &k));
	assert_int_equal(k.older.count, 0);
	assert_ok(keyfile_prove(f->disk, DISK_KEY0, &k, f->epoch_key));
	assert_int_equal(k.older.count, 7);
	for (uint32_t i = 0; i < 7; i++) {
		assert_int_equal(k.older.epoch[i], 7 * i + 1);
		assert_true(secret_equal(k.older.key[i], f->key.older.key[i]));
	}
	assert_ok(secret_random(32, &extra));
	assert_err(older_keys_add(&k.older, 0x32, extra), ERR_TOO_MANY_EPOCHS);
	secret_free(extra);
	keyfile_clear(&k);
}

static void older_keys_that_cannot_be_are_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t good[472] = { 2 }, table[472];
	struct keyfile k = { 0 };

	good[8] = 0x11;
	good[48] = 0x32;
	put_table(f, 0x33, good);
	assert_ok(try_prove(f, &k));
	assert_int_equal(k.older.count, 2);
	for (unsigned i = 0; i < 7; i++) {
		static const struct {
			unsigned at;
			uint8_t is;
		} bad[] = {
			{ 0, 8 },     /* more than fit */
			{ 0, 1 },     /* bytes behind the last */
			{ 4, 1 },     /* not zero */
			{ 12, 1 },    /* not zero */
			{ 8, 0 },     /* epoch 0 */
			{ 8, 0x32 },  /* not ascending */
			{ 48, 0x33 }, /* not below the file's */
		};

		memcpy(table, good, sizeof(table));
		table[bad[i].at] = bad[i].is;
		put_table(f, 0x33, table);
		assert_err(try_prove(f, &k), ERR_FORGED);
	}
	put_table(f, 0x34, good);
	assert_err(try_prove(f, &k), ERR_FORGED);
	keyfile_clear(&k);
}

static void older_keys_go_without_a_staff_key(void **state)
{
	struct fixture *f = *state;
	struct keyfile k = { 0 };
	uint8_t before[DISK_FIXED_LEN];

	add_older(f, 0x11);
	write_key(f);
	memcpy(before, f->file, sizeof(before));
	older_keys_clear(&f->key.older);
	assert_ok(keyfile_rewrite_older(f->disk, DISK_KEY0, DISK_KEY1, &f->key, f->epoch_key));
	assert_ok(disk_read(f->disk, DISK_KEY0, 0, f->file, sizeof(f->file)));
	assert_memory_equal(f->file, before, sizeof(before));
	assert_ok(keyfile_copy(f->disk, DISK_KEY1, DISK_KEY0));
	assert_ok(disk_read(f->disk, DISK_KEY0, 0, f->file, sizeof(f->file)));
	assert_memory_equal(f->file, before, OLDER_AT);
	assert_memory_not_equal(f->file + OLDER_AT, before + OLDER_AT, 24);
	assert_ok(try_prove(f, &k));
	assert_memory_equal(k.sha256, f->key.sha256, SHA256_LEN);
	assert_int_equal(k.older.count, 0);
	keyfile_clear(&k);
	/* Not from a file that changed meanwhile. */
	sim_flip(f->sim, DISK_KEY0, 60000, 1);
	assert_err(keyfile_rewrite_older(f->disk, DISK_KEY0, DISK_KEY1, &f->key, f->epoch_key),
		   ERR_FORGED);
}

/* ---- how many people there are ---- */

static unsigned stanzas(struct fixture *f)
{
	unsigned count = 0;

	for (size_t i = 0; i + 10 < MAC_AT; i++)
		count += memcmp(f->file + i, "-> X25519 ", 10) == 0;
	return count;
}

static void neither_stanzas_nor_lengths_tell_how_many_people_there_are(void **state)
{
	struct fixture *f = *state;
	uint32_t len = load_u32(f->file + 8);

	for (size_t n = 4; n <= 17; n++) {
		add_people(&f->key, n);
		write_key(f);
		assert_int_equal(stanzas(f), (n + 7) / 8 * 8);
		if (n <= 8)
			assert_int_equal(load_u32(f->file + 8), len);
		assert_ok(try_read(f, f->id));
	}
}

static void two_hundred_people_fit_and_no_more(void **state)
{
	struct fixture *f = *state;
	struct secret *key = f->epoch_key;

	add_people(&f->key, KEYFILE_RECIPIENTS_MAX + 1);
	assert_err(keyfile_write(f->disk, DISK_KEY0, &f->key, key, f->signer), ERR_INVALID);
	f->key.recipient_count--;
	write_key(f);
	assert_ok(try_read(f, f->id));
	f->key.recipient_count = 0;
	assert_err(keyfile_write(f->disk, DISK_KEY0, &f->key, key, f->signer), ERR_INVALID);
}

/* ---- what is refused ---- */

static void other_magics_and_lengths_are_told_apart(void **state)
{
	struct fixture *f = *state;

	f->file[7] = '2';
	poke(f);
	assert_err(try_read(f, f->id), ERR_NEWER_FORMAT);
	f->file[0] = 'X';
	poke(f);
	assert_err(try_read(f, f->id), ERR_NOT_A_VAULT);
	memcpy(f->file, "VLTKEY01", 8);
	for (uint32_t n = 64981; n; n = n == 64981 ? UINT32_MAX : n == UINT32_MAX ? 100 : 0) {
		store_u32(f->file + 8, n);
		poke(f);
		assert_err(try_read(f, f->id), ERR_FORGED);
	}
}

static void a_payload_in_another_envelope_is_refused(void **state)
{
	struct fixture *f = *state;
	struct secret *plain = payload(f, NULL);
	struct age_recipient me;
	struct buf age = { 0 };

	/* Somebody who may open it seals the same words anew, to drop the others or add one. */
	age_identity_recipient(f->id, &me);
	assert_ok(age_seal_buf(&me, 1, 8, secret_data(plain), secret_len(plain), &age));
	store_u32(f->file + 8, (uint32_t)age.len);
	memcpy(f->file + 12, age.data, age.len);
	poke(f);
	assert_err(try_read(f, f->id), ERR_FORGED);
	buf_clear(&age);
	secret_free(plain);
}

static enum err try_decode(struct fixture *f, size_t header_len, const uint8_t *data, size_t len)
{
	struct keyfile k = { 0 };
	enum err err = keyfile_decode(f->file + 12, header_len, data, len, &k);

	keyfile_clear(&k);
	return err;
}

static void every_byte_of_the_payload_is_signed(void **state)
{
	struct fixture *f = *state;
	size_t header_len;
	struct secret *plain = payload(f, &header_len);
	uint8_t *p = secret_edit(plain);

	assert_ok(try_decode(f, header_len, p, secret_len(plain)));
	for (size_t i = 0; i < secret_len(plain); i++) {
		enum err err;

		p[i] ^= 2;
		err = try_decode(f, header_len, p, secret_len(plain));
		if (err != ERR_FORGED && !(err == ERR_NEWER_FORMAT && i >= 52 && i < 56))
			fail_msg("byte %zu: %s", i, err_name(err));
		p[i] ^= 2;
		assert_err(try_decode(f, header_len, p, i), ERR_FORGED);
	}
	assert_err(try_decode(f, header_len - 1, p, secret_len(plain)), ERR_FORGED);
	secret_free(plain);
}

static void a_medium_that_fails_is_no_forgery(void **state)
{
	struct fixture *f = *state;

	sim_fail(f->sim, SIM_READ, sim_count(f->sim, SIM_READ), ERR_IO, true);
	assert_err(try_read(f, f->id), ERR_IO);
	sim_heal(f->sim);
	sim_remove(f->sim);
	assert_err(try_read(f, f->id), ERR_REMOVED);
	assert_err(keyfile_write(f->disk, DISK_KEY0, &f->key, f->epoch_key, f->signer), ERR_REMOVED);
	assert_err(keyfile_copy(f->disk, DISK_KEY0, DISK_KEY1), ERR_REMOVED);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(every_field_stands_where_the_text_says),
		STORY(the_epoch_key_takes_share_and_device_secret),
		STORY(what_was_written_is_read_and_proved),
		STORY(older_keys_stand_where_the_text_says),
		STORY(the_new_key_opens_the_older_ones),
		STORY(older_keys_that_cannot_be_are_refused),
		STORY(older_keys_go_without_a_staff_key),
		STORY(neither_stanzas_nor_lengths_tell_how_many_people_there_are),
		STORY(two_hundred_people_fit_and_no_more),
		STORY(other_magics_and_lengths_are_told_apart),
		STORY(a_payload_in_another_envelope_is_refused),
		STORY(every_byte_of_the_payload_is_signed),
		STORY(a_medium_that_fails_is_no_forgery),
	};

	return cmocka_run_group_tests_name("KEY file", tests, NULL, NULL);
}

/* KEY files. The first byte chooses:
 *   payload    of the age file, any bytes
 *   signed     the same, signed by a key of our own, which the payload names, so that mutations
 *              get past the signature
 *   older      any bytes as the table of older keys, sealed
 *   file       a real file with bytes changed (place u16, mask u8, each), and vouched for again
 *              when bit 2 of the chooser says so */
#include "tests/fuzz.h"
#include "access/keyfile_format.h"
#include "crypto/aead.h"
#include "crypto/labels.h"
#include "crypto/random.h"
#include "tests/store/sim_disk.h"

#define SIGNER_AT 96u
#define HEADER "age-encryption.org/v1\n"
#define HEADER_LEN (sizeof(HEADER) - 1)
#define TABLE_LEN (OLDER_KEYS_LEN - XAES_NONCE_LEN - AEAD_TAG_LEN)
#define ENTRY_LEN 40u
#define EPOCH 9u
#define MAC_AT (DISK_FIXED_LEN - SHA256_LEN)

const unsigned fuzz_cost = 20;

static const uint8_t volume_id[STORE_ID_LEN] = "volume";
static struct sign_key *signer;
static struct secret *epoch_key;
static struct age_identity *mine;
static struct sim *sim;
static struct disk *disk;
static uint8_t file[DISK_FIXED_LEN];

/* ---- the payload ---- */

static void try_payload(const uint8_t *payload, size_t len)
{
	struct keyfile k = {0};

	if (keyfile_decode(HEADER, HEADER_LEN, payload, len, &k) == OK)
		MUST(k.epoch > 0 && k.recipient_count > 0 &&
		     k.recipient_count <= KEYFILE_RECIPIENTS_MAX &&
		     len == KEYFILE_FIELDS_LEN(k.recipient_count) + SIGN_LEN &&
		     !memcmp(k.signer_vkey, payload + SIGNER_AT, SIGN_VKEY_LEN));
	else
		MUST(!k.share && !k.recipients);
	keyfile_clear(&k);
}

static void try_signed(const uint8_t *data, size_t len)
{
	uint8_t text[sizeof(LABEL_SIG_KEYFILE) + SHA256_LEN + KEYFILE_PAYLOAD_MAX];
	uint8_t payload[KEYFILE_PAYLOAD_MAX], sum[SHA256_LEN];
	struct writer w = writer_make(text, sizeof(text));

	if (len < SIGNER_AT + SIGN_VKEY_LEN + SIGN_LEN || len > sizeof(payload))
		return;
	memcpy(payload, data, len);
	sha256(HEADER, HEADER_LEN, sum);
	memcpy(payload + SIGNER_AT, sign_key_vkey(signer), SIGN_VKEY_LEN);
	write_bytes(&w, LABEL_SIG_KEYFILE, sizeof(LABEL_SIG_KEYFILE));
	write_bytes(&w, sum, sizeof(sum));
	write_bytes(&w, payload, len - SIGN_LEN);
	sign_make(signer, text, sizeof(text) - w.left, payload + len - SIGN_LEN);
	try_payload(payload, len);
}

/* ---- older keys ---- */

static void seal_table(const uint8_t table[TABLE_LEN], uint8_t out[OLDER_KEYS_LEN])
{
	uint8_t raw[AEAD_KEY_LEN], aad[STORE_ID_LEN + 4];
	struct xaes_key *key = NULL;

	hkdf_sha256_expand(secret_data(epoch_key), LABEL_OLDER_KEYS, strlen(LABEL_OLDER_KEYS), raw,
			   sizeof(raw));
	MUST(xaes_key_new(raw, &key) == OK);
	memcpy(aad, volume_id, STORE_ID_LEN);
	store_u32(aad + STORE_ID_LEN, EPOCH);
	memset(out, 3, XAES_NONCE_LEN);
	MUST(xaes_seal(key, out, aad, sizeof(aad), table, TABLE_LEN, out + XAES_NONCE_LEN,
		       out + XAES_NONCE_LEN + TABLE_LEN) == OK);
	xaes_key_free(key);
}

static void expect_table(const struct older_keys *o, const uint8_t *table)
{
	MUST(o->count == load_u32(table) && o->count <= STORE_OLDER_MAX);
	for (unsigned i = 0; i < o->count; i++) {
		const uint8_t *entry = table + 8 + i * ENTRY_LEN;

		MUST(o->epoch[i] == load_u32(entry) && o->epoch[i] > 0 && o->epoch[i] < EPOCH);
		MUST(i == 0 || o->epoch[i - 1] < o->epoch[i]);
		MUST(!memcmp(secret_data(o->key[i]), entry + 8, AEAD_KEY_LEN));
	}
	for (size_t at = 8 + o->count * ENTRY_LEN; at < TABLE_LEN; at++)
		MUST(table[at] == 0);
}

static void try_older(const uint8_t *data, size_t len)
{
	uint8_t table[TABLE_LEN] = {0}, sealed[OLDER_KEYS_LEN];
	struct older_keys o = {0};

	memcpy(table, data, MIN(len, sizeof(table)));
	seal_table(table, sealed);
	if (older_keys_open(sealed, volume_id, EPOCH, epoch_key, &o) == OK)
		expect_table(&o, table);
	else
		MUST(o.count == 0);
	older_keys_clear(&o);
	MUST(older_keys_open(sealed, volume_id, EPOCH + 1, epoch_key, &o) != OK);
}

/* ---- a whole file ---- */

static void vouch(uint8_t *bytes)
{
	uint8_t key[SHA256_LEN];

	hkdf_sha256_expand(secret_data(epoch_key), LABEL_KEYFILE, strlen(LABEL_KEYFILE), key,
			   sizeof(key));
	hmac_sha256(key, sizeof(key), bytes, MAC_AT, bytes + MAC_AT);
}

static void try_file(struct reader *r, bool vouched)
{
	static uint8_t bytes[DISK_FIXED_LEN];
	struct keyfile k = {0};
	enum err err;
	bool same;

	memcpy(bytes, file, sizeof(bytes));
	while (r->left >= 3) {
		size_t at = read_u16(r);

		bytes[at] ^= read_u8(r);
	}
	same = memcmp(bytes, file, sizeof(bytes)) == 0;
	if (vouched)
		vouch(bytes);
	sim_poke(sim, DISK_KEY0, 0, bytes, sizeof(bytes));
	err = keyfile_read(disk, DISK_KEY0, mine, &k);
	MUST(err == OK || err == ERR_NO_KEY_FITS || err == ERR_FORGED || err == ERR_NOT_A_VAULT ||
	     err == ERR_NEWER_FORMAT);
	MUST(!same || err == OK);
	if (err == OK) {
		err = keyfile_prove(disk, DISK_KEY0, &k, epoch_key);
		MUST(err == OK || err == ERR_FORGED);
		MUST(!same || (err == OK && k.older.count == 2 && k.recipient_count == 1));
		MUST(same || vouched || err == ERR_FORGED);
	}
	keyfile_clear(&k);
}

/* ---- what the inputs meet ---- */

/* The same file in every run. */
static void same_bytes(void *out, size_t len)
{
	static uint64_t state;
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(sim_random(&state) >> 32);
}

static void prepare_file(void)
{
	struct age_recipient me;
	struct keyfile k = {.epoch = EPOCH, .sequence = 3, .separated = true, .recipient_count = 1};

	age_identity_recipient(mine, &me);
	k.recipients = &me;
	memcpy(k.volume_id, volume_id, sizeof(volume_id));
	MUST(secret_random(32, &k.share) == OK);
	MUST(older_keys_add(&k.older, 4, epoch_key) == OK);
	MUST(older_keys_add(&k.older, 8, epoch_key) == OK);
	MUST(keyfile_write(disk, DISK_KEY0, &k, epoch_key, signer) == OK);
	MUST(disk_read(disk, DISK_KEY0, 0, file, sizeof(file)) == OK);
	secret_free(k.share);
	older_keys_clear(&k.older);
}

static void prepare(void)
{
	static const uint8_t seed[SIGN_SEED_LEN] = "seed of the fuzzer's signing key";
	static const uint8_t raw[X25519_LEN] = "the identity of this fuzzer";

	MUST(crypto_init() == OK && sign_key_new(seed, &signer) == OK);
	random_override(same_bytes);
	MUST(secret_random(32, &epoch_key) == OK);
	MUST(age_identity_from_raw(raw, &mine) == OK);
	sim = sim_new(NULL);
	disk = sim_disk(sim);
	prepare_file();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_make(data, size);
	uint8_t which = read_u8(&r);

	if (!disk)
		prepare();
	if (size == 0)
		return 0;
	switch (which % 4) {
	case 0:
		try_payload(r.at, r.left);
		break;
	case 1:
		try_signed(r.at, r.left);
		break;
	case 2:
		try_older(r.at, r.left);
		break;
	default:
		try_file(&r, which & 4);
	}
	return 0;
}

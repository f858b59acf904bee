/* The payload of a ticket for whomever it names: as it is, and once more signed by a key of our own,
 * which the payload names, so that mutations get past the signature. */
#include "tests/fuzz.h"
#include "crypto/labels.h"
#include "org/device_format.h"

#define RECEIVER_AT 8u
#define ISSUER_AT (RECEIVER_AT + X25519_LEN)
#define SIG_AT (TICKET_LEN - SIGN_LEN)

const unsigned fuzz_cost = 10;

static void try(const uint8_t *payload, size_t len)
{
	struct age_recipient me = { 0 };
	struct device d = { 0 };

	if (len >= ISSUER_AT)
		memcpy(me.pk, payload + RECEIVER_AT, X25519_LEN);
	if (ticket_decode(payload, len, &me, &d) == OK) {
		if (len != TICKET_LEN || d.label[0] == '\0' ||
		    strnlen(d.label, sizeof(d.label)) == sizeof(d.label) ||
		    memcmp(d.issuer_vkey, payload + ISSUER_AT, SIGN_VKEY_LEN) != 0)
			abort();
		me.pk[0] ^= 1;
		device_clear(&d);
		if (ticket_decode(payload, len, &me, &d) == OK)
			abort(); /* it is for somebody else */
	}
	device_clear(&d);
}

static void sign_payload(const struct sign_key *key, uint8_t payload[TICKET_LEN])
{
	uint8_t text[sizeof(LABEL_SIG_TICKET) + SIG_AT];

	memcpy(payload + ISSUER_AT, sign_key_vkey(key), SIGN_VKEY_LEN);
	memcpy(text, LABEL_SIG_TICKET, sizeof(LABEL_SIG_TICKET));
	memcpy(text + sizeof(LABEL_SIG_TICKET), payload, SIG_AT);
	sign_make(key, text, sizeof(text), payload + SIG_AT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t seed[SIGN_SEED_LEN] = "seed of the fuzzer's signing key";
	static struct sign_key *key;
	uint8_t payload[TICKET_LEN];

	if (!key && (crypto_init() != OK || sign_key_new(seed, &key) != OK))
		abort();
	try(data, size);
	if (size != TICKET_LEN)
		return 0;
	memcpy(payload, data, size);
	sign_payload(key, payload);
	try(payload, size);
	return 0;
}

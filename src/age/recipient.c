#include "age/recipient.h"

#include <string.h>
#include "age/bech32.h"
#include "age/wrap.h"
#include "age/x25519.h"
#include "base/text.h"
#include "crypto/random.h"

#define HRP "age"

_Static_assert(BECH32_LEN(sizeof(HRP) - 1, X25519_LEN) == AGE_RECIPIENT_LEN,
	       "length of a recipient");

/* With a point of low order every shared secret is zero, so one try with any scalar shows it. */
static bool is_low_order(const uint8_t point[X25519_LEN])
{
	static const uint8_t any[X25519_LEN] = {1};
	uint8_t shared[X25519_LEN];

	return x25519_shared(any, point, shared) != OK;
}

enum err age_recipient_parse(const char *text, struct age_recipient *ret)
{
	struct age_recipient r;

	TRY(bech32_decode(text, strlen(text), HRP, r.pk, sizeof(r.pk)));
	if (is_low_order(r.pk))
		return err_at(ERR_BAD_FORMAT, "%s is a point of low order", text);
	*ret = r;
	return OK;
}

void age_recipient_print(const struct age_recipient *r, char out[AGE_RECIPIENT_TEXT])
{
	bech32_encode(HRP, r->pk, sizeof(r->pk), out);
}

bool age_recipient_equal(const struct age_recipient *a, const struct age_recipient *b)
{
	return memcmp(a->pk, b->pk, sizeof(a->pk)) == 0;
}

struct ephemeral {
	uint8_t secret[X25519_LEN];
};

static void ephemeral_wipe(struct ephemeral *e)
{
	mem_wipe(e, sizeof(*e));
}

static enum err stanza_make(const uint8_t share[X25519_LEN], const uint8_t body[WRAP_BODY_LEN],
			    struct age_stanza *ret)
{
	char text[64];
	const char *args[] = {X25519_STANZA, text};

	text_base64(share, X25519_LEN, false, text);
	return age_stanza_make(args, ARRAY_LEN(args), body, WRAP_BODY_LEN, ret);
}

enum err age_recipient_wrap(const struct age_recipient *r, const struct secret *file_key,
			    struct age_stanza *ret)
{
	CLEANUP(ephemeral_wipe) struct ephemeral e;
	CLEANUP(wrap_key_wipe) struct wrap_key key;
	uint8_t share[X25519_LEN], body[WRAP_BODY_LEN];

	random_bytes(e.secret, sizeof(e.secret));
	x25519_public(e.secret, share);
	TRY(x25519_wrap_key(e.secret, r->pk, share, r->pk, &key));
	TRY(wrap_seal(&key, file_key, body));
	return stanza_make(share, body, ret);
}

/* The share is a real public key: half of all random strings are no point of the curve, and would
 * tell a dummy. The body of a real stanza is as good as random to whoever can't open it. */
enum err age_recipient_dummy(struct age_stanza *ret)
{
	CLEANUP(ephemeral_wipe) struct ephemeral e;
	uint8_t share[X25519_LEN], body[WRAP_BODY_LEN];

	random_bytes(e.secret, sizeof(e.secret));
	x25519_public(e.secret, share);
	random_bytes(body, sizeof(body));
	return stanza_make(share, body, ret);
}

enum err age_recipient_check(const struct age_stanza *s, uint8_t share[X25519_LEN])
{
	const char *text = age_stanza_arg(s, 1);
	size_t len;

	if (s->argc != 2)
		return err_at(ERR_AGE_HEADER, "X25519 stanza with %zu arguments", s->argc);
	if (text_unbase64(text, strlen(text), false, share, X25519_LEN, &len) != OK ||
	    len != X25519_LEN)
		return err_at(ERR_AGE_HEADER, "X25519 stanza without a share of 32 bytes");
	if (s->body_len != WRAP_BODY_LEN)
		return err_at(ERR_AGE_HEADER, "X25519 stanza with a body of %zu bytes",
			      s->body_len);
	return OK;
}

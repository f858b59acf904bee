#include "age/identity.h"

#include <stdlib.h>
#include <string.h>
#include "age/bech32.h"
#include "age/x25519.h"

#define HRP "AGE-SECRET-KEY-"

_Static_assert(BECH32_LEN(sizeof(HRP) - 1, X25519_LEN) == AGE_IDENTITY_LEN,
	       "length of an identity");

struct age_identity {
	struct secret *raw;
	struct age_recipient recipient;
};

/* Takes *raw over. */
static enum err identity_new(struct secret **raw, struct age_identity **ret)
{
	struct age_identity *id = calloc(1, sizeof(*id));

	if (!id)
		return err_at(ERR_NOMEM, "identity");
	id->raw = TAKE(*raw);
	x25519_public(secret_data(id->raw), id->recipient.pk);
	*ret = id;
	return OK;
}

enum err age_identity_new_random(struct age_identity **ret)
{
	CLEANUP(secret_freep) struct secret *raw = NULL;

	TRY(secret_random(X25519_LEN, &raw));
	return identity_new(&raw, ret);
}

enum err age_identity_from_raw(const uint8_t raw[X25519_LEN], struct age_identity **ret)
{
	CLEANUP(secret_freep) struct secret *copy = NULL;

	TRY(secret_copy(raw, X25519_LEN, &copy));
	return identity_new(&copy, ret);
}

enum err age_identity_parse(const char *text, size_t len, struct age_identity **ret)
{
	CLEANUP(secret_freep) struct secret *raw = NULL;

	TRY(secret_new(X25519_LEN, &raw));
	TRY(bech32_decode(text, len, HRP, secret_edit(raw), X25519_LEN));
	return identity_new(&raw, ret);
}

void age_identity_free(struct age_identity *id)
{
	if (!id)
		return;
	secret_free(id->raw);
	free(id);
}

enum err age_identity_print(const struct age_identity *id, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *text = NULL;

	TRY(secret_new(AGE_IDENTITY_LEN + 1, &text));
	bech32_encode(HRP, secret_data(id->raw), X25519_LEN, (char *)secret_edit(text));
	secret_shrink(text, AGE_IDENTITY_LEN);
	*ret = TAKE(text);
	return OK;
}

void age_identity_recipient(const struct age_identity *id, struct age_recipient *out)
{
	*out = id->recipient;
}

const uint8_t *age_identity_secret(const struct age_identity *id)
{
	return secret_data(id->raw);
}

enum err age_identity_unwrap(const struct age_identity *id, const struct age_stanza *s,
			     struct secret **ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key key;
	uint8_t share[X25519_LEN];
	enum err err;

	if (!age_stanza_is(s, X25519_STANZA))
		return ERR_NO_KEY_FITS;
	TRY(age_recipient_check(s, share));
	if (x25519_wrap_key(secret_data(id->raw), share, share, id->recipient.pk, &key) != OK)
		return err_at(ERR_AGE_HEADER, "X25519 stanza with a share of low order");
	err = wrap_open(&key, s->body, ret);
	return err == ERR_FORGED ? ERR_NO_KEY_FITS : err;
}

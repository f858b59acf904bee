#include "age/ssh_identity.h"

#include <stdlib.h>
#include <string.h>
#include "age/wrap.h"
#include "base/cursor.h"
#include "base/text.h"

#define BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----\n"
#define END "-----END OPENSSH PRIVATE KEY-----\n"
#define MAGIC "openssh-key-v1" /* with its NUL */
#define KEY_TYPE "ssh-ed25519"
#define BLOCK 8u /* of cipher "none": what the private part is padded to */

struct age_ssh_identity {
	struct secret *scalar; /* the X25519 half */
	struct age_ssh_recipient recipient;
};

/* A string of RFC 4251: its length, then its bytes, borrowed. */
struct span {
	const uint8_t *at;
	size_t len;
};

static uint32_t read_be32(struct reader *r)
{
	const uint8_t *p = read_span(r, 4);

	return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

static struct span read_string(struct reader *r)
{
	size_t len = read_be32(r);
	struct span s = {read_span(r, len), len};

	if (!s.at)
		s.len = 0;
	return s;
}

static bool span_is(const struct span *s, const char *text)
{
	return s->len == strlen(text) && (s->len == 0 || memcmp(s->at, text, s->len) == 0);
}

bool age_ssh_identity_likely(const char *text, size_t len)
{
	return len >= sizeof(BEGIN) - 2 && memcmp(text, BEGIN, sizeof(BEGIN) - 2) == 0;
}

/* The text with LF line ends, in `out`, which has `len` bytes. */
static size_t lines_unify(const char *text, size_t len, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
			out[at++] = text[i];
	}
	return at;
}

/* Takes `tail` off the end of the text, with or without its LF. */
static bool tail_strip(const char *text, size_t *len, const char *tail)
{
	size_t tail_len = strlen(tail);

	if (*len > 0 && text[*len - 1] != '\n')
		tail_len--;
	if (*len < tail_len || memcmp(text + *len - tail_len, tail, tail_len) != 0)
		return false;
	*len -= tail_len;
	return true;
}

/* What stands between the two marks, out of base64; *text is used up. */
static enum err armor_open(struct secret *text, size_t len, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *bytes = NULL;
	char *at = (char *)secret_edit(text) + sizeof(BEGIN) - 1;
	size_t digits = 0, got = 0;

	if (len < sizeof(BEGIN) - 1 || memcmp(secret_data(text), BEGIN, sizeof(BEGIN) - 1) != 0 ||
	    !tail_strip((char *)secret_edit(text), &len, END) || len < sizeof(BEGIN) - 1)
		return err_at(ERR_BAD_FORMAT, "not a file with an OpenSSH private key");
	for (size_t i = 0; i < len - (sizeof(BEGIN) - 1); i++) {
		if (at[i] != '\n')
			at[digits++] = at[i];
	}
	TRY(secret_new(digits / 4 * 3 + 3, &bytes));
	if (text_unbase64(at, digits, true, secret_edit(bytes), secret_len(bytes), &got) != OK)
		return err_at(ERR_BAD_FORMAT, "an OpenSSH private key of broken base64");
	secret_shrink(bytes, got);
	*ret = TAKE(bytes);
	return OK;
}

static enum err text_open(const char *text, size_t len, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *own = NULL;

	if (len > AGE_SSH_FILE_MAX)
		return err_at(ERR_BAD_FORMAT, "an ssh private key of %zu bytes", len);
	TRY(secret_new(len + 1, &own));
	len = lines_unify(text, len, (char *)secret_edit(own));
	return armor_open(own, len, ret);
}

/* The clear part: no cipher, one key, and the private part behind it. */
static enum err outer_read(struct reader *r, struct span *ret_public, struct span *ret_private)
{
	const uint8_t *magic = read_span(r, sizeof(MAGIC));
	struct span cipher, kdf, options;
	uint32_t count;

	if (!magic || memcmp(magic, MAGIC, sizeof(MAGIC)) != 0)
		return err_at(ERR_BAD_FORMAT, "not an OpenSSH private key of version 1");
	cipher = read_string(r);
	kdf = read_string(r);
	options = read_string(r);
	count = read_be32(r);
	*ret_public = read_string(r);
	*ret_private = read_string(r);
	if (!reader_done(r) || count != 1)
		return err_at(ERR_BAD_FORMAT, "an OpenSSH private key of a wrong form");
	if (!span_is(&cipher, "none") || !span_is(&kdf, "none") || options.len != 0)
		return err_at(ERR_NOT_SUPPORTED, "an ssh private key under a passphrase");
	return OK;
}

static bool padding_good(struct reader *r)
{
	uint8_t count = 0;

	while (r->left > 0) {
		if (read_u8(r) != ++count)
			return false;
	}
	return count < BLOCK;
}

/* The private part; *ret_seed is borrowed from it. */
static enum err inner_read(const struct span *private, const uint8_t **ret_seed,
			   const uint8_t **ret_vkey)
{
	struct reader r = reader_make(private->at, private->len);
	bool twice =
		read_be32(&r) == read_be32(&r); /* tells a wrong passphrase, where there is one */
	struct span type = read_string(&r), vkey, pair;

	if (reader_ok(&r) && twice && !span_is(&type, KEY_TYPE))
		return err_at(ERR_NOT_SUPPORTED,
			      "an ssh private key of another type than " KEY_TYPE);
	vkey = read_string(&r);
	pair = read_string(&r);
	read_string(&r); /* comment */
	if (!reader_ok(&r) || !twice || private->len % BLOCK != 0 || vkey.len != ED25519_LEN ||
	    pair.len != 2 * ED25519_LEN ||
	    memcmp(pair.at + ED25519_LEN, vkey.at, ED25519_LEN) != 0 || !padding_good(&r))
		return err_at(ERR_BAD_FORMAT, "an ssh-ed25519 private key of a wrong form");
	*ret_seed = pair.at;
	*ret_vkey = vkey.at;
	return OK;
}

/* The public half must be that of the secret one: it decides for which files the key is tried. */
static enum err identity_fill(struct age_ssh_identity *id, const uint8_t *seed, const uint8_t *vkey,
			      const struct span *public)
{
	uint8_t pk[X25519_LEN];

	TRY(secret_new(X25519_LEN, &id->scalar));
	x25519_from_ed25519_seed(seed, secret_edit(id->scalar));
	x25519_public(secret_data(id->scalar), pk);
	if (age_ssh_recipient_make(vkey, &id->recipient) != OK ||
	    memcmp(pk, id->recipient.pk, sizeof(pk)) != 0 || public->len != AGE_SSH_WIRE_LEN ||
	    memcmp(public->at, id->recipient.wire, AGE_SSH_WIRE_LEN) != 0)
		return err_at(ERR_BAD_FORMAT, "an ssh-ed25519 private key whose halves do not fit");
	return OK;
}

enum err age_ssh_identity_parse(const char *text, size_t len, struct age_ssh_identity **ret)
{
	CLEANUP(secret_freep) struct secret *bytes = NULL;
	CLEANUP(age_ssh_identity_freep) struct age_ssh_identity *id = NULL;
	const uint8_t *seed = NULL, *vkey = NULL;
	struct span public = {0}, private = {0};
	struct reader r;

	TRY(text_open(text, len, &bytes));
	r = reader_make(secret_data(bytes), secret_len(bytes));
	TRY(outer_read(&r, &public, &private));
	TRY(inner_read(&private, &seed, &vkey));
	id = calloc(1, sizeof(*id));
	if (!id)
		return err_at(ERR_NOMEM, "identity");
	TRY(identity_fill(id, seed, vkey, &public));
	*ret = TAKE(id);
	return OK;
}

void age_ssh_identity_free(struct age_ssh_identity *id)
{
	if (!id)
		return;
	secret_free(id->scalar);
	free(id);
}

const struct age_ssh_recipient *age_ssh_identity_recipient(const struct age_ssh_identity *id)
{
	return &id->recipient;
}

static enum err stanza_check(const struct age_stanza *s, uint8_t share[X25519_LEN])
{
	const char *text = age_stanza_arg(s, 2);
	size_t len;

	if (s->argc != 3 || s->body_len != WRAP_BODY_LEN ||
	    text_unbase64(text, strlen(text), false, share, X25519_LEN, &len) != OK ||
	    len != X25519_LEN)
		return err_at(ERR_AGE_HEADER, "ssh-ed25519 stanza of a wrong form");
	return OK;
}

enum err age_ssh_identity_unwrap(const struct age_ssh_identity *id, const struct age_stanza *s,
				 struct secret **ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key shared = {0}, key;
	uint8_t share[X25519_LEN];
	char tag[SSH_TAG_TEXT];
	enum err err;

	if (!age_stanza_is(s, SSH_STANZA))
		return ERR_NO_KEY_FITS;
	TRY(stanza_check(s, share));
	age_ssh_tag(&id->recipient, tag);
	if (strcmp(age_stanza_arg(s, 1), tag) != 0)
		return ERR_NO_KEY_FITS;
	if (x25519_shared(secret_data(id->scalar), share, shared.bytes) != OK ||
	    age_ssh_wrap_key(&id->recipient, share, shared.bytes, &key) != OK)
		return err_at(ERR_AGE_HEADER, "ssh-ed25519 stanza with a share of low order");
	err = wrap_open(&key, s->body, ret);
	return err == ERR_FORGED ? ERR_NO_KEY_FITS : err;
}

static enum err unwrap(void *ctx, const struct age_stanza *stanzas, size_t count,
		       struct secret **ret)
{
	for (size_t i = 0; i < count; i++) {
		enum err err = age_ssh_identity_unwrap(ctx, &stanzas[i], ret);

		if (err != ERR_NO_KEY_FITS)
			return err;
	}
	return ERR_NO_KEY_FITS;
}

struct age_unwrapper age_ssh_unwrapper(const struct age_ssh_identity *id)
{
	return (struct age_unwrapper){unwrap, (void *)id};
}

#include "age/ssh.h"

#include <string.h>
#include "age/wrap.h"
#include "age/x25519.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#define INFO "age-encryption.org/v1/ssh-ed25519"
#define KEY_TYPE "ssh-ed25519"
#define BASE64_LEN 68u /* of the key: 51 bytes need no padding */
#define TAG_BYTES 4u

/* Both strings of the wire form but the key itself. */
static const uint8_t wire_head[AGE_SSH_WIRE_LEN - ED25519_LEN] = {
	0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5', '1', '9', 0, 0, 0, 32};

/* A part of a line, up to a space or a tab. */
struct word {
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct word word_take(const char **at, const char *end)
{
	struct word w = {*at, 0};

	while (w.at + w.len < end && !is_blank(w.at[w.len]))
		w.len++;
	*at = w.at + w.len;
	while (*at < end && is_blank(**at))
		(*at)++;
	return w;
}

static bool word_is(const struct word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->at, text, w->len) == 0;
}

static bool word_begins(const struct word *w, const char *text)
{
	return w->len >= strlen(text) && memcmp(w->at, text, strlen(text)) == 0;
}

/* All types that ssh-keygen makes; what stands in a token needs the token. */
static bool is_key_type(const struct word *w)
{
	return word_begins(w, "ssh-") || word_begins(w, "ecdsa-sha2-") ||
	       word_begins(w, "sk-ssh-") || word_begins(w, "sk-ecdsa-");
}

bool age_ssh_likely(const char *line, size_t len)
{
	const char *at = line;
	struct word type = word_take(&at, line + len);

	return is_key_type(&type);
}

/* Without its line end, LF or CRLF. */
static size_t line_len(const char *line, size_t len)
{
	if (len > 0 && line[len - 1] == '\n')
		len--;
	else
		return len;
	return len > 0 && line[len - 1] == '\r' ? len - 1 : len;
}

static bool has_control(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if ((text[i] & 0x7f) == text[i] && (text[i] < 0x20 || text[i] == 0x7f) &&
		    text[i] != '\t')
			return true;
	}
	return false;
}

static enum err key_parse(const struct word *key, struct age_ssh_recipient *ret)
{
	uint8_t wire[AGE_SSH_WIRE_LEN];
	size_t len = 0;

	if (key->len != BASE64_LEN ||
	    text_unbase64(key->at, key->len, true, wire, sizeof(wire), &len) != OK ||
	    len != sizeof(wire) || memcmp(wire, wire_head, sizeof(wire_head)) != 0)
		return err_at(ERR_BAD_FORMAT, "an ssh-ed25519 key of a wrong form");
	if (age_ssh_recipient_make(wire + sizeof(wire_head), ret) != OK)
		return err_at(ERR_BAD_FORMAT, "an ssh-ed25519 key that is no good point");
	return OK;
}

enum err age_ssh_recipient_parse(const char *line, size_t len, struct age_ssh_recipient *ret)
{
	const char *at = line, *end = line + line_len(line, len);
	struct word type = word_take(&at, end);
	struct word key = word_take(&at, end);

	if (has_control(line, (size_t)(end - line)) || !is_key_type(&type))
		return err_at(ERR_BAD_FORMAT, "not a line with an ssh public key");
	if (!word_is(&type, KEY_TYPE))
		return err_at(ERR_NOT_SUPPORTED, "an ssh key of type %.*s; ssh-ed25519 is taken",
			      (int)MIN(type.len, (size_t)64), type.at);
	return key_parse(&key, ret);
}

enum err age_ssh_recipient_make(const uint8_t vkey[ED25519_LEN], struct age_ssh_recipient *ret)
{
	struct age_ssh_recipient r;

	memcpy(r.wire, wire_head, sizeof(wire_head));
	memcpy(r.wire + sizeof(wire_head), vkey, ED25519_LEN);
	TRY(x25519_from_ed25519(vkey, r.pk));
	*ret = r;
	return OK;
}

void age_ssh_recipient_print(const struct age_ssh_recipient *r, char out[AGE_SSH_TEXT])
{
	out = stpcpy(out, KEY_TYPE " ");
	text_base64(r->wire, sizeof(r->wire), true, out);
}

void age_ssh_tag(const struct age_ssh_recipient *r, char out[SSH_TAG_TEXT])
{
	uint8_t sum[SHA256_LEN];

	sha256(r->wire, sizeof(r->wire), sum);
	text_base64(sum, TAG_BYTES, false, out);
}

/* The tweak binds the shared secret to the ssh key, so that the file key of one use of a key pair
 * means nothing to another use of it. */
enum err age_ssh_wrap_key(const struct age_ssh_recipient *r, const uint8_t share[X25519_LEN],
			  const uint8_t shared[X25519_LEN], struct wrap_key *ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key tweaked = {0};
	uint8_t tweak[X25519_LEN], salt[2 * X25519_LEN];

	_Static_assert(sizeof(tweaked.bytes) == X25519_LEN, "a shared secret fits a key");
	hkdf_sha256("", 0, r->wire, sizeof(r->wire), INFO, sizeof(INFO) - 1, tweak, sizeof(tweak));
	TRY(x25519_shared(tweak, shared, tweaked.bytes));
	memcpy(salt, share, X25519_LEN);
	memcpy(salt + X25519_LEN, r->pk, X25519_LEN);
	hkdf_sha256(tweaked.bytes, X25519_LEN, salt, sizeof(salt), INFO, sizeof(INFO) - 1,
		    ret->bytes, sizeof(ret->bytes));
	return OK;
}

enum err age_ssh_recipient_wrap(const struct age_ssh_recipient *r, const struct secret *file_key,
				struct age_stanza *ret)
{
	CLEANUP(wrap_key_wipe) struct wrap_key ephemeral, shared = {0}, key;
	uint8_t share[X25519_LEN], body[WRAP_BODY_LEN];
	char tag[SSH_TAG_TEXT], text[64];
	const char *args[] = {SSH_STANZA, tag, text};

	random_bytes(ephemeral.bytes, sizeof(ephemeral.bytes));
	x25519_public(ephemeral.bytes, share);
	TRY(x25519_shared(ephemeral.bytes, r->pk, shared.bytes));
	TRY(age_ssh_wrap_key(r, share, shared.bytes, &key));
	TRY(wrap_seal(&key, file_key, body));
	age_ssh_tag(r, tag);
	text_base64(share, sizeof(share), false, text);
	return age_stanza_make(args, ARRAY_LEN(args), body, sizeof(body), ret);
}

static enum err wrap(void *ctx, const struct secret *file_key, struct age_wrapped *out)
{
	struct age_stanza s = {0};

	TRY(age_ssh_recipient_wrap(ctx, file_key, &s));
	return age_wrapped_add(out, &s);
}

struct age_wrapper age_ssh_wrapper(const struct age_ssh_recipient *r)
{
	return (struct age_wrapper){wrap, (void *)r};
}

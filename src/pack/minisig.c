#include "pack/minisig.h"
#include <string.h>
#include "base/cursor.h"
#include "base/text.h"
#include "crypto/hash.h"

#define KIND "Ed"
#define ID_LEN 8u
#define PACKET_LEN (2u + ID_LEN + SIGN_LEN)
#define PUBLIC_LEN (2u + ID_LEN + SIGN_VKEY_LEN)
#define UNTRUSTED "untrusted comment: "
#define TRUSTED "trusted comment: "
#define GLOBAL_MAX (SIGN_LEN + MINISIG_COMMENT_MAX)

static void key_id(const uint8_t *vkey, uint8_t out[ID_LEN])
{
	uint8_t sum[SHA256_LEN];

	sha256(vkey, SIGN_VKEY_LEN, sum);
	memcpy(out, sum, ID_LEN);
}

static bool is_line(const char *text, size_t len)
{
	if (len > MINISIG_COMMENT_MAX || !text_is_utf8(text, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return true;
}

static size_t global_text(const uint8_t sig[SIGN_LEN], const char *trusted, size_t len,
			  uint8_t out[GLOBAL_MAX])
{
	memcpy(out, sig, SIGN_LEN);
	memcpy(out + SIGN_LEN, trusted, len);
	return SIGN_LEN + len;
}

enum err minisig_make(const struct sign_key *key, const void *message, size_t len,
		      const char *trusted, struct buf *out)
{
	uint8_t packet[PACKET_LEN] = KIND, global[GLOBAL_MAX], global_sig[SIGN_LEN];
	char first[128], second[128];
	size_t global_len;

	if (!is_line(trusted, strlen(trusted)))
		return err_at(ERR_INVALID, "comment of a signature");
	key_id(sign_key_vkey(key), packet + 2);
	sign_make(key, message, len, packet + 2 + ID_LEN);
	global_len = global_text(packet + 2 + ID_LEN, trusted, strlen(trusted), global);
	sign_make(key, global, global_len, global_sig);
	text_base64(packet, sizeof(packet), true, first);
	text_base64(global_sig, sizeof(global_sig), true, second);
	return buf_printf(out, UNTRUSTED "signature of the sender\n%s\n" TRUSTED "%s\n%s\n", first,
			  trusted, second);
}

/* ---- reading ---- */

struct line {
	const char *at;
	size_t len;
};

static bool next_line(struct reader *r, struct line *ret)
{
	const uint8_t *end = r->left ? memchr(r->at, '\n', r->left) : NULL;

	if (!end)
		return false;
	ret->at = (const char *)r->at;
	ret->len = (size_t)(end - r->at);
	read_skip(r, ret->len + 1);
	return true;
}

static bool drop_prefix(struct line *l, const char *prefix)
{
	size_t len = strlen(prefix);

	if (l->len < len || memcmp(l->at, prefix, len) != 0)
		return false;
	l->at += len;
	l->len -= len;
	return true;
}

static bool decode(const struct line *l, uint8_t *out, size_t want)
{
	size_t len;

	if (text_unbase64(l->at, l->len, true, out, want, &len) == OK && len == want)
		return true;
	err_clear();
	return false;
}

struct parsed {
	uint8_t packet[PACKET_LEN], global_sig[SIGN_LEN];
	struct line trusted;
};

static bool parse(const char *text, size_t len, struct parsed *ret)
{
	struct reader r = reader_make(text, len);
	struct line untrusted, first, second;

	return len <= MINISIG_MAX && next_line(&r, &untrusted) &&
	       drop_prefix(&untrusted, UNTRUSTED) && next_line(&r, &first) &&
	       decode(&first, ret->packet, PACKET_LEN) && next_line(&r, &ret->trusted) &&
	       drop_prefix(&ret->trusted, TRUSTED) && is_line(ret->trusted.at, ret->trusted.len) &&
	       next_line(&r, &second) && decode(&second, ret->global_sig, SIGN_LEN) &&
	       reader_done(&r) && memcmp(ret->packet, KIND, 2) == 0;
}

enum err minisig_verify(const uint8_t vkey[SIGN_VKEY_LEN], const void *message, size_t len,
			const char *text, size_t text_len, char *ret_trusted)
{
	uint8_t global[GLOBAL_MAX];
	const uint8_t *sig;
	struct parsed p;
	size_t global_len;

	if (!parse(text, text_len, &p))
		return err_at(ERR_SENDER, "the signature has no known form");
	sig = p.packet + 2 + ID_LEN;
	global_len = global_text(sig, p.trusted.at, p.trusted.len, global);
	if (!sign_verify(vkey, message, len, sig) ||
	    !sign_verify(vkey, global, global_len, p.global_sig))
		return err_at(ERR_SENDER, "the signature does not fit");
	memcpy(ret_trusted, p.trusted.at, p.trusted.len);
	ret_trusted[p.trusted.len] = '\0';
	return OK;
}

/* ---- public keys ---- */

void minisig_public(const uint8_t vkey[SIGN_VKEY_LEN], char out[MINISIG_PUBLIC_TEXT])
{
	uint8_t bytes[PUBLIC_LEN] = KIND;

	key_id(vkey, bytes + 2);
	memcpy(bytes + 2 + ID_LEN, vkey, SIGN_VKEY_LEN);
	text_base64(bytes, sizeof(bytes), true, out);
}

enum err minisig_public_parse(const char *text, uint8_t ret_vkey[SIGN_VKEY_LEN])
{
	uint8_t bytes[PUBLIC_LEN];
	size_t len;

	if (text_unbase64(text, strlen(text), true, bytes, sizeof(bytes), &len) != OK ||
	    len != sizeof(bytes) || memcmp(bytes, KIND, 2) != 0)
		return err_at(ERR_BAD_FORMAT, "public key");
	memcpy(ret_vkey, bytes + 2 + ID_LEN, SIGN_VKEY_LEN);
	return OK;
}

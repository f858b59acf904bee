#include "age/header.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "age/passphrase.h"
#include "age/recipient.h"
#include "age/wrap.h"
#include "age/x25519.h"
#include "base/text.h"

#define VERSION_LINE "age-encryption.org/v1\n"
#define VERSION_LEN (sizeof(VERSION_LINE) - 1)
#define MAC_MARK "---"
#define MAC_MARK_LEN (sizeof(MAC_MARK) - 1)
#define MAC_TEXT_LEN 43u				   /* base64 of 32 bytes */
#define MAC_LINE_LEN (MAC_MARK_LEN + 1 + MAC_TEXT_LEN + 1) /* with space and LF */

/* Covers everything up to and including the mark of the MAC line. */
static void mac_make(const char *covered, size_t len, const struct secret *file_key,
		     uint8_t out[SHA256_LEN])
{
	CLEANUP(wrap_key_wipe) struct wrap_key key;

	hkdf_sha256(secret_data(file_key), secret_len(file_key), "", 0, "header", 6, key.bytes,
		    sizeof(key.bytes));
	hmac_sha256(key.bytes, sizeof(key.bytes), covered, len, out);
}

static enum err stanzas_print(const struct age_stanza *stanzas, size_t count, struct buf *out)
{
	TRY(buf_puts(out, VERSION_LINE));
	for (size_t i = 0; i < count; i++)
		TRY(age_stanza_print(&stanzas[i], out));
	return OK;
}

/* Behind the header that begins at `begin` and has all its other stanzas. */
static enum err sum_print(size_t begin, struct buf *out)
{
	CLEANUP(age_stanza_clear) struct age_stanza stanza = {0};
	const char *args[] = {AGE_SUM_STANZA};
	uint8_t sum[SHA256_LEN];

	sha256(out->data + begin, out->len - begin, sum);
	TRY(age_stanza_make(args, ARRAY_LEN(args), sum, AGE_SUM_LEN, &stanza));
	return age_stanza_print(&stanza, out);
}

static enum err mac_print(size_t begin, const struct secret *file_key, struct buf *out)
{
	uint8_t mac[SHA256_LEN];
	char text[MAC_TEXT_LEN + 1];

	TRY(buf_puts(out, MAC_MARK));
	mac_make(out->data + begin, out->len - begin, file_key, mac);
	text_base64(mac, sizeof(mac), false, text);
	return buf_printf(out, " %s\n", text);
}

enum err age_header_print(const struct age_stanza *stanzas, size_t count,
			  const struct secret *file_key, struct buf *out)
{
	size_t begin = out->len;

	TRY(stanzas_print(stanzas, count, out));
	return mac_print(begin, file_key, out);
}

enum err age_header_print_summed(const struct age_stanza *stanzas, size_t count,
				 const struct secret *file_key, struct buf *out)
{
	size_t begin = out->len;

	TRY(stanzas_print(stanzas, count, out));
	TRY(sum_print(begin, out));
	return mac_print(begin, file_key, out);
}

bool age_header_is_damaged(const struct age_header *h, const char *text)
{
	const struct age_stanza *s = h->count > 0 ? &h->stanzas[h->count - 1] : NULL;
	uint8_t sum[SHA256_LEN];

	if (!s || !age_stanza_is(s, AGE_SUM_STANZA))
		return false;
	sha256(text, h->last, sum);
	return s->argc != 1 || s->body_len != AGE_SUM_LEN || memcmp(s->body, sum, AGE_SUM_LEN) != 0;
}

void age_header_clear(struct age_header *h)
{
	for (size_t i = 0; i < h->count; i++)
		age_stanza_clear(&h->stanzas[i]);
	free(h->stanzas);
	memset(h, 0, sizeof(*h));
}

/* Reads one more stanza; room is doubled whenever the count is a power of two. */
static enum err stanza_add(struct age_header *h, const char *text, size_t len, size_t *ret_len)
{
	if ((h->count & (h->count - 1)) == 0) {
		size_t room = h->count > 0 ? 2 * h->count : 1;
		struct age_stanza *more = realloc(h->stanzas, room * sizeof(*more));

		if (!more)
			return err_at(ERR_NOMEM, "age header");
		h->stanzas = more;
	}
	TRY(age_stanza_parse(text, len, &h->stanzas[h->count], ret_len));
	h->count++;
	return OK;
}

static enum err mac_parse(struct age_header *h, const char *text, size_t len)
{
	size_t mac_len;

	if (len < MAC_LINE_LEN || text[MAC_MARK_LEN] != ' ' || text[MAC_LINE_LEN - 1] != '\n' ||
	    text_unbase64(text + MAC_MARK_LEN + 1, MAC_TEXT_LEN, false, h->mac, sizeof(h->mac),
			  &mac_len) != OK)
		return err_at(ERR_AGE_HEADER, "no MAC of 32 bytes in the last line");
	return OK;
}

/* The form of the stanzas we know, all of them before any is tried: what a file means does not
 * depend on who opens it. */
static enum err native_check(const struct age_header *h)
{
	uint8_t share[X25519_LEN];

	for (size_t i = 0; i < h->count; i++) {
		const struct age_stanza *s = &h->stanzas[i];

		if (age_stanza_is(s, X25519_STANZA))
			TRY(age_recipient_check(s, share));
		if (!age_stanza_is(s, SCRYPT_STANZA))
			continue;
		if (h->count != 1)
			return err_at(ERR_AGE_HEADER, "scrypt stanza among others");
		TRY(age_passphrase_check(s, UINT_MAX));
	}
	return OK;
}

enum err age_header_parse(const char *text, size_t len, struct age_header *ret, size_t *ret_len)
{
	CLEANUP(age_header_clear) struct age_header h = {0};
	size_t at = VERSION_LEN, used;

	if (len < VERSION_LEN || memcmp(text, VERSION_LINE, VERSION_LEN) != 0)
		return err_at(ERR_AGE_HEADER, "no version line of age v1");
	while (len - at < MAC_MARK_LEN || memcmp(text + at, MAC_MARK, MAC_MARK_LEN) != 0) {
		TRY(stanza_add(&h, text + at, len - at, &used));
		h.last = at;
		at += used;
		if (at > AGE_HEADER_MAX)
			return err_at(ERR_AGE_HEADER, "more than %u bytes", AGE_HEADER_MAX);
	}
	if (h.count == 0)
		return err_at(ERR_AGE_HEADER, "no stanza");
	TRY(mac_parse(&h, text + at, len - at));
	TRY(native_check(&h));
	*ret_len = at + MAC_LINE_LEN;
	*ret = h;
	h = (struct age_header){0};
	return OK;
}

enum err age_header_check_mac(const struct age_header *h, const char *text, size_t len,
			      const struct secret *file_key)
{
	uint8_t mac[SHA256_LEN];

	mac_make(text, len - (MAC_LINE_LEN - MAC_MARK_LEN), file_key, mac);
	if (!mem_equal(mac, h->mac, sizeof(mac)))
		return err_at(ERR_AGE_HEADER_MAC, "age header");
	return OK;
}

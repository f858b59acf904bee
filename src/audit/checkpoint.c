#include "audit/checkpoint.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/cursor.h"
#include "base/text.h"

#define DASH "\xe2\x80\x94 " /* U+2014, with which a signature line begins */
#define KEY_ID 4u
#define TIME_LEN 8u

enum kind { KIND_LOG = 0x01, KIND_WITNESS = 0x04 };

void checkpoint_make(struct checkpoint *c, const char *prefix, const char *id,
		     const struct merkle *t)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->origin, sizeof(c->origin), "%s%s", prefix, id);
	c->size = t->size;
	merkle_root(t, c->root);
}

enum err checkpoint_print(const struct checkpoint *c, struct buf *out)
{
	char root[64];

	text_base64(c->root, SHA256_LEN, true, root);
	return buf_printf(out, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root);
}

/* ---- parsing ---- */

/* The line at *at without its line feed; NULL when there is none. */
static const char *next_line(const char **at, const char *end, size_t *ret_len)
{
	const char *line = *at,
		   *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;

	if (!stop)
		return NULL;
	*ret_len = (size_t)(stop - line);
	*at = stop + 1;
	return line;
}

static bool parse_origin(const char *line, size_t len, struct checkpoint *ret)
{
	if (!line || len == 0 || len >= sizeof(ret->origin))
		return false;
	for (size_t i = 0; i < len; i++)
		if (line[i] <= ' ' || line[i] == '+' || line[i] == 0x7f)
			return false;
	memcpy(ret->origin, line, len);
	ret->origin[len] = '\0';
	return true;
}

static bool parse_size(const char *line, size_t len, struct checkpoint *ret)
{
	if (!line || len == 0 || len > 18 || (line[0] == '0' && len > 1))
		return false;
	ret->size = 0;
	for (size_t i = 0; i < len; i++) {
		if (line[i] < '0' || line[i] > '9')
			return false;
		ret->size = ret->size * 10 + (uint64_t)(line[i] - '0');
	}
	return true;
}

static bool parse_root(const char *line, size_t len, struct checkpoint *ret)
{
	size_t got;

	return line && text_unbase64(line, len, true, ret->root, SHA256_LEN, &got) == OK &&
	       got == SHA256_LEN;
}

/* The text's end is told by *at. */
static bool parse_text(const char **at, const char *end, struct checkpoint *ret)
{
	size_t len = 0;
	const char *line;

	line = next_line(at, end, &len);
	if (!parse_origin(line, len, ret))
		return false;
	line = next_line(at, end, &len);
	if (!parse_size(line, len, ret))
		return false;
	line = next_line(at, end, &len);
	return parse_root(line, len, ret);
}

enum err checkpoint_parse(const char *text, size_t len, struct checkpoint *ret)
{
	struct checkpoint c = {0};
	const char *at = text;

	if (len > CHECKPOINT_NOTE_MAX || !parse_text(&at, text + len, &c) ||
	    (at < text + len && *at != '\n'))
		return err_at(ERR_BAD_FORMAT, "checkpoint");
	*ret = c;
	return OK;
}

/* ---- signatures ---- */

static void key_id(const char *name, enum kind kind, const uint8_t vkey[SIGN_VKEY_LEN],
		   uint8_t out[KEY_ID])
{
	uint8_t key[2 + SIGN_VKEY_LEN] = {'\n', (uint8_t)kind}, sum[SHA256_LEN];

	memcpy(key + 2, vkey, SIGN_VKEY_LEN);
	sha256_2(name, strlen(name), key, sizeof(key), sum);
	memcpy(out, sum, KEY_ID);
}

/* What a witness signs: when, and the text. */
static enum err cosigned_text(const char *text, size_t len, uint64_t time, struct buf *out)
{
	TRY(buf_printf(out, "cosignature/v1\ntime %" PRIu64 "\n", time));
	return buf_append(out, text, len);
}

static enum err put_signature(const char *name, const uint8_t *blob, size_t len, struct buf *out)
{
	char base64[128];

	text_base64(blob, len, true, base64);
	return buf_printf(out, "\n" DASH "%s %s\n", name, base64);
}

enum err note_sign(const struct checkpoint *c, const char *name, const struct sign_key *key,
		   struct buf *out)
{
	uint8_t blob[KEY_ID + SIGN_LEN];
	size_t begin = out->len;

	TRY(checkpoint_print(c, out));
	key_id(name, KIND_LOG, sign_key_vkey(key), blob);
	sign_make(key, out->data + begin, out->len - begin, blob + KEY_ID);
	return put_signature(name, blob, sizeof(blob), out);
}

enum err note_cosign(const struct checkpoint *c, const char *name, const struct sign_key *key,
		     int64_t time, struct buf *out)
{
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t blob[KEY_ID + TIME_LEN + SIGN_LEN];
	struct writer w = writer_make(blob + KEY_ID, TIME_LEN);
	uint64_t when = time > 0 ? (uint64_t)time : 0;
	size_t begin = out->len;

	TRY(checkpoint_print(c, out));
	TRY(cosigned_text(out->data + begin, out->len - begin, when, &text));
	key_id(name, KIND_WITNESS, sign_key_vkey(key), blob);
	write_be64(&w, when);
	sign_make(key, text.data, text.len, blob + KEY_ID + TIME_LEN);
	return put_signature(name, blob, sizeof(blob), out);
}

/* "— NAME BASE64": whether it is by that name and key; then the rest of it in blob. */
static bool take_signature(const char *line, size_t len, const char *name, const uint8_t id[KEY_ID],
			   uint8_t *blob, size_t blob_len)
{
	size_t dash = strlen(DASH), name_len = strlen(name), got;
	const char *base64 = line + dash + name_len + 1;

	if (len < dash + name_len + 2 || memcmp(line, DASH, dash) != 0 ||
	    memcmp(line + dash, name, name_len) != 0 || line[dash + name_len] != ' ')
		return false;
	return text_unbase64(base64, len - (size_t)(base64 - line), true, blob, blob_len, &got) ==
		       OK &&
	       got == blob_len && memcmp(blob, id, KEY_ID) == 0;
}

/* Finds the signature by that key; gives the length of the text, 0: there is none. */
static size_t find_signature(const char *note, size_t len, const char *name,
			     const uint8_t id[KEY_ID], uint8_t *blob, size_t blob_len)
{
	const char *at = note, *end = note + len, *line;
	struct checkpoint c;
	size_t text_len, line_len;

	if (len > CHECKPOINT_NOTE_MAX || !parse_text(&at, end, &c))
		return 0;
	text_len = (size_t)(at - note);
	line = next_line(&at, end, &line_len);
	if (!line || line_len != 0)
		return 0;
	while ((line = next_line(&at, end, &line_len)))
		if (take_signature(line, line_len, name, id, blob, blob_len))
			return text_len;
	return 0;
}

bool note_verify(const char *note, size_t len, const char *name, const uint8_t vkey[SIGN_VKEY_LEN])
{
	uint8_t id[KEY_ID], blob[KEY_ID + SIGN_LEN];
	size_t text_len;

	key_id(name, KIND_LOG, vkey, id);
	text_len = find_signature(note, len, name, id, blob, sizeof(blob));
	return text_len > 0 && sign_verify(vkey, note, text_len, blob + KEY_ID);
}

bool note_verify_cosigned(const char *note, size_t len, const char *name,
			  const uint8_t vkey[SIGN_VKEY_LEN], int64_t *ret_time)
{
	CLEANUP(buf_clear) struct buf text = {0};
	uint8_t id[KEY_ID], blob[KEY_ID + TIME_LEN + SIGN_LEN];
	size_t text_len;
	uint64_t when;

	key_id(name, KIND_WITNESS, vkey, id);
	text_len = find_signature(note, len, name, id, blob, sizeof(blob));
	if (text_len == 0)
		return false;
	when = load_be64(blob + KEY_ID);
	if (when > INT64_MAX || cosigned_text(note, text_len, when, &text) != OK ||
	    !sign_verify(vkey, text.data, text.len, blob + KEY_ID + TIME_LEN))
		return false;
	*ret_time = (int64_t)when;
	return true;
}

static enum err print_vkey(const char *name, enum kind kind, const uint8_t vkey[SIGN_VKEY_LEN],
			   struct buf *out)
{
	uint8_t key[1 + SIGN_VKEY_LEN] = {(uint8_t)kind}, id[KEY_ID];
	char hex[2 * KEY_ID + 1], base64[64];

	key_id(name, kind, vkey, id);
	memcpy(key + 1, vkey, SIGN_VKEY_LEN);
	text_hex(id, KEY_ID, hex);
	text_base64(key, sizeof(key), true, base64);
	return buf_printf(out, "%s+%s+%s", name, hex, base64);
}

enum err note_vkey_print(const char *name, const uint8_t vkey[SIGN_VKEY_LEN], struct buf *out)
{
	return print_vkey(name, KIND_LOG, vkey, out);
}

enum err note_vkey_print_witness(const char *name, const uint8_t vkey[SIGN_VKEY_LEN],
				 struct buf *out)
{
	return print_vkey(name, KIND_WITNESS, vkey, out);
}

#include "pack/receipt.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "base/text.h"
#include "crypto/labels.h"
#include "org/staff_key.h"
#include "pack/minisig.h"

#define SCHEMA "vault.receipt/1"
#define SCHEMA_FAMILY "vault.receipt/"
#define SIG_FIELD ",\"sig\":\""
#define SIG_TEXT_LEN 88u
#define TAIL_LEN (sizeof(SIG_FIELD) - 1 + SIG_TEXT_LEN + 2) /* with the closing quote and brace */

/* Signed: the label with its NUL, then the line up to the comma before the signature. */
static enum err signed_text(const char *line, size_t len, struct buf *out)
{
	TRY(buf_append(out, LABEL_SIG_RECEIPT, sizeof(LABEL_SIG_RECEIPT)));
	return buf_append(out, line, len);
}

/* ---- making ---- */

static json_t *json_of(const struct unpacked *u, const struct age_recipient *me,
		       const struct sign_key *key, const char *name)
{
	char id[2 * PACK_ID_LEN + 1], sum[2 * SHA256_LEN + 1], recipient[AGE_RECIPIENT_TEXT];
	char public[MINISIG_PUBLIC_TEXT];

	text_hex(u->manifest.id, PACK_ID_LEN, id);
	text_hex(u->sha256, SHA256_LEN, sum);
	age_recipient_print(me, recipient);
	minisig_public(sign_key_vkey(key), public);
	return json_pack("{s:s,s:s,s:s,s:I,s:I,s:I,s:{s:s,s:s,s:s}}", "schema", SCHEMA, "pack", id,
			 "pack_sha256", sum, "received", (json_int_t)clock_wall().tv_sec, "files",
			 (json_int_t)u->files, "bytes", (json_int_t)u->bytes, "by", "name", name,
			 "recipient", recipient, "key", public);
}

static enum err sign(const char *text, const struct sign_key *key, struct buf *out)
{
	CLEANUP(buf_clear) struct buf message = {0};
	size_t len = strlen(text) - 1; /* without the closing brace */
	uint8_t sig[SIGN_LEN];
	char base64[SIG_TEXT_LEN + 1];

	TRY(signed_text(text, len, &message));
	sign_make(key, message.data, message.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	TRY(buf_append(out, text, len));
	return buf_printf(out, SIG_FIELD "%s\"}\n", base64);
}

enum err pack_receipt_make(const struct unpacked *unpacked, const struct age_identity *receiver,
			   const char *name, struct buf *out)
{
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;
	struct age_recipient me;
	json_t *json;
	char *text;
	enum err err;

	if (!unpacked->is_signed)
		return err_at(ERR_SENDER, "it bears no signature");
	TRY(staff_sign_key(receiver, &key));
	age_identity_recipient(receiver, &me);
	json = json_of(unpacked, &me, key, name);
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	err = text ? sign(text, key, out) : err_at(ERR_INVALID, "text that is not UTF-8");
	free(text);
	json_decref(json);
	return err;
}

/* ---- reading ---- */

static enum err bad(const char *field)
{
	return err_at(ERR_BAD_FORMAT, "receipt: %s", field);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text ? text : "";
}

static enum err get_hex(const json_t *object, const char *name, uint8_t *out, size_t len)
{
	const char *text = text_of(object, name);

	return strlen(text) == 2 * len && text_unhex(text, out, len) == OK ? OK : bad(name);
}

static enum err get_number(const json_t *object, const char *name, uint64_t *ret)
{
	const json_t *value = json_object_get(object, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return bad(name);
	*ret = (uint64_t)json_integer_value(value);
	return OK;
}

static enum err get_receiver(const json_t *by, struct pack_receipt *r)
{
	const char *name = text_of(by, "name");

	if (strlen(name) > PACK_NAME_MAX ||
	    age_recipient_parse(text_of(by, "recipient"), &r->recipient) != OK ||
	    minisig_public_parse(text_of(by, "key"), r->vkey) != OK)
		return bad("by");
	text_copy(r->name, sizeof(r->name), name);
	return OK;
}

static enum err get_all(const json_t *object, struct pack_receipt *r)
{
	const char *schema = text_of(object, "schema");
	uint64_t received;

	if (strcmp(schema, SCHEMA) != 0)
		return strncmp(schema, SCHEMA_FAMILY, strlen(SCHEMA_FAMILY)) == 0
			       ? err_at(ERR_NEWER_FORMAT, "%s", schema)
			       : bad("schema");
	TRY(get_hex(object, "pack", r->pack_id, PACK_ID_LEN));
	TRY(get_hex(object, "pack_sha256", r->pack_sha256, SHA256_LEN));
	TRY(get_number(object, "received", &received));
	r->received = (int64_t)received;
	TRY(get_number(object, "files", &r->files));
	TRY(get_number(object, "bytes", &r->bytes));
	return get_receiver(json_object_get(object, "by"), r);
}

static enum err check_signature(const char *line, size_t len, const struct pack_receipt *r)
{
	CLEANUP(buf_clear) struct buf message = {0};
	const char *tail = line + len - TAIL_LEN;
	uint8_t sig[SIGN_LEN];
	size_t sig_len;

	if (memcmp(tail, SIG_FIELD, sizeof(SIG_FIELD) - 1) != 0 ||
	    text_unbase64(tail + sizeof(SIG_FIELD) - 1, SIG_TEXT_LEN, true, sig, sizeof(sig),
			  &sig_len) != OK ||
	    sig_len != sizeof(sig))
		return bad("sig");
	TRY(signed_text(line, len - TAIL_LEN, &message));
	if (!sign_verify(r->vkey, message.data, message.len, sig))
		return err_at(ERR_FORGED, "the signature of the receipt");
	return OK;
}

enum err pack_receipt_read(const char *text, size_t len, struct pack_receipt *ret)
{
	struct pack_receipt r = {0};
	json_t *object;
	enum err err;

	if (len > 0 && text[len - 1] == '\n')
		len--;
	if (len <= TAIL_LEN || len > RECEIPT_MAX)
		return bad("length");
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	err = json_is_object(object) ? get_all(object, &r) : bad("JSON");
	json_decref(object);
	TRY(err);
	TRY(check_signature(text, len, &r));
	*ret = r;
	return OK;
}

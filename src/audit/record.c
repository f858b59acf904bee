#include "audit/record.h"
#include <string.h>
#include "base/text.h"
#include "crypto/labels.h"

#define SIG_FIELD ",\"sig\":\""

/* ---- a flat object ---- */

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, char what)
{
	if (c->at == c->end || *c->at != what)
		return false;
	c->at++;
	return true;
}

static bool take_escape(struct cursor *c)
{
	if (c->at == c->end)
		return false;
	if (*c->at != 'u')
		return memchr("\"\\/bfnrt", *c->at, 8) && take(c, *c->at);
	c->at++;
	for (int i = 0; i < 4; i++, c->at++)
		if (c->at == c->end || !memchr("0123456789abcdefABCDEF", *c->at, 22))
			return false;
	return true;
}

/* Signs that are looked at: what JSON forbids, the end, and an escape. */
static const bool is_special[256] = {[0 ... 0x1f] = true, ['"'] = true, ['\\'] = true};

static bool take_string(struct cursor *c, struct span *ret)
{
	if (!take(c, '"'))
		return false;
	ret->at = c->at;
	for (;;) {
		while (c->at < c->end && !is_special[(unsigned char)*c->at])
			c->at++;
		if (c->at == c->end || *c->at == '"')
			break;
		if (*c->at++ != '\\' || !take_escape(c))
			return false;
	}
	ret->len = (size_t)(c->at - ret->at);
	return take(c, '"');
}

static bool take_number(struct cursor *c, struct span *ret)
{
	ret->at = c->at;
	(void)take(c, '-');
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	ret->len = (size_t)(c->at - ret->at);
	return ret->len > 0 && (ret->at[0] != '0' || ret->len == 1);
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return false;
	c->at += len;
	return true;
}

enum kind { KIND_TEXT, KIND_NUMBER, KIND_TRUTH };

static bool take_value(struct cursor *c, enum kind *kind, struct span *ret)
{
	if (c->at == c->end)
		return false;
	*kind = *c->at == '"'			 ? KIND_TEXT
		: *c->at == 't' || *c->at == 'f' ? KIND_TRUTH
						 : KIND_NUMBER;
	switch (*kind) {
	case KIND_TEXT:
		return take_string(c, ret);
	case KIND_TRUTH:
		return take_word(c, "true") || take_word(c, "false");
	default:
		return take_number(c, ret);
	}
}

/* ---- its fields ---- */

/* Texts that are kept as they stand. */
static const struct place {
	const char *name;
	size_t len, offset;
} places[] = {
#define PLACE(field)                                                                               \
	{                                                                                          \
#field, sizeof(#field) - 1, offsetof(struct record, field)                         \
	}
	PLACE(ts),	 PLACE(host),	   PLACE(actor), PLACE(event),	  PLACE(result),
	PLACE(reason),	 PLACE(volume_id), PLACE(label), PLACE(media_id), PLACE(checkout_id),
	PLACE(category), PLACE(session),   PLACE(mode),	 PLACE(witness),  PLACE(checkpoint),
#undef PLACE
};

struct finding {
	struct record *r;
	struct span schema, prev, vkey, fpr;
	bool has_seq;
};

static bool put_once(struct span *place, struct span value)
{
	if (place->at)
		return false;
	*place = value;
	return true;
}

static bool get_number(struct span value, uint64_t *ret)
{
	if (value.len > 18 || value.at[0] == '-')
		return false;
	*ret = 0;
	for (size_t i = 0; i < value.len; i++)
		*ret = *ret * 10 + (uint64_t)(value.at[i] - '0');
	return true;
}

static bool put_number(struct finding *f, struct span name, struct span value)
{
	if (span_is(name, "seq")) {
		if (f->has_seq || !get_number(value, &f->r->seq))
			return false;
		f->has_seq = true;
		return true;
	}
	if (span_is(name, "generation"))
		return get_number(value, &f->r->generation);
	if (span_is(name, "lost_generations"))
		return get_number(value, &f->r->lost_generations);
	return true;
}

static bool put_string(struct finding *f, struct span name, struct span value)
{
	if (span_is(name, "prev"))
		return put_once(&f->prev, value);
	if (span_is(name, "key_fpr"))
		return put_once(&f->fpr, value);
	if (span_is(name, "schema"))
		return put_once(&f->schema, value);
	if (span_is(name, "vkey"))
		return put_once(&f->vkey, value);
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (name.len == places[i].len && memcmp(name.at, places[i].name, name.len) == 0)
			return put_once((struct span *)(void *)((char *)f->r + places[i].offset),
					value);
	return true;
}

static bool put_field(struct finding *f, struct span name, enum kind kind, struct span value)
{
	if (kind == KIND_TEXT)
		return put_string(f, name, value);
	return kind == KIND_NUMBER ? put_number(f, name, value) : true;
}

static bool take_fields(struct cursor *c, struct finding *f)
{
	struct span name, value = {0};
	enum kind kind;

	if (!take(c, '{'))
		return false;
	do {
		if (!take_string(c, &name) || !take(c, ':') || !take_value(c, &kind, &value) ||
		    !put_field(f, name, kind, value))
			return false;
	} while (take(c, ','));
	return take(c, '}') && c->at == c->end;
}

static enum err no_record(const char *what)
{
	return err_at(ERR_LOG_TAMPERED, "%s", what);
}

static bool get_hex(struct span value, void *out, size_t len)
{
	char hex[2 * SHA256_LEN + 1];

	if (value.len != 2 * len || value.len >= sizeof(hex))
		return false;
	memcpy(hex, value.at, value.len);
	hex[value.len] = '\0';
	return text_unhex(hex, out, len) == OK;
}

/* The signature stands at the very end, in its one form. */
static bool get_signature(const char *text, size_t len, struct record *r)
{
	size_t sig_len = text_base64_len(SIGN_LEN, true), field = strlen(SIG_FIELD), got;
	size_t tail = field + sig_len + 2;

	if (len < tail || memcmp(text + len - tail, SIG_FIELD, field) != 0 ||
	    text_unbase64(text + len - tail + field, sig_len, true, r->sig, SIGN_LEN, &got) != OK ||
	    got != SIGN_LEN)
		return false;
	r->signed_len = len - tail;
	return true;
}

enum err record_parse(const char *text, size_t len, struct record *ret)
{
	struct record r = {0};
	struct finding f = {.r = &r};
	struct cursor c = {text, text + len};

	if (len >= LINE_MAX_LEN || !take_fields(&c, &f))
		return no_record("not a record");
	if (!span_is(f.schema, "vault.audit/1"))
		return no_record("schema");
	if (!f.has_seq || r.seq < 1)
		return no_record("seq");
	if (!get_hex(f.prev, r.prev, SHA256_LEN))
		return no_record("prev");
	if (!get_hex(f.fpr, r.key_fpr, KEY_FPR_LEN))
		return no_record("key_fpr");
	r.has_vkey = f.vkey.at != NULL;
	if (r.has_vkey && !get_hex(f.vkey, r.vkey, SIGN_VKEY_LEN))
		return no_record("vkey");
	if (text_untime(r.ts.at ? r.ts.at : "", r.ts.len, &r.time) != OK)
		return no_record("ts");
	if (!get_signature(text, len, &r))
		return no_record("sig");
	*ret = r;
	return OK;
}

bool record_is_signed(const char *text, const struct record *r, const uint8_t vkey[SIGN_VKEY_LEN])
{
	CLEANUP(buf_clear) struct buf signed_bytes = {0};

	return buf_append(&signed_bytes, LABEL_SIG_RECORD, sizeof(LABEL_SIG_RECORD)) == OK &&
	       buf_append(&signed_bytes, text, r->signed_len) == OK &&
	       sign_verify(vkey, signed_bytes.data, signed_bytes.len, r->sig);
}

void key_fpr(const uint8_t vkey[SIGN_VKEY_LEN], uint8_t out[KEY_FPR_LEN])
{
	uint8_t sum[SHA256_LEN];

	sha256(vkey, SIGN_VKEY_LEN, sum);
	memcpy(out, sum, KEY_FPR_LEN);
}

/* ---- texts ---- */

static char plain_of(char escaped)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = strchr(from, escaped);

	return at ? to[at - from] : '?';
}

/* A sign below U+0080 given as \uXXXX; what else is written so by nobody here becomes '?'. */
static char small_of(const char *hex)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n = n * 16 + (unsigned)(hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 0x20) - 'a' + 10);
	return n > 0 && n < 0x80 ? (char)n : '?';
}

enum err span_text(struct span s, char *out, size_t cap)
{
	size_t done = 0;

	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (done + 1 >= cap)
			return err_at(ERR_INVALID, "a text of %zu bytes", s.len);
		if (c == '\\' && s.at[++i] == 'u') {
			c = small_of(s.at + i + 1);
			i += 4;
		} else if (c == '\\') {
			c = plain_of(s.at[i]);
		}
		out[done++] = c;
	}
	out[done] = '\0';
	return OK;
}

#include "org/statement.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/text.h"
#include "crypto/labels.h"

#define FIRST_LINE "portable-vault-register/1\n"
#define NAME_MAX_LEN 32u
#define SIG_BASE64 88u
#define SIG_LINE_LEN (sizeof("sig ") - 1 + SIG_BASE64 + 1)

static const char *const kinds[STATEMENT_KINDS] = {
	[STATEMENT_ORG] = "org",
	[STATEMENT_OFFICER] = "officer",
	[STATEMENT_STAFF] = "staff",
	[STATEMENT_HOST] = "host",
	[STATEMENT_MEDIUM] = "medium",
	[STATEMENT_CATALOG] = "catalog",
	[STATEMENT_GRANT] = "grant",
	[STATEMENT_GRANT_END] = "grant-end",
	[STATEMENT_POLICY] = "policy",
	[STATEMENT_REVOKE] = "revoke",
	[STATEMENT_APPROVE] = "approve",
	[STATEMENT_ADOPT] = "adopt",
	[STATEMENT_RECOVERY] = "recovery",
	[STATEMENT_CHECKOUT] = "checkout",
	[STATEMENT_CHECKIN] = "checkin",
	[STATEMENT_SIGHT] = "sight",
	[STATEMENT_FOUND] = "found",
	[STATEMENT_ERASE] = "erase",
	[STATEMENT_INCIDENT] = "incident",
	[STATEMENT_REPORT] = "report",
};

const char *statement_kind_name(enum statement_kind kind)
{
	return (unsigned)kind < STATEMENT_KINDS ? kinds[kind] : "unknown";
}

void statement_clear(struct statement *s)
{
	for (size_t i = 0; i < s->field_count; i++) {
		free((char *)s->fields[i].name);
		free((char *)s->fields[i].value);
	}
	free(s->fields);
	free(s->text);
	memset(s, 0, sizeof(*s));
}

/* ---- the form of fields ---- */

/* Words of the head; a field of one of these names would look like it. */
static bool is_reserved(const char *name)
{
	static const char *const words[] = { "org", "kind", "signer", "writer", "seq",
					     "prev", "clock", "time", "seen", "sig" };

	for (unsigned i = 0; i < ARRAY_LEN(words); i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static bool is_field_name(const char *name, size_t len)
{
	if (len == 0 || len > NAME_MAX_LEN || name[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(name[i] >= 'a' && name[i] <= 'z') && name[i] != '-')
			return false;
	return true;
}

static bool is_field_value(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)value[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return text_is_utf8(value, len);
}

static enum err add_field(struct statement *s, const char *name, size_t name_len,
			  const char *value, size_t value_len)
{
	struct statement_field *more;

	if (s->field_count == STATEMENT_FIELDS_MAX)
		return err_at(ERR_TOO_BIG, "fields of a statement");
	more = realloc(s->fields, (s->field_count + 1) * sizeof(*more));
	if (!more)
		return err_at(ERR_NOMEM, "statement");
	s->fields = more;
	more += s->field_count;
	more->name = strndup(name, name_len);
	more->value = strndup(value, value_len);
	s->field_count++;
	return more->name && more->value ? OK : err_at(ERR_NOMEM, "statement");
}

/* ---- printing ---- */

/* Times are in UTC, so that a text has one form only. */
static enum err put_time(struct buf *out, int64_t when)
{
	time_t t = (time_t)when;
	struct tm tm;
	char text[32];

	if (!gmtime_r(&t, &tm) || tm.tm_year < 70 || tm.tm_year > 8000 ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return err_at(ERR_INVALID, "time of a statement");
	return buf_printf(out, "time %s\n", text);
}

static enum err put_hex(struct buf *out, const char *name, const void *data, size_t len)
{
	char hex[2 * SHA256_LEN + 1];

	text_hex(data, len, hex);
	return buf_printf(out, "%s %s\n", name, hex);
}

static enum err put_head(const struct statement *s, struct buf *out)
{
	TRY(buf_puts(out, FIRST_LINE));
	if (s->kind == STATEMENT_ORG)
		TRY(buf_puts(out, "org -\n"));
	else
		TRY(put_hex(out, "org", s->org, ORG_ID_LEN));
	TRY(buf_printf(out, "kind %s\n", kinds[s->kind]));
	TRY(put_hex(out, "signer", s->signer, SIGN_VKEY_LEN));
	TRY(put_hex(out, "writer", s->writer, WRITER_LEN));
	TRY(buf_printf(out, "seq %" PRIu64 "\n", s->seq));
	if (s->seq == 1)
		TRY(buf_puts(out, "prev -\n"));
	else
		TRY(put_hex(out, "prev", s->prev, SHA256_LEN));
	TRY(buf_printf(out, "clock %" PRIu64 "\n", s->clock));
	TRY(put_time(out, s->time));
	for (size_t i = 0; i < s->seen_count; i++)
		TRY(put_hex(out, "seen", s->seen[i], SHA256_LEN));
	return OK;
}

static enum err put_fields(const struct statement *s, struct buf *out)
{
	for (size_t i = 0; i < s->field_count; i++) {
		const struct statement_field *f = &s->fields[i];

		if (!is_field_name(f->name, strlen(f->name)) || is_reserved(f->name) ||
		    !is_field_value(f->value, strlen(f->value)))
			return err_at(ERR_INVALID, "%s \"%s\"", f->name, f->value);
		TRY(buf_printf(out, "%s %s\n", f->name, f->value));
	}
	return OK;
}

/* Signed: the label, then all before the line of the signature. */
static enum err signed_bytes(const char *text, size_t len, struct buf *out)
{
	TRY(buf_append(out, LABEL_SIG_REGISTER, sizeof(LABEL_SIG_REGISTER)));
	return buf_append(out, text, len);
}

static enum err put_signature(const struct sign_key *key, struct buf *out)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	char base64[SIG_BASE64 + 1];
	uint8_t sig[SIGN_LEN];

	TRY(signed_bytes(out->data, out->len, &bytes));
	sign_make(key, bytes.data, bytes.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	return buf_printf(out, "sig %s\n", base64);
}

enum err statement_sign(const struct statement *draft, const struct sign_key *key,
			struct statement *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct statement s = *draft;

	memcpy(s.signer, sign_key_vkey(key), SIGN_VKEY_LEN);
	if ((unsigned)s.kind >= STATEMENT_KINDS || s.seq == 0 || s.clock == 0 ||
	    s.seen_count > STATEMENT_SEEN_MAX || s.field_count > STATEMENT_FIELDS_MAX)
		return err_at(ERR_INVALID, "statement");
	TRY(put_head(&s, &text));
	TRY(put_fields(&s, &text));
	TRY(put_signature(key, &text));
	if (text.len > STATEMENT_MAX)
		return err_at(ERR_TOO_BIG, "statement of %zu bytes", text.len);
	return statement_read(text.data, text.len, ret);
}

/* ---- reading ---- */

struct lines {
	const char *at, *end;
};

static enum err bad(const char *what)
{
	return err_at(ERR_BAD_FORMAT, "statement: %s", what);
}

/* Takes a line "name VALUE"; the value is borrowed. False: the next line is another one. */
static bool take(struct lines *l, const char *name, const char **ret, size_t *ret_len)
{
	size_t len = strlen(name), left = (size_t)(l->end - l->at);
	const char *end = memchr(l->at, '\n', left);

	if (!end || (size_t)(end - l->at) < len + 1 || memcmp(l->at, name, len) != 0 ||
	    l->at[len] != ' ')
		return false;
	*ret = l->at + len + 1;
	*ret_len = (size_t)(end - *ret);
	l->at = end + 1;
	return true;
}

/* Lower-case digits only: a text has one form. */
static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
			return false;
	return true;
}

static enum err take_hex(struct lines *l, const char *name, void *out, size_t len)
{
	char hex[2 * SHA256_LEN + 1];
	const char *value;
	size_t value_len;

	if (!take(l, name, &value, &value_len) || value_len != 2 * len || !is_hex(value, value_len))
		return bad(name);
	memcpy(hex, value, value_len);
	hex[value_len] = '\0';
	return text_unhex(hex, out, len);
}

/* "-" stands for nothing, where nothing is expected. */
static enum err take_dash(struct lines *l, const char *name)
{
	const char *value;
	size_t len;

	return take(l, name, &value, &len) && len == 1 && *value == '-' ? OK : bad(name);
}

static enum err take_number(struct lines *l, const char *name, uint64_t *ret)
{
	const char *value;
	size_t len;
	uint64_t n = 0;

	if (!take(l, name, &value, &len) || len == 0 || len > 18 || value[0] == '0')
		return bad(name);
	for (size_t i = 0; i < len; i++) {
		if (value[i] < '0' || value[i] > '9')
			return bad(name);
		n = n * 10 + (uint64_t)(value[i] - '0');
	}
	*ret = n;
	return OK;
}

static enum err take_kind(struct lines *l, enum statement_kind *ret)
{
	const char *value;
	size_t len;

	if (!take(l, "kind", &value, &len) || !is_field_name(value, len))
		return bad("kind");
	for (unsigned i = 0; i < STATEMENT_KINDS; i++) {
		if (strlen(kinds[i]) == len && memcmp(kinds[i], value, len) == 0) {
			*ret = (enum statement_kind)i;
			return OK;
		}
	}
	return err_at(ERR_NEWER_FORMAT, "statement of kind \"%.*s\"", (int)len, value);
}

static enum err take_time(struct lines *l, int64_t *ret)
{
	CLEANUP(buf_clear) struct buf again = { 0 };
	const char *begin = l->at, *value;
	struct tm tm = { 0 };
	char text[24];
	size_t len;

	if (!take(l, "time", &value, &len) || len != 20)
		return bad("time");
	memcpy(text, value, len);
	text[len] = '\0';
	if (!strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return bad("time");
	*ret = timegm(&tm);
	/* The one way to write it. */
	TRY(put_time(&again, *ret) == OK ? OK : bad("time"));
	return again.len == (size_t)(l->at - begin) && memcmp(again.data, begin, again.len) == 0
		       ? OK
		       : bad("time");
}

static enum err take_head(struct lines *l, struct statement *s)
{
	struct lines ahead;
	const char *value;
	size_t len;

	ahead = *l;
	/* The founding one has no society yet: whether it is that tells the kind. */
	if (!take(&ahead, "org", &value, &len))
		return bad("org");
	if (len == 1)
		TRY(take_dash(l, "org"));
	else
		TRY(take_hex(l, "org", s->org, ORG_ID_LEN));
	TRY(take_kind(l, &s->kind));
	if ((s->kind == STATEMENT_ORG) != (len == 1))
		return bad("org");
	TRY(take_hex(l, "signer", s->signer, SIGN_VKEY_LEN));
	TRY(take_hex(l, "writer", s->writer, WRITER_LEN));
	TRY(take_number(l, "seq", &s->seq));
	TRY(s->seq == 1 ? take_dash(l, "prev") : take_hex(l, "prev", s->prev, SHA256_LEN));
	TRY(take_number(l, "clock", &s->clock));
	TRY(take_time(l, &s->time));
	while (l->end - l->at > 5 && memcmp(l->at, "seen ", 5) == 0) {
		if (s->seen_count == STATEMENT_SEEN_MAX)
			return bad("seen");
		TRY(take_hex(l, "seen", s->seen[s->seen_count++], SHA256_LEN));
	}
	return OK;
}

static enum err take_field(struct lines *l, struct statement *s)
{
	size_t left = (size_t)(l->end - l->at), name_len;
	const char *end = memchr(l->at, '\n', left), *gap;
	enum err err;

	gap = end ? memchr(l->at, ' ', (size_t)(end - l->at)) : NULL;
	if (!gap)
		return bad("field");
	name_len = (size_t)(gap - l->at);
	if (!is_field_name(l->at, name_len) || !is_field_value(gap + 1, (size_t)(end - gap - 1)))
		return bad("field");
	err = add_field(s, l->at, name_len, gap + 1, (size_t)(end - gap - 1));
	TRY(err);
	if (is_reserved(s->fields[s->field_count - 1].name))
		return bad(s->fields[s->field_count - 1].name);
	l->at = end + 1;
	return OK;
}

static enum err check_signature(const struct statement *s, const char *text, size_t len)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	uint8_t sig[SIGN_LEN];
	size_t got;

	TRY(signed_bytes(text, len - SIG_LINE_LEN, &bytes));
	if (text_unbase64(text + len - SIG_BASE64 - 1, SIG_BASE64, true, sig, sizeof(sig), &got) !=
		    OK ||
	    got != sizeof(sig))
		return bad("sig");
	return sign_verify(s->signer, bytes.data, bytes.len, sig) ? OK
								   : err_at(ERR_FORGED, "statement");
}

static enum err read_into(const char *text, size_t len, struct statement *s)
{
	const size_t first = strlen(FIRST_LINE);
	struct lines l = { text + first, text + len - SIG_LINE_LEN };

	TRY(take_head(&l, s));
	while (l.at < l.end)
		TRY(take_field(&l, s));
	TRY(check_signature(s, text, len));
	s->text = malloc(len + 1);
	if (!s->text)
		return err_at(ERR_NOMEM, "statement");
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->len = len;
	sha256(text, len, s->id);
	if (s->kind == STATEMENT_ORG)
		memcpy(s->org, s->id, ORG_ID_LEN);
	return OK;
}

enum err statement_read(const char *text, size_t len, struct statement *ret)
{
	CLEANUP(statement_clear) struct statement s = { 0 };
	const size_t first = strlen(FIRST_LINE);

	if (len > STATEMENT_MAX)
		return err_at(ERR_TOO_BIG, "statement");
	if (len < first + SIG_LINE_LEN || memcmp(text, FIRST_LINE, first) != 0)
		return bad("first line");
	if (memcmp(text + len - SIG_LINE_LEN, "sig ", 4) != 0 || text[len - 1] != '\n' ||
	    text[len - SIG_LINE_LEN - 1] != '\n')
		return bad("sig");
	TRY(read_into(text, len, &s));
	*ret = s;
	memset(&s, 0, sizeof(s));
	return OK;
}

/* ---- asking ---- */

const char *statement_value_at(const struct statement *s, const char *name, size_t i)
{
	for (size_t n = 0; n < s->field_count; n++)
		if (strcmp(s->fields[n].name, name) == 0 && i-- == 0)
			return s->fields[n].value;
	return NULL;
}

const char *statement_value(const struct statement *s, const char *name)
{
	return statement_value_at(s, name, 0);
}

bool statement_same_chain(const struct statement *a, const struct statement *b)
{
	return memcmp(a->signer, b->signer, SIGN_VKEY_LEN) == 0 &&
	       memcmp(a->writer, b->writer, WRITER_LEN) == 0;
}

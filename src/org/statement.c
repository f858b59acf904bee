#include "org/statement.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "crypto/labels.h"

#define FIRST_LINE "portable-vault-register/1"
#define SIG_LINE "sig "
#define SIG_TEXT 88u /* base64 with padding */
#define NAME_MAX_LEN 32u

static const char *const kind_names[STATEMENT_KINDS] = {
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
	return (unsigned)kind < STATEMENT_KINDS ? kind_names[kind] : "unknown";
}

void statement_clear(struct statement *s)
{
	free(s->fields);
	free(s->text);
	memset(s, 0, sizeof(*s));
}

const char *statement_value_at(const struct statement *s, const char *name, size_t i)
{
	for (size_t at = 0; at < s->field_count; at++)
		if (strcmp(s->fields[at].name, name) == 0 && i-- == 0)
			return s->fields[at].value;
	return NULL;
}

const char *statement_value(const struct statement *s, const char *name)
{
	return statement_value_at(s, name, 0);
}

bool statement_hex(const char *value, void *ret, size_t len)
{
	return value && strspn(value, "0123456789abcdef") == 2 * len && value[2 * len] == '\0' &&
	       text_unhex(value, ret, len) == OK;
}

bool statement_same_chain(const struct statement *a, const struct statement *b)
{
	return memcmp(a->signer, b->signer, SIGN_VKEY_LEN) == 0 &&
	       memcmp(a->writer, b->writer, WRITER_LEN) == 0;
}

/* ---- what a statement may say ---- */

/* The two that would read as lines of the frame are nobody's. */
static bool name_is_plain(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz-");

	return len > 0 && len <= NAME_MAX_LEN && name[len] == '\0' && strcmp(name, "seen") != 0 &&
	       strcmp(name, "sig") != 0;
}

/* No control characters: C0 but TAB, DEL, and C1 (C2 80 to C2 9F). */
static bool value_is_plain(const char *value)
{
	const unsigned char *at = (const unsigned char *)value;

	if (!text_is_utf8(value, strlen(value)))
		return false;
	for (; *at; at++)
		if ((*at < ' ' && *at != '\t') || *at == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0))
			return false;
	return true;
}

static enum err check_fields(const struct statement *s)
{
	if (s->field_count > STATEMENT_FIELDS_MAX)
		return err_at(ERR_TOO_BIG, "statement: %zu fields", s->field_count);
	for (size_t i = 0; i < s->field_count; i++)
		if (!name_is_plain(s->fields[i].name) || !value_is_plain(s->fields[i].value))
			return err_at(ERR_INVALID, "statement: field \"%s\"", s->fields[i].name);
	return OK;
}

static enum err check_seen(const struct statement *s)
{
	if (s->seen_count > STATEMENT_SEEN_MAX)
		return err_at(ERR_INVALID, "statement: seen");
	for (size_t i = 1; i < s->seen_count; i++)
		if (memcmp(s->seen[i - 1], s->seen[i], SHA256_LEN) >= 0)
			return err_at(ERR_INVALID, "statement: seen");
	return OK;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	uint8_t any = 0;

	for (size_t i = 0; i < len; i++)
		any |= data[i];
	return any == 0;
}

/* Nothing but the founding one stands at the beginning of everything. */
static enum err check_place(const struct statement *s)
{
	bool founding = s->kind == STATEMENT_ORG;

	if ((unsigned)s->kind >= STATEMENT_KINDS)
		return err_at(ERR_INVALID, "statement: kind");
	if (s->seq < 1 || s->seq > STATEMENT_NUMBER_MAX || s->clock < 1 ||
	    s->clock > STATEMENT_NUMBER_MAX)
		return err_at(ERR_INVALID, "statement: number");
	if ((s->seq == 1) != is_zero(s->prev, SHA256_LEN))
		return err_at(ERR_INVALID, "statement: prev");
	if (founding && (s->seq != 1 || s->clock != 1 || s->seen_count > 0))
		return err_at(ERR_INVALID, "statement: founding");
	if (s->time < 0 || s->time > STATEMENT_TIME_MAX)
		return err_at(ERR_INVALID, "statement: time");
	return OK;
}

static enum err check(const struct statement *s)
{
	TRY(check_place(s));
	TRY(check_seen(s));
	return check_fields(s);
}

/* ---- printing ---- */

static enum err put_hex(struct buf *out, const char *name, const uint8_t *data, size_t len)
{
	char hex[2 * SHA256_LEN + 1];

	text_hex(data, len, hex);
	return buf_printf(out, "%s %s\n", name, hex);
}

static enum err put_time(struct buf *out, int64_t time)
{
	time_t t = (time_t)time;
	struct tm tm;

	if (!gmtime_r(&t, &tm))
		return err_at(ERR_INVALID, "statement: time");
	return buf_printf(out, "time %04d-%02d-%02dT%02d:%02d:%02dZ\n", tm.tm_year + 1900,
			  tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static enum err put_frame(struct buf *out, const struct statement *s)
{
	TRY(buf_puts(out, FIRST_LINE "\n"));
	if (s->kind == STATEMENT_ORG)
		TRY(buf_puts(out, "org -\n"));
	else
		TRY(put_hex(out, "org", s->org, ORG_ID_LEN));
	TRY(buf_printf(out, "kind %s\n", statement_kind_name(s->kind)));
	TRY(put_hex(out, "signer", s->signer, SIGN_VKEY_LEN));
	TRY(put_hex(out, "writer", s->writer, WRITER_LEN));
	TRY(buf_printf(out, "seq %" PRIu64 "\n", s->seq));
	if (s->seq == 1)
		TRY(buf_puts(out, "prev -\n"));
	else
		TRY(put_hex(out, "prev", s->prev, SHA256_LEN));
	TRY(buf_printf(out, "clock %" PRIu64 "\n", s->clock));
	return put_time(out, s->time);
}

/* Everything that is signed but its label. */
static enum err put_body(struct buf *out, const struct statement *s)
{
	TRY(put_frame(out, s));
	for (size_t i = 0; i < s->seen_count; i++)
		TRY(put_hex(out, "seen", s->seen[i], SHA256_LEN));
	for (size_t i = 0; i < s->field_count; i++) {
		TRY(buf_puts(out, s->fields[i].name));
		TRY(buf_puts(out, " "));
		TRY(buf_puts(out, s->fields[i].value));
		TRY(buf_puts(out, "\n"));
	}
	return OK;
}

static enum err signed_text(const char *body, size_t len, struct buf *out)
{
	TRY(buf_append(out, LABEL_SIG_REGISTER, sizeof(LABEL_SIG_REGISTER)));
	return buf_append(out, body, len);
}

/* ---- reading lines ---- */

struct lines {
	const char *at;
	size_t left;
};

/* The next line without its newline; false at the end. */
static bool next_line(struct lines *l, const char **ret, size_t *ret_len)
{
	const char *end = memchr(l->at, '\n', l->left);

	if (!end)
		return false;
	*ret = l->at;
	*ret_len = (size_t)(end - l->at);
	l->left -= *ret_len + 1;
	l->at = end + 1;
	return true;
}

/* The value of the next line when it begins with the word; it may take at most `cap` bytes with its
 * NUL. */
static bool next_word(struct lines *l, const char *name, char *out, size_t cap)
{
	size_t name_len = strlen(name), len;
	struct lines before = *l;
	const char *line;

	if (!next_line(l, &line, &len) || len <= name_len || memcmp(line, name, name_len) != 0 ||
	    line[name_len] != ' ' || len - name_len - 1 >= cap) {
		*l = before;
		return false;
	}
	len -= name_len + 1;
	memcpy(out, line + name_len + 1, len);
	out[len] = '\0';
	return strlen(out) == len;
}

static bool next_hex(struct lines *l, const char *name, uint8_t *out, size_t len)
{
	char text[2 * SHA256_LEN + 1];

	return next_word(l, name, text, sizeof(text)) && statement_hex(text, out, len);
}

/* "-" leaves zeroes and says so. */
static bool next_hex_or_none(struct lines *l, const char *name, uint8_t *out, size_t len,
			     bool *ret_none)
{
	struct lines before = *l;
	char text[2];

	*ret_none = next_word(l, name, text, sizeof(text)) && strcmp(text, "-") == 0;
	if (*ret_none)
		return true;
	*l = before;
	return next_hex(l, name, out, len);
}

static bool next_number(struct lines *l, const char *name, uint64_t *ret)
{
	char text[20]; /* 19 digits fit into 64 bits */
	uint64_t n = 0;

	if (!next_word(l, name, text, sizeof(text)) || !text[0] ||
	    text[strspn(text, "0123456789")] != '\0')
		return false;
	for (const char *at = text; *at; at++)
		n = n * 10 + (uint64_t)(*at - '0');
	*ret = n;
	return true;
}

/* What is not a moment as put_time writes it shows when it is written again. */
static bool next_time(struct lines *l, int64_t *ret)
{
	struct tm tm = { 0 };
	char text[32];

	if (!next_word(l, "time", text, sizeof(text)) || strlen(text) != 20 ||
	    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec) != 6)
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret = (int64_t)timegm(&tm);
	return true;
}

static enum err parse_kind(const char *name, enum statement_kind *ret)
{
	for (unsigned i = 0; i < STATEMENT_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0) {
			*ret = (enum statement_kind)i;
			return OK;
		}
	if (name_is_plain(name))
		return err_at(ERR_NEWER_FORMAT, "statement: kind \"%s\"", name);
	return err_at(ERR_BAD_FORMAT, "statement: kind");
}

static enum err malformed(const char *what)
{
	return err_at(ERR_BAD_FORMAT, "statement: %s", what);
}

static enum err parse_frame(struct lines *l, struct statement *ret)
{
	char text[64];
	const char *line;
	size_t len;
	bool founding, first;

	if (!next_line(l, &line, &len) || len != strlen(FIRST_LINE) ||
	    memcmp(line, FIRST_LINE, len) != 0)
		return malformed("first line");
	if (!next_hex_or_none(l, "org", ret->org, ORG_ID_LEN, &founding))
		return malformed("org");
	if (!next_word(l, "kind", text, sizeof(text)))
		return malformed("kind");
	TRY(parse_kind(text, &ret->kind));
	if (founding != (ret->kind == STATEMENT_ORG))
		return malformed("org");
	if (!next_hex(l, "signer", ret->signer, SIGN_VKEY_LEN) ||
	    !next_hex(l, "writer", ret->writer, WRITER_LEN) || !next_number(l, "seq", &ret->seq) ||
	    !next_hex_or_none(l, "prev", ret->prev, SHA256_LEN, &first) ||
	    !next_number(l, "clock", &ret->clock) || !next_time(l, &ret->time))
		return malformed("frame");
	while (ret->seen_count < STATEMENT_SEEN_MAX &&
	       next_hex(l, "seen", ret->seen[ret->seen_count], SHA256_LEN))
		ret->seen_count++;
	return OK;
}

static size_t count_lines(const struct lines *l)
{
	size_t count = 0;

	for (size_t i = 0; i < l->left; i++)
		count += l->at[i] == '\n';
	return count;
}

/* Names and values stand behind the array, in the same piece of memory. */
static enum err parse_fields(struct lines *l, struct statement *ret)
{
	size_t count = count_lines(l), len;
	const char *line;
	char *at;

	if (count == 0 && l->left == 0)
		return OK;
	if (count > STATEMENT_FIELDS_MAX)
		return malformed("fields");
	ret->fields = calloc(1, count * sizeof(*ret->fields) + l->left + 1);
	if (!ret->fields)
		return err_at(ERR_NOMEM, "statement");
	at = (char *)(ret->fields + count);
	while (next_line(l, &line, &len)) {
		const char *space = memchr(line, ' ', len);

		if (!space || memchr(line, '\0', len))
			return malformed("field");
		memcpy(at, line, len);
		at[space - line] = at[len] = '\0';
		ret->fields[ret->field_count++] =
			(struct statement_field){ at, at + (space - line) + 1 };
		at += len + 1;
	}
	return l->left == 0 ? OK : malformed("end");
}

/* ---- the whole ---- */

static enum err keep_text(struct buf *text, struct statement *s)
{
	s->text = text->data;
	s->len = text->len;
	memset(text, 0, sizeof(*text));
	sha256(s->text, s->len, s->id);
	if (s->kind == STATEMENT_ORG)
		memcpy(s->org, s->id, ORG_ID_LEN);
	return OK;
}

/* Whatever was read must print as it stood: so there is one text for one meaning. */
static enum err parse_body(const char *text, size_t len, struct statement *ret)
{
	CLEANUP(buf_clear) struct buf again = { 0 };
	struct lines l = { text, len };

	TRY(parse_frame(&l, ret));
	TRY(parse_fields(&l, ret));
	if (check(ret) != OK)
		return err_at(ERR_BAD_FORMAT, "%s", "statement");
	TRY(put_body(&again, ret));
	if (again.len != len || memcmp(again.data, text, len) != 0)
		return malformed("form");
	return OK;
}

static enum err find_signature(const char *text, size_t len, size_t *ret_body,
			       uint8_t sig[SIGN_LEN])
{
	size_t tail = strlen(SIG_LINE) + SIG_TEXT + 1, got;
	const char *line;

	if (len > STATEMENT_MAX || len <= tail)
		return malformed("length");
	line = text + len - tail;
	if (line[-1] != '\n' || memcmp(line, SIG_LINE, strlen(SIG_LINE)) != 0 ||
	    text[len - 1] != '\n' ||
	    text_unbase64(line + strlen(SIG_LINE), SIG_TEXT, true, sig, SIGN_LEN, &got) != OK ||
	    got != SIGN_LEN)
		return malformed("signature");
	*ret_body = len - tail;
	return OK;
}

static enum err read_whole(const char *text, size_t len, bool verify, struct statement *ret)
{
	CLEANUP(buf_clear) struct buf copy = { 0 };
	CLEANUP(buf_clear) struct buf message = { 0 };
	uint8_t sig[SIGN_LEN];
	size_t body = 0;

	TRY(find_signature(text, len, &body, sig));
	TRY(parse_body(text, body, ret));
	if (verify) {
		TRY(signed_text(text, body, &message));
		if (!sign_verify(ret->signer, message.data, message.len, sig))
			return err_at(ERR_FORGED, "statement");
	}
	TRY(buf_append(&copy, text, len));
	return keep_text(&copy, ret);
}

static enum err read_clean(const char *text, size_t len, bool verify, struct statement *ret)
{
	struct statement s = { 0 };
	enum err err = read_whole(text, len, verify, &s);

	if (err != OK) {
		statement_clear(&s);
		return err;
	}
	*ret = s;
	return OK;
}

enum err statement_read(const char *text, size_t len, struct statement *ret)
{
	return read_clean(text, len, true, ret);
}

enum err statement_read_trusted(const char *text, size_t len, struct statement *ret)
{
	return read_clean(text, len, false, ret);
}

enum err statement_sign(const struct statement *draft, const struct sign_key *key,
			struct statement *ret)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	CLEANUP(buf_clear) struct buf message = { 0 };
	struct statement s = *draft;
	uint8_t sig[SIGN_LEN];
	char base64[SIG_TEXT + 1];

	memcpy(s.signer, sign_key_vkey(key), SIGN_VKEY_LEN);
	TRY(check(&s));
	TRY(put_body(&text, &s));
	TRY(signed_text(text.data, text.len, &message));
	sign_make(key, message.data, message.len, sig);
	text_base64(sig, sizeof(sig), true, base64);
	TRY(buf_printf(&text, SIG_LINE "%s\n", base64));
	if (text.len > STATEMENT_MAX)
		return err_at(ERR_TOO_BIG, "statement: %zu bytes", text.len);
	return statement_read_trusted(text.data, text.len, ret);
}

size_t statement_split(const char *text, size_t len)
{
	struct lines l = { text, len };
	const char *line;
	size_t line_len;

	while (next_line(&l, &line, &line_len))
		if (line_len >= strlen(SIG_LINE) && memcmp(line, SIG_LINE, strlen(SIG_LINE)) == 0)
			return len - l.left;
	return 0;
}

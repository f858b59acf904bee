#include "org/paper.h"
#include <string.h>
#include "base/macros.h"
#include "crypto/hash.h"
#include "crypto/labels.h"

#define VERSION 1u
#define HEAD_LEN 8u /* version, needed, total, number, set: the first line */
#define LINE_BYTES 8u
#define CHECK_BYTES 2u
#define LINE_LETTERS (2 * (LINE_BYTES + CHECK_BYTES))

/* Four bits each, in this order. No two look alike on paper, and none like a digit. */
static const char letters[17] = "ACEFHJKLMPRTUWXY";

void paper_clear(struct paper *p)
{
	share_clear(&p->share);
	memset(p, 0, sizeof(*p));
}

static void set_of(const struct age_identity *key, uint8_t out[PAPER_SET_LEN])
{
	struct age_recipient pub;
	uint8_t sum[SHA256_LEN];

	age_identity_recipient(key, &pub);
	sha256(pub.pk, sizeof(pub.pk), sum);
	memcpy(out, sum, PAPER_SET_LEN);
}

/* ---- bytes and letters ---- */

static void encode(const struct paper *p, uint8_t out[PAPER_BYTES])
{
	out[0] = VERSION;
	out[1] = (uint8_t)p->needed;
	out[2] = (uint8_t)p->total;
	out[3] = p->share.number;
	memcpy(out + 4, p->set, PAPER_SET_LEN);
	memcpy(out + HEAD_LEN, secret_data(p->share.data), SHARE_LEN);
}

/* Bound to its place and to the first line. */
static void check_of(const uint8_t bytes[PAPER_BYTES], unsigned number, uint8_t out[CHECK_BYTES])
{
	uint8_t text[sizeof(LABEL_PAPER_LINE) + HEAD_LEN + 1 + LINE_BYTES], sum[SHA256_LEN];
	uint8_t *at = text + sizeof(LABEL_PAPER_LINE);

	memcpy(text, LABEL_PAPER_LINE, sizeof(LABEL_PAPER_LINE));
	memcpy(at, bytes, HEAD_LEN);
	at[HEAD_LEN] = (uint8_t)number;
	memcpy(at + HEAD_LEN + 1, bytes + (number - 1) * LINE_BYTES, LINE_BYTES);
	sha256(text, sizeof(text), sum);
	memcpy(out, sum, CHECK_BYTES);
	mem_wipe(text, sizeof(text));
	mem_wipe(sum, sizeof(sum));
}

/* Which letter stands for a value is not looked up in memory by that value. */
static char letter_of(unsigned value)
{
	unsigned found = 0;

	for (unsigned i = 0; i < 16; i++)
		found |= (unsigned)letters[i] & -(unsigned)(i == value);
	return (char)found;
}

void paper_line(const struct paper *p, unsigned number, char out[PAPER_LINE_LEN])
{
	uint8_t bytes[PAPER_BYTES], line[LINE_BYTES + CHECK_BYTES];
	size_t at = 0;

	encode(p, bytes);
	memcpy(line, bytes + (number - 1) * LINE_BYTES, LINE_BYTES);
	check_of(bytes, number, line + LINE_BYTES);
	for (unsigned i = 0; i < LINE_LETTERS; i++) {
		if (i > 0 && i % 4 == 0)
			out[at++] = ' ';
		if (i == 2 * LINE_BYTES) {
			out[at++] = '-';
			out[at++] = ' ';
		}
		out[at++] = letter_of(i % 2 ? line[i / 2] & 15u : line[i / 2] >> 4);
	}
	mem_wipe(bytes, sizeof(bytes));
	mem_wipe(line, sizeof(line));
}

static bool is_gap(char c)
{
	return c == ' ' || c == '-' || c == '\t' || c == '\r';
}

/* 0 to 15; 16 for anything else. */
static unsigned value_of(char c)
{
	unsigned value = 16;

	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	for (unsigned i = 0; i < 16; i++)
		value = letters[i] == c ? i : value;
	return value;
}

/* "3: " in front of a line; 0 when there is none. */
static unsigned take_number(const char **text, size_t *len)
{
	const char *at = *text, *end = *text + *len;
	unsigned number;

	while (at < end && is_gap(*at))
		at++;
	if (at == end || *at < '1' || *at > '9')
		return 0;
	number = (unsigned)(*at++ - '0');
	if (at < end && (*at == ':' || *at == '.' || *at == ')'))
		at++;
	*len = (size_t)(end - at);
	*text = at;
	return number;
}

static bool take_letters(const char *text, size_t len, uint8_t out[LINE_BYTES + CHECK_BYTES])
{
	unsigned count = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned value = value_of(text[i]);

		if (is_gap(text[i]))
			continue;
		if (value > 15 || count == LINE_LETTERS)
			return false;
		out[count / 2] = (uint8_t)(count % 2 ? out[count / 2] | value : value << 4);
		count++;
	}
	return count == LINE_LETTERS;
}

/* ---- sheets ---- */

enum err paper_make(const struct age_identity *key, unsigned needed, unsigned total,
		    struct paper *list)
{
	CLEANUP(secret_freep) struct secret *whole = NULL;
	struct share shares[SHARES_MAX];

	TRY(secret_copy(age_identity_secret(key), SHARE_LEN, &whole));
	TRY(shares_split(whole, needed, total, shares));
	for (unsigned i = 0; i < total; i++) {
		list[i] = (struct paper){.needed = needed, .total = total, .share = shares[i]};
		set_of(key, list[i].set);
	}
	return OK;
}

/* ---- typing in ---- */

void paper_entry_clear(struct paper_entry *e)
{
	secret_free(e->bytes);
	memset(e, 0, sizeof(*e));
}

static enum paper_typed enter_line(struct paper_entry *e, unsigned number, const char *text,
				   size_t len, uint8_t line[LINE_BYTES + CHECK_BYTES])
{
	unsigned given = take_number(&text, &len);
	uint8_t *bytes = secret_edit(e->bytes), check[CHECK_BYTES];

	if (given != 0 && given != number)
		return PAPER_NO_NUMBER;
	if (!take_letters(text, len, line))
		return PAPER_NO_LINE;
	memcpy(bytes + (number - 1) * LINE_BYTES, line, LINE_BYTES);
	/* Another first line is another sheet. */
	if (number == 1)
		memset(e->have, 0, sizeof(e->have));
	check_of(bytes, number, check);
	e->have[number - 1] = mem_equal(check, line + LINE_BYTES, CHECK_BYTES);
	return e->have[number - 1] ? PAPER_TYPED : PAPER_NO_CHECK;
}

enum err paper_enter(struct paper_entry *e, unsigned number, const char *text, size_t len,
		     enum paper_typed *ret)
{
	uint8_t line[LINE_BYTES + CHECK_BYTES];

	if (!e->bytes)
		TRY(secret_new(PAPER_BYTES, &e->bytes));
	*ret = enter_line(e, number, text, len, line);
	mem_wipe(line, sizeof(line));
	return OK;
}

unsigned paper_missing(const struct paper_entry *e)
{
	for (unsigned i = 0; i < PAPER_LINES; i++)
		if (!e->have[i])
			return i + 1;
	return 0;
}

enum err paper_finish(const struct paper_entry *e, struct paper *ret)
{
	const uint8_t *bytes = secret_data(e->bytes);
	struct paper p = {.needed = bytes[1], .total = bytes[2]};

	if (bytes[0] != VERSION)
		return err_at(ERR_NEWER_FORMAT, "recovery sheet");
	if (p.needed < 1 || p.needed > p.total || bytes[3] < 1 || bytes[3] > p.total)
		return err_at(ERR_BAD_FORMAT, "recovery sheet");
	memcpy(p.set, bytes + 4, PAPER_SET_LEN);
	p.share.number = bytes[3];
	TRY(secret_copy(bytes + HEAD_LEN, SHARE_LEN, &p.share.data));
	*ret = p;
	return OK;
}

/* ---- in a text ---- */

/* A line of letters without a number is the next one. */
static bool is_for(const struct paper_entry *e, const char *text, size_t len, unsigned *ret_number)
{
	uint8_t line[LINE_BYTES + CHECK_BYTES];
	unsigned number = take_number(&text, &len);
	bool good = take_letters(text, len, line);

	mem_wipe(line, sizeof(line));
	*ret_number = number ? number : paper_missing(e);
	return good && *ret_number >= 1 && *ret_number <= PAPER_LINES;
}

/* Up to the end of the line, or to where the next one begins with its number: scanners put a blank,
 * something else or nothing for a line break. */
static size_t piece_of(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n' || text[i] == '\r')
			return i + 1;
		if (i > 0 && i + 1 < len && text[i] >= '1' && text[i] <= '9' &&
		    text[i + 1] == ':' && !(text[i - 1] >= '0' && text[i - 1] <= '9'))
			return i;
	}
	return len;
}

enum err paper_read(const char *text, size_t len, struct paper *ret, unsigned *ret_line)
{
	CLEANUP(paper_entry_clear) struct paper_entry e = {0};

	*ret_line = 1;
	while (len > 0) {
		size_t piece = piece_of(text, len), end = piece;
		enum paper_typed typed;
		unsigned number;

		while (end > 0 && (text[end - 1] == '\n' || is_gap(text[end - 1])))
			end--;
		if (is_for(&e, text, end, &number) && (number == 1 || e.have[0]))
			TRY(paper_enter(&e, number, text, end, &typed));
		text += piece;
		len -= piece;
	}
	*ret_line = paper_missing(&e);
	if (*ret_line != 0)
		return err_at(ERR_BAD_FORMAT, "line %u of the recovery sheet", *ret_line);
	return paper_finish(&e, ret);
}

/* ---- putting together ---- */

enum paper_verdict paper_compare(const struct paper *list, size_t count)
{
	const struct paper *last = count > 0 ? &list[count - 1] : NULL;

	for (size_t i = 0; i + 1 < count; i++) {
		if (list[i].needed != last->needed || list[i].total != last->total ||
		    memcmp(list[i].set, last->set, PAPER_SET_LEN) != 0)
			return PAPER_MIXED;
		if (list[i].share.number == last->share.number)
			return PAPER_TWICE;
	}
	return last && count >= last->needed ? PAPER_FITS : PAPER_TOO_FEW;
}

static enum err join(const struct paper *list, struct age_identity **ret)
{
	CLEANUP(secret_freep) struct secret *whole = NULL;
	struct share shares[SHARES_MAX];

	for (unsigned i = 0; i < list[0].needed; i++)
		shares[i] = list[i].share;
	TRY(shares_join(shares, list[0].needed, &whole));
	return age_identity_from_raw(secret_data(whole), ret);
}

enum err paper_join(const struct paper *list, size_t count, enum paper_verdict *ret,
		    struct age_identity **ret_key)
{
	struct age_identity *key = NULL;
	uint8_t set[PAPER_SET_LEN];

	for (size_t i = 1; i <= count; i++) {
		*ret = paper_compare(list, i);
		if (*ret == PAPER_MIXED || *ret == PAPER_TWICE)
			return OK;
	}
	*ret = paper_compare(list, count);
	if (*ret != PAPER_FITS)
		return OK;
	TRY(join(list, &key));
	set_of(key, set);
	if (memcmp(set, list[0].set, PAPER_SET_LEN) == 0) {
		*ret_key = key;
		return OK;
	}
	age_identity_free(key);
	*ret = PAPER_WRONG;
	return OK;
}

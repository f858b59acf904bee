#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Length of the valid UTF-8 sequence at `s` (RFC 3629, table in section 4), 0 when there is none.
 * The second byte's range is what keeps out overlong forms, surrogates and values past U+10FFFF. */
static size_t utf8_sequence(const uint8_t *s, size_t len)
{
	uint8_t low = 0x80, high = 0xbf;
	size_t need;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	need = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (len < need)
		return 0;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return need;
}

bool text_is_utf8(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence((const uint8_t *)s + i, len - i);

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

size_t text_utf16_units(const char *s, size_t len)
{
	size_t units = 0;

	for (size_t i = 0; i < len;) {
		size_t step = utf8_sequence((const uint8_t *)s + i, len - i);

		units += step == 4 ? 2 : 1; /* four bytes of UTF-8 become a surrogate pair */
		i += MAX(step, (size_t)1);
	}
	return units;
}

void text_hex(const void *data, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

/* Whole logs are read through this: a table takes a fifth of the time that comparing takes. */
static int hex_digit(char c)
{
	/* From '0' to 'f'. */
	static const int8_t values['f' - '0' + 1] = {
		0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	-1, -1, -1, -1, -1, -1, -1, 10, 11,
		12, 13, 14, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1,
		-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 10, 11, 12, 13, 14, 15,
	};
	unsigned at = (unsigned char)c - (unsigned)'0';

	return at < sizeof(values) ? values[at] : -1;
}

/* Reads everything once before the first byte goes out, so `out` stays untouched on failure. */
enum err text_unhex(const char *hex, void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < 2 * len; i++) {
		if (hex_digit(hex[i]) < 0)
			return err_at(ERR_BAD_FORMAT, "not %zu hex digits", 2 * len);
	}
	if (hex[2 * len] != '\0')
		return err_at(ERR_BAD_FORMAT, "more than %zu hex digits", 2 * len);
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return OK;
}

size_t text_base64_len(size_t len, bool padded)
{
	size_t rest = len % 3;

	if (padded)
		return (len + 2) / 3 * 4;
	return len / 3 * 4 + (rest ? rest + 1 : 0);
}

static const char base64_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_base64(const void *data, size_t len, bool padded, char *out)
{
	const uint8_t *p = data;

	for (; len > 0; p += 3) {
		size_t group = MIN(len, (size_t)3);
		uint32_t bits = (uint32_t)p[0] << 16;

		if (group > 1)
			bits |= (uint32_t)p[1] << 8;
		if (group > 2)
			bits |= p[2];
		for (size_t i = 0; i <= group; i++)
			*out++ = base64_digits[bits >> (18 - 6 * i) & 63];
		for (size_t i = group; i < 3 && padded; i++)
			*out++ = '=';
		len -= group;
	}
	*out = '\0';
}

static int base64_digit(char c)
{
	/* From '+' to 'z'. */
	static const int8_t values['z' - '+' + 1] = {
		62, -1, -1, -1, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, -1, -1, -1, -1, -1,
		-1, -1, 0,  1,	2,  3,	4,  5,	6,  7,	8,  9,	10, 11, 12, 13, 14, 15, 16, 17,
		18, 19, 20, 21, 22, 23, 24, 25, -1, -1, -1, -1, -1, -1, 26, 27, 28, 29, 30, 31,
		32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51,
	};
	unsigned at = (unsigned char)c - (unsigned)'+';

	return at < sizeof(values) ? values[at] : -1;
}

/* Takes the padding off `text`: the number of digits, or SIZE_MAX when the padding is wrong. */
static size_t base64_unpad(const char *text, size_t len, bool padded)
{
	if (!padded)
		return len;
	if (len % 4 != 0)
		return SIZE_MAX;
	if (len > 0 && text[len - 1] == '=')
		len--;
	if (len % 4 == 3 && text[len - 1] == '=')
		len--;
	return len;
}

/* Whether `digits` digits are base64 and end in zero bits where no byte is left to fill. */
static bool base64_is_canonical(const char *text, size_t digits)
{
	size_t rest = digits % 4;

	if (rest == 1)
		return false;
	for (size_t i = 0; i < digits; i++) {
		if (base64_digit(text[i]) < 0)
			return false;
	}
	if (rest == 0)
		return true;
	return (base64_digit(text[digits - 1]) & (rest == 2 ? 15 : 3)) == 0;
}

enum err text_unbase64(const char *text, size_t text_len, bool padded, void *out, size_t cap,
		       size_t *ret_len)
{
	size_t digits = base64_unpad(text, text_len, padded);
	size_t len, done = 0;
	uint32_t bits = 0;
	uint8_t *p = out;

	if (digits == SIZE_MAX || !base64_is_canonical(text, digits))
		return err_at(ERR_BAD_FORMAT, "not canonical base64");
	len = digits / 4 * 3 + (digits % 4 ? digits % 4 - 1 : 0);
	if (len > cap)
		return err_at(ERR_BAD_FORMAT, "base64 of more than %zu bytes", cap);
	for (size_t i = 0; i < digits; i++) {
		bits = bits << 6 | (uint32_t)base64_digit(text[i]);
		if (i % 4 > 0)
			p[done++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	*ret_len = len;
	return OK;
}

/* The last `width` digits of n, and what follows them. */
static char *put_digits(char *out, unsigned n, unsigned width, char next)
{
	for (unsigned i = width; i-- > 0; n /= 10)
		out[i] = (char)('0' + n % 10);
	out[width] = next;
	return out + width + 1;
}

/* RFC 3339 has four digits for the year; other years are shown as its first or last second. */
void text_time(time_t t, char out[32])
{
	struct tm tm;
	char *at;
	long offset;

	if (!localtime_r(&t, &tm) || tm.tm_year + 1900 > 9999 || tm.tm_year + 1900 < 0) {
		strcpy(out, t < 0 ? "0000-01-01T00:00:00+00:00" : "9999-12-31T23:59:59+00:00");
		return;
	}
	offset = tm.tm_gmtoff / 60;
	/* Lists have one in every line; printf would be most of their time. */
	at = put_digits(out, (unsigned)(tm.tm_year + 1900), 4, '-');
	at = put_digits(at, (unsigned)(tm.tm_mon + 1), 2, '-');
	at = put_digits(at, (unsigned)tm.tm_mday, 2, 'T');
	at = put_digits(at, (unsigned)tm.tm_hour, 2, ':');
	at = put_digits(at, (unsigned)tm.tm_min, 2, ':');
	at = put_digits(at, (unsigned)tm.tm_sec, 2, offset < 0 ? '-' : '+');
	at = put_digits(at, (unsigned)(offset < 0 ? -offset : offset) / 60, 2, ':');
	(void)put_digits(at, (unsigned)(offset < 0 ? -offset : offset) % 60, 2, '\0');
}

void text_copy(char *out, size_t cap, const char *text)
{
	size_t len = strnlen(text, cap - 1);

	memcpy(out, text, len);
	out[len] = '\0';
}

/* "0" to "9" `width` times at *at; -1 otherwise. */
static int take_digits(const char **at, unsigned width)
{
	int n = 0;

	for (unsigned i = 0; i < width; i++) {
		if (**at < '0' || **at > '9')
			return -1;
		n = n * 10 + (*(*at)++ - '0');
	}
	return n;
}

static bool take_sign(const char **at, char sign)
{
	return *(*at)++ == sign;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
	static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	int64_t past = year - 1; /* whole years since year 1 */

	return past * 365 + past / 4 - past / 100 + past / 400 - 719162 + before[month - 1] +
	       (leap && month > 2) + day - 1;
}

enum err text_untime(const char *text, size_t len, int64_t *ret)
{
	static const uint8_t longest[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	char copy[26] = "";
	const char *at = copy;
	int year, month, day, hour, minute, second, east_h, east_m, sign;

	if (len != sizeof(copy) - 1)
		return err_at(ERR_BAD_FORMAT, "time");
	memcpy(copy, text, len);
	year = take_digits(&at, 4);
	month = take_sign(&at, '-') ? take_digits(&at, 2) : -1;
	day = month > 0 && take_sign(&at, '-') ? take_digits(&at, 2) : -1;
	hour = day > 0 && take_sign(&at, 'T') ? take_digits(&at, 2) : -1;
	minute = hour >= 0 && take_sign(&at, ':') ? take_digits(&at, 2) : -1;
	second = minute >= 0 && take_sign(&at, ':') ? take_digits(&at, 2) : -1;
	sign = *at == '-' ? -1 : 1;
	if (second < 0 || (*at != '+' && *at != '-'))
		return err_at(ERR_BAD_FORMAT, "time");
	at++;
	east_h = take_digits(&at, 2);
	east_m = east_h >= 0 && take_sign(&at, ':') ? take_digits(&at, 2) : -1;
	if (year < 1 || month > 12 || day > longest[month - 1] || hour > 23 || minute > 59 ||
	    second > 60 || east_h > 23 || east_m < 0 || east_m > 59)
		return err_at(ERR_BAD_FORMAT, "time");
	*ret = ((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second -
	       sign * (east_h * 3600 + east_m * 60);
	return OK;
}

size_t text_whole_lines(const char *text, size_t len)
{
	const char *end = len > 0 ? memrchr(text, '\n', len) : NULL;

	return end ? (size_t)(end - text) + 1 : 0;
}

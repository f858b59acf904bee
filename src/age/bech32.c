#include "age/bech32.h"

#include <stdbool.h>
#include <string.h>
#include "crypto/secret.h"

static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static char to_lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* The checksum is a BCH code over GF(32): one step takes one more digit in (BIP 173). */
static uint32_t checksum_add(uint32_t sum, uint8_t digit)
{
	static const uint32_t generator[5] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd,
					      0x2a1462b3};
	uint32_t top = sum >> 25;

	sum = (sum & 0x1ffffff) << 5 ^ digit;
	for (unsigned i = 0; i < 5; i++) {
		if (top >> i & 1)
			sum ^= generator[i];
	}
	return sum;
}

/* The checksum after the human-readable part, which always counts as lower case. */
static uint32_t checksum_begin(const char *hrp, size_t len)
{
	uint32_t sum = 1;

	for (size_t i = 0; i < len; i++)
		sum = checksum_add(sum, (uint8_t)to_lower(hrp[i]) >> 5);
	sum = checksum_add(sum, 0);
	for (size_t i = 0; i < len; i++)
		sum = checksum_add(sum, (uint8_t)to_lower(hrp[i]) & 31);
	return sum;
}

static bool hrp_is_upper(const char *hrp)
{
	while (*hrp && !is_upper(*hrp) && !is_lower(*hrp))
		hrp++;
	return is_upper(*hrp);
}

static char digit_char(uint8_t digit, bool upper)
{
	char c = digits[digit & 31];

	return upper && is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

/* The value of a digit, or -1; letters of the other case are no digits. */
static int digit_value(char c, bool upper)
{
	const char *at;

	if (upper ? is_lower(c) : is_upper(c))
		return -1;
	at = c ? strchr(digits, to_lower(c)) : NULL;
	return at ? (int)(at - digits) : -1;
}

/* Digit `i` of the data: five bits, with zeroes behind the last byte. */
static uint8_t digit_at(const uint8_t *data, size_t len, size_t i)
{
	size_t bit = i * 5, byte = bit / 8;
	unsigned pair = (unsigned)data[byte] << 8 | (byte + 1 < len ? data[byte + 1] : 0u);

	return pair >> (11 - bit % 8) & 31;
}

static size_t digit_count(size_t len)
{
	return (len * 8 + 4) / 5;
}

void bech32_encode(const char *hrp, const void *data, size_t len, char *out)
{
	bool upper = hrp_is_upper(hrp);
	uint32_t sum = checksum_begin(hrp, strlen(hrp));

	out = stpcpy(out, hrp);
	*out++ = '1';
	for (size_t i = 0; i < digit_count(len); i++) {
		uint8_t digit = digit_at(data, len, i);

		sum = checksum_add(sum, digit);
		*out++ = digit_char(digit, upper);
	}
	for (unsigned i = 0; i < BECH32_CHECKSUM_LEN; i++)
		sum = checksum_add(sum, 0);
	for (unsigned i = 0; i < BECH32_CHECKSUM_LEN; i++)
		*out++ = digit_char((sum ^ 1) >> 5 * (5 - i) & 31, upper);
	*out = '\0';
}

/* `text` are the digits behind the separator, of the right number; `out` NULL: checked only. */
static bool digits_decode(const char *text, size_t text_len, bool upper, uint32_t sum, uint8_t *out,
			  size_t len)
{
	uint32_t bits = 0;
	unsigned have = 0;
	size_t data_digits = text_len - BECH32_CHECKSUM_LEN, done = 0;

	for (size_t i = 0; i < text_len; i++) {
		int digit = digit_value(text[i], upper);

		if (digit < 0)
			return false;
		sum = checksum_add(sum, (uint8_t)digit);
		if (i >= data_digits)
			continue;
		bits = (bits & 0xff) << 5 | (uint32_t)digit;
		have += 5;
		if (have >= 8 && done < len) {
			have -= 8;
			if (out)
				out[done] = (uint8_t)(bits >> have);
			done++;
		}
	}
	return sum == 1 && (bits & ((1u << have) - 1)) == 0;
}

enum err bech32_decode(const char *text, size_t text_len, const char *hrp, void *out, size_t len)
{
	size_t hrp_len = strlen(hrp);

	if (text_len != BECH32_LEN(hrp_len, len) || memcmp(text, hrp, hrp_len) != 0 ||
	    text[hrp_len] != '1' ||
	    !digits_decode(text + hrp_len + 1, text_len - hrp_len - 1, hrp_is_upper(hrp),
			   checksum_begin(hrp, hrp_len), out, len)) {
		mem_wipe(out, len);
		return err_at(ERR_BAD_FORMAT, "not a Bech32 text of \"%s\"", hrp);
	}
	return OK;
}

/* Length of the part before the last 1 of `text`, which must be visible and of one case; 0 when
 * there is none. */
static size_t hrp_find(const char *text, size_t len, bool upper)
{
	const char *last = memrchr(text, '1', len);
	size_t hrp_len = last ? (size_t)(last - text) : 0;

	for (size_t i = 0; i < hrp_len; i++) {
		if (text[i] < 0x21 || text[i] > 0x7e ||
		    (upper ? is_lower(text[i]) : is_upper(text[i])))
			return 0;
	}
	return hrp_len;
}

enum err bech32_check(const char *text, size_t len, bool upper, size_t *ret_hrp_len)
{
	size_t hrp_len = hrp_find(text, len, upper), tail = len - hrp_len - 1, bytes;

	if (hrp_len == 0 || tail < BECH32_CHECKSUM_LEN)
		return err_at(ERR_BAD_FORMAT, "not a Bech32 text");
	bytes = (tail - BECH32_CHECKSUM_LEN) * 5 / 8;
	if (digit_count(bytes) != tail - BECH32_CHECKSUM_LEN ||
	    !digits_decode(text + hrp_len + 1, tail, upper, checksum_begin(text, hrp_len), NULL,
			   bytes))
		return err_at(ERR_BAD_FORMAT, "a Bech32 text with a wrong checksum");
	*ret_hrp_len = hrp_len;
	return OK;
}

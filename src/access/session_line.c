/* Reading a line of the volume's log. An auditor reads millions: lines as lines.c prints them,
 * which is nearly all, are taken in place; any other goes the long way, which alone says what is no
 * line. */
#include <jansson.h>
#include <string.h>
#include "access/lineage.h"
#include "base/text.h"

/* ---- as it is printed ---- */

struct cursor {
	const char *at, *end;
};

static bool take(struct cursor *c, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, text, len) != 0)
		return false;
	c->at += len;
	return true;
}

/* Up to a quotation mark, which is taken too: plain ASCII, the dash of a note, and its line ends.
 */
static bool take_text(struct cursor *c, const char **ret, size_t *ret_len)
{
	const char *begin = c->at;

	while (c->at < c->end && *c->at != '"') {
		if (*c->at == '\\' || (unsigned char)*c->at >= 0x7f) {
			if (!take(c, "\\n") && !take(c, "\xe2\x80\x94"))
				return false;
		} else if (*c->at++ < ' ') {
			return false;
		}
	}
	*ret = begin;
	*ret_len = (size_t)(c->at - begin);
	return take(c, "\"");
}

static bool take_name(struct cursor *c, char *out, size_t cap)
{
	const char *text;
	size_t len;

	if (!take_text(c, &text, &len) || len >= cap || memchr(text, '\\', len))
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool take_hex(struct cursor *c, void *out, size_t len)
{
	char hex[2 * SHA256_LEN + 1];

	return take_name(c, hex, sizeof(hex)) && strlen(hex) == 2 * len &&
	       text_unhex(hex, out, len) == OK;
}

static bool take_number(struct cursor *c, uint64_t *ret)
{
	const char *begin = c->at;

	*ret = 0;
	for (; c->at < c->end && *c->at >= '0' && *c->at <= '9'; c->at++)
		*ret = *ret * 10 + (uint64_t)(*c->at - '0');
	return c->at > begin && c->at - begin <= 18 && (*begin != '0' || c->at - begin == 1);
}

static bool take_state(struct cursor *c, struct session_line *ret)
{
	uint64_t epoch;

	if (!take_number(c, &epoch) || !take(c, ",\"generation\":") ||
	    !take_number(c, &ret->head.generation) || !take(c, ",\"superblock\":\"") ||
	    !take_hex(c, ret->head.super_sha256, SHA256_LEN) || !take(c, ",\"from\":\"") ||
	    !take_hex(c, ret->head.session_id, STORE_ID_LEN))
		return false;
	ret->has_head = true;
	ret->head.clean = take(c, ",\"clean\":true");
	return ret->head.clean || take(c, ",\"clean\":false");
}

static bool take_totals(struct cursor *c)
{
	uint64_t files, bytes;

	return take_number(c, &files) && take(c, ",\"bytes\":") && take_number(c, &bytes);
}

static bool take_line(struct cursor c, struct session_line *ret)
{
	char time[32], actor[32];
	const char *note;
	size_t note_len;

	if (!take(&c, "{\"event\":\"") || !take_name(&c, ret->event, sizeof(ret->event)) ||
	    !take(&c, ",\"ts\":\"") || !take_name(&c, time, sizeof(time)) ||
	    !take(&c, ",\"session\":\"") || !take_hex(&c, ret->session_id, STORE_ID_LEN))
		return false;
	if (take(&c, ",\"host\":\"") &&
	    (!take_name(&c, ret->host, sizeof(ret->host)) || !take(&c, ",\"actor\":\"") ||
	     !take_name(&c, actor, sizeof(actor))))
		return false;
	if (take(&c, ",\"epoch\":") && !take_state(&c, ret))
		return false;
	if (take(&c, ",\"files\":") && !take_totals(&c))
		return false;
	if (take(&c, ",\"head\":\"") && !take_text(&c, &note, &note_len))
		return false;
	return take(&c, "}") && c.at == c.end;
}

/* ---- any other ---- */

static enum err get_hex(const json_t *json, const char *name, void *out, size_t len)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (!text || strlen(text) != 2 * len)
		return ERR_BAD_FORMAT;
	return text_unhex(text, out, len);
}

static enum err get_number(const json_t *json, const char *name, uint64_t *ret)
{
	const json_t *number = json_object_get(json, name);

	if (!json_is_integer(number) || json_integer_value(number) < 0)
		return ERR_BAD_FORMAT;
	*ret = (uint64_t)json_integer_value(number);
	return OK;
}

static enum err parse_passed(const json_t *list, struct head *ret)
{
	const char *text;
	size_t i;
	json_t *one;

	if (json_array_size(list) > STORE_PASSED_MAX)
		return ERR_BAD_FORMAT;
	json_array_foreach(list, i, one)
	{
		text = json_string_value(one);
		if (!text || strlen(text) != (size_t)2 * SHA256_LEN)
			return ERR_BAD_FORMAT;
		TRY(text_unhex(text, ret->passed_sha256[ret->passed_count++], SHA256_LEN));
	}
	return OK;
}

static enum err parse_head(const json_t *json, struct head *ret)
{
	TRY(get_number(json, "generation", &ret->generation));
	TRY(get_hex(json, "superblock", ret->super_sha256, SHA256_LEN));
	TRY(get_hex(json, "from", ret->session_id, STORE_ID_LEN));
	ret->clean = json_is_true(json_object_get(json, "clean"));
	return parse_passed(json_object_get(json, "passed"), ret);
}

static enum err take_json(const json_t *json, struct session_line *ret)
{
	const char *event = json_string_value(json_object_get(json, "event"));
	const char *host = json_string_value(json_object_get(json, "host"));

	if (!event || strlen(event) >= sizeof(ret->event))
		return ERR_BAD_FORMAT;
	text_copy(ret->event, sizeof(ret->event), event);
	TRY(get_hex(json, "session", ret->session_id, STORE_ID_LEN));
	text_copy(ret->host, sizeof(ret->host), host ? host : "");
	ret->has_head = json_object_get(json, "generation") != NULL;
	return ret->has_head ? parse_head(json, &ret->head) : OK;
}

enum err session_line_parse(const char *text, size_t len, struct session_line *ret)
{
	struct session_line line = {0};
	enum err err = OK;
	json_t *json;

	if (take_line((struct cursor){text, text + len}, &line)) {
		*ret = line;
		return OK;
	}
	line = (struct session_line){0};
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	err = json ? take_json(json, &line) : ERR_BAD_FORMAT;
	json_decref(json);
	if (err == OK)
		*ret = line;
	return err;
}

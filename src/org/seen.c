#include "org/seen.h"
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/io.h"
#include "base/text.h"

#define SEEN_FILE_MAX 16384u

static enum err seen_path(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN], struct buf *ret)
{
	char hex[2 * VOLUME_ID_LEN + 1];

	text_hex(volume_id, VOLUME_ID_LEN, hex);
	return buf_printf(ret, "%s/%s.json", home_seen_dir(h), hex);
}

static enum err get_hex(json_t *json, const char *name, void *out, size_t len)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (!text || strlen(text) != 2 * len)
		return err_at(ERR_BAD_FORMAT, "%s", name);
	return text_unhex(text, out, len);
}

static void get_text(json_t *json, const char *name, char *out, size_t cap)
{
	const char *text = json_string_value(json_object_get(json, name));

	if (text && strlen(text) < cap)
		memcpy(out, text, strlen(text) + 1);
}

/* Files from before there was such a log have nothing of it. */
static enum err parse_log(json_t *json, struct seen_log *ret)
{
	json_t *count = json_object_get(json, "log");

	if (!count)
		return OK;
	if (!json_is_integer(count) || json_integer_value(count) < 0)
		return err_at(ERR_BAD_FORMAT, "log");
	ret->count = (uint64_t)json_integer_value(count);
	TRY(get_hex(json, "log_last", ret->last_sha256, sizeof(ret->last_sha256)));
	return get_hex(json, "adopted", ret->adopted_sha256, sizeof(ret->adopted_sha256));
}

static enum err parse(json_t *json, struct seen *ret)
{
	struct seen seen = { 0 };
	json_t *generation = json_object_get(json, "generation");
	json_t *epoch = json_object_get(json, "epoch");

	/* A number that came out too great would refuse the vault as rolled back for ever. */
	if (!json_is_integer(generation) || json_integer_value(generation) < 0)
		return err_at(ERR_BAD_FORMAT, "generation");
	if (!json_is_integer(epoch) || json_integer_value(epoch) < 0 ||
	    json_integer_value(epoch) > UINT32_MAX)
		return err_at(ERR_BAD_FORMAT, "epoch");
	seen.generation = (uint64_t)json_integer_value(generation);
	seen.epoch = (uint32_t)json_integer_value(epoch);
	seen.clean = json_is_true(json_object_get(json, "clean"));
	TRY(get_hex(json, "superblock", seen.super_sha256, sizeof(seen.super_sha256)));
	TRY(get_hex(json, "session", seen.session_id, sizeof(seen.session_id)));
	TRY(parse_log(json, &seen.log));
	get_text(json, "label", seen.label, sizeof(seen.label));
	get_text(json, "medium", seen.medium, sizeof(seen.medium));
	*ret = seen;
	return OK;
}

enum err seen_load(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN], struct seen *ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	json_t *json;
	enum err err;

	TRY(seen_path(h, volume_id, &path));
	TRY(io_read_file(path.data, SEEN_FILE_MAX, &text));
	json = json_loadb(text.data, text.len, 0, NULL);
	err = json ? parse(json, ret) : err_at(ERR_BAD_FORMAT, "%s", path.data);
	json_decref(json);
	return err;
}

static json_t *hex_json(const void *data, size_t len)
{
	char hex[2 * 64 + 1];

	text_hex(data, len, hex);
	return json_string(hex);
}

enum err seen_save(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN], const struct seen *seen)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	json_t *json;
	char *text;
	enum err err;

	TRY(seen_path(h, volume_id, &path));
	json = json_pack("{s:I,s:I,s:b,s:o,s:o,s:I,s:o,s:o,s:s,s:s}",
			 "generation",
			 (json_int_t)seen->generation, "epoch", (json_int_t)seen->epoch, "clean",
			 (int)seen->clean, "superblock", hex_json(seen->super_sha256, 32), "session",
			 hex_json(seen->session_id, 16), "log", (json_int_t)seen->log.count, "log_last",
			 hex_json(seen->log.last_sha256, 32), "adopted",
			 hex_json(seen->log.adopted_sha256, 32), "label", seen->label, "medium",
			 text_is_utf8(seen->medium, strlen(seen->medium)) ? seen->medium : "");
	text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
	err = text ? io_replace_file(path.data, text, strlen(text), 0600)
		   : err_at(ERR_NOMEM, "%s", path.data);
	free(text);
	json_decref(json);
	return err;
}

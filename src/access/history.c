#include "access/history.h"
#include <jansson.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"

struct reading {
	char volume_hex[2 * VOLUME_ID_LEN + 1];
	struct history *h;
};

static const char *field(const json_t *record, const char *name)
{
	const char *value = json_string_value(json_object_get(record, name));

	return value ? value : "";
}

static bool number(const json_t *record, const char *name, uint64_t *ret)
{
	json_t *value = json_object_get(record, name);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

static void take(const json_t *record, struct history_event *e)
{
	bool files, bytes;

	*e = (struct history_event){.known = true};
	text_copy(e->event, sizeof(e->event), field(record, "event"));
	text_copy(e->time, sizeof(e->time), field(record, "ts"));
	text_copy(e->actor, sizeof(e->actor), field(record, "actor"));
	text_copy(e->host, sizeof(e->host), field(record, "host"));
	text_copy(e->category, sizeof(e->category), field(record, "category"));
	text_copy(e->purpose, sizeof(e->purpose), field(record, "purpose"));
	text_copy(e->manifest, sizeof(e->manifest), field(record, "manifest"));
	(void)number(record, "generation", &e->generation);
	files = number(record, "files", &e->files);
	bytes = number(record, "bytes", &e->bytes);
	e->has_totals = files && bytes;
	e->has_persons = number(record, "persons", &e->persons);
}

static void sort_in(const json_t *record, struct history *h)
{
	const char *event = field(record, "event");

	if (strcmp(field(record, "result"), "refused") == 0)
		h->refusals++;
	if (!strcmp(event, "create"))
		take(record, &h->created);
	else if (!strcmp(event, "unlock") && !strcmp(field(record, "result"), "ok"))
		take(record, &h->opened), h->openings++;
	else if (!strcmp(event, "lock") || !strcmp(event, "removed") || !strcmp(event, "unclean"))
		take(record, &h->closed);
}

static enum err line(void *ctx, const char *text, size_t len, enum err fault)
{
	struct reading *r = ctx;
	json_t *record = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

	(void)fault;
	if (!strcmp(field(record, "volume_id"), r->volume_hex))
		sort_in(record, r->h);
	json_decref(record);
	return OK;
}

enum err history_read(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN], struct history *ret)
{
	struct reading r = {.h = ret};
	const struct sign_key *key = NULL;
	enum err err;

	memset(ret, 0, sizeof(*ret));
	ret->is_whole = true;
	text_hex(volume_id, VOLUME_ID_LEN, r.volume_hex);
	if (access(home_log_path(h), F_OK) != 0)
		return OK;
	TRY(home_host_key(h, &key));
	err = audit_log_read(home_log_path(h), sign_key_vkey(key), line, &r);
	ret->is_whole = err == OK;
	return err == ERR_LOG_TAMPERED || err == ERR_LOG_GAP ? OK : err;
}

#include "pack/manifest.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "pack/minisig.h"
#include "age/plugin.h"
#include "age/ssh.h"

#define SCHEMA "vault.pack/1"
#define SCHEMA_FAMILY "vault.pack/"
#define TO_MAX 4096u

void pack_manifest_clear(struct pack_manifest *m)
{
	free(m->to);
	for (size_t i = 0; i < m->other_count; i++)
		free(m->others[i]);
	free(m->others);
	memset(m, 0, sizeof(*m));
}

bool pack_date_is_valid(const char *date)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, end = 0;

	if (strlen(date) != 10 || strspn(date, "0123456789-") != 10 ||
	    sscanf(date, "%4d-%2d-%2d%n", &year, &month, &day, &end) != 3 || end != 10)
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* ---- writing ---- */

static json_t *json_of_recipients(const struct pack_manifest *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->to_count; i++) {
		char text[AGE_RECIPIENT_TEXT];

		age_recipient_print(&m->to[i], text);
		if (json_array_append_new(list, json_string(text)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	for (size_t i = 0; i < m->other_count; i++)
		if (json_array_append_new(list, json_string(m->others[i])) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

static json_t *json_of_sender(const struct pack_manifest *m)
{
	char recipient[AGE_RECIPIENT_TEXT], public[MINISIG_PUBLIC_TEXT];

	age_recipient_print(&m->sender_recipient, recipient);
	minisig_public(m->sender_vkey, public);
	return json_pack("{s:s,s:s,s:s}", "name", m->sender, "recipient", recipient, "key", public);
}

/* Takes over `value`; nothing is set for NULL. */
static bool set(json_t *object, const char *name, json_t *value)
{
	return json_object_set_new(object, name, value) == 0;
}

static bool set_optional(json_t *object, const struct pack_manifest *m)
{
	return (!m->category[0] || set(object, "category", json_string(m->category))) &&
	       (!m->purpose[0] || set(object, "purpose", json_string(m->purpose))) &&
	       (m->persons < 0 || set(object, "persons", json_integer(m->persons))) &&
	       (!m->expires[0] || set(object, "expires", json_string(m->expires))) &&
	       (!m->passphrase || set(object, "passphrase", json_true()));
}

static json_t *json_of(const struct pack_manifest *m)
{
	char id[2 * PACK_ID_LEN + 1];
	json_t *object = json_object();

	text_hex(m->id, PACK_ID_LEN, id);
	if (set(object, "schema", json_string(SCHEMA)) && set(object, "pack", json_string(id)) &&
	    set(object, "created", json_integer(m->created)) &&
	    set(object, "sender", json_of_sender(m)) && set(object, "to", json_of_recipients(m)) &&
	    set_optional(object, m) && set(object, "files", json_integer((json_int_t)m->files)) &&
	    set(object, "bytes", json_integer((json_int_t)m->bytes)))
		return object;
	json_decref(object);
	return NULL;
}

enum err pack_manifest_encode(const struct pack_manifest *m, struct buf *out)
{
	json_t *object = json_of(m);
	char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
	enum err err = text ? buf_printf(out, "%s\n", text)
			    : err_at(ERR_INVALID, "text that is not UTF-8");

	free(text);
	json_decref(object);
	return err;
}

/* ---- reading ---- */

static enum err bad(const char *field)
{
	return err_at(ERR_BAD_FORMAT, PACK_MANIFEST ": %s", field);
}

static enum err get_text(const json_t *object, const char *name, char *out, size_t cap)
{
	const json_t *value = json_object_get(object, name);

	if (!value)
		return OK;
	if (!json_is_string(value) || json_string_length(value) >= cap ||
	    strlen(json_string_value(value)) != json_string_length(value))
		return bad(name);
	text_copy(out, cap, json_string_value(value));
	return OK;
}

static enum err get_number(const json_t *object, const char *name, int64_t *ret)
{
	const json_t *value = json_object_get(object, name);

	if (!value)
		return OK;
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return bad(name);
	*ret = json_integer_value(value);
	return OK;
}

static enum err get_count(const json_t *object, const char *name, uint64_t *ret)
{
	int64_t value = -1;

	TRY(get_number(object, name, &value));
	if (value < 0)
		return bad(name);
	*ret = (uint64_t)value;
	return OK;
}

static enum err get_sender(const json_t *object, struct pack_manifest *m)
{
	const json_t *sender = json_object_get(object, "sender");
	char recipient[AGE_RECIPIENT_TEXT] = "", public[MINISIG_PUBLIC_TEXT] = "";

	TRY(get_text(sender, "name", m->sender, sizeof(m->sender)));
	TRY(get_text(sender, "recipient", recipient, sizeof(recipient)));
	TRY(get_text(sender, "key", public, sizeof(public)));
	if (age_recipient_parse(recipient, &m->sender_recipient) != OK ||
	    minisig_public_parse(public, m->sender_vkey) != OK)
		return bad("sender");
	return OK;
}

/* What age's own format does not name: only that it looks like one matters here. */
static enum err get_other(const char *text, struct pack_manifest *m)
{
	size_t len = text ? strlen(text) : 0;

	if (len == 0 || len > AGE_PLUGIN_TEXT_MAX ||
	    (!age_ssh_likely(text, len) && !age_plugin_likely(text, len)))
		return bad("to");
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return bad("to");
	m->others[m->other_count] = strdup(text);
	return m->others[m->other_count] ? (m->other_count++, OK)
					 : err_at(ERR_NOMEM, PACK_MANIFEST);
}

static enum err get_recipients(const json_t *object, struct pack_manifest *m)
{
	const json_t *list = json_object_get(object, "to");

	if (!json_is_array(list) || json_array_size(list) > TO_MAX)
		return bad("to");
	m->to = calloc(json_array_size(list) + 1, sizeof(*m->to));
	if (!m->to)
		return err_at(ERR_NOMEM, PACK_MANIFEST);
	m->others = calloc(json_array_size(list) + 1, sizeof(*m->others));
	if (!m->others)
		return err_at(ERR_NOMEM, PACK_MANIFEST);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (text && age_recipient_parse(text, &m->to[m->to_count]) == OK)
			m->to_count++;
		else
			TRY(get_other(text, m));
	}
	return OK;
}

static enum err get_schema(const json_t *object)
{
	char schema[32] = "";

	TRY(get_text(object, "schema", schema, sizeof(schema)));
	if (strcmp(schema, SCHEMA) == 0)
		return OK;
	if (strncmp(schema, SCHEMA_FAMILY, strlen(SCHEMA_FAMILY)) == 0)
		return err_at(ERR_NEWER_FORMAT, "%s", schema);
	return bad("schema");
}

static enum err get_id(const json_t *object, struct pack_manifest *m)
{
	char id[2 * PACK_ID_LEN + 1] = "";

	TRY(get_text(object, "pack", id, sizeof(id)));
	if (strlen(id) != 2 * PACK_ID_LEN || text_unhex(id, m->id, PACK_ID_LEN) != OK)
		return bad("pack");
	return OK;
}

static enum err get_all(const json_t *object, struct pack_manifest *m)
{
	m->persons = -1;
	TRY(get_schema(object));
	TRY(get_id(object, m));
	TRY(get_number(object, "created", &m->created));
	TRY(get_sender(object, m));
	TRY(get_recipients(object, m));
	m->passphrase = json_is_true(json_object_get(object, "passphrase"));
	TRY(get_text(object, "category", m->category, sizeof(m->category)));
	TRY(get_text(object, "purpose", m->purpose, sizeof(m->purpose)));
	TRY(get_number(object, "persons", &m->persons));
	TRY(get_text(object, "expires", m->expires, sizeof(m->expires)));
	if (m->expires[0] && !pack_date_is_valid(m->expires))
		return bad("expires");
	TRY(get_count(object, "files", &m->files));
	return get_count(object, "bytes", &m->bytes);
}

enum err pack_manifest_decode(const char *text, size_t len, struct pack_manifest *ret)
{
	CLEANUP(pack_manifest_clear) struct pack_manifest m = {0};
	json_t *object;
	enum err err;

	if (len > PACK_MANIFEST_MAX)
		return bad("length");
	object = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	err = json_is_object(object) ? get_all(object, &m) : bad("JSON");
	json_decref(object);
	TRY(err);
	*ret = m;
	memset(&m, 0, sizeof(m));
	return OK;
}

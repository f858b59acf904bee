#include "tools/events_csv.h"

#include <jansson.h>
#include <string.h>

#include "base/buf.h"
#include "tools/cli.h"
#include "tools/event_words.h"

#define IN_WORDS '*' /* before a field whose code is told in words */

static const struct column {
	const char *field, *heading;
} columns[] = {
	{"host", N_("computer id")},
	{"seq", N_("running number")},
	{"ts", N_("date and time")},
	{"clock", N_("state of the clock")},
	{"actor", N_("person id")},
	{"role", N_("role")},
	{"approver", N_("approver id")},
	{"counterparty", N_("counterparty")},
	{"*event", N_("kind of operation")},
	{"event", N_("code of the operation")},
	{"*result", N_("outcome")},
	{"reason", N_("reason code")},
	{"reason_id", N_("reason number")},
	{"checkout_id", N_("take-out number")},
	{"incident_id", N_("incident number")},
	{"media_id", N_("number of the medium")},
	{"media_serial", N_("serial number")},
	{"volume_id", N_("vault id")},
	{"label", N_("label")},
	{"category", N_("category")},
	{"purpose", N_("purpose")},
	{"session", N_("session id")},
	{"mode", N_("mode")},
	{"files", N_("number of files")},
	{"bytes", N_("size in bytes")},
	{"persons", N_("number of persons (declared)")},
	{"pack", N_("pack id")},
	{"pack_sha256", N_("SHA-256 of the pack")},
	{"manifest", N_("hash of the list of contents")},
	{"suite", N_("cipher")},
	{"keysep", N_("key separation")},
	{"generation", N_("generation")},
	{"lost_generations", N_("lost generations")},
	{"saved_until", N_("saved until")},
	{"superblock", N_("SHA-256 of the superblock")},
	{"tool", N_("version of the program")},
	{"schema", N_("version of the form")},
	{"key_fpr", N_("fingerprint of the signing key")},
	{"prev", N_("hash of the record before")},
	{"sig", N_("signature")},
};

/* Also the wide forms, which a Japanese spreadsheet takes for the same. */
static bool is_formula(const char *text)
{
	static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d",
					   "\xef\xbc\xa0"};

	if (*text && strchr("=+-@\t\r", *text))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(wide); i++)
		if (strncmp(text, wide[i], 3) == 0)
			return true;
	return false;
}

static enum err put(struct buf *row, const char *text)
{
	TRY(buf_puts(row, row->len ? ",\"" : "\""));
	if (is_formula(text))
		TRY(buf_puts(row, "'"));
	for (const char *quote; (quote = strchr(text, '"')); text = quote + 1) {
		TRY(buf_append(row, text, (size_t)(quote - text)));
		TRY(buf_puts(row, "\"\""));
	}
	TRY(buf_puts(row, text));
	return buf_puts(row, "\"");
}

static enum err put_value(struct buf *row, const json_t *value, bool in_words)
{
	char number[32];

	if (json_is_integer(value)) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		return put(row, number);
	}
	if (json_is_boolean(value))
		return put(row, json_is_true(value) ? _("yes") : _("no"));
	if (!json_is_string(value))
		return put(row, "");
	return put(row,
		   in_words ? event_words(json_string_value(value)) : json_string_value(value));
}

static enum err end_row(struct buf *row, FILE *out)
{
	TRY(buf_puts(row, "\r\n"));
	return fwrite(row->data, 1, row->len, out) == row->len ? OK : err_from_errno("csv");
}

static enum err put_headings(FILE *out)
{
	CLEANUP(buf_clear) struct buf row = {0};

	if (fputs("\xef\xbb\xbf", out) == EOF)
		return err_from_errno("csv");
	for (size_t i = 0; i < ARRAY_LEN(columns); i++)
		TRY(put(&row, gettext(columns[i].heading)));
	return end_row(&row, out);
}

static enum err put_record(const json_t *record, FILE *out)
{
	CLEANUP(buf_clear) struct buf row = {0};

	for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
		bool in_words = columns[i].field[0] == IN_WORDS;

		TRY(put_value(&row, json_object_get(record, columns[i].field + in_words),
			      in_words));
	}
	return end_row(&row, out);
}

static enum err put_line(void *ctx, const char *line, size_t len)
{
	json_t *record = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	enum err err = record ? put_record(record, ctx) : OK;

	json_decref(record);
	return err;
}

enum err events_csv(const struct events *e, FILE *out)
{
	TRY(put_headings(out));
	return events_each(e, put_line, out);
}

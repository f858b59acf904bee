/* What people type. The first byte chooses:
 *   a command line, its words split by line ends, up to the moment when the verb would run
 *   MEDIUM:/path, and a path inside
 *   a passphrase, as it is folded
 *   a text, as it is laid out and cleaned for a terminal
 *   ids of categories and purposes, against a table of any bytes */
#include "tests/fuzz.h"
#include "base/text.h"
#include "tools/catalogue.h"
#include "tools/inside.h"
#include "tools/output.h"
#include "tools/place.h"
#include "tools/prompt.h"
#include "tools/recipients.h"
#include "tools/verbs.h"
#include "tools/width.h"

#define WORDS_MAX 40

const unsigned fuzz_cost = 2;

struct words {
	char *text; /* owned; what the words point into */
	char *argv[2 * WORDS_MAX + 8];
	int argc;
};

static char *copy_text(const uint8_t *data, size_t len)
{
	char *text = malloc(len + 1);

	MUST(text);
	memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

static void split(const uint8_t *data, size_t len, struct words *ret)
{
	char *line;

	ret->text = copy_text(data, len);
	ret->argv[0] = (char *)"vault";
	ret->argc = 1;
	line = ret->text;
	while (line && ret->argc < WORDS_MAX)
		ret->argv[ret->argc++] = strsep(&line, "\n");
}

/* ---- command lines ---- */

static void expect_allowed(const struct arguments *a)
{
	for (size_t i = 0; i < a->value_count; i++) {
		const struct option_value *v = &a->values[i];

		MUST(v->id < OPT_COUNT && option_by_id(v->id));
		MUST(verb_takes(a->verb, v->id) || v->id == OPT_VERSION);
		MUST(!v->value == !option_by_id(v->id)->value);
	}
}

/* The same command in its plainest form: verb, options by their long names, words behind "--". */
static void print_plainly(const struct arguments *a, struct words *out, char names[][4200])
{
	size_t count = 0;

	out->argv[0] = (char *)"vault";
	out->argc = 1;
	if (a->verb) {
		char *first = names[count++], *second;

		snprintf(first, 4200, "%s", a->verb->name);
		second = strchr(first, ' ');
		out->argv[out->argc++] = first;
		if (second) {
			*second = '\0';
			out->argv[out->argc++] = second + 1;
		}
	}
	for (size_t i = 0; i < a->value_count && i < WORDS_MAX; i++) {
		const struct option_value *v = &a->values[i];

		snprintf(names[count], 4200, v->value ? "--%s=%s" : "--%s",
			 option_by_id(v->id)->name, v->value);
		out->argv[out->argc++] = names[count++];
	}
	out->argv[out->argc++] = (char *)"--";
	for (size_t i = 0; i < a->word_count; i++)
		out->argv[out->argc++] = (char *)a->words[i];
}

static void expect_same(const struct arguments *a)
{
	static char names[WORDS_MAX + 2][4200];
	struct words plain = {0};
	struct arguments b;
	char near[64];

	if (a->value_count > WORDS_MAX)
		return; /* "-qqqq…" */
	print_plainly(a, &plain, names);
	MUST(arguments_parse(plain.argc, plain.argv, &b, near) == OK);
	MUST(b.verb == a->verb && b.word_count == a->word_count && b.value_count == a->value_count);
	for (size_t i = 0; i < a->word_count; i++)
		MUST(!strcmp(a->words[i], b.words[i]));
	for (size_t i = 0; i < a->value_count; i++) {
		MUST(a->values[i].id == b.values[i].id);
		MUST(!a->values[i].value || !strcmp(a->values[i].value, b.values[i].value));
	}
	arguments_clear(&b);
}

static void try_line(const uint8_t *data, size_t len)
{
	struct cli cli = {.passphrase_fd = -1};
	struct recipients to = {0};
	struct words words;
	char near[64];
	enum err err;

	split(data, MIN(len, 4000), &words);
	(void)arguments_peek_lang(words.argc, words.argv);
	err = arguments_parse(words.argc, words.argv, &cli.arguments, near);
	MUST(err == OK || err == ERR_USAGE);
	MUST(strnlen(near, sizeof(near)) < sizeof(near));
	expect_allowed(&cli.arguments);
	if (err == OK) {
		expect_same(&cli.arguments);
		err = cli_setup(&cli);
		MUST(err == ERR_USAGE || (cli.passphrase_fd >= -1 && cli.passphrase_fd <= 65535));
		if (recipients_read(&cli, &to) == OK)
			MUST(!to.count == !cli_has(&cli, OPT_TO));
	}
	recipients_clear(&to);
	cli_clear(&cli);
	free(words.text);
}

/* ---- places ---- */

static void try_path(const char *text)
{
	struct place place = {0};
	char *path = NULL, *again = NULL;

	MUST(place_parse(text, &place) == OK && place.medium && place.path);
	if (place.inside)
		MUST(place.path[0] == '/' && place.medium[0]);
	place_clear(&place);

	MUST(inside_normal(text, &path) == OK && inside_normal(path, &again) == OK);
	MUST(path[0] == '/' && !strcmp(path, again) && !strstr(path, "//") &&
	     !strstr(path, "/./") && !strstr(path, "/../"));
	MUST(strlen(path) == 1 || path[strlen(path) - 1] != '/');
	free(path);
	free(again);
}

/* ---- texts ---- */

/* NFKC: folding what was folded changes nothing. */
static void try_passphrase(const uint8_t *data, size_t len)
{
	struct secret *typed = NULL, *folded = NULL, *again = NULL;
	struct prompt_notes notes;

	MUST(secret_copy(data, len, &typed) == OK);
	if (prompt_fold(typed, &folded, &notes) == OK) {
		MUST(text_is_utf8((const char *)secret_data(folded), secret_len(folded)));
		MUST(prompt_fold(folded, &again, &notes) == OK && secret_equal(folded, again));
		MUST(!notes.was_wide);
	}
	secret_free(typed);
	secret_free(folded);
	secret_free(again);
}

static void expect_lines(const struct buf *b)
{
	MUST(b->len > 0 && b->data[b->len - 1] == '\n');
	MUST(strlen(b->data) == b->len);
}

static void try_text(char *text)
{
	struct buf wrapped = {0}, padded = {0};
	json_t *json;

	MUST(width_wrap(&wrapped, text, 20, 8) == OK);
	expect_lines(&wrapped);
	MUST(width_pad(&padded, text, 30) == OK);
	MUST(padded.len >= strlen(text));
	json = out_json_text(text);
	MUST(json_is_string(json));
	out_clean(text);
	for (const char *c = text; *c; c++)
		MUST(*c == '\n' || *c == '\t' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
	json_decref(json);
	buf_clear(&wrapped);
	buf_clear(&padded);
}

/* What was read and printed again is read as the same, and no id changed its meaning. */
static void check_printed(const struct catalogue *table)
{
	struct catalogue again = {0};
	struct buf text = {0};

	for (size_t i = 0; i < table->count; i++) {
		MUST(catalogue_line(&table->list[i], &text) == OK);
		MUST(buf_puts(&text, "\n") == OK);
	}
	MUST(catalogue_parse(text.data, text.len, &again) == OK);
	MUST(again.count == table->count);
	MUST(catalogue_may_follow(table, &again) == OK);
	MUST(catalogue_may_follow(&again, table) == OK);
	catalogue_clear(&again);
	buf_clear(&text);
}

/* The id, a line end, the table. */
static void try_catalogue(const uint8_t *data, size_t len)
{
	struct catalogue table = {0};
	char *text = copy_text(data, len), *rest = text, *id = strsep(&rest, "\n");

	if (rest && catalogue_parse(rest, strlen(rest), &table) == OK) {
		MUST(catalogue_check_category(&table, table.list[0].id) == OK);
		if (catalogue_check_purpose(&table, id) == OK) {
			*strrchr(id, '.') = '\0';
			MUST(catalogue_check_category(&table, id) == OK);
		}
		check_printed(&table);
	}
	free(text);
	catalogue_clear(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	MUST(crypto_init() == OK);
	if (size == 0 || size > 8192)
		return 0;
	switch (data[0] % 5) {
	case 0:
		try_line(data + 1, size - 1);
		return 0;
	case 2:
		try_passphrase(data + 1, MIN(size - 1, 1024));
		return 0;
	case 4:
		try_catalogue(data + 1, size - 1);
		return 0;
	default:
		text = copy_text(data + 1, size - 1);
		if (data[0] % 5 == 1)
			try_path(text);
		else
			try_text(text);
		free(text);
		return 0;
	}
}

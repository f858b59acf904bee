#include "tools/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/verbs.h"

/* clang-format off */
const struct option_row option_rows[] = {
	{"json",           0,   OPT_JSON,          NULL,      N_("print results as JSON Lines, untranslated")},
	{"no-input",       0,   OPT_NO_INPUT,      NULL,      N_("never ask; fail with 13 instead")},
	{"passphrase-fd",  0,   OPT_PASSPHRASE_FD, "N",       N_("read passphrases from descriptor N, a line each")},
	{"confirm",        0,   OPT_CONFIRM,       "LABEL",   N_("go on only if the vault has this label")},
	{"lang",           0,   OPT_LANG,          "ja|en",   N_("language of messages")},
	{"quiet",          'q', OPT_QUIET,         NULL,      N_("only results and errors")},
	{"verbose",        'v', OPT_VERBOSE,       NULL,      N_("tell more")},
	{"help",           'h', OPT_HELP,          NULL,      N_("show the help page of the verb")},
	{"key",            'k', OPT_KEY,           "NAME",    N_("use this staff key (default: the first one made)")},
	{"name",           'n', OPT_NAME,          "NAME",    N_("name of the staff key")},
	{"work-factor",    0,   OPT_WORK_FACTOR,   "N",       N_("2^N rounds for the passphrase, 10 to 22")},
	{"label",          'l', OPT_LABEL,         "LABEL",   N_("name of the vault, as on its sticker")},
	{"to",             't', OPT_TO,            "RECIPIENT", N_("a person who may open it (age1...)")},
	{"category",       0,   OPT_CATEGORY,      "ID",      N_("category of personal information it will hold")},
	{"purpose",        0,   OPT_PURPOSE,       "ID|TEXT", N_("what it is used for; goes into the record")},
	{"key-separation", 0,   OPT_KEY_SEPARATION, "on|off", N_("keep a device secret off the medium (default: on)")},
	{"ticket",         0,   OPT_TICKET,        "FILE",    N_("also write the ticket that enrols the computer")},
	{"read-only",      'r', OPT_READ_ONLY,     NULL,      N_("nothing on the medium is changed")},
	{"idle",           0,   OPT_IDLE,          "TIME",    N_("close when unused for 90s, 15m, 2h, or never")},
	{"foreground",     'f', OPT_FOREGROUND,    NULL,      N_("stay until it is closed")},
	{"all",            'a', OPT_ALL,           NULL,      N_("every vault that is open")},
	{"wait",           'w', OPT_WAIT,          NULL,      N_("wait until no program uses it any more")},
	{"wait",           'w', OPT_WAIT_RESEALED, NULL,      N_("stay until everything is under the new key")},
	{"force",          0,   OPT_FORCE,         NULL,      N_("close even if programs still use it")},
	{"recursive",      'r', OPT_RECURSIVE,     NULL,      N_("copy folders with all that is in them")},
	{NULL,             'R', OPT_RECURSIVE,     NULL,      NULL},
	{"archive",        'a', OPT_RECURSIVE,     NULL,      NULL},
	{"long",           'l', OPT_LONG,          NULL,      N_("with permissions, size and time")},
	{"all",            'a', OPT_HIDDEN_NAMES,  NULL,      N_("also names that begin with a dot")},
	{"verify",         0,   OPT_VERIFY,        NULL,      N_("only check that the log is whole")},
	{"output",         'o', OPT_OUTPUT,        "DIR",     N_("folder that the files go to; it must be new or empty")},
	{"output",         'o', OPT_PACK_OUTPUT,   "FILE",    N_("the pack; it must not exist yet")},
	{"name",           0,   OPT_STREAM_NAME,   "NAME",    N_("what standard input (-) is called in it (default: stdin)")},
	{"category",       0,   OPT_PACK_CATEGORY, "ID",      N_("category of personal information in it")},
	{"purpose",        0,   OPT_PACK_PURPOSE,  "ID",      N_("what it is sent for")},
	{"persons",        0,   OPT_PERSONS,       "N",       N_("number of insured persons in it, as you declare it")},
	{"expires",        0,   OPT_EXPIRES,       "DATE",    N_("last day on which it may be unpacked")},
	{"compress",       0,   OPT_COMPRESS,      "LEVEL|none", N_("1 to 19; default 3")},
	{"armor",          'a', OPT_ARMOR,         NULL,      N_("as text, for mail")},
	{"passphrase",     'p', OPT_SHARED_PASSPHRASE, NULL,  N_("under a passphrase instead of recipients")},
	{"directory",      'C', OPT_DIRECTORY,     "DIR",     N_("folder that the files go to (default: this one)")},
	{"only",           0,   OPT_ONLY,          "PATH",    N_("only this file or folder; everything is verified all the same")},
	{"replace",        0,   OPT_REPLACE,       NULL,      N_("what is there under the same name may go")},
	{"accept",         0,   OPT_ACCEPT,        "WORDS",   N_("the sender's words, compared by telephone")},
	{"as",             0,   OPT_AS,            "NAME",    N_("remember the accepted sender under this name")},
	{"any-sender",     0,   OPT_ANY_SENDER,    NULL,      N_("whoever sent it, and unsigned files too")},
	{"max-size",       0,   OPT_MAX_SIZE,      "SIZE",    N_("refuse more than this, unpacked: 300M, 2G")},
	{"receipt",        0,   OPT_RECEIPT,       "FILE",    N_("write a signed receipt for the sender")},
	{"open-packs",     0,   OPT_OPEN_PACKS,    NULL,      N_("packs that no receipt came back for")},
	{"name",           'n', OPT_ORG_NAME,      "NAME",    N_("name of the society")},
	{"second-officer", 0,   OPT_SECOND_OFFICER, NULL,     N_("two officers for what is weighty")},
	{"signs",          0,   OPT_SIGNS,         "KEY",     N_("the key that this person signs with")},
	{"site",           0,   OPT_SITE,          "SITE",    N_("where it belongs: an office, a branch")},
	{"trained",        0,   OPT_TRAINED,       "DATE",    N_("last day for which the training counts")},
	{"until",          0,   OPT_UNTIL,         "DATE",    N_("last day of the permission")},
	{"end",            0,   OPT_END,           NULL,      N_("take the permission back")},
	{"category",       0,   OPT_GRANT_CATEGORY, "ID",     N_("everything of this category, or * for all")},
	{"number",         0,   OPT_NUMBER,        "NUMBER",  N_("number in the register (default: the label)")},
	{"volume",         0,   OPT_VOLUME,        "ID",      N_("its vault, as \"inspect\" shows it elsewhere")},
	{"serial",         0,   OPT_SERIAL,        "TEXT",    N_("serial number of the maker")},
	{"product",        0,   OPT_PRODUCT,       "TEXT",    N_("name of the product")},
	{"kind",           0,   OPT_KIND,          "TEXT",    N_("kind of medium: USB, SSD")},
	{"capacity",       0,   OPT_CAPACITY,      "TEXT",    N_("how much it holds: 32 GB")},
	{"place",          0,   OPT_PLACE,         "TEXT",    N_("where it is kept")},
	{"keeper",         0,   OPT_KEEPER,        "NAME",    N_("who answers for it")},
	{"owner",          0,   OPT_OWNER,         "TEXT",    N_("whose it is: own, leased")},
	{"category",       0,   OPT_MEDIUM_CATEGORY, "ID",    N_("category of personal information on it")},
	{"purpose",        0,   OPT_MEDIUM_PURPOSE, "ID",     N_("what it is used for")},
	{"published",      0,   OPT_PUBLISHED,     "DATE",    N_("day on which the change is published")},
	{"method",         0,   OPT_METHOD,        "TEXT",    N_("how it is published")},
	{"csv",            0,   OPT_CSV,           NULL,      N_("as a table for a spreadsheet")},
	{"html",           0,   OPT_HTML,          NULL,      N_("as a page for the web")},
	{"reason",         0,   OPT_REASON,        "REASON",  N_("why: lost, left or broken")},
	{"dry-run",        0,   OPT_DRY_RUN,       NULL,      N_("only say what it would reach, and change nothing")},
	{"without",        0,   OPT_WITHOUT,       "RECIPIENT|NAME", N_("somebody the new key leaves out; may be repeated")},
	{"until",          0,   OPT_LEND_UNTIL,    "DATE",    N_("day, or day and time, on which it is back")},
	{"destination",    0,   OPT_DESTINATION,   "PLACE",   N_("where it goes")},
	{"purpose",        0,   OPT_LEND_PURPOSE,  "ID",      N_("what it is taken out for, as in the catalogue")},
	{"route",          0,   OPT_ROUTE,         "TEXT",    N_("the way it takes")},
	{"means",          0,   OPT_MEANS,         "TEXT",    N_("how it travels: on foot, by courier")},
	{"companion",      0,   OPT_COMPANION,     "NAME",    N_("who goes along")},
	{"reason",         0,   OPT_LEND_REASON,   "TEXT",    N_("why it has to be taken out")},
	{"contact",        0,   OPT_CONTACT,       "TEXT",    N_("whom to call should it be lost")},
	{"carrier",        0,   OPT_CARRIER,       "NAME",    N_("who carries it, if it is not me")},
	{"place",          0,   OPT_PLACE_NOW,     "PLACE",   N_("where it is now")},
	{"result",         0,   OPT_RESULT,        "TEXT",    N_("what looking it over showed")},
	{"overdue",        0,   OPT_OVERDUE,       NULL,      N_("only what should be back already")},
	{"seen-before",    0,   OPT_SEEN_BEFORE,   "DAYS",    N_("only what nobody has seen for so many days")},
	{"known-since",    0,   OPT_KNOWN_SINCE,   "TIME",    N_("when the loss became known: the deadlines count from here")},
	{"output",         'o', OPT_REPORT_OUTPUT, "FILE",    N_("the report; it must not exist yet")},
	{"contents",       0,   OPT_CONTENTS,      NULL,      N_("list the names that were on it, for the officer only")},
	{"accept",         0,   OPT_ACCEPT_SOCIETY, "WORDS",  N_("the society's words, compared with the officer by telephone")},
	{"shares",         0,   OPT_SHARES,        "K/N",     N_("N sheets, of which any K are needed")},
	{"output",         'o', OPT_SHEET_OUTPUT,  "FILE",    N_("the sheet, to be printed; it must not exist yet")},
	{"show",           0,   OPT_SHOW,          NULL,      N_("print the sheet here, wherever that leaves traces")},
	{"sheet",          0,   OPT_SHEET,         "FILE",    N_("a file with a sheet, instead of typing it")},
	{"identity",       'i', OPT_IDENTITY,      "FILE",    N_("also use the keys in this file, as age has them")},
	{"csv",            0,   OPT_LEDGER_CSV,    "FILE",    N_("write the lending ledger for a spreadsheet; the file must not exist yet")},
	{"output",         'o', OPT_PAGE_OUTPUT,   "FILE",    N_("the page; it must not exist yet")},
	{"from",           0,   OPT_FROM_DAY,      "DATE",    N_("first day")},
	{"to",             0,   OPT_TO_DAY,        "DATE",    N_("last day")},
	{"checkpoint",     0,   OPT_CHECKPOINT,    "FILE",    N_("checkpoints that were kept: text or notes")},
	{"era",            0,   OPT_ERA,           "wareki",  N_("dates in Japanese years")},
	{"event",          0,   OPT_EVENT,         "CODE",    N_("only this event: unlock, lock, ... as in the log")},
	{"version",        0,   OPT_VERSION,       NULL,      NULL},
};
/* clang-format on */
const size_t option_row_count = ARRAY_LEN(option_rows);

const struct option_row *option_by_id(enum option_id id)
{
	for (size_t i = 0; i < option_row_count; i++) {
		if (option_rows[i].id == id)
			return &option_rows[i];
	}
	return NULL;
}

void option_spelling(const struct option_row *row, char out[64])
{
	char letter[8] = "";

	if (row->letter)
		snprintf(letter, sizeof(letter), "-%c, ", row->letter);
	snprintf(out, 64, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
		 row->value ? row->value : "");
}

/* ---- parsing ------------------------------------------------------------------------------ */

struct parser {
	int argc, at;
	char **argv;
	struct arguments *out;
	char *near;
};

static const char *verb_name(const struct parser *p)
{
	return p->out->verb ? p->out->verb->name : "";
}

static void near_long(struct parser *p, const char *name)
{
	size_t distance = 4;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!row->name || !verb_takes(p->out->verb, row->id))
			continue;
		if (word_distance(name, row->name) >= distance)
			continue;
		distance = word_distance(name, row->name);
		snprintf(p->near, 64, "--%s", row->name);
	}
}

static const struct option_row *row_long(const struct parser *p, const char *name, size_t len)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (!row->name || strlen(row->name) != len || strncmp(row->name, name, len))
			continue;
		if (verb_takes(p->out->verb, row->id) || (!p->out->verb && row->id == OPT_VERSION))
			return row;
	}
	return NULL;
}

static const struct option_row *row_letter(const struct parser *p, char letter)
{
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->letter == letter && verb_takes(p->out->verb, row->id))
			return row;
	}
	return NULL;
}

static void keep(struct parser *p, enum option_id id, const char *value)
{
	p->out->values[p->out->value_count++] = (struct option_value){id, value};
}

static enum err parse_long(struct parser *p, const char *word)
{
	size_t len = strcspn(word, "=");
	const struct option_row *row = row_long(p, word, len);
	char name[64];

	snprintf(name, sizeof(name), "%.*s", (int)MIN(len, sizeof(name) - 1), word);
	if (!row) {
		near_long(p, name);
		if (!p->out->verb)
			return cli_usage(_("unknown option \"--%s\""), name);
		return cli_usage(_("unknown option \"--%s\" for \"%s\""), name, verb_name(p));
	}
	if (!row->value) {
		if (word[len])
			return cli_usage(_("option \"--%s\" takes no value"), name);
		keep(p, row->id, NULL);
		return OK;
	}
	if (word[len]) {
		keep(p, row->id, word + len + 1);
		return OK;
	}
	if (p->at + 1 >= p->argc)
		return cli_usage(_("option \"--%s\" needs a value: %s"), name, row->value);
	keep(p, row->id, p->argv[++p->at]);
	return OK;
}

/* "-qv", "-l NAME", "-lNAME" */
static enum err parse_letters(struct parser *p, const char *letters)
{
	for (; *letters; letters++) {
		const struct option_row *row = row_letter(p, *letters);

		if (!row && !p->out->verb)
			return cli_usage(_("unknown option \"-%c\""), *letters);
		if (!row)
			return cli_usage(_("unknown option \"-%c\" for \"%s\""), *letters,
					 verb_name(p));
		if (!row->value) {
			keep(p, row->id, NULL);
			continue;
		}
		if (letters[1]) {
			keep(p, row->id, letters + 1);
			return OK;
		}
		if (p->at + 1 >= p->argc)
			return cli_usage(_("option \"-%c\" needs a value: %s"), *letters,
					 row->value);
		keep(p, row->id, p->argv[++p->at]);
		return OK;
	}
	return OK;
}

/* "key" alone, or with an unknown second word. */
static enum err unknown_verb(struct parser *p, const char *word)
{
	const char *near = verb_near(word);

	if (verb_begins(word, p->near))
		return cli_usage(_("\"%s\" needs one more word"), word);
	if (near)
		snprintf(p->near, 64, "%s", near);
	return cli_usage(_("unknown verb \"%s\""), word);
}

static enum err parse_word(struct parser *p, const char *word)
{
	const char *next = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
	size_t words = 1;

	if (p->out->verb) {
		p->out->words[p->out->word_count++] = word;
		return OK;
	}
	p->out->verb = verb_find(word, next, &words);
	if (!p->out->verb)
		return unknown_verb(p, word);
	p->at += (int)words - 1;
	return OK;
}

enum err arguments_parse(int argc, char **argv, struct arguments *ret, char near[64])
{
	struct parser p = {.argc = argc, .at = 1, .argv = argv, .out = ret, .near = near};
	bool only_words = false;

	*ret = (struct arguments){0};
	near[0] = '\0';
	ret->words = calloc((size_t)argc + 1, sizeof(*ret->words));
	/* Each argument gives at most as many options as it has letters. */
	size_t most = 1;
	for (int i = 0; i < argc; i++)
		most += strlen(argv[i]) + 1;
	ret->values = calloc(most, sizeof(*ret->values));
	if (!ret->words || !ret->values)
		return ERR_NOMEM;
	for (; p.at < argc; p.at++) {
		const char *word = argv[p.at];

		if (!only_words && !strcmp(word, "--"))
			only_words = true;
		else if (!only_words && !strncmp(word, "--", 2))
			TRY(parse_long(&p, word + 2));
		else if (!only_words && word[0] == '-' && word[1])
			TRY(parse_letters(&p, word + 1));
		else
			TRY(parse_word(&p, word));
	}
	return OK;
}

void arguments_clear(struct arguments *a)
{
	free(a->words);
	free(a->values);
	*a = (struct arguments){0};
}

const char *arguments_peek_lang(int argc, char **argv)
{
	const char *lang = NULL;

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strncmp(argv[i], "--lang=", 7))
			lang = argv[i] + 7;
		else if (!strcmp(argv[i], "--lang") && i + 1 < argc)
			lang = argv[++i];
	}
	return lang;
}

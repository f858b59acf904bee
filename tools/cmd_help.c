/* vault help: pages of at most 24 lines, made from the tables of verbs, options and exit codes. */
#include <stdio.h>
#include <string.h>

#include "tools/manual.h"
#include "tools/output.h"
#include "tools/report.h"
#include "tools/topics.h"
#include "tools/verbs.h"
#include "tools/width.h"

#define NAME_COLUMNS 13u
#define OPTION_COLUMNS 26u

/* ---- the first page -------------------------------------------------------------------------- */

static const char *group_title(enum verb_group group)
{
	switch (group) {
	case GROUP_EVERY_DAY:
		return _("Every day:");
	case GROUP_SET_UP:
		return _("Setting up:");
	case GROUP_LOOK:
		return _("Looking:");
	case GROUP_OFFICER:
		return _("For the officer:");
	case GROUP_AROUND:
		break;
	}
	return "";
}

/* Verbs of two words share a line. */
static const struct family {
	const char *name, *summary;
} families[] = {
	{"key", N_("my staff key: key new, key show, key passwd")},
	{"org", N_("the society: org init, org show, org officer, org approve")},
	{"staff", N_("people: staff add, staff list, staff remove")},
	{"host", N_("computers: host show, host add, host list")},
	{"media", N_("media: media add, media set, media list, media show")},
	{"policy", N_("rules: policy show, policy set")},
	{"catalog", N_("catalog show, catalog apply, catalog diff, catalog export")},
	{"audit", N_("audit verify, list, report, checkpoint, export")},
	{"recovery", N_("on paper: recovery print, recovery restore, recovery drill")},
};

static const struct family *family_of(const struct verb *verb)
{
	size_t len = strcspn(verb->name, " ");

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (verb->name[len] && strlen(families[i].name) == len &&
		    !strncmp(families[i].name, verb->name, len))
			return &families[i];
	return NULL;
}

static bool is_family(const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (!strcmp(families[i].name, word))
			return true;
	return false;
}

static enum err put_line(struct buf *page, const char *name, size_t columns, const char *summary)
{
	TRY(buf_puts(page, "  "));
	TRY(width_pad(page, name, columns));
	return width_wrap(page, summary, columns + 2, columns + 2);
}

/* As wide as the longest name that stands there. */
static size_t name_columns(enum verb_group group)
{
	size_t columns = NAME_COLUMNS;

	for (size_t i = 0; i < verb_count; i++)
		if (verbs[i]->group == group && !family_of(verbs[i]))
			columns = MAX(columns, strlen(verbs[i]->name) + 2);
	return columns;
}

static enum err put_group(struct buf *page, enum verb_group group)
{
	const struct family *before = NULL;

	TRY(buf_printf(page, "%s\n", group_title(group)));
	for (size_t i = 0; i < verb_count; i++) {
		const struct family *family = family_of(verbs[i]);

		if (verbs[i]->group != group || (family && family == before))
			continue;
		before = family;
		TRY(put_line(page, family ? family->name : verbs[i]->name, name_columns(group),
			     gettext(family ? family->summary : verbs[i]->summary)));
	}
	return OK;
}

/* Of the officer's verbs the first page has the names alone. */
static enum err put_officer_names(struct buf *page)
{
	CLEANUP(buf_clear) struct buf names = {0};
	const char *before = "";
	size_t before_len = 0;

	for (size_t i = 0; i < verb_count; i++) {
		const char *name = verbs[i]->name;
		size_t len = strcspn(name, " ");

		if (verbs[i]->group != GROUP_OFFICER ||
		    (len == before_len && !strncmp(name, before, len)))
			continue;
		TRY(buf_printf(&names, "%s%.*s", names.len ? " " : "", (int)len, name));
		before = name;
		before_len = len;
	}
	TRY(buf_printf(page, _("For the officer (\"%s help officer\"):\n  "), VAULT_NAME));
	return width_wrap(page, names.data ? names.data : "", 2, 2);
}

static enum err put_overview(struct buf *page)
{
	TRY(buf_printf(page, _("usage: %s VERB [WORD]... [OPTION]...\n"), VAULT_NAME));
	TRY(put_group(page, GROUP_EVERY_DAY));
	TRY(put_group(page, GROUP_SET_UP));
	TRY(put_group(page, GROUP_LOOK));
	TRY(put_officer_names(page));
	return buf_printf(
		page,
		_("More: %s help VERB, or one of: options exit-codes passphrase json files\n"),
		VAULT_NAME);
}

/* ---- a verb ---------------------------------------------------------------------------------- */

static enum err put_examples(struct buf *page, const struct verb *verb)
{
	size_t columns = 0;

	for (size_t i = 0; i < ARRAY_LEN(verb->examples) && verb->examples[i].command; i++)
		columns = MAX(columns, strlen(verb->examples[i].command));
	for (size_t i = 0; i < ARRAY_LEN(verb->examples) && verb->examples[i].command; i++) {
		const char *what = gettext(verb->examples[i].what);
		size_t at = strlen(VAULT_NAME) + columns + 5;

		TRY(buf_printf(page, "  %s ", VAULT_NAME));
		if (at + width_of(what) <= WIDTH_LINE) {
			TRY(width_pad(page, verb->examples[i].command, columns + 2));
			TRY(buf_printf(page, "%s\n", what));
		} else {
			TRY(buf_printf(page, "%s\n      %s\n", verb->examples[i].command, what));
		}
	}
	return OK;
}

static enum err put_option(struct buf *page, const struct option_row *row)
{
	char spelling[64];

	option_spelling(row, spelling);
	TRY(buf_puts(page, "  "));
	TRY(width_pad(page, spelling, OPTION_COLUMNS - 2));
	return width_wrap(page, gettext(row->help), OPTION_COLUMNS, OPTION_COLUMNS);
}

static enum err put_options(struct buf *page, const struct verb *verb)
{
	if (verb->options)
		TRY(buf_printf(page, "\n%s\n", _("Options:")));
	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];

		if (row->help && row->id >= OPT_GLOBAL_END && verb_takes(verb, row->id))
			TRY(put_option(page, row));
	}
	return OK;
}

static enum err put_verb(struct buf *page, const struct verb *verb)
{
	TRY(buf_printf(page, _("usage: %s %s %s\n"), VAULT_NAME, verb->name, verb->words));
	TRY(width_wrap(page, gettext(verb->summary), 0, 0));
	TRY(buf_puts(page, "\n"));
	TRY(put_examples(page, verb));
	if (verb->about) {
		TRY(buf_puts(page, "\n"));
		TRY(width_wrap(page, gettext(verb->about), 0, 0));
	}
	return put_options(page, verb);
}

/* ---- topics ---------------------------------------------------------------------------------- */

static enum err put_global_options(struct buf *page)
{
	TRY(width_wrap(
		page,
		_("These stand with every verb, anywhere behind it. \"--\" ends the options."), 0,
		0));
	TRY(buf_puts(page, "\n"));
	for (size_t i = 0; i < option_row_count; i++) {
		if (option_rows[i].help && option_rows[i].id < OPT_GLOBAL_END)
			TRY(put_option(page, &option_rows[i]));
	}
	return OK;
}

static enum err put_exit_codes(struct buf *page)
{
	TRY(width_wrap(page, _("The worst finding wins."), 0, 0));
	for (size_t i = 0; i < exit_code_count; i++) {
		TRY(buf_printf(page, "%5d  ", exit_codes[i].code));
		TRY(width_wrap(page, gettext(exit_codes[i].meaning), 7, 7));
	}
	return OK;
}

static enum err put_topic(struct cli *cli, const char *word, struct buf *page)
{
	const char *text = topic_text(word);

	if (!strcmp(word, "options"))
		return put_global_options(page);
	if (!strcmp(word, "officer"))
		return put_group(page, GROUP_OFFICER);
	if (!strcmp(word, "exit-codes"))
		return put_exit_codes(page);
	if (!strcmp(word, "manual"))
		return manual_print(page);
	if (text)
		return width_wrap(page, gettext(text), 0, 2);
	if (verb_near(word))
		cli_hint(cli, _("did you mean %s?"), verb_near(word));
	return cli_usage(_("there is no help about \"%s\""), word);
}

/* "help key": the pages of all would not fit on one. */
static enum err put_family(struct buf *page, const char *word)
{
	for (size_t i = 0; i < verb_count; i++) {
		size_t len = strlen(word);

		if (strncmp(verbs[i]->name, word, len) != 0 || verbs[i]->name[len] != ' ')
			continue;
		TRY(buf_printf(page, "%s %s %s\n    ", VAULT_NAME, verbs[i]->name,
			       verbs[i]->words));
		TRY(width_wrap(page, gettext(verbs[i]->summary), 4, 4));
	}
	return OK;
}

static enum err run(struct cli *cli)
{
	CLEANUP(buf_clear) struct buf page = {0};
	const char *word = cli_argument(cli, 0), *second = cli_argument(cli, 1);
	const struct verb *verb = NULL;
	char first[32];
	size_t words = 0;

	/* "key new" also comes as one word, from --help. */
	if (word && strchr(word, ' ')) {
		snprintf(first, sizeof(first), "%.*s", (int)strcspn(word, " "), word);
		second = strchr(word, ' ') + 1;
		word = first;
	}
	if (word)
		verb = verb_find(word, second, &words);
	if (verb)
		TRY(put_verb(&page, verb));
	else if (word && is_family(word))
		TRY(put_family(&page, word));
	else if (word)
		TRY(put_topic(cli, word, &page));
	else
		TRY(put_overview(&page));
	fputs(page.data, stdout);
	return OK;
}

const struct verb verb_help = {
	.name = "help",
	.group = GROUP_AROUND,
	.run = run,
	.words = "[VERB|TOPIC]",
	.summary = N_("show a page of help"),
	.about = N_("Topics: officer options exit-codes passphrase json files."),
	.examples = {{"help mount", N_("about a verb")}, {"help exit-codes", N_("about a topic")}},
	.max = 2,
};

#include "tools/manual.h"

#include <string.h>

#include "tools/report.h"
#include "tools/verbs.h"

/* A bar would end the cell of a table. */
static enum err put_cell(struct buf *to, const char *text)
{
	for (; *text; text++)
		TRY(buf_printf(to, *text == '|' ? "\\%c" : "%c", *text == '\n' ? ' ' : *text));
	return OK;
}

static enum err put_option(struct buf *to, const struct option_row *row)
{
	char spelling[64];

	option_spelling(row, spelling);
	TRY(buf_puts(to, "| `"));
	TRY(put_cell(to, spelling));
	TRY(buf_puts(to, "` | "));
	TRY(put_cell(to, gettext(row->help)));
	return buf_puts(to, " |\n");
}

static enum err put_options(struct buf *to, const struct verb *verb)
{
	bool begun = false;

	for (size_t i = 0; i < option_row_count; i++) {
		const struct option_row *row = &option_rows[i];
		bool global = row->id < OPT_GLOBAL_END;

		if (!row->help || global != !verb || (verb && !verb_takes(verb, row->id)))
			continue;
		if (!begun)
			TRY(buf_puts(to, "\n| Option | |\n|---|---|\n"));
		begun = true;
		TRY(put_option(to, row));
	}
	return OK;
}

static enum err put_verb(struct buf *to, const struct verb *verb)
{
	TRY(buf_printf(to, "\n### `%s %s%s%s`\n", VAULT_NAME, verb->name, *verb->words ? " " : "",
		       verb->words));
	TRY(buf_printf(to, "*%s.*", gettext(verb->summary)));
	if (verb->alias)
		TRY(buf_printf(to, " Also: `%s %s`.", VAULT_NAME, verb->alias));
	TRY(buf_puts(to, "\n"));
	if (verb->about)
		TRY(buf_printf(to, "%s\n", gettext(verb->about)));
	TRY(buf_puts(to, "\n```\n"));
	for (size_t i = 0; i < ARRAY_LEN(verb->examples) && verb->examples[i].command; i++)
		TRY(buf_printf(to, "%s %s   # %s\n", VAULT_NAME, verb->examples[i].command,
			       gettext(verb->examples[i].what)));
	TRY(buf_puts(to, "```\n"));
	return put_options(to, verb);
}

/* The errors that end in this exit code: "VLT-010 not found". */
static enum err put_errors(struct buf *to, int code)
{
	static const enum err all[] = {
#define ERR(name, number, errno_, exit_, message) ERR_##name,
#include "base/err_table.h"
#undef ERR
	};
	bool begun = false;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (err_exit_code(all[i]) != code)
			continue;
		TRY(buf_printf(to, "%sVLT-%03d %s", begun ? "; " : "", (int)all[i],
			       gettext(err_message(all[i]))));
		begun = true;
	}
	return OK;
}

static enum err put_exit_codes(struct buf *to)
{
	TRY(buf_puts(to, "\n## Exit codes\n\n| Code | Meaning | Errors |\n|---|---|---|\n"));
	for (size_t i = 0; i < exit_code_count; i++) {
		TRY(buf_printf(to, "| %d | %s | ", exit_codes[i].code,
			       gettext(exit_codes[i].meaning)));
		TRY(put_errors(to, exit_codes[i].code));
		TRY(buf_puts(to, " |\n"));
	}
	return OK;
}

enum err manual_print(struct buf *to)
{
	TRY(buf_puts(to, "## Options of every verb\n"));
	TRY(put_options(to, NULL));
	TRY(buf_puts(to, "\n## Verbs\n"));
	for (size_t i = 0; i < verb_count; i++)
		TRY(put_verb(to, verbs[i]));
	return put_exit_codes(to);
}

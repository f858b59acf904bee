#include "tools/sheets.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "tools/output.h"
#include "tools/prompt.h"

#define FILE_MAX 65536u

struct sheets {
	struct paper list[SHARES_MAX];
	size_t count;
};

static void sheets_clear(struct sheets *s)
{
	for (size_t i = 0; i < s->count; i++)
		paper_clear(&s->list[i]);
	s->count = 0;
}

/* ---- from files ------------------------------------------------------------------------------ */

static enum err read_file(const char *path, struct secret **ret)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	CLEANUP(secret_freep) struct secret *text = NULL;
	size_t len;

	if (fd < 0)
		return err_from_errno("%s", path);
	TRY(secret_new(FILE_MAX, &text));
	TRY(io_read_full(fd, secret_edit(text), FILE_MAX, &len));
	if (len == FILE_MAX)
		return err_at(ERR_TOO_BIG, "%s", path);
	secret_shrink(text, len);
	*ret = TAKE(text);
	return OK;
}

static enum err read_one(const char *path, struct paper *ret)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	unsigned line;
	enum err err;

	TRY(read_file(path, &text));
	err = paper_read((const char *)secret_data(text), secret_len(text), ret, &line);
	if (err == ERR_BAD_FORMAT && line > 0)
		return err_at(err, _("%s: line %u is missing or has a wrong letter"), path, line);
	return err;
}

/* ---- from a person --------------------------------------------------------------------------- */

static const char *trouble_of(enum paper_typed typed)
{
	switch (typed) {
	case PAPER_NO_LINE:
		return _("These are not twenty letters of A C E F H J K L M P R T U W X Y.");
	case PAPER_NO_CHECK:
		return _("A letter in this line is wrong, or it is a line of another sheet.");
	case PAPER_NO_NUMBER:
		return _("This is another line.");
	case PAPER_TYPED:
		break;
	}
	return NULL;
}

/* A barcode reader may give the whole sheet in one line. */
static bool is_whole(const struct secret *line, struct paper *ret)
{
	unsigned missing;
	bool whole = paper_read((const char *)secret_data(line), secret_len(line), ret, &missing) == OK;

	err_clear();
	return whole;
}

/* *ret is filled when the answer was the whole sheet. */
static enum err ask_line(struct cli *cli, struct paper_entry *entry, size_t sheet, unsigned number,
			 struct paper *ret)
{
	CLEANUP(buf_clear) struct buf question = {0};
	const char *trouble = NULL;
	enum paper_typed typed;

	TRY(buf_printf(&question, _("Sheet %zu, line %u: "), sheet, number));
	do {
		CLEANUP(secret_freep) struct secret *line = NULL;
		struct prompt_notes notes;

		TRY(prompt_secret(cli, question.data, trouble, &line, &notes));
		if (is_whole(line, ret))
			return OK;
		TRY(paper_enter(entry, number, (const char *)secret_data(line), secret_len(line),
				&typed));
		trouble = trouble_of(typed);
		if (trouble && prompt_source(cli) == PROMPT_TERMINAL)
			fprintf(stderr, "%s\n", trouble);
	} while (trouble && prompt_source(cli) != PROMPT_FD);
	if (trouble)
		return err_at(ERR_BAD_FORMAT, _("sheet %zu, line %u: %s"), sheet, number, trouble);
	return OK;
}

static enum err ask_one(struct cli *cli, size_t sheet, struct paper *ret)
{
	CLEANUP(paper_entry_clear) struct paper_entry entry = {0};

	for (unsigned number = 1; number <= PAPER_LINES; number++) {
		TRY(ask_line(cli, &entry, sheet, number, ret));
		if (ret->needed > 0)
			return OK;
	}
	return paper_finish(&entry, ret);
}

/* ---- together -------------------------------------------------------------------------------- */

static enum err judge(enum paper_verdict verdict, const struct sheets *s)
{
	const struct paper *last = s->count > 0 ? &s->list[s->count - 1] : NULL;

	switch (verdict) {
	case PAPER_FITS:
	case PAPER_TOO_FEW:
		break;
	case PAPER_MIXED:
		return err_at(ERR_NO_KEY_FITS, _("sheet %zu does not belong to the one before"),
			      s->count);
	case PAPER_TWICE:
		return err_at(ERR_NO_KEY_FITS, _("sheet number %u was given twice"),
			      last->share.number);
	case PAPER_WRONG:
		return err_at(ERR_NO_KEY_FITS, "%s",
			      _("these sheets were not printed together, and give no key"));
	}
	return OK;
}

static enum err read_files(struct cli *cli, struct sheets *s)
{
	const char *path;

	while ((path = cli_value_at(cli, OPT_SHEET, s->count)) != NULL) {
		if (s->count == SHARES_MAX)
			return cli_usage(_("more than %u sheets"), SHARES_MAX);
		TRY(read_one(path, &s->list[s->count]));
		s->count++;
		TRY(judge(paper_compare(s->list, s->count), s));
	}
	if (paper_compare(s->list, s->count) == PAPER_TOO_FEW)
		return err_at(ERR_NO_ANSWER, _("%u sheets are needed; %zu were given"),
			      s->list[0].needed, s->count);
	return OK;
}

static enum err ask_all(struct cli *cli, struct sheets *s)
{
	enum paper_verdict verdict;

	do {
		TRY(ask_one(cli, s->count + 1, &s->list[s->count]));
		s->count++;
		verdict = paper_compare(s->list, s->count);
		TRY(judge(verdict, s));
		if (s->count == 1 && s->list[0].needed > 1)
			out_talk(cli, _("%u sheets are needed."), s->list[0].needed);
	} while (verdict == PAPER_TOO_FEW);
	return OK;
}

enum err sheets_read(struct cli *cli, struct age_identity **ret)
{
	CLEANUP(sheets_clear) struct sheets s = {.count = 0};
	enum paper_verdict verdict;

	TRY(cli_has(cli, OPT_SHEET) ? read_files(cli, &s) : ask_all(cli, &s));
	TRY(paper_join(s.list, s.count, &verdict, ret));
	return judge(verdict, &s);
}

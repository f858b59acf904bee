#include "tools/catalogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "org/roster.h"
#include "tools/locale.h"
#include "tools/officer.h"

#define FILE_NAME "catalogue.tsv"

static enum err read_shipped(struct buf *ret)
{
	static const char *const places[] = {"%s/" FILE_NAME, "%s/../tools/data/" FILE_NAME,
					     "%s/../share/portable-vault/" FILE_NAME};
	const char *named = getenv("PVAULT_CATALOGUE");
	char path[8192];

	if (named && *named)
		return io_read_file(named, CATALOGUE_MAX, ret);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		enum err err;

		snprintf(path, sizeof(path), places[i], locale_program_dir());
		err = io_read_file(path, CATALOGUE_MAX, ret);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	return io_read_file(LOCALEDIR "/../portable-vault/" FILE_NAME, CATALOGUE_MAX, ret);
}

enum err catalogue_read(const struct statement *s, struct catalogue *ret)
{
	CLEANUP(buf_clear) struct buf text = {0};
	const char *row;

	for (size_t i = 0; (row = statement_value_at(s, "row", i)); i++)
		TRY(buf_printf(&text, "%s\n", row));
	return catalogue_parse(text.data ? text.data : "", text.len, ret);
}

enum err catalogue_of(const struct roster *roster, struct catalogue *ret, bool *ret_own)
{
	CLEANUP(buf_clear) struct buf text = {0};

	*ret_own = roster && roster->catalog;
	if (*ret_own)
		return catalogue_read(roster->catalog, ret);
	TRY(read_shipped(&text));
	return catalogue_parse(text.data ? text.data : "", text.len, ret);
}

enum err catalogue_in_force(struct cli *cli, struct catalogue *ret)
{
	CLEANUP(officer_clear) struct officer o = {0};
	bool own;

	TRY(officer_look(cli, &o));
	return catalogue_of(o.roster, ret, &own);
}

enum err catalogue_unknown_id(struct cli *cli, const struct catalogue *c, const char *id)
{
	CLEANUP(buf_clear) struct buf ids = {0};

	for (size_t i = 0; i < c->count; i++)
		TRY(buf_printf(&ids, "%s%s", i ? ", " : "", c->list[i].id));
	cli_hint(cli, _("categories: %s; a purpose is a category and a number: receipt.1"),
		 ids.len ? ids.data : "-");
	return cli_usage(_("the catalogue does not have \"%s\""), id);
}

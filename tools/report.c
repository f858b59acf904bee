#include "tools/report.h"

#include <stdio.h>
#include <string.h>

#include "tools/advice.h"
#include "tools/output.h"
#include "tools/verbs.h"

/* clang-format off */
const struct exit_code exit_codes[] = {
	{0,   N_("done, or it was so already")},
	{1,   N_("something unexpected")},
	{2,   N_("the command line is not understood")},
	{10,  N_("not found: medium, vault, key or file")},
	{11,  N_("not a vault, or made by a newer version")},
	{12,  N_("wrong passphrase, or no key of yours opens it")},
	{13,  N_("an answer is needed and none is possible, or cancelled")},
	{14,  N_("revoked or expired")},
	{16,  N_("busy: in use by a program or another computer")},
	{17,  N_("the mount point cannot be used")},
	{18,  N_("FUSE is missing or refused")},
	{19,  N_("this computer is not enrolled for the medium")},
	{20,  N_("data are damaged")},
	{21,  N_("the log was changed")},
	{22,  N_("the log has a gap")},
	{23,  N_("an older state than was seen before")},
	{24,  N_("the log cannot be written, so the vault stays closed")},
	{25,  N_("the medium left without eject")},
	{26,  N_("no space left")},
	{30,  N_("a rule of the organisation forbids it")},
	{31,  N_("the sender is not verified")},
	{130, N_("interrupted")},
};
/* clang-format on */
const size_t exit_code_count = ARRAY_LEN(exit_codes);

/* "vault: wrong passphrase: hanako [VLT-012]" */
static void print_error(enum err err, const char *detail)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s%s%s [VLT-%03d]", VAULT_NAME, gettext(err_message(err)),
		 *detail ? ": " : "", detail, (int)err);
	out_clean(line);
	for (char *c = line; *c; c++) {
		if (*c == '\n')
			*c = ' ';
	}
	fflush(stdout);
	fprintf(stderr, "%s\n", line);
}

/* `vault log` hands records on as they are, so nothing else stands among them. */
static bool is_pure_data(const struct cli *cli)
{
	return cli->verb == &verb_log && !cli_has(cli, OPT_VERIFY);
}

static void print_json(const struct cli *cli, enum err err, const char *detail)
{
	char id[16];
	json_t *line;

	if (is_pure_data(cli))
		return;
	snprintf(id, sizeof(id), "VLT-%03d", (int)err);
	line = json_pack("{s:s,s:s,s:i,s:s,s:o}", "id", id, "name", err_name(err), "exit",
			 err_exit_code(err), "message", err_message(err), "detail",
			 out_json_text(detail));
	if (out_json(cli, "error", line) != OK)
		fprintf(stderr, "%s: %s\n", VAULT_NAME, _("the result could not be printed"));
}

static void print_hint(const char *text)
{
	fprintf(stderr, _("hint: %s\n"), text);
}

/* Hints of this very case first, what always belongs to the code after them. */
static void print_hints(struct cli *cli, enum err err)
{
	const struct advice *advice = advice_for(err);
	char *rest = cli->hints.data, *line;

	while (rest && *rest && (line = strsep(&rest, "\n")) && *line) {
		out_clean(line);
		print_hint(line);
	}
	if (advice && advice->safe)
		print_hint(gettext(advice->safe));
	if (advice && advice->next)
		print_hint(gettext(advice->next));
	if (err == ERR_USAGE && cli->verb)
		fprintf(stderr, _("hint: see \"%s help %s\"\n"), VAULT_NAME, cli->verb->name);
	else if (err == ERR_USAGE)
		fprintf(stderr, _("hint: see \"%s help\"\n"), VAULT_NAME);
}

int report_err(struct cli *cli, enum err err)
{
	char detail[512];

	if (err == OK)
		return 0;
	snprintf(detail, sizeof(detail), "%s", err_detail());
	print_error(err, detail);
	print_hints(cli, err);
	if (cli->verbose)
		fprintf(stderr, "%s: ERR_%s, exit %d\n", VAULT_NAME, err_name(err),
			err_exit_code(err));
	print_json(cli, err, detail);
	return err_exit_code(err);
}

void report_part(struct cli *cli, enum err err)
{
	char detail[512];

	snprintf(detail, sizeof(detail), "%s", err_detail());
	print_error(err, detail);
	print_json(cli, err, detail);
}

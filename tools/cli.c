#include "tools/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/medium.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "tools/tty.h"
#include "tools/unlock.h"
#include "tools/verbs.h"

bool cli_has(const struct cli *cli, enum option_id id)
{
	for (size_t i = 0; i < cli->arguments.value_count; i++) {
		if (cli->arguments.values[i].id == id)
			return true;
	}
	return false;
}

const char *cli_value_at(const struct cli *cli, enum option_id id, size_t at)
{
	for (size_t i = 0; i < cli->arguments.value_count; i++) {
		if (cli->arguments.values[i].id == id && at-- == 0)
			return cli->arguments.values[i].value;
	}
	return NULL;
}

const char *cli_value(const struct cli *cli, enum option_id id)
{
	const char *last = NULL;

	for (size_t i = 0; i < cli->arguments.value_count; i++) {
		if (cli->arguments.values[i].id == id)
			last = cli->arguments.values[i].value;
	}
	return last;
}

size_t cli_argument_count(const struct cli *cli)
{
	return cli->arguments.word_count;
}

const char *cli_argument(const struct cli *cli, size_t i)
{
	return i < cli->arguments.word_count ? cli->arguments.words[i] : NULL;
}

static enum err parse_fd(const char *text, int *ret)
{
	char *end = NULL;
	long fd = strtol(text, &end, 10);

	if (end == text || *end || fd < 0 || fd > 65535)
		return cli_usage(_("\"%s\" is no file descriptor"), text);
	*ret = (int)fd;
	return OK;
}

enum err cli_setup(struct cli *cli)
{
	const char *fd = cli_value(cli, OPT_PASSPHRASE_FD);
	const char *lang = cli_value(cli, OPT_LANG);

	cli->verb = cli->arguments.verb;
	cli->json = cli_has(cli, OPT_JSON);
	cli->no_input = cli_has(cli, OPT_NO_INPUT);
	cli->quiet = cli_has(cli, OPT_QUIET);
	cli->verbose = cli_has(cli, OPT_VERBOSE);
	cli->confirm = cli_value(cli, OPT_CONFIRM);
	cli->passphrase_fd = -1;
	if (lang && strcmp(lang, "ja") != 0 && strcmp(lang, "en") != 0)
		return cli_usage(_("there is no language \"%s\"; there are ja and en"), lang);
	if (fd)
		TRY(parse_fd(fd, &cli->passphrase_fd));
	return OK;
}

void cli_clear(struct cli *cli)
{
	age_identity_free(cli->identity);
	audit_log_close(cli->log);
	home_close(cli->home);
	arguments_clear(&cli->arguments);
	buf_clear(&cli->hints);
	*cli = (struct cli){0};
}

enum err cli_home(struct cli *cli, struct home **ret)
{
	if (!cli->home)
		TRY(home_open(&cli->home));
	*ret = cli->home;
	return OK;
}

enum err cli_recorder(struct cli *cli, const struct recorder **ret)
{
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	if (!cli->log)
		TRY(vault_host_recorder(home, &cli->log, &cli->recorder));
	*ret = &cli->recorder;
	return OK;
}

enum err cli_staff(struct cli *cli, const struct staff_key_info **ret)
{
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	if (!cli->has_staff) {
		TRY(staff_key_info(home, cli_value(cli, OPT_KEY), &cli->staff));
		snprintf(cli->actor, sizeof(cli->actor), "%s/%s", cli->staff.name, cli->staff.fpr);
		cli->has_staff = true;
	}
	*ret = &cli->staff;
	return OK;
}

/* A guess at somebody's key is what an officer wants to see in the log. That it could not be
 * written is no news beside the refusal itself. */
static void record_refusal(struct cli *cli, const struct medium *medium, enum err why)
{
	const struct recorder *recorder = NULL;
	struct audit_event event = {
		.code = AUDIT_UNLOCK_FAIL,
		.result = AUDIT_REFUSED,
		.reason = why,
		.actor = cli->actor,
		.label = medium->label,
		.volume_id = medium->volume_id[0] ? medium->volume_id : NULL,
	};

	if (cli_recorder(cli, &recorder) == OK && recorder->record(recorder->ctx, &event) != OK)
		cli_hint(cli, "%s", _("the refusal could not be written to the log"));
}

enum err cli_unlock(struct cli *cli, const struct medium *medium)
{
	const struct staff_key_info *staff = NULL;
	enum err err;

	if (cli->identity)
		return OK;
	TRY(cli_staff(cli, &staff));
	err = unlock_staff_key(cli, staff->name, medium ? medium->label : NULL, &cli->identity,
			       NULL);
	if (err == ERR_PASSPHRASE && medium) {
		record_refusal(cli, medium, err);
		return err_at(ERR_PASSPHRASE, "%s", staff->name);
	}
	return err;
}

enum err cli_actor(struct cli *cli, const struct medium *medium, struct vault_actor *ret)
{
	const struct recorder *recorder = NULL;

	TRY(cli_unlock(cli, medium));
	TRY(cli_recorder(cli, &recorder));
	*ret = (struct vault_actor){
		.home = cli->home,
		.identity = cli->identity,
		.name = cli->staff.name,
		.recorder = recorder,
	};
	return OK;
}

enum err cli_check_confirm(struct cli *cli, const char *label)
{
	if (!cli->confirm || !strcmp(cli->confirm, label))
		return OK;
	return err_at(ERR_CONFIRM, "\"%s\", not \"%s\"", label, cli->confirm);
}

static bool is_label(const struct secret *typed, const char *label)
{
	size_t len = strlen(label);

	return secret_len(typed) == len && memcmp(secret_data(typed), label, len) == 0;
}

enum err cli_confirm(struct cli *cli, const char *label, const char *what)
{
	CLEANUP(secret_freep) struct secret *typed = NULL;
	CLEANUP(secret_freep) struct secret *folded = NULL;
	CLEANUP(buf_clear) struct buf question = {0};
	struct prompt_notes notes;

	if (cli->confirm)
		return cli_check_confirm(cli, label);
	if (cli->no_input || !tty_there()) {
		cli_hint(cli, _("if it is meant: --confirm=%s"), label);
		return err_at(ERR_NO_ANSWER, "%s", what);
	}
	TRY(buf_printf(&question, "%s\n", what));
	TRY(buf_printf(&question, _("Type %s to go on: "), label));
	out_clean(question.data);
	TRY(tty_ask_shown(question.data, &typed));
	TRY(prompt_fold(typed, &folded, &notes));
	return is_label(typed, label) || is_label(folded, label)
		       ? OK
		       : err_at(ERR_CONFIRM, "\"%s\"", label);
}

/* A hint that does not fit in memory is one that nobody reads. */
void cli_hint(struct cli *cli, const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (text && buf_printf(&cli->hints, "%s\n", text) != OK)
		buf_clear(&cli->hints);
	free(text);
}

enum err cli_usage(const char *format, ...)
{
	char text[480];
	va_list args;

	va_start(args, format);
	if (vsnprintf(text, sizeof(text), format, args) < 0)
		text[0] = '\0';
	va_end(args);
	return err_at(ERR_USAGE, "%s", text);
}

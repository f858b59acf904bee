/* The program: takes the command line apart, runs one verb, tells how it ended. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/locale.h"
#include "tools/report.h"
#include "tools/output.h"
#include "tools/proctitle.h"
#include "tools/verbs.h"

/* A file opened on a missing descriptor 0 to 2 would receive what is meant for a person. */
static enum err fill_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return err_from_errno("/dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
	return OK;
}

static enum err check_words(const struct cli *cli)
{
	const struct verb *verb = cli->verb;
	size_t count = cli_argument_count(cli);

	if (count < verb->min)
		return cli_usage(_("\"%s\" needs more words: %s"), verb->name, verb->words);
	if (count > verb->max)
		return cli_usage(_("\"%s\" takes no word \"%s\""), verb->name,
				 cli_argument(cli, verb->max));
	return OK;
}

/* Without a verb: --version and --help, or a usage error. */
static enum err choose_verb(struct cli *cli)
{
	if (cli_has(cli, OPT_HELP)) {
		cli->arguments.word_count = 0;
		if (cli->verb)
			cli->arguments.words[cli->arguments.word_count++] = cli->verb->name;
		cli->verb = &verb_help;
	} else if (!cli->verb && cli_has(cli, OPT_VERSION)) {
		cli->verb = &verb_version;
	}
	return cli->verb ? OK : cli_usage("%s", _("no verb was given"));
}

/* `shown` is argv where others see it; `argv` is ours. */
static enum err run(struct cli *cli, int argc, char **argv, char **shown)
{
	char near[64];
	enum err err = arguments_parse(argc, argv, &cli->arguments, near), setup;

	proctitle_hide(argc, shown, cli->arguments.verb);
	setup = cli_setup(cli);
	if (near[0])
		cli_hint(cli, _("did you mean %s?"), near);
	TRY(err);
	TRY(setup);
	TRY(choose_verb(cli));
	TRY(check_words(cli));
	TRY(cli->verb->run(cli));
	return out_finish();
}

int main(int argc, char **argv)
{
	struct cli cli = {.passphrase_fd = -1};
	enum err err = fill_standard_fds();
	char **words = NULL;
	int code;

	locale_setup(arguments_peek_lang(argc, argv));
	signal(SIGPIPE, SIG_IGN);
	if (err == OK)
		err = proctitle_copy(argc, argv, &words);
	if (err == OK)
		err = crypto_init();
	if (err == OK)
		err = run(&cli, argc, words, argv);
	code = report_err(&cli, err);
	cli_clear(&cli);
	proctitle_free(words);
	return code;
}

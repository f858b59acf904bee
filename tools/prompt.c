#include "tools/prompt.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/pinentry.h"
#include "tools/tty.h"

#define LINE_LEN 1024u

enum prompt_source prompt_source(const struct cli *cli)
{
	if (cli->passphrase_fd >= 0)
		return PROMPT_FD;
	if (cli->no_input)
		return PROMPT_NOBODY;
	if (tty_there())
		return PROMPT_TERMINAL;
	if (getenv("DISPLAY") || getenv("WAYLAND_DISPLAY"))
		return PROMPT_PINENTRY;
	return PROMPT_NOBODY;
}

/* A byte at a time: the next line answers the next question. */
static enum err fd_line(int fd, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *line = NULL;
	size_t len = 0;

	TRY(secret_new(LINE_LEN, &line));
	for (;;) {
		uint8_t *at = secret_edit(line) + len;
		ssize_t got = read(fd, at, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_errno_at(ERR_NO_ANSWER, "--passphrase-fd %d", fd);
		if (got == 0 && len == 0)
			return err_at(ERR_NO_ANSWER, "--passphrase-fd %d", fd);
		if (got == 0 || *at == '\n')
			break;
		if (++len == LINE_LEN)
			return err_at(ERR_TOO_BIG, "--passphrase-fd %d", fd);
	}
	if (len && secret_data(line)[len - 1] == '\r')
		len--;
	secret_shrink(line, len);
	*ret = TAKE(line);
	return OK;
}

static enum err ask(const struct cli *cli, const char *question, const char *trouble,
		    struct secret **ret)
{
	switch (prompt_source(cli)) {
	case PROMPT_FD:
		return fd_line(cli->passphrase_fd, ret);
	case PROMPT_TERMINAL:
		return tty_ask(question, ret);
	case PROMPT_PINENTRY:
		return pinentry_ask(question, trouble, ret);
	case PROMPT_NOBODY:
		break;
	}
	return ERR_NO_ANSWER;
}

enum err prompt_secret(const struct cli *cli, const char *question, const char *trouble,
		       struct secret **ret, struct prompt_notes *ret_notes)
{
	CLEANUP(secret_freep) struct secret *typed = NULL;

	TRY(ask(cli, question, trouble, &typed));
	return prompt_fold(typed, ret, ret_notes);
}

enum err prompt_show_once(const char *text)
{
	return tty_show_once(text);
}

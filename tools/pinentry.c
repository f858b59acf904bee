#include "tools/pinentry.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "tools/cli.h"

#define LINE_LEN 1024u /* Assuan: at most 1000 bytes and the line end */
#define CANCELLED 99u  /* GPG_ERR_CANCELED, the low 16 bits of the number behind ERR */

struct pinentry {
	pid_t pid;
	int to, from;
};

static void run_child(int in, int out)
{
	const char *program = getenv("PVAULT_PINENTRY");

	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(127);
	if (!program || !*program)
		program = "pinentry";
	execlp(program, program, (char *)NULL);
	_exit(127);
}

static enum err start(struct pinentry *p)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1};

	if (pipe2(in, O_CLOEXEC) < 0)
		return err_errno_at(ERR_NO_ANSWER, "pinentry");
	if (pipe2(out, O_CLOEXEC) < 0) {
		fd_closep(&in[0]);
		fd_closep(&in[1]);
		return err_errno_at(ERR_NO_ANSWER, "pinentry");
	}
	p->pid = fork();
	if (p->pid == 0)
		run_child(in[0], out[1]);
	fd_closep(&in[0]);
	fd_closep(&out[1]);
	p->to = in[1];
	p->from = out[0];
	return p->pid < 0 ? err_errno_at(ERR_NO_ANSWER, "pinentry") : OK;
}

static void stop(struct pinentry *p)
{
	fd_closep(&p->to);
	fd_closep(&p->from);
	if (p->pid > 0)
		while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
			;
}

/* One line into `line`, without its end. */
static enum err receive(const struct pinentry *p, struct secret *line, size_t *ret_len)
{
	uint8_t *text = secret_edit(line);

	for (size_t len = 0; len < LINE_LEN - 1; len++) {
		size_t got = 0;

		TRY(io_read_full(p->from, text + len, 1, &got));
		if (!got)
			return err_at(ERR_NO_ANSWER, "pinentry");
		if (text[len] != '\n')
			continue;
		text[len] = '\0';
		*ret_len = len;
		return OK;
	}
	return err_at(ERR_NO_ANSWER, "pinentry");
}

static bool begins(const struct secret *line, const char *word)
{
	return !strncmp((const char *)secret_data(line), word, strlen(word));
}

/* "ERR 83886179 Operation cancelled <Pinentry>" */
static enum err refusal(const struct secret *line)
{
	unsigned long number = strtoul((const char *)secret_data(line) + 3, NULL, 10);

	return (number & 0xffff) == CANCELLED ? ERR_CANCELLED : err_at(ERR_NO_ANSWER, "pinentry");
}

/* Waits for OK. A line of data, if one comes, lands in `data`. */
static enum err expect(const struct pinentry *p, struct secret *data, size_t *ret_len)
{
	CLEANUP(secret_freep) struct secret *line = NULL;

	TRY(secret_new(LINE_LEN, &line));
	for (;;) {
		size_t len = 0;

		TRY(receive(p, line, &len));
		if (begins(line, "OK"))
			return OK;
		if (begins(line, "ERR"))
			return refusal(line);
		if (!data || !begins(line, "D "))
			continue;
		memcpy(secret_edit(data), secret_data(line) + 2, len - 2);
		*ret_len = len - 2;
	}
}

/* Percent, line ends and the like travel as %XX. */
static enum err command(const struct pinentry *p, const char *verb, const char *text)
{
	CLEANUP(buf_clear) struct buf line = {0};

	TRY(buf_puts(&line, verb));
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20 || c == '%')
			TRY(buf_printf(&line, "%%%02X", c));
		else
			TRY(buf_append(&line, text, 1));
	}
	TRY(buf_puts(&line, "\n"));
	TRY(io_write_full(p->to, line.data, line.len));
	return expect(p, NULL, NULL);
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t unescape(uint8_t *s, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len && hex_value(s[i + 1]) >= 0 &&
		    hex_value(s[i + 2]) >= 0) {
			s[to++] = (uint8_t)(hex_value(s[i + 1]) * 16 + hex_value(s[i + 2]));
			i += 2;
		} else {
			s[to++] = s[i];
		}
	}
	return to;
}

static enum err converse(const struct pinentry *p, const char *question, const char *trouble,
			 struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *answer = NULL;
	size_t len = 0;

	TRY(secret_new(LINE_LEN, &answer));
	TRY(expect(p, NULL, NULL));
	/* Older pinentries know no charset option; their refusal does no harm. */
	if (command(p, "OPTION lc-ctype=", "C.UTF-8") == ERR_CANCELLED)
		return ERR_CANCELLED;
	TRY(command(p, "SETTITLE ", VAULT_NAME));
	TRY(command(p, "SETDESC ", question));
	TRY(command(p, "SETPROMPT ", _("Passphrase:")));
	if (trouble)
		TRY(command(p, "SETERROR ", trouble));
	TRY(io_write_full(p->to, "GETPIN\n", 7));
	TRY(expect(p, answer, &len));
	secret_shrink(answer, unescape(secret_edit(answer), len));
	*ret = TAKE(answer);
	return OK;
}

enum err pinentry_ask(const char *question, const char *trouble, struct secret **ret)
{
	struct pinentry p = {.pid = -1, .to = -1, .from = -1};
	enum err err = start(&p);

	if (err == OK)
		err = converse(&p, question, trouble, ret);
	stop(&p);
	if (err == ERR_IO)
		return err_at(ERR_NO_ANSWER, "pinentry");
	return err;
}

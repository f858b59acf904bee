#include "tools/tty.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/io.h"

#define LINE_LEN 1024u

/* Signals that must not leave a terminal without echo behind. */
static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static volatile sig_atomic_t got_signal;

struct quiet_tty {
	int fd;
	struct termios before;
	struct sigaction actions[ARRAY_LEN(caught)], stop;
	sigset_t mask; /* what it was; the caught ones only get through while we wait */
};

static void on_signal(int number)
{
	got_signal = number;
}

bool tty_there(void)
{
	CLEANUP(fd_closep) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

	return fd >= 0;
}

/* Stopping (Ctrl-Z) would leave the echo off, too. */
static void signals_catch(struct quiet_tty *t)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	got_signal = 0;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(caught); i++) {
		sigaddset(&set, caught[i]);
		sigaction(caught[i], &action, &t->actions[i]);
	}
	sigaction(SIGTSTP, &ignore, &t->stop);
	sigprocmask(SIG_BLOCK, &set, &t->mask);
}

static enum err quiet_begin(struct quiet_tty *t, bool shown)
{
	struct termios quiet;

	t->fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (t->fd < 0)
		return ERR_NO_ANSWER;
	if (tcgetattr(t->fd, &t->before) < 0) {
		fd_closep(&t->fd);
		return ERR_NO_ANSWER;
	}
	signals_catch(t);
	quiet = t->before;
	if (!shown)
		quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	quiet.c_lflag |= ICANON | ISIG;
	quiet.c_iflag |= ICRNL;
	tcsetattr(t->fd, TCSAFLUSH, &quiet);
	tcflush(t->fd, TCIFLUSH);
	return OK;
}

static void quiet_end(struct quiet_tty *t)
{
	tcsetattr(t->fd, TCSAFLUSH, &t->before);
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &t->actions[i], NULL);
	sigaction(SIGTSTP, &t->stop, NULL);
	sigprocmask(SIG_SETMASK, &t->mask, NULL);
	fd_closep(&t->fd);
}

/* A signal that came before the waiting began still ends it. */
static enum err wait_for_key(const struct quiet_tty *t)
{
	struct pollfd key = {t->fd, POLLIN, 0};

	while (ppoll(&key, 1, NULL, &t->mask) < 0) {
		if (got_signal)
			return ERR_INTERRUPTED;
		if (errno != EINTR)
			return err_errno_at(ERR_NO_ANSWER, "/dev/tty");
	}
	return OK;
}

/* A character at a time: what follows the line stays for the next reader. */
static enum err read_line(const struct quiet_tty *t, struct secret *line, size_t *ret_len)
{
	uint8_t *text = secret_edit(line);
	size_t len = 0;

	for (;;) {
		ssize_t got;

		if (len == LINE_LEN)
			return ERR_TOO_BIG;
		TRY(wait_for_key(t));
		got = read(t->fd, text + len, 1);
		if (got < 0)
			return err_errno_at(ERR_NO_ANSWER, "/dev/tty");
		if (got == 0)
			return ERR_CANCELLED;
		if (text[len] == '\n')
			break;
		len++;
	}
	*ret_len = len;
	return OK;
}

static enum err put(int fd, const char *text)
{
	return io_write_full(fd, text, strlen(text));
}

static enum err ask(const char *question, bool shown, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *line = NULL;
	struct quiet_tty t;
	size_t len = 0;
	enum err err;

	TRY(secret_new(LINE_LEN, &line));
	TRY(quiet_begin(&t, shown));
	err = put(t.fd, question);
	if (err == OK)
		err = read_line(&t, line, &len);
	if (!shown && put(t.fd, "\n") != OK && err == OK)
		err = ERR_NO_ANSWER;
	quiet_end(&t);
	TRY(err);
	secret_shrink(line, len);
	*ret = TAKE(line);
	return OK;
}

enum err tty_ask(const char *question, struct secret **ret)
{
	return ask(question, false, ret);
}

enum err tty_ask_shown(const char *question, struct secret **ret)
{
	return ask(question, true, ret);
}

static size_t line_count(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Up a line and clear it, for every line that was shown: a secret has no place in the scroll-back.
 */
static enum err take_off_screen(int fd, const char *text)
{
	const char *term = getenv("TERM");

	if (!term || !strcmp(term, "dumb"))
		return OK;
	for (size_t lines = line_count(text); lines > 0; lines--)
		TRY(put(fd, "\033[A\033[2K"));
	return put(fd, "\r");
}

enum err tty_show_once(const char *text)
{
	CLEANUP(secret_freep) struct secret *line = NULL;
	struct quiet_tty t;
	size_t len = 0;
	enum err err;

	TRY(secret_new(LINE_LEN, &line));
	TRY(quiet_begin(&t, false));
	err = put(t.fd, text);
	if (err == OK)
		err = read_line(&t, line, &len);
	if (err == OK || err == ERR_INTERRUPTED)
		if (take_off_screen(t.fd, text) != OK && err == OK)
			err = ERR_NO_ANSWER;
	quiet_end(&t);
	return err;
}

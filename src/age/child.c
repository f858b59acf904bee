#include "age/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/io.h"

#define LOOK_MS 200   /* how often the stop callback is asked */
#define GRACE_MS 2000 /* to end by itself: a token may have to be let go */

struct child {
	pid_t pid; /* 0: ended */
	int to, from;
	bool gone;
	struct child_stop stop;
};

/* What the new process needs until it becomes the program. */
struct order {
	const char *path;
	char *const *argv, *const *env;
	pid_t parent;
	int in, out, report; /* its ends; errno is written to the last */
};

static void close_once(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A handler of ours must not run in the new process, nor may it inherit what we ignore. */
static void signals_reset(void)
{
	struct sigaction standard = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Both ends are moved out of the way first: they may be 0, 1 or 2 themselves. */
static bool descriptors_place(const struct order *o)
{
	int in = fcntl(o->in, F_DUPFD_CLOEXEC, 3), out = fcntl(o->out, F_DUPFD_CLOEXEC, 3);
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (in < 0 || out < 0 || nowhere < 0)
		return false;
	if (nowhere < 3)
		nowhere = fcntl(nowhere, F_DUPFD_CLOEXEC, 3);
	return nowhere >= 0 && dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(nowhere, 2) == 2;
}

/* Between fork and exec; other threads of ours may have held any lock, so system calls only. */
static _Noreturn void become(struct order *o)
{
	int report = fcntl(o->report, F_DUPFD_CLOEXEC, 3), cause;

	if (report >= 0 && setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 &&
	    getppid() == o->parent && chdir("/") == 0 && descriptors_place(o) &&
	    syscall(SYS_close_range, 3u, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */) == 0) {
		signals_reset();
		execve(o->path, o->argv, o->env);
	}
	cause = errno;
	if (write(report, &cause, sizeof(cause)) < 0)
		_exit(126);
	_exit(127);
}

static enum err fork_order(struct order *o, pid_t *ret)
{
	sigset_t all, kept;
	pid_t pid;

	o->parent = getpid();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &kept);
	pid = fork();
	if (pid == 0)
		become(o);
	pthread_sigmask(SIG_SETMASK, &kept, NULL);
	if (pid < 0)
		return err_from_errno("%s", o->path);
	*ret = pid;
	return OK;
}

static enum err cause_err(const char *path, int cause)
{
	errno = cause;
	if (cause == ENOENT || cause == ENOTDIR)
		return err_at(ERR_NOT_FOUND, "%s", path);
	if (cause == EACCES || cause == EPERM)
		return err_errno_at(ERR_PERM, "%s", path);
	return err_errno_at(ERR_SYSTEM, "%s", path);
}

/* Waits until the program runs; `report` closes by itself then. */
static enum err began(const char *path, int report)
{
	int cause = 0;
	size_t len = 0;

	TRY(io_read_full(report, &cause, sizeof(cause), &len));
	return len == 0 ? OK : cause_err(path, cause);
}

enum err child_start(const char *path, const char *const *argv, const char *const *env,
		     struct child_stop stop, struct child **ret)
{
	CLEANUP(child_freep) struct child *c = calloc(1, sizeof(*c));
	CLEANUP(fd_closep) int in = -1, out = -1, report = -1, told = -1;
	struct order order = {path, (char *const *)argv, (char *const *)env, 0, 0, 0, 0};
	int pair[2];

	if (!c)
		return err_at(ERR_NOMEM, "%s", path);
	c->to = c->from = -1;
	c->stop = stop;
	/* A socket, not a pipe: only there a write can be asked not to raise SIGPIPE. */
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return err_from_errno("%s", path);
	c->to = pair[0];
	in = pair[1];
	if (pipe2(pair, O_CLOEXEC) != 0)
		return err_from_errno("%s", path);
	c->from = pair[0];
	out = pair[1];
	if (pipe2(pair, O_CLOEXEC) != 0)
		return err_from_errno("%s", path);
	told = pair[0];
	report = pair[1];
	order.in = in;
	order.out = out;
	order.report = report;
	TRY(fork_order(&order, &c->pid));
	close_once(&in);
	close_once(&out);
	close_once(&report);
	TRY(began(path, told));
	*ret = TAKE(c);
	return OK;
}

/* As long as its status was not taken its number is nobody else's, so the group that is killed is
 * its own. */
static int child_reap(struct child *c)
{
	siginfo_t info;
	int status = 0, waited;

	do
		waited = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT);
	while (waited != 0 && errno == EINTR);
	if (waited == 0)
		kill(-c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return status;
}

void child_free(struct child *c)
{
	if (!c)
		return;
	close_once(&c->to);
	close_once(&c->from);
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		child_reap(c);
	}
	free(c);
}

static bool ends_soon(pid_t pid)
{
	CLEANUP(fd_closep) int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int ready;

	if (fd < 0)
		return false;
	do
		ready = poll(&p, 1, GRACE_MS);
	while (ready < 0 && errno == EINTR);
	return ready > 0;
}

int child_end(struct child *c)
{
	close_once(&c->to);
	close_once(&c->from);
	if (!ends_soon(c->pid))
		kill(c->pid, SIGKILL);
	return child_reap(c);
}

bool child_gone(const struct child *c)
{
	return c->gone;
}

/* Until one of `p` is ready. */
static enum err wait_for(struct child *c, struct pollfd *p, nfds_t count)
{
	for (;;) {
		int ready;

		if (c->stop.wanted && c->stop.wanted(c->stop.ctx))
			return err_at(ERR_INTERRUPTED, "while a plugin was asked");
		ready = poll(p, count, c->stop.wanted ? LOOK_MS : -1);
		if (ready > 0)
			return OK;
		if (ready < 0 && errno != EINTR)
			return err_from_errno("plugin");
	}
}

/* A partner who talks while it takes nothing would have both wait for ever; in this protocol only
 * one talks at a time. */
static enum err wait_to_write(struct child *c)
{
	struct pollfd p[2] = {{.fd = c->to, .events = POLLOUT}, {.fd = c->from, .events = POLLIN}};

	TRY(wait_for(c, p, 2));
	if (p[0].revents == 0)
		return err_at(ERR_PLUGIN, "it talks without listening");
	return OK;
}

static enum err wait_to_read(struct child *c)
{
	struct pollfd p = {.fd = c->from, .events = POLLIN};

	return wait_for(c, &p, 1);
}

static enum err child_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct child *c = ctx;
	ssize_t got;

	do {
		TRY(wait_to_read(c));
		got = read(c->from, out, cap);
	} while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_errno_at(ERR_PLUGIN, "reading");
	c->gone = c->gone || got == 0;
	*ret_len = (size_t)got;
	return OK;
}

static enum err child_write(void *ctx, const void *data, size_t len)
{
	struct child *c = ctx;
	const uint8_t *at = data;

	while (len > 0) {
		ssize_t put;

		TRY(wait_to_write(c));
		put = send(c->to, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (put < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (put < 0) {
			c->gone = true;
			return err_errno_at(ERR_PLUGIN, "it does not listen");
		}
		at += put;
		len -= (size_t)put;
	}
	return OK;
}

struct age_source child_source(struct child *c)
{
	return (struct age_source){child_read, c};
}

struct age_sink child_sink(struct child *c)
{
	return (struct age_sink){child_write, c};
}

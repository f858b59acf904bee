/* The command's side of a mount. */
#include "fuse/mount.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/supervisor.h"
#include "fuse/wire.h"

struct mount_starter {
	int supervisor, worker; /* sockets */
	pid_t pid;		/* of the supervisor */
	bool foreground;
};

static volatile sig_atomic_t interrupted;

/* ---- starting ---- */

struct wanted {
	const char *medium;
	bool found;
	char mountpoint[4096];
};

static enum err is_wanted(void *ctx, const struct mount_session *s)
{
	struct wanted *w = ctx;

	if (strcmp(s->medium, w->medium) == 0) {
		w->found = true;
		memcpy(w->mountpoint, s->mountpoint, sizeof(w->mountpoint));
	}
	return OK;
}

/* Told before anybody types a passphrase; it also clears away what a crash left. */
static enum err refuse_second(struct home *home, const char *medium)
{
	CLEANUP(mem_freep) struct wanted *w = calloc(1, sizeof(*w));

	if (!w)
		return err_at(ERR_NOMEM, "session");
	w->medium = medium;
	TRY(mount_sessions(home, is_wanted, w));
	return w->found ? err_at(ERR_VAULT_BUSY, "%s", w->mountpoint) : OK;
}

static enum err fork_supervisor(const struct mount_request *req, const char *medium,
				struct mount_starter *m)
{
	int supervisor[2], worker[2];
	struct supervisor_start start = {.req = req, .medium = medium};

	TRY(wire_pair(supervisor));
	TRY(wire_pair(worker));
	start.command = supervisor[1];
	start.identity = worker[1];
	fflush(NULL);
	m->pid = fork();
	if (m->pid < 0)
		return err_from_errno("fork");
	if (m->pid == 0)
		supervisor_run(&start);
	close(supervisor[1]);
	close(worker[1]);
	m->supervisor = supervisor[0];
	m->worker = worker[0];
	return OK;
}

static void wait_for_supervisor(const struct mount_starter *m)
{
	int status;

	while (waitpid(m->pid, &status, 0) < 0 && errno == EINTR)
		;
}

static void starter_free(struct mount_starter *m)
{
	if (m->supervisor >= 0)
		close(m->supervisor);
	if (m->worker >= 0)
		close(m->worker);
	free(m);
}

enum err mount_start(const struct mount_request *req, struct mount_starter **ret)
{
	CLEANUP(mem_freep) char *medium = realpath(req->medium_path, NULL);
	struct mount_starter *m;
	enum err err;

	if (!medium)
		return err_errno_at(ERR_MEDIUM_NOT_FOUND, "%s", req->medium_path);
	TRY(refuse_second(req->home, medium));
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_at(ERR_NOMEM, "mount");
	*m = (struct mount_starter){.supervisor = -1, .worker = -1, .foreground = req->foreground};
	err = fork_supervisor(req, medium, m);
	if (err == OK)
		err = wire_receive_result(m->supervisor, WIRE_RESULT, NULL, 0);
	if (err != OK) {
		if (m->pid > 0)
			wait_for_supervisor(m);
		starter_free(m);
		return err;
	}
	*ret = m;
	return OK;
}

void mount_cancel(struct mount_starter *m)
{
	if (!m)
		return;
	close(m->worker);
	m->worker = -1;
	wait_for_supervisor(m);
	starter_free(m);
}

/* ---- finishing ---- */

static void interrupt(int signal_number)
{
	interrupted = 1;
}

/* Waits for the end; an interrupt asks for it, once. */
static enum err follow_to_end(const struct mount_starter *m)
{
	struct pollfd end = {m->supervisor, POLLIN, 0};
	const struct timespec second = {.tv_sec = 1};
	bool asked = false;

	while (ppoll(&end, 1, &second, NULL) <= 0) {
		if (interrupted && !asked)
			asked = wire_send(m->supervisor, WIRE_CLOSE, NULL, 0) == OK;
	}
	return wire_receive_result(m->supervisor, WIRE_END, NULL, 0);
}

/* Hands the identity over and hears how the opening went. */
static enum err open_with(const struct mount_starter *m, const struct age_identity *identity,
			  struct vault_facts *ret_facts)
{
	enum err err =
		wire_send(m->worker, WIRE_IDENTITY, age_identity_secret(identity), X25519_LEN);

	if (err == OK)
		err = wire_receive_result(m->worker, WIRE_RESULT, ret_facts, sizeof(*ret_facts));
	if (err == ERR_TRUNCATED)
		err = err_at(ERR_INTERNAL, "the worker process died while it opened the vault");
	if (err != OK)
		wait_for_supervisor(m);
	return err;
}

static enum err finish_in_foreground(const struct mount_starter *m,
				     const struct age_identity *identity,
				     struct vault_facts *ret_facts)
{
	struct sigaction on = {.sa_handler = interrupt}, before_int, before_term;
	enum err err;

	interrupted = 0;
	sigaction(SIGINT, &on, &before_int);
	sigaction(SIGTERM, &on, &before_term);
	err = open_with(m, identity, ret_facts);
	if (err == OK)
		err = follow_to_end(m);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	return err;
}

enum err mount_finish(struct mount_starter *m, const struct age_identity *identity,
		      struct vault_facts *ret_facts)
{
	enum err err = m->foreground ? finish_in_foreground(m, identity, ret_facts)
				     : open_with(m, identity, ret_facts);

	starter_free(m);
	return err;
}

#include "fuse/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "fuse/mountpoint.h"
#include "fuse/session.h"
#include "fuse/wire.h"
#include "fuse/worker.h"

#define CLIENT_PATIENCE_S 2 /* a client that says nothing must not keep others waiting */

struct supervisor {
	const struct mount_request *req;
	struct home *home;
	struct mountpoint mp;
	struct session session;
	bool opened; /* the log has an unlock record without its end */
	bool ready;  /* the mount was usable */
	bool gone;   /* the worker's process has ended */
	bool told;   /* it said how */
	enum err ended;
	char detail[512];
	int command, records, control, signals, listener, lock;
	pid_t worker;
	struct audit_log *log;
	struct recorder recorder;
};

/* ---- records ---- */

/* The log is opened when there is something to write, so that a failure meets who wants to. */
static enum err record(struct supervisor *s, const struct audit_event *event)
{
	if (!s->log)
		TRY(vault_host_recorder(s->home, &s->log, &s->recorder));
	return s->recorder.record(s->recorder.ctx, event);
}

static enum err record_for_session(void *ctx, const struct audit_event *event)
{
	return record(ctx, event);
}

static void keep_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text ? text : "");
}

/* What the opening record says about the session, so that an unclean end can repeat it. */
static void note_event(struct supervisor *s, const struct audit_event *e)
{
	struct session *session = &s->session;

	if (e->code == AUDIT_LOCK || e->code == AUDIT_REMOVED || e->code == AUDIT_UNCLEAN ||
	    e->code == AUDIT_UNLOCK_FAIL)
		s->opened = false;
	if (e->code != AUDIT_UNLOCK || e->result != AUDIT_OK)
		return;
	s->opened = true;
	session->keysep = e->keysep;
	keep_text(session->s.volume_id, sizeof(session->s.volume_id), e->volume_id);
	keep_text(session->s.label, sizeof(session->s.label), e->label);
	keep_text(session->s.actor, sizeof(session->s.actor), e->actor);
	keep_text(session->session_id, sizeof(session->session_id), e->session_id);
	keep_text(session->mode, sizeof(session->mode), e->mode);
	keep_text(session->suite, sizeof(session->suite), e->suite);
	keep_text(session->role, sizeof(session->role), e->role);
	keep_text(session->medium_id, sizeof(session->medium_id), e->medium_id);
}

static enum err serve_record(struct supervisor *s, const struct message *m)
{
	struct audit_event event;

	TRY(wire_read_event(m, &event));
	TRY(record(s, &event));
	note_event(s, &event);
	return OK;
}

/* What the log is now, for the volume's own log. */
static enum err serve_head(struct supervisor *s, char note[WIRE_NOTE])
{
	CLEANUP(buf_clear) struct buf text = {0};

	memset(note, 0, WIRE_NOTE);
	if (!s->log)
		TRY(vault_host_recorder(s->home, &s->log, &s->recorder));
	TRY(s->recorder.head(s->recorder.ctx, &text));
	keep_text(note, WIRE_NOTE, text.data);
	return OK;
}

static enum err answer_head(struct supervisor *s)
{
	char note[WIRE_NOTE];
	enum err err = serve_head(s, note);

	return wire_send_result(s->records, WIRE_RESULT, err, note, sizeof(note));
}

/* ---- becoming reachable ---- */

static enum err listen_at(struct supervisor *s)
{
	CLEANUP(fd_closep) int dir = -1;
	struct sockaddr_un address;

	TRY(session_address(s->home, s->session.s.volume_id, &dir, &address));
	unlink(address.sun_path);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s->listener < 0 ||
	    bind(s->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(s->listener, 8) != 0)
		return err_from_errno("control socket");
	return OK;
}

static enum err serve_ready(struct supervisor *s, const struct message *m)
{
	CLEANUP(mem_freep) struct vault_facts *facts = calloc(1, sizeof(*facts));
	struct mount_session *public = &s->session.s;

	if (!facts || m->len != sizeof(*facts))
		return err_at(ERR_INTERNAL, "facts of another size");
	memcpy(facts, m->body, sizeof(*facts));
	text_hex(facts->volume_id, sizeof(facts->volume_id), public->volume_id);
	keep_text(public->label, sizeof(public->label), facts->label);
	keep_text(public->medium, sizeof(public->medium), facts->path);
	keep_text(public->mountpoint, sizeof(public->mountpoint), s->mp.path);
	public->read_only = facts->read_only;
	public->since = clock_wall().tv_sec;
	public->pid = getpid();
	s->session.created = s->mp.created;
	TRY(listen_at(s));
	TRY(session_write(s->home, &s->session, &s->lock));
	mountpoint_bar(&s->mp);
	s->ready = true;
	return OK;
}

/* ---- the worker's messages ---- */

static void serve_end(struct supervisor *s, const struct message *m)
{
	s->told = true;
	s->ended = wire_read_result(m, NULL, 0);
	keep_text(s->detail, sizeof(s->detail), s->ended == OK ? "" : err_detail());
}

/* Serves one message. When the worker's end of the socket is closed, so is its process. */
static enum wire_type serve_worker(struct supervisor *s)
{
	struct message m;
	enum err err = wire_receive(s->records, &m);

	if (err != OK) {
		s->gone = true;
		return WIRE_END;
	}
	if (m.type == WIRE_END) {
		serve_end(s, &m);
		return WIRE_END;
	}
	if (m.type == WIRE_IDLE)
		return WIRE_IDLE;
	if (m.type == WIRE_HEAD) {
		s->gone = answer_head(s) != OK;
		return WIRE_HEAD;
	}
	err = m.type == WIRE_RECORD  ? serve_record(s, &m)
	      : m.type == WIRE_READY ? serve_ready(s, &m)
				     : err_at(ERR_INTERNAL, "message %d", m.type);
	if (wire_send_result(s->records, WIRE_RESULT, err, NULL, 0) != OK)
		s->gone = true;
	return (enum wire_type)m.type;
}

static void wait_for_end(struct supervisor *s)
{
	while (!s->gone)
		serve_worker(s);
}

/* Asks the worker to make everything durable; it may want to leave records meanwhile. */
static enum err ask_sync(struct supervisor *s)
{
	TRY(wire_send(s->control, WIRE_SYNC, NULL, 0));
	for (;;) {
		struct pollfd ends[] = {{s->control, POLLIN, 0}, {s->records, POLLIN, 0}};

		if (poll(ends, ARRAY_LEN(ends), -1) < 0 && errno != EINTR)
			return err_from_errno("waiting for the worker");
		if (ends[0].revents)
			return wire_receive_result(s->control, WIRE_RESULT, NULL, 0);
		if (ends[1].revents)
			serve_worker(s);
		if (s->gone)
			return err_at(ERR_TRUNCATED, "the worker is gone");
	}
}

/* ---- the end ---- */

/* Afterwards the worker is gone; or, without `force`, the mount could not be taken down (ERR_BUSY)
 * and nothing has changed. A sync that fails is no reason to keep the mount: the worker's closing
 * tells what was lost. */
static enum err eject(struct supervisor *s, bool force)
{
	enum err err;

	if (ask_sync(s) != OK)
		err_clear();
	err = mountpoint_unmount(s->mp.path, false);
	if (err != OK && !force)
		return err;
	if (err != OK && mountpoint_unmount(s->mp.path, true) != OK)
		err_clear(); /* closing the worker makes it a dead mount at least */
	if (wire_send(s->control, WIRE_CLOSE, NULL, 0) != OK)
		err_clear();
	wait_for_end(s);
	return OK;
}

static enum err reason_of(int status)
{
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGTERM))
		return ERR_INTERRUPTED;
	return ERR_INTERNAL;
}

/* The worker's process is over. Frees the mount point first, since people wait for that. */
static enum err conclude(struct supervisor *s)
{
	const struct recorder recorder = {.record = record_for_session, .ctx = s};
	enum err err = s->told ? s->ended : ERR_INTERNAL;
	int status = 0;

	while (waitpid(s->worker, &status, 0) < 0 && errno == EINTR)
		;
	if (mountpoint_unmount(s->mp.path, true) != OK)
		err_clear();
	mountpoint_leave(&s->mp, s->ready);
	if (s->opened) {
		enum err buried;

		keep_text(s->session.s.mountpoint, sizeof(s->session.s.mountpoint), s->mp.path);
		s->session.created = false;
		buried = session_bury(&recorder, &s->session, s->told ? err : reason_of(status));
		err = err != OK ? err : buried;
	}
	if (!s->told)
		keep_text(s->detail, sizeof(s->detail), "the worker process died");
	if (s->ready)
		session_remove(s->home, s->session.s.volume_id);
	return err == OK ? OK : err_at(err, "%s", s->detail);
}

/* ---- requests ---- */

/* A signal, or the command in the foreground wants an end or is gone. What it sent is read, since a
 * socket that is closed with something unread takes our last word with it. */
static bool is_told_to_end(struct supervisor *s, bool signalled, bool command_speaks)
{
	struct message m;

	if (command_speaks && wire_receive(s->command, &m) != OK)
		err_clear();
	return signalled || command_speaks;
}

static bool client_may(int fd)
{
	struct timeval patience = {.tv_sec = CLIENT_PATIENCE_S};
	struct ucred who;
	socklen_t len = sizeof(who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) != 0)
		return false;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0)
		return false;
	return who.uid == geteuid() || who.uid == 0;
}

/* -1 when the client has its answer; else it waits for the end. */
static int serve_client(struct supervisor *s)
{
	CLEANUP(fd_closep) int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct message m;
	enum err err;
	int waits;

	if (fd < 0 || !client_may(fd) || wire_receive(fd, &m) != OK)
		return -1;
	err = m.type == WIRE_EJECT && m.len == 1 ? eject(s, m.body[0] != 0)
						 : err_at(ERR_INTERNAL, "message %d", m.type);
	if (err != OK && !s->gone) {
		if (wire_send_result(fd, WIRE_RESULT, err, NULL, 0) != OK)
			err_clear();
		return -1;
	}
	waits = fd;
	fd = -1;
	return waits;
}

/* Until the worker is gone. Returns a client that waits for the end, or -1. */
static int serve(struct supervisor *s)
{
	int client = -1;

	while (!s->gone) {
		struct pollfd ends[] = {{s->records, POLLIN, 0},
					{s->signals, POLLIN, 0},
					{s->listener, POLLIN, 0},
					{s->req->foreground ? s->command : -1, POLLIN, 0}};
		bool force;
		enum err err = OK;

		if (poll(ends, ARRAY_LEN(ends), -1) < 0)
			continue;
		force = is_told_to_end(s, ends[1].revents, ends[3].revents);
		if (ends[0].revents && serve_worker(s) == WIRE_IDLE)
			err = eject(s, false);
		if (!s->gone && force)
			err = eject(s, true);
		if (!s->gone && ends[2].revents)
			client = serve_client(s);
		if (err != OK)
			err_clear();
	}
	return client;
}

/* ---- the beginning ---- */

/* Nothing of the command's stays open: pipes of a script would wait for their end for days. */
static void let_go(const struct supervisor_start *start)
{
	const int keep[] = {start->command, start->identity};
	int null = start->req->foreground ? -1 : open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	for (int fd = STDERR_FILENO + 1; fd < 1024; fd++)
		if (fd != keep[0] && fd != keep[1])
			close(fd);
	if (home_run_dir(start->req->home)[0] == '/' && chdir("/") != 0)
		err_clear();
	setsid();
	umask(077);
	prctl(PR_SET_NAME, SUPERVISOR_NAME);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
}

static enum err open_signals(int *ret)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_from_errno("signals");
	*ret = signalfd(-1, &set, SFD_CLOEXEC);
	return *ret < 0 ? err_from_errno("signals") : OK;
}

static enum err start_worker(struct supervisor *s, const struct supervisor_start *start)
{
	int records[2], control[2];
	struct worker_start worker = {.req = start->req,
				      .medium = start->medium,
				      .mountpoint = s->mp.path,
				      .command = start->identity};

	TRY(wire_pair(records));
	TRY(wire_pair(control));
	s->records = records[0];
	s->control = control[0];
	s->worker = fork();
	if (s->worker < 0)
		return err_from_errno("fork");
	if (s->worker > 0) {
		close(records[1]);
		close(control[1]);
		close(start->identity);
		return OK;
	}
	close(records[0]);
	close(control[0]);
	close(s->signals);
	close(s->command);
	close(s->mp.fd);
	worker.records = records[1];
	worker.control = control[1];
	worker_run(&worker);
}

static enum err begin(struct supervisor *s, const struct supervisor_start *start)
{
	enum err err;

	TRY(io_make_dirs(home_run_dir(s->home), 0700));
	TRY(open_signals(&s->signals));
	TRY(mountpoint_prepare(start->req->mountpoint, &s->mp));
	err = start_worker(s, start);
	if (err != OK)
		mountpoint_leave(&s->mp, false);
	return err;
}

void supervisor_run(const struct supervisor_start *start)
{
	static struct supervisor s;
	enum err err;
	int client;

	let_go(start);
	s = (struct supervisor){.req = start->req,
				.home = start->req->home,
				.command = start->command,
				.mp = {.fd = -1},
				.listener = -1,
				.lock = -1};
	err = begin(&s, start);
	/* A command that is gone by now leaves the worker without an identity, which ends it. */
	if (wire_send_result(s.command, WIRE_RESULT, err, NULL, 0) != OK)
		err_clear();
	if (err != OK)
		_exit(err_exit_code(err));
	client = serve(&s);
	err = conclude(&s);
	if (client >= 0 && wire_send_result(client, WIRE_RESULT, err, NULL, 0) != OK)
		err_clear();
	if (s.req->foreground && wire_send_result(s.command, WIRE_END, err, NULL, 0) != OK)
		err_clear();
	_exit(err_exit_code(err));
}

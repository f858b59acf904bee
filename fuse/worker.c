#include "fuse/worker.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "fuse/device.h"
#include "fuse/helper.h"
#include "fuse/mountpoint.h"
#include "fuse/ops.h"
#include "fuse/reseal.h"
#include "fuse/session.h"
#include "fuse/wire.h"

#define THREADS_MAX 8
#define WATCH_MS 1000
#define NUDGE_MS 50
#define IDLE_AGAIN_MS 10000 /* after an idle mount turned out to be in use */

struct worker {
	const struct worker_start *start;
	pthread_mutex_t records_lock; /* one question at a time on start->records */
	bool orphaned;		      /* the supervisor died: records go to the log directly */
	struct audit_log *log;	      /* then */
	struct recorder log_recorder; /* then */
	struct recorder recorder;
	struct vault *vault;
	struct vault_facts facts;
	struct serving serving;
	struct fuse_session *fuse;
	struct resealing *resealing; /* NULL: nothing to do */
	pthread_t loop;
	atomic_bool loop_over;
	int command;	    /* -1 once it has its answer */
	int signals, alarm; /* alarm: a commit failed, look at the medium now */
	int lock;	    /* our share of the session file's lock */
	int64_t idle_asked_ms;
	bool frozen_told;
};

/* ---- records ---- */

static enum err record_directly(struct worker *w, const struct audit_event *event)
{
	if (!w->log)
		TRY(vault_host_recorder(w->start->req->home, &w->log, &w->log_recorder));
	return w->log_recorder.record(w->log_recorder.ctx, event);
}

/* The supervisor's answer; `ret_alive` false when there will never be one. */
static enum err ask_supervisor(struct worker *w, const struct audit_event *event, bool *ret_alive)
{
	CLEANUP(mem_freep) struct message *answer = malloc(sizeof(*answer));

	*ret_alive = true;
	if (!answer)
		return err_at(ERR_NOMEM, "record");
	if (wire_send_event(w->start->records, event) != OK ||
	    wire_receive(w->start->records, answer) != OK) {
		*ret_alive = false;
		return OK;
	}
	return wire_read_result(answer, NULL, 0);
}

static enum err worker_record(void *ctx, const struct audit_event *event)
{
	struct worker *w = ctx;
	bool alive = false;
	enum err err = OK;

	pthread_mutex_lock(&w->records_lock);
	if (!w->orphaned)
		err = ask_supervisor(w, event, &alive);
	if (!alive) {
		w->orphaned = true;
		err = record_directly(w, event);
	}
	pthread_mutex_unlock(&w->records_lock);
	return err;
}

static enum err head_directly(struct worker *w, struct buf *out)
{
	if (!w->log)
		TRY(vault_host_recorder(w->start->req->home, &w->log, &w->log_recorder));
	return w->log_recorder.head(w->log_recorder.ctx, out);
}

static enum err ask_head(struct worker *w, char note[WIRE_NOTE], bool *ret_alive)
{
	CLEANUP(mem_freep) struct message *answer = malloc(sizeof(*answer));

	*ret_alive = true;
	if (!answer)
		return err_at(ERR_NOMEM, "record");
	if (wire_send(w->start->records, WIRE_HEAD, NULL, 0) != OK ||
	    wire_receive(w->start->records, answer) != OK) {
		*ret_alive = false;
		return OK;
	}
	return wire_read_result(answer, note, WIRE_NOTE);
}

static enum err worker_head(void *ctx, struct buf *out)
{
	struct worker *w = ctx;
	char note[WIRE_NOTE] = "";
	bool alive = false;
	enum err err = OK;

	pthread_mutex_lock(&w->records_lock);
	if (!w->orphaned)
		err = ask_head(w, note, &alive);
	note[sizeof(note) - 1] = '\0';
	if (alive && err == OK)
		err = buf_puts(out, note);
	if (!alive) {
		w->orphaned = true;
		err = head_directly(w, out);
	}
	pthread_mutex_unlock(&w->records_lock);
	return err;
}

/* ---- opening ---- */

/* An end of file instead of an identity: the command gave up, and there is nothing to tell. */
static enum err receive_identity(const struct worker *w, struct age_identity **ret)
{
	struct message m;
	enum err err = wire_receive(w->command, &m);

	if (err == ERR_TRUNCATED)
		_exit(0);
	if (err == OK && (m.type != WIRE_IDENTITY || m.len != X25519_LEN))
		err = err_at(ERR_INTERNAL, "an identity of %zu bytes", m.len);
	if (err == OK)
		err = age_identity_from_raw(m.body, ret);
	mem_wipe(&m, sizeof(m));
	return err;
}

static enum err open_vault(struct worker *w)
{
	CLEANUP(age_identity_freep) struct age_identity *identity = NULL;
	const struct mount_request *req = w->start->req;
	struct vault_actor actor = {.home = req->home, .name = req->staff_name};
	enum err err;

	TRY(crypto_init());
	TRY(receive_identity(w, &identity));
	w->recorder = (struct recorder){worker_record, w, worker_head};
	actor.identity = identity;
	actor.recorder = &w->recorder;
	err = vault_open(&actor, w->start->medium, req->read_only, req->purpose, &w->vault,
			 &w->facts);
	home_forget_host_key(req->home);
	return err;
}

/* ---- mounting ---- */

/* Option lists know commas and backslashes; a label may hold anything. */
static void option_text(const char *text, char *out, size_t cap)
{
	size_t i;

	for (i = 0; text[i] && i + 1 < cap; i++) {
		unsigned char c = (unsigned char)text[i];

		out[i] = c < 0x21 || c == ',' || c == '\\' || c == 0x7f ? '_' : text[i];
	}
	out[i] = '\0';
}

static enum err new_fuse(struct worker *w)
{
	char *argv[] = {(char *)(uintptr_t)VAULT_NAME, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	w->serving = (struct serving){
		.volume = vault_volume(w->vault),
		.own_ids = geteuid() != 0,
		.uid = geteuid(),
		.gid = getegid(),
		.used_ms = clock_monotonic_ms(),
	};
	w->fuse = fuse_session_new(&args, &ops_table, sizeof(ops_table), &w->serving);
	fuse_opt_free_args(&args);
	return w->fuse ? OK : err_at(ERR_FUSE, "libfuse refused to start");
}

/* The helper mounts; the library only gets the connection (and never unmounts). */
static enum err mount_fuse(struct worker *w)
{
	char label[VAULT_LABEL_MAX + 1], options[256], connection[32];
	int fd;

	TRY(new_fuse(w));
	option_text(w->facts.label, label, sizeof(label));
	snprintf(options, sizeof(options),
		 "fsname=" VAULT_NAME ":%s,subtype=" VAULT_NAME
		 ",nosuid,nodev,noexec,default_permissions%s",
		 label, w->facts.read_only ? ",ro" : "");
	TRY(helper_mount(w->start->mountpoint, options, &fd));
	snprintf(connection, sizeof(connection), "/dev/fd/%d", fd);
	if (fuse_session_mount(w->fuse, connection) != 0)
		return err_at(ERR_FUSE, "libfuse refused the connection");
	return device_take(w->fuse);
}

/* The supervisor makes the session known; from then on its death and ours can be told apart. */
static enum err tell_ready(struct worker *w)
{
	char volume_id[2 * STORE_ID_LEN + 1];
	enum err err;

	pthread_mutex_lock(&w->records_lock);
	err = wire_send(w->start->records, WIRE_READY, &w->facts, sizeof(w->facts));
	if (err == OK)
		err = wire_receive_result(w->start->records, WIRE_RESULT, NULL, 0);
	pthread_mutex_unlock(&w->records_lock);
	TRY(err);
	text_hex(w->facts.volume_id, STORE_ID_LEN, volume_id);
	return session_share(w->start->req->home, volume_id, &w->lock);
}

/* ---- watching ---- */

static void commit_failed(void *ctx, enum err err)
{
	struct worker *w = ctx;
	uint64_t one = 1;

	if (write(w->alarm, &one, sizeof(one)) < 0)
		err_clear();
}

static void ask_for_idle_end(struct worker *w, int64_t now)
{
	unsigned idle = w->start->req->idle_seconds;

	if (idle == 0 || now - atomic_load(&w->serving.used_ms) < (int64_t)idle * 1000 ||
	    now - w->idle_asked_ms < IDLE_AGAIN_MS)
		return;
	w->idle_asked_ms = now;
	pthread_mutex_lock(&w->records_lock);
	if (!w->orphaned && wire_send(w->start->records, WIRE_IDLE, NULL, 0) != OK)
		err_clear();
	pthread_mutex_unlock(&w->records_lock);
}

/* False: the supervisor wants an end, or is gone itself. */
static bool serve_control(struct worker *w)
{
	struct message m;
	enum err err;

	if (wire_receive(w->start->control, &m) != OK || m.type != WIRE_SYNC)
		return false;
	err = volume_sync(vault_volume(w->vault));
	return wire_send_result(w->start->control, WIRE_RESULT, err, NULL, 0) == OK;
}

/* False: nothing can be read or written any more. A volume that froze while its medium is there
 * keeps serving what was saved. */
static bool medium_is_there(struct worker *w)
{
	struct store_info info;

	store_info(vault_store(w->vault), &info);
	if (info.frozen != ERR_REMOVED && vault_present(w->vault) != ERR_REMOVED)
		return true;
	volume_freeze(vault_volume(w->vault), ERR_REMOVED);
	return false;
}

/* So that people hear of it before they rely on what they write. */
static void tell_frozen(struct worker *w)
{
	struct store_info info;

	store_info(vault_store(w->vault), &info);
	if (w->frozen_told || info.frozen == OK)
		return;
	w->frozen_told = true;
	session_tell_frozen(w->lock, info.frozen);
}

/* Until there is a reason to end. */
static void watch_for_end(struct worker *w)
{
	while (!atomic_load(&w->loop_over)) {
		struct pollfd ends[] = {{w->start->control, POLLIN, 0},
					{w->signals, POLLIN, 0},
					{w->alarm, POLLIN, 0}};
		uint64_t count;

		if (poll(ends, ARRAY_LEN(ends), WATCH_MS) < 0 && errno != EINTR)
			return;
		if (ends[2].revents && read(w->alarm, &count, sizeof(count)) < 0)
			return;
		if (ends[1].revents || !medium_is_there(w))
			return;
		if (ends[0].revents && !serve_control(w))
			return;
		tell_frozen(w);
		ask_for_idle_end(w, clock_monotonic_ms());
	}
}

/* The loop sleeps where only a signal reaches it, and one that comes just before it sleeps is lost:
 * so it is nudged until it has noticed. */
static void *watch(void *ctx)
{
	struct worker *w = ctx;

	watch_for_end(w);
	while (!atomic_load(&w->loop_over)) {
		fuse_session_exit(w->fuse);
		pthread_kill(w->loop, SIGUSR1);
		poll(NULL, 0, NUDGE_MS);
	}
	return NULL;
}

static void nudged(int signal_number)
{
}

/* Everything that asks for an end is read by the watcher; SIGUSR1 only interrupts the loop's sleep.
 */
static enum err open_signals(struct worker *w)
{
	struct sigaction nudge = {.sa_handler = nudged};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	w->signals = signalfd(-1, &set, SFD_CLOEXEC);
	w->alarm = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->signals < 0 || w->alarm < 0 || sigaction(SIGUSR1, &nudge, NULL) != 0)
		return err_from_errno("signals");
	return OK;
}

/* ---- serving ---- */

static enum err run_loop(struct worker *w)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	pthread_t watcher;
	int status;

	if (!config)
		return err_at(ERR_NOMEM, "fuse loop");
	fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(config, THREADS_MAX);
	fuse_loop_cfg_set_clone_fd(config, access("/dev/fuse", R_OK | W_OK) == 0);
	w->loop = pthread_self();
	status = pthread_create(&watcher, NULL, watch, w);
	if (status == 0) {
		fuse_session_loop_mt(w->fuse, config);
		atomic_store(&w->loop_over, true);
		commit_failed(w, OK); /* wakes the watcher */
		pthread_join(watcher, NULL);
	}
	fuse_loop_cfg_destroy(config);
	errno = status;
	return status == 0 ? OK : err_from_errno("thread");
}

static enum err announce(struct worker *w)
{
	TRY(open_signals(w));
	TRY(tell_ready(w));
	if (!w->facts.read_only)
		TRY(volume_start_committer(vault_volume(w->vault), commit_failed, w));
	TRY(resealing_start(w->vault, &w->serving, w->lock, &w->resealing));
	TRY(wire_send_result(w->command, WIRE_RESULT, OK, &w->facts, sizeof(w->facts)));
	fd_closep(&w->command);
	return OK;
}

static enum err serve(struct worker *w)
{
	enum err err;

	err = mount_fuse(w);
	if (err == OK)
		err = announce(w);
	if (err == OK)
		err = run_loop(w);
	resealing_stop(TAKE(w->resealing));
	if (mountpoint_unmount(w->start->mountpoint, true) != OK)
		err_clear(); /* the supervisor tries again */
	if (w->fuse)
		fuse_session_destroy(TAKE(w->fuse));
	return err;
}

/* Looks once more, so that a medium that left a moment ago is told as such. */
static enum err close_vault(struct worker *w)
{
	if (!medium_is_there(w))
		err_clear();
	return vault_close(TAKE(w->vault));
}

static enum err whole_life(struct worker *w)
{
	enum err err = open_vault(w), closed;
	char detail[512];

	if (err == OK)
		err = serve(w);
	snprintf(detail, sizeof(detail), "%s", err == OK ? "" : err_detail());
	closed = w->vault ? close_vault(w) : OK;
	return err == OK ? closed : err_at(err, "%s", detail);
}

/* Without a supervisor nobody else tidies up. */
static void tidy_orphan(struct worker *w)
{
	char volume_id[2 * STORE_ID_LEN + 1];

	if (!w->orphaned || w->lock < 0)
		return;
	text_hex(w->facts.volume_id, STORE_ID_LEN, volume_id);
	session_remove(w->start->req->home, volume_id);
}

void worker_run(const struct worker_start *start)
{
	static struct worker w;
	enum err err;

	prctl(PR_SET_NAME, VAULT_NAME "-worker");
	w = (struct worker){
		.start = start,
		.command = start->command,
		.signals = -1,
		.alarm = -1,
		.lock = -1,
	};
	pthread_mutex_init(&w.records_lock, NULL);
	err = whole_life(&w);
	if (w.command >= 0 && wire_send_result(w.command, WIRE_RESULT, err, NULL, 0) != OK)
		err_clear();
	if (wire_send_result(start->records, WIRE_END, err, NULL, 0) != OK)
		err_clear();
	tidy_orphan(&w);
	_exit(err_exit_code(err));
}

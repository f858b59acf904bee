/* Sessions that are open on this host, as any command sees them. */
#include "fuse/mount.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "fuse/session.h"
#include "fuse/wire.h"

#define SUFFIX ".session"
#define ORPHAN_PATIENCE_MS 15000 /* a worker without a supervisor closes within seconds */
#define ORPHAN_LOOK_MS 50
#define WAITING_MS 1000

/* ---- listing ---- */

static bool is_session_name(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(SUFFIX) && strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* The exclusive lock can be had: nobody serves this session. Somebody else may have buried it
 * between our opening and our locking; then it has no name any more. */
static bool is_stale(int fd)
{
	struct stat st;

	return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static enum err bury(struct home *home, const struct session *session)
{
	CLEANUP(audit_log_closep) struct audit_log *log = NULL;
	struct recorder recorder;

	TRY(vault_host_recorder(home, &log, &recorder));
	TRY(session_bury(&recorder, session, ERR_INTERRUPTED));
	session_remove(home, session->s.volume_id);
	return OK;
}

/* ret_live false: it was none, or is none any more. */
static enum err look_at(struct home *home, int dir_fd, const char *name, struct session *session,
			bool *ret_live)
{
	CLEANUP(fd_closep) int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool stale;

	*ret_live = false;
	if (fd < 0)
		return errno == ENOENT ? OK : err_from_errno("%s", name);
	stale = is_stale(fd);
	if (session_read(fd, session) != OK) {
		if (stale) /* a crash of the whole computer may leave an empty one */
			unlinkat(dir_fd, name, 0);
		return OK;
	}
	if (stale)
		return bury(home, session);
	*ret_live = true;
	return OK;
}

enum err mount_sessions(struct home *home, enum err (*fn)(void *ctx, const struct mount_session *s),
			void *ctx)
{
	CLEANUP(mem_freep) struct session *session = calloc(1, sizeof(*session));
	DIR *dir = opendir(home_run_dir(home));
	struct dirent *entry;
	enum err err = OK;
	bool live;

	if (!session || !dir) {
		if (dir)
			closedir(dir);
		return session ? OK : err_at(ERR_NOMEM, "session");
	}
	while (err == OK && (entry = readdir(dir))) {
		if (!is_session_name(entry->d_name))
			continue;
		err = look_at(home, dirfd(dir), entry->d_name, session, &live);
		if (err == OK && live)
			err = fn(ctx, &session->s);
	}
	closedir(dir);
	return err;
}

/* ---- ejecting ---- */

static enum err connect_to(struct home *home, const struct mount_session *s, int *ret)
{
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	CLEANUP(fd_closep) int dir = -1;
	struct sockaddr_un address;

	if (fd < 0)
		return err_from_errno("control socket");
	TRY(session_address(home, s->volume_id, &dir, &address));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return err_errno_at(ERR_NOT_FOUND, "control socket");
	*ret = fd;
	fd = -1;
	return OK;
}

struct seek {
	const char *volume_id;
	bool there;
};

static enum err is_there(void *ctx, const struct mount_session *s)
{
	struct seek *seek = ctx;

	seek->there |= strcmp(seek->volume_id, s->volume_id) == 0;
	return OK;
}

/* The supervisor is dead. Its worker is closing by itself, or died too and is buried by looking. */
static enum err wait_for_orphan(struct home *home, const struct mount_session *s)
{
	const struct timespec pause = {.tv_nsec = ORPHAN_LOOK_MS * 1000000L};
	int64_t until = clock_monotonic_ms() + ORPHAN_PATIENCE_MS;
	struct seek seek = {s->volume_id, true};

	while (seek.there) {
		if (clock_monotonic_ms() > until)
			return err_at(ERR_BUSY, "%s", s->mountpoint);
		nanosleep(&pause, NULL);
		seek.there = false;
		TRY(mount_sessions(home, is_there, &seek));
	}
	return OK;
}

/* A slow medium may need minutes to take what is still in memory. */
static void wait_for_answer(int fd, void (*waiting)(void *ctx), void *ctx)
{
	struct pollfd end = {fd, POLLIN, 0};

	while (waiting && poll(&end, 1, WAITING_MS) == 0)
		waiting(ctx);
}

enum err mount_eject(struct home *home, const struct mount_session *s, bool force,
		     void (*waiting)(void *ctx), void *ctx)
{
	CLEANUP(fd_closep) int fd = -1;
	uint8_t body = force;
	enum err err = connect_to(home, s, &fd);

	if (err == ERR_NOT_FOUND)
		return wait_for_orphan(home, s);
	TRY(err);
	TRY(wire_send(fd, WIRE_EJECT, &body, 1));
	wait_for_answer(fd, waiting, ctx);
	err = wire_receive_result(fd, WIRE_RESULT, NULL, 0);
	return err == ERR_TRUNCATED ? wait_for_orphan(home, s) : err;
}

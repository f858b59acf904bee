#include "fuse/session.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "fuse/mountpoint.h"
#include "fuse/wire.h"

#define SESSION_MAGIC 0x33535356u /* "VSS3" */
#define FROZEN_AT 4		  /* behind it; changed in place */
#define RESEALED 0xffu		  /* nothing is to be sealed anew */

static char *path_of(struct home *home, const char *volume_id, const char *suffix)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", volume_id, suffix);
	return io_path_join(home_run_dir(home), name);
}

static size_t session_encode(const struct session *session, uint8_t out[WIRE_MAX])
{
	struct writer w = writer_make(out, WIRE_MAX);

	write_u32(&w, SESSION_MAGIC);
	write_u32(&w, (uint32_t)session->s.frozen);
	wire_put_text(&w, session->s.volume_id);
	wire_put_text(&w, session->s.label);
	wire_put_text(&w, session->s.mountpoint);
	wire_put_text(&w, session->s.medium);
	wire_put_text(&w, session->s.actor);
	wire_put_text(&w, session->session_id);
	wire_put_text(&w, session->mode);
	wire_put_text(&w, session->suite);
	wire_put_text(&w, session->role);
	wire_put_text(&w, session->medium_id);
	write_u64(&w, (uint64_t)session->s.since);
	write_u32(&w, (uint32_t)session->s.pid);
	write_u8(&w, session->s.read_only);
	write_u8(&w, session->created);
	write_u8(&w, (uint8_t)(session->keysep + 1));
	write_u8(&w, RESEALED); /* stays last: it is changed in place */
	return writer_ok(&w) ? (size_t)(w.at - out) : 0;
}

static void take_text(struct reader *r, char *out, size_t cap)
{
	const char *text = wire_get_text(r);

	if (!text || strlen(text) >= cap) {
		r->failed = true;
		return;
	}
	memcpy(out, text, strlen(text) + 1);
}

static bool session_decode(struct reader r, struct session *out)
{
	struct mount_session *s = &out->s;

	if (read_u32(&r) != SESSION_MAGIC)
		return false;
	s->frozen = (enum err)read_u32(&r);
	take_text(&r, s->volume_id, sizeof(s->volume_id));
	take_text(&r, s->label, sizeof(s->label));
	take_text(&r, s->mountpoint, sizeof(s->mountpoint));
	take_text(&r, s->medium, sizeof(s->medium));
	take_text(&r, s->actor, sizeof(s->actor));
	take_text(&r, out->session_id, sizeof(out->session_id));
	take_text(&r, out->mode, sizeof(out->mode));
	take_text(&r, out->suite, sizeof(out->suite));
	take_text(&r, out->role, sizeof(out->role));
	take_text(&r, out->medium_id, sizeof(out->medium_id));
	s->since = (int64_t)read_u64(&r);
	s->pid = (int)read_u32(&r);
	s->read_only = read_u8(&r) != 0;
	out->created = read_u8(&r) != 0;
	out->keysep = read_u8(&r) - 1;
	s->resealed = read_u8(&r);
	if (s->resealed > 100)
		s->resealed = -1;
	return reader_done(&r);
}

/* Locked before it has its name, so that nobody takes it for stale. */
enum err session_write(struct home *home, const struct session *session, int *ret_lock)
{
	CLEANUP(mem_freep) char *path = path_of(home, session->s.volume_id, ".session");
	CLEANUP(mem_freep) char *temp = path_of(home, session->s.volume_id, ".new");
	CLEANUP(fd_closep) int fd = -1;
	uint8_t body[WIRE_MAX];
	size_t len = session_encode(session, body);

	if (!path || !temp)
		return err_at(ERR_NOMEM, "session file");
	if (len == 0)
		return err_at(ERR_INVALID, "%s: names too long for a session", path);
	fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) != 0)
		return err_from_errno("%s", temp);
	TRY(io_write_full(fd, body, len));
	if (rename(temp, path) != 0)
		return err_from_errno("%s", path);
	*ret_lock = fd;
	fd = -1;
	return OK;
}

enum err session_share(struct home *home, const char *volume_id, int *ret_lock)
{
	CLEANUP(mem_freep) char *path = path_of(home, volume_id, ".session");
	CLEANUP(fd_closep) int fd = -1;

	if (!path)
		return err_at(ERR_NOMEM, "session file");
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_SH) != 0)
		return err_from_errno("%s", path);
	*ret_lock = fd;
	fd = -1;
	return OK;
}

/* Only people look at it: a failure costs nothing. */
void session_tell_resealed(int lock, int percent)
{
	uint8_t byte = percent < 0 ? RESEALED : (uint8_t)MIN(percent, 100);
	struct stat st;

	if (fstat(lock, &st) != 0 || pwrite(lock, &byte, 1, st.st_size - 1) != 1)
		err_clear();
}

/* The closing record tells it too: a failure costs nothing but the warning. */
void session_tell_frozen(int lock, enum err why)
{
	uint8_t number[4];
	struct writer w = writer_make(number, sizeof(number));

	write_u32(&w, (uint32_t)why);
	if (io_pwrite_full(lock, number, sizeof(number), FROZEN_AT) != OK)
		err_clear();
}

enum err session_read(int fd, struct session *ret)
{
	CLEANUP(mem_freep) struct session *found = calloc(1, sizeof(*found));
	uint8_t body[WIRE_MAX];
	size_t len;

	if (!found)
		return err_at(ERR_NOMEM, "session");
	if (lseek(fd, 0, SEEK_SET) != 0)
		return err_from_errno("session file");
	TRY(io_read_full(fd, body, sizeof(body), &len));
	if (!session_decode(reader_make(body, len), found))
		return err_at(ERR_BAD_FORMAT, "session file");
	*ret = *found;
	return OK;
}

void session_remove(struct home *home, const char *volume_id)
{
	static const char *const suffixes[] = {".sock", ".session"};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		CLEANUP(mem_freep) char *path = path_of(home, volume_id, suffixes[i]);

		if (path)
			unlink(path);
	}
}

static const char *or_absent(const char *text)
{
	return text[0] ? text : NULL;
}

enum err session_bury(const struct recorder *recorder, const struct session *session,
		      enum err reason)
{
	struct audit_event event = {
		.code = AUDIT_UNCLEAN,
		.result = AUDIT_FAILED,
		.reason = reason,
		.actor = or_absent(session->s.actor),
		.volume_id = or_absent(session->s.volume_id),
		.label = or_absent(session->s.label),
		.session_id = or_absent(session->session_id),
		.mode = or_absent(session->mode),
		.suite = or_absent(session->suite),
		.role = or_absent(session->role),
		.medium_id = or_absent(session->medium_id),
		.keysep = session->keysep,
	};
	enum err unmounted = mountpoint_unmount(session->s.mountpoint, true);

	if (session->created)
		rmdir(session->s.mountpoint);
	TRY(recorder->record(recorder->ctx, &event));
	return unmounted;
}

enum err session_address(struct home *home, const char *volume_id, int *ret_dir_fd,
			 struct sockaddr_un *ret)
{
	int fd = open(home_run_dir(home), O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_from_errno("%s", home_run_dir(home));
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%.32s.sock", fd,
		 volume_id);
	*ret_dir_fd = fd;
	return OK;
}

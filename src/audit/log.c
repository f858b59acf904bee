#include "audit/log.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/line.h"
#include "base/io.h"
#include "base/text.h"

struct audit_log {
	int fd;
	char *path, *host;
	const struct sign_key *key; /* borrowed */
};

/* Whatever went wrong, for the caller it is one thing: no record. The detail keeps the cause. */
static enum err no_log(enum err err)
{
	char detail[512];

	if (err == OK || err == ERR_LOG_WRITE)
		return err;
	text_copy(detail, sizeof(detail), err_detail());
	return err_at(ERR_LOG_WRITE, "%s", detail);
}

static enum err open_file(const char *path, int *ret)
{
	struct stat st;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_from_errno("%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_at(ERR_IO, "%s: not a plain file", path);
	}
	*ret = fd;
	/* A fresh file must not vanish with a power cut after its first line was acknowledged. */
	if (st.st_size == 0) {
		enum err err = io_sync_dir_of(path);

		if (err != OK)
			close(fd);
		return err;
	}
	return OK;
}

enum err audit_log_open(const char *path, const char *host, const struct sign_key *key,
			struct audit_log **ret)
{
	CLEANUP(audit_log_closep) struct audit_log *log = calloc(1, sizeof(*log));

	if (!log)
		return err_at(ERR_LOG_WRITE, "out of memory");
	log->fd = -1;
	log->key = key;
	log->path = strdup(path);
	log->host = strdup(host);
	if (!log->path || !log->host)
		return err_at(ERR_LOG_WRITE, "out of memory");
	TRY(no_log(open_file(path, &log->fd)));
	*ret = TAKE(log);
	return OK;
}

void audit_log_close(struct audit_log *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log->path);
	free(log->host);
	free(log);
}

/* ---- the end of the file ---- */

struct tail {
	off_t end;    /* of the file */
	off_t torn;   /* bytes behind the last newline that a crash left; 0 none */
	uint64_t seq; /* of the last whole line; 0: there is none */
	uint8_t sha256[SHA256_LEN];
};

static enum err read_tail(int fd, off_t end, struct buf *ret)
{
	size_t len = (size_t)MIN(end, (off_t)(2 * LINE_MAX_LEN));
	char *data = malloc(len + 1);
	enum err err;

	if (!data)
		return err_at(ERR_NOMEM, "log");
	err = io_pread_full(fd, data, len, end - (off_t)len);
	if (err != OK) {
		free(data);
		return err;
	}
	data[len] = '\0';
	*ret = (struct buf){ data, len, len + 1 };
	return OK;
}

/* ERR_LOG_TAMPERED when it is no record. */
static enum err take_record(const char *line, size_t len, struct tail *ret)
{
	struct line_facts facts;

	TRY(line_parse(line, len, &facts));
	ret->seq = facts.seq;
	sha256(line, len, ret->sha256);
	return OK;
}

/* The last whole line that is a record; torn pieces that were closed off before are passed over. */
static enum err last_record(const struct buf *bytes, size_t end, struct tail *ret)
{
	while (end > 0) {
		const char *line = memrchr(bytes->data, '\n', end - 1);
		size_t begin = line ? (size_t)(line - bytes->data) + 1 : 0;
		enum err err = take_record(bytes->data + begin, end - 1 - begin, ret);

		if (err != ERR_LOG_TAMPERED)
			return err;
		end = begin;
	}
	return err_at(ERR_LOG_WRITE, "the log does not end with a record");
}

static enum err find_tail(struct audit_log *log, struct tail *ret)
{
	CLEANUP(buf_clear) struct buf bytes = { 0 };
	struct stat st;
	const char *newline;
	size_t whole;

	memset(ret, 0, sizeof(*ret));
	if (fstat(log->fd, &st) < 0)
		return err_from_errno("%s", log->path);
	ret->end = st.st_size;
	if (ret->end == 0)
		return OK;
	TRY(read_tail(log->fd, ret->end, &bytes));
	newline = memrchr(bytes.data, '\n', bytes.len);
	whole = newline ? (size_t)(newline - bytes.data) + 1 : 0;
	ret->torn = (off_t)(bytes.len - whole);
	/* It may lack nothing but the newline; then it counts. */
	if (ret->torn > 0) {
		enum err err = take_record(bytes.data + whole, bytes.len - whole, ret);

		if (err != ERR_LOG_TAMPERED)
			return err;
	}
	if (whole == 0 && (off_t)bytes.len == ret->end)
		return OK; /* nothing but the torn first line */
	return last_record(&bytes, whole, ret);
}

/* ---- appending ---- */

static enum err append_line(struct audit_log *log, struct tail *tail,
			    const struct audit_event *event, struct buf *out)
{
	struct line_place place = { .seq = tail->seq + 1, .host = log->host };
	size_t begin = out->len;

	memcpy(place.prev, tail->sha256, SHA256_LEN);
	TRY(line_print(&place, event, log->key, out));
	tail->seq = place.seq;
	sha256(out->data + begin, out->len - begin - 1, tail->sha256);
	return OK;
}

/* All or nothing: a line that could not be written whole is cut off again. */
static enum err write_durably(struct audit_log *log, off_t end, const struct buf *text)
{
	enum err err = io_pwrite_full(log->fd, text->data, text->len, end);

	if (err == OK && fsync(log->fd) == 0)
		return OK;
	if (err == OK)
		err = err_from_errno("%s", log->path);
	(void)!ftruncate(log->fd, end);
	return err;
}

static enum err append_locked(struct audit_log *log, const struct audit_event *event,
			      uint64_t *ret_seq)
{
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct tail tail;

	TRY(find_tail(log, &tail));
	if (tail.torn > 0) {
		struct audit_event recovered = { .code = AUDIT_RECOVERED, .reason = ERR_TRUNCATED };

		TRY(buf_puts(&text, "\n"));
		TRY(append_line(log, &tail, &recovered, &text));
	}
	TRY(append_line(log, &tail, event, &text));
	TRY(write_durably(log, tail.end, &text));
	if (ret_seq)
		*ret_seq = tail.seq;
	return OK;
}

/* The file that is open must still be the log: one that was moved away would take records nobody
 * finds. */
static enum err still_the_log(struct audit_log *log)
{
	struct stat open_one, at_path;

	if (fstat(log->fd, &open_one) < 0 || stat(log->path, &at_path) < 0 ||
	    open_one.st_ino != at_path.st_ino || open_one.st_dev != at_path.st_dev)
		return err_at(ERR_LOG_WRITE, "%s is gone", log->path);
	return OK;
}

enum err audit_log_append(struct audit_log *log, const struct audit_event *event,
			  uint64_t *ret_seq)
{
	enum err err = no_log(still_the_log(log));

	TRY(err);
	while (flock(log->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return no_log(err_from_errno("%s: lock", log->path));
	err = append_locked(log, event, ret_seq);
	(void)flock(log->fd, LOCK_UN);
	return no_log(err);
}

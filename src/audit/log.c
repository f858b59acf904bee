#include "audit/log.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audit/forward.h"
#include "audit/growth.h"
#include "audit/line.h"
#include "audit/period.h"
#include "audit/tail.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"

#define PERIOD_SECONDS 86400 /* without a mount a period ends by itself */

struct audit_log {
	int fd;
	char *path, *host, *keys_path, *tree_path;
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

/* ---- opening ---- */

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

/* malloc'd: `name` in the folder of `path`. */
static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	size_t dir = slash ? (size_t)(slash - path) + 1 : 0;
	char *out = malloc(dir + strlen(name) + 1);

	if (out) {
		memcpy(out, path, dir);
		strcpy(out + dir, name);
	}
	return out;
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
	log->keys_path = beside(path, "signing.key");
	log->tree_path = beside(path, "host.tree");
	if (!log->path || !log->host || !log->keys_path || !log->tree_path)
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
	free(log->keys_path);
	free(log->tree_path);
	free(log);
}

/* ---- what is appended in one write ---- */

struct block {
	const struct audit_log *log;
	struct tail tail;
	struct period_keys *keys;	/* owned */
	const struct sign_key *key;	/* in force; NULL: it was lost */
	const struct sign_key *closing; /* is to sign what its period was; NULL: nothing to close */
	struct growth growth;
	bool has_growth;
	struct buf text;
};

static void block_clear(struct block *b)
{
	period_keys_close(b->keys);
	buf_clear(&b->text);
}

static const struct sign_key *key_of(const struct block *b, const uint8_t fpr[KEY_FPR_LEN])
{
	uint8_t own[KEY_FPR_LEN];

	key_fpr(sign_key_vkey(b->log->key), own);
	if (memcmp(own, fpr, KEY_FPR_LEN) == 0)
		return b->log->key;
	return period_keys_find(b->keys, fpr);
}

static enum err block_begin(struct audit_log *log, struct block *b)
{
	b->log = log;
	TRY(tail_find(log->fd, log->path, &b->tail));
	TRY(period_keys_open(log->keys_path, &b->keys));
	b->key = b->tail.seq > 0 ? key_of(b, b->tail.fpr) : log->key;
	if (b->tail.unclosed)
		b->closing = key_of(b, b->tail.closing_fpr);
	else
		TRY(period_keys_destroy_others(b->keys, b->key));
	if (b->tail.torn > 0)
		TRY(buf_puts(&b->text, "\n"));
	return OK;
}

/* The tree over all lines before the one that comes. */
static enum err grow(struct block *b)
{
	if (b->has_growth)
		return OK;
	TRY(growth_read(b->log->fd, b->log->tree_path, b->tail.end, &b->growth));
	if (b->tail.torn > 0 && b->growth.end < b->tail.end) {
		/* The line feed that closes the torn piece off is the first byte of ours. */
		CLEANUP(mem_freep) char *piece = malloc((size_t)b->tail.torn);
		uint8_t leaf[SHA256_LEN];

		if (!piece)
			return err_at(ERR_NOMEM, "log");
		TRY(io_pread_full(b->log->fd, piece, (size_t)b->tail.torn, b->growth.end));
		merkle_leaf(piece, (size_t)b->tail.torn, leaf);
		merkle_add(&b->growth.tree, leaf);
		b->growth.end = b->tail.end + 1;
		growth_add(&b->growth, b->text.data + 1, b->text.len - 1);
	} else {
		growth_add(&b->growth, b->text.data, b->text.len);
	}
	b->has_growth = true;
	return OK;
}

static enum err close_period(struct block *b, struct buf *note)
{
	struct checkpoint c;

	TRY(grow(b));
	checkpoint_make(&c, ORIGIN_HOST, b->log->host, &b->growth.tree);
	return note_sign(&c, c.origin, b->closing, note);
}

static enum err cosign(struct block *b, const char *text, struct buf *note)
{
	char name[ORIGIN_MAX];
	struct checkpoint c;

	TRY(checkpoint_parse(text, strlen(text), &c));
	snprintf(name, sizeof(name), ORIGIN_HOST "%s", b->log->host);
	return note_cosign(&c, name, b->key, clock_wall().tv_sec, note);
}

static enum err put_line(struct block *b, const struct audit_event *event, const uint8_t *next_vkey)
{
	CLEANUP(buf_clear) struct buf witness = {0}, checkpoint = {0};
	struct line_place place = {
		.seq = b->tail.seq + 1, .host = b->log->host, .next_vkey = next_vkey};
	size_t begin = b->text.len;

	if (event->witness)
		TRY(cosign(b, event->witness, &witness));
	if (b->closing)
		TRY(close_period(b, &checkpoint));
	place.witness = witness.data;
	place.checkpoint = checkpoint.data;
	memcpy(place.prev, b->tail.sha256, SHA256_LEN);
	TRY(line_print(&place, event, b->key, &b->text));
	if (b->has_growth)
		growth_add(&b->growth, b->text.data + begin, b->text.len - begin);
	b->closing = NULL;
	return tail_take(&b->tail, b->text.data + begin, b->text.len - begin - 1);
}

/* ---- periods ---- */

static enum err rotate(struct block *b)
{
	const struct audit_event event = {.code = AUDIT_ROTATE};
	const struct sign_key *old = b->key, *next;

	TRY(period_keys_draw(b->keys, old, &next));
	TRY(put_line(b, &event, sign_key_vkey(next)));
	b->closing = old;
	b->key = next;
	return OK;
}

/* The key of the period is gone, with the folder of another day or by an accident: the host key
 * begins a new one, which every reader notices. */
static enum err begin_anew(struct block *b)
{
	const struct audit_event event = {
		.code = AUDIT_ROTATE, .result = AUDIT_FAILED, .reason = ERR_KEY_NOT_FOUND};
	const struct sign_key *next;

	b->closing = NULL;
	TRY(period_keys_draw(b->keys, NULL, &next));
	b->key = b->log->key;
	TRY(put_line(b, &event, sign_key_vkey(next)));
	b->closing = b->log->key;
	b->key = next;
	return OK;
}

static bool is_old(const struct block *b)
{
	struct stat st;

	return stat(b->log->keys_path, &st) == 0 &&
	       clock_wall().tv_sec - st.st_mtime >= PERIOD_SECONDS;
}

/* Never while the period before waits for its end: its key would have to go for the next one. */
static bool is_to_rotate(const struct block *b, const struct audit_event *event)
{
	if (b->tail.seq == 0 || b->closing)
		return false;
	return (event->code == AUDIT_UNLOCK && event->result == AUDIT_OK) || is_old(b);
}

static enum err put_event(struct block *b, const struct audit_event *event)
{
	if (clock_wall().tv_sec < b->tail.time) {
		const struct audit_event back = {.code = AUDIT_CLOCK};

		TRY(put_line(b, &back, NULL));
	}
	if (is_to_rotate(b, event))
		TRY(rotate(b));
	return put_line(b, event, NULL);
}

static enum err put_all(struct block *b, const struct audit_event *events, size_t count)
{
	if (!b->key)
		TRY(begin_anew(b));
	if (b->tail.torn > 0) {
		const struct audit_event recovered = {.code = AUDIT_RECOVERED,
						      .reason = ERR_TRUNCATED};

		TRY(put_line(b, &recovered, NULL));
	}
	for (size_t i = 0; i < count; i++)
		TRY(put_event(b, &events[i]));
	return OK;
}

/* ---- appending ---- */

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

/* Each line of what was just written. */
static void forward(const struct buf *text)
{
	const char *at = text->data, *end = at + text->len, *stop;

	for (; at < end && (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1)
		if (stop > at)
			audit_forward(at, (size_t)(stop - at));
}

static enum err append_locked(struct audit_log *log, const struct audit_event *events, size_t count,
			      uint64_t *ret_seq)
{
	CLEANUP(block_clear) struct block b = {0};

	TRY(block_begin(log, &b));
	TRY(put_all(&b, events, count));
	TRY(write_durably(log, b.tail.end, &b.text));
	if (ret_seq)
		*ret_seq = b.tail.seq;
	if (b.has_growth)
		growth_keep(&b.growth, log->fd, log->tree_path);
	forward(&b.text);
	/* The record is there; a key that could not be destroyed now is when the next line comes.
	 */
	if (!b.closing && period_keys_destroy_others(b.keys, b.key) != OK)
		err_clear();
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

static enum err lock(struct audit_log *log)
{
	TRY(still_the_log(log));
	while (flock(log->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_from_errno("%s: lock", log->path);
	return OK;
}

enum err audit_log_append_all(struct audit_log *log, const struct audit_event *events, size_t count,
			      uint64_t *ret_seq)
{
	enum err err = no_log(lock(log));

	TRY(err);
	err = append_locked(log, events, count, ret_seq);
	(void)flock(log->fd, LOCK_UN);
	return no_log(err);
}

enum err audit_log_append(struct audit_log *log, const struct audit_event *event, uint64_t *ret_seq)
{
	return audit_log_append_all(log, event, 1, ret_seq);
}

/* ---- the head ---- */

static enum err head_locked(struct audit_log *log, struct buf *out)
{
	CLEANUP(block_clear) struct block b = {0};
	struct checkpoint c;

	TRY(block_begin(log, &b));
	if (b.tail.seq == 0)
		return err_at(ERR_NOT_FOUND, "%s", log->path);
	if (!b.key)
		return err_at(ERR_KEY_NOT_FOUND, "%s", log->keys_path);
	TRY(growth_read(log->fd, log->tree_path, b.tail.end, &b.growth));
	checkpoint_make(&c, ORIGIN_HOST, log->host, &b.growth.tree);
	return note_sign(&c, c.origin, b.key, out);
}

enum err audit_log_head(struct audit_log *log, struct buf *out)
{
	enum err err = no_log(lock(log));

	TRY(err);
	err = head_locked(log, out);
	(void)flock(log->fd, LOCK_UN);
	return err == ERR_NOT_FOUND ? err : no_log(err);
}

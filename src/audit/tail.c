#include "audit/tail.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/io.h"

static enum err read_end(int fd, off_t end, struct buf *ret)
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
	*ret = (struct buf){data, len, len + 1};
	return OK;
}

enum err tail_take(struct tail *t, const char *line, size_t len)
{
	struct record r;

	TRY(record_parse(line, len, &r));
	t->seq = r.seq;
	t->time = r.time;
	sha256(line, len, t->sha256);
	t->unclosed = r.has_vkey && span_is(r.event, "rotate");
	memcpy(t->closing_fpr, r.key_fpr, KEY_FPR_LEN);
	memcpy(t->fpr, r.key_fpr, KEY_FPR_LEN);
	if (t->unclosed)
		key_fpr(r.vkey, t->fpr);
	return OK;
}

/* The last whole line that is a record; torn pieces that were closed off before are passed over. */
static enum err last_record(const struct buf *bytes, size_t end, struct tail *ret)
{
	while (end > 0) {
		const char *line = memrchr(bytes->data, '\n', end - 1);
		size_t begin = line ? (size_t)(line - bytes->data) + 1 : 0;
		enum err err = tail_take(ret, bytes->data + begin, end - 1 - begin);

		if (err != ERR_LOG_TAMPERED)
			return err;
		end = begin;
	}
	return err_at(ERR_LOG_WRITE, "the log does not end with a record");
}

enum err tail_find(int fd, const char *path, struct tail *ret)
{
	CLEANUP(buf_clear) struct buf bytes = {0};
	struct stat st;
	const char *newline;
	size_t whole;

	memset(ret, 0, sizeof(*ret));
	if (fstat(fd, &st) < 0)
		return err_from_errno("%s", path);
	ret->end = st.st_size;
	if (ret->end == 0)
		return OK;
	TRY(read_end(fd, ret->end, &bytes));
	newline = memrchr(bytes.data, '\n', bytes.len);
	whole = newline ? (size_t)(newline - bytes.data) + 1 : 0;
	ret->torn = (off_t)(bytes.len - whole);
	/* It may lack nothing but the line feed; then it counts. */
	if (ret->torn > 0) {
		enum err err = tail_take(ret, bytes.data + whole, bytes.len - whole);

		if (err != ERR_LOG_TAMPERED)
			return err;
	}
	if (whole == 0 && (off_t)bytes.len == ret->end)
		return OK; /* nothing but the torn first line */
	return last_record(&bytes, whole, ret);
}

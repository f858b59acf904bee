/* The file of a host's register: statements one behind the other, appended under a lock and flushed
 * before anybody hears of them. FORMAT.md, "Register". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"
#include "org/register_set.h"

#define FILE_MAX (256u << 20)
#define CHECKED_TEXT 128u
#define CHECKED_STEP 16384u /* bytes that are verified again sooner than noted */
#define WRITER_TEXT (2 * WRITER_LEN)

/* In a file that only we append to, anything that does not read was changed by somebody. */
static enum err tampered(enum err err, const char *path)
{
	if (err == ERR_BAD_FORMAT || err == ERR_FORGED || err == ERR_SENDER)
		return err_at(ERR_LOG_TAMPERED, "%s", path);
	return err;
}

/* Adds what the file has behind r->end; *ret_size is where whole statements end. */
static enum err add_rest(struct org_register *r, const char *text, size_t len)
{
	size_t torn;

	TRY(tampered(register_add_text(r, text, len, true, &torn), r->path));
	r->end += torn;
	if (r->count > 0 && !register_is_founded(r))
		return err_at(ERR_LOG_TAMPERED, "%s", r->path);
	return OK;
}

/* ---- what was verified before ---- */

/* Signatures cost more than anything else of an opening. Whoever can write this note can write the
 * file beside it and everything else of this host, its key too; so it has a hash and no seal. */
static enum err checked_path(const struct org_register *r, char **ret)
{
	*ret = io_path_join(r->dir, "checked");
	return *ret ? OK : err_at(ERR_NOMEM, "path");
}

/* The length of the file's beginning that was verified; 0 when it was not, or was changed since. */
static size_t checked_len(const struct org_register *r, const struct buf *text)
{
	CLEANUP(buf_clear) struct buf note = {0};
	CLEANUP(mem_freep) char *path = NULL;
	char want[2 * SHA256_LEN + 1], have[2 * SHA256_LEN + 2];
	uint8_t sum[SHA256_LEN];
	size_t len = 0;

	if (checked_path(r, &path) != OK || io_read_file(path, CHECKED_TEXT, &note) != OK ||
	    !note.data || sscanf(note.data, "%zu %65[0-9a-f]", &len, have) != 2 || len > text->len)
		return 0;
	sha256(text->data, len, sum);
	text_hex(sum, sizeof(sum), want);
	return strcmp(want, have) == 0 ? len : 0;
}

/* Without it the next opening takes longer, and that is all. */
static void note_checked(const struct org_register *r, const struct buf *text)
{
	CLEANUP(mem_freep) char *path = NULL;
	char hex[2 * SHA256_LEN + 1], note[CHECKED_TEXT];
	uint8_t sum[SHA256_LEN];

	sha256(text->data, r->end, sum);
	text_hex(sum, sizeof(sum), hex);
	snprintf(note, sizeof(note), "%zu %s\n", r->end, hex);
	if (checked_path(r, &path) != OK || io_replace_file(path, note, strlen(note), 0600) != OK)
		err_clear();
}

enum err register_load(struct org_register *r)
{
	CLEANUP(buf_clear) struct buf text = {0};
	enum err err = io_read_file(r->path, FILE_MAX, &text);
	size_t checked;

	if (err == ERR_NOT_FOUND || (err == OK && !text.data))
		return OK;
	TRY(err);
	checked = checked_len(r, &text);
	err_clear();
	if (checked > 0) {
		TRY(tampered(register_add_text(r, text.data, checked, false, NULL), r->path));
		r->end = checked;
	}
	TRY(add_rest(r, text.data + checked, text.len - checked));
	if (r->end - checked >= CHECKED_STEP)
		note_checked(r, &text);
	return OK;
}

/* ---- appending ---- */

static enum err open_locked(struct org_register *r, int *ret)
{
	CLEANUP(fd_closep) int fd = -1;

	TRY(io_make_dirs(r->dir, 0700));
	fd = open(r->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_from_errno("%s", r->path);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_from_errno("%s: lock", r->path);
	/* A fresh file must not vanish with a power cut after it was acknowledged. */
	if (r->end == 0)
		TRY(io_sync_dir_of(r->path));
	*ret = fd;
	fd = -1;
	return OK;
}

/* What others appended since; a torn piece behind it is cut off. */
static enum err catch_up(struct org_register *r, int fd)
{
	CLEANUP(mem_freep) char *rest = NULL;
	struct stat st;
	size_t len;

	if (fstat(fd, &st) < 0)
		return err_from_errno("%s", r->path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < r->end)
		return err_at(ERR_LOG_TAMPERED, "%s", r->path);
	len = (size_t)st.st_size - r->end;
	if (st.st_size > FILE_MAX)
		return err_at(ERR_TOO_BIG, "%s", r->path);
	rest = malloc(len + 1);
	if (!rest)
		return err_at(ERR_NOMEM, "%s", r->path);
	TRY(io_pread_full(fd, rest, len, (off_t)r->end));
	TRY(add_rest(r, rest, len));
	if ((uint64_t)st.st_size > r->end && ftruncate(fd, (off_t)r->end) < 0)
		return err_from_errno("%s", r->path);
	return OK;
}

/* All or nothing. */
static enum err write_durably(const struct org_register *r, int fd, const struct buf *text)
{
	enum err err = io_pwrite_full(fd, text->data, text->len, (off_t)r->end);

	if (err == OK && fsync(fd) == 0)
		return OK;
	if (err == OK)
		err = err_from_errno("%s", r->path);
	(void)!ftruncate(fd, (off_t)r->end);
	return err;
}

static enum err append_to_file(struct org_register *r, const struct append *how, struct buf *text)
{
	CLEANUP(fd_closep) int fd = -1;

	TRY(open_locked(r, &fd));
	TRY(catch_up(r, fd));
	TRY(how->make(r, how->ctx, text));
	if (text->len == 0)
		return OK;
	if (r->end + text->len > FILE_MAX)
		return err_at(ERR_TOO_BIG, "%s", r->path);
	TRY(write_durably(r, fd, text));
	r->end += text->len;
	return OK;
}

enum err register_append(struct org_register *r, const struct append *how)
{
	CLEANUP(buf_clear) struct buf text = {0};

	if (r->path)
		TRY(append_to_file(r, how, &text));
	else
		TRY(how->make(r, how->ctx, &text));
	return text.len > 0 ? register_add_text(r, text.data, text.len, false, NULL) : OK;
}

/* ---- the writer ---- */

static enum err read_writer(struct org_register *r)
{
	CLEANUP(buf_clear) struct buf text = {0};

	TRY(io_read_file(r->writer_path, 64, &text));
	if (text.len != WRITER_TEXT + 1 || text.data[WRITER_TEXT] != '\n')
		return err_at(ERR_BAD_FORMAT, "%s", r->writer_path);
	text.data[WRITER_TEXT] = '\0';
	return text_unhex(text.data, r->writer, WRITER_LEN);
}

static enum err make_writer(struct org_register *r)
{
	char text[WRITER_TEXT + 2];

	random_bytes(r->writer, WRITER_LEN);
	text_hex(r->writer, WRITER_LEN, text);
	text[WRITER_TEXT] = '\n';
	if (!r->writer_path)
		return OK;
	TRY(io_make_dirs(r->dir, 0700));
	return io_replace_file(r->writer_path, text, WRITER_TEXT + 1, 0600);
}

/* Read every time: another process may have changed it. One that was spoilt is replaced: a chain
 * that ends is no harm. */
enum err register_need_writer(struct org_register *r, bool fresh)
{
	enum err err = r->writer_path ? ERR_NOT_FOUND : r->has_writer ? OK : ERR_NOT_FOUND;

	if (!fresh && r->writer_path)
		err = read_writer(r);
	if (fresh || err == ERR_NOT_FOUND || err == ERR_BAD_FORMAT || err == ERR_TOO_BIG)
		err = make_writer(r);
	TRY(err);
	r->has_writer = true;
	return OK;
}

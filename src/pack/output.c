#include "pack/output.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/io.h"
#include "crypto/random.h"
#include "pack/relay.h"

#define FLUSH_STEP (64u << 20) /* bytes after which the disk is to begin */

struct output {
	const char *path;
	char *part; /* path while it is not complete; NULL when there is none */
	struct relay *relay;
	/* Of the thread that hashes. */
	struct sha256_stream *sum;
	uint64_t hashed;
	/* Of the thread that writes. */
	int fd;
	bool direct; /* past the page cache */
	uint64_t written, flushing;
};

/* ---- writing ---- */

/* The page cache takes what the disk does not take directly: the end, which is no whole number of
 * blocks, and everything where a file system turns out not to be able to. */
static enum err use_cache(struct output *o)
{
	int flags = fcntl(o->fd, F_GETFL);

	o->direct = false;
	if (flags < 0 || fcntl(o->fd, F_SETFL, flags & ~O_DIRECT) != 0)
		return err_from_errno("%s", o->path);
	return OK;
}

static enum err write_direct(struct output *o, const uint8_t **data, size_t *len)
{
	while (o->direct && *len > 0) {
		ssize_t n = *len % RELAY_ALIGN == 0 ? write(o->fd, *data, *len) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EINVAL)
			return err_from_errno("%s", o->path);
		if (n <= 0) {
			TRY(use_cache(o));
			continue;
		}
		*data += n;
		*len -= (size_t)n;
	}
	return OK;
}

/* The disk works while the rest is made. Only a hint: where it is refused, the flush at the end
 * takes longer. */
static void begin_flush(struct output *o)
{
	if (o->written - o->flushing < FLUSH_STEP)
		return;
	(void)sync_file_range(o->fd, (off_t)o->flushing, (off_t)(o->written - o->flushing),
			      SYNC_FILE_RANGE_WRITE);
	o->flushing = o->written;
}

static enum err file_write(void *ctx, const void *data, size_t len)
{
	struct output *o = ctx;
	const uint8_t *from = data;

	o->written += len;
	TRY(write_direct(o, &from, &len));
	if (o->direct)
		return OK;
	TRY(io_write_full(o->fd, from, len));
	begin_flush(o);
	return OK;
}

static enum err hash(void *ctx, const void *data, size_t len)
{
	struct output *o = ctx;

	sha256_stream_add(o->sum, data, len);
	o->hashed += len;
	return OK;
}

/* ---- the file ---- */

static int open_part(const char *part, int flags)
{
	return open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0600);
}

/* A file system without O_DIRECT may have made the file before it said so. */
static enum err open_file(struct output *o)
{
	o->fd = open_part(o->part, O_DIRECT);
	o->direct = o->fd >= 0;
	if (o->fd < 0 && errno == EINVAL) {
		(void)unlink(o->part);
		o->fd = open_part(o->part, 0);
	}
	if (o->fd >= 0)
		return OK;
	free(TAKE(o->part));
	return err_from_errno("%s", o->path);
}

/* Beside the place it will have, so that it gets there by a link that never replaces anything. */
static enum err begin(struct output *o)
{
	uint64_t number;

	if (access(o->path, F_OK) == 0)
		return err_at(ERR_EXISTS, "%s", o->path);
	random_bytes(&number, sizeof(number));
	if (asprintf(&o->part, "%s.%08llx.part", o->path, (unsigned long long)number >> 32) < 0)
		o->part = NULL;
	return o->part ? open_file(o) : err_at(ERR_NOMEM, "%s", o->path);
}

enum err output_new(const char *path, struct output **ret)
{
	CLEANUP(output_freep) struct output *o = calloc(1, sizeof(*o));

	if (!o)
		return err_at(ERR_NOMEM, "%s", path);
	o->path = path;
	o->fd = -1;
	TRY(sha256_stream_new(&o->sum));
	TRY(begin(o));
	TRY(relay_new_chain((struct age_sink[]){{hash, o}, {file_write, o}}, 2, &o->relay));
	*ret = TAKE(o);
	return OK;
}

void output_free(struct output *o)
{
	if (!o)
		return;
	relay_free(o->relay);
	sha256_stream_free(o->sum);
	fd_closep(&o->fd);
	if (o->part)
		(void)unlink(o->part);
	free(o->part);
	free(o);
}

struct age_sink output_sink(struct output *o)
{
	return relay_sink(o->relay);
}

enum err output_finish(struct output *o, uint64_t *ret_length, uint8_t ret[SHA256_LEN])
{
	TRY(relay_finish(o->relay));
	*ret_length = o->hashed;
	sha256_stream_get(o->sum, ret);
	return OK;
}

/* A hard link never replaces a file; where the file system has none (FAT), renaming without
 * replacing does the same. */
enum err output_appear(struct output *o)
{
	if (fsync(o->fd) != 0)
		return err_from_errno("%s", o->path);
	if (link(o->part, o->path) == 0) {
		(void)unlink(o->part);
	} else if (errno == EEXIST) {
		return err_at(ERR_EXISTS, "%s", o->path);
	} else if (renameat2(AT_FDCWD, o->part, AT_FDCWD, o->path, RENAME_NOREPLACE) != 0 &&
		   (errno != EINVAL || rename(o->part, o->path) != 0)) {
		return err_from_errno("%s", o->path);
	}
	free(TAKE(o->part));
	return io_sync_dir_of(o->path);
}

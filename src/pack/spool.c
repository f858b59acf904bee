#include "pack/spool.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "age/reader.h"
#include "age/writer.h"
#include "base/io.h"
#include "crypto/random.h"

#define PIECE (64u * 1024)

struct spool {
	int fd;
	uint64_t size;
	struct age_identity *key;
	struct age_reader *reader;
};

void spool_free(struct spool *s)
{
	if (!s)
		return;
	age_reader_free(s->reader);
	age_identity_free(s->key);
	fd_closep(&s->fd);
	free(s);
}

/* Where the file system knows no files without a name (FAT), it loses it at once. */
static enum err open_named(const char *beside, int *ret)
{
	CLEANUP(mem_freep) char *path = NULL;
	uint64_t number;

	random_bytes(&number, sizeof(number));
	if (asprintf(&path, "%s.%08llx.part", beside, (unsigned long long)number >> 32) < 0)
		path = NULL;
	if (!path)
		return err_at(ERR_NOMEM, "%s", beside);
	*ret = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*ret < 0 || unlink(path) != 0)
		return err_from_errno("%s", beside);
	return OK;
}

static enum err open_nameless(const char *beside, int *ret)
{
	const char *slash = strrchr(beside, '/');
	CLEANUP(mem_freep)
	char *folder = slash ? strndup(beside, (size_t)(slash - beside) + 1) : strdup(".");

	if (!folder)
		return err_at(ERR_NOMEM, "%s", beside);
	*ret = open(folder, O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
	if (*ret >= 0)
		return OK;
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)
		return open_named(beside, ret);
	return err_from_errno("%s", beside);
}

static enum err begin_writing(struct spool *s, struct age_writer **ret)
{
	struct age_recipient to;
	struct age_to how = {.recipients = &to, .count = 1};

	TRY(age_identity_new_random(&s->key));
	age_identity_recipient(s->key, &to);
	return age_writer_new(&how, age_sink_fd(&s->fd), ret);
}

static enum err take_all(struct spool *s, int fd, enum err (*progress)(void *ctx, uint64_t done),
			 void *ctx)
{
	CLEANUP(age_writer_freep) struct age_writer *w = NULL;
	CLEANUP(secret_freep) struct secret *piece = NULL;
	size_t len;

	TRY(secret_new(PIECE, &piece));
	TRY(begin_writing(s, &w));
	for (;;) {
		TRY(io_read_full(fd, secret_edit(piece), PIECE, &len));
		if (len == 0)
			return age_writer_finish(w);
		TRY(age_writer_put(w, secret_data(piece), len));
		s->size += len;
		if (progress)
			TRY(progress(ctx, s->size));
	}
}

static enum err begin_reading(struct spool *s, const char *beside)
{
	const struct age_identity *ids[] = {s->key};
	const struct age_who who = {.identities = ids, .count = 1};

	if (lseek(s->fd, 0, SEEK_SET) != 0)
		return err_from_errno("%s", beside);
	return age_reader_new(&who, s->fd, &s->reader);
}

enum err spool_new(int fd, const char *beside, enum err (*progress)(void *ctx, uint64_t done),
		   void *ctx, struct spool **ret)
{
	CLEANUP(spool_freep) struct spool *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "%s", beside);
	s->fd = -1;
	TRY(open_nameless(beside, &s->fd));
	TRY(take_all(s, fd, progress, ctx));
	TRY(begin_reading(s, beside));
	*ret = TAKE(s);
	return OK;
}

uint64_t spool_size(const struct spool *s)
{
	return s->size;
}

static enum err read_on(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct spool *s = ctx;

	return age_reader_read(s->reader, out, cap, ret_len);
}

struct age_source spool_source(struct spool *s)
{
	return (struct age_source){read_on, s};
}

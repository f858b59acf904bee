#include "age/pipe.h"

#include <string.h>
#include "base/io.h"

static enum err memory_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	struct age_memory *m = ctx;
	size_t len = MIN(cap, m->left);

	if (len > 0)
		memcpy(out, m->at, len);
	m->at += len;
	m->left -= len;
	*ret_len = len;
	return OK;
}

struct age_source age_source_memory(struct age_memory *m)
{
	return (struct age_source){memory_read, m};
}

static enum err fd_read(void *ctx, void *out, size_t cap, size_t *ret_len)
{
	return io_read_full(*(int *)ctx, out, cap, ret_len);
}

struct age_source age_source_fd(int *fd)
{
	return (struct age_source){fd_read, fd};
}

static enum err fd_write(void *ctx, const void *data, size_t len)
{
	return io_write_full(*(int *)ctx, data, len);
}

struct age_sink age_sink_fd(int *fd)
{
	return (struct age_sink){fd_write, fd};
}

static enum err buf_write(void *ctx, const void *data, size_t len)
{
	return buf_append(ctx, data, len);
}

struct age_sink age_sink_buf(struct buf *out)
{
	return (struct age_sink){buf_write, out};
}

enum err age_inflow_fill(struct age_inflow *in)
{
	size_t len;

	if (in->at < in->len || in->ended)
		return OK;
	TRY(in->from.read(in->from.ctx, in->bytes, sizeof(in->bytes), &len));
	in->at = 0;
	in->len = len;
	in->ended = len == 0;
	return OK;
}

/* A reader of large pieces is served past the window. */
enum err age_inflow_read(struct age_inflow *in, void *out, size_t cap, size_t *ret_len)
{
	size_t len;

	if (in->at == in->len && !in->ended && cap >= sizeof(in->bytes)) {
		TRY(in->from.read(in->from.ctx, out, cap, &len));
		in->ended = len == 0;
		*ret_len = len;
		return OK;
	}
	TRY(age_inflow_fill(in));
	len = MIN(cap, in->len - in->at);
	memcpy(out, in->bytes + in->at, len);
	in->at += len;
	*ret_len = len;
	return OK;
}

#include "pack/summing.h"
#include <stdlib.h>
#include <string.h>
#include "crypto/hash.h"
#include "pack/relay.h"
#include "pack/sums.h"

/* What goes through the relay before a file's bytes, and its name behind that. */
struct head {
	uint64_t size;
	size_t name_len; /* with the zero byte; 0: no file has begun */
};

struct summing {
	struct relay *relay;
	/* All below is of the relay's thread. */
	struct buf *sums;
	struct head head;
	size_t head_len; /* bytes of it that came */
	struct buf name;
	uint64_t left;		   /* bytes of the file that did not come yet */
	struct sha256_stream *sum; /* of what came; NULL before the first byte */
};

/* ---- the other side of the relay ---- */

static enum err end_file(struct summing *s, const uint8_t sum[SHA256_LEN])
{
	TRY(sums_add(s->sums, sum, s->name.data));
	s->head_len = 0;
	s->name.len = 0;
	return OK;
}

static size_t take_head(struct summing *s, const uint8_t *from, size_t len)
{
	len = MIN(len, sizeof(s->head) - s->head_len);
	memcpy((uint8_t *)&s->head + s->head_len, from, len);
	s->head_len += len;
	return len;
}

static enum err take_name(struct summing *s, const uint8_t *from, size_t *len)
{
	uint8_t sum[SHA256_LEN];

	*len = MIN(*len, s->head.name_len - s->name.len);
	TRY(buf_append(&s->name, from, *len));
	if (s->name.len < s->head.name_len)
		return OK;
	s->left = s->head.size;
	if (s->left > 0)
		return OK;
	sha256("", 0, sum);
	return end_file(s, sum);
}

/* Most files come in one piece, and need no state that outlives it. */
static enum err take_bytes(struct summing *s, const uint8_t *from, size_t *len)
{
	uint8_t sum[SHA256_LEN];

	*len = (size_t)MIN((uint64_t)*len, s->left);
	s->left -= *len;
	if (!s->sum && s->left == 0) {
		sha256(from, *len, sum);
		return end_file(s, sum);
	}
	if (!s->sum)
		TRY(sha256_stream_new(&s->sum));
	sha256_stream_add(s->sum, from, *len);
	if (s->left > 0)
		return OK;
	sha256_stream_get(s->sum, sum);
	sha256_stream_free(TAKE(s->sum));
	return end_file(s, sum);
}

static enum err take(void *ctx, const void *data, size_t len)
{
	struct summing *s = ctx;
	const uint8_t *from = data;

	while (len > 0) {
		size_t part = len;

		if (s->head_len < sizeof(s->head))
			part = take_head(s, from, len);
		else if (s->name.len < s->head.name_len)
			TRY(take_name(s, from, &part));
		else
			TRY(take_bytes(s, from, &part));
		from += part;
		len -= part;
	}
	return OK;
}

/* ---- this side ---- */

enum err summing_new(struct buf *sums, struct summing **ret)
{
	CLEANUP(summing_freep) struct summing *s = calloc(1, sizeof(*s));

	if (!s)
		return err_at(ERR_NOMEM, "summing");
	s->sums = sums;
	TRY(relay_new((struct age_sink){take, s}, &s->relay));
	*ret = TAKE(s);
	return OK;
}

void summing_free(struct summing *s)
{
	if (!s)
		return;
	relay_free(s->relay);
	sha256_stream_free(s->sum);
	buf_clear(&s->name);
	free(s);
}

enum err summing_file(struct summing *s, const char *name, uint64_t size)
{
	struct age_sink sink = relay_sink(s->relay);
	struct head head = {size, strlen(name) + 1};

	TRY(sink.write(sink.ctx, &head, sizeof(head)));
	return sink.write(sink.ctx, name, head.name_len);
}

uint8_t *summing_room(struct summing *s, size_t *ret_len)
{
	return relay_room(s->relay, ret_len);
}

enum err summing_filled(struct summing *s, size_t len)
{
	return relay_filled(s->relay, len);
}

enum err summing_finish(struct summing *s)
{
	return relay_finish(s->relay);
}

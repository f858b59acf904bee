#include "age/reader.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "age/armor.h"
#include "age/stream.h"
#include "base/io.h"

#define TAG (STREAM_SEALED - STREAM_CHUNK)

struct age_reader {
	int fd;
	struct age_inflow outer, inner; /* the file; what is behind its armor */
	struct age_armor_reader armor;
	bool armored;
	uint64_t payload; /* place of the first chunk in a binary file */
	struct stream_key *key;
	struct secret *plain; /* the chunk that was opened last */
	uint8_t *sealed;      /* STREAM_SEALED bytes and one of the next chunk */
	size_t sealed_len;

	/* Front to end: */
	uint64_t next;	/* number of the chunk that comes */
	size_t at, len; /* of `plain`, not handed out yet */
	bool ended;
	enum err failed;

	/* Any place: */
	bool measured;
	uint64_t length, held; /* held: number of the chunk in `plain`, plus 1 */
};

static struct age_inflow *inflow(struct age_reader *r)
{
	return r->armored ? &r->inner : &r->outer;
}

/* Fills up to `len` bytes; less only at the end. */
static enum err take(struct age_reader *r, uint8_t *out, size_t len, size_t *ret_len)
{
	size_t got = 0, part = 1;

	while (got < len && part > 0) {
		TRY(age_inflow_read(inflow(r), out + got, len - got, &part));
		got += part;
	}
	*ret_len = got;
	return OK;
}

static enum err open_header(struct age_reader *r, const struct age_who *who)
{
	CLEANUP(secret_freep) struct secret *file_key = NULL;
	uint8_t nonce[STREAM_NONCE_LEN];
	size_t header_len, len;

	TRY(age_inflow_fill(&r->outer));
	r->armored = r->outer.len > 0 && age_armor_likely(r->outer.bytes[0]);
	if (r->armored) {
		r->armor = age_armor_reader_make(&r->outer);
		r->inner.from = age_armor_source(&r->armor);
	}
	TRY(age_file_key(who, inflow(r), &file_key, &header_len));
	TRY(take(r, nonce, sizeof(nonce), &len));
	if (len < sizeof(nonce))
		return err_at(ERR_AGE_PAYLOAD, "age payload");
	r->payload = header_len + sizeof(nonce);
	TRY(stream_key_new(file_key, nonce, &r->key));
	return take(r, r->sealed, STREAM_SEALED + 1, &r->sealed_len);
}

/* `from` may point into the reader itself, so it is set when that has its place. */
static enum err reader_make(const struct age_who *who, int fd, const struct age_source *from,
			    struct age_reader **ret)
{
	CLEANUP(age_reader_freep) struct age_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return err_at(ERR_NOMEM, "age reader");
	r->fd = fd;
	r->outer.from = from ? *from : age_source_fd(&r->fd);
	r->sealed = malloc(STREAM_SEALED + 1);
	if (!r->sealed)
		return err_at(ERR_NOMEM, "age reader");
	TRY(secret_new(STREAM_CHUNK, &r->plain));
	TRY(open_header(r, who));
	*ret = TAKE(r);
	return OK;
}

enum err age_reader_new(const struct age_who *who, int fd, struct age_reader **ret)
{
	return reader_make(who, fd, NULL, ret);
}

enum err age_reader_from(const struct age_who *who, struct age_source from, struct age_reader **ret)
{
	return reader_make(who, -1, &from, ret);
}

void age_reader_free(struct age_reader *r)
{
	if (!r)
		return;
	stream_key_free(r->key);
	secret_free(r->plain);
	free(r->sealed);
	free(r);
}

/* ---- front to end ---- */

/* A chunk is the last one when no byte stands behind it. */
static enum err next_chunk(struct age_reader *r)
{
	bool last = r->sealed_len <= STREAM_SEALED;
	size_t len = MIN(r->sealed_len, STREAM_SEALED);
	size_t got = 0;

	TRY(stream_key_open(r->key, r->next, last, r->sealed, len, secret_edit(r->plain)));
	r->held = 0;
	r->next++;
	r->at = 0;
	r->len = len - TAG;
	r->ended = last;
	if (last)
		return OK;
	r->sealed[0] = r->sealed[STREAM_SEALED];
	TRY(take(r, r->sealed + 1, STREAM_SEALED, &got));
	r->sealed_len = 1 + got;
	return OK;
}

enum err age_reader_read(struct age_reader *r, void *out, size_t cap, size_t *ret_len)
{
	TRY(r->failed);
	while (r->at == r->len && !r->ended)
		TRY(r->failed = next_chunk(r));
	*ret_len = MIN(cap, r->len - r->at);
	if (*ret_len > 0)
		memcpy(out, secret_data(r->plain) + r->at, *ret_len);
	r->at += *ret_len;
	return OK;
}

/* ---- any place ---- */

/* Makes `plain` hold the chunk; gives its length. */
static enum err hold_chunk(struct age_reader *r, uint64_t number, uint64_t sealed_total)
{
	uint64_t from = number * STREAM_SEALED;
	size_t len = (size_t)MIN(sealed_total - from, STREAM_SEALED);
	uint8_t *sealed;
	enum err err;

	if (r->held == number + 1)
		return OK;
	sealed = malloc(len);
	if (!sealed)
		return err_at(ERR_NOMEM, "age reader");
	err = io_pread_full(r->fd, sealed, len, (off_t)(r->payload + from));
	if (err == OK)
		err = stream_key_open(r->key, number, from + len == sealed_total, sealed, len,
				      secret_edit(r->plain));
	free(sealed);
	r->held = err == OK ? number + 1 : 0;
	return err;
}

static enum err sealed_length(const struct age_reader *r, uint64_t *ret)
{
	struct stat st;

	if (r->armored || fstat(r->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return err_at(ERR_NOT_SUPPORTED, "reading from the middle");
	if ((uint64_t)st.st_size < r->payload + TAG)
		return err_at(ERR_AGE_PAYLOAD, "age payload");
	*ret = (uint64_t)st.st_size - r->payload;
	return OK;
}

enum err age_reader_length(struct age_reader *r, uint64_t *ret)
{
	uint64_t total, chunks;

	TRY(r->failed);
	TRY(sealed_length(r, &total));
	chunks = (total + STREAM_SEALED - 1) / STREAM_SEALED;
	if (!r->measured) {
		TRY(r->failed = hold_chunk(r, chunks - 1, total));
		r->length = total - chunks * TAG;
		r->measured = true;
		/* Reading from the front is over: both share one chunk. */
		r->at = r->len = 0;
		r->ended = true;
	}
	*ret = r->length;
	return OK;
}

enum err age_reader_at(struct age_reader *r, uint64_t off, void *out, size_t len)
{
	uint8_t *to = out;
	uint64_t total;

	TRY(r->failed);
	if (!r->measured || off > r->length || len > r->length - off)
		return err_at(ERR_RANGE, "%llu", (unsigned long long)off);
	TRY(sealed_length(r, &total));
	while (len > 0) {
		size_t in = (size_t)(off % STREAM_CHUNK), part = MIN(len, STREAM_CHUNK - in);

		TRY(r->failed = hold_chunk(r, off / STREAM_CHUNK, total));
		memcpy(to, secret_data(r->plain) + in, part);
		to += part;
		off += part;
		len -= part;
	}
	return OK;
}

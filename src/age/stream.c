#include "age/stream.h"

#include <stdlib.h>
#include <string.h>
#include "base/cursor.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/random.h"

#define SEALED_CHUNK STREAM_SEALED
_Static_assert(STREAM_SEALED == STREAM_CHUNK + AEAD_TAG_LEN, "tag length");

/* What writer and reader share: the key, and the number of the next chunk. */
struct stream {
	struct age_sink into;
	struct secret *key;
	uint64_t chunk;
	struct secret *plain; /* STREAM_CHUNK bytes */
	uint8_t *sealed;      /* owned, SEALED_CHUNK bytes */
	size_t len;	      /* of the chunk that is being collected, in `plain` or `sealed` */
	enum err failed;      /* the error that ended the work, given again ever after */
};

struct stream_writer {
	struct stream s;
};

struct stream_reader {
	struct stream s;
	struct secret *file_key; /* until the nonce is complete */
	uint8_t nonce[STREAM_NONCE_LEN];
	size_t nonce_len;
};

static void stream_clear(struct stream *s)
{
	secret_free(s->key);
	secret_free(s->plain);
	free(s->sealed);
}

static enum err stream_init(struct stream *s, struct age_sink into)
{
	s->into = into;
	s->sealed = malloc(SEALED_CHUNK);
	if (!s->sealed)
		return err_at(ERR_NOMEM, "chunk");
	TRY(secret_new(AEAD_KEY_LEN, &s->key));
	return secret_new(STREAM_CHUNK, &s->plain);
}

static void key_derive(struct secret *key, const struct secret *file_key,
		       const uint8_t nonce[STREAM_NONCE_LEN])
{
	hkdf_sha256(secret_data(file_key), secret_len(file_key), nonce, STREAM_NONCE_LEN, "payload",
		    7, secret_edit(key), AEAD_KEY_LEN);
}

/* Big-endian number of the chunk in 11 bytes, of which a file can't fill more than 8, then whether
 * it is the last one. */
static void chunk_nonce(uint64_t chunk, bool last, uint8_t out[CHACHA_NONCE_LEN])
{
	memset(out, 0, 3);
	store_be64(out + 3, chunk);
	out[11] = last;
}

enum err stream_writer_new(const struct secret *file_key, struct age_sink into,
			   struct stream_writer **ret)
{
	CLEANUP(stream_writer_freep) struct stream_writer *w = calloc(1, sizeof(*w));
	uint8_t nonce[STREAM_NONCE_LEN];

	if (!w)
		return err_at(ERR_NOMEM, "stream");
	TRY(stream_init(&w->s, into));
	random_bytes(nonce, sizeof(nonce));
	key_derive(w->s.key, file_key, nonce);
	TRY(into.write(into.ctx, nonce, sizeof(nonce)));
	*ret = TAKE(w);
	return OK;
}

void stream_writer_free(struct stream_writer *w)
{
	if (!w)
		return;
	stream_clear(&w->s);
	free(w);
}

static enum err chunk_seal(struct stream *s, const uint8_t *plain, size_t len, bool last)
{
	uint8_t nonce[CHACHA_NONCE_LEN];

	chunk_nonce(s->chunk++, last, nonce);
	chacha_seal(secret_data(s->key), nonce, plain, len, s->sealed, s->sealed + len);
	return s->into.write(s->into.ctx, s->sealed, len + AEAD_TAG_LEN);
}

static enum err collected_seal(struct stream *s, bool last)
{
	size_t len = s->len;

	s->len = 0;
	return chunk_seal(s, secret_data(s->plain), len, last);
}

static void collect(struct stream *s, const uint8_t *from, size_t len)
{
	memcpy(secret_edit(s->plain) + s->len, from, len);
	s->len += len;
}

/* A full chunk waits for the next byte, since it may be the last one. Where that byte is there
 * already, the chunk is sealed from where it lies. */
enum err stream_writer_put(struct stream_writer *w, const void *data, size_t len)
{
	struct stream *s = &w->s;
	const uint8_t *from = data;

	TRY(s->failed);
	while (len > 0) {
		size_t part;

		if (s->len == STREAM_CHUNK)
			TRY(s->failed = collected_seal(s, false));
		part = MIN(len, STREAM_CHUNK - s->len);
		if (part == STREAM_CHUNK && len > part)
			TRY(s->failed = chunk_seal(s, from, part, false));
		else
			collect(s, from, part);
		from += part;
		len -= part;
	}
	return OK;
}

enum err stream_writer_finish(struct stream_writer *w)
{
	TRY(w->s.failed);
	TRY(w->s.failed = collected_seal(&w->s, true));
	w->s.failed = ERR_INTERNAL; /* another call would use a nonce again */
	return OK;
}

enum err stream_reader_new(const struct secret *file_key, struct age_sink into,
			   struct stream_reader **ret)
{
	CLEANUP(stream_reader_freep) struct stream_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return err_at(ERR_NOMEM, "stream");
	TRY(stream_init(&r->s, into));
	TRY(secret_copy(secret_data(file_key), secret_len(file_key), &r->file_key));
	*ret = TAKE(r);
	return OK;
}

void stream_reader_free(struct stream_reader *r)
{
	if (!r)
		return;
	secret_free(r->file_key);
	stream_clear(&r->s);
	free(r);
}

/* Takes what is missing of the nonce from the front of the data. */
static void nonce_collect(struct stream_reader *r, const uint8_t **data, size_t *len)
{
	size_t part = MIN(*len, STREAM_NONCE_LEN - r->nonce_len);

	if (part == 0)
		return;
	memcpy(r->nonce + r->nonce_len, *data, part);
	r->nonce_len += part;
	*data += part;
	*len -= part;
	if (r->nonce_len < STREAM_NONCE_LEN)
		return;
	key_derive(r->s.key, r->file_key, r->nonce);
	secret_free(TAKE(r->file_key));
}

/* Every fault is this one: which it was would help only somebody who makes them. */
static enum err fault(void)
{
	return err_at(ERR_AGE_PAYLOAD, "age payload");
}

static enum err open_chunk(const struct secret *key, uint64_t number, bool last,
			   const uint8_t *sealed, size_t sealed_len, uint8_t *out)
{
	uint8_t nonce[CHACHA_NONCE_LEN];
	size_t len = sealed_len - AEAD_TAG_LEN;
	enum err err;

	if (sealed_len < AEAD_TAG_LEN || (len == 0 && number > 0))
		return fault();
	chunk_nonce(number, last, nonce);
	err = chacha_open(secret_data(key), nonce, sealed, len, sealed + len, out);
	return err == ERR_FORGED ? fault() : err;
}

static enum err chunk_open(struct stream *s, bool last)
{
	size_t len = s->len;

	TRY(open_chunk(s->key, s->chunk++, last, s->sealed, len, secret_edit(s->plain)));
	s->len = 0;
	len -= AEAD_TAG_LEN;
	return len > 0 ? s->into.write(s->into.ctx, secret_data(s->plain), len) : OK;
}

enum err stream_reader_put(struct stream_reader *r, const void *data, size_t len)
{
	struct stream *s = &r->s;
	const uint8_t *from = data;

	TRY(s->failed);
	nonce_collect(r, &from, &len);
	while (len > 0) {
		size_t part;

		if (s->len == SEALED_CHUNK)
			TRY(s->failed = chunk_open(s, false));
		part = MIN(len, SEALED_CHUNK - s->len);
		memcpy(s->sealed + s->len, from, part);
		s->len += part;
		from += part;
		len -= part;
	}
	return OK;
}

enum err stream_reader_finish(struct stream_reader *r)
{
	TRY(r->s.failed);
	r->s.failed = chunk_open(&r->s, true); /* without its nonce a payload has no chunk either */
	TRY(r->s.failed);
	r->s.failed = ERR_INTERNAL;
	return OK;
}

/* ---- chunks one by one ---- */

struct stream_key {
	struct secret *key;
};

enum err stream_key_new(const struct secret *file_key, const uint8_t nonce[STREAM_NONCE_LEN],
			struct stream_key **ret)
{
	CLEANUP(stream_key_freep) struct stream_key *k = calloc(1, sizeof(*k));

	if (!k)
		return err_at(ERR_NOMEM, "stream");
	TRY(secret_new(AEAD_KEY_LEN, &k->key));
	key_derive(k->key, file_key, nonce);
	*ret = TAKE(k);
	return OK;
}

void stream_key_free(struct stream_key *k)
{
	if (!k)
		return;
	secret_free(k->key);
	free(k);
}

enum err stream_key_open(const struct stream_key *k, uint64_t number, bool last,
			 const uint8_t *sealed, size_t len, uint8_t *out)
{
	return open_chunk(k->key, number, last, sealed, len, out);
}

/* The payload of an age file (STREAM): chunks of 64 KiB, each with its own tag, the last one
 * marked. Memory is one chunk, whatever the length. Bytes: age.md, "Payload".
 *
 * A reader hands on only bytes whose tag was checked; that the file is whole is known only when
 * stream_reader_finish returns OK, so until then the receiver must not act on what it got. Every
 * fault of the payload is ERR_AGE_PAYLOAD, without saying which. After a failure a writer or reader
 * is only good for freeing. One thread at a time. */
#pragma once
#include "age/pipe.h"
#include "crypto/secret.h"

#define STREAM_CHUNK 65536u
#define STREAM_NONCE_LEN 16u

struct stream_writer;
/* Draws the nonce and writes it to `into`. The file key must have sealed nothing before. */
MUST_CHECK enum err stream_writer_new(const struct secret *file_key, struct age_sink into,
				      struct stream_writer **ret);
MUST_CHECK enum err stream_writer_put(struct stream_writer *w, const void *data, size_t len);
MUST_CHECK enum err stream_writer_finish(struct stream_writer *w); /* once, after the last put */
void stream_writer_free(struct stream_writer *w);
DEFINE_FREEP(struct stream_writer, stream_writer_free)

struct stream_reader;
/* Takes the payload from its nonce on and writes plaintext to `into`. */
MUST_CHECK enum err stream_reader_new(const struct secret *file_key, struct age_sink into,
				      struct stream_reader **ret);
MUST_CHECK enum err stream_reader_put(struct stream_reader *r, const void *data, size_t len);
MUST_CHECK enum err stream_reader_finish(struct stream_reader *r); /* no byte follows */
void stream_reader_free(struct stream_reader *r);
DEFINE_FREEP(struct stream_reader, stream_reader_free)

/* Chunks one by one, in any order: for who reads a file from its middle or its end. The caller must
 * have seen the last chunk open as the last before it believes in the length. */
struct stream_key;
MUST_CHECK enum err stream_key_new(const struct secret *file_key,
				   const uint8_t nonce[STREAM_NONCE_LEN], struct stream_key **ret);
void stream_key_free(struct stream_key *k);
DEFINE_FREEP(struct stream_key, stream_key_free)
/* `sealed` is the chunk with its tag, at most STREAM_SEALED bytes; `out` gets len - the tag's. Only an
 * empty file has an empty chunk, its first. ERR_AGE_PAYLOAD. */
#define STREAM_SEALED (STREAM_CHUNK + 16u)
MUST_CHECK enum err stream_key_open(const struct stream_key *k, uint64_t number, bool last,
				    const uint8_t *sealed, size_t len, uint8_t *out);

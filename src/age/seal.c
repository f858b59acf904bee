#include <stdlib.h>
#include <string.h>
#include "age/age.h"
#include "age/header.h"
#include "age/stream.h"
#include "age/writer.h"
#include "crypto/random.h"

#define PIECE 16384u /* plaintext that is read at a time */

struct age_sealing {
	struct secret *file_key;
	struct buf header;
};

struct stanzas {
	struct age_stanza *list;
	size_t count, room;
};

static void stanzas_clear(struct stanzas *s)
{
	for (size_t i = 0; i < s->count; i++)
		age_stanza_clear(&s->list[i]);
	free(s->list);
}

/* Brings the stanzas into random order, so that dummies are not told by their place. */
static void stanzas_shuffle(struct stanzas *s)
{
	for (size_t left = s->count; left > 1; left--) {
		struct age_stanza *last = &s->list[left - 1], kept = *last;
		uint64_t draw;

		random_bytes(&draw, sizeof(draw));
		draw %= left; /* 64 bits over a few thousand: the bias is beyond seeing */
		*last = s->list[draw];
		s->list[draw] = kept;
	}
}

static enum err to_check(const struct age_to *to)
{
	if (to->passphrase ? to->count > 0 : to->count == 0)
		return err_at(ERR_INVALID, "recipients or a passphrase are needed, not both");
	return OK;
}

static enum err stanzas_for_people(const struct age_to *to, const struct secret *file_key,
				   struct stanzas *s)
{
	for (; s->count < to->count; s->count++)
		TRY(age_recipient_wrap(&to->recipients[s->count], file_key, &s->list[s->count]));
	for (; s->count < s->room; s->count++)
		TRY(age_recipient_dummy(&s->list[s->count]));
	if (to->multiple > 1)
		stanzas_shuffle(s);
	return OK;
}

static enum err stanza_for_passphrase(const struct age_to *to, const struct secret *file_key,
				      struct stanzas *s)
{
	unsigned log_n = to->log_n > 0 ? to->log_n : AGE_SCRYPT_LOG_N;

	TRY(age_passphrase_wrap(to->passphrase, log_n, file_key, &s->list[0]));
	s->count = 1;
	return OK;
}

/* The count filled up to the multiple; 0 when the header could not be read again. */
static size_t stanza_count(const struct age_to *to)
{
	size_t multiple = MAX(to->multiple, (size_t)1), limit = AGE_HEADER_MAX / 64;
	size_t count;

	if (to->passphrase)
		return 1;
	if (to->count > limit || multiple > limit)
		return 0;
	count = (to->count + multiple - 1) / multiple * multiple;
	return count;
}

static enum err header_make(const struct age_to *to, struct age_sealing *sealing)
{
	CLEANUP(stanzas_clear) struct stanzas s = {.room = stanza_count(to)};

	s.list = calloc(MAX(s.room, (size_t)1), sizeof(*s.list));
	if (!s.list)
		return err_at(ERR_NOMEM, "age header");
	if (s.room > 0 && to->passphrase)
		TRY(stanza_for_passphrase(to, sealing->file_key, &s));
	else if (s.room > 0)
		TRY(stanzas_for_people(to, sealing->file_key, &s));
	if (to->checksum && !to->passphrase)
		TRY(age_header_print_summed(s.list, s.count, sealing->file_key, &sealing->header));
	else
		TRY(age_header_print(s.list, s.count, sealing->file_key, &sealing->header));
	if (s.room == 0 || sealing->header.len > AGE_HEADER_MAX)
		return err_at(ERR_TOO_BIG, "age header for %zu recipients", to->count);
	return OK;
}

enum err age_seal_begin(const struct age_to *to, struct age_sealing **ret)
{
	CLEANUP(age_sealing_freep) struct age_sealing *s = NULL;

	TRY(to_check(to));
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_at(ERR_NOMEM, "sealing");
	TRY(secret_random(AGE_FILE_KEY_LEN, &s->file_key));
	TRY(header_make(to, s));
	*ret = TAKE(s);
	return OK;
}

void age_sealing_free(struct age_sealing *s)
{
	if (!s)
		return;
	secret_free(s->file_key);
	buf_clear(&s->header);
	free(s);
}

const struct secret *age_sealing_key(const struct age_sealing *s)
{
	return s->file_key;
}

const void *age_sealing_header(const struct age_sealing *s, size_t *ret_len)
{
	*ret_len = s->header.len;
	return s->header.data;
}

enum err age_seal_finish(struct age_sealing **sealing, const void *payload, size_t len,
			 struct buf *out)
{
	CLEANUP(age_sealing_freep) struct age_sealing *s = TAKE(*sealing);
	CLEANUP(stream_writer_freep) struct stream_writer *w = NULL;

	TRY(buf_append(out, s->header.data, s->header.len));
	TRY(stream_writer_new(s->file_key, age_sink_buf(out), &w));
	TRY(stream_writer_put(w, payload, len));
	return stream_writer_finish(w);
}

enum err age_seal_buf(const struct age_recipient *recipients, size_t count, size_t multiple,
		      const void *data, size_t len, struct buf *out)
{
	const struct age_to to = {.recipients = recipients, .count = count, .multiple = multiple};
	struct age_sealing *sealing = NULL;

	TRY(age_seal_begin(&to, &sealing));
	return age_seal_finish(&sealing, data, len, out);
}

enum err age_encrypt(const struct age_to *to, struct age_source from, struct age_sink into)
{
	CLEANUP(age_writer_freep) struct age_writer *w = NULL;
	CLEANUP(secret_freep) struct secret *piece = NULL;
	size_t len;

	TRY(secret_new(PIECE, &piece));
	TRY(age_writer_new(to, into, &w));
	for (;;) {
		TRY(from.read(from.ctx, secret_edit(piece), PIECE, &len));
		if (len == 0)
			return age_writer_finish(w);
		TRY(age_writer_put(w, secret_data(piece), len));
	}
}

#include <stdlib.h>
#include <string.h>
#include "age/age.h"
#include "age/header.h"
#include "age/stream.h"
#include "age/writer.h"
#include "crypto/random.h"

#define PIECE 16384u			  /* plaintext that is read at a time */
#define STANZAS_MAX (AGE_HEADER_MAX / 64) /* more could not be read again */

struct age_sealing {
	struct secret *file_key;
	struct buf header;
};

/* Brings the stanzas into random order, so that dummies are not told by their place. */
static void stanzas_shuffle(struct age_wrapped *w)
{
	for (size_t left = w->count; left > 1; left--) {
		struct age_stanza *last = &w->list[left - 1], kept = *last;
		uint64_t draw;

		random_bytes(&draw, sizeof(draw));
		draw %= left; /* 64 bits over a few thousand: the bias is beyond seeing */
		*last = w->list[draw];
		w->list[draw] = kept;
	}
}

static enum err to_check(const struct age_to *to)
{
	bool people = to->count > 0 || to->wrapper_count > 0;

	if (people == (to->passphrase != NULL))
		return err_at(ERR_INVALID, "recipients or a passphrase are needed, not both");
	if (to->count > STANZAS_MAX || to->wrapper_count > STANZAS_MAX ||
	    to->multiple > STANZAS_MAX)
		return err_at(ERR_TOO_BIG, "age header for %zu recipients", to->count);
	return OK;
}

/* The stanzas of the recipient of another type; what it says of labels must be what those before it
 * said, and X25519 recipients say nothing. */
static enum err stanzas_of_wrapper(const struct age_to *to, size_t i, const struct secret *file_key,
				   struct age_wrapped *all)
{
	CLEANUP(age_wrapped_clear) struct age_wrapped own = {0};
	bool first = i == 0 && to->count == 0;

	TRY(to->wrappers[i].wrap(to->wrappers[i].ctx, file_key, &own));
	if (own.count == 0)
		return err_at(ERR_INTERNAL, "a recipient without a stanza");
	if (first)
		all->labels = TAKE(own.labels);
	else if (!age_wrapped_mixes(all, &own))
		return err_at(ERR_INVALID, "recipients of different labels do not mix");
	return age_wrapped_move(all, &own);
}

static enum err stanzas_fill(size_t multiple, struct age_wrapped *all)
{
	while (multiple > 1 && all->count % multiple != 0) {
		struct age_stanza dummy = {0};

		TRY(age_recipient_dummy(&dummy));
		TRY(age_wrapped_add(all, &dummy));
	}
	return OK;
}

static enum err stanzas_for_people(const struct age_to *to, const struct secret *file_key,
				   struct age_wrapped *all)
{
	for (size_t i = 0; i < to->count; i++) {
		struct age_stanza own = {0};

		TRY(age_recipient_wrap(&to->recipients[i], file_key, &own));
		TRY(age_wrapped_add(all, &own));
	}
	for (size_t i = 0; i < to->wrapper_count; i++)
		TRY(stanzas_of_wrapper(to, i, file_key, all));
	if (!all->labels)
		TRY(stanzas_fill(to->multiple, all));
	if (to->multiple > 1)
		stanzas_shuffle(all);
	return OK;
}

static enum err stanza_for_passphrase(const struct age_to *to, const struct secret *file_key,
				      struct buf *header)
{
	CLEANUP(age_stanza_clear) struct age_stanza s = {0};
	unsigned log_n = to->log_n > 0 ? to->log_n : AGE_SCRYPT_LOG_N;

	TRY(age_passphrase_wrap(to->passphrase, log_n, file_key, &s));
	return age_header_print(&s, 1, file_key, header);
}

static enum err header_make(const struct age_to *to, struct age_sealing *sealing)
{
	CLEANUP(age_wrapped_clear) struct age_wrapped all = {0};

	if (to->passphrase)
		return stanza_for_passphrase(to, sealing->file_key, &sealing->header);
	TRY(stanzas_for_people(to, sealing->file_key, &all));
	if (to->checksum)
		TRY(age_header_print_summed(all.list, all.count, sealing->file_key,
					    &sealing->header));
	else
		TRY(age_header_print(all.list, all.count, sealing->file_key, &sealing->header));
	if (sealing->header.len > AGE_HEADER_MAX)
		return err_at(ERR_TOO_BIG, "age header for %zu recipients", all.count);
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

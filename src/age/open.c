#include <stdlib.h>
#include <string.h>
#include "age/age.h"
#include "age/armor.h"
#include "age/header.h"
#include "age/reader.h"
#include "age/stream.h"
#include "base/text.h"

#define PIECE 65536u /* ciphertext that is read at a time */
#define MAGIC "age-encryption.org/"
#define MAGIC_LEN (sizeof(MAGIC) - 1)

static enum err try_passphrase(const struct age_who *who, const struct age_stanza *s,
			       struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *passphrase = NULL;
	unsigned max = who->max_log_n > 0 ? who->max_log_n : AGE_SCRYPT_MAX_LOG_N;

	TRY(age_passphrase_check(s, max));
	if (!who->ask)
		return err_at(ERR_NO_KEY_FITS, "it is sealed with a passphrase");
	TRY(who->ask(who->ask_ctx, &passphrase));
	return age_passphrase_unwrap(passphrase, max, s, ret);
}

static enum err try_identities(const struct age_who *who, const struct age_header *h,
			       struct secret **ret)
{
	for (size_t i = 0; i < h->count; i++) {
		for (size_t k = 0; k < who->count; k++) {
			enum err err = age_identity_unwrap(who->identities[k], &h->stanzas[i], ret);

			if (err != ERR_NO_KEY_FITS)
				return err;
		}
	}
	return err_at(ERR_NO_KEY_FITS, "none of %zu recipients", h->count);
}

/* What ends the opening although somebody else might fit: it is done, the file is at fault, or the
 * person or the machine wants no more. */
static bool is_final(enum err err)
{
	return err == OK || err == ERR_AGE_HEADER || err == ERR_CANCELLED ||
	       err == ERR_INTERRUPTED || err == ERR_NOMEM;
}

static enum err try_unwrappers(const struct age_who *who, const struct age_header *h,
			       struct secret **ret)
{
	enum err failed = ERR_NO_KEY_FITS;
	char detail[512] = "";

	for (size_t i = 0; i < who->unwrapper_count; i++) {
		const struct age_unwrapper *u = &who->unwrappers[i];
		enum err err = u->unwrap(u->ctx, h->stanzas, h->count, ret);

		if (is_final(err))
			return err;
		if (err == ERR_NO_KEY_FITS || failed != ERR_NO_KEY_FITS)
			continue;
		failed = err;
		text_copy(detail, sizeof(detail), err_detail());
	}
	if (failed == ERR_NO_KEY_FITS)
		return err_at(failed, "none of %zu recipients", h->count);
	return err_at(failed, "%s", detail);
}

static enum err try_keys(const struct age_who *who, const struct age_header *h, struct secret **ret)
{
	enum err err = try_identities(who, h, ret);

	return err == ERR_NO_KEY_FITS ? try_unwrappers(who, h, ret) : err;
}

/* The file key, once the header is known to be whole under it. */
static enum err header_open(const struct age_who *who, const char *text, size_t len,
			    struct secret **ret, size_t *ret_len)
{
	CLEANUP(age_header_clear) struct age_header h = {0};
	CLEANUP(secret_freep) struct secret *file_key = NULL;
	enum err err;
	size_t used;

	TRY(age_header_parse(text, len, &h, &used));
	/* An scrypt stanza is alone: age_header_parse saw to it. */
	if (age_stanza_is(&h.stanzas[0], SCRYPT_STANZA))
		err = try_passphrase(who, &h.stanzas[0], &file_key);
	else
		err = try_keys(who, &h, &file_key);
	if (err == ERR_NO_KEY_FITS && age_header_is_damaged(&h, text))
		return err_at(ERR_AGE_HEADER_MAC, "age header");
	TRY(err);
	TRY(age_header_check_mac(&h, text, used, file_key));
	*ret = TAKE(file_key);
	*ret_len = used;
	return OK;
}

/* Moves what is there of the next line to `text`; *ret tells whether its end came. */
static enum err line_more(struct age_inflow *in, struct buf *text, bool *ret)
{
	const uint8_t *from, *end;
	size_t len;

	TRY(age_inflow_fill(in));
	from = in->bytes + in->at;
	len = in->len - in->at;
	if (len == 0)
		return err_at(ERR_AGE_HEADER, "no end of the header");
	end = memchr(from, '\n', len);
	if (end)
		len = (size_t)(end - from) + 1;
	if (text->len + len > AGE_HEADER_MAX)
		return err_at(ERR_AGE_HEADER, "more than %u bytes", AGE_HEADER_MAX);
	TRY(buf_append(text, from, len));
	in->at += len;
	*ret = end != NULL;
	return OK;
}

/* The header's bytes and none behind them: up to the first line that begins like a MAC line. */
static enum err header_read(struct age_inflow *in, struct buf *text)
{
	size_t line = 0;
	bool complete = false;

	for (;;) {
		TRY(line_more(in, text, &complete));
		if (text->len >= MAGIC_LEN && memcmp(text->data, MAGIC, MAGIC_LEN) != 0)
			return err_at(ERR_AGE_HEADER, "not an age file");
		if (!complete)
			continue;
		if (text->len - line >= 3 && memcmp(text->data + line, "---", 3) == 0)
			return OK;
		line = text->len;
	}
}

enum err age_file_key(const struct age_who *who, struct age_inflow *in, struct secret **ret,
		      size_t *ret_header_len)
{
	CLEANUP(buf_clear) struct buf text = {0};

	TRY(header_read(in, &text));
	return header_open(who, text.data, text.len, ret, ret_header_len);
}

static enum err payload_decrypt(const struct secret *file_key, struct age_inflow *in,
				struct age_sink into)
{
	CLEANUP(stream_reader_freep) struct stream_reader *r = NULL;
	CLEANUP(mem_freep) uint8_t *piece = malloc(PIECE);
	size_t len;

	if (!piece)
		return err_at(ERR_NOMEM, "piece");
	TRY(stream_reader_new(file_key, into, &r));
	for (;;) {
		TRY(age_inflow_read(in, piece, PIECE, &len));
		if (len == 0)
			return stream_reader_finish(r);
		TRY(stream_reader_put(r, piece, len));
	}
}

static enum err binary_decrypt(const struct age_who *who, struct age_inflow *in,
			       struct age_sink into)
{
	CLEANUP(secret_freep) struct secret *file_key = NULL;
	size_t header_len;

	TRY(age_file_key(who, in, &file_key, &header_len));
	return payload_decrypt(file_key, in, into);
}

enum err age_decrypt(const struct age_who *who, struct age_source from, struct age_sink into)
{
	struct age_inflow outer = {.from = from}, inner = {0};
	struct age_armor_reader armor = age_armor_reader_make(&outer);

	TRY(age_inflow_fill(&outer));
	if (outer.len == 0 || !age_armor_likely(outer.bytes[0]))
		return binary_decrypt(who, &outer, into);
	inner.from = age_armor_source(&armor);
	return binary_decrypt(who, &inner, into);
}

/* Guarded memory as a sink; filled to at most its length. */
struct vessel {
	struct secret *bytes;
	size_t len;
};

static void vessel_clear(struct vessel *v)
{
	secret_free(v->bytes);
}

static enum err vessel_write(void *ctx, const void *data, size_t len)
{
	struct vessel *v = ctx;

	if (len > secret_len(v->bytes) - v->len)
		return err_at(ERR_TOO_BIG, "more than %zu bytes", secret_len(v->bytes));
	memcpy(secret_edit(v->bytes) + v->len, data, len);
	v->len += len;
	return OK;
}

static struct secret *vessel_take(struct vessel *v)
{
	secret_shrink(v->bytes, v->len);
	return TAKE(v->bytes);
}

enum err age_decrypt_small(const struct age_who *who, struct age_source from, size_t max,
			   struct secret **ret)
{
	CLEANUP(vessel_clear) struct vessel v = {0};

	TRY(secret_new(max, &v.bytes));
	TRY(age_decrypt(who, from, (struct age_sink){vessel_write, &v}));
	*ret = vessel_take(&v);
	return OK;
}

enum err age_open_buf(const struct age_identity *const *identities, size_t count, const void *data,
		      size_t len, size_t max, struct secret **ret, size_t *ret_header_len)
{
	const struct age_who who = {.identities = identities, .count = count};
	CLEANUP(vessel_clear) struct vessel v = {0};
	CLEANUP(secret_freep) struct secret *file_key = NULL;
	CLEANUP(stream_reader_freep) struct stream_reader *r = NULL;
	size_t header_len;

	TRY(header_open(&who, data, len, &file_key, &header_len));
	TRY(secret_new(MIN(max, len), &v.bytes)); /* plaintext is shorter than the file */
	TRY(stream_reader_new(file_key, (struct age_sink){vessel_write, &v}, &r));
	TRY(stream_reader_put(r, (const uint8_t *)data + header_len, len - header_len));
	TRY(stream_reader_finish(r));
	*ret = vessel_take(&v);
	if (ret_header_len)
		*ret_header_len = header_len;
	return OK;
}

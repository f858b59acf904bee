/* What stands around and behind an age header. The first byte chooses:
 *   armor      any text; what is taken is the one spelling of its bytes
 *   dearmor    any bytes, armored and read again
 *   payload    sealed, then damaged as the input says: only the undamaged one opens
 *   stanzas    any stanzas beside one for us, under a MAC that fits
 *   identity   any text as an identity file */
#include "tests/fuzz.h"
#include "age/age.h"
#include "age/armor.h"
#include "age/header.h"
#include "age/identity_file.h"
#include "age/stream.h"
#include "crypto/random.h"

#define TEXT "what was sealed"
#define PAYLOAD_MAX (2u * STREAM_CHUNK + 100u)

const unsigned fuzz_cost = 25;

static struct secret *file_key;
static struct age_identity *mine;

static enum err unarmor(const void *text, size_t len, size_t step, struct buf *out)
{
	struct age_memory memory = {text, len};
	struct age_inflow in = {.from = age_source_memory(&memory)};
	struct age_armor_reader r = age_armor_reader_make(&in);
	struct age_source from = age_armor_source(&r);
	uint8_t piece[300];
	size_t got;

	for (;;) {
		TRY(from.read(from.ctx, piece, step, &got));
		if (got == 0)
			return OK;
		MUST(buf_append(out, piece, got) == OK);
	}
}

static void armor(const void *data, size_t len, struct buf *out)
{
	struct age_armor_writer w = age_armor_writer_make(age_sink_buf(out));
	struct age_sink into = age_armor_sink(&w);

	MUST(into.write(into.ctx, data, len) == OK && age_armor_finish(&w) == OK);
}

/* CRLF is read as LF, whitespace around the whole is nothing. */
static void normal_text(const uint8_t *data, size_t len, struct buf *out)
{
	while (len > 0 && strchr(" \t\r\n", data[len - 1]) && data[len - 1])
		len--;
	while (len > 0 && strchr(" \t\r\n", data[0]) && data[0]) {
		data++;
		len--;
	}
	for (size_t i = 0; i < len; i++) {
		if (data[i] != '\r' || i + 1 == len || data[i + 1] != '\n')
			MUST(buf_append(out, data + i, 1) == OK);
	}
	MUST(buf_append(out, "\n", 1) == OK);
}

static void try_armor(const uint8_t *data, size_t len)
{
	struct buf small = {0}, large = {0}, again = {0}, normal = {0};
	enum err err = unarmor(data, len, 300, &large);

	MUST(unarmor(data, len, 7, &small) == err);
	if (err == OK) {
		MUST(small.len == large.len &&
		     (small.len == 0 || memcmp(small.data, large.data, small.len) == 0));
		armor(large.data, large.len, &again);
		normal_text(data, len, &normal);
		MUST(again.len == normal.len && memcmp(again.data, normal.data, again.len) == 0);
	}
	buf_clear(&small);
	buf_clear(&large);
	buf_clear(&again);
	buf_clear(&normal);
}

static void try_dearmor(const uint8_t *data, size_t len)
{
	struct buf text = {0}, again = {0};

	armor(data, len, &text);
	MUST(unarmor(text.data, text.len, 11, &again) == OK);
	MUST(again.len == len && (len == 0 || memcmp(again.data, data, len) == 0));
	buf_clear(&text);
	buf_clear(&again);
}

/* ---- payload ---- */

static void seal_payload(const uint8_t *plain, size_t len, size_t step, struct buf *out)
{
	struct stream_writer *w = NULL;

	MUST(stream_writer_new(file_key, age_sink_buf(out), &w) == OK);
	for (size_t at = 0; at < len; at += step)
		MUST(stream_writer_put(w, plain + at, MIN(step, len - at)) == OK);
	MUST(stream_writer_finish(w) == OK);
	stream_writer_free(w);
}

static enum err open_payload(const uint8_t *sealed, size_t len, size_t step, struct buf *out)
{
	CLEANUP(stream_reader_freep) struct stream_reader *r = NULL;

	TRY(stream_reader_new(file_key, age_sink_buf(out), &r));
	for (size_t at = 0; at < len; at += step)
		TRY(stream_reader_put(r, sealed + at, MIN(step, len - at)));
	return stream_reader_finish(r);
}

enum harm { HARM_NONE, HARM_FLIP, HARM_CUT, HARM_MORE, HARM_CHUNK_GONE, HARM_TAIL_TWICE, HARMS };

/* The first one. */
static void chunk_gone(struct buf *b)
{
	size_t first = STREAM_NONCE_LEN, len = MIN(STREAM_CHUNK + 16, b->len - first);

	memmove(b->data + first, b->data + first + len, b->len - first - len);
	b->len -= len;
}

static void harm(struct buf *b, enum harm how, size_t at, uint8_t value)
{
	char tail[40];

	at %= b->len;
	switch (how) {
	case HARM_FLIP:
		b->data[at] ^= (char)(value ? value : 1);
		break;
	case HARM_CUT:
		b->len = at;
		break;
	case HARM_MORE:
		MUST(buf_append(b, &value, 1) == OK);
		break;
	case HARM_CHUNK_GONE:
		chunk_gone(b);
		break;
	case HARM_TAIL_TWICE:
		memcpy(tail, b->data + b->len - MIN(b->len, sizeof(tail)),
		       MIN(b->len, sizeof(tail)));
		MUST(buf_append(b, tail, MIN(b->len, sizeof(tail))) == OK);
		break;
	default:
		break;
	}
}

static void try_payload(struct reader *r)
{
	static uint8_t plain[PAYLOAD_MAX];
	struct buf sealed = {0}, opened = {0};
	size_t len = (size_t)read_u48(r) % (PAYLOAD_MAX + 1);
	size_t put = 1 + read_u16(r) * 2u, take = 1 + read_u16(r) * 2u;
	enum harm how = read_u8(r) % HARMS;
	size_t at = (size_t)read_u32(r);
	uint8_t value = read_u8(r);
	enum err err;

	if (put < 64) /* many small pieces of much take long and show nothing more */
		len %= 2048;
	if (r->left > 0)
		memcpy(plain, r->at, MIN(r->left, len));
	seal_payload(plain, len, put, &sealed);
	harm(&sealed, how, at, value);
	err = open_payload((const uint8_t *)sealed.data, sealed.len, MAX(take, len / 64), &opened);
	MUST(err == (how == HARM_NONE ? OK : ERR_AGE_PAYLOAD));
	MUST(how != HARM_NONE || opened.len == len);
	MUST(opened.len <= len && (opened.len == 0 || memcmp(opened.data, plain, opened.len) == 0));
	buf_clear(&sealed);
	buf_clear(&opened);
}

/* ---- a whole file ---- */

static void add_ours(struct age_header *h)
{
	struct age_recipient me;

	age_identity_recipient(mine, &me);
	MUST(age_recipient_wrap(&me, file_key, &h->stanzas[h->count]) == OK);
	h->count++;
}

static enum err never_asked(void *ctx, struct secret **ret)
{
	return secret_copy("pass", 4, ret);
}

static void try_stanzas(const char *text, size_t len)
{
	const struct age_identity *who[] = {mine};
	const struct age_who us = {
		.identities = who, .count = 1, .ask = never_asked, .max_log_n = 2};
	struct age_stanza stanzas[9];
	struct age_header h = {.stanzas = stanzas}, again = {0};
	struct buf file = {0}, opened = {0};
	struct age_memory memory;
	size_t used;
	enum err err;

	while (h.count < 8 && age_stanza_parse(text, len, &stanzas[h.count], &used) == OK) {
		h.count++;
		text += used;
		len -= used;
	}
	add_ours(&h);
	MUST(age_header_print(stanzas, h.count, file_key, &file) == OK);
	err = age_header_parse(file.data, file.len, &again, &used);
	MUST(err != OK || (again.count == h.count && used == file.len));
	seal_payload((const uint8_t *)TEXT, sizeof(TEXT), 100, &file);
	memory = (struct age_memory){(const uint8_t *)file.data, file.len};
	if (age_decrypt(&us, age_source_memory(&memory), age_sink_buf(&opened)) == OK)
		MUST(err == OK && opened.len == sizeof(TEXT) &&
		     !memcmp(opened.data, TEXT, opened.len));
	else
		MUST(opened.len == 0);
	for (size_t i = 0; i < h.count; i++)
		age_stanza_clear(&stanzas[i]);
	age_header_clear(&again);
	buf_clear(&file);
	buf_clear(&opened);
}

static void try_identity(const char *text, size_t len)
{
	struct age_identity *id = NULL, *again = NULL;
	struct age_recipient a, b;
	struct secret *printed = NULL;

	if (age_identity_file_parse(text, len, &id) != OK)
		return;
	MUST(age_identity_file_print(id, 0, &printed) == OK);
	MUST(age_identity_file_parse((const char *)secret_data(printed), secret_len(printed),
				     &again) == OK);
	age_identity_recipient(id, &a);
	age_identity_recipient(again, &b);
	MUST(age_recipient_equal(&a, &b));
	secret_free(printed);
	age_identity_free(id);
	age_identity_free(again);
}

/* The same nonces whenever an input is tried again. */
static void same_bytes(void *out, size_t len)
{
	memset(out, 0x5a, len);
}

static void prepare(void)
{
	static const uint8_t raw[X25519_LEN] = "the identity of the age fuzzers";

	MUST(crypto_init() == OK);
	MUST(secret_copy("file key of ours", 16, &file_key) == OK);
	MUST(age_identity_from_raw(raw, &mine) == OK);
	random_override(same_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_make(data, size);
	uint8_t which = read_u8(&r);

	if (!file_key)
		prepare();
	if (size == 0)
		return 0;
	switch (which % 5) {
	case 0:
		try_armor(r.at, r.left);
		break;
	case 1:
		try_dearmor(r.at, r.left);
		break;
	case 2:
		try_payload(&r);
		break;
	case 3:
		try_stanzas((const char *)r.at, r.left);
		break;
	default:
		try_identity((const char *)r.at, r.left);
	}
	return 0;
}

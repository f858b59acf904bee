#include "tests/age/fixture.h"

#include <stdio.h>
#include "age/stream.h"
#include "base/text.h"
#include "crypto/hash.h"

int start_crypto(void **state)
{
	return crypto_init() == OK ? 0 : -1;
}

static struct age_identity *identity_of(uint8_t first)
{
	struct age_identity *id = NULL;
	uint8_t raw[32];

	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(first + i);
	assert_ok(age_identity_from_raw(raw, &id));
	return id;
}

struct age_identity *fixture_identity(void)
{
	return identity_of(1);
}

struct age_identity *fixture_stranger(void)
{
	return identity_of(101);
}

struct age_recipient fixture_recipient(void)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	struct age_recipient r;

	age_identity_recipient(id, &r);
	return r;
}

struct secret *fixture_secret(const char *text)
{
	struct secret *s = NULL;

	assert_ok(secret_copy(text, strlen(text), &s));
	return s;
}

struct secret *fixture_file_key(void)
{
	return fixture_secret("sixteen letters!");
}

static char *stanza_text(struct age_stanza *s)
{
	struct buf out = {0};

	assert_ok(age_stanza_print(s, &out));
	age_stanza_clear(s);
	return out.data;
}

char *fixture_x25519(void)
{
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	struct age_recipient r = fixture_recipient();
	struct age_stanza s = {0};

	assert_ok(age_recipient_wrap(&r, key, &s));
	return stanza_text(&s);
}

char *fixture_scrypt(const char *pass, unsigned log_n)
{
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	CLEANUP(secret_freep) struct secret *passphrase = fixture_secret(pass);
	struct age_stanza s = {0};

	assert_ok(age_passphrase_wrap(passphrase, log_n, key, &s));
	return stanza_text(&s);
}

char *text_format(const char *format, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	assert_non_null(text);
	return text;
}

char *text_replace(const char *text, const char *what, const char *with)
{
	const char *at = strstr(text, what);

	assert_non_null(at);
	return text_format("%.*s%s%s", (int)(at - text), text, with, at + strlen(what));
}

/* Computed here from the primitives, not through the code under test. */
char *fixture_header(const char *stanzas)
{
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	CLEANUP(mem_freep) char *covered = text_format("age-encryption.org/v1\n%s---", stanzas);
	uint8_t mac_key[32], mac[32];
	char text[64];

	hkdf_sha256(secret_data(key), secret_len(key), "", 0, "header", 6, mac_key, 32);
	hmac_sha256(mac_key, 32, covered, strlen(covered), mac);
	text_base64(mac, sizeof(mac), false, text);
	return text_format("%s %s\n", covered, text);
}

void fixture_file(const char *header, const void *payload, size_t len, struct buf *out)
{
	CLEANUP(secret_freep) struct secret *key = fixture_file_key();
	CLEANUP(stream_writer_freep) struct stream_writer *w = NULL;

	assert_ok(buf_puts(out, header));
	assert_ok(stream_writer_new(key, age_sink_buf(out), &w));
	assert_ok(stream_writer_put(w, payload, len));
	assert_ok(stream_writer_finish(w));
}

enum err fixture_open(const void *data, size_t len)
{
	CLEANUP(age_identity_freep) struct age_identity *id = fixture_identity();
	CLEANUP(secret_freep) struct secret *plain = NULL;
	const struct age_identity *ids[] = {id};

	return age_open_buf(ids, 1, data, len, len, &plain, NULL);
}

static enum err catch (void *ctx, const void *data, size_t len) {
	struct catcher *c = ctx;

	if (c->limit > 0 && c->got.len + len > c->limit) return err_at(ERR_NO_SPACE, "catcher");
	return buf_append(&c->got, data, len);
}

struct age_sink catcher_sink(struct catcher *c)
{
	return (struct age_sink){catch, c};
}

void pattern_fill(void *out, size_t len)
{
	uint8_t *p = out;

	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 31 + (i >> 8) * 7);
}

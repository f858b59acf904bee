/* Tickets: a device secret on its way to one person. FORMAT.md, "Ticket". */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "age/age.h"
#include "age/armor.h"
#include "base/clock.h"
#include "base/io.h"
#include "crypto/labels.h"
#include "org/device_format.h"
#include "org/staff_key.h"

#define TICKET_FILE_MAX 65536u
#define SIGNED_LEN (TICKET_LEN - SIGN_LEN)

/* What is signed: the label with its NUL, then everything before the signature. */
static enum err signed_text(const uint8_t *payload, struct secret **ret)
{
	TRY(secret_new(sizeof(LABEL_SIG_TICKET) + SIGNED_LEN, ret));
	memcpy(secret_edit(*ret), LABEL_SIG_TICKET, sizeof(LABEL_SIG_TICKET));
	memcpy(secret_edit(*ret) + sizeof(LABEL_SIG_TICKET), payload, SIGNED_LEN);
	return OK;
}

static enum err encode(const struct device *d, const struct age_recipient *to,
		       const struct age_identity *issuer, struct secret **ret)
{
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;
	CLEANUP(secret_freep) struct secret *text = NULL;
	CLEANUP(secret_freep) struct secret *payload = NULL;
	uint8_t sig[SIGN_LEN];
	struct writer w;

	TRY(staff_sign_key(issuer, &key));
	TRY(secret_new(TICKET_LEN, &payload));
	w = writer_make(secret_edit(payload), TICKET_LEN);
	write_bytes(&w, TICKET_MAGIC, 8);
	write_bytes(&w, to->pk, X25519_LEN);
	write_bytes(&w, sign_key_vkey(key), SIGN_VKEY_LEN);
	write_u64(&w, (uint64_t)clock_wall().tv_sec);
	device_encode(d, &w);
	TRY(signed_text(secret_data(payload), &text));
	sign_make(key, secret_data(text), secret_len(text), sig);
	write_bytes(&w, sig, sizeof(sig));
	if (!writer_ok(&w))
		return err_at(ERR_INTERNAL, "ticket");
	*ret = TAKE(payload);
	return OK;
}

enum err ticket_write(const char *path, const struct device *d, const struct age_recipient *to,
		      const struct age_identity *issuer)
{
	CLEANUP(secret_freep) struct secret *payload = NULL;
	CLEANUP(buf_clear) struct buf text = { 0 };
	struct age_to seal = { .recipients = to, .count = 1, .armor = true };
	struct age_memory from;

	TRY(encode(d, to, issuer, &payload));
	from = (struct age_memory){ secret_data(payload), secret_len(payload) };
	TRY(age_encrypt(&seal, age_source_memory(&from), age_sink_buf(&text)));
	return io_replace_file(path, text.data, text.len, 0600);
}

enum err ticket_decode(const uint8_t *data, size_t len, const struct age_recipient *me,
		       struct device *ret)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	CLEANUP(device_clear) struct device d = { 0 };
	uint8_t magic[8], to[X25519_LEN], issuer[SIGN_VKEY_LEN], sig[SIGN_LEN];
	struct reader r = reader_make(data, len);

	read_bytes(&r, magic, sizeof(magic));
	read_bytes(&r, to, sizeof(to));
	read_bytes(&r, issuer, sizeof(issuer));
	read_skip(&r, 8);
	if (!reader_ok(&r) || len != TICKET_LEN || memcmp(magic, TICKET_MAGIC, 8) != 0)
		return err_at(ERR_BAD_FORMAT, "ticket");
	TRY(device_decode(&r, &d));
	read_bytes(&r, sig, sizeof(sig));
	TRY(signed_text(data, &text));
	/* The name of the receiver is signed, so that a ticket can't be passed on as somebody's word
	 * to a third person. */
	if (!reader_done(&r) || memcmp(to, me->pk, X25519_LEN) != 0 ||
	    !sign_verify(issuer, secret_data(text), secret_len(text), sig))
		return err_at(ERR_SENDER, "ticket");
	memcpy(d.issuer_vkey, issuer, SIGN_VKEY_LEN);
	*ret = d;
	memset(&d, 0, sizeof(d));
	return OK;
}

enum err ticket_open(const char *path, const struct age_identity *id, struct device *ret)
{
	CLEANUP(secret_freep) struct secret *plain = NULL;
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct age_who who = { .identities = &id, .count = 1 };
	struct age_recipient me;
	struct age_memory from;
	enum err err;

	TRY(io_read_file(path, TICKET_FILE_MAX, &file));
	from = (struct age_memory){ (const uint8_t *)file.data, file.len };
	err = age_decrypt_small(&who, age_source_memory(&from), TICKET_LEN, &plain);
	if (err == ERR_AGE_HEADER || err == ERR_TOO_BIG)
		return err_at(ERR_BAD_FORMAT, "%s is no ticket", path);
	TRY(err);
	age_identity_recipient(id, &me);
	return ticket_decode(secret_data(plain), secret_len(plain), &me, ret);
}

#include "age/identity_file.h"

#include <stdio.h>
#include <string.h>
#include "age/age.h"
#include "base/text.h"

#define FILE_MAX                                                                                   \
	16384u /* of the text inside; an identity with its comments has under 200 bytes            \
		*/

enum err age_identity_file_print(const struct age_identity *id, time_t created, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *text = NULL;
	CLEANUP(secret_freep) struct secret *key = NULL;
	struct age_recipient r;
	char when[32], who[AGE_RECIPIENT_TEXT];
	int len;

	text_time(created, when);
	age_identity_recipient(id, &r);
	age_recipient_print(&r, who);
	TRY(age_identity_print(id, &key));
	TRY(secret_new(512, &text));
	len = snprintf((char *)secret_edit(text), secret_len(text),
		       "# created: %s\n# public key: %s\n", when, who);
	memcpy(secret_edit(text) + len, secret_data(key), secret_len(key));
	secret_edit(text)[(size_t)len + secret_len(key)] = '\n';
	secret_shrink(text, (size_t)len + secret_len(key) + 1);
	*ret = TAKE(text);
	return OK;
}

enum err age_identity_file_parse(const char *text, size_t len, struct age_identity **ret)
{
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;

	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t used = end ? (size_t)(end - text) + 1 : len;
		size_t line = end ? used - 1 : used;

		if (end && line > 0 && text[line - 1] == '\r')
			line--;
		if (line > 0 && text[0] != '#') {
			if (id)
				return err_at(ERR_BAD_FORMAT, "more than one identity in the file");
			TRY(age_identity_parse(text, line, &id));
		}
		text += used;
		len -= used;
	}
	if (!id)
		return err_at(ERR_BAD_FORMAT, "no identity in the file");
	*ret = TAKE(id);
	return OK;
}

enum err age_identity_seal(const struct age_identity *id, time_t created,
			   const struct secret *passphrase, unsigned log_n, struct buf *out)
{
	const struct age_to to = {.passphrase = passphrase, .log_n = log_n};
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct age_sealing *sealing = NULL;

	TRY(age_identity_file_print(id, created, &text));
	TRY(age_seal_begin(&to, &sealing));
	return age_seal_finish(&sealing, secret_data(text), secret_len(text), out);
}

static enum err passphrase_give(void *ctx, struct secret **ret)
{
	const struct secret *passphrase = ctx;

	return secret_copy(secret_data(passphrase), secret_len(passphrase), ret);
}

enum err age_identity_open(const void *data, size_t len, const struct secret *passphrase,
			   unsigned max_log_n, struct age_identity **ret)
{
	const struct age_who who = {
		.ask = passphrase_give, .ask_ctx = (void *)passphrase, .max_log_n = max_log_n};
	CLEANUP(secret_freep) struct secret *text = NULL;
	struct age_memory memory = {data, len};

	TRY(age_decrypt_small(&who, age_source_memory(&memory), FILE_MAX, &text));
	return age_identity_file_parse((const char *)secret_data(text), secret_len(text), ret);
}

#include "org/staff_key.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "age/identity_file.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/hash.h"
#include "crypto/labels.h"
#include "org/words.h"

#define KEY_FILE_MAX 65536u
#define DEFAULT_FILE "default"
#define SIGNS "signs " /* begins the second line of NAME.pub */

/* ---- names and paths ---- */

static bool name_is_plain(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= STAFF_NAME_MAX && name[0] != '.' && !strchr(name, '/') &&
	       strcspn(name, "\r\n\t") == len && text_is_utf8(name, len) &&
	       strcmp(name, DEFAULT_FILE) != 0;
}

static enum err key_path(struct home *h, const char *name, const char *suffix, struct buf *ret)
{
	if (!name_is_plain(name))
		return err_at(ERR_INVALID, "key name \"%s\"", name);
	return buf_printf(ret, "%s/%s%s", home_keys_dir(h), name, suffix);
}

static void copy_line(const struct buf *text, char *out, size_t cap)
{
	size_t len = text->data ? strcspn(text->data, "\r\n") : 0;

	len = MIN(len, cap - 1);
	memcpy(out, text->data ? text->data : "", len);
	out[len] = '\0';
}

/* The first key that was made. */
static enum err default_name(struct home *h, char ret[STAFF_NAME_MAX + 1])
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	enum err err;

	TRY(buf_printf(&path, "%s/%s", home_keys_dir(h), DEFAULT_FILE));
	err = io_read_file(path.data, STAFF_NAME_MAX + 2, &text);
	if (err == ERR_NOT_FOUND)
		return err_at(ERR_KEY_NOT_FOUND, "%s", home_keys_dir(h));
	TRY(err);
	copy_line(&text, ret, STAFF_NAME_MAX + 1);
	return OK;
}

static enum err resolve_name(struct home *h, const char *name, char ret[STAFF_NAME_MAX + 1])
{
	if (!name)
		return default_name(h, ret);
	if (!name_is_plain(name))
		return err_at(ERR_INVALID, "key name \"%s\"", name);
	memcpy(ret, name, strlen(name) + 1);
	return OK;
}

/* ---- fingerprints ---- */

void staff_fpr(const struct age_recipient *r, char out[STAFF_FPR_LEN])
{
	uint8_t sum[SHA256_LEN];

	sha256(r->pk, sizeof(r->pk), sum);
	text_hex(sum, 8, out);
}

void staff_fpr_words(const struct age_recipient *r, char out[96])
{
	uint8_t sum[SHA256_LEN];
	size_t at = 0;

	sha256(r->pk, sizeof(r->pk), sum);
	for (unsigned i = 0; i < 6; i++) {
		const char *word = fingerprint_words[sum[i]];
		size_t len = strlen(word);

		if (i > 0)
			out[at++] = '-';
		memcpy(out + at, word, len);
		at += len;
	}
	out[at] = '\0';
}

/* ---- creating ---- */

static void fill_info(const char *name, const struct age_recipient *r,
		      struct staff_key_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->name, name, strlen(name) + 1);
	ret->recipient = *r;
	staff_fpr(r, ret->fpr);
}

static enum err fill_signing(const struct age_identity *id, struct staff_key_info *info)
{
	CLEANUP(sign_key_freep) struct sign_key *key = NULL;

	TRY(staff_sign_key(id, &key));
	memcpy(info->vkey, sign_key_vkey(key), SIGN_VKEY_LEN);
	info->has_key = true;
	return OK;
}

static enum err write_public(struct home *h, const struct staff_key_info *info)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	char recipient[AGE_RECIPIENT_TEXT], key[2 * SIGN_VKEY_LEN + 1];

	TRY(key_path(h, info->name, ".pub", &path));
	age_recipient_print(&info->recipient, recipient);
	text_hex(info->vkey, SIGN_VKEY_LEN, key);
	TRY(buf_printf(&text, "%s\n" SIGNS "%s\n", recipient, key));
	return io_replace_file(path.data, text.data, text.len, 0600);
}

static enum err write_default(struct home *h, const char *name)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	enum err err;

	TRY(buf_printf(&path, "%s/%s", home_keys_dir(h), DEFAULT_FILE));
	err = io_create_file(path.data, name, strlen(name), 0600);
	return err == ERR_EXISTS ? OK : err;
}

enum err staff_key_create(struct home *h, const char *name, const struct secret *passphrase,
			  unsigned log_n, struct staff_key_info *ret)
{
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct staff_key_info info;
	struct age_recipient r;

	TRY(key_path(h, name, ".age", &path));
	if (access(path.data, F_OK) == 0)
		return err_at(ERR_EXISTS, "%s", name);
	TRY(home_prepare(h));
	TRY(age_identity_new_random(&id));
	age_identity_recipient(id, &r);
	fill_info(name, &r, &info);
	TRY(fill_signing(id, &info));
	TRY(age_identity_seal(id, clock_wall().tv_sec, passphrase, log_n, &file));
	/* The public half first: a sealed key without it could not be shown. */
	TRY(write_public(h, &info));
	TRY(io_create_file(path.data, file.data, file.len, 0600));
	TRY(write_default(h, name));
	*ret = info;
	return OK;
}

/* ---- reading ---- */

/* Files that older versions wrote end behind the first line. */
static void read_signing(const char *text, struct staff_key_info *info)
{
	const char *line = strchr(text, '\n');
	char hex[2 * SIGN_VKEY_LEN + 1];

	if (!line || strncmp(line + 1, SIGNS, strlen(SIGNS)) != 0)
		return;
	line += 1 + strlen(SIGNS);
	text_copy(hex, sizeof(hex), line);
	info->has_key = strcspn(line, "\r\n") == sizeof(hex) - 1 &&
			text_unhex(hex, info->vkey, SIGN_VKEY_LEN) == OK;
}

enum err staff_key_info(struct home *h, const char *name, struct staff_key_info *ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf text = { 0 };
	char resolved[STAFF_NAME_MAX + 1], line[AGE_RECIPIENT_TEXT + 1];
	struct age_recipient r;
	enum err err;

	TRY(resolve_name(h, name, resolved));
	TRY(key_path(h, resolved, ".pub", &path));
	err = io_read_file(path.data, 1024, &text);
	if (err == ERR_NOT_FOUND)
		return err_at(ERR_KEY_NOT_FOUND, "%s", resolved);
	TRY(err);
	copy_line(&text, line, sizeof(line));
	TRY(age_recipient_parse(line, &r));
	fill_info(resolved, &r, ret);
	read_signing(text.data, ret);
	return OK;
}

static enum err read_sealed(struct home *h, const char *name, struct buf *ret_path,
			    struct buf *ret_file)
{
	char resolved[STAFF_NAME_MAX + 1];
	enum err err;

	TRY(resolve_name(h, name, resolved));
	TRY(key_path(h, resolved, ".age", ret_path));
	err = io_read_file(ret_path->data, KEY_FILE_MAX, ret_file);
	return err == ERR_NOT_FOUND ? err_at(ERR_KEY_NOT_FOUND, "%s", resolved) : err;
}

/* A key of an older version gets its signing key shown as soon as it is known. That it could not be
 * written keeps nobody from working. */
static void complete_public(struct home *h, const char *name, const struct age_identity *id)
{
	struct staff_key_info info;
	struct age_recipient r;

	age_identity_recipient(id, &r);
	if (staff_key_info(h, name, &info) != OK || info.has_key ||
	    !age_recipient_equal(&r, &info.recipient) || fill_signing(id, &info) != OK)
		return;
	(void)!write_public(h, &info);
}

enum err staff_key_unlock(struct home *h, const char *name, const struct secret *passphrase,
			  struct age_identity **ret)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf file = { 0 };

	TRY(read_sealed(h, name, &path, &file));
	TRY(age_identity_open(file.data, file.len, passphrase, 0, ret));
	complete_public(h, name, *ret);
	return OK;
}

enum err staff_key_passwd(struct home *h, const char *name, const struct secret *old,
			  const struct secret *fresh, unsigned log_n)
{
	CLEANUP(age_identity_freep) struct age_identity *id = NULL;
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf file = { 0 };
	CLEANUP(buf_clear) struct buf sealed = { 0 };

	TRY(read_sealed(h, name, &path, &file));
	TRY(age_identity_open(file.data, file.len, old, 0, &id));
	TRY(age_identity_seal(id, clock_wall().tv_sec, fresh, log_n, &sealed));
	return io_replace_file(path.data, sealed.data, sealed.len, 0600);
}

enum err staff_sign_key(const struct age_identity *id, struct sign_key **ret)
{
	CLEANUP(secret_freep) struct secret *seed = NULL;

	TRY(secret_new(SIGN_SEED_LEN, &seed));
	hkdf_sha256(age_identity_secret(id), X25519_LEN, NULL, 0, LABEL_STAFF_SIGN,
		    strlen(LABEL_STAFF_SIGN), secret_edit(seed), SIGN_SEED_LEN);
	return sign_key_new(secret_data(seed), ret);
}

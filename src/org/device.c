#include "org/device.h"
#include <dirent.h>
#include <string.h>
#include <unistd.h>
#include "age/age.h"
#include "base/cursor.h"
#include "base/io.h"
#include "base/text.h"
#include "org/device_format.h"
#include "org/staff_key.h"

#define DEVICE_FILE_MAX 65536u

void device_clear(struct device *d)
{
	secret_free(d->secret);
	memset(d, 0, sizeof(*d));
}

/* ---- bytes; FORMAT.md, "Device secret" ---- */

void device_encode(const struct device *d, struct writer *w)
{
	write_bytes(w, DEVICE_MAGIC, 8);
	write_bytes(w, d->volume_id, VOLUME_ID_LEN);
	write_bytes(w, d->device_id, sizeof(d->device_id));
	write_bytes(w, d->issuer_vkey, SIGN_VKEY_LEN);
	write_bytes(w, secret_data(d->secret), DEVICE_SECRET_LEN);
	write_bytes(w, d->label, sizeof(d->label));
}

static bool label_is_good(const char label[65])
{
	size_t len = strnlen(label, 65);

	return len > 0 && len < 65 && text_is_utf8(label, len);
}

enum err device_decode(struct reader *r, struct device *ret)
{
	struct device d = { 0 };
	uint8_t magic[8];
	enum err err;

	TRY(secret_new(DEVICE_SECRET_LEN, &d.secret));
	read_bytes(r, magic, sizeof(magic));
	read_bytes(r, d.volume_id, VOLUME_ID_LEN);
	read_bytes(r, d.device_id, sizeof(d.device_id));
	read_bytes(r, d.issuer_vkey, SIGN_VKEY_LEN);
	read_bytes(r, secret_edit(d.secret), DEVICE_SECRET_LEN);
	read_bytes(r, d.label, sizeof(d.label));
	err = reader_ok(r) && memcmp(magic, DEVICE_MAGIC, 8) == 0 && label_is_good(d.label)
		      ? OK
		      : err_at(ERR_BAD_FORMAT, "device secret");
	if (err != OK) {
		device_clear(&d);
		return err;
	}
	*ret = d;
	return OK;
}

/* ---- files ---- */

/* One for each vault and person: what one of them does to theirs, the others keep. */
static enum err device_path(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
			    const struct age_recipient *who, struct buf *ret)
{
	char hex[2 * VOLUME_ID_LEN + 1], fpr[STAFF_FPR_LEN];

	text_hex(volume_id, VOLUME_ID_LEN, hex);
	staff_fpr(who, fpr);
	return buf_printf(ret, "%s/%s-%s.age", home_devices_dir(h), hex, fpr);
}

static enum err save_for(struct home *h, const struct device *d, const struct secret *plain,
			 const struct age_recipient *who)
{
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf file = { 0 };

	TRY(device_path(h, d->volume_id, who, &path));
	TRY(age_seal_buf(who, 1, 1, secret_data(plain), secret_len(plain), &file));
	return io_replace_file(path.data, file.data, file.len, 0600);
}

enum err device_save(struct home *h, const struct device *d, const struct age_recipient *to,
		     size_t to_count)
{
	CLEANUP(secret_freep) struct secret *plain = NULL;
	struct writer w;

	TRY(secret_new(DEVICE_LEN, &plain));
	w = writer_make(secret_edit(plain), DEVICE_LEN);
	device_encode(d, &w);
	if (!writer_ok(&w))
		return err_at(ERR_INTERNAL, "device secret");
	for (size_t i = 0; i < to_count; i++)
		TRY(save_for(h, d, plain, &to[i]));
	return OK;
}

void device_forget(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
		   const struct age_recipient *who)
{
	CLEANUP(buf_clear) struct buf path = { 0 };

	if (device_path(h, volume_id, who, &path) == OK)
		(void)unlink(path.data);
}

/* Whether anybody on this host has the vault's device secret. */
static bool anybody_has(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN])
{
	char hex[2 * VOLUME_ID_LEN + 1];
	DIR *dir = opendir(home_devices_dir(h));
	struct dirent *entry;
	bool found = false;

	text_hex(volume_id, VOLUME_ID_LEN, hex);
	while (dir && !found && (entry = readdir(dir)) != NULL)
		found = strncmp(entry->d_name, hex, sizeof(hex) - 1) == 0;
	if (dir)
		closedir(dir);
	return found;
}

static enum err none_for_me(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN])
{
	return err_at(anybody_has(h, volume_id) ? ERR_NO_KEY_FITS : ERR_NOT_ENROLLED, "%s",
		      home_devices_dir(h));
}

enum err device_load(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
		     const struct age_identity *id, struct device *ret)
{
	CLEANUP(secret_freep) struct secret *plain = NULL;
	CLEANUP(buf_clear) struct buf path = { 0 };
	CLEANUP(buf_clear) struct buf file = { 0 };
	struct age_recipient me;
	struct reader r;
	enum err err;

	age_identity_recipient(id, &me);
	TRY(device_path(h, volume_id, &me, &path));
	err = io_read_file(path.data, DEVICE_FILE_MAX, &file);
	if (err == ERR_NOT_FOUND)
		return none_for_me(h, volume_id);
	TRY(err);
	TRY(age_open_buf(&id, 1, file.data, file.len, DEVICE_LEN, &plain, NULL));
	r = reader_make(secret_data(plain), secret_len(plain));
	TRY(device_decode(&r, ret));
	if (reader_done(&r) && memcmp(ret->volume_id, volume_id, VOLUME_ID_LEN) == 0)
		return OK;
	device_clear(ret);
	return err_at(ERR_BAD_FORMAT, "%s", path.data);
}

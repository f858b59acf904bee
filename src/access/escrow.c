#include "access/escrow.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/io.h"
#include "base/text.h"
#include "org/staff_key.h"
#include "org/staff_key.h"

#define ESCROW_MAX 16384u
#define ARMOR_BEGIN "-----BEGIN AGE ENCRYPTED FILE-----\n"
#define ARMOR_END "-----END AGE ENCRYPTED FILE-----\n"
#define ARMOR_LETTERS                                                                              \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\n"

static enum err escrow_dir(const struct home *h, struct buf *ret)
{
	return buf_printf(ret, "%s/escrow", home_register_dir(h));
}

/* One for each recovery key: a new key gets copies of its own. */
static void name_of(const struct device *d, const struct age_recipient *to, const char *host_id,
		    char out[ESCROW_NAME])
{
	char volume[2 * VOLUME_ID_LEN + 1], device[33], fpr[STAFF_FPR_LEN];

	text_hex(d->volume_id, VOLUME_ID_LEN, volume);
	text_hex(d->device_id, sizeof(d->device_id), device);
	staff_fpr(to, fpr);
	snprintf(out, ESCROW_NAME, "%s-%s-%s-%.16s.age", volume, device, fpr, host_id + 2);
}

/* Where its parts begin. */
enum { AT_DEVICE = 33, AT_KEY = 66, AT_HOST = 83, AT_END = 99 };

static bool is_name(const char *name, uint8_t volume_id[VOLUME_ID_LEN])
{
	char hex[2 * VOLUME_ID_LEN + 1];

	if (strlen(name) != ESCROW_NAME - 1 || strcmp(name + AT_END, ".age") != 0 ||
	    strspn(name, "0123456789abcdef-") != AT_END || name[AT_DEVICE - 1] != '-' ||
	    name[AT_KEY - 1] != '-' || name[AT_HOST - 1] != '-')
		return false;
	memcpy(hex, name, 32);
	hex[32] = '\0';
	return text_unhex(hex, volume_id, VOLUME_ID_LEN) == OK;
}

static bool is_revoked(const struct roster *roster, const uint8_t volume_id[VOLUME_ID_LEN])
{
	const struct roster_medium *m = roster_medium(roster, volume_id);

	return m && m->revoked.is;
}

enum err escrow_keep(struct home *h, const struct roster *roster, const struct device *d,
		     const struct age_identity *issuer)
{
	CLEANUP(buf_clear) struct buf dir = {0};
	CLEANUP(mem_freep) char *path = NULL;
	char name[ESCROW_NAME];
	const char *host_id;

	if (!roster->has_recovery || !d->secret || is_revoked(roster, d->volume_id))
		return OK;
	TRY(home_host_id(h, &host_id));
	name_of(d, &roster->recovery, host_id, name);
	TRY(escrow_dir(h, &dir));
	path = io_path_join(dir.data, name);
	if (!path)
		return err_at(ERR_NOMEM, "path");
	if (access(path, F_OK) == 0)
		return OK;
	TRY(io_make_dirs(dir.data, 0700));
	return ticket_write(path, d, &roster->recovery, issuer);
}

/* ---- opening ---- */

static enum err open_one(const char *dir, const char *name, const struct age_identity *recovery,
			 enum err (*fn)(void *ctx, struct device *d), void *ctx)
{
	CLEANUP(device_clear) struct device d = {0};
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);
	uint8_t volume_id[VOLUME_ID_LEN];

	if (!path)
		return err_at(ERR_NOMEM, "path");
	TRY(ticket_open(path, recovery, &d));
	if (!is_name(name, volume_id) || memcmp(d.volume_id, volume_id, VOLUME_ID_LEN) != 0)
		return err_at(ERR_BAD_FORMAT, "%s", path);
	return fn(ctx, &d);
}

enum err escrow_each(struct home *h, const uint8_t volume_id[VOLUME_ID_LEN],
		     const struct age_identity *recovery,
		     enum err (*fn)(void *ctx, struct device *d), void *ctx)
{
	CLEANUP(buf_clear) struct buf dir = {0};
	struct age_recipient me;
	char fpr[STAFF_FPR_LEN];
	struct dirent *entry;
	enum err err = ERR_NOT_FOUND;
	DIR *d;

	age_identity_recipient(recovery, &me);
	staff_fpr(&me, fpr);
	TRY(escrow_dir(h, &dir));
	d = opendir(dir.data);
	while (d && err != OK && (entry = readdir(d)) != NULL) {
		uint8_t id[VOLUME_ID_LEN];

		if (is_name(entry->d_name, id) && memcmp(id, volume_id, VOLUME_ID_LEN) == 0 &&
		    strncmp(entry->d_name + AT_KEY, fpr, STAFF_FPR_LEN - 1) == 0)
			err = open_one(dir.data, entry->d_name, recovery, fn, ctx);
	}
	if (d)
		closedir(d);
	return err == ERR_NOT_FOUND ? err_at(ERR_NOT_FOUND, "%s", dir.data) : err;
}

/* ---- exchanging ---- */

static enum err copy_one(const char *from, const char *to, const char *name, size_t *ret_count)
{
	CLEANUP(mem_freep)
	char *source = io_path_join(from, name),
	     *target = io_path_join(to, name);
	CLEANUP(buf_clear) struct buf data = {0};

	if (!source || !target)
		return err_at(ERR_NOMEM, "path");
	if (access(target, F_OK) == 0)
		return OK;
	TRY(io_read_file(source, ESCROW_MAX, &data));
	TRY(io_replace_file(target, data.data ? data.data : "", data.len, 0600));
	(*ret_count)++;
	return OK;
}

static enum err copy_all(const struct roster *roster, const char *from, const char *to,
			 size_t *ret_count)
{
	DIR *d = opendir(from);
	struct dirent *entry;
	enum err err = OK;

	if (!d)
		return err_from_errno("%s", from);
	while (err == OK && (entry = readdir(d)) != NULL) {
		uint8_t id[VOLUME_ID_LEN];

		if (!is_name(entry->d_name, id))
			continue;
		if (!is_revoked(roster, id))
			err = copy_one(from, to, entry->d_name, ret_count);
		else if (unlinkat(dirfd(d), entry->d_name, 0) != 0 && errno != ENOENT)
			err = err_from_errno("%s/%s", from, entry->d_name);
	}
	closedir(d);
	return err;
}

enum err escrow_exchange(struct home *h, const struct roster *roster, const char *base,
			 size_t *ret_came, size_t *ret_went)
{
	CLEANUP(buf_clear) struct buf here = {0};
	CLEANUP(buf_clear) struct buf there = {0};

	TRY(escrow_dir(h, &here));
	TRY(buf_printf(&there, "%s/escrow", base));
	TRY(io_make_dirs(here.data, 0700));
	TRY(io_make_dirs(there.data, 0770));
	TRY(copy_all(roster, there.data, here.data, ret_came));
	return copy_all(roster, here.data, there.data, ret_went);
}

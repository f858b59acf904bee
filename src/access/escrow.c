#include "access/escrow.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "access/sync_folder.h"
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

static bool has_key(const char *name, const struct age_recipient *key)
{
	char fpr[STAFF_FPR_LEN];

	staff_fpr(key, fpr);
	return strncmp(name + AT_KEY, fpr, STAFF_FPR_LEN - 1) == 0;
}

/* The same host has a copy of the same secret for the key that is in force. */
static bool is_replaced(const struct escrow_exchange *x, const char *name)
{
	CLEANUP(mem_freep) char *here = NULL, *there = NULL;
	char fpr[STAFF_FPR_LEN], newer[ESCROW_NAME];

	if (!x->roster->has_recovery || has_key(name, &x->roster->recovery))
		return false;
	staff_fpr(&x->roster->recovery, fpr);
	memcpy(newer, name, ESCROW_NAME);
	memcpy(newer + AT_KEY, fpr, STAFF_FPR_LEN - 1);
	here = io_path_join(x->here, newer);
	there = io_path_join(x->there, newer);
	return here && there && (access(here, F_OK) == 0 || access(there, F_OK) == 0);
}

/* Sealed text and nothing else: no file of a host gets into the folder under such a name. */
static bool is_sealed(const struct buf *data)
{
	size_t begin = sizeof(ARMOR_BEGIN) - 1, end = sizeof(ARMOR_END) - 1, letters;

	if (data->len < begin + end || memcmp(data->data, ARMOR_BEGIN, begin) != 0)
		return false;
	letters = strspn(data->data + begin, ARMOR_LETTERS);
	return begin + letters + end == data->len &&
	       memcmp(data->data + begin + letters, ARMOR_END, end) == 0;
}

/* Only this host makes its copies; what the folder says it made is no news to it. */
static bool is_own(const struct escrow_exchange *x, const char *name)
{
	return strncmp(name + AT_HOST, x->host_id + 2, AT_END - AT_HOST) == 0;
}

static bool same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

static enum err copy_one(struct escrow_exchange *x, const char *name, bool out)
{
	const char *from = out ? x->here : x->there, *to = out ? x->there : x->here;
	CLEANUP(buf_clear) struct buf data = {0};
	CLEANUP(buf_clear) struct buf known = {0};
	enum err err;

	if (!out && is_own(x, name))
		return OK;
	err = sync_read(to, name, ESCROW_MAX, &known);
	if (err == OK && !(out && is_own(x, name)))
		return OK;
	TRY(sync_read(from, name, ESCROW_MAX, &data));
	if (!is_sealed(&data))
		return err_at(ERR_BAD_FORMAT, "%s", name);
	if (err == OK && same(&known, &data))
		return OK;
	TRY(sync_write(to, name, data.data, data.len));
	*(out ? &x->went : &x->came) += 1;
	return OK;
}

struct escrow_pass {
	struct escrow_exchange *x;
	bool out;
};

static enum err drop(const char *dir, const char *name)
{
	CLEANUP(mem_freep) char *path = io_path_join(dir, name);

	if (!path)
		return err_at(ERR_NOMEM, "path");
	return unlink(path) == 0 || errno == ENOENT ? OK : err_from_errno("%s", path);
}

static enum err pass_one(void *ctx, const char *name)
{
	struct escrow_pass *p = ctx;
	const char *from = p->out ? p->x->here : p->x->there;
	uint8_t id[VOLUME_ID_LEN];
	enum err err;

	sync_tidy(from, name);
	if (!is_name(name, id))
		return OK;
	if (is_revoked(p->x->roster, id) || is_replaced(p->x, name))
		err = drop(from, name);
	else
		err = copy_one(p->x, name, p->out);
	if (err == OK || err == ERR_NOMEM || err == ERR_NOT_FOUND)
		return err == ERR_NOMEM ? err : OK;
	return p->x->fault(p->x->ctx, err == ERR_READ_ONLY ? ERR_PERM : err, name);
}

enum err escrow_exchange(struct escrow_exchange *x)
{
	struct escrow_pass in = {x, false}, out = {x, true};

	x->came = x->went = 0;
	TRY(io_make_dirs(x->here, 0700));
	TRY(sync_each_name(x->there, pass_one, &in));
	return sync_each_name(x->here, pass_one, &out);
}

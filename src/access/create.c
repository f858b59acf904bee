/* Making a vault. Whatever fails, nothing of it stays. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/finder_note.h"
#include "access/enforce.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"
#include "store/folder_disk.h"

/* ---- the folder ---- */

static enum err check_label(const char *label)
{
	size_t len = strlen(label);

	if (len == 0 || len > VAULT_LABEL_MAX || !text_is_utf8(label, len) || strchr(label, '/') ||
	    label[0] == '.' || strcspn(label, "\r\n\t") != len)
		return err_at(ERR_INVALID, "label \"%s\"", label);
	return OK;
}

/* The label as an 8.3 name, if it is one. */
static bool short_name(const char *label, char out[9])
{
	size_t len = strlen(label);

	if (len > 8)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)label[i];

		if (!isascii(c) || !(isalnum(c) || c == '-' || c == '_'))
			return false;
		out[i] = (char)toupper(c);
	}
	out[len] = '\0';
	return true;
}

static bool is_below(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && path[len] == '/';
}

/* The folder `path`, or one that it lies in below `top`, keeps other users of this computer out. */
static bool is_barred(char *path, const char *top)
{
	struct stat st;

	while (is_below(path, top)) {
		if (stat(path, &st) == 0 && (st.st_mode & 0001) == 0)
			return true;
		*strrchr(path, '/') = '\0';
	}
	return false;
}

/* A stick belongs to whoever carries it, and who that is has another number on another computer. So
 * where a desktop mounts sticks for one person alone, the vault is open to all on the medium, as it
 * is on a FAT; what protects it is its seal. Everywhere else it belongs to its maker: another user
 * could not read it, but destroy it. The bar counts only above the medium, since it does not travel
 * with it. */
static bool is_carried(const char *dir)
{
	static const char *const tops[] = { "/media", "/run/media" };
	CLEANUP(mem_freep) char *path = realpath(dir, NULL);
	struct stat on_medium, above;

	if (!path || stat(path, &on_medium) != 0)
		return false;
	for (char *end; (end = strrchr(path, '/')) && end != path;) {
		*end = '\0';
		if (stat(path, &above) != 0)
			return false;
		if (above.st_dev == on_medium.st_dev)
			continue;
		for (unsigned i = 0; i < ARRAY_LEN(tops); i++)
			if (is_below(path, tops[i]) && is_barred(path, tops[i]))
				return true;
		return false;
	}
	return false;
}

static enum err make_folder(const char *dir, const char *name, struct buf *ret)
{
	buf_clear(ret);
	TRY(buf_printf(ret, "%s/%s" VAULT_SUFFIX, dir, name));
	if (mkdir(ret->data, 0700) == 0) {
		if (is_carried(dir))
			(void)chmod(ret->data, 0777); /* a FAT may refuse: it is open anyway */
		return OK;
	}
	if (errno == EEXIST)
		return err_at(ERR_EXISTS, "%s", ret->data);
	if (errno == ENOENT || errno == ENOTDIR)
		return err_at(ERR_NOT_FOUND, "%s", dir);
	return err_from_errno("%s", ret->data);
}

/* A label that is no short name gets the first free VAULTnnn. */
static enum err make_any_folder(const char *dir, const char *label, struct buf *ret)
{
	char name[16];

	if (short_name(label, name))
		return make_folder(dir, name, ret);
	for (unsigned i = 1; i < 1000; i++) {
		enum err err;

		snprintf(name, sizeof(name), "VAULT%03u", i);
		err = make_folder(dir, name, ret);
		if (err != ERR_EXISTS)
			return err;
	}
	return err_at(ERR_EXISTS, "%s", dir);
}

/* Only files of ours are in it. */
static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}

/* ---- what goes into it ---- */

static enum err write_note(const char *folder)
{
	const struct timespec fixed[2] = { { .tv_sec = FOLDER_FIXED_TIME },
					   { .tv_sec = FOLDER_FIXED_TIME } };
	CLEANUP(mem_freep) char *path = io_path_join(folder, "README.TXT");

	if (!path)
		return err_at(ERR_NOMEM, "path");
	TRY(folder_disk_add(folder, "README.TXT", finder_note, strlen(finder_note)));
	(void)utimensat(AT_FDCWD, path, fixed, 0);
	return OK;
}

static enum err collect_recipients(const struct vault_actor *actor, const struct vault_new *what,
				   struct keyfile *k)
{
	k->recipients = calloc(what->to_count + 1, sizeof(*k->recipients));
	if (!k->recipients)
		return err_at(ERR_NOMEM, "recipients");
	age_identity_recipient(actor->identity, &k->recipients[0]);
	k->recipient_count = 1;
	for (size_t i = 0; i < what->to_count; i++) {
		bool known = false;

		for (size_t j = 0; j < k->recipient_count; j++)
			known = known || age_recipient_equal(&k->recipients[j], &what->to[i]);
		if (!known)
			k->recipients[k->recipient_count++] = what->to[i];
	}
	return OK;
}

static enum err draw_secrets(const struct vault_actor *actor, const struct vault_new *what,
			     struct vault *v)
{
	random_bytes(v->key.volume_id, STORE_ID_LEN);
	v->key.epoch = 1;
	v->key.sequence = 1;
	v->key.created = clock_wall().tv_sec;
	v->key.separated = what->separated;
	TRY(secret_random(32, &v->key.share));
	TRY(collect_recipients(actor, what, &v->key));
	if (what->separated) {
		random_bytes(v->key.device_id, sizeof(v->key.device_id));
		TRY(secret_random(DEVICE_SECRET_LEN, &v->device));
	}
	text_hex(v->key.volume_id, STORE_ID_LEN, v->volume_hex);
	return keyfile_epoch_key(&v->key, v->device, &v->epoch_key);
}

static enum err write_keys(const struct vault_actor *actor, struct vault *v)
{
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;

	TRY(staff_sign_key(actor->identity, &signer));
	TRY(keyfile_write(v->disk, DISK_KEY0, &v->key, v->epoch_key, signer));
	return keyfile_copy(v->disk, DISK_KEY0, DISK_KEY1);
}

static enum err format_volume(const struct vault_actor *actor, struct vault *v, const char *label)
{
	const uint8_t user[STORE_USER_LEN] = { 0 };
	struct store_door door;
	struct store_unlock unlock = { .doors = &door, .door_count = 1 };

	keyfile_door(&v->key, v->epoch_key, &door);
	memcpy(unlock.volume_id, v->key.volume_id, STORE_ID_LEN);
	TRY(home_host_key(actor->home, &unlock.host_key));
	TRY(store_format(v->disk, &unlock, user));
	TRY(store_open(v->disk, &unlock, &v->store, &v->facts.store));
	TRY(vault_line_create(v));
	TRY(volume_format(v->store, label, getuid(), getgid()));
	TRY(volume_open(v->store, &v->volume));
	/* Closing commits once more, cleanly, so that the first opening finds a clean end. */
	return volume_close(TAKE(v->volume));
}

static enum err keep_device(const struct vault_actor *actor, struct vault *v, const char *label)
{
	CLEANUP(device_clear) struct device d = { 0 };
	CLEANUP(sign_key_freep) struct sign_key *signer = NULL;
	struct age_recipient me;

	if (!v->device)
		return OK;
	age_identity_recipient(actor->identity, &me);
	TRY(staff_sign_key(actor->identity, &signer));
	memcpy(d.volume_id, v->key.volume_id, VOLUME_ID_LEN);
	memcpy(d.device_id, v->key.device_id, sizeof(d.device_id));
	memcpy(d.issuer_vkey, sign_key_vkey(signer), SIGN_VKEY_LEN);
	text_copy(d.label, sizeof(d.label), label);
	TRY(secret_copy(secret_data(v->device), DEVICE_SECRET_LEN, &d.secret));
	return device_save(actor->home, &d, &me, 1);
}

static void forget_device(const struct vault_actor *actor, const struct vault *v)
{
	struct age_recipient me;

	if (!v->device || !v->volume_hex[0])
		return;
	age_identity_recipient(actor->identity, &me);
	device_forget(actor->home, v->key.volume_id, &me);
}

static enum err record_create(struct vault *v, const struct vault_new *what)
{
	struct audit_event event;

	vault_event(v, AUDIT_CREATE, &event);
	event.category = what->category;
	event.purpose = what->purpose;
	return leave_record(&v->actor, &event);
}

static enum err fill(const struct vault_actor *actor, const struct vault_new *what,
		     const char *folder, struct vault *v)
{
	TRY(write_note(folder));
	TRY(folder_disk_create(folder));
	TRY(io_sync_dir_of(folder));
	TRY(folder_disk_open(folder, false, &v->disk));
	TRY(draw_secrets(actor, what, v));
	TRY(write_keys(actor, v));
	TRY(format_volume(actor, v, what->label));
	TRY(keep_device(actor, v, what->label));
	memcpy(v->facts.volume_id, v->key.volume_id, STORE_ID_LEN);
	memcpy(v->facts.label, what->label, strlen(what->label) + 1);
	text_copy(v->facts.path, sizeof(v->facts.path), folder);
	v->facts.separated = what->separated;
	TRY(enforce_escrow(v));
	TRY(record_create(v, what));
	folder_disk_hide_times(v->disk);
	return vault_remember(v, true);
}

static enum err make(const struct vault_actor *actor, const struct vault_new *what, struct vault *v,
		     char **ret_path)
{
	CLEANUP(buf_clear) struct buf folder = { 0 };
	char *full;
	enum err err;

	TRY(make_any_folder(what->dir, what->label, &folder));
	full = realpath(folder.data, NULL);
	err = full ? fill(actor, what, full, v) : err_from_errno("%s", folder.data);
	if (err != OK) {
		char detail[512];

		text_copy(detail, sizeof(detail), err_detail());
		forget_device(actor, v);
		remove_folder(folder.data);
		free(full);
		return err_at(err, "%s", detail);
	}
	*ret_path = full;
	return OK;
}

static enum err record_refused(struct vault *v, const struct vault_new *what, enum err why)
{
	struct audit_event event;
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	vault_event(v, AUDIT_CREATE, &event);
	event.label = what->label;
	event.category = what->category;
	event.purpose = what->purpose;
	event.result = record_result(why);
	event.reason = why;
	(void)!leave_record(&v->actor, &event);
	return err_at(why, "%s", detail);
}

enum err vault_create(const struct vault_actor *actor, const struct vault_new *what,
		      char **ret_path)
{
	CLEANUP(mem_freep) struct age_recipient *to = NULL;
	CLEANUP(vault_clear) struct vault v = { 0 };
	struct vault_new whole = *what;
	bool has_recovery;
	enum err err;

	TRY(check_label(what->label));
	to = calloc(what->to_count + 1, sizeof(*to));
	if (!to)
		return err_at(ERR_NOMEM, "recipients");
	err = enforce_create(actor, what, &v, &has_recovery, &to[what->to_count]);
	if (err != OK)
		return v.actor_name ? record_refused(&v, what, err) : err;
	if (what->to_count > 0)
		memcpy(to, what->to, what->to_count * sizeof(*to));
	whole.to = to;
	whole.to_count += has_recovery;
	return make(actor, &whole, &v, ret_path);
}

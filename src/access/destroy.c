#include "access/destroy.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/io.h"
#include "base/text.h"
#include "crypto/random.h"

#define HEX_LEN (2u * VOLUME_ID_LEN)
#define MARK_MAX 128u

/* ---- files of a volume: VOLUMEHEX-....age ------------------------------------------------------
 */

static bool is_of(const char *name, const char *volume_hex)
{
	return strncmp(name, volume_hex, HEX_LEN) == 0 && name[HEX_LEN] == '-';
}

static bool starts_with_id(const char *name, uint8_t ret[VOLUME_ID_LEN])
{
	char hex[HEX_LEN + 1];

	if (strlen(name) <= HEX_LEN || name[HEX_LEN] != '-')
		return false;
	memcpy(hex, name, HEX_LEN);
	hex[HEX_LEN] = '\0';
	return text_unhex(hex, ret, VOLUME_ID_LEN) == OK;
}

/* Noise over what it holds, as far as the disk writes where it is told to, then away with it. */
static enum err shred(int dir, const char *name)
{
	CLEANUP(fd_closep) int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t noise[4096];
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? OK : err_from_errno("%s", name);
	if (fstat(fd, &st) != 0)
		return err_from_errno("%s", name);
	for (off_t at = 0; at < st.st_size; at += (off_t)sizeof(noise)) {
		size_t len = MIN(sizeof(noise), (size_t)(st.st_size - at));

		random_bytes(noise, len);
		TRY(io_pwrite_full(fd, noise, len, at));
	}
	if (fsync(fd) != 0 || unlinkat(dir, name, 0) != 0)
		return err_from_errno("%s", name);
	return OK;
}

static enum err shred_in(const char *path, const char *volume_hex)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!d)
		return errno == ENOENT ? OK : err_from_errno("%s", path);
	while (err == OK && (entry = readdir(d)) != NULL)
		if (is_of(entry->d_name, volume_hex))
			err = shred(dirfd(d), entry->d_name);
	if (err == OK && fsync(dirfd(d)) != 0)
		err = err_from_errno("%s", path);
	closedir(d);
	return err;
}

static bool any_in(const char *path, const char *volume_hex)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	bool found = false;

	while (d && !found && (entry = readdir(d)) != NULL)
		found = is_of(entry->d_name, volume_hex);
	if (d)
		closedir(d);
	return found;
}

static enum err below_register(const struct home *h, const char *name, struct buf *ret)
{
	return buf_printf(ret, "%s/%s", home_register_dir(h), name);
}

/* ---- marks: gone/VOLUMEHEX-, "pending" or "done TIME" -------------------------------------------
 */

struct mark {
	bool there, done;
	int64_t when;
};

static enum err mark_path(const struct home *h, const char *volume_hex, struct buf *ret)
{
	return buf_printf(ret, "%s/gone/%s-mark", home_register_dir(h), volume_hex);
}

static enum err read_mark(const struct home *h, const char *volume_hex, struct mark *ret)
{
	CLEANUP(buf_clear) struct buf path = {0};
	CLEANUP(buf_clear) struct buf text = {0};
	enum err err;

	*ret = (struct mark){.there = false};
	TRY(mark_path(h, volume_hex, &path));
	err = io_read_file(path.data, MARK_MAX, &text);
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	ret->there = true;
	ret->done = text.data && strncmp(text.data, "done ", 5) == 0;
	if (ret->done)
		ret->when = strtoll(text.data + 5, NULL, 10);
	return OK;
}

static enum err write_mark(const struct home *h, const char *volume_hex, int64_t done)
{
	CLEANUP(buf_clear) struct buf path = {0};
	CLEANUP(buf_clear) struct buf dir = {0};
	char text[MARK_MAX];

	TRY(below_register(h, "gone", &dir));
	TRY(io_make_dirs(dir.data, 0700));
	TRY(mark_path(h, volume_hex, &path));
	if (done)
		snprintf(text, sizeof(text), "done %" PRId64 "\n", done);
	else
		snprintf(text, sizeof(text), "pending\n");
	return io_replace_file(path.data, text, strlen(text), 0600);
}

/* ---- destroying
 * ----------------------------------------------------------------------------------- */

static enum err record(const struct roster_medium *m, const char *volume_hex,
		       const struct recorder *recorder)
{
	struct audit_event event = {
		.code = AUDIT_ERASE,
		.volume_id = volume_hex,
		.label = m->label[0] ? m->label : NULL,
		.medium_id = m->number,
		.medium_serial = m->serial[0] ? m->serial : NULL,
		.keysep = m->separated ? 1 : 0,
	};

	return recorder->record(recorder->ctx, &event) == OK ? OK : ERR_LOG_WRITE;
}

static void note(const struct roster_medium *m, struct destroyed *ret)
{
	size_t used = strlen(ret->numbers), need = strlen(m->number) + 3;

	ret->count++;
	if (used + need < sizeof(ret->numbers))
		snprintf(ret->numbers + used, sizeof(ret->numbers) - used, "%s%s", used ? ", " : "",
			 m->number);
}

static enum err destroy_one(struct home *h, const struct roster_medium *m,
			    const struct recorder *recorder, struct destroyed *ret)
{
	CLEANUP(buf_clear) struct buf escrow = {0};
	char hex[HEX_LEN + 1];
	struct mark mark;
	bool held;

	text_hex(m->volume_id, VOLUME_ID_LEN, hex);
	TRY(below_register(h, "escrow", &escrow));
	TRY(read_mark(h, hex, &mark));
	held = any_in(home_devices_dir(h), hex) || any_in(escrow.data, hex);
	if (!held && (!mark.there || mark.done))
		return OK;
	TRY(write_mark(h, hex, 0));
	TRY(shred_in(home_devices_dir(h), hex));
	TRY(shred_in(escrow.data, hex));
	note(m, ret);
	TRY(record(m, hex, recorder));
	return write_mark(h, hex, clock_wall().tv_sec);
}

enum err vault_destroy_revoked(struct home *h, const struct roster *roster,
			       const struct recorder *recorder, struct destroyed *ret)
{
	enum err worst = OK;

	*ret = (struct destroyed){.count = 0};
	for (size_t i = 0; i < roster->medium_count; i++) {
		const struct roster_medium *m = &roster->media[i];
		enum err err;

		if (!m->revoked.is || !m->has_volume)
			continue;
		/* One that cannot be destroyed keeps none of the others. */
		err = destroy_one(h, m, recorder, ret);
		if (err != OK)
			worst = err;
	}
	return worst;
}

/* ---- what is held
 * ---------------------------------------------------------------------------------- */

struct holding {
	const struct roster *roster;
	struct held *list; /* owned */
	size_t count;
};

static enum err hold(struct holding *t, const uint8_t volume_id[VOLUME_ID_LEN], bool gone,
		     int64_t when)
{
	const struct roster_medium *m = roster_medium(t->roster, volume_id);
	struct held *more, *at = NULL;

	for (size_t i = 0; i < t->count && !at; i++)
		if (memcmp(t->list[i].volume_id, volume_id, VOLUME_ID_LEN) == 0)
			at = &t->list[i];
	if (!at) {
		more = realloc(t->list, (t->count + 1) * sizeof(*more));
		if (!more)
			return err_at(ERR_NOMEM, "device secrets");
		t->list = more;
		at = &more[t->count++];
		*at = (struct held){.gone = gone, .when = when};
	}
	memcpy(at->volume_id, volume_id, VOLUME_ID_LEN);
	if (m)
		memcpy(at->device_id, m->device_id, sizeof(at->device_id));
	/* What is still there is not gone. */
	at->gone = at->gone && gone;
	return OK;
}

static enum err hold_all_in(struct holding *t, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!d)
		return errno == ENOENT ? OK : err_from_errno("%s", path);
	while (err == OK && (entry = readdir(d)) != NULL) {
		uint8_t id[VOLUME_ID_LEN];

		if (starts_with_id(entry->d_name, id))
			err = hold(t, id, false, 0);
	}
	closedir(d);
	return err;
}

static enum err hold_marks(struct holding *t, const struct home *h, const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	enum err err = OK;

	if (!d)
		return errno == ENOENT ? OK : err_from_errno("%s", path);
	while (err == OK && (entry = readdir(d)) != NULL) {
		uint8_t id[VOLUME_ID_LEN];
		char hex[HEX_LEN + 1];
		struct mark mark;

		if (!starts_with_id(entry->d_name, id))
			continue;
		text_hex(id, VOLUME_ID_LEN, hex);
		err = read_mark(h, hex, &mark);
		if (err == OK && mark.done)
			err = hold(t, id, true, mark.when);
	}
	closedir(d);
	return err;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(((const struct held *)a)->volume_id, ((const struct held *)b)->volume_id,
		      VOLUME_ID_LEN);
}

enum err held_list(struct home *h, const struct roster *roster, struct held **ret,
		   size_t *ret_count)
{
	CLEANUP(buf_clear) struct buf escrow = {0};
	CLEANUP(buf_clear) struct buf gone = {0};
	struct holding t = {.roster = roster};
	enum err err = below_register(h, "escrow", &escrow);

	if (err == OK)
		err = below_register(h, "gone", &gone);
	if (err == OK)
		err = hold_marks(&t, h, gone.data);
	if (err == OK)
		err = hold_all_in(&t, home_devices_dir(h));
	if (err == OK)
		err = hold_all_in(&t, escrow.data);
	if (err != OK) {
		free(t.list);
		return err;
	}
	if (t.count > 1)
		qsort(t.list, t.count, sizeof(*t.list), by_id);
	*ret = t.list;
	*ret_count = t.count;
	return OK;
}

enum err held_pending(const struct roster *roster, const uint8_t volume_id[VOLUME_ID_LEN],
		      const char *without, struct buf *ret)
{
	for (size_t i = 0; i < roster->host_count; i++) {
		const struct roster_host *host = &roster->hosts[i];

		if (without && strcmp(host->id, without) == 0)
			continue;
		for (size_t n = 0; n < host->held_count; n++) {
			if (host->held[n].gone ||
			    memcmp(host->held[n].volume_id, volume_id, VOLUME_ID_LEN) != 0)
				continue;
			TRY(buf_printf(ret, "%s%s", ret->len ? ", " : "",
				       host->name[0] ? host->name : host->id));
			break;
		}
	}
	return OK;
}

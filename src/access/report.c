#include "access/report.h"
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "access/destroy.h"
#include "base/io.h"
#include "base/text.h"
#include "org/draft.h"
#include "org/seen.h"
#include "org/staff_key.h"

#define NAME_HEX (2u * VOLUME_ID_LEN)

static enum err add_register(const struct org_register *r, struct draft *d)
{
	uint8_t digest[SHA256_LEN];

	register_digest(r, digest);
	return draft_add_hex(d, "register", digest, sizeof(digest));
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Calls fn with each name in the folder, in order; a folder that is not there is empty. */
static enum err each_name(const char *dir, enum err (*fn)(void *ctx, const char *name), void *ctx)
{
	struct dirent **list = NULL;
	int count = scandir(dir, &list, is_visible, by_name);
	enum err err = OK;

	if (count < 0)
		return errno == ENOENT ? OK : err_from_errno("%s", dir);
	for (int i = 0; i < count; i++) {
		if (err == OK)
			err = fn(ctx, list[i]->d_name);
		free(list[i]);
	}
	free(list);
	return err;
}

struct telling {
	struct home *home;
	struct draft *draft;
};

static enum err add_key(void *ctx, const char *name)
{
	struct telling *t = ctx;
	struct staff_key_info info;
	size_t len = strlen(name);
	char plain[STAFF_NAME_MAX + 1];

	if (len <= 4 || len - 4 > STAFF_NAME_MAX || strcmp(name + len - 4, ".age") != 0)
		return OK;
	memcpy(plain, name, len - 4);
	plain[len - 4] = '\0';
	if (staff_key_info(t->home, plain, &info) != OK)
		return OK;
	return draft_add_recipient(t->draft, "kept", &info.recipient);
}

static enum err add_held(struct home *h, const struct roster *roster, struct draft *d)
{
	CLEANUP(mem_freep) struct held *list = NULL;
	size_t count = 0;

	TRY(held_list(h, roster, &list, &count));
	for (size_t i = 0; i < count; i++) {
		char volume[NAME_HEX + 1], device[33];

		text_hex(list[i].volume_id, VOLUME_ID_LEN, volume);
		text_hex(list[i].device_id, sizeof(list[i].device_id), device);
		if (list[i].gone)
			TRY(draft_addf(d, "gone", "%s %s %" PRId64, volume, device, list[i].when));
		else
			TRY(draft_addf(d, "holds", "%s %s", volume, device));
	}
	return OK;
}

/* When it was written is when the vault was last used here. */
static int64_t time_of(const struct home *h, const char *name)
{
	CLEANUP(mem_freep) char *path = io_path_join(home_seen_dir(h), name);
	struct stat st;

	return path && stat(path, &st) == 0 ? (int64_t)st.st_mtime : 0;
}

static enum err add_state(void *ctx, const char *name)
{
	struct telling *t = ctx;
	char hex[NAME_HEX + 1], super[2 * SHA256_LEN + 1], session[2 * VOLUME_ID_LEN + 1];
	uint8_t id[VOLUME_ID_LEN];
	struct seen seen;

	if (strlen(name) != NAME_HEX + 5 || strcmp(name + NAME_HEX, ".json") != 0)
		return OK;
	memcpy(hex, name, NAME_HEX);
	hex[NAME_HEX] = '\0';
	if (text_unhex(hex, id, sizeof(id)) != OK || seen_load(t->home, id, &seen) != OK)
		return OK;
	text_hex(seen.super_sha256, sizeof(seen.super_sha256), super);
	text_hex(seen.session_id, sizeof(seen.session_id), session);
	return draft_addf(t->draft, "state", "%s %u %" PRIu64 " %s %" PRId64 " %s %s", hex, seen.epoch,
			  seen.generation, super, time_of(t->home, name),
			  seen.clean ? "clean" : "open", session);
}

static enum err compose(struct home *h, const struct org_register *r, const struct roster *roster,
			struct draft *d)
{
	struct telling t = {h, d};

	TRY(add_register(r, d));
	TRY(each_name(home_keys_dir(h), add_key, &t));
	TRY(add_held(h, roster, d));
	return each_name(home_seen_dir(h), add_state, &t);
}

static const struct statement *last_report(const struct org_register *r,
					   const uint8_t vkey[SIGN_VKEY_LEN])
{
	for (size_t i = register_count(r); i-- > 0;) {
		const struct statement *s = register_at(r, i);

		if (s->kind == STATEMENT_REPORT && memcmp(s->signer, vkey, SIGN_VKEY_LEN) == 0)
			return s;
	}
	return NULL;
}

/* Another register alone is worth a word only when it is not the host's own last one that made it
 * another: or two hosts would answer each other for ever. */
static bool is_news(const struct org_register *r, const struct statement *last,
		    const struct draft *d)
{
	if (!last || last->field_count != d->count)
		return true;
	for (size_t i = 0; i < d->count; i++)
		if (strcmp(d->fields[i].name, "register") != 0 &&
		    (strcmp(d->fields[i].name, last->fields[i].name) != 0 ||
		     strcmp(d->fields[i].value, last->fields[i].value) != 0))
			return true;
	for (size_t i = register_count(r); i-- > 0;) {
		const struct statement *s = register_at(r, i);

		if (s->clock <= last->clock)
			break;
		if (s->kind != STATEMENT_REPORT)
			return true;
	}
	return false;
}

static bool has_destroyed(const struct statement *last, const struct draft *d)
{
	size_t before = 0, now = 0;

	while (last && statement_value_at(last, "gone", before))
		before++;
	for (size_t i = 0; i < d->count; i++)
		now += strcmp(d->fields[i].name, "gone") == 0;
	return now > before;
}

enum err report_write(struct home *h, struct org_register *r, const struct roster *roster,
		      bool *ret_written)
{
	CLEANUP(draft_clear) struct draft d = {0};
	const struct roster_host *host;
	const struct statement *last;
	const struct sign_key *key;
	const char *id;

	*ret_written = false;
	TRY(home_host_key(h, &key));
	TRY(home_host_id(h, &id));
	host = roster_host(roster, id);
	if (!host || memcmp(host->vkey, sign_key_vkey(key), SIGN_VKEY_LEN) != 0)
		return err_at(ERR_HOST_UNKNOWN, "%s", id);
	TRY(compose(h, r, roster, &d));
	last = last_report(r, host->vkey);
	if (host->revoked.is && !has_destroyed(last, &d))
		return err_at(ERR_REVOKED_HOST, "%s", id);
	if (!is_news(r, last, &d))
		return OK;
	TRY(register_write(r, STATEMENT_REPORT, d.fields, d.count, key, NULL));
	*ret_written = true;
	return OK;
}

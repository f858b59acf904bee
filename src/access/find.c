/* Which folder a person means by MEDIUM. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "access/vault.h"
#include "base/io.h"
#include "base/text.h"

static bool has_suffix(const char *name)
{
	size_t len = strlen(name), suffix = strlen(VAULT_SUFFIX);

	return len > suffix && strcasecmp(name + len - suffix, VAULT_SUFFIX) == 0;
}

/* Any of its files will do: opening tells what is wrong with the rest, and salvage works without. A
 * folder X.VLT that this person may not look into counts too: opening it tells why it cannot be. */
static bool is_vault_folder(const char *path)
{
	static const char *const names[] = { "HEAD0.BIN", "HEAD1.BIN", "KEY0.AGE", "KEY1.AGE" };
	bool there = false;

	for (unsigned i = 0; i < ARRAY_LEN(names) && !there; i++) {
		char *file = io_path_join(path, names[i]);

		there = file &&
			(access(file, F_OK) == 0 || (errno == EACCES && has_suffix(path)));
		free(file);
	}
	return there;
}

/* Calls fn for each vault folder directly in `dir`. */
static enum err each_vault(const char *dir, enum err (*fn)(void *ctx, const char *path), void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	enum err err = OK;

	while (d && err == OK && (entry = readdir(d)) != NULL) {
		char *path;

		if (!has_suffix(entry->d_name))
			continue;
		path = io_path_join(dir, entry->d_name);
		if (path && is_vault_folder(path))
			err = fn(ctx, path);
		free(path);
	}
	if (d)
		closedir(d);
	return err;
}

struct search {
	const char *label; /* NULL: any */
	char *found;
	unsigned count;
};

static enum err note(void *ctx, const char *path)
{
	struct search *s = ctx;
	const char *name = strrchr(path, '/') + 1;
	size_t len = strlen(name) - strlen(VAULT_SUFFIX);

	if (s->label && (strlen(s->label) != len || strncasecmp(s->label, name, len) != 0))
		return OK;
	if (s->found && strcmp(s->found, path) == 0)
		return OK;
	s->count++;
	free(s->found);
	s->found = strdup(path);
	return s->found ? OK : err_at(ERR_NOMEM, "path");
}

static enum err search_end(struct search *s, const char *what, enum err none, char **ret)
{
	if (s->count == 1) {
		*ret = TAKE(s->found);
		return OK;
	}
	free(s->found);
	if (s->count == 0)
		return err_at(none, "%s", what);
	return err_at(ERR_INVALID, "%s: %u vaults there; name one", what, s->count);
}

/* Where removable disks appear. */
static enum err search_media(struct search *s)
{
	static const char *const tops[] = { "/media", "/run/media" };
	const char *user = getenv("USER");

	for (unsigned i = 0; user && i < ARRAY_LEN(tops); i++) {
		char *top = io_path_join(tops[i], user);
		DIR *d = top ? opendir(top) : NULL;
		struct dirent *entry;
		enum err err = OK;

		while (d && err == OK && (entry = readdir(d)) != NULL) {
			char *disk = entry->d_name[0] == '.' ? NULL
							     : io_path_join(top, entry->d_name);

			if (disk)
				err = each_vault(disk, note, s);
			free(disk);
		}
		if (d)
			closedir(d);
		free(top);
		TRY(err);
	}
	return OK;
}

/* Where this host saw a vault of that label last, if it is there again. */
static enum err search_seen(struct home *home, struct search *s)
{
	DIR *d = opendir(home_seen_dir(home));
	struct dirent *entry;
	enum err err = OK;

	while (d && err == OK && (entry = readdir(d)) != NULL) {
		uint8_t id[VOLUME_ID_LEN];
		struct seen seen = { 0 };
		char hex[33];

		if (strlen(entry->d_name) != 37)
			continue;
		memcpy(hex, entry->d_name, 32);
		hex[32] = '\0';
		if (text_unhex(hex, id, sizeof(id)) != OK || seen_load(home, id, &seen) != OK)
			continue;
		if ((s->label && strcmp(seen.label, s->label) != 0) || !is_vault_folder(seen.medium))
			continue;
		if (s->found && strcmp(s->found, seen.medium) == 0)
			continue;
		s->count++;
		free(s->found);
		s->found = strdup(seen.medium);
		err = s->found ? OK : err_at(ERR_NOMEM, "path");
	}
	if (d)
		closedir(d);
	return err;
}

static enum err find_label(struct home *home, const char *label, char **ret)
{
	struct search s = { .label = label };

	TRY(search_media(&s));
	if (s.count == 0)
		TRY(search_seen(home, &s));
	return search_end(&s, label ? label : "", ERR_MEDIUM_NOT_FOUND, ret);
}

enum err vault_find(struct home *home, const char *medium, char **ret_path)
{
	struct search s = { 0 };
	struct stat st;

	if (!medium)
		return find_label(home, NULL, ret_path);
	if (stat(medium, &st) < 0) {
		if (strchr(medium, '/') || has_suffix(medium))
			return err_at(ERR_MEDIUM_NOT_FOUND, "%s", medium);
		return find_label(home, medium, ret_path);
	}
	if (!S_ISDIR(st.st_mode))
		return err_at(ERR_NOT_A_VAULT, "%s", medium);
	if (is_vault_folder(medium)) {
		*ret_path = realpath(medium, NULL);
		return *ret_path ? OK : err_from_errno("%s", medium);
	}
	TRY(each_vault(medium, note, &s));
	return search_end(&s, medium, ERR_NOT_A_VAULT, ret_path);
}

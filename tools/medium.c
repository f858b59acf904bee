#include "tools/medium.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

void medium_clear(struct medium *m)
{
	free(m->path);
	*m = (struct medium){0};
}

/* ---- what this host has seen ---------------------------------------------------------------- */

struct dir {
	DIR *d;
};

static void dir_close(struct dir *dir)
{
	if (dir->d)
		closedir(dir->d);
}

static bool same_folder(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* Each "VOLUME-ID.json" of the seen folder that reads well. */
static enum err seen_each(struct home *home,
			  enum err (*fn)(void *ctx, const char *id, const struct seen *seen),
			  void *ctx)
{
	CLEANUP(dir_close) struct dir dir = {opendir(home_seen_dir(home))};
	struct dirent *entry;

	while (dir.d && (entry = readdir(dir.d))) {
		uint8_t volume_id[VOLUME_ID_LEN];
		char id[2 * VOLUME_ID_LEN + 1];
		struct seen seen;

		if (strlen(entry->d_name) < sizeof(id))
			continue;
		memcpy(id, entry->d_name, sizeof(id) - 1);
		id[sizeof(id) - 1] = '\0';
		if (strcmp(entry->d_name + sizeof(id) - 1, ".json") != 0 ||
		    text_unhex(id, volume_id, sizeof(volume_id)) != OK)
			continue;
		if (seen_load(home, volume_id, &seen) == OK)
			TRY(fn(ctx, id, &seen));
	}
	return OK;
}

static enum err match_seen(void *ctx, const char *id, const struct seen *seen)
{
	struct medium *m = ctx;

	if (m->volume_id[0] || !same_folder(seen->medium, m->path))
		return OK;
	snprintf(m->volume_id, sizeof(m->volume_id), "%s", id);
	snprintf(m->label, sizeof(m->label), "%s", seen->label);
	return OK;
}

/* The label is sealed; what the folder is called is all that a stranger's medium tells. */
static void label_from_path(struct medium *m)
{
	const char *slash = strrchr(m->path, '/');
	const char *name = slash ? slash + 1 : m->path;
	size_t len = strlen(name), suffix = strlen(VAULT_SUFFIX);

	if (len > suffix && !strcasecmp(name + len - suffix, VAULT_SUFFIX))
		len -= suffix;
	snprintf(m->label, sizeof(m->label), "%.*s", (int)len, name);
}

static enum err describe(struct cli *cli, struct medium *m)
{
	struct home *home = NULL;

	label_from_path(m);
	TRY(cli_home(cli, &home));
	return seen_each(home, match_seen, m);
}

/* ---- what is plugged in ---------------------------------------------------------------------- */

struct each {
	struct cli *cli;
	enum err (*fn)(void *ctx, const char *path, const char *label);
	void *ctx;
	char **met; /* owned; resolved paths that were told already */
	size_t met_count;
};

static enum err tell(struct each *e, const char *path)
{
	CLEANUP(medium_clear) struct medium m = {0};
	char **more = NULL;

	m.path = realpath(path, NULL);
	if (!m.path)
		return OK;
	for (size_t i = 0; i < e->met_count; i++) {
		if (!strcmp(e->met[i], m.path))
			return OK;
	}
	TRY(describe(e->cli, &m));
	TRY(e->fn(e->ctx, m.path, m.label));
	more = realloc(e->met, (e->met_count + 1) * sizeof(*more));
	if (!more)
		return ERR_NOMEM;
	e->met = more;
	e->met[e->met_count++] = TAKE(m.path);
	return OK;
}

/* Folders called *.VLT directly below `path`. */
static enum err look_into(struct each *e, const char *path)
{
	CLEANUP(dir_close) struct dir dir = {opendir(path)};
	struct dirent *entry;

	while (dir.d && (entry = readdir(dir.d))) {
		CLEANUP(mem_freep) char *inside = NULL;
		size_t len = strlen(entry->d_name), suffix = strlen(VAULT_SUFFIX);

		if (len <= suffix || strcasecmp(entry->d_name + len - suffix, VAULT_SUFFIX) != 0)
			continue;
		inside = io_path_join(path, entry->d_name);
		if (!inside)
			return ERR_NOMEM;
		TRY(tell(e, inside));
	}
	return OK;
}

/* Desktops mount a stick as /media/USER/NAME or /run/media/USER/NAME. */
static enum err look_below(struct each *e, const char *top)
{
	const struct passwd *user = getpwuid(getuid());
	CLEANUP(mem_freep) char *mine = io_path_join(top, user ? user->pw_name : "root");
	CLEANUP(dir_close) struct dir dir = {mine ? opendir(mine) : NULL};
	struct dirent *entry;

	while (dir.d && (entry = readdir(dir.d))) {
		CLEANUP(mem_freep) char *stick = NULL;

		if (entry->d_name[0] == '.')
			continue;
		stick = io_path_join(mine, entry->d_name);
		if (!stick)
			return ERR_NOMEM;
		TRY(look_into(e, stick));
	}
	return OK;
}

static enum err tell_seen(void *ctx, const char *id, const struct seen *seen)
{
	return tell(ctx, seen->medium);
}

enum err medium_each(struct cli *cli,
		     enum err (*fn)(void *ctx, const char *path, const char *label), void *ctx)
{
	struct each e = {.cli = cli, .fn = fn, .ctx = ctx};
	struct home *home = NULL;
	enum err err = cli_home(cli, &home);

	if (err == OK)
		err = look_below(&e, "/media");
	if (err == OK)
		err = look_below(&e, "/run/media");
	if (err == OK)
		err = seen_each(home, tell_seen, &e);
	for (size_t i = 0; i < e.met_count; i++)
		free(e.met[i]);
	free(e.met);
	return err;
}

/* ---- finding --------------------------------------------------------------------------------- */

struct plugged {
	struct buf labels; /* "A, B" */
	char *path;	   /* of the first; owned */
	size_t count;
};

static enum err note_plugged(void *ctx, const char *path, const char *label)
{
	struct plugged *p = ctx;

	if (p->count++ == 0) {
		p->path = strdup(path);
		if (!p->path)
			return ERR_NOMEM;
	}
	return buf_printf(&p->labels, "%s%s", p->count > 1 ? ", " : "", label);
}

static void plugged_clear(struct plugged *p)
{
	buf_clear(&p->labels);
	free(p->path);
}

static enum err find_only(struct cli *cli, struct medium *m)
{
	CLEANUP(plugged_clear) struct plugged p = {0};

	TRY(medium_each(cli, note_plugged, &p));
	if (p.count > 1) {
		cli_hint(cli, _("plugged in now: %s"), p.labels.data);
		return cli_usage("%s", _("several vaults are plugged in; say which one"));
	}
	if (p.count == 0)
		return err_at(ERR_MEDIUM_NOT_FOUND, "%s", _("no vault is plugged in"));
	m->path = TAKE(p.path);
	return OK;
}

static enum err find_named(struct cli *cli, const char *name, struct medium *m)
{
	CLEANUP(plugged_clear) struct plugged p = {0};
	CLEANUP(mem_freep) char *path = NULL;
	struct home *home = NULL;
	enum err err;

	TRY(cli_home(cli, &home));
	err = vault_find(home, name, &path);
	if (err == ERR_MEDIUM_NOT_FOUND && medium_each(cli, note_plugged, &p) == OK && p.count)
		cli_hint(cli, _("plugged in now: %s"), p.labels.data);
	if (err == ERR_MEDIUM_NOT_FOUND)
		return err_at(err, "%s", name);
	TRY(err);
	m->path = realpath(path, NULL);
	return m->path ? OK : err_from_errno("%s", path);
}

/* Modes of another user on the medium. Who made it, or an administrator, opens them for good. */
static void hint_permission(struct cli *cli, const char *path)
{
	cli_hint(cli,
		 _("its files belong to another user; this opens them for everybody who holds the "
		   "medium: sudo chmod -R a+rwX '%s'"),
		 path);
}

static enum err check_readable(struct cli *cli, const char *path)
{
	CLEANUP(mem_freep) char *head = io_path_join(path, "HEAD0.BIN");

	if (!head)
		return ERR_NOMEM;
	if (access(head, R_OK) == 0 || errno != EACCES)
		return OK;
	hint_permission(cli, path);
	return err_at(ERR_PERM, "%s", path);
}

enum err medium_find(struct cli *cli, const char *name, struct medium *ret)
{
	CLEANUP(medium_clear) struct medium m = {0};

	TRY(name ? find_named(cli, name, &m) : find_only(cli, &m));
	TRY(check_readable(cli, m.path));
	TRY(describe(cli, &m));
	*ret = m;
	m = (struct medium){0};
	return OK;
}

enum err medium_split(const char *word, bool *ret_inside, char **ret_medium, char **ret_path)
{
	const char *colon = strstr(word, ":/");
	size_t len = strlen(word);
	struct stat st;

	*ret_inside = false;
	if (!colon && len && word[len - 1] == ':')
		colon = word + len - 1;
	if (!colon || colon == word || lstat(word, &st) == 0)
		return OK;
	*ret_medium = strndup(word, (size_t)(colon - word));
	*ret_path = strdup(colon[1] ? colon + 1 : "/");
	if (!*ret_medium || !*ret_path) {
		mem_freep(ret_medium);
		mem_freep(ret_path);
		return ERR_NOMEM;
	}
	*ret_inside = true;
	return OK;
}

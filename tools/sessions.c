#include "tools/sessions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/inside.h"

void sessions_clear(struct sessions *s)
{
	free(s->list);
	*s = (struct sessions){0};
}

static enum err collect(void *ctx, const struct mount_session *session)
{
	struct sessions *s = ctx;
	struct mount_session *more = realloc(s->list, (s->count + 1) * sizeof(*more));

	if (!more)
		return ERR_NOMEM;
	s->list = more;
	s->list[s->count++] = *session;
	return OK;
}

enum err sessions_read(struct cli *cli, struct sessions *ret)
{
	struct home *home = NULL;
	struct sessions s = {0};
	enum err err;

	TRY(cli_home(cli, &home));
	err = mount_sessions(home, collect, &s);
	if (err != OK) {
		sessions_clear(&s);
		return err;
	}
	*ret = s;
	return OK;
}

/* Without asking the file system: a mount whose medium is gone would not answer. */
static char *absolute(const char *path)
{
	CLEANUP(mem_freep) char *whole = NULL;
	char here[4096], *normal = NULL;

	if (path[0] == '/')
		whole = strdup(path);
	else if (!getcwd(here, sizeof(here)) || asprintf(&whole, "%s/%s", here, path) < 0)
		whole = NULL;
	if (!whole || inside_normal(whole, &normal) != OK)
		return NULL;
	return normal;
}

const struct mount_session *sessions_of_medium(const struct sessions *s, const char *path)
{
	for (size_t i = 0; i < s->count; i++) {
		if (!strcmp(s->list[i].medium, path))
			return &s->list[i];
	}
	return NULL;
}

/* Links on the way to the mount point were resolved when it was mounted. The parent answers even
 * when the mount itself is dead. */
static char *resolved_parent(const char *path)
{
	CLEANUP(mem_freep) char *parent = strdup(path);
	CLEANUP(mem_freep) char *real = NULL;
	char *slash = parent ? strrchr(parent, '/') : NULL, *whole = NULL;

	if (!slash || slash == parent)
		return NULL;
	*slash = '\0';
	real = realpath(parent, NULL);
	if (!real || asprintf(&whole, "%s/%s", real, slash + 1) < 0)
		return NULL;
	return whole;
}

static bool is_named(const struct mount_session *m, const char *word, const char *path,
		     const char *resolved)
{
	return !strcmp(m->label, word) || !strcmp(m->volume_id, word) ||
	       (path && (!strcmp(m->mountpoint, path) || !strcmp(m->medium, path))) ||
	       (resolved && (!strcmp(m->mountpoint, resolved) || !strcmp(m->medium, resolved)));
}

const struct mount_session *sessions_find(struct cli *cli, const struct sessions *s,
					  const char *name)
{
	CLEANUP(mem_freep) char *path = absolute(name);
	CLEANUP(mem_freep) char *resolved = path ? resolved_parent(path) : NULL;
	CLEANUP(mem_freep) char *found = NULL;
	CLEANUP(mem_freep) char *real = NULL;

	for (size_t i = 0; i < s->count; i++) {
		if (is_named(&s->list[i], name, path, resolved))
			return &s->list[i];
	}
	if (vault_find(cli->home, name, &found) != OK)
		return NULL;
	real = realpath(found, NULL);
	return real ? sessions_of_medium(s, real) : NULL;
}

bool sessions_is_at(const struct mount_session *m, const char *path)
{
	CLEANUP(mem_freep) char *whole = absolute(path);
	CLEANUP(mem_freep) char *resolved = whole ? resolved_parent(whole) : NULL;

	return (whole && !strcmp(m->mountpoint, whole)) ||
	       (resolved && !strcmp(m->mountpoint, resolved));
}

void sessions_hint_busy(struct cli *cli, const char *medium_path)
{
	CLEANUP(sessions_clear) struct sessions s = {0};
	const struct mount_session *m;

	if (sessions_read(cli, &s) != OK)
		return;
	m = sessions_of_medium(&s, medium_path);
	if (m)
		cli_hint(cli, _("it is open at %s: use it there, or close it with \"%s eject %s\""),
			 m->mountpoint, VAULT_NAME, m->label);
}

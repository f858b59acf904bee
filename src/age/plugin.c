#include "age/plugin.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "age/bech32.h"
#include "age/child.h"
#include "age/plugin_talk.h"
#include "base/io.h"
#include "base/text.h"

#define RECIPIENT_HEAD "age1"
#define IDENTITY_HEAD "AGE-PLUGIN-"
#define PROGRAM_HEAD "age-plugin-"
#define NAME_MAX_LEN 128u /* a file name with its head in front must be possible */

struct age_plugin {
	const struct age_plugin_host *host;
	bool identity;
	char name[NAME_MAX_LEN + 1];
	struct secret *text; /* with a NUL */
};

static bool begins(const char *text, size_t len, const char *head)
{
	return len >= strlen(head) && memcmp(text, head, strlen(head)) == 0;
}

/* The last 1 is where the data begin; in a recipient of age's own it is the first. */
bool age_plugin_likely(const char *text, size_t len)
{
	size_t head = sizeof(RECIPIENT_HEAD) - 1;

	if (begins(text, len, IDENTITY_HEAD))
		return true;
	return begins(text, len, RECIPIENT_HEAD) && memchr(text + head, '1', len - head) != NULL;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("+-._", c));
}

/* `upper`: the name is written in capitals, as the whole text is. */
static enum err name_take(const char *text, size_t len, bool upper, char out[NAME_MAX_LEN + 1])
{
	if (len == 0 || len > NAME_MAX_LEN)
		return err_at(ERR_BAD_FORMAT, "a plugin's name of %zu characters", len);
	for (size_t i = 0; i < len; i++) {
		bool capital = text[i] >= 'A' && text[i] <= 'Z';

		out[i] = upper && capital ? (char)(text[i] - 'A' + 'a') : text[i];
		if (!is_name_char(out[i]))
			return err_at(ERR_BAD_FORMAT, "a plugin's name that no program may have");
	}
	out[len] = '\0';
	return OK;
}

/* The name inside the human-readable part. */
static enum err text_parse(const char *text, size_t len, struct age_plugin *p)
{
	size_t hrp_len, head;

	p->identity = begins(text, len, IDENTITY_HEAD);
	head = p->identity ? sizeof(IDENTITY_HEAD) - 1 : sizeof(RECIPIENT_HEAD) - 1;
	if (len > AGE_PLUGIN_TEXT_MAX || !age_plugin_likely(text, len))
		return err_at(ERR_BAD_FORMAT, "not a key of a plugin");
	TRY(bech32_check(text, len, p->identity, &hrp_len));
	if (p->identity && text[hrp_len - 1] == '-')
		hrp_len--;
	else if (p->identity)
		return err_at(ERR_BAD_FORMAT, "not a key of a plugin");
	return name_take(text + head, hrp_len > head ? hrp_len - head : 0, p->identity, p->name);
}

enum err age_plugin_parse(const struct age_plugin_host *host, const char *text, size_t len,
			  struct age_plugin **ret)
{
	CLEANUP(age_plugin_freep) struct age_plugin *p = calloc(1, sizeof(*p));

	if (!p)
		return err_at(ERR_NOMEM, "plugin");
	p->host = host;
	TRY(text_parse(text, len, p));
	TRY(secret_new(len + 1, &p->text));
	memcpy(secret_edit(p->text), text, len);
	*ret = TAKE(p);
	return OK;
}

void age_plugin_free(struct age_plugin *p)
{
	if (!p)
		return;
	secret_free(p->text);
	free(p);
}

const char *age_plugin_name(const struct age_plugin *p)
{
	return p->name;
}

bool age_plugin_is_identity(const struct age_plugin *p)
{
	return p->identity;
}

/* ---- the program ---- */

/* Whoever may change the folder or the program gets every key that is asked about. */
static enum err safe_check(const char *path, mode_t type)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_from_errno("%s", path);
	if ((st.st_mode & S_IFMT) != type)
		return err_at(ERR_NOT_FOUND, "%s is something else", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_at(ERR_PERM, "%s belongs to somebody else", path);
	if (st.st_mode & S_IWOTH)
		return err_at(ERR_PERM, "everybody may write to %s", path);
	return OK;
}

static enum err program_find(const struct age_plugin *p, char **ret)
{
	char name[sizeof(PROGRAM_HEAD) + NAME_MAX_LEN];
	CLEANUP(mem_freep) char *path = NULL;

	if (!p->host->folder || p->host->folder[0] != '/')
		return err_at(ERR_NOT_FOUND, "no folder for plugins");
	stpcpy(stpcpy(name, PROGRAM_HEAD), p->name);
	path = io_path_join(p->host->folder, name);
	if (!path)
		return err_at(ERR_NOMEM, "%s", name);
	TRY(safe_check(p->host->folder, S_IFDIR));
	TRY(safe_check(path, S_IFREG));
	*ret = TAKE(path);
	return OK;
}

enum err age_plugin_find(const struct age_plugin *p)
{
	CLEANUP(mem_freep) char *path = NULL;

	TRY(program_find(p, &path));
	if (access(path, X_OK) != 0)
		return err_errno_at(ERR_PERM, "%s", path);
	return OK;
}

static enum err program_start(const struct age_plugin *p, const char *machine, struct child **ret)
{
	static const char *const small[] = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
	CLEANUP(mem_freep) char *path = NULL;
	const char *argv[] = {NULL, machine, NULL};
	const struct age_plugin_host *host = p->host;

	TRY(program_find(p, &path));
	argv[0] = path;
	return child_start(path, argv, host->env ? host->env : small,
			   (struct child_stop){host->ui.stop, host->ui.ctx}, ret);
}

/* ---- one run of it ---- */

struct run {
	const struct age_plugin *plugin;
	struct child *child;
	struct dialogue dialogue;
};

static void run_clear(struct run *r)
{
	dialogue_close(&r->dialogue);
	child_free(r->child);
}

static enum err run_begin(struct run *r, const char *machine)
{
	TRY(program_start(r->plugin, machine, &r->child));
	return dialogue_open(&r->dialogue, child_source(r->child), child_sink(r->child));
}

static struct plugin_talk run_talk(struct run *r)
{
	const struct age_plugin *p = r->plugin;

	return (struct plugin_talk){.with = &r->dialogue,
				    .name = p->name,
				    .ui = &p->host->ui,
				    .identity = p->identity,
				    .text = (const char *)secret_data(p->text)};
}

/* Ends the program. A failure gets its name in front, and how it ended when that was too early;
 * what the program does when all was said changes nothing. Whoever does not want to wait any more
 * does not wait for its end either. */
static enum err run_end(struct run *r, enum err err)
{
	bool gone = child_gone(r->child);
	char detail[400];
	int status;

	if (err != OK && err != ERR_NO_KEY_FITS && err != ERR_PLUGIN)
		return err;
	text_copy(detail, sizeof(detail), err_detail());
	status = child_end(r->child);
	if (err != ERR_PLUGIN)
		return err;
	if (!gone)
		return err_at(err, "%s: %s", r->plugin->name, detail);
	if (WIFEXITED(status))
		return err_at(err, "%s: %s (status %d)", r->plugin->name, detail,
			      WEXITSTATUS(status));
	return err_at(err, "%s: %s (signal %d)", r->plugin->name, detail, WTERMSIG(status));
}

static enum err wrap(void *ctx, const struct secret *file_key, struct age_wrapped *out)
{
	CLEANUP(run_clear) struct run r = {.plugin = ctx};
	struct plugin_talk talk;

	TRY(run_begin(&r, "--age-plugin=recipient-v1"));
	talk = run_talk(&r);
	return run_end(&r, plugin_talk_wrap(&talk, file_key, out));
}

static enum err unwrap(void *ctx, const struct age_stanza *stanzas, size_t count,
		       struct secret **ret)
{
	CLEANUP(run_clear) struct run r = {.plugin = ctx};
	struct plugin_talk talk;

	if (!r.plugin->identity)
		return err_at(ERR_INVALID, "a recipient of plugin %s opens nothing",
			      r.plugin->name);
	TRY(run_begin(&r, "--age-plugin=identity-v1"));
	talk = run_talk(&r);
	return run_end(&r, plugin_talk_unwrap(&talk, stanzas, count, ret));
}

struct age_wrapper age_plugin_wrapper(const struct age_plugin *p)
{
	return (struct age_wrapper){wrap, (void *)p};
}

struct age_unwrapper age_plugin_unwrapper(const struct age_plugin *p)
{
	return (struct age_unwrapper){unwrap, (void *)p};
}

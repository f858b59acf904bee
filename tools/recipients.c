#include "tools/recipients.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "org/people.h"

#define FILE_MAX (1u << 20)

void recipients_clear(struct recipients *r)
{
	free(r->list);
	*r = (struct recipients){0};
}

static enum err add_person(struct recipients *r, const struct age_recipient *who)
{
	struct age_recipient *more = realloc(r->list, (r->count + 1) * sizeof(*more));

	if (!more)
		return err_at(ERR_NOMEM, "recipients");
	r->list = more;
	more[r->count++] = *who;
	return OK;
}

/* A recipient as it stands, or somebody this computer knows. */
static enum err recipient_of(struct cli *cli, const char *word, struct age_recipient *ret)
{
	struct person who;
	struct home *home = NULL;

	if (age_recipient_parse(word, ret) == OK)
		return OK;
	TRY(cli_home(cli, &home));
	TRY(people_find(home, word, &who));
	*ret = who.recipient;
	return OK;
}

static enum err no_recipient(struct cli *cli, const char *word)
{
	cli_hint(cli, _("a recipient is the line age1... that \"%s key show\" prints"), VAULT_NAME);
	return cli_usage(_("\"%s\" is no recipient"), word);
}

/* A vault's KEY file names everybody in it as a staff key. */
static enum err for_packs_only(const char *word)
{
	return cli_usage(
		_("\"%s\": a vault is opened with staff keys only (age1..., without a second "
		  "1); keys of ssh and of plugins are for packs"),
		word);
}

enum err recipients_of(struct cli *cli, enum option_id id, struct recipients *ret)
{
	const char *word;

	for (size_t i = 0; (word = cli_value_at(cli, id, i)); i++) {
		struct age_recipient who;

		if (recipient_of(cli, word, &who) == OK)
			TRY(add_person(ret, &who));
		else if (age_plugin_likely(word, strlen(word)) ||
			 age_ssh_likely(word, strlen(word)))
			return for_packs_only(word);
		else
			return no_recipient(cli, word);
	}
	return OK;
}

enum err recipients_read(struct cli *cli, struct recipients *ret)
{
	return recipients_of(cli, OPT_TO, ret);
}

/* ---- for packs ------------------------------------------------------------------------------- */

static void other_free(struct other_recipient *o)
{
	if (!o)
		return;
	age_plugin_free(o->plugin);
	free(o->text);
	free(o);
}
DEFINE_FREEP(struct other_recipient, other_free)

void receivers_clear(struct receivers *r)
{
	recipients_clear(&r->people);
	for (size_t i = 0; i < r->other_count; i++)
		other_free(r->others[i]);
	free(r->others);
	free(r->wrappers);
	free(r->texts);
	*r = (struct receivers){0};
}

/* Each list has room for one more afterwards. */
static enum err grow(struct receivers *r)
{
	size_t count = r->other_count + 1;
	void *others = realloc(r->others, count * sizeof(*r->others));
	void *wrappers, *texts;

	r->others = others ? others : r->others;
	wrappers = others ? realloc(r->wrappers, count * sizeof(*r->wrappers)) : NULL;
	r->wrappers = wrappers ? wrappers : r->wrappers;
	texts = wrappers ? realloc(r->texts, count * sizeof(*r->texts)) : NULL;
	r->texts = texts ? texts : r->texts;
	return texts ? OK : err_at(ERR_NOMEM, "recipients");
}

static enum err add_other(struct receivers *r, struct other_recipient **o)
{
	if (!(*o)->text)
		return err_at(ERR_NOMEM, "recipients");
	TRY(grow(r));
	r->wrappers[r->other_count] =
		(*o)->plugin ? age_plugin_wrapper((*o)->plugin) : age_ssh_wrapper(&(*o)->ssh);
	r->texts[r->other_count] = (*o)->text;
	r->others[r->other_count++] = TAKE(*o);
	return OK;
}

static enum err add_ssh(struct receivers *r, const char *line, size_t len)
{
	CLEANUP(other_freep) struct other_recipient *o = calloc(1, sizeof(*o));
	char text[AGE_SSH_TEXT];
	enum err err;

	if (!o)
		return err_at(ERR_NOMEM, "recipients");
	err = age_ssh_recipient_parse(line, len, &o->ssh);
	if (err == ERR_NOT_SUPPORTED)
		return cli_usage(_("of ssh keys only ssh-ed25519 can be sealed to: \"%.*s...\""),
				 (int)MIN(len, 24), line);
	if (err != OK)
		return cli_usage(_("\"%.*s\" is no ssh public key"), (int)MIN(len, 60), line);
	age_ssh_recipient_print(&o->ssh, text);
	o->text = strdup(text);
	return add_other(r, &o);
}

static enum err add_plugin(struct receivers *r, const struct age_plugin_host *host,
			   const char *text, size_t len)
{
	CLEANUP(other_freep) struct other_recipient *o = calloc(1, sizeof(*o));

	if (!o)
		return err_at(ERR_NOMEM, "recipients");
	if (age_plugin_parse(host, text, len, &o->plugin) != OK ||
	    age_plugin_is_identity(o->plugin))
		return cli_usage(_("\"%.*s\" is no recipient"), (int)MIN(len, 80), text);
	TRY(age_plugin_find(o->plugin));
	o->text = strndup(text, len);
	return add_other(r, &o);
}

/* One line: of a file, or the word itself. ERR_NOT_FOUND: none of the three types, or the program
 * of a plugin is not there. */
static enum err add_line(struct receivers *r, const struct age_plugin_host *host, const char *line,
			 size_t len)
{
	char text[AGE_RECIPIENT_TEXT];
	struct age_recipient who;

	if (len == AGE_RECIPIENT_LEN) {
		memcpy(text, line, len);
		text[len] = '\0';
		if (age_recipient_parse(text, &who) == OK)
			return add_person(&r->people, &who);
	}
	if (age_ssh_likely(line, len))
		return add_ssh(r, line, len);
	if (age_plugin_likely(line, len))
		return add_plugin(r, host, line, len);
	return ERR_NOT_FOUND;
}

/* As age has them: a recipient a line, blank lines and those that begin with # say nothing. */
static enum err add_file(struct cli *cli, struct receivers *r, const struct age_plugin_host *host,
			 const char *path)
{
	CLEANUP(buf_clear) struct buf text = {0};
	size_t before = r->people.count + r->other_count, number = 0;

	TRY(io_read_file(path, FILE_MAX, &text));
	for (char *at = text.data; at && *at; number++) {
		size_t len = strcspn(at, "\n"), used = len;
		enum err err = OK;

		if (used && at[used - 1] == '\r')
			used--;
		if (used && *at != '#')
			err = add_line(r, host, at, used);
		if (err == ERR_NOT_FOUND && !age_plugin_likely(at, used))
			return cli_usage(_("%s, line %zu: no recipient"), path, number + 1);
		TRY(err);
		at += len + (at[len] == '\n');
	}
	if (r->people.count + r->other_count > before)
		return OK;
	return no_recipient(cli, path);
}

static enum err add_word(struct cli *cli, struct receivers *r, const struct age_plugin_host *host,
			 const char *word)
{
	struct age_recipient who;
	enum err err;

	if (recipient_of(cli, word, &who) == OK)
		return add_person(&r->people, &who);
	err = add_line(r, host, word, strlen(word));
	if (err != ERR_NOT_FOUND || age_plugin_likely(word, strlen(word)))
		return err;
	if (access(word, F_OK) != 0)
		return no_recipient(cli, word);
	err = add_file(cli, r, host, word);
	return err == ERR_IS_DIR ? no_recipient(cli, word) : err;
}

enum err receivers_read(struct cli *cli, const struct age_plugin_host *host, struct receivers *ret)
{
	const char *word;

	for (size_t i = 0; (word = cli_value_at(cli, OPT_TO, i)); i++)
		TRY(add_word(cli, ret, host, word));
	return OK;
}

#include "age/plugin_talk.h"

#include <string.h>
#include "age/header.h"
#include "age/plugin_text.h"
#include "base/text.h"

#define OWN_FILE "0" /* one talk is about one file, so every index is this */

static enum err say(const struct plugin_talk *t, const char *command)
{
	return dialogue_say(t->with, &command, 1, NULL, 0);
}

static enum err say_key(const struct plugin_talk *t)
{
	const char *args[] = {t->identity ? "add-identity" : "add-recipient", t->text};

	return dialogue_say(t->with, args, ARRAY_LEN(args), NULL, 0);
}

static enum err nonsense(const struct age_stanza *s)
{
	char command[AGE_PLUGIN_LINE + 1];

	plugin_text(age_stanza_arg(s, 0), MIN(strlen(age_stanza_arg(s, 0)), (size_t)32), command);
	return err_at(ERR_PLUGIN, "it says a wrong \"%s\"", command);
}

/* ---- what a plugin asks of the person ---- */

/* What the callback's end means for the plugin. */
enum answer { ANSWERED, REFUSED, ENDED };
static enum answer answer_of(enum err err)
{
	if (err == OK)
		return ANSWERED;
	return err == ERR_CANCELLED || err == ERR_NO_ANSWER ? REFUSED : ENDED;
}

static enum err on_message(const struct plugin_talk *t, const struct age_stanza *s)
{
	char text[AGE_PLUGIN_LINE + 1];
	enum err err = ERR_NO_ANSWER;

	plugin_text(s->body, s->body_len, text);
	if (t->ui->say)
		err = t->ui->say(t->ui->ctx, t->name, text);
	if (answer_of(err) == ENDED)
		return err;
	return say(t, err == OK ? "ok" : "fail");
}

static enum err choice_parse(const char *arg, char out[AGE_PLUGIN_LINE + 1])
{
	char bytes[AGE_PLUGIN_LINE];
	size_t len;

	TRY(text_unbase64(arg, strlen(arg), false, bytes, sizeof(bytes), &len));
	plugin_text(bytes, len, out);
	return OK;
}

static enum err on_confirm(const struct plugin_talk *t, const struct age_stanza *s)
{
	char text[AGE_PLUGIN_LINE + 1], yes[AGE_PLUGIN_LINE + 1], no[AGE_PLUGIN_LINE + 1];
	bool two = s->argc == 3, chose = false;
	const char *args[] = {"ok", NULL};
	enum err err = ERR_NO_ANSWER;

	if ((s->argc != 2 && !two) || choice_parse(age_stanza_arg(s, 1), yes) != OK ||
	    (two && choice_parse(age_stanza_arg(s, 2), no) != OK))
		return nonsense(s);
	plugin_text(s->body, s->body_len, text);
	if (t->ui->confirm)
		err = t->ui->confirm(t->ui->ctx, t->name, text, yes, two ? no : NULL, &chose);
	if (answer_of(err) == ENDED)
		return err;
	if (err != OK)
		return say(t, "fail");
	args[1] = chose ? "yes" : "no";
	return dialogue_say(t->with, args, ARRAY_LEN(args), NULL, 0);
}

static enum err on_request(const struct plugin_talk *t, const struct age_stanza *s, bool hidden)
{
	CLEANUP(secret_freep) struct secret *answer = NULL;
	char text[AGE_PLUGIN_LINE + 1];
	const char *ok = "ok";
	enum err err = ERR_NO_ANSWER;

	plugin_text(s->body, s->body_len, text);
	if (t->ui->ask)
		err = t->ui->ask(t->ui->ctx, t->name, text, hidden, &answer);
	if (answer_of(err) == ENDED)
		return err;
	if (err != OK)
		return say(t, "fail");
	return dialogue_say(t->with, &ok, 1, secret_data(answer), secret_len(answer));
}

/* ---- what both talks share ---- */

/* The plugin's own words about what is wrong become the detail, whether or not it still listens. It
 * may have more errors to tell; the first is the answer. */
static enum err on_error(const struct plugin_talk *t, const struct age_stanza *s)
{
	char text[AGE_PLUGIN_LINE + 1];

	plugin_text(s->body, s->body_len, text);
	if (say(t, "ok") == ERR_INTERRUPTED)
		return ERR_INTERRUPTED;
	return err_at(ERR_PLUGIN, "%s", text);
}

/* A word that means the same in both talks, or nothing to us. */
static enum err on_common(const struct plugin_talk *t, const struct age_stanza *s)
{
	if (age_stanza_is(s, "msg"))
		return on_message(t, s);
	if (age_stanza_is(s, "confirm"))
		return on_confirm(t, s);
	if (age_stanza_is(s, "request-public"))
		return on_request(t, s, false);
	if (age_stanza_is(s, "request-secret"))
		return on_request(t, s, true);
	if (age_stanza_is(s, "error"))
		return on_error(t, s);
	return say(t, "unsupported");
}

/* What the plugin's phase is to bring. */
struct yield {
	bool labelled;
	struct age_wrapped *wrapped;
	struct secret *file_key;
};

/* Hears words until "done"; each goes to `take`, which answers it. */
static enum err phase_hear(const struct plugin_talk *t, struct yield *y,
			   enum err (*take)(const struct plugin_talk *, const struct age_stanza *,
					    struct yield *))
{
	for (;;) {
		CLEANUP(age_stanza_clear) struct age_stanza s = {0};

		TRY(dialogue_hear(t->with, &s));
		if (age_stanza_is(&s, "done"))
			return s.argc == 1 && s.body_len == 0 ? OK : nonsense(&s);
		TRY(take(t, &s, y));
	}
}

/* The arguments of `s` from `first` on; there are at most `cap`. */
static size_t args_from(const struct age_stanza *s, size_t first, const char **out)
{
	const char *arg = s->argc > first ? age_stanza_arg(s, first) : NULL;
	size_t count = s->argc > first ? s->argc - first : 0;

	for (size_t i = 0; i < count; i++, arg += strlen(arg) + 1)
		out[i] = arg;
	return count;
}

#define ARGS_MAX 256u /* of one stanza; the known types have one to three */

/* ---- recipient-v1 ---- */

static enum err on_stanza(const struct plugin_talk *t, const struct age_stanza *s, struct yield *y)
{
	CLEANUP(age_stanza_clear) struct age_stanza own = {0};
	const char *args[ARGS_MAX];
	enum err err;
	size_t argc;

	if (s->argc < 3 || s->argc > ARGS_MAX || strcmp(age_stanza_arg(s, 1), OWN_FILE) != 0)
		return nonsense(s);
	argc = args_from(s, 2, args);
	TRY(age_stanza_make(args, argc, s->body, s->body_len, &own));
	err = age_wrapped_add(y->wrapped, &own);
	if (err == ERR_INVALID)
		return nonsense(s);
	TRY(err);
	return say(t, "ok");
}

static enum err on_labels(const struct plugin_talk *t, const struct age_stanza *s, struct yield *y)
{
	const char *labels[ARGS_MAX];

	if (y->labelled || s->argc > ARGS_MAX || s->body_len > 0)
		return nonsense(s);
	y->labelled = true;
	TRY(age_wrapped_label(y->wrapped, labels, args_from(s, 1, labels)));
	return say(t, "ok");
}

static enum err take_wrapped(const struct plugin_talk *t, const struct age_stanza *s,
			     struct yield *y)
{
	if (age_stanza_is(s, "recipient-stanza"))
		return on_stanza(t, s, y);
	if (age_stanza_is(s, "labels"))
		return on_labels(t, s, y);
	return on_common(t, s);
}

enum err plugin_talk_wrap(const struct plugin_talk *t, const struct secret *file_key,
			  struct age_wrapped *out)
{
	const char *wrap = "wrap-file-key";
	struct yield y = {.wrapped = out};

	TRY(say_key(t));
	TRY(dialogue_say(t->with, &wrap, 1, secret_data(file_key), secret_len(file_key)));
	TRY(say(t, "extension-labels"));
	TRY(say(t, "done"));
	TRY(phase_hear(t, &y, take_wrapped));
	if (out->count == 0)
		return err_at(ERR_PLUGIN, "it wraps nothing");
	return OK;
}

/* ---- identity-v1 ---- */

static enum err on_file_key(const struct plugin_talk *t, const struct age_stanza *s,
			    struct yield *y)
{
	if (s->argc != 2 || strcmp(age_stanza_arg(s, 1), OWN_FILE) != 0 || y->file_key ||
	    s->body_len != AGE_FILE_KEY_LEN)
		return nonsense(s);
	TRY(secret_copy(s->body, s->body_len, &y->file_key));
	return say(t, "ok");
}

static enum err take_unwrapped(const struct plugin_talk *t, const struct age_stanza *s,
			       struct yield *y)
{
	return age_stanza_is(s, "file-key") ? on_file_key(t, s, y) : on_common(t, s);
}

static enum err say_stanza(const struct plugin_talk *t, const struct age_stanza *s)
{
	const char *args[ARGS_MAX + 2] = {"recipient-stanza", OWN_FILE};

	if (s->argc > ARGS_MAX)
		return OK; /* none that a plugin could have made with us */
	return dialogue_say(t->with, args, 2 + args_from(s, 0, args + 2), s->body, s->body_len);
}

static enum err hear_file_key(const struct plugin_talk *t, struct yield *y)
{
	TRY(phase_hear(t, y, take_unwrapped));
	return y->file_key ? OK : err_at(ERR_NO_KEY_FITS, "plugin %s", t->name);
}

enum err plugin_talk_unwrap(const struct plugin_talk *t, const struct age_stanza *stanzas,
			    size_t count, struct secret **ret)
{
	struct yield y = {0};
	enum err err;

	TRY(say_key(t));
	for (size_t i = 0; i < count; i++)
		TRY(say_stanza(t, &stanzas[i]));
	TRY(say(t, "done"));
	err = hear_file_key(t, &y);
	if (err == OK)
		*ret = TAKE(y.file_key);
	secret_free(y.file_key);
	return err;
}

/* Keys that a program of somebody else's knows how to use, a hardware token's above all:
 * "age1NAME1..." is a recipient and "AGE-PLUGIN-NAME-1..." an identity of the program
 * age-plugin-NAME. Rules: age-plugin.md.
 *
 * The program comes from one folder that the host of the plugins names, never from PATH: NAME
 * stands in a text that somebody sent. It has only the characters a-z 0-9 + - . _ here. The program
 * is started anew for each file key, see age/child.h for how, and is not trusted: it gets the key
 * it is asked about and nothing else, and what it says ends in a good answer or in an error.
 *
 * Errors: ERR_NOT_FOUND when there is no such program, ERR_PERM when the folder or the program is
 * not safe (it belongs to somebody else, or everybody may write to it) or may not be run,
 * ERR_PLUGIN with the program's own words, or with what it did wrong, ERR_INTERRUPTED when `stop`
 * asked for it, and what a callback of the host gave. */
#pragma once
#include "age/wrapper.h"

/* How a plugin reaches the person. All texts are one line of UTF-8 without control characters, of
 * at most AGE_PLUGIN_LINE bytes; `name` is the plugin's. A callback that is NULL, or gives
 * ERR_CANCELLED or ERR_NO_ANSWER, tells the plugin that there is no answer, and the plugin decides
 * whether it can do without; any other error ends the talk. */
struct age_plugin_ui {
	enum err (*say)(void *ctx, const char *name, const char *text);
	/* `no` is NULL when the plugin offers nothing else than `yes`. */
	enum err (*confirm)(void *ctx, const char *name, const char *text, const char *yes,
			    const char *no, bool *ret);
	/* `hidden`: what is typed must not be seen (a PIN). *ret goes to the caller. */
	enum err (*ask)(void *ctx, const char *name, const char *text, bool hidden,
			struct secret **ret);
	/* Asked every now and then while the plugin is silent; true ends it. NULL: it may take as
	 * long as it likes. */
	bool (*stop)(void *ctx);
	void *ctx;
};
#define AGE_PLUGIN_LINE 1024u

struct age_plugin_host {
	const char *folder; /* absolute */
	const char *const
		*env; /* the program's whole environment, ended by NULL; NULL: a small one */
	struct age_plugin_ui ui;
};

/* A recipient or an identity of a plugin; its text is kept in guarded memory. Never changes after
 * birth; the host is borrowed until the free, and its callbacks are called by the thread that wraps
 * or unwraps. */
struct age_plugin;

#define AGE_PLUGIN_TEXT_MAX 16384u
/* Nothing around the text. ERR_BAD_FORMAT, also for age's own recipients and identities. */
MUST_CHECK enum err age_plugin_parse(const struct age_plugin_host *host, const char *text,
				     size_t len, struct age_plugin **ret);
void age_plugin_free(struct age_plugin *p);
DEFINE_FREEP(struct age_plugin, age_plugin_free)
/* Whether a text begins as one of the two does and is none of age's own; quick, not a proof. */
bool age_plugin_likely(const char *text, size_t len);
const char *age_plugin_name(const struct age_plugin *p); /* borrowed */
bool age_plugin_is_identity(const struct age_plugin *p);
/* ERR_NOT_FOUND and ERR_PERM as above, without starting it. */
MUST_CHECK enum err age_plugin_find(const struct age_plugin *p);

/* `p` is borrowed as long as these are used. A plugin can be asked to seal to one of its
 * identities, too; to open takes an identity (ERR_INVALID). */
struct age_wrapper age_plugin_wrapper(const struct age_plugin *p);
struct age_unwrapper age_plugin_unwrapper(const struct age_plugin *p);

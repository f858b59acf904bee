#include "tools/plugins.h"

#include <stdlib.h>
#include <string.h>

#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "tools/tty.h"

static enum err say(void *ctx, const char *name, const char *text)
{
	out_talk(ctx, "%s: %s", name, text);
	return OK;
}

static bool may_ask(const struct cli *cli)
{
	return !cli->no_input && tty_there();
}

/* The words that the plugin offers are typed: there is no other way to be sure which one was meant.
 */
static enum err confirm(void *ctx, const char *name, const char *text, const char *yes,
			const char *no, bool *ret)
{
	CLEANUP(secret_freep) struct secret *typed = NULL;
	CLEANUP(buf_clear) struct buf question = {0};
	size_t len = strlen(yes);

	if (!may_ask(ctx))
		return ERR_NO_ANSWER;
	TRY(buf_printf(&question, "%s: %s\n", name, text));
	if (no)
		TRY(buf_printf(&question, _("Type %s or %s: "), yes, no));
	else
		TRY(buf_printf(&question, _("Type %s: "), yes));
	out_clean(question.data);
	TRY(tty_ask_shown(question.data, &typed));
	*ret = secret_len(typed) == len && memcmp(secret_data(typed), yes, len) == 0;
	return *ret || (no && secret_len(typed) == strlen(no) &&
			memcmp(secret_data(typed), no, strlen(no)) == 0)
		       ? OK
		       : ERR_CANCELLED;
}

static enum err ask(void *ctx, const char *name, const char *text, bool hidden, struct secret **ret)
{
	CLEANUP(buf_clear) struct buf question = {0};
	struct prompt_notes notes;

	TRY(buf_printf(&question, "%s: %s ", name, text));
	out_clean(question.data);
	if (hidden)
		return prompt_secret(ctx, question.data, NULL, ret, &notes);
	return may_ask(ctx) ? tty_ask_shown(question.data, ret) : ERR_NO_ANSWER;
}

static bool stop(void *ctx)
{
	(void)ctx;
	return interrupt_seen();
}

void plugins_host(struct cli *cli, struct age_plugin_host *ret)
{
	const char *folder = getenv("PVAULT_PLUGINS");

	*ret = (struct age_plugin_host){
		.folder = folder && *folder ? folder : PLUGINDIR,
		.ui = {.say = say, .confirm = confirm, .ask = ask, .stop = stop, .ctx = cli},
	};
}

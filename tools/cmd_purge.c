/* vault purge: what was deleted is overwritten. */
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

static void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct progress *p = ctx;

	p->total = total * DISK_BLOCK;
	progress_set(p, done * DISK_BLOCK);
}

static enum err purge(struct cli *cli, const struct medium *medium)
{
	char label[VAULT_LABEL_MAX + 1];
	struct progress progress;
	struct vault_actor actor;
	enum err err;

	TRY(cli_check_confirm(cli, medium->label));
	TRY(cli_actor(cli, medium, &actor));
	progress_begin(&progress, cli, _("overwriting"), 0);
	err = vault_purge(&actor, medium->path, tell_progress, &progress, label);
	progress_end(&progress);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(cli, medium->path);
		return err_at(err, "%s", medium->label);
	}
	return err;
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};

	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(purge(cli, &medium));
	out_say(cli, _("The free space of %s is overwritten."), medium.label);
	out_talk(cli, _("A flash medium keeps copies that nobody can overwrite; they open with the "
			"keys of their time. Erased for certain is only what no key is left for: "
			"\"vault help rekey\"."));
	return out_json(cli, "result",
			json_pack("{s:o,s:o}", "label", out_json_text(medium.label), "path",
				  out_json_text(medium.path)));
}

const struct verb verb_purge = {
	.name = "purge",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "MEDIUM",
	.summary = N_("overwrite what was deleted"),
	.about = N_("Fills the free space of a vault with noise, as far as the medium writes where it "
		    "is told to. A flash medium keeps copies elsewhere: what they hold opens with the "
		    "keys of their time. So first \"rekey --wait\", then \"purge\", takes the old keys "
		    "and what they open off the medium; for certain, only destroying the device "
		    "secret or the medium does. The files in the vault are not touched."),
	.examples = {{"purge OSAKA-03", N_("after deleting what must not be found again")},
		     {"purge OSAKA-03 --json", N_("the same for a program")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

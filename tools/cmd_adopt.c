/* vault adopt: a backup that was put back, or one of two copies, becomes the right state. */
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

static enum err ask(struct cli *cli, const struct medium *medium)
{
	return cli_confirm(cli, medium->label,
			   _("This state becomes the right one. What was saved since in another copy "
			     "is given up, and that copy is refused from now on."));
}

static enum err adopt(struct cli *cli, const struct medium *medium, struct vault_adopted *ret)
{
	struct vault_actor actor;
	enum err err;

	TRY(ask(cli, medium));
	TRY(cli_actor(cli, medium, &actor));
	err = vault_adopt(&actor, medium->path, ret);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(cli, medium->path);
		return err_at(err, "%s", medium->label);
	}
	return err;
}

static void say(struct cli *cli, const struct vault_adopted *got)
{
	out_say(cli, _("%s goes on from the state that is on the medium now."), got->label);
	if (!got->stated)
		out_talk(cli, _("Other computers that saw a newer state refuse it until it is "
				"adopted there, too."));
	else if (got->pending)
		out_talk(cli, _("Other computers accept it once a second officer has approved "
				"that: \"vault org show\" has the number."));
	else
		out_talk(cli, _("Other computers accept it when they next sync, or when this "
				"medium comes to them."));
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	struct vault_adopted got = {0};

	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(adopt(cli, &medium, &got));
	say(cli, &got);
	return out_json(cli, "result",
			json_pack("{s:o,s:o,s:I,s:b,s:b}", "label", out_json_text(got.label), "path",
				  out_json_text(medium.path), "generation", (json_int_t)got.found,
				  "stated", (int)got.stated, "pending", (int)got.pending));
}

const struct verb verb_adopt = {
	.name = "adopt",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "MEDIUM --confirm=LABEL",
	.summary = N_("accept a restored backup as the right state"),
	.about = N_("A computer refuses a vault that is older than what it saw, or that does not "
		    "follow from it (exit code 23). When a backup was put back on purpose, or two "
		    "copies were used and one is to stay, an officer accepts that state with this; "
		    "in a vault of no society, whoever can open it does. Look at it first with "
		    "\"vault mount --read-only\" or \"vault ls\". Who was revoked since stays out. "
		    "Both states are recorded."),
	.examples = {{"adopt OSAKA-03", N_("asks for the label")},
		     {"adopt OSAKA-03 --confirm=OSAKA-03", N_("the same in a script")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

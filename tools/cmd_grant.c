/* vault grant: lets one more person in. */
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/recipients.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

static enum err grant_one(struct cli *cli, const struct vault_actor *actor,
			  const struct medium *medium, const struct age_recipient *to,
			  const char *ticket)
{
	char recipient[AGE_RECIPIENT_TEXT], fpr[STAFF_FPR_LEN], words[96];
	enum err err = vault_grant(actor, medium->path, to, ticket);

	if (err == ERR_VAULT_BUSY || err == ERR_BUSY) {
		sessions_hint_busy(cli, medium->path);
		return err_at(err, "%s", medium->label);
	}
	TRY(err);
	age_recipient_print(to, recipient);
	staff_fpr(to, fpr);
	staff_fpr_words(to, words);
	out_say(cli, _("%s can open %s now. Compare by telephone: %s"), recipient, medium->label,
		words);
	return out_json(cli, "result",
			json_pack("{s:s,s:o,s:s,s:s,s:s*}", "label", medium->label, "path",
				  out_json_text(medium->path), "recipient", recipient,
				  "fingerprint", fpr, "ticket", ticket));
}

static enum err run(struct cli *cli)
{
	CLEANUP(recipients_clear) struct recipients to = {0};
	CLEANUP(medium_clear) struct medium medium = {0};
	const char *ticket = cli_value(cli, OPT_TICKET);
	struct vault_actor actor;

	TRY(recipients_read(cli, &to));
	if (to.count == 0)
		return cli_usage("%s", _("say who is to be let in: --to RECIPIENT"));
	if (ticket && to.count > 1)
		return cli_usage("%s", _("a ticket is for one person: give --to once"));
	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(cli_check_confirm(cli, medium.label));
	TRY(cli_actor(cli, &medium, &actor));
	for (size_t i = 0; i < to.count; i++)
		TRY(grant_one(cli, &actor, &medium, &to.list[i], ticket));
	if (ticket)
		out_talk(cli,
			 _("Send the ticket %s by another route than the medium; it opens for that "
			   "person only."),
			 ticket);
	return OK;
}

const struct verb verb_grant = {
	.name = "grant",
	.group = GROUP_SET_UP,
	.run = run,
	.words = "MEDIUM --to RECIPIENT [--ticket FILE]",
	.summary = N_("let one more person into a vault"),
	.about = N_(
		"The ticket carries the device secret to that person's computer. It is sealed to "
		"them; still, never send it along with the medium."),
	.examples = {{"grant OSAKA-03 --to age1... --ticket taro.ticket",
		      N_("a person on another computer")},
		     {"grant OSAKA-03 --to age1...", N_("a person whose computer is enrolled")}},
	.options = OPT_BIT(OPT_TO) | OPT_BIT(OPT_TICKET) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

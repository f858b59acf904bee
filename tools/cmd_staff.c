/* vault staff add, staff list, staff remove: whom this computer knows by name. */
#include <string.h>

#include "base/text.h"
#include "org/people.h"
#include "pack/transfer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

static enum err tell_person(struct cli *cli, const struct person *who)
{
	CLEANUP(buf_clear) struct buf row = {0};
	char recipient[AGE_RECIPIENT_TEXT], words[96], key_words[96] = "";

	age_recipient_print(&who->recipient, recipient);
	staff_fpr_words(&who->recipient, words);
	if (who->has_key)
		pack_signer_words(who->vkey, key_words);
	TRY(width_pad(&row, who->name, 20));
	out_line(cli, "%s %s", row.data, recipient);
	return out_json(cli, "person",
			json_pack("{s:s,s:s,s:s,s:s*}", "name", who->name, "recipient", recipient,
				  "words", words, "signs_as", key_words[0] ? key_words : NULL));
}

static enum err run_add(struct cli *cli)
{
	struct person who = {0}, before;
	struct home *home = NULL;
	char words[96];
	enum err err;

	if (strlen(cli_argument(cli, 0)) >= sizeof(who.name))
		return err_at(ERR_NAME_TOO_LONG, "%s", cli_argument(cli, 0));
	text_copy(who.name, sizeof(who.name), cli_argument(cli, 0));
	if (age_recipient_parse(cli_argument(cli, 1), &who.recipient) != OK) {
		cli_hint(cli, _("a recipient is the line age1... that \"%s key show\" prints"),
			 VAULT_NAME);
		return cli_usage(_("\"%s\" is no recipient"), cli_argument(cli, 1));
	}
	TRY(cli_home(cli, &home));
	err = people_find(home, who.name, &before);
	if (err == OK && !age_recipient_equal(&before.recipient, &who.recipient))
		return err_at(ERR_EXISTS, "%s", who.name);
	if (err == ERR_NOT_FOUND)
		err = people_save(home, &who);
	TRY(err);
	staff_fpr_words(&who.recipient, words);
	out_say(cli, _("%s is known here now. Compare by telephone: %s"), who.name, words);
	return out_json(cli, "result", json_pack("{s:s,s:s}", "name", who.name, "words", words));
}

static enum err list_one(void *ctx, const struct person *who)
{
	return tell_person(ctx, who);
}

static enum err run_list(struct cli *cli)
{
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	return people_each(home, list_one, cli);
}

static enum err run_remove(struct cli *cli)
{
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	TRY(people_remove(home, cli_argument(cli, 0)));
	out_say(cli, _("%s is not known here any more."), cli_argument(cli, 0));
	return out_json(cli, "result", json_pack("{s:s}", "name", cli_argument(cli, 0)));
}

const struct verb verb_staff_add = {
	.name = "staff add",
	.group = GROUP_OFFICER,
	.run = run_add,
	.words = "NAME RECIPIENT",
	.summary = N_("remember a colleague by name"),
	.about = N_("Afterwards \"--to NAME\" stands for the recipient. Compare the words with the "
		    "person "
		    "by telephone before you rely on it."),
	.examples = {{"staff add sato age1...", N_("as sato's \"key show\" prints it")}},
	.min = 2,
	.max = 2,
};

const struct verb verb_staff_list = {
	.name = "staff list",
	.group = GROUP_OFFICER,
	.run = run_list,
	.words = "",
	.summary = N_("whom this computer knows"),
	.examples = {{"staff list", N_("names and recipients")}},
	.max = 0,
};

const struct verb verb_staff_remove = {
	.name = "staff remove",
	.group = GROUP_OFFICER,
	.run = run_remove,
	.words = "NAME",
	.summary = N_("forget a colleague"),
	.about = N_("Their packs are refused as unknown from then on. What they can open stays as "
		    "it is."),
	.examples = {{"staff remove sato", N_("the name is free again")}},
	.min = 1,
	.max = 1,
};

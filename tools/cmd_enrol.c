/* vault enrol: takes a ticket into this computer's keyring. */
#include "base/text.h"
#include "tools/output.h"
#include "tools/verbs.h"

static enum err run(struct cli *cli)
{
	CLEANUP(device_clear) struct device device = {0};
	char id[2 * VOLUME_ID_LEN + 1];
	struct vault_actor actor;

	TRY(cli_actor(cli, NULL, &actor));
	TRY(vault_enrol(&actor, cli_argument(cli, 0), &device));
	text_hex(device.volume_id, VOLUME_ID_LEN, id);
	out_say(cli, _("This computer can open %s now. The ticket has done its work; delete it."),
		device.label);
	return out_json(
		cli, "result",
		json_pack("{s:o,s:s}", "label", out_json_text(device.label), "volume_id", id));
}

const struct verb verb_enrol = {
	.name = "enrol",
	.alias = "enroll",
	.group = GROUP_SET_UP,
	.run = run,
	.words = "TICKET",
	.summary = N_("enrol this computer for a vault with a ticket"),
	.about = N_("Takes the device secret out of a ticket that \"vault grant\" made for you and "
		    "keeps it "
		    "in this computer's keyring, sealed to your staff key."),
	.examples = {{"enrol taro.ticket", N_("then the medium opens here")}},
	.options = OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

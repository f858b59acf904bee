/* vault media add, media set: entering media on the register. */
#include <string.h>

#include "base/text.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/registering.h"
#include "tools/verbs.h"

static enum err tell_entry(struct cli *cli, const struct roster_medium *m)
{
	char volume[2 * VOLUME_ID_LEN + 1] = "";

	if (m->has_volume)
		text_hex(m->volume_id, VOLUME_ID_LEN, volume);
	if (m->label[0])
		out_say(cli, _("%s (%s) is on the register."), m->number, m->label);
	else
		out_say(cli, _("%s is on the register."), m->number);
	if (!m->has_volume)
		out_talk(cli, _("Nothing tells yet which vault it is: %s media add %s MEDIUM"),
			 VAULT_NAME, m->number);
	else if (!m->separated && m->separation_known)
		out_warn(cli, _("%s has no key separation: a staff key alone opens it"), m->number);
	return out_json(cli, "result",
			json_pack("{s:s,s:s*,s:s,s:b}", "number", m->number, "volume_id",
				  m->has_volume ? volume : NULL, "label", m->label,
				  "key_separation", m->has_volume && m->separated));
}

/* A vault that the officer cannot open: whoever can reads its id out. Nothing proves that it has a
 * device secret, so none is claimed. */
static enum err volume_told(struct cli *cli, struct roster_medium *entry)
{
	const char *hex = cli_value(cli, OPT_VOLUME), *label = cli_value(cli, OPT_LABEL);
	uint8_t id[VOLUME_ID_LEN];

	if (label) {
		TRY(officer_text(label, "--label", sizeof(entry->label) - 1));
		text_copy(entry->label, sizeof(entry->label), label);
	}
	if (!hex)
		return OK;
	if (strlen(hex) != 2 * VOLUME_ID_LEN || text_unhex(hex, id, VOLUME_ID_LEN) != OK)
		return cli_usage(_("--volume: \"%s\" is not 32 hexadecimal digits"), hex);
	entry->has_volume = true;
	memcpy(entry->volume_id, id, VOLUME_ID_LEN);
	return OK;
}

static enum err run_add(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(medium_clear) struct medium medium = {0};
	const char *number = cli_argument(cli, 0), *word = cli_argument(cli, 1);
	struct roster_medium entry = {0};
	const struct roster_medium *before;

	TRY(officer_begin(cli, AUDIT_REGISTER, &o));
	before = registering_find(&o, number);
	if (before)
		entry = *before;
	if (word) {
		TRY(medium_find(cli, word, &medium));
		TRY(registering_vault(&o, medium.path, &entry));
		if (!entry.label[0])
			text_copy(entry.label, sizeof(entry.label), medium.label);
	}
	TRY(volume_told(cli, &entry));
	TRY(registering_number(&o, number, &entry));
	if (before && before->has_volume && !word) {
		cli_hint(cli, _("change it with \"%s media set %s\""), VAULT_NAME, number);
		return err_at(ERR_EXISTS, "%s", number);
	}
	if (!before)
		text_copy(entry.number, sizeof(entry.number), number);
	TRY(registering_words(&o, &entry));
	TRY(registering_state(&o, before, &entry));
	return tell_entry(cli, &entry);
}

static enum err run_set(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct roster_medium *before = NULL;
	struct roster_medium entry;

	TRY(officer_begin(cli, AUDIT_REGISTER, &o));
	TRY(registering_wanted(&o, cli_argument(cli, 0), &before));
	entry = *before;
	TRY(registering_words(&o, &entry));
	TRY(registering_state(&o, before, &entry));
	return tell_entry(cli, &entry);
}

const struct verb verb_media_add = {
	.name = "media add",
	.group = GROUP_OFFICER,
	.run = run_add,
	.words = "NUMBER [MEDIUM]",
	.summary = N_("put a medium on the register"),
	.about = N_("NUMBER is what stands on its sticker. With MEDIUM plugged in, the entry is "
		    "bound to "
		    "its vault. \"init\" does this by itself for an officer."),
	.examples = {{"media add U-012 OSAKA-03 --place 金庫A --keeper tanaka",
		      N_("a vault that is there")},
		     {"media add U-013 --serial 4C530001", N_("before it has a vault")}},
	.options =
		REGISTERING_OPTIONS | OPT_BIT(OPT_KEY) | OPT_BIT(OPT_VOLUME) | OPT_BIT(OPT_LABEL),
	.min = 1,
	.max = 2,
};

const struct verb verb_media_set = {
	.name = "media set",
	.group = GROUP_OFFICER,
	.run = run_set,
	.words = "NUMBER [OPTION]...",
	.summary = N_("change what the register says of a medium"),
	.about = N_("What is not named stays as it is; an empty value takes it away."),
	.examples = {{"media set U-012 --place 金庫B", N_("it has a new place")}},
	.options = REGISTERING_OPTIONS | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1,
};

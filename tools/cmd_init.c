/* vault init: makes a vault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "tools/catalogue.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/recipients.h"
#include "tools/registering.h"
#include "tools/verbs.h"

struct wish {
	const char *label;
	struct recipients to;
	struct buf categories; /* ids, with commas between */
	const char *purpose;
	bool separated;
	struct roster_medium entry;  /* on the register; without a number there will be none */
	struct roster_medium before; /* what is there of it; without a number nothing */
};

static void wish_clear(struct wish *w)
{
	recipients_clear(&w->to);
	buf_clear(&w->categories);
}

static enum err add_category(const struct catalogue *c, struct wish *w, const char *id)
{
	TRY(catalogue_check_category(c, id));
	return buf_printf(&w->categories, "%s%s", w->categories.len ? "," : "", id);
}

/* A purpose without a category names its category too: "receipt.1" is one of "receipt". */
static enum err category_of_purpose(struct wish *w)
{
	const char *dot = strrchr(w->purpose, '.');

	if (w->categories.len || !dot)
		return OK;
	return buf_append(&w->categories, w->purpose, (size_t)(dot - w->purpose));
}

static enum err read_catalogue_words(struct cli *cli, struct wish *w)
{
	CLEANUP(catalogue_clear) struct catalogue c = {0};
	const char *id;

	w->purpose = cli_value(cli, OPT_PURPOSE);
	if (!w->purpose && !cli_has(cli, OPT_CATEGORY))
		return OK;
	TRY(catalogue_in_force(cli, &c));
	for (size_t i = 0; (id = cli_value_at(cli, OPT_CATEGORY, i)); i++) {
		enum err err = add_category(&c, w, id);

		if (err == ERR_INVALID)
			return catalogue_unknown_id(cli, &c, id);
		TRY(err);
	}
	if (!w->purpose)
		return OK;
	if (catalogue_check_purpose(&c, w->purpose) != OK)
		return catalogue_unknown_id(cli, &c, w->purpose);
	return category_of_purpose(w);
}

static enum err read_separation(const struct cli *cli, bool *ret)
{
	const char *value = cli_value(cli, OPT_KEY_SEPARATION);

	*ret = true;
	if (!value || !strcmp(value, "on"))
		return OK;
	if (strcmp(value, "off") != 0)
		return cli_usage(_("--key-separation is on or off, not \"%s\""), value);
	*ret = false;
	return OK;
}

static enum err read_wish(struct cli *cli, struct wish *w)
{
	w->label = cli_value(cli, OPT_LABEL);
	if (!w->label)
		return cli_usage("%s", _("a vault needs a name: --label LABEL"));
	if (!*w->label || strlen(w->label) > VAULT_LABEL_MAX)
		return cli_usage(_("a label has 1 to %u bytes: \"%s\""), VAULT_LABEL_MAX, w->label);
	TRY(read_separation(cli, &w->separated));
	TRY(recipients_read(cli, &w->to));
	return read_catalogue_words(cli, w);
}

/* Where it is, who can open it, what comes next. */
static void tell(struct cli *cli, const struct wish *w, const char *path)
{
	unsigned others = (unsigned)w->to.count;

	out_say(cli, _("The vault %s is at %s."), w->label, path);
	if (others == 0)
		out_say(cli, _("Only you can open it, with your key \"%s\"."), cli->staff.name);
	else
		out_say(cli,
			ngettext("You, with your key \"%s\", and %u other person can open it.",
				 "You, with your key \"%s\", and %u other people can open it.",
				 others),
			cli->staff.name, others);
	if (w->separated)
		out_talk(cli,
			 _("It opens on this computer only; let another one in with \"%s grant\" "
			   "and a ticket."),
			 VAULT_NAME);
	else
		out_warn(cli, _("%s was made without key separation: a staff key alone opens it"),
			 w->label);
	out_say(cli, _("Next: %s mount %s"), VAULT_NAME, path);
}

/* ---- the register ---------------------------------------------------------------------------- */

/* An officer's vault is on the register from its beginning. Others make one as far as the rules let
 * them, and an officer enters it. */
static enum err prepare_entry(struct officer *o, struct wish *w)
{
	const char *number = cli_value(o->cli, OPT_NUMBER);
	const struct roster_medium *before;

	if (!officer_has_society(o))
		return number ? cli_usage("%s", _("--number needs a register (\"org init\")")) : OK;
	TRY(officer_sign_in(o));
	if (!officer_is_one(o))
		return number ? officer_check(o, AUDIT_REGISTER) : OK;
	if (!number)
		number = w->label;
	TRY(registering_number(o, number, &w->entry));
	before = registering_find(o, number);
	if (before)
		w->before = w->entry = *before;
	else
		text_copy(w->entry.number, sizeof(w->entry.number), number);
	return OK;
}

/* Officers need no permission. */
static enum err permit(struct officer *o, const struct wish *w, const struct age_recipient *who)
{
	const struct roster_person *p = roster_person(o->roster, who);
	CLEANUP(draft_clear) struct draft d = {0};
	char volume[2 * VOLUME_ID_LEN + 1], fpr[STAFF_FPR_LEN];
	struct audit_event event = {
		.code = AUDIT_KEY_ADD, .counterparty = fpr, .volume_id = volume, .label = w->label};
	const struct statement *s = NULL;

	if (p && p->officer)
		return OK;
	text_hex(w->entry.volume_id, VOLUME_ID_LEN, volume);
	staff_fpr(who, fpr);
	TRY(draft_add_recipient(&d, "recipient", who));
	TRY(draft_add(&d, "for", volume));
	TRY(officer_state(o, STATEMENT_GRANT, &d, &event, &s));
	officer_tell_pending(o, s);
	return OK;
}

static enum err enter(struct officer *o, struct wish *w, const char *path)
{
	struct roster_medium *entry = &w->entry;

	TRY(registering_vault(o, path, entry));
	text_copy(entry->label, sizeof(entry->label), w->label);
	/* Of several categories none alone says who may open it. */
	if (w->categories.len && !strchr(w->categories.data, ','))
		text_copy(entry->category, sizeof(entry->category), w->categories.data);
	if (w->purpose && strlen(w->purpose) < sizeof(entry->purpose))
		text_copy(entry->purpose, sizeof(entry->purpose), w->purpose);
	TRY(registering_state(o, w->before.number[0] ? &w->before : NULL, entry));
	for (size_t i = 0; i < w->to.count; i++)
		TRY(permit(o, w, &w->to.list[i]));
	return OK;
}

static enum err enter_if_wanted(struct officer *o, struct wish *w, const char *path)
{
	enum err err = w->entry.number[0] ? enter(o, w, path) : OK;

	if (err != OK)
		cli_hint(o->cli,
			 _("the vault is made; put it on the register with: %s media add %s %s"),
			 VAULT_NAME, w->entry.number, path);
	return err;
}

static void tell_entry(const struct officer *o, const struct wish *w)
{
	if (w->entry.number[0])
		out_talk(o->cli, _("It is on the register as %s."), w->entry.number);
	else if (officer_has_society(o))
		out_talk(o->cli,
			 _("An officer has to put it on the register before it can be used: %s "
			   "media add NUMBER %s"),
			 VAULT_NAME, w->label);
}

static enum err run(struct cli *cli)
{
	CLEANUP(wish_clear) struct wish w = {0};
	CLEANUP(officer_clear) struct officer o = {0};
	CLEANUP(mem_freep) char *path = NULL;
	struct vault_actor actor;
	struct vault_new what;

	TRY(read_wish(cli, &w));
	TRY(cli_check_confirm(cli, w.label));
	TRY(cli_actor(cli, NULL, &actor));
	TRY(officer_look(cli, &o));
	TRY(prepare_entry(&o, &w));
	what = (struct vault_new){
		.dir = cli_argument(cli, 0),
		.label = w.label,
		.to = w.to.list,
		.to_count = w.to.count,
		.separated = w.separated,
		.category = w.categories.len ? w.categories.data : NULL,
		.purpose = w.purpose,
	};
	TRY(vault_create(&actor, &what, &path));
	TRY(enter_if_wanted(&o, &w, path));
	tell(cli, &w, path);
	tell_entry(&o, &w);
	return out_json(cli, "result",
			json_pack("{s:o,s:s,s:i,s:b,s:s*}", "path", out_json_text(path), "label",
				  w.label, "recipients", (int)w.to.count + 1, "key_separation",
				  w.separated, "number",
				  w.entry.number[0] ? w.entry.number : NULL));
}

const struct verb verb_init = {
	.name = "init",
	.group = GROUP_SET_UP,
	.run = run,
	.words = "DIR --label LABEL [--to RECIPIENT]...",
	.summary = N_("make a vault on a medium"),
	.about = N_("Makes the folder LABEL.VLT in DIR. You can always open it. Its device secret "
		    "goes to "
		    "this computer only, so a lost medium stays shut even for someone who has a "
		    "staff key and its passphrase."),
	.examples = {{"init /media/hanako/USB --label OSAKA-03", N_("for myself")},
		     {"init . --label OSAKA-03 --to age1...", N_("and for a colleague")},
		     {"init . --label OSAKA-03 --purpose receipt.1",
		      N_("with its purpose on record")}},
	.options = OPT_BIT(OPT_LABEL) | OPT_BIT(OPT_TO) | OPT_BIT(OPT_CATEGORY) |
		   OPT_BIT(OPT_PURPOSE) | OPT_BIT(OPT_KEY_SEPARATION) | OPT_BIT(OPT_KEY) |
		   OPT_BIT(OPT_NUMBER),
	.min = 1,
	.max = 1,
};

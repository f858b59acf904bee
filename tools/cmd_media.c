/* vault media add, set, list, show: the media on the register. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/registering.h"
#include "tools/verbs.h"
#include "tools/width.h"

/* ---- add, set -------------------------------------------------------------------------------- */

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
	else if (!m->separated && !cli_has(cli, OPT_VOLUME))
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

static enum err find_entry(struct officer *o, const char *word, const struct roster_medium **ret)
{
	*ret = roster_medium_named(o->roster, word);
	if (*ret)
		return OK;
	cli_hint(o->cli, _("\"%s media list\" shows what is on the register"), VAULT_NAME);
	return err_at(ERR_NOT_FOUND, "%s", word);
}

static enum err run_set(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct roster_medium *before = NULL;
	struct roster_medium entry;

	TRY(officer_begin(cli, AUDIT_REGISTER, &o));
	TRY(find_entry(&o, cli_argument(cli, 0), &before));
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

/* ---- list ------------------------------------------------------------------------------------ */

static const struct {
	const char *name, *words;
} states[] = {
	[MEDIUM_IN] = {"in", N_("in its place")},
	[MEDIUM_REQUESTED] = {"requested", N_("taking out is asked for")},
	[MEDIUM_OUT] = {"out", N_("taken out")},
	[MEDIUM_LOST] = {"lost", N_("lost")},
	[MEDIUM_FOUND] = {"found", N_("found again")},
	[MEDIUM_ERASED] = {"erased", N_("erased")},
	[MEDIUM_RETIRED] = {"retired", N_("disposed of")},
};

static enum err state_words(const struct roster_medium *m, struct buf *ret)
{
	TRY(buf_puts(ret, gettext(states[m->state].words)));
	if (m->revoked.is)
		TRY(buf_printf(ret, _(", revoked (%s)"), officer_reason(m->revoked.reason)));
	return OK;
}

static json_t *entry_json(const struct roster_medium *m)
{
	char volume[2 * VOLUME_ID_LEN + 1] = "";

	if (m->has_volume)
		text_hex(m->volume_id, VOLUME_ID_LEN, volume);
	return json_pack(
		"{s:s,s:s*,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:s,s:b,s:s*,s:I,s:I,s:I,"
		"s:s*,s:I}",
		"number", m->number, "volume_id", m->has_volume ? volume : NULL, "label", m->label,
		"serial", m->serial, "product", m->product, "kind", m->kind, "capacity",
		m->capacity, "place", m->place, "keeper", m->keeper, "owner", m->owner, "category",
		m->category, "purpose", m->purpose, "key_separation", m->has_volume && m->separated,
		"state", states[m->state].name, "revoked", m->revoked.is, "reason",
		m->revoked.is ? revoke_reason_name(m->revoked.reason) : NULL, "registered",
		(json_int_t)m->registered, "sighted", (json_int_t)m->sighted, "opened",
		(json_int_t)m->opened, "opened_host", m->opened ? m->opened_host : NULL, "epoch",
		(json_int_t)m->epoch);
}

static enum err list_one(struct cli *cli, const struct roster_medium *m)
{
	CLEANUP(buf_clear) struct buf row = {0};
	CLEANUP(buf_clear) struct buf state = {0};
	char sighted[24];

	TRY(state_words(m, &state));
	officer_time(m->sighted, sighted);
	TRY(width_pad(&row, m->number, 10));
	TRY(buf_puts(&row, " "));
	TRY(width_pad(&row, m->label[0] ? m->label : "-", 12));
	TRY(buf_puts(&row, " "));
	TRY(width_pad(&row, state.data, 20));
	TRY(buf_printf(&row, " %-10.10s ", sighted));
	TRY(width_pad(&row, m->place[0] ? m->place : "-", 12));
	TRY(buf_printf(&row, " %s", m->keeper[0] ? m->keeper : "-"));
	out_line(cli, "%s", row.data);
	return out_json(cli, "medium", entry_json(m));
}

static enum err run_list(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	for (size_t i = 0; i < o.roster->medium_count; i++)
		TRY(list_one(cli, &o.roster->media[i]));
	return OK;
}

const struct verb verb_media_list = {
	.name = "media list",
	.group = GROUP_OFFICER,
	.run = run_list,
	.words = "",
	.summary = N_("the media on the register"),
	.about = N_("Number, label, state, when somebody saw it last, place and keeper."),
	.examples = {{"media list", N_("a line each")}},
	.max = 0,
};

/* ---- show ------------------------------------------------------------------------------------ */

static enum err put(struct cli *cli, const char *heading, const char *value)
{
	CLEANUP(buf_clear) struct buf row = {0};

	TRY(width_pad(&row, heading, 24));
	out_line(cli, "%s %s", row.data, *value ? value : "-");
	return OK;
}

static enum err put_time(struct cli *cli, const char *heading, int64_t when)
{
	char text[24];

	officer_time(when, text);
	return put(cli, heading, text);
}

/* The erasure or disposal of a medium, newest first; NULL. */
static const struct statement *end_of(const struct officer *o, const struct roster_medium *m)
{
	const struct statement *last = NULL;

	for (size_t i = 0; i < register_count(o->books); i++) {
		const struct statement *s = register_at(o->books, i);
		const char *number = statement_value(s, "number");

		if (s->kind == STATEMENT_ERASE && number && !strcmp(number, m->number) &&
		    roster_counts(o->roster, s))
			last = s;
	}
	return last;
}

static enum err put_end(struct officer *o, const struct roster_medium *m)
{
	const struct statement *s = end_of(o, m);
	const char *method = s ? statement_value(s, "method") : NULL;
	char who[65] = "";

	if (s)
		officer_signer_name(o, s->signer, who);
	TRY(put_time(o->cli, _("disposed of or erased"), s ? s->time : 0));
	TRY(put(o->cli, _("how"), method ? method : ""));
	return put(o->cli, _("by whom"), who);
}

static enum err put_entry(struct officer *o, const struct roster_medium *m)
{
	CLEANUP(buf_clear) struct buf state = {0};
	struct cli *cli = o->cli;

	TRY(state_words(m, &state));
	TRY(put(cli, _("number of the medium"), m->number));
	TRY(put(cli, _("kind"), m->kind));
	TRY(put(cli, _("product"), m->product));
	TRY(put(cli, _("serial number"), m->serial));
	TRY(put(cli, _("capacity"), m->capacity));
	TRY(put_time(cli, _("registered"), m->registered));
	TRY(put(cli, _("whose it is"), m->owner));
	TRY(put(cli, _("kept at"), m->place));
	TRY(put(cli, _("keeper"), m->keeper));
	TRY(put_time(cli, _("last seen on"), m->sighted));
	TRY(put(cli, _("state"), state.data));
	TRY(put_end(o, m));
	TRY(put(cli, _("label"), m->label));
	TRY(put(cli, _("category"), m->category));
	TRY(put(cli, _("purpose"), m->purpose));
	TRY(put(cli, _("key separation"),
		!m->has_volume ? ""
		: m->separated ? _("present")
			       : _("absent")));
	return put_time(cli, _("last opened"), m->opened);
}

static bool reaches(const struct roster_grant *g, const struct roster_medium *m)
{
	char volume[2 * VOLUME_ID_LEN + 1] = "";

	if (m->has_volume)
		text_hex(m->volume_id, VOLUME_ID_LEN, volume);
	return !strcmp(g->what, "*") || (m->has_volume && !strcmp(g->what, volume)) ||
	       (m->category[0] && !strcmp(g->what, m->category));
}

static enum err put_who(struct officer *o, const struct roster_medium *m)
{
	char today[ROSTER_DAY];

	officer_today(today);
	for (size_t i = 0; i < o->roster->person_count; i++) {
		const struct roster_person *p = &o->roster->people[i];

		if (p->officer && !p->revoked.is)
			TRY(put(o->cli, _("may open it: officer"), p->name));
	}
	for (size_t i = 0; i < o->roster->grant_count; i++) {
		const struct roster_grant *g = &o->roster->grants[i];
		const struct roster_person *p = roster_person(o->roster, &g->recipient);
		CLEANUP(buf_clear) struct buf line = {0};

		if (!p || p->revoked.is || !reaches(g, m) ||
		    (g->until[0] && strcmp(g->until, today) < 0))
			continue;
		TRY(buf_printf(&line, g->until[0] ? _("%s, until %s") : "%s", p->name, g->until));
		TRY(put(o->cli, _("may open it"), line.data));
		TRY(out_json(o->cli, "may_open",
			     json_pack("{s:s,s:s,s:s,s:s}", "number", m->number, "name", p->name,
				       "for", g->what, "until", g->until)));
	}
	return OK;
}

static enum err run_show(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct roster_medium *m = NULL;

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	TRY(find_entry(&o, cli_argument(cli, 0), &m));
	TRY(put_entry(&o, m));
	TRY(put_who(&o, m));
	return out_json(cli, "result", entry_json(m));
}

const struct verb verb_media_show = {
	.name = "media show",
	.group = GROUP_OFFICER,
	.run = run_show,
	.words = "NUMBER",
	.summary = N_("all that the register says of a medium"),
	.about = N_("With the headings of the ledger of media, and who may open it. The number, "
		    "the label "
		    "and the serial number find it."),
	.examples = {{"media show U-012", N_("asks no passphrase")}},
	.min = 1,
	.max = 1,
};

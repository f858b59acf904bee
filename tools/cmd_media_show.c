/* vault media list, media show: looking at the media on the register. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "tools/output.h"
#include "tools/registering.h"
#include "tools/verbs.h"
#include "tools/width.h"

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

static enum err put_opened(struct officer *o, const struct roster_medium *m)
{
	const struct roster_host *h = m->opened ? roster_host(o->roster, m->opened_host) : NULL;
	CLEANUP(buf_clear) struct buf line = {0};
	char when[24];

	officer_time(m->opened, when);
	TRY(buf_puts(&line, when));
	if (m->opened)
		TRY(buf_printf(&line, " (%s)", h && h->name[0] ? h->name : m->opened_host));
	return put(o->cli, _("last opened"), line.data);
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
		: !m->separation_known ? _("not known")
		: m->separated	       ? _("present")
				       : _("absent")));
	return put_opened(o, m);
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

static bool holds(const struct roster_host *h, const struct roster_medium *m)
{
	for (size_t i = 0; m->has_volume && i < h->held_count; i++)
		if (!h->held[i].gone && !memcmp(h->held[i].volume_id, m->volume_id, VOLUME_ID_LEN))
			return true;
	return false;
}

/* The computers that said to have its device secret. */
static enum err put_holders(struct officer *o, const struct roster_medium *m, json_t *list)
{
	for (size_t i = 0; i < o->roster->host_count; i++) {
		const struct roster_host *h = &o->roster->hosts[i];

		if (!holds(h, m))
			continue;
		TRY(put(o->cli, _("device secret on"), h->name[0] ? h->name : h->id));
		if (json_array_append_new(list, json_string(h->id)) != 0)
			return ERR_NOMEM;
	}
	return OK;
}

static enum err show(struct officer *o, const struct roster_medium *m)
{
	json_t *result = entry_json(m), *holders = json_array();
	enum err err = ERR_NOMEM;

	if (result && json_object_set_new(result, "held_by", holders) == 0)
		err = put_entry(o, m);
	if (err == OK)
		err = put_holders(o, m, holders);
	if (err == OK)
		err = put_who(o, m);
	if (err != OK) {
		json_decref(result);
		return err;
	}
	return out_json(o->cli, "result", result);
}

static enum err run_show(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};
	const struct roster_medium *m = NULL;

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	TRY(registering_wanted(&o, cli_argument(cli, 0), &m));
	return show(&o, m);
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

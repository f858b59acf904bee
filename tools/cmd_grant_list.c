/* vault grant list: who may open what, until when. */
#include <string.h>

#include "base/text.h"
#include "tools/officer.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/width.h"

/* A volume by the number of its medium, anything else as it stands. */
static const char *for_words(const struct roster *r, const char *what)
{
	uint8_t volume[VOLUME_ID_LEN];
	const struct roster_medium *m = NULL;

	if (strlen(what) == 2 * VOLUME_ID_LEN && text_unhex(what, volume, VOLUME_ID_LEN) == OK)
		m = roster_medium(r, volume);
	return m ? m->number : what;
}

static enum err list_one(struct cli *cli, const struct roster *r, const struct roster_grant *g)
{
	const struct roster_person *p = roster_person(r, &g->recipient);
	CLEANUP(buf_clear) struct buf row = {0};
	char recipient[AGE_RECIPIENT_TEXT], today[ROSTER_DAY];
	bool over;

	officer_today(today);
	over = g->until[0] && strcmp(g->until, today) < 0;
	age_recipient_print(&g->recipient, recipient);
	TRY(width_pad(&row, p ? p->name : recipient, 20));
	TRY(buf_puts(&row, " "));
	TRY(width_pad(&row, for_words(r, g->what), 20));
	TRY(buf_printf(&row, " %-10s %s", g->until[0] ? g->until : "-",
		       p && p->revoked.is ? _("revoked")
		       : over		  ? _("expired")
					  : ""));
	out_line(cli, "%s", row.data);
	return out_json(cli, "grant",
			json_pack("{s:s*,s:s,s:s,s:s,s:s,s:b}", "name", p ? p->name : NULL,
				  "recipient", recipient, "for", g->what, "number",
				  for_words(r, g->what), "until", g->until, "in_force",
				  !over && !(p && p->revoked.is)));
}

static enum err run_list(struct cli *cli)
{
	CLEANUP(officer_clear) struct officer o = {0};

	TRY(officer_look(cli, &o));
	TRY(officer_need_society(&o));
	for (size_t i = 0; i < o.roster->grant_count; i++)
		TRY(list_one(cli, o.roster, &o.roster->grants[i]));
	return OK;
}

const struct verb verb_grant_list = {
	.name = "grant list",
	.group = GROUP_OFFICER,
	.run = run_list,
	.words = "",
	.summary = N_("who may open what, until when"),
	.about = N_("What it is for is the number of a medium, a category, or * for everything. "
		    "Officers "
		    "need no permission and are not in the list."),
	.examples = {{"grant list", N_("a line for each permission")}},
	.max = 0,
};

/* vault status: what is open on this computer. */
#include "base/text.h"
#include "tools/output.h"
#include "tools/sessions.h"
#include "tools/verbs.h"

static enum err show(struct cli *cli, const struct mount_session *m)
{
	char since[32];

	text_time(m->since, since);
	out_line(cli,
		 m->read_only ? _("%s: open at %s, read-only, by %s since %s")
			      : _("%s: open at %s, by %s since %s"),
		 m->label, m->mountpoint, m->actor, since);
	if (m->resealed >= 0)
		out_line(cli, _("%s: re-sealing under the new key, %d %% done"), m->label,
			 m->resealed);
	if (m->frozen != OK)
		out_line(cli,
			 _("    its medium failed (%s): nothing is saved any more; close it with \"%s "
			   "eject %s\""),
			 gettext(err_message(m->frozen)), VAULT_NAME, m->label);
	if (cli->verbose)
		out_line(cli, _("    medium %s, id %s, process %d"), m->medium, m->volume_id,
			 m->pid);
	return out_json(cli, "result",
			json_pack("{s:o,s:s,s:o,s:o,s:o,s:s,s:b,s:i,s:o*,s:o*}", "label",
				  out_json_text(m->label), "volume_id", m->volume_id, "mountpoint",
				  out_json_text(m->mountpoint), "medium", out_json_text(m->medium),
				  "actor", out_json_text(m->actor), "since", since, "read_only",
				  m->read_only, "pid", m->pid, "resealed",
				  m->resealed >= 0 ? json_integer(m->resealed) : NULL, "frozen",
				  m->frozen == OK ? NULL : json_string(err_name(m->frozen))));
}

static enum err run(struct cli *cli)
{
	CLEANUP(sessions_clear) struct sessions sessions = {0};

	TRY(sessions_read(cli, &sessions));
	for (size_t i = 0; i < sessions.count; i++)
		TRY(show(cli, &sessions.list[i]));
	if (sessions.count == 0)
		out_talk(cli, _("No vault is open."));
	return OK;
}

const struct verb verb_status = {
	.name = "status",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "",
	.summary = N_("what is open, by whom, since when"),
	.about = N_(
		"Also clears away what a crash left: a mount whose process died is taken down and "
		"recorded as an unclean end."),
	.examples = {{"status", N_("a line for each open vault")},
		     {"status --json", N_("the same for a program")}},
	.max = 0,
};

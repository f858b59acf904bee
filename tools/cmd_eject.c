/* vault eject: closes a vault so that its medium can be unplugged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/users.h"
#include "tools/output.h"
#include "tools/report.h"
#include "tools/sessions.h"
#include "tools/verbs.h"
#include "tools/visit.h"

#define USERS_MAX 10u /* more names help nobody */

/* ---- who still uses it ----------------------------------------------------------------------- */

struct users {
	struct cli *cli;
	const char *mountpoint;
	unsigned count;
};

static enum err tell_user(void *ctx, const char *program, pid_t pid, const char *path)
{
	struct users *u = ctx;
	size_t len = strlen(u->mountpoint);
	const char *inside = strncmp(path, u->mountpoint, len) == 0 ? path + len : path;

	if (pid == getpid() || u->count++ >= USERS_MAX)
		return OK;
	if (!*inside || !strcmp(inside, "/"))
		cli_hint(u->cli, _("%s (process %d) stands in it"), program, (int)pid);
	else
		cli_hint(u->cli, _("%s (process %d) uses %s"), program, (int)pid, inside + 1);
	return out_json(u->cli, "user",
			json_pack("{s:o,s:i,s:o}", "program", out_json_text(program), "pid",
				  (int)pid, "path", out_json_text(path)));
}

static enum err name_users(struct cli *cli, const struct mount_session *m)
{
	struct users u = {.cli = cli, .mountpoint = m->mountpoint};

	TRY(mount_users(m->mountpoint, tell_user, &u));
	if (u.count > USERS_MAX)
		cli_hint(cli, ngettext("and %u more", "and %u more", u.count - USERS_MAX),
			 u.count - USERS_MAX);
	return OK;
}

/* ---- closing --------------------------------------------------------------------------------- */

struct patience {
	struct cli *cli;
	const char *label;
	bool told;
};

static void tell_waiting(void *ctx)
{
	struct patience *p = ctx;

	if (!p->told)
		out_talk(p->cli, _("saving what is left to %s; do not unplug it yet"), p->label);
	p->told = true;
}

static enum err wait_and_close(struct cli *cli, const struct mount_session *m)
{
	struct patience patience = {.cli = cli, .label = m->label};
	bool told = false;

	for (;;) {
		enum err err = mount_eject(cli->home, m, cli_has(cli, OPT_FORCE), tell_waiting,
					   &patience);

		if (err != ERR_BUSY || !cli_has(cli, OPT_WAIT))
			return err;
		if (!told)
			out_talk(cli, _("%s is still in use; waiting"), m->label);
		told = true;
		sleep(1);
	}
}

/* The mount is gone even when its closing found that not everything could be saved. */
static enum err closed_with(struct cli *cli, const struct mount_session *m, enum err err)
{
	CLEANUP(sessions_clear) struct sessions now = {0};
	char detail[512];

	snprintf(detail, sizeof(detail), "%s", err_detail());
	if (sessions_read(cli, &now) == OK && !sessions_of_medium(&now, m->medium))
		cli_hint(cli, _("%s is closed; what was changed since the error is not on its medium"),
			 m->label);
	return err_at(err, "%s", detail);
}

static enum err close_one(struct cli *cli, const struct mount_session *m)
{
	enum err err;

	TRY(cli_check_confirm(cli, m->label));
	err = wait_and_close(cli, m);
	if (err == ERR_BUSY) {
		TRY(name_users(cli, m));
		cli_hint(cli,
			 _("\"%s eject %s --wait\" waits for them; --force closes all the same"),
			 VAULT_NAME, m->label);
		return err_at(ERR_BUSY, "%s", m->label);
	}
	if (err != OK && err != ERR_REMOVED)
		return closed_with(cli, m, err);
	TRY(err);
	out_say(cli, _("%s is closed. Its medium can be unplugged."), m->label);
	return out_json(cli, "result",
			json_pack("{s:o,s:s,s:o}", "label", out_json_text(m->label), "volume_id",
				  m->volume_id, "mountpoint", out_json_text(m->mountpoint)));
}

static enum err close_all(struct cli *cli, const struct sessions *sessions)
{
	enum err worst = OK;

	for (size_t i = 0; i < sessions->count; i++) {
		enum err err = close_one(cli, &sessions->list[i]);

		if (err != OK)
			report_part(cli, err);
		worst = worse(worst, err);
	}
	if (sessions->count == 0)
		out_say(cli, _("No vault is open."));
	return worst == OK ? OK : err_at(worst, "%s", _("not everything could be closed"));
}

/* ---- which ----------------------------------------------------------------------------------- */

static enum err close_only(struct cli *cli, const struct sessions *sessions)
{
	CLEANUP(buf_clear) struct buf labels = {0};

	if (sessions->count == 0)
		return close_all(cli, sessions);
	if (sessions->count == 1)
		return close_one(cli, &sessions->list[0]);
	for (size_t i = 0; i < sessions->count; i++)
		TRY(buf_printf(&labels, "%s%s", i ? ", " : "", sessions->list[i].label));
	cli_hint(cli, _("open now: %s"), labels.data);
	return cli_usage("%s", _("several vaults are open; say which one, or --all"));
}

static enum err close_named(struct cli *cli, const struct sessions *sessions, const char *name)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	const struct mount_session *m = sessions_find(cli, sessions, name);

	if (m)
		return close_one(cli, m);
	TRY(medium_find(cli, name, &medium));
	out_say(cli, _("%s is not open here."), medium.label);
	return out_json(cli, "result",
			json_pack("{s:o,s:b}", "label", out_json_text(medium.label),
				  "already_closed", true));
}

static enum err run(struct cli *cli)
{
	CLEANUP(sessions_clear) struct sessions sessions = {0};
	const char *name = cli_argument(cli, 0);

	if (name && cli_has(cli, OPT_ALL))
		return cli_usage("%s", _("--all stands alone"));
	TRY(sessions_read(cli, &sessions));
	if (cli_has(cli, OPT_ALL))
		return close_all(cli, &sessions);
	return name ? close_named(cli, &sessions, name) : close_only(cli, &sessions);
}

const struct verb verb_eject = {
	.name = "eject",
	.alias = "umount",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "[MEDIUM|MOUNTPOINT|--all]",
	.summary = N_("close a vault; then its medium can be unplugged"),
	.about =
		N_("Returns when everything is on the medium, the folder is gone and the record is "
		   "written. If programs still use it, they are named and it stays open."),
	.examples = {{"eject", N_("the only one that is open")},
		     {"eject OSAKA-03 --wait", N_("as soon as no program uses it any more")},
		     {"eject --all --force", N_("everything, now")}},
	.options = OPT_BIT(OPT_ALL) | OPT_BIT(OPT_WAIT) | OPT_BIT(OPT_FORCE),
	.max = 1,
};

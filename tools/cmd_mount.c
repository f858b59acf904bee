/* vault mount: opens a vault as a folder. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "tools/idle.h"
#include "tools/output.h"
#include "tools/sessions.h"
#include "tools/verbs.h"
#include "tools/visit.h"

/* ---- where ----------------------------------------------------------------------------------- */

static enum err default_mountpoint(const struct medium *medium, char **ret)
{
	const char *home = getenv("HOME");
	const struct passwd *user = getpwuid(getuid());
	char label[VAULT_LABEL_MAX + 1];

	if (!home || home[0] != '/')
		home = user ? user->pw_dir : NULL;
	if (!home)
		return err_at(ERR_MOUNTPOINT, "%s",
			      _("there is no home folder; name a mount point"));
	snprintf(label, sizeof(label), "%s", medium->label);
	for (char *c = label; *c; c++) {
		if (*c == '/' || (c == label && *c == '.'))
			*c = '_';
	}
	if (asprintf(ret, "%s/Vault/%s", home, label) < 0) {
		*ret = NULL;
		return ERR_NOMEM;
	}
	return OK;
}

static enum err choose_mountpoint(struct cli *cli, const struct medium *medium, char **ret)
{
	const char *word = cli_argument(cli, 1);
	char here[4096];

	if (!word)
		return default_mountpoint(medium, ret);
	if (word[0] == '/')
		*ret = strdup(word);
	else if (!getcwd(here, sizeof(here)))
		return err_from_errno("%s", word);
	else if (asprintf(ret, "%s/%s", here, word) < 0)
		*ret = NULL;
	return *ret ? OK : ERR_NOMEM;
}

/* ---- telling --------------------------------------------------------------------------------- */

static enum err tell_json(struct cli *cli, const char *label, const char *volume_id,
			  const char *mountpoint, bool read_only, bool already)
{
	return out_json(cli, "result",
			json_pack("{s:o,s:s,s:o,s:b,s:b}", "label", out_json_text(label),
				  "volume_id", volume_id, "mountpoint", out_json_text(mountpoint),
				  "read_only", read_only, "already_open", already));
}

static enum err tell_open(struct cli *cli, const struct vault_facts *facts,
			  const struct mount_request *req)
{
	char volume_id[2 * STORE_ID_LEN + 1], free_space[32] = "?";
	struct statvfs vfs;

	text_hex(facts->volume_id, STORE_ID_LEN, volume_id);
	if (statvfs(req->mountpoint, &vfs) == 0)
		out_size((uint64_t)vfs.f_bavail * vfs.f_frsize, free_space);
	if (facts->read_only)
		out_say(cli, _("%s is open at %s, read-only."), facts->label, req->mountpoint);
	else
		out_say(cli, _("%s is open at %s; %s are free."), facts->label, req->mountpoint,
			free_space);
	if (req->idle_seconds >= 60)
		out_talk(cli,
			 ngettext("It closes itself after %u minute without use.",
				  "It closes itself after %u minutes without use.",
				  req->idle_seconds / 60),
			 req->idle_seconds / 60);
	out_talk(cli, _("Before you unplug it: %s eject %s"), VAULT_NAME, facts->label);
	return tell_json(cli, facts->label, volume_id, req->mountpoint, facts->read_only, false);
}

/* Not asked for, and not because of damage: the files of another user can be read, but no more. */
static void tell_why_read_only(struct cli *cli, const struct vault_facts *facts)
{
	CLEANUP(mem_freep) char *head = io_path_join(facts->path, "HEAD0.BIN");

	if (!facts->read_only || cli_has(cli, OPT_READ_ONLY) || !head || access(head, W_OK) == 0)
		return;
	if (errno == EACCES)
		out_talk(cli,
			 _("Its files belong to another user; to write, too: sudo chmod -R a+rwX '%s'"),
			 facts->path);
	else if (errno == EROFS)
		out_talk(cli, _("The medium is write-protected."));
}

/* ---- doing ----------------------------------------------------------------------------------- */

/* Open already: fine, unless it was wanted somewhere else. */
static enum err already_open(struct cli *cli, const struct mount_session *m)
{
	const char *word = cli_argument(cli, 1);

	if (word && !sessions_is_at(m, word)) {
		cli_hint(cli, _("it is open at %s: use it there, or close it with \"%s eject %s\""),
			 m->mountpoint, VAULT_NAME, m->label);
		return err_at(ERR_VAULT_BUSY, "%s", m->label);
	}
	out_say(cli, _("%s is open already, at %s."), m->label, m->mountpoint);
	return tell_json(cli, m->label, m->volume_id, m->mountpoint, m->read_only, true);
}

static enum err start(struct cli *cli, const struct medium *medium, const struct mount_request *req,
		      struct vault_facts *facts)
{
	struct mount_starter *starter = NULL;
	enum err err;

	TRY(mount_start(req, &starter));
	err = cli_unlock(cli, medium);
	if (err != OK) {
		char detail[512];

		snprintf(detail, sizeof(detail), "%s", err_detail());
		mount_cancel(starter);
		return err_at(err, "%s", detail);
	}
	if (req->foreground)
		out_talk(cli, _("Opening %s at %s until it is ejected or Ctrl-C is pressed."),
			 medium->label, req->mountpoint);
	err = mount_finish(starter, cli->identity, facts);
	if (err == ERR_VAULT_BUSY || err == ERR_BUSY)
		sessions_hint_busy(cli, medium->path);
	return err;
}

static enum err mount_it(struct cli *cli, const struct medium *medium)
{
	CLEANUP(mem_freep) char *mountpoint = NULL;
	const struct staff_key_info *staff = NULL;
	struct vault_facts facts = {0};
	struct mount_request req = {
		.medium_path = medium->path,
		.read_only = cli_has(cli, OPT_READ_ONLY),
		.foreground = cli_has(cli, OPT_FOREGROUND),
		.purpose = cli_value(cli, OPT_PURPOSE),
	};

	TRY(idle_choose(cli, cli_value(cli, OPT_IDLE), &req.idle_seconds));
	TRY(choose_mountpoint(cli, medium, &mountpoint));
	TRY(cli_staff(cli, &staff));
	req.mountpoint = mountpoint;
	req.home = cli->home;
	req.staff_name = staff->name;
	TRY(start(cli, medium, &req, &facts));
	visit_tell_facts(cli, &facts);
	tell_why_read_only(cli, &facts);
	return req.foreground ? OK : tell_open(cli, &facts, &req);
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	CLEANUP(sessions_clear) struct sessions sessions = {0};
	const struct mount_session *m;

	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(cli_check_confirm(cli, medium.label));
	TRY(sessions_read(cli, &sessions));
	m = sessions_of_medium(&sessions, medium.path);
	return m ? already_open(cli, m) : mount_it(cli, &medium);
}

const struct verb verb_mount = {
	.name = "mount",
	.alias = "open",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "[MEDIUM [MOUNTPOINT]]",
	.summary = N_("open a vault as a folder"),
	.about = N_("MEDIUM is a .VLT folder, a folder that holds one, or the label of one that is "
		    "plugged in. Without a mount point it opens as ~/Vault/LABEL."),
	.examples = {{"mount", N_("the only one that is plugged in")},
		     {"mount OSAKA-03", N_("by its label; opens as ~/Vault/OSAKA-03")},
		     {"mount /media/hanako/USB ~/work", N_("at a folder of my choice")},
		     {"mount OSAKA-03 --idle 2h", N_("closes itself after two unused hours")}},
	.options = OPT_BIT(OPT_READ_ONLY) | OPT_BIT(OPT_IDLE) | OPT_BIT(OPT_FOREGROUND) |
		   OPT_BIT(OPT_PURPOSE) | OPT_BIT(OPT_KEY),
	.max = 2,
	.public_words = true,
};

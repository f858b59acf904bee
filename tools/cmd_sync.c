/* vault sync: exchanging the register through a folder. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "access/sync.h"
#include "base/text.h"
#include "tools/output.h"
#include "tools/prompt.h"
#include "tools/tty.h"
#include "tools/verbs.h"

struct joining {
	struct cli *cli;
	const char *dir, *accept; /* words that were compared; NULL: none */
	struct sync_society found;
	size_t count, accepted;
};

static bool same_words(const char *typed, const char *words)
{
	for (; *typed && *words; typed++, words++)
		if (tolower((unsigned char)*typed) != *words &&
		    !(*words == '-' && (*typed == ' ' || *typed == '-')))
			return false;
	return !*typed && !*words;
}

static enum err look(void *ctx, const struct sync_society *s)
{
	struct joining *j = ctx;

	j->count++;
	if (!j->accept) {
		cli_hint(
			j->cli,
			_("\"%s\" has these words. Compare them with the officer by telephone: %s"),
			s->name, s->words);
		cli_hint(j->cli, _("if they are the same: %s sync \"%s\" --accept %s"), VAULT_NAME,
			 j->dir, s->words);
		return OK;
	}
	if (!same_words(j->accept, s->words))
		return OK;
	j->accepted++;
	j->found = *s;
	return OK;
}

/* At a terminal: whoever types the words heard them from the officer, and has not read them here.
 */
static enum err ask_words(struct cli *cli, struct joining *j, struct secret **ret)
{
	CLEANUP(secret_freep) struct secret *typed = NULL;
	struct prompt_notes notes;

	if (j->accept || prompt_source(cli) != PROMPT_TERMINAL)
		return OK;
	TRY(tty_ask_shown(
		_("Ask the officer by telephone for the six words of the register, and type "
		  "them here: "),
		&typed));
	TRY(prompt_fold(typed, ret, &notes));
	return OK;
}

/* The first time: whose register this is has to be compared by another route. */
static enum err join(struct cli *cli, struct home *home, const char *dir)
{
	struct joining j = {cli, dir, cli_value(cli, OPT_ACCEPT_SOCIETY), {.name = ""}, 0, 0};
	CLEANUP(secret_freep) struct secret *words = NULL;
	struct org_register *own = NULL;
	char typed[128];
	bool empty;

	TRY(register_open(home, &own));
	empty = register_is_empty(own);
	register_free(own);
	if (!empty)
		return OK;
	TRY(sync_societies(dir, look, &j));
	if (j.count == 0)
		return err_at(ERR_NOT_FOUND, _("%s: no register there"), dir);
	TRY(ask_words(cli, &j, &words));
	if (words) {
		snprintf(typed, sizeof(typed), "%.*s",
			 (int)MIN(secret_len(words), sizeof(typed) - 1),
			 (const char *)secret_data(words));
		j.accept = typed;
		TRY(sync_societies(dir, look, &j));
	}
	if (!j.accept)
		return err_at(ERR_SENDER, "%s", _("this computer does not know the society yet"));
	if (j.accepted != 1)
		return err_at(ERR_SENDER, _("no register there has the words \"%s\""), j.accept);
	TRY(sync_join(home, dir, j.found.org));
	out_say(cli, _("This computer follows the register of %s now."), j.found.name);
	return OK;
}

/* ---- what came of it ------------------------------------------------------------------------- */

static const char *finding(enum err what)
{
	switch (what) {
	case ERR_LOG_TAMPERED:
		return "tampered";
	case ERR_LOG_GAP:
		return "gap";
	case ERR_FORK:
		return "fork";
	default:
		return "unusable";
	}
}

/* A gap in a file is its missing end; one in a chain, what came before. */
static const char *words_of(const struct sync_fault *f)
{
	bool is_file = strchr(f->name, '.') != NULL;

	switch (f->what) {
	case ERR_LOG_TAMPERED:
		return _("was changed, or is not genuine; it was not taken");
	case ERR_LOG_GAP:
		return is_file ? _("is cut short; it was not taken")
			       : _("what it follows from is missing");
	case ERR_FORK:
		return _("another statement has the same number");
	default:
		return gettext(err_message(f->what));
	}
}

static enum err tell_faults(struct cli *cli, const struct sync_result *r)
{
	for (size_t i = 0; i < r->fault_count; i++) {
		const struct sync_fault *f = &r->faults[i];

		if (f->by[0])
			out_line(cli, _("finding: %s, by %s: %s"), f->name, f->by, words_of(f));
		else
			out_line(cli, _("finding: %s: %s"), f->name, words_of(f));
		TRY(out_json(cli, "finding",
			     json_pack("{s:s,s:o,s:s,s:s,s:i}", "finding", finding(f->what), "name",
				       out_json_text(f->name), "by", f->by, "code",
				       err_name(f->what), "exit", err_exit_code(f->what))));
	}
	return OK;
}

static void tell_people(struct cli *cli, const struct sync_result *r)
{
	out_say(cli, _("Register exchanged: %zu statements came, %zu went."), r->came, r->went);
	if (r->witnessed)
		out_say(cli,
			ngettext(
				"The log of %zu other computer goes on from what was seen of it.",
				"The logs of %zu other computers go on from what was seen of them.",
				r->witnessed),
			r->witnessed);
	if (r->destroyed.count)
		out_say(cli,
			_("Destroyed here for good, as the register asks: the device secrets of "
			  "%s."),
			r->destroyed.numbers);
	if (r->log_stays)
		out_talk(cli, "%s", _("The folder did not take the log of this computer."));
	if (r->fresh)
		out_talk(cli, "%s",
			 _("The folder had nothing of this register before. If that is not so, "
			   "check that the "
			   "share is connected."));
	if (r->unregistered)
		out_talk(cli,
			 _("This computer is not on the register yet: tell the officer what \"%s "
			   "host "
			   "show\" says."),
			 VAULT_NAME);
}

static enum err tell(struct cli *cli, const struct sync_result *r)
{
	tell_people(cli, r);
	TRY(tell_faults(cli, r));
	return out_json(cli, "result",
			json_pack("{s:I,s:I,s:I,s:I,s:I,s:b,s:b,s:b,s:I,s:s,s:I}", "came",
				  (json_int_t)r->came, "went", (json_int_t)r->went, "sealed_came",
				  (json_int_t)r->sealed_came, "sealed_went",
				  (json_int_t)r->sealed_went, "witnessed", (json_int_t)r->witnessed,
				  "reported", (int)r->reported, "registered", (int)!r->unregistered,
				  "fresh", (int)r->fresh, "destroyed",
				  (json_int_t)r->destroyed.count, "destroyed_media",
				  r->destroyed.numbers, "faults", (json_int_t)r->fault_count));
}

/* Whoever's key is here; syncing asks for nobody's. */
static const char *actor_of(struct cli *cli)
{
	const struct staff_key_info *staff = NULL;

	if (cli_staff(cli, &staff) == OK)
		return cli->actor;
	err_clear();
	return NULL;
}

static void advise(struct cli *cli, enum err err)
{
	if (err == ERR_LOG_TAMPERED || err == ERR_LOG_GAP)
		cli_hint(cli, "%s",
			 _("everything else was exchanged. Let a computer that has the whole "
			   "register sync with "
			   "this folder; a file that nobody can put right may be deleted there"));
	if (err == ERR_FORK)
		cli_hint(cli, "%s",
			 _("everything else was exchanged. Somebody's key was used in two places, "
			   "or a backup was "
			   "put back: \"org show\" tells whose"));
	if (err == ERR_PERM || err == ERR_NO_SPACE)
		cli_hint(cli, "%s",
			 _("what the folder has was fetched; what this computer has to say did not "
			   "get there"));
}

static enum err sync_now(struct cli *cli, struct home *home, const char *dir)
{
	struct sync_ask ask = {.home = home, .dir = dir, .actor = actor_of(cli)};
	struct sync_result r = {.came = 0};
	char detail[512];
	enum err err, told = OK;

	TRY(cli_recorder(cli, &ask.recorder));
	err = vault_sync(&ask, &r);
	text_copy(detail, sizeof(detail), err_detail());
	if (err == OK || r.fault_count > 0 || r.destroyed.count > 0)
		told = tell(cli, &r);
	if (r.fault_count > 0)
		advise(cli, err);
	sync_result_clear(&r);
	return err != OK ? err_at(err, "%s", detail) : told;
}

static enum err run(struct cli *cli)
{
	const char *dir = cli_argument(cli, 0);
	struct home *home = NULL;

	TRY(cli_home(cli, &home));
	TRY(home_prepare(home));
	TRY(join(cli, home, dir));
	return sync_now(cli, home, dir);
}

const struct verb verb_sync = {
	.name = "sync",
	.group = GROUP_OFFICER,
	.run = run,
	.words = "DIR",
	.summary = N_("exchange the register through a folder"),
	.about = N_(
		"DIR is any folder that the society's computers reach: a share, a git tree, a "
		"stick. Both sides have everything afterwards, in whichever order computers come. "
		"What was revoked is destroyed on the way. Asks for no passphrase. The first time, "
		"the society's words are compared with the officer."),
	.examples = {{"sync /mnt/share", N_("every day")},
		     {"sync /mnt/share --accept WORDS", N_("the first time, after the call")}},
	.options = OPT_BIT(OPT_ACCEPT_SOCIETY),
	.min = 1,
	.max = 1,
};

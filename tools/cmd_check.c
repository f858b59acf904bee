/* vault check: verifies every block of a vault. */
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/report.h"
#include "tools/verbs.h"
#include "tools/visit.h"

struct checking {
	struct cli *cli;
	struct progress progress;
	uint64_t hurt;
	enum err worst, output;
};

static void tell_hurt(void *ctx, const char *path, enum err what, const char *why)
{
	struct checking *c = ctx;
	enum err out;

	progress_pause(&c->progress);
	c->hurt++;
	c->worst = worse(c->worst, what);
	out_line(c->cli, _("%s: %s (%s) [VLT-%03d]"), path, gettext(err_message(what)), why,
		 (int)what);
	out = out_json(c->cli, "damage",
		       json_pack("{s:o,s:s,s:i,s:s}", "path", out_json_text(path), "name",
				 err_name(what), "number", (int)what, "why", why));
	if (out != OK)
		c->output = out;
}

static void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct checking *c = ctx;

	c->progress.total = total;
	progress_set(&c->progress, done);
}

static enum err tell(struct checking *c, const struct visit *v,
		     const struct volume_check_result *found)
{
	const char *label = v->facts.label;

	if (c->hurt || found->problems)
		out_say(c->cli,
			ngettext("%s: %llu thing is damaged.", "%s: %llu things are damaged.",
				 c->hurt ? c->hurt : found->problems),
			label, (unsigned long long)(c->hurt ? c->hurt : found->problems));
	else
		out_say(c->cli,
			ngettext("%s is whole: %llu file, every block verified.",
				 "%s is whole: %llu files, every block verified.", found->files),
			label, (unsigned long long)found->files);
	return out_json(c->cli, "result",
			json_pack("{s:o,s:s,s:I,s:I}", "label", out_json_text(label), "volume_id",
				  v->volume_id, "files", (json_int_t)found->files, "problems",
				  (json_int_t)(c->hurt ? c->hurt : found->problems)));
}

/* What opening got over: the vault works, but something of it is gone. */
static void check_opening(struct checking *c, const struct vault_facts *facts)
{
	if (facts->store.steps_back > 0)
		tell_hurt(c, "/", ERR_NO_STATE, "the newest state is not whole; this is an older one");
	if (facts->keys_differ)
		tell_hurt(c, "KEY?.AGE", ERR_DAMAGED, "only one of the two KEY files is in force");
}

static enum err check(struct checking *c, struct visit *v)
{
	struct volume_check_result found = {0};
	enum err err, told, recorded;

	check_opening(c, &v->facts);
	err = volume_check(vault_volume(v->vault), tell_hurt, tell_progress, c, &found);
	progress_end(&c->progress);
	if (err == OK && (c->hurt || found.problems || v->facts.store.damaged))
		err = err_at(err_exit_code(c->worst) == 20 ? c->worst : ERR_DAMAGED, "%s",
			     v->facts.label);
	told = tell(c, v, &found);
	recorded = visit_record(v, AUDIT_CHECK, err, found.files, 0);
	if (err != OK)
		return worse(err, recorded);
	return recorded != OK ? recorded : worse(told, c->output);
}

static enum err run(struct cli *cli)
{
	struct checking c = {.cli = cli};
	struct visit v;

	TRY(visit_begin(cli, cli_argument(cli, 0), true, &v));
	progress_begin(&c.progress, cli, _("checking"), 0);
	return visit_end(&v, check(&c, &v));
}

const struct verb verb_check = {
	.name = "check",
	.group = GROUP_LOOK,
	.run = run,
	.words = "[MEDIUM]",
	.summary = N_("verify every block of a vault"),
	.about = N_(
		"Reads everything and changes nothing. What is damaged is named by its path; the "
		"exit code is 20 then. The vault must not be mounted at that time."),
	.examples = {{"check OSAKA-03", N_("is everything whole?")},
		     {"check OSAKA-03 --json", N_("the same for a program")}},
	.options = OPT_BIT(OPT_KEY),
	.max = 1,
};

/* vault salvage: what can still be authenticated of a damaged vault. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/salvage.h"
#include "base/text.h"
#include "tools/interrupt.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/salvage_dir.h"
#include "tools/sessions.h"
#include "tools/verbs.h"
#include "tools/visit.h"

struct salvaging {
	struct salvage_dir dir; /* first: it is the sink's context, too */
	struct cli *cli;
	struct progress progress;
	enum err output; /* the first thing that could not be told */
	uint64_t missing;
};

/* ---- telling -----------------------------------------------------------------------------------
 */

static void keep_output(struct salvaging *s, enum err err)
{
	if (s->output == OK)
		s->output = err;
}

/* A name may hold anything, also a line end; in the report a line is a line. */
static void tell(struct salvaging *s, char *text)
{
	out_line(s->cli, "%s", text);
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = '?';
	out_clean(text);
	keep_output(s, salvage_dir_report(&s->dir, text));
}

static void tell_missing(void *ctx, const char *file)
{
	struct salvaging *s = ctx;
	CLEANUP(buf_clear) struct buf line = {0};

	s->missing++;
	keep_output(s, buf_printf(&line, _("%s is missing on the medium, or cut short"), file));
	if (line.data)
		tell(s, line.data);
	keep_output(s, out_json(s->cli, "missing", json_pack("{s:s}", "file", file)));
}

static const struct {
	const char *name; /* in JSON */
	const char *text; /* N_(); %s: the path */
} flaws[FLAW_KINDS] = {
	[FLAW_LOST] = {"lost", N_("%s: lost; only its name is known")},
	[FLAW_DAMAGED] = {"damaged", NULL},
	[FLAW_PROPERTIES] = {"properties",
			     N_("%s: its permissions, times and true length are lost")},
	[FLAW_OLDER] = {"older", N_("%s: an older state of it; the last one is lost")},
	[FLAW_UNPROVEN] = {"unproven", N_("%s: whole, but it may be an older state of it")},
	[FLAW_NAME_LOST] = {"name_lost", N_("%s: its name or its folder is lost")},
	[FLAW_NAME_UNPROVEN] = {"name_unproven",
				N_("%s: it may have had another name or place last")},
	[FLAW_OTHER_NAME] = {"other_name", N_("%s: it had one more name, which is lost")},
	[FLAW_NAMES] = {"names", N_("%s: names in this folder may be lost")},
	[FLAW_ATTRIBUTES] = {"attributes",
			     N_("%s: extended attributes of it may be lost or older")},
	[FLAW_RENAMED] = {"renamed", NULL},
	[FLAW_NOT_WRITTEN] = {"not_written", NULL},
};

static enum err flaw_text(const struct salvage_flaw *flaw, const char *path, struct buf *line)
{
	const char *why = gettext(err_message(flaw->why));

	switch (flaw->kind) {
	case FLAW_DAMAGED:
		return buf_printf(line, _("%s: bytes %llu to %llu are lost; zeroes stand there"),
				  path, (unsigned long long)flaw->from,
				  (unsigned long long)flaw->to - 1);
	case FLAW_RENAMED:
		return buf_printf(line, _("%s: its own name is not possible there (%s)"), path,
				  why);
	case FLAW_NOT_WRITTEN:
		return buf_printf(line, _("%s: it was read, but could not be written (%s)"), path,
				  why);
	default:
		return buf_printf(line, gettext(flaws[flaw->kind].text), path);
	}
}

static json_t *flaw_json(const struct salvage_flaw *flaw, const char *path)
{
	json_t *text = out_json_text(path);
	const char *kind = flaws[flaw->kind].name;

	if (flaw->kind == FLAW_DAMAGED)
		return json_pack("{s:o,s:s,s:I,s:I}", "path", text, "kind", kind, "from",
				 (json_int_t)flaw->from, "to", (json_int_t)flaw->to);
	if (flaw->why != OK)
		return json_pack("{s:o,s:s,s:s}", "path", text, "kind", kind, "why",
				 err_name(flaw->why));
	return json_pack("{s:o,s:s}", "path", text, "kind", kind);
}

static enum err tell_flaw(void *ctx, const struct salvage_flaw *flaw)
{
	struct salvaging *s = ctx;
	CLEANUP(buf_clear) struct buf line = {0};
	const char *path = *flaw->path ? flaw->path : "/";

	progress_pause(&s->progress);
	TRY(flaw_text(flaw, path, &line));
	tell(s, line.data);
	keep_output(s, out_json(s->cli, "flaw", flaw_json(flaw, path)));
	return interrupt_seen() ? ERR_INTERRUPTED : OK;
}

static void tell_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct salvaging *s = ctx;

	s->progress.total = total;
	progress_set(&s->progress, done);
}

static void tell_found(void *ctx, const struct salvage_facts *found)
{
	struct salvaging *s = ctx;
	char when[32];

	progress_end(&s->progress);
	if (found->has_state) {
		text_time(found->time, when);
		out_talk(s->cli, _("the newest state that can be read is of %s"), when);
	} else {
		out_warn(s->cli, "%s",
			 _("the newest superblock cannot be read: the newest state was looked for "
			   "on the "
			   "medium"));
	}
	if (found->root_lost)
		out_warn(s->cli, "%s",
			 _("the root of that state is lost: what comes out was looked for piece by "
			   "piece, and any of it may be older"));
	progress_begin(&s->progress, s->cli, _("writing"), 0);
}

/* ---- doing -------------------------------------------------------------------------------------
 */

static void tell_end(struct salvaging *s, const struct vault_salvaged *done, enum err err)
{
	const struct salvage_result *r = &done->result;
	CLEANUP(buf_clear) struct buf line = {0};
	char size[32];

	if (done->older_than_seen)
		out_warn(s->cli, _("%s: this computer has seen a newer state of it"), done->label);
	out_size(r->bytes, size);
	if (err == OK)
		keep_output(s, buf_printf(&line,
					  ngettext("%s: everything came out whole: %llu file, %s.",
						   "%s: everything came out whole: %llu files, %s.",
						   r->files),
					  done->label, (unsigned long long)r->files, size));
	else
		keep_output(
			s,
			buf_printf(
				&line,
				ngettext(
					"%s: %llu file came out, %s; not whole: %llu; lost: %llu.",
					"%s: %llu files came out, %s; not whole: %llu; lost: %llu.",
					r->files),
				done->label, (unsigned long long)r->files, size,
				(unsigned long long)r->not_whole, (unsigned long long)r->lost));
	if (line.data) {
		out_say(s->cli, "%s", line.data);
		keep_output(s, salvage_dir_report(&s->dir, line.data));
	}
	out_talk(s->cli, _("the files are in \"%s\", the list of what is not as it was in \"%s\""),
		 s->dir.path, s->dir.report);
}

static enum err tell_result(struct salvaging *s, const struct vault_salvaged *done)
{
	const struct salvage_result *r = &done->result;

	return out_json(s->cli, "result",
			json_pack("{s:o,s:s,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "label",
				  out_json_text(done->label), "volume_id", done->volume_id, "path",
				  out_json_text(s->dir.path), "report",
				  out_json_text(s->dir.report), "files", (json_int_t)r->files,
				  "folders", (json_int_t)r->folders, "bytes", (json_int_t)r->bytes,
				  "not_whole", (json_int_t)r->not_whole, "lost",
				  (json_int_t)r->lost, "flaws", (json_int_t)r->flaws));
}

static enum err salvage(struct salvaging *s, const struct medium *medium,
			const struct vault_actor *actor)
{
	struct salvage_sink sink;
	const struct vault_salvage how = {.sink = &sink,
					  .searching = tell_progress,
					  .missing = tell_missing,
					  .found = tell_found,
					  .ctx = s};
	struct vault_salvaged done;
	enum err err, synced;

	salvage_dir_sink(&sink);
	sink.flaw = tell_flaw;
	sink.progress = tell_progress;
	sink.ctx = s;
	progress_begin(&s->progress, s->cli, _("searching"), 0);
	err = vault_salvage(actor, medium->path, cli_value(s->cli, OPT_PURPOSE), &how, &done);
	progress_end(&s->progress);
	if (err == ERR_VAULT_BUSY) {
		sessions_hint_busy(s->cli, medium->path);
		return err_at(err, "%s", medium->label);
	}
	if (err != OK && err != ERR_SALVAGE_LOSS)
		return err;
	tell_end(s, &done, err);
	synced = salvage_dir_sync(&s->dir);
	keep_output(s, tell_result(s, &done));
	if (synced != OK)
		return synced;
	return err == OK ? s->output : err_at(err, "%s", done.label);
}

static enum err open_dir(struct cli *cli, const struct medium *medium, struct salvage_dir *ret)
{
	enum err err = salvage_dir_open(cli_value(cli, OPT_OUTPUT), medium->path, ret);

	if (err == ERR_NOT_EMPTY || err == ERR_EXISTS)
		cli_hint(cli, "%s", _("name a folder that is not there yet, or an empty one"));
	if (err == ERR_INVALID)
		cli_hint(cli, "%s", _("name a folder that is not on the medium"));
	return err;
}

/* Keeps the detail of the error at hand. */
static void undo(struct salvaging *s, enum err err)
{
	char detail[512];

	text_copy(detail, sizeof(detail), err_detail());
	salvage_dir_undo(&s->dir);
	(void)!err_at(err, "%s", detail);
}

static enum err run(struct cli *cli)
{
	CLEANUP(medium_clear) struct medium medium = {0};
	struct salvaging s = {.cli = cli};
	struct vault_actor actor;
	enum err err;

	if (!cli_value(cli, OPT_OUTPUT))
		return cli_usage("%s", _("say where the files go: -o DIR"));
	TRY(medium_find(cli, cli_argument(cli, 0), &medium));
	TRY(cli_check_confirm(cli, medium.label));
	TRY(cli_actor(cli, &medium, &actor));
	TRY(open_dir(cli, &medium, &s.dir));
	interrupt_watch();
	err = salvage(&s, &medium, &actor);
	if (err != OK && err != ERR_SALVAGE_LOSS)
		undo(&s, err);
	salvage_dir_clear(&s.dir);
	return err;
}

const struct verb verb_salvage = {
	.name = "salvage",
	.group = GROUP_LOOK,
	.run = run,
	.words = "[MEDIUM] -o DIR",
	.summary = N_("save what is left of a damaged vault"),
	.about = N_(
		"For a vault that does not open any more, or of which parts are gone. Only reads "
		"the "
		"medium. Everything that still bears its seal is put into DIR; under its own name "
		"a file stands only if nothing of it is missing. A name that ends in \".damaged\" "
		"has zeroes where a part is lost, \".older\" is a state before the last one, and "
		"\"lost+found\" holds what lost its name. What is lost or not sure is listed, also "
		"in DIR.salvage.txt; the exit code is 20 then."),
	.examples = {{"salvage OSAKA-03 -o saved", N_("into the folder \"saved\", which it makes")},
		     {"salvage ./OSAKA-03.VLT -o saved", N_("from a copy of a medium that fails")}},
	.options = OPT_BIT(OPT_OUTPUT) | OPT_BIT(OPT_PURPOSE) | OPT_BIT(OPT_KEY),
	.max = 1,
};

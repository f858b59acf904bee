/* vault cp: copies into a vault or out of one, without mounting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "tools/copy.h"
#include "tools/inside.h"
#include "tools/interrupt.h"
#include "tools/medium.h"
#include "tools/output.h"
#include "tools/verbs.h"
#include "tools/visit.h"

struct word {
	bool inside;
	char *medium, *path; /* owned; medium NULL: this computer */
};

struct job {
	struct word *from; /* owned array */
	size_t from_count;
	struct word to;
	bool into_vault;
	const char *medium; /* borrowed from a word */
};

static void word_clear(struct word *w)
{
	free(w->medium);
	free(w->path);
}

static void job_clear(struct job *j)
{
	for (size_t i = 0; i < j->from_count; i++)
		word_clear(&j->from[i]);
	free(j->from);
	word_clear(&j->to);
}

/* ---- understanding the words ------------------------------------------------------------------
 */

static enum err parse_word(const char *text, struct word *w)
{
	TRY(medium_split(text, &w->inside, &w->medium, &w->path));
	if (w->inside)
		return OK;
	w->path = strdup(text);
	return w->path ? OK : ERR_NOMEM;
}

static enum err check_sides(struct job *j)
{
	j->into_vault = j->to.inside;
	j->medium = j->into_vault ? j->to.medium : j->from[0].medium;
	for (size_t i = 0; i < j->from_count; i++) {
		const struct word *w = &j->from[i];

		if (w->inside == j->into_vault)
			return cli_usage("%s",
					 _("one side is a place in a vault (MEDIUM:/PATH), the "
					   "other one on this computer"));
		if (w->inside && strcmp(w->medium, j->medium) != 0)
			return cli_usage("%s", _("everything comes out of the same vault"));
	}
	return OK;
}

static enum err parse_job(const struct cli *cli, struct job *j)
{
	size_t count = cli_argument_count(cli) - 1;

	j->from = calloc(count, sizeof(*j->from));
	if (!j->from)
		return ERR_NOMEM;
	for (; j->from_count < count; j->from_count++)
		TRY(parse_word(cli_argument(cli, j->from_count), &j->from[j->from_count]));
	TRY(parse_word(cli_argument(cli, count), &j->to));
	return check_sides(j);
}

/* ---- naming the target ------------------------------------------------------------------------
 */

/* The last name of a path, as far as it has one: "/", "." and ".." mean the content. malloc'd "".
 */
static char *last_name(const char *path)
{
	size_t end = strlen(path), begin;

	while (end > 0 && path[end - 1] == '/')
		end--;
	begin = end;
	while (begin > 0 && path[begin - 1] != '/')
		begin--;
	if ((end - begin == 1 && path[begin] == '.') ||
	    (end - begin == 2 && !strncmp(path + begin, "..", 2)))
		begin = end;
	return strndup(path + begin, end - begin);
}

static char *without_slashes(const char *path)
{
	size_t end = strlen(path);

	while (end > 1 && path[end - 1] == '/')
		end--;
	return strndup(path, end);
}

static bool is_dir_at(struct side *s, const char *path)
{
	struct side_attr attr;

	return s->ops->stat(s, path, &attr) == OK && S_ISDIR(attr.mode);
}

/* On this computer a link to a folder is as good as the folder. */
static bool target_is_dir(struct copy *c, const struct job *j, const char *path)
{
	struct stat st;

	if (j->into_vault)
		return is_dir_at(c->to, path);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* As cp does it: into a folder that is there, else under the name given. "x/" is a folder, there or
 * to be made. */
static enum err copy_word(struct copy *c, const struct job *j, const struct word *w)
{
	CLEANUP(mem_freep) char *name = last_name(w->path);
	CLEANUP(mem_freep) char *from = NULL;
	CLEANUP(mem_freep) char *plain = without_slashes(j->to.path);
	CLEANUP(mem_freep) char *target = NULL;
	bool is_dir, slash;

	if (w->inside)
		TRY(inside_normal(w->path, &from));
	else
		from = without_slashes(w->path);
	if (!name || !from || !plain)
		return ERR_NOMEM;
	is_dir = target_is_dir(c, j, plain);
	slash = strcmp(plain, j->to.path) != 0;
	if (!is_dir && (j->from_count > 1 || (slash && !is_dir_at(c->from, from))))
		return err_at(ERR_NOT_DIR, "%s", j->to.path);
	target = is_dir && *name ? io_path_join(plain, name) : strdup(plain);
	if (!target)
		return ERR_NOMEM;
	return j->from_count == 1 ? copy_one(c, from, target) : copy_item(c, from, target);
}

static enum err copy_all(struct copy *c, const struct job *j)
{
	for (size_t i = 0; i < j->from_count; i++)
		copy_measure(c, j->from[i].path);
	for (size_t i = 0; i < j->from_count; i++)
		TRY(copy_word(c, j, &j->from[i]));
	if (c->failed)
		return err_at(c->worst,
			      ngettext("%llu thing was not copied", "%llu things were not copied",
				       c->failed),
			      (unsigned long long)c->failed);
	return OK;
}

/* ---- doing ------------------------------------------------------------------------------------
 */

static enum err tell(struct cli *cli, const struct copy *c, const char *label)
{
	char size[32];

	out_size(c->bytes, size);
	if (c->files)
		out_say(cli,
			ngettext("%llu file copied, %s (%s).", "%llu files copied, %s (%s).",
				 c->files),
			(unsigned long long)c->files, size, label);
	return out_json(cli, "result",
			json_pack("{s:o,s:I,s:I,s:I}", "label", out_json_text(label), "files",
				  (json_int_t)c->files, "bytes", (json_int_t)c->bytes, "failed",
				  (json_int_t)c->failed));
}

static enum err work(struct cli *cli, const struct job *j, struct visit *v)
{
	CLEANUP(side_freep) struct side *local = NULL;
	CLEANUP(side_freep) struct side *inside = NULL;
	CLEANUP(copy_clear) struct copy c = {0};
	enum err err, recorded, told;

	TRY(side_local_new(&local));
	TRY(side_vault_new(v->vault, &inside));
	TRY(copy_init(&c, cli, j->into_vault ? local : inside, j->into_vault ? inside : local,
		      cli_has(cli, OPT_RECURSIVE)));
	err = copy_all(&c, j);
	progress_end(&c.progress);
	recorded =
		visit_record(v, j->into_vault ? AUDIT_WRITE : AUDIT_EXPORT, err, c.files, c.bytes);
	told = tell(cli, &c, v->facts.label);
	if (recorded != OK)
		return worse(err, recorded);
	return err != OK ? err : told;
}

static enum err run(struct cli *cli)
{
	CLEANUP(job_clear) struct job job = {0};
	struct visit v;

	TRY(parse_job(cli, &job));
	TRY(visit_begin(cli, job.medium, !job.into_vault, &v));
	interrupt_watch();
	return visit_end(&v, work(cli, &job, &v));
}

const struct verb verb_cp = {
	.name = "cp",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "[-r] FROM... TO",
	.summary = N_("copy into a vault or out of it, without mounting"),
	.about = N_("A place in a vault is written MEDIUM:/PATH. Files with the same name are "
		    "replaced, "
		    "but a file only gets its name when all of it was copied and verified: what is "
		    "damaged is told, skipped, and the exit code is 20."),
	.examples = {{"cp list.csv OSAKA-03:/2026/", N_("into the vault")},
		     {"cp OSAKA-03:/2026/list.csv .", N_("out of it")},
		     {"cp -r OSAKA-03:/ out", N_("everything in it, into the folder \"out\"")}},
	.options = OPT_BIT(OPT_RECURSIVE) | OPT_BIT(OPT_PURPOSE) | OPT_BIT(OPT_KEY),
	.min = 2,
	.max = 100000,
};

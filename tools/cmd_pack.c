/* vault pack: one sealed, signed file for named people. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "pack/count.h"
#include "pack/frames.h"
#include "pack/transfer.h"
#include "tools/catalogue.h"
#include "tools/interrupt.h"
#include "tools/output.h"
#include "tools/plugins.h"
#include "tools/progress.h"
#include "tools/recipients.h"
#include "tools/unlock.h"
#include "tools/verbs.h"

#define LEVEL 3

struct packing {
	struct cli *cli;
	struct progress progress;
	struct age_plugin_host plugins;
	struct receivers to;
	struct pack_source *sources; /* owned, with the names in it */
	size_t source_count;
	struct pack_count *count; /* NULL: pack_make counts */
	struct secret *passphrase;
	struct pack_manifest manifest; /* borrows `to` */
	int level;
};

static void packing_clear(struct packing *p)
{
	pack_count_free(p->count);
	for (size_t i = 0; i < p->source_count; i++)
		free((char *)p->sources[i].name);
	free(p->sources);
	receivers_clear(&p->to);
	secret_free(p->passphrase);
}

/* ---- what was asked for ------------------------------------------------------------------- */

/* The last part of a path, as tar would call it; "." and ".." by what they stand for. */
static char *name_of(const char *path)
{
	char *full = NULL, *name, *end;

	if (!strcmp(path, ".") || !strcmp(path, ".."))
		full = realpath(path, NULL);
	name = strdup(full ? full : path);
	free(full);
	if (!name)
		return NULL;
	end = name + strlen(name);
	while (end > name + 1 && end[-1] == '/')
		*--end = '\0';
	end = strrchr(name, '/');
	if (end && end[1])
		memmove(name, end + 1, strlen(end + 1) + 1);
	return name;
}

/* "-" is standard input; a file of that name is "./-". */
static enum err read_source(struct cli *cli, const char *path, struct pack_source *ret)
{
	bool is_stream = !strcmp(path, "-");
	const char *name = cli_value(cli, OPT_STREAM_NAME);

	*ret = (struct pack_source){.path = path, .is_stream = is_stream, .fd = STDIN_FILENO};
	ret->name = is_stream ? strdup(name ? name : "stdin") : name_of(path);
	if (is_stream && cli->passphrase_fd == STDIN_FILENO)
		return cli_usage("%s", _("standard input gives either the passphrase or what is "
					 "packed"));
	return ret->name ? OK : ERR_NOMEM;
}

static enum err check_streams(struct cli *cli, const struct packing *p)
{
	size_t streams = 0;

	for (size_t i = 0; i < p->source_count; i++)
		streams += p->sources[i].is_stream;
	if (streams > 1)
		return cli_usage("%s", _("standard input (-) can be packed once"));
	if (streams == 0 && cli_value(cli, OPT_STREAM_NAME))
		return cli_usage("%s", _("--name is for standard input (-)"));
	return OK;
}

static enum err read_sources(struct cli *cli, struct packing *p)
{
	size_t count = cli_argument_count(cli);

	p->sources = calloc(count, sizeof(*p->sources));
	if (!p->sources)
		return ERR_NOMEM;
	for (size_t i = 0; i < count; i++)
		TRY(read_source(cli, cli_argument(cli, i), &p->sources[p->source_count++]));
	return check_streams(cli, p);
}

static enum err read_catalogue_words(struct cli *cli, struct pack_manifest *m)
{
	CLEANUP(catalogue_clear) struct catalogue c = {0};
	const char *category = cli_value(cli, OPT_PACK_CATEGORY);
	const char *purpose = cli_value(cli, OPT_PACK_PURPOSE);

	if (!category && !purpose)
		return OK;
	TRY(catalogue_in_force(cli, &c));
	if (category && catalogue_check_category(&c, category) != OK)
		return catalogue_unknown_id(cli, &c, category);
	if (purpose && catalogue_check_purpose(&c, purpose) != OK)
		return catalogue_unknown_id(cli, &c, purpose);
	text_copy(m->category, sizeof(m->category), category ? category : "");
	text_copy(m->purpose, sizeof(m->purpose), purpose ? purpose : "");
	return OK;
}

static enum err read_number(const char *text, long max, const char *what, int64_t *ret)
{
	char *end = NULL;
	long value = strtol(text, &end, 10);

	if (end == text || *end || value < 0 || value > max)
		return cli_usage(_("%s: \"%s\" is no number from 0 to %ld"), what, text, max);
	*ret = value;
	return OK;
}

static enum err read_wishes(struct cli *cli, struct packing *p)
{
	const char *persons = cli_value(cli, OPT_PERSONS), *expires = cli_value(cli, OPT_EXPIRES);
	const char *compress = cli_value(cli, OPT_COMPRESS);
	int64_t level = LEVEL;

	p->manifest.persons = -1;
	if (persons)
		TRY(read_number(persons, 100000000, "--persons", &p->manifest.persons));
	if (expires && !pack_date_is_valid(expires))
		return cli_usage(_("--expires: \"%s\" is no day like 2026-12-31"), expires);
	text_copy(p->manifest.expires, sizeof(p->manifest.expires), expires ? expires : "");
	if (compress && strcmp(compress, "none") != 0) {
		TRY(read_number(compress, FRAMES_LEVEL_MAX, "--compress", &level));
		if (level == 0)
			return cli_usage("%s", _("--compress takes 1 to 19, or none"));
	}
	p->level = compress && !strcmp(compress, "none") ? 0 : (int)level;
	return read_catalogue_words(cli, &p->manifest);
}

static enum err read_receivers(struct cli *cli, struct packing *p)
{
	bool passphrase = cli_has(cli, OPT_SHARED_PASSPHRASE);
	size_t count;

	plugins_host(cli, &p->plugins);
	TRY(receivers_read(cli, &p->plugins, &p->to));
	count = p->to.people.count + p->to.other_count;
	if (passphrase && count > 0)
		return cli_usage("%s", _("either --to or --passphrase, not both"));
	if (!passphrase && count == 0)
		return cli_usage("%s", _("say who is to open it: --to RECIPIENT or --to NAME"));
	p->manifest.to = p->to.people.list;
	p->manifest.to_count = p->to.people.count;
	p->manifest.others = (char **)p->to.texts;
	p->manifest.other_count = p->to.other_count;
	p->manifest.passphrase = passphrase;
	return OK;
}

/* ---- doing it ------------------------------------------------------------------------------- */

static enum err tell_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct packing *p = ctx;

	p->progress.total = total;
	progress_set(&p->progress, done);
	return interrupt_seen() ? err_at(ERR_INTERRUPTED, "%s", "") : OK;
}

static enum err tell(struct packing *p, const struct pack_made *made, const char *out)
{
	char size[32], id[2 * PACK_ID_LEN + 1], sum[2 * SHA256_LEN + 1];

	out_size(made->length, size);
	text_hex(p->manifest.id, PACK_ID_LEN, id);
	text_hex(made->sha256, SHA256_LEN, sum);
	out_say(p->cli,
		ngettext("%s: %llu file sealed and signed, %s.",
			 "%s: %llu files sealed and signed, %s.", made->files),
		out, (unsigned long long)made->files, size);
	return out_json(p->cli, "result",
			json_pack("{s:o,s:s,s:s,s:I,s:I,s:I,s:I}", "path", out_json_text(out),
				  "pack", id, "sha256", sum, "entries", (json_int_t)made->entries,
				  "files", (json_int_t)made->files, "bytes",
				  (json_int_t)made->bytes, "length", (json_int_t)made->length));
}

static enum err pack(struct cli *cli, struct packing *p, const struct pack_actor *actor)
{
	struct age_to to = {.recipients = p->to.people.list,
			    .count = p->to.people.count,
			    .wrappers = p->to.wrappers,
			    .wrapper_count = p->to.other_count,
			    .passphrase = p->passphrase,
			    .armor = cli_has(cli, OPT_ARMOR)};
	struct pack_new what = {.to = &to,
				.manifest = &p->manifest,
				.sources = p->sources,
				.source_count = p->source_count,
				.count = p->count,
				.out = cli_value(cli, OPT_PACK_OUTPUT),
				.level = p->level,
				.progress = tell_progress,
				.ctx = p};
	struct pack_made made;
	enum err err;

	interrupt_watch();
	progress_begin(&p->progress, cli, _("packing"), 0);
	err = pack_send(actor, &what, &made);
	progress_end(&p->progress);
	TRY(err);
	return tell(p, &made, what.out);
}

/* Unlocking a key takes as long as looking at many files. What takes longer, such as a person who
 * types or a stream that is read first, leaves time for changes: then it is counted afterwards. */
static enum err begin_count(struct cli *cli, struct packing *p)
{
	if (cli->passphrase_fd < 0 || p->manifest.passphrase)
		return OK;
	for (size_t i = 0; i < p->source_count; i++)
		if (p->sources[i].is_stream)
			return OK;
	return pack_count_new(p->sources, p->source_count, &p->count);
}

static enum err run(struct cli *cli)
{
	CLEANUP(packing_clear) struct packing p = {.cli = cli};
	struct vault_actor actor;

	if (!cli_value(cli, OPT_PACK_OUTPUT))
		return cli_usage("%s", _("say what the pack is to be called: -o FILE"));
	TRY(read_sources(cli, &p));
	TRY(read_wishes(cli, &p));
	TRY(read_receivers(cli, &p));
	TRY(begin_count(cli, &p));
	TRY(cli_actor(cli, NULL, &actor));
	if (p.manifest.passphrase)
		TRY(unlock_ask_new(cli, cli_value(cli, OPT_PACK_OUTPUT), &p.passphrase));
	return pack(cli, &p,
		    &(struct pack_actor){actor.home, actor.identity, actor.name, actor.recorder});
}

const struct verb verb_pack = {
	.name = "pack",
	.group = GROUP_EVERY_DAY,
	.run = run,
	.words = "FILE... --to RECIPIENT|NAME|LIST... -o FILE",
	.summary = N_("one sealed, signed file for named people"),
	.about =
		N_("Signed with your staff key. Who has no such program opens a pack with age, "
		   "zstd and "
		   "tar. It appears under its name when it is complete, never before, and replaces "
		   "nothing."),
	.examples = {{"pack receipts/ --to age1... -o r.tar.zst.age", N_("for one person")},
		     {"pack a.csv --to sato --to yamada -o a.tar.zst.age",
		      N_("by name (see \"staff add\")")}},
	.options = OPT_BIT(OPT_TO) | OPT_BIT(OPT_PACK_OUTPUT) | OPT_BIT(OPT_STREAM_NAME) |
		   OPT_BIT(OPT_PACK_CATEGORY) | OPT_BIT(OPT_PACK_PURPOSE) | OPT_BIT(OPT_PERSONS) |
		   OPT_BIT(OPT_EXPIRES) | OPT_BIT(OPT_COMPRESS) | OPT_BIT(OPT_ARMOR) |
		   OPT_BIT(OPT_SHARED_PASSPHRASE) | OPT_BIT(OPT_KEY),
	.min = 1,
	.max = 1000000,
};
